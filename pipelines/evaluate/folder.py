"""Which pictures a folder holds, where the labels of each are, and what they say."""

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from jaxtyping import Int64

from pipelines.evaluate.faults import EvaluationError, LeftOut, LeftOutError, shown
from vision.arrays import Boxes

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})

LISTS: Final = frozenset({"classes.txt"})
"""Text files in a folder of labels that are none."""

MAX_BYTES: Final = 1 << 20
"""Some 25,000 boxes: no picture's labels."""

SLACK: Final = 1e-3
"""Tools round: a number this little outside of 0 to 1 is none."""

Row = tuple[int, float, float, float, float]
"""A class number and corners."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A picture with its place for labels."""

    picture: Path
    """The picture's file."""
    labels: Path | None
    """Its label file, if there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What a label file says, by the numbers of its class list."""

    boxes: Boxes
    """Shares of the picture, cut at its edges."""
    numbers: Int64[np.ndarray, "n"]
    """The class of each."""


def entries(folder: Path, left_out: LeftOut, *, labelled: bool) -> list[Entry]:
    """Return a folder's pictures in the order of their names.

    Those without a label file are left out where the folder is ``labelled``. Raises
    ``EvaluationError`` if there is no such folder or no picture in it.
    """
    if not folder.is_dir():
        raise EvaluationError(f"{shown(folder)} is no folder: give one with images/ and labels/")
    root = folder.resolve()
    files = sorted(_files(root, left_out))
    pictures = [path for path in files if path.suffix.lower() in SUFFIXES]
    if not pictures:
        raise EvaluationError(
            f"{shown(folder)} holds no picture ({', '.join(sorted(SUFFIXES))}): give a folder "
            "with images/ and labels/, or with a .txt beside each picture"
        )
    found = [Entry(picture=one, labels=_labels_of(one, root)) for one in pictures]
    if labelled:
        used = {entry.labels for entry in found}
        for path in files:
            if _is_orphan(path, used):
                what = "labels without a picture: remove the file or add its picture"
                left_out.note(LeftOutError(path, "label_without_picture", what))
    return [entry for entry in found if not labelled or _has_labels(entry, left_out)]


def _has_labels(entry: Entry, left_out: LeftOut) -> bool:
    if entry.labels is None:
        what = "there is no label file: add one (an empty .txt says that nothing is there)"
        left_out.note(LeftOutError(entry.picture, "no_label", what))
    return entry.labels is not None


def _files(root: Path, left_out: LeftOut) -> Iterator[Path]:
    """Yield what lies in a folder, each folder once, however links go round."""
    waiting, seen = [root], set[tuple[int, int]]()
    while waiting:
        folder = waiting.pop()
        try:
            identity = folder.stat()
            if (identity.st_dev, identity.st_ino) in seen:
                continue
            seen.add((identity.st_dev, identity.st_ino))
            inside = sorted(os.scandir(folder), key=lambda one: one.name)
        except OSError as error:
            what = f"the folder can't be read ({error.strerror}): check who may read it"
            left_out.note(LeftOutError(folder, "unreadable", what))
            continue
        for one in inside:
            path = Path(one.path)
            if one.name.startswith("."):
                continue
            if path.suffix.lower() not in SUFFIXES and path.is_dir():
                waiting.append(path)
            else:
                yield path  # a folder with a picture's name is refused when it is read


def _labels_of(picture: Path, root: Path) -> Path | None:
    """Return ``…/labels/x.txt`` for ``…/images/x.jpg``, else the file beside the picture."""
    first = len(root.parent.parts)
    places = [k for k, part in enumerate(picture.parts) if part == "images" and k >= first]
    stems = [picture]
    if places:
        at = places[-1]
        stems.insert(0, Path(*picture.parts[:at], "labels", *picture.parts[at + 1 :]))
    candidates = [stem.with_suffix(suffix) for stem in stems for suffix in (".txt", ".TXT")]
    return next((path for path in candidates if os.path.lexists(path)), None)


def _is_orphan(path: Path, used: set[Path | None]) -> bool:
    is_label = path.suffix.lower() == ".txt" and path.name not in LISTS
    return is_label and "labels" in path.parts and path not in used


def spread(items: Sequence[T], limit: int | None) -> list[T]:
    """Return at most ``limit`` items, evenly spread: those with like names look alike."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[k * len(items) // limit] for k in range(limit)]


def read_labels(path: Path | None) -> Labels:
    """Return a YOLO file's labels, ``class cx cy w h`` a line; an empty one has none.

    Raises ``LeftOutError``.
    """
    rows = dict.fromkeys(
        _row(line.split(), path, number)
        for number, line in enumerate(_text(path).splitlines(), 1)
        if path and line.strip()
    )  # a line that stands there twice labels one thing
    return Labels(
        boxes=np.array([row[1:] for row in rows], np.float32).reshape(-1, 4),
        numbers=np.array([row[0] for row in rows], np.int64),
    )


def _text(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        if not path.is_file():
            raise LeftOutError(path, "label_unreadable", "the label file is no plain file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        what = f"the label file can't be read ({error.strerror}): check who may read it"
        raise LeftOutError(path, "label_unreadable", what) from error
    except UnicodeDecodeError as error:
        raise LeftOutError(path, "label_not_text", "no UTF-8 text: write it anew") from error
    if len(content) > MAX_BYTES or "\0" in text:
        raise LeftOutError(path, "label_not_text", "no label file: it is too long or holds NUL")
    return text


def _row(words: list[str], path: Path, line: int) -> Row:
    if len(words) not in {5, 6}:
        if len(words) > 6:
            reason, what = "label_polygon", "a polygon or keypoints: convert them to boxes"
        else:
            reason, what = "label_columns", "too few columns"
        fault = f"line {line} has {len(words)} columns, {what}; a line is `class cx cy w h`"
        raise LeftOutError(path, reason, fault)
    try:
        number, cx, cy, width, height = (float(word) for word in words[:5])
        finite = all(math.isfinite(float(word)) for word in words)
    except ValueError:
        raise LeftOutError(
            path, "label_number", f"line {line} holds no number: correct it"
        ) from None
    if not finite:
        raise LeftOutError(path, "label_number", f"line {line} holds NaN or infinity: correct it")
    if not number.is_integer() or not 0 <= number < MAX_BYTES:
        what = f"line {line}: {words[0]} is no class number: they count from 0"
        raise LeftOutError(path, "label_class", what)
    if not all(-SLACK <= one <= 1 + SLACK for one in (cx, cy, width, height)):
        what = f"line {line}: numbers lie outside of 0 to 1: divide pixels by the picture's size"
        raise LeftOutError(path, "label_range", what)
    x0, x1 = max(0.0, cx - width / 2), min(1.0, cx + width / 2)
    y0, y1 = max(0.0, cy - height / 2), min(1.0, cy + height / 2)
    if x1 - x0 <= 0 or y1 - y0 <= 0:
        raise LeftOutError(path, "label_zero_size", f"line {line}: the box has no area: remove it")
    return int(number), x0, y0, x1, y1
