"""Flames and smoke cut out of labelled pictures, to be pasted elsewhere, and their mattes."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from models.training.classes import HAZARDS
from models.training.records import ROADS, Record
from vision.drawing.paint import Field, Patch, smoothstep

FIRE, SMOKE, ROCK = HAZARDS
CUT_FROM = frozenset({"cctv_fire", "fire_smoke_mixed", "fire_video", "indoor_fire"})
CALM_FIRE_SETS = frozenset({"cctv_fire", "fire_smoke_mixed"})
"""Fire sets some of whose pictures show neither fire nor smoke, and say so."""
SMALLEST_CUTOUT_PX = 24
BEST_SHARE = {FIRE: 0.6, SMOKE: 0.45}
"""Of the cut-outs, by rank: seen on sheets, the rest are whole rooms, captions and bare trees."""
SMALLEST_SIDE_PX = 6
Box = Float32[np.ndarray, "4"]
"""Corners x0 y0 x1 y1 in pixels."""
Pixels = UInt8[np.ndarray, "h w 3"]


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
    found: dict[int, list[Pixels]] = {FIRE: [], SMOKE: []}
    for record in records:
        if record.source not in CUT_FROM:
            continue
        fires = record.boxes[record.labels == FIRE]
        for box, label in zip(record.boxes, record.labels, strict=True):
            mixed = label == SMOKE and any(overlaps(box, fire) for fire in fires)
            if int(label) in found and not mixed and (box[2:] - box[:2]).min() > SMALLEST_CUTOUT_PX:
                x0, y0, x1, y1 = box.astype(int)
                found[int(label)].append(record.pixels[y0:y1, x0:x1])
    decoys = [record.pixels for record in records if is_background(record)]
    return Cutouts(
        fire=_best(found[FIRE], _fire_merit, BEST_SHARE[FIRE]),
        smoke=_best(found[SMOKE], _smoke_merit, BEST_SHARE[SMOKE]),
        decoys=decoys,
    )


def _best(pieces: list[Pixels], merit: Callable[[Patch], float], share: float) -> list[Pixels]:
    """Return the share of the pieces that makes the best mattes, in their order."""
    if not pieces:
        return []
    merits = np.array([merit(fitted(piece, 64).astype(np.float32)) for piece in pieces])
    least = np.quantile(merits, 1 - share)
    return [piece for piece, each in zip(pieces, merits, strict=True) if each >= least]


def _fire_merit(piece: Patch) -> float:
    """High for a flame that fills the middle and leaves the sides and the top of the box."""
    matte = flame_matte(piece)
    rim = np.concatenate((matte[0], matte[:, 0], matte[:, -1])).mean()
    shown = matte.mean()
    vivid = float((matte * (piece[..., 2] - piece[..., 0])).sum() / (matte.sum() + 1e-3)) / 255
    return float(min(shown, 0.35) * 2 + vivid - 1.6 * rim)


def _smoke_merit(piece: Patch) -> float:
    """High for what is grey and soft: no captions, branches, brick or glow."""
    grey = piece.mean(axis=2)
    edges = np.abs(cv2.Laplacian(grey, cv2.CV_32F)).mean()
    colour = (piece.max(axis=2) - piece.min(axis=2)).mean()
    return float(-edges - 0.5 * colour + 0.12 * cv2.GaussianBlur(grey, (0, 0), 4).std())


def has_clear_hazards(record: Record) -> bool:
    """Say whether hazards are labelled, and in a set whose boxes leave nothing of them out."""
    return record.source in CUT_FROM and bool(np.isin(record.labels, HAZARDS).any())


def is_background(record: Record) -> bool:
    """Say whether hazards may be pasted here: a picture known to show neither fire nor smoke."""
    calm = record.source in ROADS or record.source in CALM_FIRE_SETS
    burning = np.isin(record.labels, (FIRE, SMOKE)).any()
    return bool(calm and record.known[[FIRE, SMOKE]].all() and not burning)


def overlaps(first: Box, second: Box) -> bool:
    """Say whether two boxes share any area."""
    return bool((np.minimum(first[2:], second[2:]) > np.maximum(first[:2], second[:2])).all())


def flame_matte(piece: Patch) -> Field:
    """Return how flame-like each pixel is, 0-1: bright and warm, or white amid what is."""
    blue, green, red = (piece[..., k] for k in range(3))
    top = max(130.0, float(np.quantile(red, 0.95)))
    bright = smoothstep(0.5 * top, 0.92 * top, red)
    warm = smoothstep(22.0, 85.0, red - blue) * smoothstep(-12.0, 10.0, red - green)
    near = cv2.GaussianBlur(warm * bright, (0, 0), max(1.0, 0.06 * max(piece.shape[:2])))
    core = smoothstep(195.0, 240.0, np.minimum(red, green)) * smoothstep(0.15, 0.45, near)
    matte = np.asarray(bright * np.maximum(warm, core), np.float32)
    count, parts, sizes, _ = cv2.connectedComponentsWithStats((matte > 0.25).astype(np.uint8))
    if count < 3:
        return matte
    areas = sizes[:, cv2.CC_STAT_AREA]
    strays = areas < 0.2 * areas[1:].max()
    return np.asarray(np.where(strays[parts] & (parts > 0), 0, matte), np.float32)


def fitted(source: Pixels, side_px: float) -> Pixels:
    """Return the piece with its longer side at ``side_px``."""
    ratio = side_px / max(source.shape[:2])
    size = tuple(max(SMALLEST_SIDE_PX, round(side * ratio)) for side in source.shape[1::-1])
    return cv2.resize(source, size, interpolation=cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR)
