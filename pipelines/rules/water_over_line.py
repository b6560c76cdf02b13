"""Water over the line of a marked scale, from one reading of each moment.

The level is a median of the last sure readings. A reading that jumps is another level only once it
has stayed. An alarm that is on outlasts readings that say nothing, for a while.
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
    over: Sighting | None = None
    """The last sighting, while the water stands over the line."""
    sure_at: datetime | None = None
    """The last time that a reading counted."""
    jumped: tuple[float, ...] = ()
    """Levels far from the recent ones, in a row, that agree with each other."""
    jumped_at: datetime | None = None
    """When the first of them was read."""

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
    level = state.level
    if level is not None and abs(reading.level - level) > settings.jump_share:
        state = _jumped(state, reading.level, at, settings)
        if not _has_stayed(state, at, settings):
            return _unread(state, at, settings)
        state = replace(state, recent=state.jumped[-settings.readings :])
    else:
        state = replace(state, recent=(*state.recent, reading.level)[-settings.readings :])
    state = replace(state, sure_at=at, jumped=(), jumped_at=None)
    if len(state.recent) < settings.fewest:
        return state, None
    over = _over(state, reading.sure, at, scale, settings)
    return replace(state, over=over), over


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
    agrees = state.jumped and abs(level - median(state.jumped)) <= settings.agree_share
    if not agrees or state.jumped_at is None or at < state.jumped_at:
        return replace(state, jumped=(level,), jumped_at=at)
    return replace(state, jumped=(*state.jumped, level)[-settings.readings :])


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
