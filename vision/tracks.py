"""Boxes followed from look to look, as arrays: what stands, since when, and how the rest moved.

Looks come seconds apart, so a moving vehicle seldom overlaps itself while a standing one does:
that alone tells them apart. Several looks a second let moving ones be followed too. Appearance is
never compared, and an id means nothing beyond the camera and the worker that gave it.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from vision.arrays import Boxes
from vision.suppression import area, overlap

TRAIL: Final = 32
"""Boxes remembered of each: some 6 s at five looks a second."""

TRAIL_STEP_S: Final = 0.18
"""No two remembered boxes are closer in time, so that a burst of 10 a second keeps the 6 s."""

QUICK_S: Final = 0.5
"""Seen so shortly ago, a moving vehicle is still near itself: 50 km/h are 3 m in 0.2 s."""

NEAR_SIZES: Final = 0.8
"""How far from where it is expected, in its own sizes. Below one size, as the next in a lane is
half a second of driving plus a length away: it can't be taken for the one before it."""

SAME_IOU: Final = 0.4
"""Overlap from which two looks show one vehicle. Jitter of 5 % of the size leaves 0.75."""

SIZE_RATIO: Final = 3.0
"""Of areas: no vehicle grows or shrinks by more between two looks, half hidden ones included."""

STILL_SHARE: Final = 0.2
"""Of its width and height: the foot of a standing vehicle's box wanders less. Chance puts the
next car of a dense lane so close to the last one's place in one look of ten at most."""

STILL_SIZE_RATIO: Final = 1.35
"""Of width and of height: a box that grows more comes nearer."""

ESTABLISHED: Final = 3
"""Sightings at one place after which a part of the box may be hidden by another vehicle."""

HIDDEN_INSIDE: Final = 0.9
"""The share of a half hidden vehicle's box that lies where the whole one was."""

HIDDEN_AREA: Final = 0.35
"""What must be seen of it at least."""

PATIENCE_SHARE: Final = 0.25
"""Of the time it stood: what has been there for long is believed to be there for longer."""

PATIENCE_S: Final = (4.5, 8.0)
"""Of what is established: two looks of a sentry may miss it, at most four."""

YOUNG_PATIENCE_LOOKS: Final = 1.25
"""Before that one look may, whatever lies between two: cars that come in step with the looks are
seen in one place in one look of three."""

STRAY_S: Final = 3.0
"""At most so long may a box that stood look moved: two vehicles' boxes melt into one in passing."""

MOVING_PATIENCE_S: Final = 1.0
"""What moves is nowhere near after that."""

MOVING_S: Final = 3.0
"""What has stood for less, and was followed look by look, counts as moving still."""

COVERED: Final = 0.3
"""The share of a place from which on another vehicle there explains why it isn't seen."""

HIDDEN_WEIGHT: Final = 0.25
"""A nearer vehicle in front explains a miss, so it counts for less: 8 s become half a minute."""

REPLACED_WEIGHT: Final = 2.0
"""Another vehicle in the very place says that it left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracks:
    """What is followed on one camera's picture; times are seconds of one clock."""

    ids: Int64[np.ndarray, "n"]
    """Count from 1, never used twice."""
    xyxy: Boxes
    """Where each was seen last."""
    score: Float32[np.ndarray, "n"]
    """The detector's, averaged over the last sightings."""
    first_s: Float64[np.ndarray, "n"]
    """When each was first seen."""
    last_s: Float64[np.ndarray, "n"]
    """When each was last seen."""
    anchor: Boxes
    """Where it stands, if it stands."""
    standing_since_s: Float64[np.ndarray, "n"]
    """When it was first seen there."""
    near_s: Float64[np.ndarray, "n"]
    """When it was last seen there."""
    seen: Int64[np.ndarray, "n"]
    """How many looks showed it there."""
    looks: Int64[np.ndarray, "n"]
    """Of how many since it stands there."""
    rested_s: Float64[np.ndarray, "n"]
    """How long it stood at the longest, anywhere before."""
    doubt_s: Float64[np.ndarray, "n"]
    """How long it has been missed, weighed by what was seen in its place."""
    trail: Float32[np.ndarray, "n k 4"]
    """The last boxes, newest last; not a number where there is none yet."""
    trail_s: Float64[np.ndarray, "n k"]
    """When they were seen."""
    at_s: float = -np.inf
    """The last look."""
    next_id: int = 1
    """The id of the next one."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def stood_s(self) -> Float64[np.ndarray, "n"]:
        """Return how long each has been seen at its place."""
        stood: Float64[np.ndarray, "n"] = self.near_s - self.standing_since_s
        return stood

    def where(self, keep: Bool[np.ndarray, "n"]) -> "Tracks":
        """Return the rows that ``keep`` marks."""
        return replace(self, **{name: getattr(self, name)[keep] for name in _COLUMNS})


_COLUMNS: Final = tuple(one.name for one in fields(Tracks) if one.name not in ("at_s", "next_id"))


def follow(
    tracks: Tracks, boxes: Float32[np.ndarray, "m 4"], score: Float32[np.ndarray, "m"], at_s: float
) -> Tracks:
    """Return the tracks after one more look at ``at_s``, which lies after the last one."""
    row, column = _pairs(_likeness(tracks, boxes, at_s))
    is_seen = np.zeros(len(tracks), bool)
    is_seen[row] = True
    taken = np.zeros(len(boxes), bool)
    taken[column] = True
    there = np.zeros((len(tracks), 4), np.float32)
    there[row] = boxes[column]
    scores = np.zeros(len(tracks), np.float32)
    scores[row] = score[column]
    seen = _seen(tracks, there, scores, is_seen, at_s)
    doubted = replace(seen, doubt_s=_doubt(tracks, boxes, is_seen, at_s))
    kept = doubted.where(doubted.doubt_s <= _patience(tracks, at_s))
    fresh = ~taken
    return _joined(kept, _begun(boxes[fresh], score[fresh], at_s, tracks.next_id), at_s)


def _likeness(
    tracks: Tracks, boxes: Float32[np.ndarray, "m 4"], at_s: float
) -> Float32[np.ndarray, "n m"]:
    """Say how much each box looks like each track's next; 0: not at all."""
    is_quick = at_s - tracks.last_s <= QUICK_S
    is_standing = (tracks.seen >= ESTABLISHED) & ~is_quick
    moved_on, is_known = _expected(tracks, is_quick, at_s)
    expected = np.where(is_standing[:, None], tracks.anchor, moved_on)
    likeness = _iou(expected, boxes)
    likeness[likeness < SAME_IOU] = 0.0
    sizes, other = area(expected), area(boxes)
    if is_standing.any():
        is_part = _is_part(overlap(tracks.anchor, boxes), tracks.anchor, boxes)
        half = is_standing[:, None] & is_part
        likeness = np.where(half, np.maximum(likeness, SAME_IOU), likeness)
    if is_quick.any():
        apart = (expected[:, None, :2] + expected[:, None, 2:]) - (boxes[:, :2] + boxes[:, 2:])
        sides = np.maximum(expected[:, 2:] - expected[:, :2], 1e-6)
        far = np.hypot(apart[..., 0] / sides[:, :1], apart[..., 1] / sides[:, 1:]) / 2
        is_sure = is_quick & (is_known | (at_s - tracks.last_s <= QUICK_S / 2))
        near = SAME_IOU * (1 - far / NEAR_SIZES) * is_sure[:, None]
        likeness = np.maximum(likeness, near)
    ratio = sizes[:, None] / np.maximum(other, 1e-12)
    alike: Float32[np.ndarray, "n m"] = (
        likeness * ((ratio < SIZE_RATIO) & (ratio > 1 / SIZE_RATIO))
    ).astype(np.float32)
    return alike


def _expected(
    tracks: Tracks, is_quick: Bool[np.ndarray, "n"], at_s: float
) -> tuple[Boxes, Bool[np.ndarray, "n"]]:
    """Return the last boxes, moved on as they moved of late, and whose way is known."""
    if not is_quick.any():
        return tracks.xyxy, is_quick
    back = np.where(np.isfinite(tracks.trail_s[:, -4]), TRAIL - 4, TRAIL - 2)
    every = np.arange(len(tracks))
    since_s = tracks.trail_s[:, -1] - tracks.trail_s[every, back]
    moved = tracks.trail[:, -1] - tracks.trail[every, back]
    centre = (moved[:, :2] + moved[:, 2:]) / 2
    knows = is_quick & (since_s < 3 * QUICK_S)
    gap = np.where(knows, (at_s - tracks.last_s) / np.where(knows, since_s, 1.0), 0.0)
    shift = np.where(knows[:, None], centre * gap[:, None], 0.0)
    moved_on: Boxes = (tracks.xyxy + np.tile(shift, 2)).astype(np.float32)
    return moved_on, knows


def _pairs(
    likeness: Float32[np.ndarray, "n m"],
) -> tuple[Int64[np.ndarray, "p"], Int64[np.ndarray, "p"]]:
    """Pair rows and columns greedily, the likest first: whoever is each other's best is paired."""
    rows, columns = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    rest = likeness.copy()
    while rest.size and rest.max() > 0:
        best = rest.argmax(axis=1)
        every = np.arange(len(rest))
        mutual = (rest.argmax(axis=0)[best] == every) & (rest[every, best] > 0)
        rows.append(every[mutual])
        columns.append(best[mutual])
        rest[mutual] = 0.0
        rest[:, best[mutual]] = 0.0
    return np.concatenate(rows), np.concatenate(columns)


def _seen(
    tracks: Tracks,
    there: Boxes,
    score: Float32[np.ndarray, "n"],
    is_seen: Bool[np.ndarray, "n"],
    at_s: float,
) -> Tracks:
    """Take in the boxes that were found to be those of tracks."""
    is_near, is_whole = _stays(tracks, there)
    is_near &= is_seen
    stray_s = np.minimum(PATIENCE_SHARE * tracks.stood_s, STRAY_S)
    is_off = is_seen & ~is_near & (at_s - tracks.near_s > stray_s)
    learns = (is_near & is_whole & (tracks.seen < ESTABLISHED + 1))[:, None]
    mean = tracks.anchor + (there - tracks.anchor) / (tracks.seen[:, None] + 1)
    anchor = np.where(is_off[:, None], there, np.where(learns, mean, tracks.anchor))
    weight = np.where(is_seen, 1 / np.minimum(tracks.seen + 1, 10), 0.0)
    rested_s = np.where(is_off, np.maximum(tracks.rested_s, tracks.stood_s), tracks.rested_s)
    trail, trail_s = _longer(tracks, there, is_seen, at_s)
    return replace(
        tracks,
        xyxy=np.where(is_seen[:, None], there, tracks.xyxy),
        score=(tracks.score + weight * (score - tracks.score)).astype(np.float32),
        last_s=np.where(is_seen, at_s, tracks.last_s),
        anchor=anchor.astype(np.float32),
        standing_since_s=np.where(is_off, at_s, tracks.standing_since_s),
        near_s=np.where(is_near | is_off, at_s, tracks.near_s),
        seen=np.where(is_off, 1, tracks.seen + is_near),
        looks=np.where(is_off, 1, tracks.looks + 1),
        rested_s=rested_s,
        trail=trail,
        trail_s=trail_s,
    )


def _stays(tracks: Tracks, there: Boxes) -> tuple[Bool[np.ndarray, "n"], Bool[np.ndarray, "n"]]:
    """Mark the boxes whose foot is where it stood, and of them those that show all of it."""
    anchor = tracks.anchor
    sides = np.maximum(anchor[:, 2:] - anchor[:, :2], 1e-6)
    now = there[:, 2:] - there[:, :2]
    grown = now / sides
    same_size = ((grown < STILL_SIZE_RATIO) & (grown > 1 / STILL_SIZE_RATIO)).all(axis=1)
    off = np.abs(_foot(there) - _foot(anchor)) / sides
    is_whole = (off < STILL_SHARE).all(axis=1) & same_size
    sides_in_common = np.minimum(there[:, 2:], anchor[:, 2:]) - np.maximum(
        there[:, :2], anchor[:, :2]
    )
    common = np.clip(sides_in_common, 0.0, None).prod(axis=1)
    size = now.prod(axis=1)
    is_part = (common >= HIDDEN_INSIDE * size) & (size >= HIDDEN_AREA * sides.prod(axis=1))
    return is_whole | (is_part & (tracks.seen >= ESTABLISHED)), is_whole


def _is_part(
    common: Float32[np.ndarray, "n m"], anchor: Boxes, boxes: Float32[np.ndarray, "m 4"]
) -> Bool[np.ndarray, "n m"]:
    """Mark the boxes that lie inside the place of a track: it may be half hidden."""
    size = area(boxes)
    part: Bool[np.ndarray, "n m"] = (common >= HIDDEN_INSIDE * size) & (
        size >= HIDDEN_AREA * area(anchor)[:, None]
    )
    return part


def _longer(
    tracks: Tracks, there: Boxes, is_seen: Bool[np.ndarray, "n"], at_s: float
) -> tuple[Float32[np.ndarray, "n k 4"], Float64[np.ndarray, "n k"]]:
    adds = is_seen & (at_s - tracks.trail_s[:, -1] >= TRAIL_STEP_S)
    trail, trail_s = tracks.trail.copy(), tracks.trail_s.copy()
    trail[adds, :-1], trail_s[adds, :-1] = tracks.trail[adds, 1:], tracks.trail_s[adds, 1:]
    trail[adds, -1], trail_s[adds, -1] = there[adds], at_s
    return trail, trail_s


def _doubt(
    tracks: Tracks,
    boxes: Float32[np.ndarray, "m 4"],
    is_seen: Bool[np.ndarray, "n"],
    at_s: float,
) -> Float64[np.ndarray, "n"]:
    """Return for how long each has been missed; what hides it excuses, what replaced it doesn't."""
    if is_seen.all():
        return np.zeros(len(tracks))
    size, anchor = area(tracks.anchor)[:, None], tracks.anchor
    is_over = overlap(anchor, boxes) >= COVERED * np.maximum(size, 1e-12)
    heights = (anchor[:, 3] - anchor[:, 1])[:, None]
    in_front = boxes[:, 3] >= anchor[:, 3:] - 0.05 * heights
    hides = is_over & in_front & (area(boxes) > 1.2 * size)
    weight = np.where(is_over.any(axis=1), REPLACED_WEIGHT, 1.0)
    weight = np.where(hides.any(axis=1), HIDDEN_WEIGHT, weight)
    missed_s = tracks.doubt_s + weight * (at_s - tracks.at_s if len(tracks) else 0.0)
    doubt: Float64[np.ndarray, "n"] = np.where(is_seen, 0.0, missed_s)
    return doubt


def _patience(tracks: Tracks, at_s: float) -> Float64[np.ndarray, "n"]:
    """Return how much doubt each may gather."""
    was_followed = tracks.trail_s[:, -1] - tracks.trail_s[:, -2] <= QUICK_S
    is_moving = was_followed & (tracks.stood_s < MOVING_S)
    one_look_s = YOUNG_PATIENCE_LOOKS * (at_s - tracks.at_s if len(tracks) else 0.0)
    at_least = np.where(tracks.seen >= ESTABLISHED, PATIENCE_S[0], max(one_look_s, 1.0))
    patience = np.clip(PATIENCE_SHARE * tracks.stood_s, at_least, PATIENCE_S[1])
    allowed: Float64[np.ndarray, "n"] = np.where(is_moving, MOVING_PATIENCE_S, patience)
    return allowed


def _begun(boxes: Boxes, score: Float32[np.ndarray, "n"], at_s: float, first_id: int) -> Tracks:
    """Return tracks that begin with these boxes."""
    count = len(boxes)
    now, none = np.full(count, at_s), np.zeros(count)
    trail = np.full((count, TRAIL, 4), np.nan, np.float32)
    trail_s = np.full((count, TRAIL), -np.inf)
    trail[:, -1], trail_s[:, -1] = boxes, at_s
    return Tracks(
        ids=np.arange(first_id, first_id + count),
        xyxy=boxes,
        score=score,
        first_s=now,
        last_s=now,
        anchor=boxes,
        standing_since_s=now,
        near_s=now,
        seen=np.ones(count, np.int64),
        looks=np.ones(count, np.int64),
        rested_s=none,
        doubt_s=none,
        trail=trail,
        trail_s=trail_s,
        at_s=at_s,
        next_id=first_id + count,
    )


def _joined(kept: Tracks, begun: Tracks, at_s: float) -> Tracks:
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(kept, name), getattr(begun, name)]) for name in _COLUMNS
    }
    return replace(begun, **columns, at_s=at_s)


def _iou(a: Boxes, b: Float32[np.ndarray, "m 4"]) -> Float32[np.ndarray, "n m"]:
    common = overlap(a, b)
    union = area(a)[:, None] + area(b) - common
    iou: Float32[np.ndarray, "n m"] = common / np.maximum(union, np.float32(1e-12))
    return iou


def _foot(boxes: Boxes) -> Float32[np.ndarray, "n 2"]:
    """Return where each touches the ground: the middle of the lower side."""
    foot: Float32[np.ndarray, "n 2"] = np.stack(
        [(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1
    )
    return foot


NO_TRACKS: Final = replace(
    _begun(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), -np.inf, 1), at_s=-np.inf
)
"""Where every camera begins."""
