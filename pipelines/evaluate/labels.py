"""Reading one YOLO label file: ``class cx cy w h`` a line, shares of the picture."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Int64

from pipelines.evaluate.faults import LeftOutError
from pipelines.evaluate.names import ClassList
from vision.arrays import Boxes

MAX_BYTES: Final = 1 << 20
"""Some 25,000 boxes: no picture's labels."""

SLACK: Final = 1e-3
"""Tools round: a number this little outside of 0 to 1 is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What a label file says; boxes of classes that the pack doesn't know are not in it."""

    boxes: Boxes
    """Shares of the picture, cut at its edges."""
    meanings: Int64[np.ndarray, "n"]
    """The pack's label of each, or ``PERSON`` or ``VEHICLE``."""
    unknown: int
    """How many boxes are of classes that the pack doesn't know."""


NOTHING: Final = Labels(boxes=np.zeros((0, 4), np.float32), meanings=np.zeros(0, int), unknown=0)


def read_labels(path: Path, classes: ClassList) -> Labels:
    """Return a file's labels; an empty file says that there is nothing. Raises ``LeftOutError``."""
    rows = dict.fromkeys(
        _row(line.split(), path, number, len(classes.names))
        for number, line in enumerate(_text(path).splitlines(), 1)
        if line.strip()
    )  # a line that stands there twice labels one thing
    meant = [(classes.meanings[row[0]], row[1:]) for row in rows]
    known = [(meaning, box) for meaning, box in meant if meaning != -1]
    return Labels(
        boxes=np.array([box for _, box in known], np.float32).reshape(-1, 4),
        meanings=np.array([meaning for meaning, _ in known], np.int64),
        unknown=len(meant) - len(known),
    )


def _text(path: Path) -> str:
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


def _row(
    words: list[str], path: Path, line: int, classes: int
) -> tuple[int, float, float, float, float]:
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
    if not number.is_integer() or not 0 <= number < classes:
        what = f"line {line}: class {words[0]} is none of the {classes} of the class list"
        raise LeftOutError(path, "label_class", f"{what}: give the right list with --names")
    if not all(-SLACK <= one <= 1 + SLACK for one in (cx, cy, width, height)):
        what = f"line {line}: numbers lie outside of 0 to 1: divide pixels by the picture's size"
        raise LeftOutError(path, "label_range", what)
    x0, x1 = max(0.0, cx - width / 2), min(1.0, cx + width / 2)
    y0, y1 = max(0.0, cy - height / 2), min(1.0, cy + height / 2)
    if x1 - x0 <= 0 or y1 - y0 <= 0:
        raise LeftOutError(path, "label_zero_size", f"line {line}: the box has no area: remove it")
    return int(number), x0, y0, x1, y1
