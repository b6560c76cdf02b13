"""What ails a camera: lost, frozen, black, covered, moved, blurred, each told apart.

The rule keeps what the camera usually shows, one reference by colour and one by infrared, and
judges every look against the one that fits better. References follow slow changes (dusk, snow)
while nothing is wrong, and stay as they are while something is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

import numpy as np

from pipelines.messages import AlertDetail, CameraFault
from pipelines.rules.events import Sighting
from pipelines.rules.settings import SETTINGS, CameraFaultSettings
from vision.tamper import (
    Sight,
    bared_share,
    blended,
    faded_share,
    hidden_share,
    is_black,
    is_blank,
    is_elsewhere,
    layout,
    likeness,
    shared_edges,
    sharpness,
)

INFRARED_TINT: Final = 2.0
"""Below, a picture has no colour: infrared's is exactly grey, but for what coding adds."""

COLOUR_TINT: Final = 4.0
"""From here on it has. A grey street in fog lies between, and stays what it was."""

MISSES_BORNE: Final = 1
"""Looks without a sign that don't end it: a lamp flashes, something flies past."""


class Light(Enum):
    """By what a camera sees; infrared shows another brightness and softness of everything."""

    COLOUR = auto()
    INFRARED = auto()


class Sign(Enum):
    """What a look may show, strongest first."""

    FROZEN = CameraFault.FROZEN
    BLACK = CameraFault.BLACK
    COVERED = CameraFault.COVERED
    HALF_COVERED = "half_covered"
    MOVED = CameraFault.MOVED
    BLURRED = CameraFault.BLURRED

    @property
    def fault(self) -> CameraFault:
        """Return what it is a sign of."""
        return CameraFault.COVERED if self is Sign.HALF_COVERED else CameraFault(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What a camera usually shows."""

    sight: Sight
    """Averaged over looks."""
    learnt_at: datetime
    """When it was made."""
    adapted_at: datetime
    """When a look was last mixed in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Looks in a row that show the same."""

    since: datetime
    """The first."""
    looks: int
    """How many."""
    sight: Sight
    """What they show."""
    misses: int = 0
    """Looks without, since the last with."""

    def lasted_s(self, at: datetime) -> float:
        """Return for how long."""
        return (at - self.since).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is remembered of one camera; ``State()`` is the beginning, and after a revision."""

    references: Mapping[Light, Reference] = field(default_factory=dict)
    """What it usually shows, by light."""
    light: Light | None = None
    """The present one."""
    light_since: datetime | None = None
    """When it came."""
    learning: Run | None = None
    """Looks that become a reference if they stay alike."""
    runs: Mapping[Sign, Run] = field(default_factory=dict)
    """Signs that were seen lately."""
    fault: CameraFault | None = None
    """What ails it now."""
    last: Sight | None = None
    """The last look."""
    last_at: datetime | None = None
    """When it was taken."""


def step(
    state: State,
    sight: Sight | None,
    at: datetime,
    *,
    settings: CameraFaultSettings = SETTINGS.camera_fault,
) -> tuple[State, Sighting | None]:
    """Return the state after one more look, and the fault that it shows, if it has lasted."""
    if sight is None:
        return state, None
    state = _in_light(_after_gap(state, at, settings), sight, at)
    signs = _signs(state, sight, settings)
    runs = _runs(state, signs, sight, at, settings)
    fault = _fault(state.fault, runs, at, settings)
    state = replace(state, runs=runs, fault=fault, last=sight, last_at=at)
    if fault is None and not signs:
        return _learnt(state, sight, at, settings), None
    state = _adopted(replace(state, learning=None), at, settings)
    scores = [score for sign, score in signs.items() if sign.fault is state.fault]
    if state.fault is None or not scores:
        return state, None
    return state, _sighting(state.fault, max(scores), at)


def lost(state: State, at: datetime) -> tuple[State, Sighting]:
    """Return what a camera that sends nothing says. The caller has waited ``lost_after_s``."""
    state = replace(state, runs={}, learning=None, fault=CameraFault.LOST, last=None, last_at=at)
    return state, _sighting(CameraFault.LOST, 1.0, at)


def untold(state: State, at: datetime, settings: CameraFaultSettings) -> State:
    """Return the state after a look of which nobody is told: a move isn't taken for usual by it."""
    run = state.runs.get(Sign.MOVED)
    if run is None:
        return state
    since = max(run.since, at - timedelta(seconds=settings.moved_s))
    return replace(state, runs={**state.runs, Sign.MOVED: replace(run, since=since)})


def _sighting(fault: CameraFault, score: float, at: datetime) -> Sighting:
    return Sighting(at=at, score=score, box=None, detail=AlertDetail(fault=fault))


def _after_gap(state: State, at: datetime, settings: CameraFaultSettings) -> State:
    """Forget what lasts if the last look is too long ago, or the clock was set back."""
    if state.last_at is None:
        return state
    gap_s = (at - state.last_at).total_seconds()
    if 0.0 <= gap_s <= settings.longest_gap_s and state.fault is not CameraFault.LOST:
        return state
    return replace(state, runs={}, learning=None, fault=None, last=None)


def _in_light(state: State, sight: Sight, at: datetime) -> State:
    light = state.light
    if sight.tint < INFRARED_TINT:
        light = Light.INFRARED
    elif sight.tint >= COLOUR_TINT or light is None:
        light = Light.COLOUR
    if light is state.light or is_blank(sight):  # a cover or a black picture has no colour either
        return state
    return replace(state, light=light, light_since=at, learning=None)


def _signs(state: State, sight: Sight, settings: CameraFaultSettings) -> dict[Sign, float]:
    """Return what a look shows, with how sure that is, 0-1."""
    if is_black(sight):
        return {Sign.BLACK: 1.0}
    if is_blank(sight):
        is_night = _is_night(sight, settings)  # a lamp in the dark
        return {} if is_night else {Sign.COVERED: 1.0, Sign.HALF_COVERED: 1.0}
    signs: dict[Sign, float] = {}
    if state.last is not None and state.last.digest == sight.digest:
        signs[Sign.FROZEN] = 1.0
    if not state.references:
        return signs
    usuals = [one.sight for one in state.references.values()]
    usual = max(usuals, key=lambda one: likeness(one, sight))
    like, kept = likeness(usual, sight), shared_edges(usual, sight)
    as_ever = layout(usual, sight) >= settings.kept_layout
    if not as_ever:
        signs |= _covered(usual, sight, settings)
    if not signs.keys() & {Sign.COVERED, Sign.HALF_COVERED}:
        may_be = kept < settings.shift_below
        if like < settings.other_scene or (may_be and is_elsewhere(usual, sight)):
            signs[Sign.MOVED] = min(1.0, 1.0 - like)
        elif as_ever or kept >= settings.shift_below:
            signs |= _blurred(state, sight, settings)
    return signs


def _covered(usual: Sight, sight: Sight, settings: CameraFaultSettings) -> dict[Sign, float]:
    hidden = hidden_share(usual, sight)
    if _is_night(sight, settings):
        return {}
    if hidden >= settings.whole_share:
        return {Sign.HALF_COVERED: hidden, Sign.COVERED: hidden}
    # A cloth's folds are edges, too; then more of the detail must be gone.
    is_bare = bared_share(usual, sight) >= settings.bared_share
    is_hidden = hidden >= (settings.hidden_share if is_bare else settings.folded_share)
    is_fog = faded_share(usual, sight) >= settings.faded_share
    return {Sign.HALF_COVERED: hidden} if is_hidden and not is_fog else {}


def _is_night(sight: Sight, settings: CameraFaultSettings) -> bool:
    return float(np.percentile(sight.level, 90)) < settings.dark_level


def _blurred(state: State, sight: Sight, settings: CameraFaultSettings) -> dict[Sign, float]:
    """Say whether a look is soft against the reference of its own light."""
    own = state.references.get(state.light) if state.light else None
    is_on = state.fault is CameraFault.BLURRED
    # Infrared is softer than colour and its focus differs: what was learnt before it switched
    # last says nothing, unless the camera was blurred when it switched.
    is_known = own is not None and (is_on or _is_of_this_light(state, own))
    if own is None or not is_known:
        return {Sign.BLURRED: 0.5} if is_on else {}
    left = sharpness(own.sight, sight)
    return {Sign.BLURRED: min(1.0, 1.0 - left)} if left < settings.soft_share else {}


def _is_of_this_light(state: State, reference: Reference) -> bool:
    return state.light_since is not None and reference.learnt_at >= state.light_since


def _runs(
    state: State,
    signs: Mapping[Sign, float],
    sight: Sight,
    at: datetime,
    settings: CameraFaultSettings,
) -> dict[Sign, Run]:
    """Return the runs after a look: longer, begun, borne or gone."""
    runs = {}
    for sign in Sign:
        run = state.runs.get(sign)
        if sign in signs:
            new = _begun(state, sign, sight, at)
            runs[sign] = new if run is None else _longer(run, sign, new, settings)
        elif run is not None and run.misses < MISSES_BORNE and sign is not Sign.FROZEN:
            runs[sign] = replace(run, misses=run.misses + 1)
    return runs


def _begun(state: State, sign: Sign, sight: Sight, at: datetime) -> Run:
    if sign is Sign.FROZEN and state.last_at is not None:
        return Run(since=state.last_at, looks=2, sight=sight)  # the look before showed it first
    return Run(since=at, looks=1, sight=sight)


def _longer(run: Run, sign: Sign, new: Run, settings: CameraFaultSettings) -> Run:
    if sign is Sign.MOVED and shared_edges(run.sight, new.sight) < settings.same_scene:
        return new  # still on its way, or rain: the new scene has to stay
    return replace(run, looks=run.looks + 1, misses=0)


def _fault(
    now: CameraFault | None, runs: Mapping[Sign, Run], at: datetime, settings: CameraFaultSettings
) -> CameraFault | None:
    """Return what ails the camera: what did already, unless a stronger sign has lasted, too."""
    needed_s = {
        Sign.FROZEN: settings.frozen_s,
        Sign.BLACK: settings.black_s,
        Sign.COVERED: settings.covered_s,
        Sign.HALF_COVERED: settings.half_covered_s,
        Sign.MOVED: settings.moved_s,
        Sign.BLURRED: settings.blurred_s,
    }
    for sign, run in runs.items():  # strongest first
        has_lasted = run.looks >= settings.fewest_looks and run.lasted_s(at) >= needed_s[sign]
        if sign.fault is now or (has_lasted and not run.misses):
            return sign.fault
    return None


def _adopted(state: State, at: datetime, settings: CameraFaultSettings) -> State:
    """Take the new scene for the usual one, once somebody was told of the move for long."""
    run = state.runs.get(Sign.MOVED)
    if state.fault is not CameraFault.MOVED or run is None or state.light is None:
        return state
    if run.lasted_s(at) < settings.adopt_after_s:
        return state
    fresh = Reference(sight=run.sight, learnt_at=at, adapted_at=at)
    return replace(state, references={state.light: fresh}, runs={}, fault=None)


def _learnt(state: State, sight: Sight, at: datetime, settings: CameraFaultSettings) -> State:
    """Mix a look in which nothing is wrong into the reference, or into one that begins."""
    if state.light is None or is_blank(sight):
        return state
    own = state.references.get(state.light)
    if own is not None and _is_of_this_light(state, own):
        if (at - own.adapted_at).total_seconds() < settings.adapt_every_s:
            return state
        mixed = blended(own.sight, sight, settings.adapt_share)
        return _with(state, replace(own, sight=mixed, adapted_at=at))
    run = state.learning
    if run is None or shared_edges(run.sight, sight) < settings.same_scene:
        return replace(state, learning=Run(since=at, looks=1, sight=sight))
    looks = run.looks + 1
    run = replace(run, looks=looks, sight=blended(run.sight, sight, 1.0 / looks))
    if looks < settings.fewest_looks or run.lasted_s(at) < settings.learn_s:
        return replace(state, learning=run)
    fresh = Reference(sight=run.sight, learnt_at=at, adapted_at=at)
    return _with(replace(state, learning=None), fresh)


def _with(state: State, reference: Reference) -> State:
    if state.light is None:
        raise AssertionError("a reference is of a light")
    return replace(state, references={**state.references, state.light: reference})
