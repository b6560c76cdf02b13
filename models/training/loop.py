"""The training loop: seeded, resumable after any epoch, with an averaged copy of the weights."""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from models.training.classes import INPUT_SIZE_PX
from models.training.loss import Batch, Loss
from models.training.mixing import CLOSING, MIXED, Mixer, Recipe
from models.training.network import HazardNet, hardened
from models.training.norm import unfold
from models.training.place import Sample, presence

CLOSING_SHARE = 0.2
"""Of the epochs, at the end, without mosaics: the product sees none."""
SMALL_SHARE = 0.5
"""Of the epochs, at the beginning, on smaller samples: more pictures an hour, and more sizes."""
SMALL_SIZE_PX = (224, 384)
PEAK_RATE = 5e-4
SECOND_PEAK_RATE = 3e-4
"""Of the second course, which begins with a network that knows its work."""
LAST_RATE = 1e-5
BACKBONE_SHARE = 0.4
"""The backbone learns slower: what it knows of vehicles and people is to stay."""
WARM_UP_STEPS = 100
AVERAGE_DECAY = 0.998
MEASURED = 96
GRADIENT_NORM = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and how to train."""

    epochs: int
    """Passes of ``samples`` samples."""
    samples: int
    """Samples an epoch."""
    batch: int
    """Samples a step."""
    device: str
    """``cpu`` or ``cuda``."""
    loaders: int
    """Processes that make samples."""
    size_px: tuple[int, int] = INPUT_SIZE_PX
    """Height and width of the last epochs' samples; the first are small."""
    second: int = 0
    """Epochs of a second course: the rate rises once more (SGDR, arXiv 1608.03983), no sample is
    small."""

    @property
    def whole(self) -> int:
        """Epochs of both courses."""
        return self.epochs + self.second

    def course(self, epoch: int) -> tuple[int, int]:
        """Return the epoch (from 0) within its course, and the course's length."""
        return (epoch, self.epochs) if epoch < self.epochs else (epoch - self.epochs, self.second)


def recipe(epoch: int, plan: Plan) -> Recipe:
    """Return how the samples of an epoch (from 0) are made."""
    done, length = plan.course(epoch)
    closing = done >= length - round(length * CLOSING_SHARE)
    small = epoch < plan.epochs * SMALL_SHARE
    return replace(CLOSING if closing else MIXED, size_px=SMALL_SIZE_PX if small else plan.size_px)


class _Epoch(Dataset[Sample]):
    """The samples of one epoch, made on demand."""

    def __init__(self, mixer: Mixer, epoch: int, plan: Plan):
        self._mixer, self._epoch, self._length = mixer, epoch, plan.samples
        self._recipe = recipe(epoch, plan)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Sample:
        return self._mixer.sample(self._epoch, index, self._recipe)


def _single_thread(_: int) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def batched(samples: list[Sample]) -> tuple[UInt8[Tensor, "b h w 3"], Batch]:
    """Stack samples; pixels stay bytes until they are on the device."""
    pixels = torch.stack([torch.from_numpy(each.pixels) for each in samples])
    there, told = zip(*(presence(each) for each in samples), strict=True)
    return pixels, Batch(
        boxes=[torch.from_numpy(each.boxes) for each in samples],
        labels=[torch.from_numpy(each.labels) for each in samples],
        known=torch.stack([torch.from_numpy(each.known) for each in samples]),
        there=torch.from_numpy(np.stack(there)),
        told=torch.from_numpy(np.stack(told)),
    )


class Trainer:
    """Holds the network, its average and the optimiser between epochs."""

    def __init__(self, network: HazardNet, plan: Plan, mixer: Mixer):
        self._device = torch.device(plan.device)
        unfold(network, _first_pixels(mixer))
        hardened(network)
        self._plan, self._mixer = plan, mixer
        self.network = network.to(self._device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network).eval()
        self._optimiser = _optimiser(self.network)
        self.epoch = 0

    def steps(self) -> Iterator[Float32[Tensor, ""]]:
        """Train one epoch; yield the loss after each step."""
        self.network.train()
        loader = DataLoader(
            _Epoch(self._mixer, self.epoch, self._plan),
            batch_size=self._plan.batch,
            num_workers=self._plan.loaders,
            collate_fn=batched,
            worker_init_fn=_single_thread,
            drop_last=True,
        )
        for index, (pixels, batch) in enumerate(loader):
            self._set_rate(index, len(loader))
            yield self._step(pixels, batch, self.epoch * len(loader) + index)
        self.epoch += 1

    def _step(self, pixels: Tensor, batch: Batch, step: int) -> Tensor:
        images = pixels.to(self._device).permute(0, 3, 1, 2).float()
        raw, presence = self.network(images.contiguous(memory_format=torch.channels_last))
        size_px = (pixels.shape[1], pixels.shape[2])
        loss = _loss(self._device, size_px)(raw, presence, _moved(batch, self._device))
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_NORM)
        self._optimiser.step()
        self._follow(step)
        return loss.detach()

    def _set_rate(self, index: int, steps: int) -> None:
        """Warm up, then follow half a cosine, in each course. ``index`` is a step of the epoch."""
        done, length = self._plan.course(self.epoch)
        step, total = done * steps + index, length * steps
        cosine = (1 + math.cos(math.pi * min(1.0, step / total))) / 2
        peak = PEAK_RATE if self.epoch < self._plan.epochs else SECOND_PEAK_RATE
        rate = LAST_RATE + (peak - LAST_RATE) * cosine
        for group in self._optimiser.param_groups:
            group["lr"] = group["share"] * rate * min(1.0, (step + 1) / WARM_UP_STEPS)

    def _follow(self, step: int) -> None:
        decay = AVERAGE_DECAY * (1 - math.exp(-(step + 1) / WARM_UP_STEPS))
        with torch.no_grad():
            states = self.average.state_dict(), self.network.state_dict()
            for mean, current in zip(*(state.values() for state in states), strict=True):
                if mean.is_floating_point():
                    mean.lerp_(current, 1 - decay)

    def save(self, path: Path, made_by: str) -> None:
        """Write what ``resume`` needs, whole or not at all; ``made_by`` names the run."""
        state = {
            "made_by": made_by,
            "epoch": self.epoch,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    def resume(self, path: Path, made_by: str) -> None:
        """Go on where ``save`` left off. Raises ``ValueError`` if that was another run."""
        state = torch.load(path, map_location=self._device, weights_only=True)
        if state["made_by"] != made_by or state["epoch"] > self._plan.whole:
            raise ValueError(
                f"{path} is of another run ({state['made_by']}, {state['epoch']} epochs), this is "
                f"{made_by}: choose another --work, or --fresh to begin anew"
            )
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.epoch = state["epoch"]


@cache
def _loss(device: torch.device, size_px: tuple[int, int]) -> Loss:
    return Loss(device, size_px)


def _first_pixels(mixer: Mixer) -> Iterator[UInt8[Tensor, "b h w 3"]]:
    """Yield samples to measure the convolutions' outputs on."""
    for start in range(0, MEASURED, 16):
        yield batched([mixer.sample(0, start + i, MIXED) for i in range(16)])[0]


def _optimiser(network: HazardNet) -> torch.optim.Optimizer:
    """Return AdamW in two groups; single numbers a channel don't decay."""
    groups = []
    for part, share in (("backbone", BACKBONE_SHARE), ("", 1.0)):
        mine = [
            (name, value)
            for name, value in network.named_parameters()
            if name.startswith("backbone") == bool(part)
        ]
        for flat in (True, False):
            chosen = [value for _, value in mine if (value.ndim == 1) == flat]
            decay = 0.0 if flat else 0.01
            groups.append({"params": chosen, "share": share, "weight_decay": decay})
    return torch.optim.AdamW(groups, lr=PEAK_RATE)


def _moved(batch: Batch, device: torch.device) -> Batch:
    return Batch(
        boxes=[each.to(device) for each in batch.boxes],
        labels=[each.to(device) for each in batch.labels],
        known=batch.known.to(device),
        there=batch.there.to(device),
        told=batch.told.to(device),
    )
