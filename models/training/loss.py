"""YOLOX's loss with SimOTA assignment, for labels that are partial.

Three departures from the paper. A class that a region's set does not label is taken out of the
class loss there. Background counts less, down to nothing, where the network's own class scores
say that what it sees would be of an unlabelled class (the smoke over a fire in a fire-only set).
Regions marked as ignored teach no background.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from models.training.classes import HAZARDS, LABELS
from models.training.network import anchor_grid

CENTRE_RADIUS_CELLS = 1.5
"""Anchors this near to a box's centre may be assigned to it (YOLOX 0.3)."""
CANDIDATES = 10
FAR = 1e6
BOX_WEIGHT = 5.0
PRESENCE_WEIGHT = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Samples as tensors; boxes stay lists because their number varies."""

    boxes: list[Float32[Tensor, "n 4"]]
    """Corners in canvas pixels."""
    labels: list[Int64[Tensor, "n"]]
    """Class, below zero for ignored."""
    known: Bool[Tensor, "b a c"]
    """Classes whose absence is known at each anchor."""
    there: Bool[Tensor, "b p"]
    """Which hazards a picture holds."""
    told: Bool[Tensor, "b p"]
    """For which hazards ``there`` is known."""


class Loss:
    """Weighted sum of box, objectness, class and presence loss, for samples of one size."""

    def __init__(self, device: torch.device, size_px: tuple[int, int]):
        grid = torch.from_numpy(anchor_grid(*size_px)).to(device)
        self._cell, self._stride = grid[:, :2], grid[:, 2:]
        self._centre = (self._cell + 0.5) * self._stride

    def __call__(
        self, raw: Float32[Tensor, "b a c"], presence: Float32[Tensor, "b p"], batch: Batch
    ) -> Tensor:
        """Return the loss of a batch: boxes per assigned anchor, presence per picture."""
        boxes = self._decoded(raw)
        total, assigned = raw.new_zeros(()), 0
        for index in range(len(raw)):
            loss, count = self._one(raw[index], boxes[index], batch, index)
            total, assigned = total + loss, assigned + count
        return total / max(assigned, len(raw)) + PRESENCE_WEIGHT * _presence(presence, batch)

    def _decoded(self, raw: Float32[Tensor, "b a c"]) -> Float32[Tensor, "b a 4"]:
        centre = (raw[..., :2] + self._cell) * self._stride
        half = raw[..., 2:4].clamp(max=8).exp() * self._stride / 2
        return torch.cat((centre - half, centre + half), dim=-1)

    def _one(self, raw: Tensor, boxes: Tensor, batch: Batch, index: int) -> tuple[Tensor, int]:
        labels, truth, known = batch.labels[index], batch.boxes[index], batch.known[index]
        real = labels >= 0
        weight = self._background_weight(raw, known, truth[~real])
        truth, labels = truth[real], labels[real]
        target = torch.zeros(len(raw), device=raw.device)
        if len(labels) == 0:
            return _objectness(raw, target, weight), 0
        anchor, owner, overlap = self._assign(raw.detach(), boxes.detach(), truth, labels, known)
        target[anchor], weight[anchor] = 1.0, 1.0
        loss = _objectness(raw, target, weight)
        matched = paired_iou(boxes[anchor], truth[owner])
        loss = loss + BOX_WEIGHT * (1 - matched**2).sum()
        wanted = torch.zeros(len(anchor), len(LABELS), device=raw.device)
        wanted[torch.arange(len(anchor)), labels[owner]] = overlap
        counted = columns_at(labels[owner], known[anchor])
        by_class = binary_cross_entropy_with_logits(raw[anchor, 5:], wanted, reduction="none")
        return loss + (by_class * counted).sum(), len(anchor)

    def _background_weight(self, raw: Tensor, known: Tensor, ignored: Tensor) -> Tensor:
        """Return how much each anchor may be taught to be background, 0-1."""
        unknown = raw[:, 5:].detach().sigmoid().masked_fill(known, 0.0)
        weight = 1 - unknown.amax(dim=1)
        if len(ignored):
            centre = self._centre[:, None]
            inside = ((centre > ignored[:, :2]) & (centre < ignored[:, 2:])).all(dim=2).any(dim=1)
            weight = weight.masked_fill(inside, 0.0)
        return weight

    def _assign(
        self, raw: Tensor, boxes: Tensor, truth: Tensor, labels: Tensor, known: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the assigned anchors, for each its box's row, and their IoU (SimOTA)."""
        distance = (self._centre[:, None] - (truth[:, :2] + truth[:, 2:]) / 2).abs()
        near = (distance < CENTRE_RADIUS_CELLS * self._stride[:, None]).all(dim=2)
        rows = near.any(dim=1).nonzero()[:, 0]
        iou = pair_iou(boxes[rows], truth)
        joint = (raw[rows, 5:].sigmoid() * raw[rows, 4:5].sigmoid()).sqrt()
        counted = known[rows]
        cost = torch.empty_like(iou)
        absent = -(1 - joint).clamp(min=1e-6).log()
        for column, label in enumerate(labels.tolist()):
            others = (absent * counted).sum(dim=1) - absent[:, label] * counted[:, label]
            cost[:, column] = -joint[:, label].clamp(min=1e-6).log() + others
        cost = cost - 3 * iou.clamp(min=1e-8).log() + FAR * ~near[rows]
        chosen = _dynamic_top(cost, iou)
        crowded = chosen.sum(dim=1) > 1
        best = cost.argmin(dim=1)
        chosen[crowded] = False
        chosen[crowded, best[crowded]] = True
        picked, owner = chosen.nonzero(as_tuple=True)
        return rows[picked], owner, iou[picked, owner]


def _dynamic_top(cost: Float32[Tensor, "k n"], iou: Float32[Tensor, "k n"]) -> Bool[Tensor, "k n"]:
    """Mark for each box as many cheapest anchors as its ten best overlaps sum up to."""
    counts = iou.topk(min(CANDIDATES, len(iou)), dim=0).values.sum(dim=0).int().clamp(min=1)
    chosen = torch.zeros_like(cost, dtype=torch.bool)
    for column, count in enumerate(counts.tolist()):
        cheapest = cost[:, column].topk(min(count, len(cost)), largest=False).indices
        chosen[cheapest, column] = cost[cheapest, column] < FAR
    return chosen


def columns_at(labels: Int64[Tensor, "n"], known: Bool[Tensor, "n c"]) -> Bool[Tensor, "n c"]:
    """Return the class columns that count at anchors of labelled boxes.

    The known ones; the box's own; and for a vehicle or person the others of that kind, since a
    thing that was labelled a car is known not to be a bus.
    """
    counted = known.clone()
    counted[torch.arange(len(labels)), labels] = True
    thing = labels > max(HAZARDS)
    counted[:, max(HAZARDS) + 1 :] |= thing[:, None]
    return counted


def _presence(logits: Float32[Tensor, "b p"], batch: Batch) -> Tensor:
    """Return the loss of what each picture is said to hold, where that is known."""
    wanted = batch.there.to(logits)
    loss = binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return (loss * batch.told).sum() / len(logits)


def _objectness(raw: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    return binary_cross_entropy_with_logits(raw[:, 4], target, weight, reduction="sum")


def paired_iou(
    first: Float32[Tensor, "n 4"], second: Float32[Tensor, "n 4"]
) -> Float32[Tensor, "n"]:
    """Return the overlap of each row of one with the same row of the other."""
    low = torch.maximum(first[:, :2], second[:, :2])
    high = torch.minimum(first[:, 2:], second[:, 2:])
    common = (high - low).clamp(min=0).prod(dim=1)
    areas = (first[:, 2:] - first[:, :2]).prod(dim=1) + (second[:, 2:] - second[:, :2]).prod(dim=1)
    return common / (areas - common).clamp(min=1e-6)


def pair_iou(
    first: Float32[Tensor, "n 4"], second: Float32[Tensor, "m 4"]
) -> Float32[Tensor, "n m"]:
    """Return the overlap of every row of one with every row of the other."""
    low = torch.maximum(first[:, None, :2], second[None, :, :2])
    high = torch.minimum(first[:, None, 2:], second[None, :, 2:])
    common = (high - low).clamp(min=0).prod(dim=2)
    one = (first[:, 2:] - first[:, :2]).prod(dim=1)[:, None]
    other = (second[:, 2:] - second[:, :2]).prod(dim=1)[None]
    return common / (one + other - common).clamp(min=1e-6)
