"""Batch norm for the time of training.

The COCO weights come with it folded away, and without it fine-tuning is slow and forgets: after
60 steps of 16 pictures the loss was 7.6 without and 6.3 with it. So each convolution gets one
that changes nothing at first (its gain and shift are the statistics it measured), and loses it
again before export.
"""

import copy
from collections.abc import Iterable

import torch
from jaxtyping import Float64, UInt8
from torch import Tensor, nn

from models.training.network import Conv, HazardNet

EPSILON = 1e-3
MOMENTUM = 0.03
"""Both as in YOLOX."""


class _Moments:
    """Count, sum and sum of squares of a convolution's output, by channel."""

    def __init__(self) -> None:
        self.count = 0
        self.total: Float64[Tensor, "c"] | float = 0.0
        self.squares: Float64[Tensor, "c"] | float = 0.0

    def __call__(self, _module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self.count += output.numel() // output.shape[1]
        self.total = self.total + output.sum((0, 2, 3)).double()
        self.squares = self.squares + output.square().sum((0, 2, 3)).double()

    def norm(self) -> nn.BatchNorm2d:
        """Return the batch norm that leaves output with these moments as it is."""
        mean = torch.as_tensor(self.total) / self.count
        variance = torch.as_tensor(self.squares) / self.count - mean.square()
        norm = nn.BatchNorm2d(len(mean), eps=EPSILON, momentum=MOMENTUM)
        with torch.no_grad():
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)
            norm.weight.copy_((variance + EPSILON).sqrt())
            norm.bias.copy_(mean)
        return norm


def unfold(network: HazardNet, batches: Iterable[UInt8[Tensor, "b h w 3"]]) -> None:
    """Give every activated convolution a batch norm fitted to ``batches``, in place."""
    blocks = [module for module in network.modules() if isinstance(module, Conv)]
    moments = [_Moments() for _ in blocks]
    hooks = [b.conv.register_forward_hook(m) for b, m in zip(blocks, moments, strict=True)]
    network.eval()
    with torch.inference_mode():
        for pixels in batches:
            network(pixels.permute(0, 3, 1, 2).float())
    for hook in hooks:
        hook.remove()
    for block, moment in zip(blocks, moments, strict=True):
        block.norm = moment.norm()


def folded(network: HazardNet) -> HazardNet:
    """Return a copy on the CPU whose convolutions do what theirs and the batch norm did."""
    plain = copy.deepcopy(network).cpu().eval()
    for block in plain.modules():
        if isinstance(block, Conv) and isinstance(block.norm, nn.BatchNorm2d):
            norm = block.norm
            gain = norm.weight / (norm.running_var + norm.eps).sqrt()
            with torch.no_grad():
                block.conv.weight.mul_(gain[:, None, None, None])
                block.conv.bias.copy_((block.conv.bias - norm.running_mean) * gain + norm.bias)
            block.norm = nn.Identity()
    return plain
