"""Where an order goes, and why. Pure.

Routes are looked at from the nearest place up, at one place by their position. Each that fits adds
its targets; one that says ``stop`` is the last. Where no route is for the place or one above it,
everything real goes to ``dispatch``. Drills go to ``dispatch.drill``, and besides to targets that
take drills and that a fitting route names.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from pipelines.streams import DISPATCH, DISPATCH_DRILL
from service.places.codes import ROOT_CODE, ancestors
from vision.hazards import Hazard, Severity

MINUTES_A_DAY: Final = 24 * 60

_EVERYWHERE: Final = 99
"""Farther up than any place: routes of the whole installation."""


class Why(StrEnum):
    """What became of a route."""

    TAKEN = "taken"
    OTHER_HAZARD = "other_hazard"
    OTHER_SEVERITY = "other_severity"
    OTHER_PLACE = "other_place"
    OTHER_DAY = "other_day"
    OTHER_TIME = "other_time"
    STOPPED = "stopped"


class WhyTarget(StrEnum):
    """What became of a target."""

    ROUTE = "route"
    DEFAULT = "default"
    DRILL = "drill"
    NO_DRILLS = "no_drills"
    NOT_REAL = "not_real"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route."""

    route_id: UUID
    """Its identity."""
    position: int
    """Its place in the list."""
    name: str
    """What people call it."""
    place_code: str | None
    """There and below; ``None`` is everywhere."""
    hazards: frozenset[Hazard]
    """Only these; none are all."""
    severities: frozenset[Severity]
    """Only these; none are all."""
    from_minute: int | None
    """Of the day, on the installation's clocks; ``None`` is all day."""
    to_minute: int | None
    """Where it ends; before ``from_minute`` it is one of the next day."""
    weekdays: frozenset[int]
    """On which it begins, 1 is Monday; none are all."""
    targets: tuple[str, ...]
    """Where to."""
    stop: bool
    """Whether no route after it counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an order would be about."""

    hazard: Hazard
    """What it is."""
    severity: Severity
    """How fast people must act."""
    places: Mapping[str, int]
    """The codes of where it is and of all above, and how many steps up each is."""
    at: datetime
    """When; aware."""
    drill: bool
    """Whether it is an exercise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A route, and what became of it."""

    route: Route
    """Which."""
    why: Why
    """What."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A target, and why it gets an order or doesn't."""

    target: str
    """Which."""
    why: WhyTarget
    """What became of it."""
    route: Route | None = None
    """The first route that names it."""

    @property
    def ordered(self) -> bool:
        """Whether it gets one; what the file lacks gets one too, which waits."""
        return self.why not in {WhyTarget.NO_DRILLS, WhyTarget.NOT_REAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """Where an order goes."""

    routes: tuple[Judged, ...]
    """Every route in the order they were looked at."""
    targets: tuple[Chosen, ...]
    """Every target that a fitting route names, each once."""

    @property
    def ordered(self) -> tuple[str, ...]:
        """The names of those that get an order."""
        return tuple(one.target for one in self.targets if one.ordered)


Takes = Callable[[str, bool], bool | None]
"""Whether a target takes real orders or drills'; ``None`` if there is no such target."""


def route(asked: Asked, routes: Sequence[Route], takes: Takes, zone: ZoneInfo) -> Routed:
    """Return where an order goes and what became of each route."""
    judged: list[Judged] = []
    stopped = False
    for one in sorted(routes, key=lambda each: (_steps_up(asked, each), each.position)):
        why = _judged(asked, one, zone)
        if why is Why.TAKEN and stopped:
            why = Why.STOPPED
        stopped = stopped or (why is Why.TAKEN and one.stop)
        judged.append(Judged(route=one, why=why))
    taken = [one.route for one in judged if one.why is Why.TAKEN]
    # Another place's routes say nothing here: their first must not take the default away.
    unsaid = not any(_is_around(asked, one) for one in routes)
    return Routed(routes=tuple(judged), targets=tuple(_targets(asked, taken, takes, unsaid=unsaid)))


def places_around(codes: Iterable[str]) -> dict[str, int]:
    """Return these places and all above, with the steps up to the nearest of ``codes``."""
    found: dict[str, int] = {ROOT_CODE: _EVERYWHERE - 1}
    for code in codes:
        for steps, one in enumerate([code, *ancestors(code)]):
            found[one] = min(found.get(one, steps), steps)
    return found


def _steps_up(asked: Asked, one: Route) -> int:
    if one.place_code is None:
        return _EVERYWHERE
    return asked.places.get(one.place_code, _EVERYWHERE)


def _is_around(asked: Asked, one: Route) -> bool:
    return one.place_code is None or one.place_code in asked.places


def _judged(asked: Asked, one: Route, zone: ZoneInfo) -> Why:
    if one.hazards and asked.hazard not in one.hazards:
        return Why.OTHER_HAZARD
    if one.severities and asked.severity not in one.severities:
        return Why.OTHER_SEVERITY
    if not _is_around(asked, one):
        return Why.OTHER_PLACE
    return _at_the_time(asked.at.astimezone(zone), one)


def _at_the_time(local: datetime, one: Route) -> Why:
    minute, weekday = 60 * local.hour + local.minute, local.isoweekday()
    if one.from_minute is not None and one.to_minute is not None:
        if one.from_minute < one.to_minute:
            if not one.from_minute <= minute < one.to_minute:
                return Why.OTHER_TIME
        elif minute < one.to_minute:  # it began the day before
            weekday = (weekday - 2) % 7 + 1
        elif minute < one.from_minute:
            return Why.OTHER_TIME
    if one.weekdays and weekday not in one.weekdays:
        return Why.OTHER_DAY
    return Why.TAKEN


def _targets(
    asked: Asked, taken: Collection[Route], takes: Takes, *, unsaid: bool
) -> Iterable[Chosen]:
    seen: set[str] = set()
    if asked.drill:
        seen.add(DISPATCH_DRILL.name)
        yield Chosen(target=DISPATCH_DRILL.name, why=WhyTarget.DRILL)
    elif unsaid:
        yield Chosen(target=DISPATCH.name, why=WhyTarget.DEFAULT)
    for one in taken:
        for target in one.targets:
            if target not in seen:
                seen.add(target)
                why = _why(takes(target, asked.drill), drill=asked.drill)
                yield Chosen(target=target, why=why, route=one)


def _why(takes: bool | None, *, drill: bool) -> WhyTarget:
    if takes is None:
        # A drill never waits for what might come back as a real target.
        return WhyTarget.NO_DRILLS if drill else WhyTarget.ABSENT
    if takes:
        return WhyTarget.ROUTE
    return WhyTarget.NO_DRILLS if drill else WhyTarget.NOT_REAL
