"""Flames, smoke and rocks put onto hazard-free roads: variety that the labelled sets lack.

Cut-outs come from labelled boxes of the training groups. Patches of other roads are pasted the
same way without a label, so that the seam of a paste is no sign of a hazard.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from models.training.classes import HAZARDS
from models.training.records import ROADS, Record

FIRE, SMOKE, ROCK = HAZARDS
SMALLEST_CUTOUT_PX = 24
SIDE_SHARES = (0.04, 0.36)
"""The longer side of a paste as a share of the picture's height: camera scale."""
DECOYS = 0.35
"""Share of pastes that are a piece of another road, unlabelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutouts:
    """What may be pasted, BGR each."""

    fire: list[UInt8[np.ndarray, "h w 3"]]
    """Boxes of flames."""
    smoke: list[UInt8[np.ndarray, "h w 3"]]
    """Boxes of smoke with no fire in them."""
    decoys: list[UInt8[np.ndarray, "h w 3"]]
    """Whole hazard-free pictures, to take pieces from."""


def collect(records: list[Record]) -> Cutouts:
    """Cut flames and smoke out of the training records, not out of forest mosaics."""
    found: dict[int, list[UInt8[np.ndarray, "h w 3"]]] = {FIRE: [], SMOKE: []}
    for record in records:
        if record.source not in {"cctv_fire", "fire_smoke_mixed", "fire_video", "indoor_fire"}:
            continue
        fires = record.boxes[record.labels == FIRE]
        for box, label in zip(record.boxes, record.labels, strict=True):
            mixed = label == SMOKE and any(overlaps(box, fire) for fire in fires)
            if int(label) in found and not mixed and (box[2:] - box[:2]).min() > SMALLEST_CUTOUT_PX:
                x0, y0, x1, y1 = box.astype(int)
                found[int(label)].append(record.pixels[y0:y1, x0:x1])
    decoys = [record.pixels for record in records if is_background(record)]
    return Cutouts(fire=found[FIRE], smoke=found[SMOKE], decoys=decoys)


def is_background(record: Record) -> bool:
    """Say whether hazards may be pasted here: a road known to have none."""
    return record.source in ROADS


def overlaps(first: Float32[np.ndarray, "4"], second: Float32[np.ndarray, "4"]) -> bool:
    """Say whether two boxes share any area."""
    return bool((np.minimum(first[2:], second[2:]) > np.maximum(first[:2], second[:2])).all())


def with_hazards(rng: np.random.Generator, record: Record, cutouts: Cutouts) -> Record:
    """Return the road with one to three pastes, of which some are unlabelled decoys."""
    pixels, boxes, labels = record.pixels.copy(), [], []
    for _ in range(int(rng.integers(1, 4))):
        label = _kind(rng)
        share = np.exp(rng.uniform(*np.log(SIDE_SHARES)))
        piece, alpha = _piece(rng, cutouts, label, float(share * pixels.shape[0]))
        box = _blend(rng, pixels, piece, alpha, low=label == ROCK)
        if label is not None:
            boxes.append(box)
            labels.append(label)
    return replace(
        record,
        pixels=pixels,
        boxes=np.concatenate((record.boxes, np.array(boxes, np.float32).reshape(-1, 4))),
        labels=np.concatenate((record.labels, np.array(labels, np.int64))),
    )


def _kind(rng: np.random.Generator) -> int | None:
    if rng.random() < DECOYS:
        return None
    return int(rng.choice(HAZARDS, p=(0.3, 0.25, 0.45)))


def _piece(
    rng: np.random.Generator, cutouts: Cutouts, label: int | None, side_px: float
) -> tuple[Float32[np.ndarray, "h w 3"], Float32[np.ndarray, "h w 1"]]:
    """Return a paste whose longer side is ``side_px``, and its opacity 0-1."""
    if label == ROCK:
        return drawn_rock(rng, side_px * 0.8)
    if label is None:
        whole = cutouts.decoys[int(rng.integers(len(cutouts.decoys)))]
        height_px, width_px = (int(rng.integers(24, side // 2)) for side in whole.shape[:2])
        top, left = (int(rng.integers(0, side // 2)) for side in whole.shape[:2])
        source = whole[top : top + height_px, left : left + width_px]
    else:
        pool = cutouts.fire if label == FIRE else cutouts.smoke
        source = pool[int(rng.integers(len(pool)))]
    if rng.random() < 0.5:
        source = source[:, ::-1]
    ratio = side_px / max(source.shape[:2])
    size = tuple(max(4, round(side * ratio)) for side in source.shape[1::-1])
    piece = cv2.resize(source, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    alpha = _ellipse(rng, piece.shape[0], piece.shape[1])
    if label == FIRE:
        alpha = alpha * _glow(piece)
    if label == SMOKE:
        alpha = alpha * rng.uniform(0.6, 0.95)
    return piece, alpha[..., None].astype(np.float32)


def _ellipse(rng: np.random.Generator, height_px: int, width_px: int) -> Float32[np.ndarray, "h w"]:
    """Return an opacity that is 1 in the middle and 0 on the edge, its outline wavering."""
    y, x = np.mgrid[-1 : 1 : height_px * 1j, -1 : 1 : width_px * 1j]
    angle = np.arctan2(y, x)
    waver = 1 + 0.12 * np.sin(3 * angle + rng.uniform(0, 6)) + 0.08 * np.sin(5 * angle)
    distance = np.hypot(x, y) * waver
    return ((1.05 - distance) / rng.uniform(0.2, 0.5)).clip(0, 1).astype(np.float32)


def _glow(piece: Float32[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "h w"]:
    """Return how flame-like each pixel is: bright and red; dark ground does not come along."""
    red = piece[..., 2]
    return ((red - 110) / 60).clip(0.15, 1.0)


def _blend(
    rng: np.random.Generator,
    pixels: UInt8[np.ndarray, "h w 3"],
    piece: Float32[np.ndarray, "m k 3"],
    alpha: Float32[np.ndarray, "m k 1"],
    *,
    low: bool,
) -> Float32[np.ndarray, "4"]:
    """Draw the piece somewhere (in the lower part if ``low``), in place; return its box in px."""
    height_px, width_px = piece.shape[:2]
    first = int(pixels.shape[0] * 0.35) if low else 0
    top = int(rng.integers(first, max(first + 1, pixels.shape[0] - height_px)))
    top = min(top, pixels.shape[0] - height_px)
    left = int(rng.integers(0, pixels.shape[1] - width_px))
    window = pixels[top : top + height_px, left : left + width_px]
    window[:] = (window * (1 - alpha) + piece * alpha).clip(0, 255).astype(np.uint8)
    ys, xs = np.nonzero(alpha[..., 0] > 0.3)
    if len(ys) == 0:
        ys, xs = np.array([0, height_px - 1]), np.array([0, width_px - 1])
    corners = (left + xs.min(), top + ys.min(), left + xs.max() + 1, top + ys.max() + 1)
    return np.array(corners, dtype=np.float32)


def drawn_rock(
    rng: np.random.Generator, side_px: float
) -> tuple[Float32[np.ndarray, "h w 3"], Float32[np.ndarray, "h w 1"]]:
    """Draw one boulder: an angular outline, lit from above, rough, on its own shadow's edge."""
    width_px = max(8, round(side_px))
    height_px = max(7, round(side_px * rng.uniform(0.5, 1.05)))
    corners = int(rng.integers(6, 12))
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
    reach = rng.uniform(0.72, 1.0, corners)
    outline = np.stack(
        (
            width_px / 2 * (1 + 0.94 * reach * np.cos(angle)),
            height_px / 2 * (1 + 0.94 * reach * np.sin(angle)),
        ),
        axis=1,
    )
    alpha = np.zeros((height_px, width_px), dtype=np.float32)
    cv2.fillPoly(alpha, [cv2.convexHull(outline.astype(np.int32))], 1.0)
    alpha = cv2.GaussianBlur(alpha, (0, 0), 0.6)
    grain = cv2.resize(
        rng.standard_normal((max(2, height_px // 5), max(2, width_px // 5))).astype(np.float32),
        (width_px, height_px),
        interpolation=cv2.INTER_CUBIC,
    )
    fine = rng.standard_normal((height_px, width_px)).astype(np.float32)
    tilt = rng.uniform(-0.5, 0.5)
    y, x = np.mgrid[1 : -1 : height_px * 1j, -1 : 1 : width_px * 1j]
    light = 1 + rng.uniform(0.15, 0.45) * (y + tilt * x) + 0.13 * grain + 0.05 * fine
    grey = rng.uniform(60, 175)
    colour = grey * np.array([rng.uniform(0.75, 1.05), rng.uniform(0.9, 1.02), 1.0])
    piece = (light[..., None] * colour).clip(0, 255).astype(np.float32)
    return piece, alpha[..., None]
