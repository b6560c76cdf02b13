"""Water over the line of a marked scale, from one reading of each moment.

The level is a median of the last sure readings. Water rises; it isn't over a line at once: a level
that jumps there, or is the first one seen, counts only once it has stayed. An alarm that is on
outlasts readings that say nothing, for a while.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median
from typing import Final

from pipelines.messages import AlertDetail, BoxShares, WaterScale
from pipelines.rules.events import Sighting
from pipelines.rules.settings import WaterSettings
from vision.waterline import Reading

BESIDE_SHARE: Final = 0.1
"""Of the scale's length, how far the box goes beyond it: people see what is meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known of the water at one scale."""

    recent: tuple[float, ...] = ()
    """The last levels that count, oldest first."""
    recent_at: tuple[datetime, ...] = ()
    """When each of them was read."""
    over: Sighting | None = None
    """The last sighting, while the water stands over the line."""
    sure_at: datetime | None = None
    """The last time that a reading counted."""
    jumped: tuple[float, ...] = ()
    """Levels far from the recent ones, in a row, that agree with each other."""
    jumped_at: datetime | None = None
    """When the first of them was read."""
    jumped_last_at: datetime | None = None
    """When the last of them was read."""

    @property
    def level(self) -> float | None:
        """Return where the water stands, as far as that is known."""
        return median(self.recent) if self.recent else None


def step(
    state: State,
    reading: Reading | None,
    at: datetime,
    scale: WaterScale,
    settings: WaterSettings,
) -> tuple[State, Sighting | None]:
    """Return the state after one more moment, and a sighting while water is over the line."""
    if reading is None or reading.sure < settings.sure:
        return _unread(state, at, settings)
    if _is_jump(state, reading.level, at, scale, settings):
        state = _jumped(state, reading.level, at, settings)
        if not _has_stayed(state, at, settings):
            return _unread(state, at, settings)
        levels, times = state.jumped, (at,) * len(state.jumped)
    else:
        levels, times = (*state.recent, reading.level), (*state.recent_at, at)
    state = replace(
        state,
        recent=levels[-settings.readings :],
        recent_at=times[-settings.readings :],
        sure_at=at,
        jumped=(),
        jumped_at=None,
        jumped_last_at=None,
    )
    if state.over is None and not _is_known(state, at, settings):
        return state, None
    over = _over(state, reading.sure, at, scale, settings)
    return replace(state, over=over), over


def _is_known(state: State, at: datetime, settings: WaterSettings) -> bool:
    """Return whether enough readings are fresh: now and then one of a dry wall is sure."""
    fresh = [
        then for then in state.recent_at if abs((at - then).total_seconds()) <= settings.fresh_s
    ]
    return len(fresh) >= settings.fewest


def _is_jump(
    state: State, level: float, at: datetime, scale: WaterScale, settings: WaterSettings
) -> bool:
    """Return whether water can't have come there from where it was; a flood isn't there at once."""
    if state.level is None:
        return level > scale.alarm_level
    return abs(level - state.level) > _reach(state, at, settings)


def _reach(state: State, at: datetime, settings: WaterSettings) -> float:
    """Return how far from the last known level water may stand: further if that was long ago."""
    middle = state.recent_at[len(state.recent_at) // 2]  # as old as the median, about
    further = settings.rate_per_s * max((at - middle).total_seconds(), 0.0)
    return settings.jump_share + min(further, settings.jump_share)


def _over(
    state: State, sure: float, at: datetime, scale: WaterScale, settings: WaterSettings
) -> Sighting | None:
    level = median(state.recent)
    line = scale.alarm_level
    if level <= (line - settings.margin_share if state.over else line):
        return None
    return Sighting(
        at=at,
        score=sure,
        box=_box(scale),
        strong=level > line,
        detail=AlertDetail(water_level=level),
    )


def _unread(state: State, at: datetime, settings: WaterSettings) -> tuple[State, Sighting | None]:
    """Return what a moment without a reading that counts leaves: an alarm stays on for a while."""
    over, sure_at = state.over, state.sure_at
    if over is None or sure_at is None:
        return state, None
    if at < sure_at:  # the clock was set back: the time to hold begins anew
        state = replace(state, sure_at=at)
    elif (at - sure_at).total_seconds() > settings.hold_s:
        return State(), None
    return state, replace(over, at=at, strong=False)


def _jumped(state: State, level: float, at: datetime, settings: WaterSettings) -> State:
    """Return the state with one more level that jumped; one that disagrees begins a new row."""
    first_at, last_at = state.jumped_at, state.jumped_last_at
    if first_at is not None and last_at is not None:
        waited_s = (at - last_at).total_seconds()
        near = settings.agree_share + settings.rate_per_s * waited_s
        if 0 <= waited_s <= settings.fresh_s and abs(level - state.jumped[-1]) <= near:
            row = (*state.jumped, level)[-settings.readings :]
            return replace(state, jumped=row, jumped_last_at=at)
    return replace(state, jumped=(level,), jumped_at=at, jumped_last_at=at)


def _has_stayed(state: State, at: datetime, settings: WaterSettings) -> bool:
    is_fall = state.over is not None and state.jumped[-1] < (state.level or 0.0)
    needed_s = settings.fall_s if is_fall else settings.jump_s
    waited = state.jumped_at is not None and (at - state.jumped_at).total_seconds() >= needed_s
    return waited and len(state.jumped) >= settings.fewest


def _box(scale: WaterScale) -> BoxShares:
    """Return the scale with a little around it, on the picture."""
    (x0, y0), (x1, y1) = scale.foot, scale.head
    beside = BESIDE_SHARE * max(abs(x1 - x0), abs(y1 - y0))
    return (
        max(0.0, min(x0, x1) - beside),
        max(0.0, min(y0, y1) - beside),
        min(1.0, max(x0, x1) + beside),
        min(1.0, max(y0, y1) + beside),
    )
