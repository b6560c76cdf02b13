"""YOLOX-nano in PyTorch, and what we add: a head that says what a picture holds at all.

The COCO weights have batch norm folded into the convolutions. The modules are declared in the
order in which they run, because the ONNX file that holds the starting weights lists its
convolutions in that order and they are loaded one by one.
Network after Ge and others, "YOLOX: Exceeding YOLO Series in 2021"; weights by Megvii, Apache-2.0.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from jaxtyping import Float32, UInt8
from onnx import numpy_helper
from torch import Tensor, nn

from models.training.classes import COCO_ROWS, HAZARDS, STRIDES_PX
from models.training.evaluate import Predict

COCO_CLASSES = 80


class Conv(nn.Module):
    """A convolution with bias, then SiLU; while training, batch norm between (``norm.py``)."""

    def __init__(self, into: int, out: int, size: int = 1, stride: int = 1, groups: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(into, out, size, stride, (size - 1) // 2, groups=groups)
        self.norm: nn.Module = nn.Identity()
        self.activation: nn.Module = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        """Keep the layout, change channels ``into`` to ``out``."""
        return self.activation(self.norm(self.conv(x)))


def depthwise(into: int, out: int, stride: int = 1) -> nn.Sequential:
    """Build a 3x3 depthwise and a 1x1 pointwise convolution, each with its activation."""
    return nn.Sequential(Conv(into, into, 3, stride, groups=into), Conv(into, out))


class Bottleneck(nn.Module):
    """1x1 then 3x3 depthwise, with or without a shortcut."""

    def __init__(self, width: int, *, shortcut: bool):
        super().__init__()
        self.body = nn.Sequential(Conv(width, width), depthwise(width, width))
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape."""
        return self.body(x) + x if self.shortcut else self.body(x)


class Stage(nn.Module):
    """A cross-stage-partial layer: half of the width goes through the bottlenecks."""

    def __init__(self, into: int, out: int, depth: int, *, shortcut: bool = True):
        super().__init__()
        half = out // 2
        self.main = Conv(into, half)
        self.side = Conv(into, half)
        self.blocks = nn.Sequential(*(Bottleneck(half, shortcut=shortcut) for _ in range(depth)))
        self.join = Conv(2 * half, out)

    def forward(self, x: Tensor) -> Tensor:
        """Change channels ``into`` to ``out``."""
        side = self.side(x)
        return self.join(torch.cat((self.blocks(self.main(x)), side), dim=1))


class Pyramid(nn.Module):
    """Pools of 5, 9 and 13 cells beside the input."""

    def __init__(self, width: int):
        super().__init__()
        self.shrink = Conv(width, width // 2)
        self.pools = nn.ModuleList(nn.MaxPool2d(size, 1, size // 2) for size in (5, 9, 13))
        self.join = Conv(width * 2, width)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape."""
        x = self.shrink(x)
        return self.join(torch.cat((x, *(pool(x) for pool in self.pools)), dim=1))


class Backbone(nn.Module):
    """CSPDarknet at width 0.25: features at strides 8, 16 and 32 px."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Conv(12, 16, 3)
        self.whole: nn.Conv2d | None = None
        self.dark2 = nn.Sequential(depthwise(16, 32, 2), Stage(32, 32, 1))
        self.dark3 = nn.Sequential(depthwise(32, 64, 2), Stage(64, 64, 3))
        self.dark4 = nn.Sequential(depthwise(64, 128, 2), Stage(128, 128, 3))
        self.dark5 = nn.Sequential(
            depthwise(128, 256, 2), Pyramid(256), Stage(256, 256, 1, shortcut=False)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Take BGR 0-255 [b 3 h w]; return features of 64, 128 and 256 channels."""
        x = self.stem(_quartered(x)) if self.whole is None else self.stem.activation(self.whole(x))
        at8 = self.dark3(self.dark2(x))
        at16 = self.dark4(at8)
        return at8, at16, self.dark5(at16)

    def join_stem(self) -> None:
        """Make the stem one convolution of the whole picture, which gives the same.

        Four strided slices of a big picture cost a tenth of a look. Batch norm must be folded.
        """
        three = self.stem.conv
        six = nn.Conv2d(3, three.out_channels, 6, 2, 2)
        with torch.no_grad():
            for quarter, (row, column) in enumerate(QUARTERS):
                part = three.weight[:, 3 * quarter : 3 * quarter + 3]
                six.weight[:, :, row::2, column::2] = part
            six.bias.copy_(three.bias)
        self.whole = six.to(three.weight.device)


QUARTERS = ((0, 0), (1, 0), (0, 1), (1, 1))
"""Rows and columns at which YOLOX's "focus" begins to take every other pixel, in its order."""


def _quartered(x: Tensor) -> Tensor:
    """Return [b 12 h/2 w/2]: each pixel's neighbours right and below become channels."""
    return torch.cat([x[..., row::2, column::2] for row, column in QUARTERS], dim=1)


class Neck(nn.Module):
    """The path-aggregation network: coarse features down to the fine ones and back up."""

    def __init__(self) -> None:
        super().__init__()
        self.lateral32 = Conv(256, 128)
        self.down16 = Stage(256, 128, 1, shortcut=False)
        self.lateral16 = Conv(128, 64)
        self.down8 = Stage(128, 64, 1, shortcut=False)
        self.shrink8 = depthwise(64, 64, 2)
        self.up16 = Stage(128, 128, 1, shortcut=False)
        self.shrink16 = depthwise(128, 128, 2)
        self.up32 = Stage(256, 256, 1, shortcut=False)

    def forward(self, at8: Tensor, at16: Tensor, at32: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Keep the three shapes."""
        lateral32 = self.lateral32(at32)
        at16 = self.down16(torch.cat((_doubled(lateral32), at16), dim=1))
        lateral16 = self.lateral16(at16)
        out8 = self.down8(torch.cat((_doubled(lateral16), at8), dim=1))
        out16 = self.up16(torch.cat((self.shrink8(out8), lateral16), dim=1))
        out32 = self.up32(torch.cat((self.shrink16(out16), lateral32), dim=1))
        return out8, out16, out32


def _doubled(x: Tensor) -> Tensor:
    return nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")


class Head(nn.Module):
    """The decoupled head of one level."""

    def __init__(self, into: int, classes: int):
        super().__init__()
        self.stem = Conv(into, 64)
        self.class_tower = nn.Sequential(depthwise(64, 64), depthwise(64, 64))
        self.classes = nn.Conv2d(64, classes, 1)
        self.box_tower = nn.Sequential(depthwise(64, 64), depthwise(64, 64))
        self.box = nn.Conv2d(64, 4, 1)
        self.objectness = nn.Conv2d(64, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return [b a 5+classes]: raw cx cy w h, then logits of objectness and classes."""
        x = self.stem(x)
        by_class, by_box = self.class_tower(x), self.box_tower(x)
        parts = (self.box(by_box), self.objectness(by_box), self.classes(by_class))
        return torch.cat(parts, dim=1).flatten(2).transpose(1, 2)


class Presence(nn.Module):
    """Whether the picture holds each hazard at all, judged by all of it at once.

    A lamp looks like a flame in its own box and not in its picture. Means tell the scene, maxima
    that something small is there.
    """

    def __init__(self, widths: tuple[int, ...], hazards: int):
        super().__init__()
        self.hidden = nn.Linear(2 * sum(widths), 64)
        self.logits = nn.Linear(64, hazards)

    def forward(self, levels: tuple[Tensor, ...]) -> Float32[Tensor, "b hazards"]:
        """Return a logit for each hazard."""
        pooled = [pool(each) for each in levels for pool in (_mean, _most)]
        return self.logits(nn.functional.relu(self.hidden(torch.cat(pooled, dim=1))))


def _mean(level: Tensor) -> Tensor:
    return level.mean((2, 3))


def _most(level: Tensor) -> Tensor:
    return level.amax((2, 3))


WIDTHS = (64, 128, 256)
"""Channels of the three levels that the heads see."""


class YoloxNano(nn.Module):
    """The network as published: 0.9 M parameters, three levels."""

    def __init__(self, classes: int):
        super().__init__()
        self.backbone = Backbone()
        self.neck = Neck()
        self.heads = nn.ModuleList(Head(width, classes) for width in WIDTHS)

    def forward(self, x: Tensor) -> Tensor:
        """Take BGR 0-255 [b 3 h w]; return [b a 5+classes], anchors by stride, row-major."""
        return self._boxes(self.neck(*self.backbone(x)))

    def _boxes(self, levels: tuple[Tensor, ...]) -> Tensor:
        return torch.cat([head(level) for head, level in zip(self.heads, levels, strict=True)], 1)


class HazardNet(YoloxNano):
    """YOLOX-nano with our classes and the presence head."""

    def __init__(self) -> None:
        super().__init__(len(COCO_ROWS))
        self.presence = Presence(WIDTHS, len(HAZARDS))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return boxes as ``YoloxNano`` does, and the logits of presence [b hazards]."""
        levels = self.neck(*self.backbone(x))
        return self._boxes(levels), self.presence(levels)


PRESENCE_POWER = 2
"""How much more than the box the whole picture says. On two sets that a training was kept from 1
found .50 and .94 of the pictures, 2 found .65 and .94, at as many false alarms on roads."""


class Exported(nn.Module):
    """What the pack's ``model.onnx`` holds: bytes in, probabilities out.

    The class columns hold whole scores, and objectness is 1: for a vehicle objectness times class,
    for a hazard that times its presence to a power. A hazard's odds are then divided by those of
    its threshold, so that this comes to lie at 0.5 and one number cuts all hazards alike.
    """

    def __init__(
        self,
        network: HazardNet,
        thresholds: tuple[float, ...] = (0.5,) * len(HAZARDS),
        *,
        presence: bool = True,
    ):
        super().__init__()
        self.network, self.presence = network, presence
        gains = torch.ones(len(COCO_ROWS))
        for hazard, threshold in zip(HAZARDS, thresholds, strict=True):
            gains[hazard] = (1 - threshold) / threshold
        self.register_buffer("gains", gains)

    def forward(self, pixels: UInt8[Tensor, "b h w 3"]) -> Float32[Tensor, "b a c"]:
        """Return raw cx cy w h, then objectness and class probabilities 0-1."""
        raw, presence = self.network(pixels.permute(0, 3, 1, 2).float())
        things = len(COCO_ROWS) - len(HAZARDS)
        score = raw[..., 4:5].sigmoid() * raw[..., 5:].sigmoid()
        if self.presence:
            there = presence.sigmoid() ** PRESENCE_POWER
            score = score * nn.functional.pad(there, (0, things), value=1.0)[:, None]
        score = self.gains * score / (1 + (self.gains - 1) * score)
        return torch.cat((raw[..., :4], torch.ones_like(raw[..., 4:5]), score), dim=-1)


def predictor(network: HazardNet, *, presence: bool = True) -> Predict:
    """Return the network as a function of NumPy pictures, with hazards' own scores.

    Without ``presence`` boxes are scored by what is in them alone, to see what it buys.
    """
    model = Exported(network, presence=presence).eval()
    device = next(network.parameters()).device

    def predict(pixels: UInt8[np.ndarray, "b h w 3"]) -> Float32[np.ndarray, "b a c"]:
        with torch.inference_mode():
            return model(torch.from_numpy(pixels).to(device)).cpu().numpy()

    return predict


def coco_network(weights: Path) -> YoloxNano:
    """Return the COCO network with 80 classes, its convolutions loaded in execution order."""
    graph = onnx.load(weights).graph
    stored = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    inputs = [node.input for node in graph.node if node.op_type == "Conv"]
    network = YoloxNano(COCO_CLASSES)
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    with torch.no_grad():
        for conv, (_, weight, bias) in zip(convolutions, inputs, strict=True):
            conv.weight.copy_(torch.from_numpy(stored[weight].copy()))
            conv.bias.copy_(torch.from_numpy(stored[bias].copy()))
    return network


def hazard_network(weights: Path) -> HazardNet:
    """Return the network with our classes, COCO's rows reused and the rest set to their mean.

    Its activations are still SiLU: ``hardened`` changes them once batch norms hold their moments.
    """
    coco = coco_network(weights)
    ours = HazardNet()
    kept = {k: v for k, v in coco.state_dict().items() if ".classes." not in k}
    ours.load_state_dict(kept, strict=False)
    with torch.no_grad():
        for mine, theirs in zip(ours.heads, coco.heads, strict=True):
            for row, coco_row in enumerate(COCO_ROWS):
                source = slice(None) if coco_row is None else slice(coco_row, coco_row + 1)
                mine.classes.weight[row] = theirs.classes.weight[source].mean(0)
                mine.classes.bias[row] = theirs.classes.bias[source].mean(0)
    return ours


def hardened(network: HazardNet) -> None:
    """Put hard swish in SiLU's place, everywhere: nearly the same curve without exponentials.

    On a CPU these take a third of the network's time. ReLU would be a sixth cheaper again, but
    makes COCO's weights start nearly from nothing.
    """
    for module in network.modules():
        if isinstance(module, Conv):
            module.activation = nn.Hardswish()


def anchor_grid(height_px: int, width_px: int) -> Float32[np.ndarray, "a 3"]:
    """Return column, row (in cells) and stride (px) of every anchor, in the output's order."""
    rows = []
    for stride in STRIDES_PX:
        y, x = np.mgrid[: height_px // stride, : width_px // stride]
        rows.append(np.stack((x.ravel(), y.ravel(), np.full(x.size, stride)), axis=1))
    return np.concatenate(rows).astype(np.float32)
