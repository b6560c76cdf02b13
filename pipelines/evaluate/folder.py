"""Which pictures a folder holds, and where the labels of each are."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from pipelines.evaluate.faults import EvaluationError, LeftOut, LeftOutError, shown

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})

LISTS: Final = frozenset({"classes.txt"})
"""Text files in a folder of labels that are none."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A picture with its place for labels."""

    picture: Path
    """The picture's file."""
    labels: Path | None
    """Its label file, if there is one."""


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
    candidates = [picture.with_suffix(".txt")]
    if places:
        at = places[-1]
        parts = (*picture.parts[:at], "labels", *picture.parts[at + 1 :])
        candidates.insert(0, Path(*parts).with_suffix(".txt"))
    return next((path for path in candidates if os.path.lexists(path)), None)


def _is_orphan(path: Path, used: set[Path | None]) -> bool:
    is_label = path.suffix.lower() == ".txt" and path.name not in LISTS
    return is_label and "labels" in path.parts and path not in used


def spread(items: Sequence[T], limit: int | None) -> list[T]:
    """Return at most ``limit`` items, evenly spread: those with like names look alike."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[k * len(items) // limit] for k in range(limit)]
