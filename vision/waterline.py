"""Where water stands on a marked scale, told from a picture and from what moved since the last.

A strip along the scale is sampled. The waterline is where it changes all across at once, near and
far (marks, digits and stains change a part of it, or not for long), and where what lies below is
what lies above turned over and paler: a mirror. Calm water mirrors so well that the end of the
mirror image looks like a waterline too, but nothing is mirrored there. Painted patterns mirror
themselves as well, but don't get paler.

Still pictures of a wall that a flood has stained, or of somebody before a gauge, look the same as
water. So once there is a picture before, a line is sure only if it moves below and not above.

It is meant for a staff gauge, or a part of a wall or pier that is plain or finely marked. A painted
figure as high as a sixth of the scale, cut by the water, is often read as unsure. Water within
``HEAD_SHARE`` of the head or over it is not told from none: an alarm level lies well below.
"""

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from jaxtyping import Float32, Float64

from vision.arrays import Pixels

Point = tuple[float, float]
"""x y, shares 0-1 of the picture."""

Strip = Float32[np.ndarray, "rows columns"]
"""Brightness along a scale, from beyond its head down to beyond its foot."""

Rows = Float64[np.ndarray, "rows"]
"""A number for each row of a strip."""

Scores = Float64[np.ndarray, "cuts"]
"""A number for each cut between two rows of a strip, both its ends included."""

BELOW_SHARE: Final = 0.15
"""The strip goes on below the foot by this share, for a line near it and its mirror image."""

ABOVE_SHARE: Final = 0.06
"""And beyond the head by this, no further: what stands there is no part of the scale."""

HEAD_SHARE: Final = 0.03
"""So close to the head its own upper edge is taken for a line. Water there hides the scale."""

WIDTH_SHARE: Final = 0.08
"""Of the scale's length: a staff gauge is about a twelfth as wide as the part that one sees."""

MIN_LENGTH_PX: Final = 20.0
"""A shorter scale has no room for a near and a far look on both sides of a line."""

ROWS: Final = (32, 160)
"""Fewest and most of the scale itself. Finer than the picture's pixels they would say no more; at
160 a row is a 160th of the scale, and a reading costs half a millisecond."""

COLUMNS: Final = (5, 15)
"""Fewest and most of the strip."""

NEAR_SHARE: Final = 1 / 40
"""Of the scale: how far the near look at a change goes, at least two rows."""

FAR_SHARE: Final = 1 / 16
"""Of the scale: how far the far look goes. Longer than a mark of a staff gauge is high."""

MIRROR_SHARE: Final = 0.3
"""Of the scale: how much of a mirror image is compared at most."""

WHOLE_MIRROR_SHARE: Final = 0.2
"""Of the scale: a shorter image counts for less. Any dark band mirrors itself about its middle."""

PALER: Final = 0.1
"""A mirror image has so much less contrast at least; still water takes half at a flat angle."""

ANOTHER_MIRROR: Final = 0.4
"""Where a mirror image is so much better elsewhere, the line is there, whatever changes here."""

LEAST_CHANGE: Final = 0.03
"""Above the best cut a mirror image without any change is none: marks of a gauge are alike."""

SHARPEN_ROWS: Final = 3
"""Within so many rows of the best cut the line is where most changes."""

FAINT_SHARE: Final = 0.08
"""Of the strip's range: what varies by less is shading, and shading is soon like itself."""

MARKED_SHARE: Final = 0.15
"""Of the strip's range: what varies by more is well marked."""

BANDS: Final = 5
"""Columns that a mirror image is compared in; ripples blur finer ones."""

SEEN_LEVELS: Final = 5.0
"""Differences of so few brightness levels are noise and coding."""

ENOUGH_CHANGE: Final = 0.3
"""A change of more than this share of the strip's range says no more: paint changes it most."""

UNMIRRORED: Final = 0.15
"""What a change is worth without any mirror image below: rough or muddy water has none."""

OPPOSED: Final = 0.6
"""How much of that is lost where what lies below changes against a mirror's way."""

APART_SHARE: Final = 0.06
"""Of the scale: two lines further apart than this contradict each other."""

UPPER_DOUBT: Final = 3.0
"""So much more a fainter change counts against a line that mirrors nothing and lies lower: that may
be the end of a mirror image, which is much plainer than the line where a good mirror begins."""

CLEAR_CHANGE: Final = 0.2
"""A change of a fifth of the strip's own range, all across: ``sure`` needs it in full."""

CLEAR_MARGIN: Final = 0.5
"""A line twice as good as the next one leaves no doubt."""

NEW_SHARE: Final = 0.5
"""What the newest look says of unrest: the last two or three count, while the water may rise."""

QUIET_SHARE: Final = 0.3
"""Of the scale: so far above a line nothing moves."""

RESTLESS_SHARE: Final = 0.15
"""Of the scale: so far below a line water moves. Deeper it may be too dark to see."""

SWELL_SHARE: Final = 0.03
"""Of the scale: so close above a line its waves move too."""

STIR: Final = 1.0
"""Brightness levels, squared: what moves by less is the coding of a picture, not water."""

RESTLESS: Final = (1.4, 2.4)
"""So many times as much moves below as above: not yet water, and surely so. Noise alone gives up to
1.3, rain before a dry wall 1.5."""

QUIET: Final = (2.0, 4.0)
"""So many times as much as where least moves: still as dry as that; no more. Where a mirror image
ends even more moves than in it."""

STATIC: Final = (16.0, 40.0)
"""So many times as much as moves stands out below a line: water's own pattern is 20 at most, for a
moment. Somebody who stands before a scale is 100 and more, whatever the arms do."""

RESTLESS_WORTH: Final = 0.6
"""Of unrest that begins at a cut, beside its mirror image: half of a very good one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one picture says of the water."""

    level: float
    """Share of the way from foot to head: 0 at or below the foot, 1 at or over the head."""
    sure: float
    """0-1; 0: there is no line to be seen, and ``level`` says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What a look leaves for the next one of the same scale."""

    detail: Strip
    """The strip without its slow shading, which light changes."""
    unrest: Rows
    """Of each row, how much its detail has changed from look to look, squared."""


NO_READING: Final = Reading(level=0.0, sure=0.0)


def read(picture: Pixels, foot: Point, head: Point) -> Reading:
    """Return where water stands between ``foot`` and ``head``, from this picture alone."""
    return follow(picture, foot, head, None)[0]


def follow(
    picture: Pixels, foot: Point, head: Point, before: Trace | None
) -> tuple[Reading, Trace | None]:
    """Return where water stands, told from what moves since the last looks as well."""
    height_px, width_px = picture.shape[:2]
    along = np.array([(head[0] - foot[0]) * width_px, (head[1] - foot[1]) * height_px])
    length_px = float(np.hypot(*along))
    if length_px < MIN_LENGTH_PX:
        return NO_READING, None
    rows = round(min(max(length_px, ROWS[0]), ROWS[1]))
    start = np.array([foot[0] * width_px, foot[1] * height_px]) - 0.5  # a pixel's centre is at 0
    strip, levels = _sampled(picture, start, along, rows)
    if len(strip) < 2 * _far(rows) + 4:
        return NO_READING, None  # most of it lies off the picture
    trace, restless, moves = _moved(strip, rows, before)
    return _told(strip, levels, rows, restless, moves), trace


def _told(strip: Strip, levels: Scores, rows: int, restless: Scores, moves: Scores) -> Reading:
    low, high = np.percentile(strip, (1, 99))
    spread = float(high - low)
    change = _change(strip, rows, spread)
    mirror, marked = np.full((2, len(levels)), ((UNMIRRORED,), (0.0,)))
    top = int((levels > 1).sum())  # what stands beyond the head is no part of a mirror image
    mirror[top:], marked[top:] = _mirrored(strip[top:], rows, spread)
    water = mirror + RESTLESS_WORTH * restless
    worth = np.minimum(change, ENOUGH_CHANGE) * water * (levels < 1 - HEAD_SHARE)
    best = int(worth.argmax())
    if worth[best] <= 0:
        return NO_READING
    near = slice(max(0, best - SHARPEN_ROWS), best + SHARPEN_ROWS + 1)
    line = near.start + int((change[near] * water[near]).argmax())
    sure = min(1.0, change[line] / CLEAR_CHANGE)
    sure *= _unrivalled(best, levels, worth, marked, mirror)
    sure *= _best_mirror(best, levels, change, mirror)
    sure *= moves[best]
    return Reading(level=float(levels[line].clip(0, 1)), sure=float(sure))


def _moved(strip: Strip, rows: int, before: Trace | None) -> tuple[Trace, Scores, Scores]:
    """Return what is left for the next look, where unrest begins, and how sure it is water's.

    Water's mirror image and its glints are never twice the same; marks of a dry scale are.
    """
    detail = strip - cv2.blur(strip, (1, 2 * _far(rows) + 1))
    nothing = np.zeros(len(strip) + 1)
    if before is None or before.detail.shape != detail.shape:
        return Trace(detail=detail, unrest=np.full(len(strip), np.nan)), nothing, nothing + 1
    moved = ((detail - before.detail) ** 2).mean(axis=1, dtype=np.float64) / 2
    unrest = np.where(np.isnan(before.unrest), moved, before.unrest)
    unrest += NEW_SHARE * (moved - unrest)
    high = round(rows * QUIET_SHARE)
    deep, swell = round(rows * RESTLESS_SHARE), max(1, round(rows * SWELL_SHARE))
    above = _mean_of(unrest, -high - swell, -swell)
    below = _mean_of(unrest, 1, 1 + deep)
    stands = _mean_of((detail**2).mean(axis=1, dtype=np.float64), 1, 1 + deep)
    near = _mean_of(unrest, 1, 1 + max(2, round(rows * FAR_SHARE)))
    floor = above[max(swell + 2, deep // 2) :].min()
    quiet = 1 - _ramp((above + STIR) / (floor + STIR), QUIET)
    times = quiet * np.log((np.minimum(below, near) + STIR) / (above + STIR))
    restless = _ramp(times, (math.log(RESTLESS[0]), math.log(RESTLESS[1])))
    moves = restless * (1 - _ramp(stands / (below + STIR), STATIC))
    most = max(float(times.max()), math.log(RESTLESS[1]))  # it is at the line itself
    return Trace(detail=detail, unrest=unrest), restless * (times / most).clip(0, 1), moves


def _mean_of(values: Rows, first: int, end: int) -> Scores:
    """Return at each cut the mean of the rows so far from it, as far as there are any."""
    sums = np.append(0.0, np.cumsum(values))
    cuts = np.arange(len(sums))
    low, high = (np.clip(cuts + offset, 0, len(values)) for offset in (first, end))
    return np.asarray((sums[high] - sums[low]) / np.maximum(high - low, 1))


def _ramp(values: Scores, ends: tuple[float, float]) -> Scores:
    return np.asarray(np.clip((values - ends[0]) / (ends[1] - ends[0]), 0.0, 1.0))


def _unrivalled(best: int, levels: Scores, worth: Scores, marked: Scores, mirror: Scores) -> float:
    """Return how little any other line is worth, 0-1."""
    rivals = np.where(np.abs(levels - levels[best]) > APART_SHARE, worth, 0.0)
    if mirror[best] < 2 * UNMIRRORED:
        doubt = UPPER_DOUBT - (UPPER_DOUBT - 1) * marked
        rivals = rivals * np.where(levels > levels[best], doubt, 1.0)
    margin = 1 - rivals.max() / worth[best]
    return float(np.clip(margin / CLEAR_MARGIN, 0, 1))


def _best_mirror(best: int, levels: Scores, change: Scores, mirror: Scores) -> float:
    """Return how little better a mirror image lies anywhere else, 0-1."""
    changed = cv2.dilate(change, np.ones(2 * SHARPEN_ROWS + 1)).ravel() > LEAST_CHANGE
    far = np.abs(levels - levels[best]) > APART_SHARE
    elsewhere = far & (changed | (levels < levels[best]))
    better = np.max(mirror, where=elsewhere, initial=0.0) - mirror[best]
    return float(np.clip(2 - 2 * better / ANOTHER_MIRROR, 0, 1))


def _sampled(
    picture: Pixels, foot: Float64[np.ndarray, "2"], along: Float64[np.ndarray, "2"], rows: int
) -> tuple[Strip, Scores]:
    """Return the strip, head first, as far as it lies on the picture, and each cut's level."""
    height_px, width_px = picture.shape[:2]
    length_px = float(np.hypot(*along))
    columns = round(min(max(WIDTH_SHARE * length_px, COLUMNS[0]), COLUMNS[1]))
    sideways = np.array([-along[1], along[0]]) * np.linspace(-0.5, 0.5, columns)[:, None]
    levels = np.arange(1 + ABOVE_SHARE, -BELOW_SHARE, -1 / rows)
    points = foot + levels[:, None, None] * along + WIDTH_SHARE * sideways
    inside = (points >= 0) & (points <= (width_px - 1, height_px - 1))
    whole = inside.all(axis=2).any(axis=1)  # columns that lie beside the picture repeat its edge
    x, y = np.moveaxis(points[whole], 2, 0).astype(np.float32, order="C")
    colour = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    kept = levels[whole]
    cuts = np.append(kept, kept[-1:] - 1 / rows) + 0.5 / rows
    return cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY).astype(np.float32), cuts


def _far(rows: int) -> int:
    return max(3, round(rows * FAR_SHARE))


def _change(strip: Strip, rows: int, spread: float) -> Scores:
    """Return how much of its own range the strip changes at each cut, all across, and for good."""
    sums = np.zeros((len(strip) + 1, strip.shape[1]))
    np.cumsum(strip, axis=0, out=sums[1:])
    near, near_across = _step(sums, max(2, round(rows * NEAR_SHARE)))
    far, far_across = _step(sums, _far(rows))
    sign = np.sign(near)
    least = np.minimum(np.minimum(near * sign, far * sign), _lasting(strip, _far(rows), sign))
    noise = np.abs(np.diff(strip, axis=1)).mean() / np.sqrt(strip.shape[1])
    seen = np.maximum(least - noise - SEEN_LEVELS / 2, 0)
    return np.asarray(seen / (spread + SEEN_LEVELS) * near_across * far_across)


def _step(sums: Float64[np.ndarray, "cuts columns"], reach: int) -> tuple[Scores, Scores]:
    """Return how much darker it is below each cut, and whether all columns agree, 0-1.

    The rows at the cut itself are left out: the line goes through them.
    """
    means = (sums[reach:] - sums[:-reach]) / reach
    apart = means[: -reach - 2] - means[reach + 2 :]
    darker, across = np.zeros(len(sums)), np.zeros(len(sums))
    middle = slice(reach + 1, len(sums) - reach - 1)
    darker[middle] = np.median(apart, axis=1)
    across[middle] = np.abs(apart.mean(axis=1)) / (np.abs(apart).mean(axis=1) + 1)
    return darker, across


def _lasting(strip: Strip, reach: int, sign: Scores) -> Scores:
    """Return what is left of a change beyond a stripe's height, on the side where less is left.

    A painted line is darker and then as bright again; water isn't. At the strip's ends, where
    nobody can say, all of it is.
    """
    sums = np.append(0.0, np.cumsum(strip.mean(axis=1, dtype=np.float64)))
    means = (sums[reach:] - sums[:-reach]) / reach
    apart = means[: -2 * reach] - means[2 * reach :]  # with one reach between them
    result = np.full(len(sums), np.inf)
    for first in (reach, 2 * reach):  # what is left out lies below the cut; above it
        part = slice(first, first + len(apart))
        result[part] = np.minimum(result[part], apart * sign[part])
    return result


def _mirrored(strip: Strip, rows: int, spread: float) -> tuple[Scores, Scores]:
    """Return how much what lies below each cut is a paler mirror image of what lies above.

    From below ``UNMIRRORED``, for the contrary, to 1 more than that. And how well marked it is
    above, 0-1: of what is well marked a mirror image would be seen.
    """
    edges = np.linspace(0, strip.shape[1], BANDS + 1).astype(int)[:-1]
    bands = np.add.reduceat(strip.astype(np.float64), edges, axis=1)
    bands /= np.diff([*edges, strip.shape[1]])
    bands -= bands.mean(axis=0)
    longest = round(rows * MIRROR_SHARE)
    cuts = np.arange(len(bands) + 1)
    reach = np.minimum(np.minimum(cuts, len(bands) - cuts), longest)
    sums = np.zeros((2, len(cuts), BANDS))
    np.cumsum([bands, bands**2], axis=1, out=sums[:, 1:])
    size = np.maximum(reach, 1)[:, None]
    above, above_square = (sums[:, cuts] - sums[:, cuts - reach]) / size
    below, below_square = (sums[:, cuts + reach] - sums[:, cuts]) / size
    # Zeros beyond both ends add nothing, so that all windows may be of one length.
    padded = np.pad(bands, ((longest, longest), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, longest, axis=0)
    products = np.einsum("cbr,cbr->c", windows[: len(cuts), :, ::-1], windows[longest:])
    shared = products / (size[:, 0] * BANDS) - (above * below).mean(axis=1)
    above_var = (above_square - above**2).clip(0).mean(axis=1)
    below_var = (below_square - below**2).clip(0).mean(axis=1)
    floor = SEEN_LEVELS**2 + (FAINT_SHARE * spread) ** 2
    likeness = shared / np.sqrt((above_var + floor) * (below_var + floor))
    paler = 1 - np.sqrt((below_var + 1) / (above_var + 1))
    mirror = likeness.clip(0, 1) ** 2 * (paler / PALER).clip(0, 1)
    against = UNMIRRORED * OPPOSED * likeness.clip(-1, 0)
    whole = (reach / (rows * WHOLE_MIRROR_SHARE)).clip(0, 1)
    marked = whole * above_var / (above_var + (MARKED_SHARE * spread) ** 2 + 1)
    return UNMIRRORED + whole * (mirror + against), marked
