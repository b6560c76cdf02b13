"""What is new in a place and lies still: a slow background, and what has long been otherwise.

A light that goes on, a shadow and a wet patch change how bright a place is, not what it is made
of; what lies on it does.
"""

from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int32

from vision.arrays import Boxes, Pixels

Grey = Float32[np.ndarray, "r c"]
"""Brightness at half the picture's size, 0-255, smoothed a little."""

Mask = Bool[np.ndarray, "r c"]
"""Marked pixels of it."""

LEAST_LEVELS: Final = 10.0
"""A pixel that differs by less isn't told from noise and keyframe coding."""

SPREADS: Final = 4.0
"""Or by less than so many of its usual deviations: leaves, water, a flickering sign."""

SAME_LEVELS: Final = 10.0
"""What lies still stays within so many levels of what it was."""

FOLLOW_S: Final = 5.0
"""Time constant of what lies still: it darkens at dusk like all else, by a level in 3 s."""

FORGET_S: Final = 60.0
"""Time constant of the background: dusk takes ten minutes, a cloud is the gain's matter."""

WARM_UP_S: Final = 20.0
"""Before so long nothing is called new: ten sentry looks tell what passes from what stays."""

HIDDEN_S: Final = 6.0
"""What lies still may be hidden so long by what passes, and has still lain there."""

STILL_S: Final = 4.0
"""A thing is told of from then on; the rule asks for more."""

ABSORB_S: Final = 1800.0
"""Then it belongs to the place: a parked lorry, a heap that nobody clears."""

EARLY_S: Final = 6.0
"""A background that was seen for less, three sentry looks, gives way to what is seen for longer:
it was something that drove off. One seen for longer isn't taken over by a bus that halts."""

SMALLEST_PX: Final = 3
"""Rows and columns of the smallest thing at half the picture's size: 6 px of the detector's."""

SMALLEST_AREA_PX: Final = 8
"""Its pixels: less is noise that clots."""

LARGEST_SHARE: Final = 0.25
"""Of the picture: what covers more is a change of light or a vehicle before the lens."""

MOST_THINGS: Final = 16
"""The largest are told of; more at a time is rain or a shaken camera."""

JUMP_SHARE: Final = 0.5
"""Of the picture: if more has changed at once, it is another picture."""

GAIN_CELLS: Final = 15
"""Side, in cells of 4 px, of the neighbourhood over which a change of light is one: a quarter of
the width, so that no thing is taken for a change of light."""

DARK_LEVELS: Final = 8.0
"""Added before dividing: black has no ratio."""

LIGHT_LEVELS: Final = (1.5, 3.2)
"""What a smooth change of light leaves, once taken out, in the dark and in full light: noise and
coding. Drawn shades and lamps leave 1.1 to 3.1 and drawn rocks 3.4 to 20; dark ones less."""

LIGHT_SHARE: Final = 0.06
"""Between the two, the share of the brightness that it leaves."""

DARKEST_SHADE: Final = 0.35
"""Of the usual brightness: no shadow by day is darker, a tyre is."""

FADED_RIM: Final = 0.5
"""Share of the background's own contrast along a part's rim below which the part is a hole: what
stood or shone there when the background was learnt is gone. A thing has a rim of its own. Drawn
debris left 0.6 and more, what drawn buses and queues left behind from 0.03 to 0.4."""

COMES_S: Final = 4.1
"""What falls is there from one sentry look to the next; earth that flows takes two."""

COMES_SHARE: Final = 0.5
"""Of a part's pixels, that came within ``COMES_S``: drawn debris has 0.73 and more, puddles that
spread 0.25 to 0.5. In two slides it may come."""

OLDEST_S: Final = 1e6
"""Ages end there."""

TEXTURED_LEVELS: Final = 2.0
"""From this deviation of its fine structure on a place has a texture to know it by."""

ALIKE: Final = 0.6
"""Correlation of fine structure from which it is the same place under another light."""


@dataclass(slots=True, kw_only=True)
class _Memory:
    """The state of every pixel."""

    usual: Grey
    """The background."""
    spread: Grey
    """Its mean deviation."""
    known_s: Grey
    """For how long it was seen."""
    other: Grey
    """What is there instead."""
    lain_s: Grey
    """How long ago that came: an age, since a clock's seconds outgrow a float in some weeks."""
    unseen_s: Grey
    """How long ago it was last seen."""
    changed: Mask
    """Which pixels differed at the last look."""


@dataclass(slots=True)
class Background:
    """One camera's background. ``learn`` takes its looks in."""

    _memory: _Memory | None = field(default=None)
    _first_s: float = 0.0
    _last_s: float = 0.0

    def learn(self, pixels: Pixels, at_s: float) -> tuple[Boxes, Float32[np.ndarray, "n"]]:
        """Return what is new and still, largest first, and for how long each has lain there.

        ``at_s`` is any clock's that goes forward; boxes are shares of the picture. Nothing is
        told while the background is new, and it is new after a jump: another size of the picture,
        another scene, a clock that went back.
        """
        grey = _grey(pixels)
        memory = self._memory
        if memory is None or memory.usual.shape != grey.shape or at_s < self._last_s:
            return self._begin(grey, at_s)
        now_s, step_s = at_s - self._first_s, at_s - self._last_s
        expected = np.asarray(memory.usual * _gain(grey, memory), np.float32)
        apart = np.abs(grey - expected)
        changed = apart > np.maximum(SPREADS * memory.spread, LEAST_LEVELS)
        if now_s > WARM_UP_S and float(changed.mean()) > JUMP_SHARE:
            return self._begin(grey, at_s)
        self._last_s = at_s
        lies = _see(memory, grey, changed, step_s)
        _settle(memory, (grey, apart), (changed, lies), step_s)
        return _things(memory, grey, expected, lies) if now_s >= WARM_UP_S else _nothing()

    def _begin(self, grey: Grey, at_s: float) -> tuple[Boxes, Float32[np.ndarray, "n"]]:
        never = np.full(grey.shape, OLDEST_S, np.float32)
        self._memory = _Memory(
            usual=grey.copy(),
            spread=np.full(grey.shape, 1.0, np.float32),
            known_s=np.zeros(grey.shape, np.float32),
            other=grey.copy(),
            lain_s=never,
            unseen_s=never.copy(),
            changed=np.zeros(grey.shape, bool),
        )
        self._first_s = self._last_s = at_s
        return _nothing()


def _nothing() -> tuple[Boxes, Float32[np.ndarray, "n"]]:
    return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)


def _grey(pixels: Pixels) -> Grey:
    size = (max(pixels.shape[1] // 2, 1), max(pixels.shape[0] // 2, 1))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.blur(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), (3, 3)), np.float32)


def _gain(grey: Grey, memory: _Memory) -> Grey:
    """Return how much brighter each neighbourhood is than usual, by what hadn't changed in it."""
    weight = (~memory.changed).astype(np.float32)
    now, usual = (_wide(weight * (one + DARK_LEVELS)) for one in (grey, memory.usual))
    ratio = np.clip((now + 1.0) / (usual + 1.0), 0.5, 2.0)
    return np.asarray(cv2.resize(ratio, grey.shape[::-1], interpolation=cv2.INTER_LINEAR))


def _wide(picture: Grey) -> Float32[np.ndarray, "r4 c4"]:
    """Return the means of wide neighbourhoods, at a quarter of the size: they change slowly."""
    small = (max(picture.shape[1] // 4, 1), max(picture.shape[0] // 4, 1))
    fewer = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.blur(fewer, (GAIN_CELLS, GAIN_CELLS)))


def _see(memory: _Memory, grey: Grey, changed: Mask, step_s: float) -> Mask:
    """Remember what is there instead of the background; return where it is what was there before.

    What passes before it doesn't take its place until it has been hidden for too long.
    """
    for age_s in (memory.lain_s, memory.unseen_s):
        np.minimum(age_s + np.float32(step_s), np.float32(OLDEST_S), out=age_s)
    is_lost = memory.unseen_s > max(HIDDEN_S, 1.5 * step_s)
    lies = changed & ~is_lost & (np.abs(grey - memory.other) <= SAME_LEVELS)
    anew = changed & is_lost
    np.copyto(memory.other, grey, where=anew)
    memory.lain_s[anew] = 0.0
    memory.unseen_s[anew | lies] = 0.0
    pace = np.float32(min(step_s / FOLLOW_S, 0.5))
    memory.other += np.where(lies, pace * (grey - memory.other), np.float32(0.0))
    memory.changed = changed
    return np.asarray(lies)


def _settle(
    memory: _Memory, seen: tuple[Grey, Grey], marks: tuple[Mask, Mask], step_s: float
) -> None:
    """Move the background to what is usual now; take in what has lain for very long.

    ``seen`` is the picture and how far it is from what was expected: dusk is no deviation.
    """
    (grey, apart), (changed, lies) = seen, marks
    memory.known_s += np.where(changed, np.float32(0.0), np.float32(step_s))
    # While it is new the mean of what was seen, later a slow one.
    weight = np.float32(step_s) / (np.minimum(memory.known_s, np.float32(FORGET_S)) + 1e-3)
    weight = np.where(changed, np.float32(0.0), np.minimum(weight, np.float32(0.5)))
    memory.spread += weight * (apart - memory.spread)
    memory.usual += weight * (grey - memory.usual)
    # What moved at the first look left a hole: what is seen longer than it was there first.
    early = (memory.known_s < EARLY_S) & (memory.lain_s > memory.known_s)
    taken = lies & ((memory.lain_s > ABSORB_S) | early)
    np.copyto(memory.usual, grey, where=taken)
    memory.spread[taken] = 1.0
    np.copyto(memory.known_s, memory.lain_s, where=taken)


def _things(
    memory: _Memory, grey: Grey, expected: Grey, lies: Mask
) -> tuple[Boxes, Float32[np.ndarray, "n"]]:
    """Return the connected parts of what has lain long enough and isn't light."""
    old = (lies & (memory.lain_s >= STILL_S)).astype(np.uint8)
    if not old.any():
        return _nothing()
    closed = cv2.morphologyEx(old, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    _, parts, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    boxes, still_s = [], []
    for row in _of_fitting_size(np.asarray(stats, np.int32), old.size):
        left, top, wide, tall = stats[row, :4].tolist()
        # A little around it: its smoothing reaches beyond it.
        part = (slice(max(top - 2, 0), top + tall + 2), slice(max(left - 2, 0), left + wide + 2))
        inside = np.asarray(parts[part] == row)
        if _is_hole(grey[part], expected[part], inside):
            continue
        if _is_light(grey[part], expected[part], memory.spread[part], inside):
            continue
        ages_s = memory.lain_s[part][inside & (old[part] > 0)]
        if _has_spread(ages_s):
            continue
        boxes.append((left, top, left + wide, top + tall))
        still_s.append(float(np.median(ages_s)))
    rows, columns = old.shape
    scale = np.array([columns, rows, columns, rows], np.float32)
    corners: Boxes = np.array(boxes, np.float32).reshape(-1, 4) / scale
    return corners, np.array(still_s, np.float32)


def _of_fitting_size(stats: Int32[np.ndarray, "k 5"], picture_px: int) -> list[int]:
    """Return which connected parts may be things, largest first; part 0 is all the rest."""
    areas = stats[:, cv2.CC_STAT_AREA]
    sides = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].min(axis=1)
    fits = (sides >= SMALLEST_PX) & (areas >= SMALLEST_AREA_PX)
    fits &= areas <= LARGEST_SHARE * picture_px
    rows: list[int] = np.flatnonzero(fits[1:]).tolist()
    return sorted((row + 1 for row in rows), key=lambda row: -int(areas[row]))[:MOST_THINGS]


def _is_hole(grey: Grey, expected: Grey, inside: Mask) -> bool:
    """Say whether the background has the rim of a thing here, and the picture has none."""
    solid, kernel = inside.astype(np.uint8), np.ones((3, 3), np.uint8)
    rim = (cv2.dilate(solid, kernel) - cv2.erode(solid, kernel)) > 0
    return _contrast(grey, rim) < FADED_RIM * _contrast(expected, rim)


def _contrast(picture: Grey, mask: Mask) -> float:
    """Return the mean steepness of the picture in the mask."""
    across, down = (cv2.Sobel(picture, cv2.CV_32F, *axis) for axis in ((1, 0), (0, 1)))
    return float(np.hypot(across, down)[mask].mean())


def _has_spread(ages_s: Float32[np.ndarray, "k"]) -> bool:
    """Say whether a part came bit by bit, as water does and dirt that is carried there."""
    ordered = np.sort(ages_s)
    together = np.searchsorted(ordered, ordered + np.float32(COMES_S), "right")
    most = int((together - np.arange(len(ordered))).max())
    return most < COMES_SHARE * len(ordered)


def _is_light(grey: Grey, expected: Grey, spread: Grey, inside: Mask) -> bool:
    """Say whether a part is the same ground under another light: smoothly brighter or darker."""
    mask = inside.astype(np.float32)
    core = _core(inside)
    lit, ground = grey + np.float32(DARK_LEVELS), expected + np.float32(DARK_LEVELS)
    ratio = lit / ground
    if float(np.median(ratio[inside])) < DARKEST_SHADE:
        return False
    left_by_light = float(np.clip(LIGHT_SHARE * np.median(lit[inside]), *LIGHT_LEVELS))
    least = max(left_by_light, 1.5 * float(np.median(spread[inside])))
    # Light on the ground multiplies it, a halo in the air adds to it.
    scaled = (lit - _smooth(ratio, mask) * ground)[core]
    added = (lit - ground - _smooth(lit - ground, mask))[core]
    is_smooth = min(float(scaled.std()), float(added.std())) < least
    return is_smooth or _is_same_texture(grey, expected, core)


def _core(inside: Mask) -> Mask:
    """Return a part without its rim, as far as it has an inside: a shade's rim is soft."""
    for side in (5, 3):
        core = cv2.erode(inside.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
        if core.sum() >= SMALLEST_AREA_PX:
            return np.asarray(core)
    return inside


def _smooth(picture: Grey, mask: Grey) -> Grey:
    """Return the picture smoothed, by what lies in the mask alone."""
    weight = np.maximum(cv2.blur(mask, (5, 5)), np.float32(0.04))
    return np.asarray(cv2.blur(picture * mask, (5, 5)) / weight)


def _is_same_texture(grey: Grey, expected: Grey, core: Mask) -> bool:
    """Say whether the fine structure of the ground still shows."""
    now = (grey - cv2.blur(grey, (5, 5)))[core]
    usual = (expected - cv2.blur(expected, (5, 5)))[core]
    if len(now) < 4 * SMALLEST_AREA_PX or usual.std() < TEXTURED_LEVELS or now.std() == 0.0:
        return False
    return float(np.corrcoef(now, usual)[0, 1]) >= ALIKE
