"""The statistics of a period: what the database says, put into rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from service.accounts.principal import Principal
from service.places import store as places
from service.places.codes import ROOT_CODE, Level, level_of, stem
from service.places.errors import NoSuchPlaceError
from service.statistics import queries
from service.statistics.figures import Group, Tallies, Tally, figures, row, share, tallied
from service.statistics.models import By, Pack, Row, Statistics
from service.statistics.periods import Period, day_of, hour_of, period_of
from service.statistics.queries import FalseAlarms, Wanted, begin_of
from vision.hazards import Hazard


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked for."""

    first: date | None
    """The first day; without one, thirty days."""
    last: date | None
    """The last day; without one, today."""
    place: str | None
    """Only inside this place."""
    by: By
    """What rows are about."""


def make(
    connection: Connection, who: Principal, asked: Asked, zone: ZoneInfo, now: datetime
) -> Statistics:
    """Return the figures. Raises ``PeriodError`` and ``NoSuchPlaceError``."""
    period = period_of(asked.first, asked.last, zone, now)
    found = None if asked.place is None else places.visible(connection, who, asked.place)
    if asked.place is not None and found is None:
        raise NoSuchPlaceError(asked.place)
    path = None if found is None else found["path"]
    wanted = Wanted(who=who, period=period, path=path, by=asked.by)
    known = _places(connection, who, asked.place) if asked.by is By.PLACE else {}
    made = tallied(
        _grouping(asked.by, period, known),
        counts=queries.counts(connection, wanted),
        durations=queries.durations(connection, wanted),
        breaches=queries.breaches(connection, wanted),
        untimed=Hazard.CAMERA_FAULT.value if asked.by is By.HAZARD else None,
    )
    cameras = queries.watched(connection, wanted)
    return Statistics(
        first_day=period.first,
        last_day=period.last,
        timezone=zone.key,
        place=asked.place,
        by=asked.by,
        made_at=now,
        cameras=cameras,
        total=figures(made.total),
        rows=_rows(asked.by, period, known, made),
        packs=[_pack(one, cameras, zone) for one in queries.false_alarms(connection, wanted)],
    )


def _places(connection: Connection, who: Principal, code: str | None) -> dict[str, str]:
    """Return the places that rows are about, with names: those right below, and the place itself.

    Without a place, those below what the account was given; if that is several, these.
    """
    if code is None:
        own = places.tops(connection, who)
        if len(own) != 1:
            return {one.code: one.name for one in own}
        code = own[0].code
    below = {one.code: one.name for one in places.children(connection, code)}
    itself = places.find(connection, code)
    return below | ({} if itself is None else {code: str(itself["name"])})


def _grouping(by: By, period: Period, known: Mapping[str, str]) -> Group:
    if by is By.HOUR:
        return lambda key: hour_of(begin_of(key), period.zone)
    if by is By.DAY:
        return lambda key: day_of(begin_of(key), period.zone)
    if by is By.HAZARD:
        return lambda key: None if key is None else str(key)
    return _Nearest(known).above


class _Nearest:
    """Finds the one of some places that a code lies in, the lowest first."""

    def __init__(self, codes: Mapping[str, str]) -> None:
        self._cells = frozenset(code for code in codes if level_of(code) is Level.CELL)
        self._stems = {stem(code): code for code in codes if code not in self._cells}
        self._lengths = sorted({len(one) for one in self._stems}, reverse=True)

    def above(self, key: str | int | None) -> str | None:
        """Return the place; None for what lies in none of them."""
        if key is None:
            return None
        code = str(key)
        if code in self._cells:
            return code
        stems = (code[:length] for length in self._lengths)
        return next((self._stems[one] for one in stems if one in self._stems), None)


def _rows(by: By, period: Period, known: Mapping[str, str], made: Tallies) -> list[Row]:
    keys: Sequence[str | None]
    if by is By.HOUR:
        keys = [f"{hour:02}" for hour in range(24)]
    elif by is By.DAY:
        keys = [day.isoformat() for day in period.days()]
    elif by is By.HAZARD:
        keys = [one.value for one in Hazard if one.value in made.rows]
    else:
        keys = [one for one in sorted(known) if one in made.rows or one != ROOT_CODE]
        keys = [*keys, None] if None in made.rows else keys
    return [row(key, made.rows.get(key, Tally()), known.get(key or "")) for key in keys]


def _pack(found: FalseAlarms, cameras: int, zone: ZoneInfo) -> Pack:
    first, last = (one.astimezone(zone).date() for one in (found.first_at, found.last_at))
    days = cameras * ((last - first).days + 1)
    return Pack(
        model=found.model,
        false_alarms=found.incidents,
        first_day=first,
        last_day=last,
        camera_days=days,
        per_camera_day=share(found.incidents, days),
    )
