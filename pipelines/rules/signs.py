"""Signs: what a moment shows of a hazard that a detector sees, and what each is worth."""

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Final

import numpy as np

from pipelines.frames import Look
from pipelines.messages import BoxShares
from pipelines.rules.boxes import near, overlap
from pipelines.rules.moment import Columns, Moment
from pipelines.zones import Area
from vision.flicker import Patch
from vision.hazards import Hazard
from vision.polygons import contains

FEWEST: Final = 3
"""Looks that make a burst's second; fewer are a look's worth."""

MAJORITY: Final = 0.6
"""The share of a second's looks that must show a sign: flames flicker, reflections more so."""

MAX_VEHICLES: Final = 32
"""That are remembered from moment to moment: a full street."""

MAX_SIGNS: Final = 8
"""Of one hazard in one zone at a time."""


class Verdict(IntEnum):
    """What a sign is worth."""

    NOTHING = 0
    WEAK = 1
    STRONG = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """What a moment shows of a hazard in one place."""

    box: BoxShares
    """Where."""
    score: float
    """Of a burst's second the median."""
    strong: bool
    """Whether the score reaches the label's threshold and the camera's."""
    patches: tuple[Patch, ...] = field(default=(), compare=False)
    """What its box looked like, oldest first."""
    proven: bool = False
    """Whether it stayed in its place for a second."""
    in_doubt: bool = False
    """Whether it counts only if it stays where it is, and is kept nowhere."""


def signs(moment: Moment, hazard: Hazard, area: Area, floor: float) -> tuple[Sign, ...]:
    """Return what a moment shows of a hazard whose boxes' centres lie in the zone, best first.

    Of a burst's second only what stays in its place through most of the looks.
    """
    is_second = len(moment.looks) >= FEWEST
    looks = moment.looks if is_second else moment.looks[-1:]
    rows = [
        (number, sign)
        for number, look in enumerate(looks)
        for sign in _in_look(look, moment.columns, hazard, area, floor)
    ]
    rows.sort(key=lambda row: -row[1].score)
    groups: list[dict[int, Sign]] = []
    for number, sign in rows:
        for group in groups:
            if near(next(iter(group.values())).box, sign.box):
                group.setdefault(number, sign)
                break
        else:
            groups.append({number: sign})
    stayed = [group for group in groups if len(group) >= MAJORITY * len(looks)]
    found = [_through(group, proven=is_second) for group in stayed]
    return tuple(sorted(found, key=lambda sign: -sign.score)[:MAX_SIGNS])


def _in_look(look: Look, columns: Columns, hazard: Hazard, area: Area, floor: float) -> list[Sign]:
    found = look.detections
    centres = (found.xyxy[:, :2] + found.xyxy[:, 2:]) / 2
    here = np.flatnonzero(columns.of(hazard)[found.label] & contains(area.polygon, centres))
    least = np.maximum(columns.thresholds[found.label], np.float32(floor))
    patches, doubts = look.measures.patches, found.doubts
    result = []
    for row in here.tolist():
        x0, y0, x1, y1 = found.xyxy[row].tolist()
        patch = patches[row] if row < len(patches) else None
        sign = Sign(
            box=(x0, y0, x1, y1),
            score=float(found.score[row]),
            strong=bool(found.score[row] >= least[row]),
            patches=() if patch is None else (patch,),
            in_doubt=bool(doubts[row]),
        )
        result.append(sign)
    return result


def _through(group: dict[int, Sign], *, proven: bool) -> Sign:
    """Return the sign of the median score, with the pictures of all and the place of the last."""
    in_order = [group[number] for number in sorted(group)]
    middle = sorted(in_order, key=lambda sign: sign.score)[len(in_order) // 2]
    patches = tuple(patch for sign in in_order for patch in sign.patches)
    in_doubt = any(sign.in_doubt for sign in in_order)
    return replace(middle, box=in_order[-1].box, patches=patches, proven=proven, in_doubt=in_doubt)


def vehicles(look: Look, columns: Columns) -> tuple[BoxShares, ...]:
    """Return the boxes of a look's vehicles."""
    rows = look.detections.xyxy[columns.vehicles[look.detections.label]].tolist()
    return tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in rows[:MAX_VEHICLES])


def moving_vehicles(moment: Moment, before: tuple[BoxShares, ...]) -> tuple[BoxShares, ...]:
    """Return the vehicles that stand elsewhere than in the moment before, or weren't seen in it."""
    if len(moment.looks) >= FEWEST:
        before = vehicles(moment.looks[0], moment.columns)
    now = vehicles(moment.last, moment.columns)
    return tuple(one for one in now if not any(overlap(one, other) >= 0.5 for other in before))
