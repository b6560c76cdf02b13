"""Labelled pictures in memory, and their split into training and validation by group."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from models.training.classes import CORRECTIONS, JUDGED_SCENES, LABELS, SETS, TrainingSet

ROADS = frozenset({"road", "elevated_road", "elevated_night"})
"""Sets that show roads and yards without any hazard."""

VALIDATION_SHARE = 0.12
LONGEST_SIDE_PX = 640
PRINT_PX = (16, 16)
"""Of the thumbnails that pictures are compared by."""
LOOK_ALIKE_CORRELATION = 0.96
"""Of thumbnails; by eye, frames of one shot are above and different scenes below."""
VIDEO_SETS = frozenset({"fire_video"})
"""Frames of some 150 videos, each of which the set calls a group of its own."""
FRAME_CORRELATION = 0.9
"""The same where one of both is a frame of such a video."""
VIDEO_FRAME = re.compile(r"((?!image|img|fire\d|smoke\d).{4,}[a-z])\d+_png_", re.IGNORECASE)
"""``FireDataOne5005_png_…``: frame 5,005 of a video that the set's own groups take apart."""


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
    group: str = ""
    """The scene: whole scenes are held out, and left out."""


def ignored(labels: Int64[np.ndarray, "n"]) -> Int64[np.ndarray, "n"]:
    """Return what marks regions that may or may not be of these classes: all below zero."""
    return -1 - labels


def known_mask(classes: tuple[int, ...]) -> Bool[np.ndarray, "c"]:
    """Return a mask over all classes, true at ``classes``."""
    mask = np.zeros(len(LABELS), dtype=bool)
    mask[list(classes)] = True
    return mask


def held_out_groups(sources: Sequence[str], groups: Sequence[str]) -> frozenset[str]:
    """Choose the groups to hold out: the same on every machine and in every run.

    Groups are taken in the order of their hash while they fit into ``VALIDATION_SHARE`` of each
    set's pictures, so a group that is too big stays in training. ``sources`` are the sets.
    """
    room = {name: round(VALIDATION_SHARE * count) for name, count in Counter(sources).items()}
    members: dict[str, Counter[str]] = {}
    for source, group in zip(sources, groups, strict=True):
        members.setdefault(group, Counter())[source] += 1
    chosen = set()
    for group in sorted(members, key=lambda name: sha256(name.encode()).digest()):
        if all(count <= room[name] for name, count in members[group].items()):
            chosen.add(group)
            for name, count in members[group].items():
                room[name] -= count
    return frozenset(chosen)


def load_sets(data: Path) -> tuple[list[Record], list[Record]]:
    """Return training and validation records of every set.

    A group is a scene: what a set declares, frames of one video, and pictures that look alike,
    mirrored or in another set though they be: the sets were gathered from the same web.
    """
    records: list[Record] = []
    for each in SETS:
        judged = JUDGED_SCENES.get(each.name, "").split()
        paths = sorted((data / each.name / "images").iterdir())
        some = [_record(each, path) for path in paths if _ending(path.stem) not in judged]
        names = _groups(data / each.name, some)
        records += [replace(r, group=g) for r, g in zip(some, names, strict=True)]
    groups = _joined(records)
    apart = held_out_groups([record.source for record in records], groups)
    records = [replace(r, group=g) for r, g in zip(records, groups, strict=True)]
    return (
        [record for record in records if record.group not in apart],
        [record for record in records if record.group in apart],
    )


def _ending(stem: str) -> str:
    return stem.rsplit("_", 1)[-1]


def _record(training_set: TrainingSet, path: Path) -> Record:
    pixels = shrunk(cv2.imread(str(path), cv2.IMREAD_COLOR))
    text = (path.parent.parent / "labels" / f"{path.stem}.txt").read_text()
    rows = np.array([line.split()[:5] for line in text.splitlines() if line], dtype=np.float32)
    rows = rows.reshape(-1, 5)
    height_px, width_px = pixels.shape[:2]
    half = rows[:, 3:5] / 2
    corners = np.concatenate((rows[:, 1:3] - half, rows[:, 1:3] + half), axis=1).clip(0, 1)
    scale = np.array([width_px, height_px] * 2, dtype=np.float32)
    corrected = CORRECTIONS.get((training_set.name, _ending(path.stem)), ())
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


def _groups(folder: Path, records: list[Record]) -> list[str]:
    """Return each record's scene within its set: as declared, or what its name says."""
    listed = folder / "groups.json"
    declared = json.loads(listed.read_text()) if listed.exists() else {}
    return [f"{folder.name}/{_scene(record.stem, declared)}" for record in records]


def _scene(stem: str, declared: dict[str, object]) -> str:
    if video := VIDEO_FRAME.match(stem):
        return video[1]
    return str(declared.get(stem, stem.rsplit("_jpg_", 1)[0]))


def _joined(records: list[Record]) -> list[str]:
    """Give groups that share look-alike pictures one name, the smallest of theirs."""
    parent = {record.group: record.group for record in records}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for first, second in look_alikes(records):
        low, high = sorted((root(records[first].group), root(records[second].group)))
        parent[high] = low
    return [root(record.group) for record in records]


def look_alikes(records: Sequence[Record]) -> Iterator[tuple[int, int]]:
    """Yield the rows of every two records that show one scene, mirrored or not."""
    prints = np.stack([fingerprint(record.pixels) for record in records])
    mirrored = prints.reshape(-1, *PRINT_PX, 3)[:, :, ::-1].reshape(prints.shape)
    video = np.array([record.source in VIDEO_SETS for record in records])
    for start in range(0, len(records), 256):
        some = slice(start, start + 256)
        alike = np.maximum(prints[some] @ prints.T, mirrored[some] @ prints.T)
        either = video[some, None] | video
        limits = np.where(either, FRAME_CORRELATION, LOOK_ALIKE_CORRELATION)
        for row, other in zip(*np.nonzero(np.triu(alike > limits, start + 1)), strict=True):
            yield start + int(row), int(other)


def fingerprint(pixels: UInt8[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "f"]:
    """Return a small colour thumbnail as a unit vector without its mean."""
    small = cv2.resize(pixels, PRINT_PX, interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    small -= small.mean()
    return small / max(float(np.linalg.norm(small)), 1e-6)
