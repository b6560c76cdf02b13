"""Labelled pictures in memory, and their split into training and validation by group."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from models.training.classes import CORRECTIONS, LABELS, SETS, TrainingSet

ROADS = frozenset({"road", "elevated_road", "elevated_night"})
"""Sets that show roads and yards without any hazard."""

VALIDATION_SHARE = 0.12
LONGEST_SIDE_PX = 640
LOOK_ALIKE_CORRELATION = 0.96
"""Of 16x16 thumbnails; by eye, frames of one shot are above and different scenes below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One picture with what is known of it."""

    source: str
    """Name of the set, or of the generator."""
    stem: str
    """File name without its suffix."""
    pixels: UInt8[np.ndarray, "h w 3"]
    """BGR."""
    boxes: Float32[np.ndarray, "n 4"]
    """Corners x0 y0 x1 y1 in pixels."""
    labels: Int64[np.ndarray, "n"]
    """Class of each box, or ``ignored`` of it for a region that counts neither way."""
    known: Bool[np.ndarray, "c"]
    """Classes whose every instance is labelled."""


def ignored(labels: Int64[np.ndarray, "n"]) -> Int64[np.ndarray, "n"]:
    """Return what marks regions that may or may not be of these classes: all below zero."""
    return -1 - labels


def known_mask(classes: tuple[int, ...]) -> Bool[np.ndarray, "c"]:
    """Return a mask over all classes, true at ``classes``."""
    mask = np.zeros(len(LABELS), dtype=bool)
    mask[list(classes)] = True
    return mask


def held_out_groups(source: str, groups: Sequence[str]) -> frozenset[str]:
    """Choose the groups of a set to hold out: the same on every machine and in every run.

    Groups are taken in the order of their hash while they fit into ``VALIDATION_SHARE`` of the
    pictures, so a group that is too big alone stays in training.
    """
    sizes = Counter(groups)
    room, chosen = round(VALIDATION_SHARE * len(groups)), set()
    for group in sorted(sizes, key=lambda name: sha256(f"{source}/{name}".encode()).digest()):
        if sizes[group] <= room:
            chosen.add(group)
            room -= sizes[group]
    return frozenset(chosen)


def load_sets(data: Path) -> tuple[list[Record], list[Record]]:
    """Return training and validation records of every set."""
    train: list[Record] = []
    held_out: list[Record] = []
    for each in SETS:
        records = [_record(each, path) for path in sorted((data / each.name / "images").iterdir())]
        groups = _groups(data / each.name, each, records)
        apart = held_out_groups(each.name, groups)
        for record, group in zip(records, groups, strict=True):
            (held_out if group in apart else train).append(record)
    return train, held_out


def _record(training_set: TrainingSet, path: Path) -> Record:
    pixels = shrunk(cv2.imread(str(path), cv2.IMREAD_COLOR))
    text = (path.parent.parent / "labels" / f"{path.stem}.txt").read_text()
    rows = np.array([line.split()[:5] for line in text.splitlines() if line], dtype=np.float32)
    rows = rows.reshape(-1, 5)
    height_px, width_px = pixels.shape[:2]
    half = rows[:, 3:5] / 2
    corners = np.concatenate((rows[:, 1:3] - half, rows[:, 1:3] + half), axis=1).clip(0, 1)
    scale = np.array([width_px, height_px] * 2, dtype=np.float32)
    corrected = CORRECTIONS.get((training_set.name, path.stem.rsplit("_", 1)[-1]), ())
    return Record(
        source=training_set.name,
        stem=path.stem,
        pixels=pixels,
        boxes=(corners * scale).astype(np.float32),
        labels=rows[:, 0].astype(np.int64),
        known=known_mask(training_set.known) & ~known_mask(corrected),
    )


def shrunk(pixels: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """Scale down so that the longer side is at most ``LONGEST_SIDE_PX``."""
    ratio = LONGEST_SIDE_PX / max(pixels.shape[:2])
    if ratio >= 1:
        return pixels
    return cv2.resize(pixels, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)


def _groups(folder: Path, training_set: TrainingSet, records: list[Record]) -> list[str]:
    """Return the group of each record: the declared one, else the stem without its last parts."""
    listed = folder / "groups.json"
    stems = [record.stem for record in records]
    if listed.exists():
        declared = json.loads(listed.read_text())
        names = [str(declared[stem]) for stem in stems]
    else:
        names = [stem.rsplit("_jpg_", 1)[0] for stem in stems]
    return _joined(names, records) if training_set.merges_look_alikes else names


def _joined(names: list[str], records: list[Record]) -> list[str]:
    """Give groups that share look-alike pictures one name, the smallest of theirs."""
    prints = np.stack([_fingerprint(record.pixels) for record in records])
    alike = prints @ prints.T > LOOK_ALIKE_CORRELATION
    parent = {name: name for name in names}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    for first, second in zip(*np.nonzero(np.triu(alike, 1)), strict=True):
        low, high = sorted((root(names[first]), root(names[second])))
        parent[high] = low
    return [root(name) for name in names]


def _fingerprint(pixels: UInt8[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "f"]:
    """Return a 16x16 colour thumbnail as a unit vector without its mean."""
    small = cv2.resize(pixels, (16, 16), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    small -= small.mean()
    return small / max(float(np.linalg.norm(small)), 1e-6)
