"""Plain numbers out of the database, by what rows are about.

The database counts; of durations each is read, because a rank needs them all.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from service.accounts.principal import Principal
from service.places.store import inside
from service.statistics.models import By
from service.statistics.periods import HOUR_S, QUARTER_S, Period
from service.tables import alerts, cameras, incident_breaches, incidents
from vision.hazards import Hazard

Key = str | int | None
"""A hazard, a place's code, or an hour or quarter of one, whose begin ``begin_of`` tells."""

CLOCKS: Final = {"seen": "seen_at", "sent": "sent_at", "reported": "reported_at"}
"""What is timed, and the column that says when it was."""

_AT_ONCE: Final = 5000
"""Rows in memory at a time; one by one they take twice as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which incidents, and what rows are about."""

    who: Principal
    """Who asks."""
    period: Period
    """When they were opened."""
    path: str | None
    """The path of the place they lie in; without one, wherever the principal sees."""
    by: By
    """What rows are about."""

    def inside(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Return the condition that a place of this code is meant and seen."""
        own = inside(self.who, column)
        if self.path is None:
            return own
        return sa.and_(own, inside(replace(self.who, paths=(self.path,)), column))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Incidents of one key and state."""

    key: Key
    """What they are about."""
    state: str
    """Where they stand."""
    incidents: int
    """How many."""
    confirmed: int
    """How many of them were confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseAlarms:
    """Incidents called false that a model's alerts are in."""

    model: str
    """The pack and its version."""
    incidents: int
    """How many."""
    first_at: datetime
    """Its first alert in the period, anywhere in the installation."""
    last_at: datetime
    """Its last one."""


def begin_of(key: Key) -> int:
    """Return when a key's time begins, in seconds since 1970: the number, or as SQLite has it."""
    if not isinstance(key, str):
        return int(key or 0)
    hour = datetime.fromisoformat(f"{key[:13]}:00+00:00")
    return int(hour.timestamp()) + QUARTER_S * int(key[14:] or 0)


def counts(connection: Connection, wanted: Wanted) -> list[Counted]:
    """Return how many incidents there are of each key and state."""
    key = _key(connection, wanted)
    query = (
        sa.select(
            key,
            incidents.c.state,
            sa.func.count().label("incidents"),
            sa.func.count(incidents.c.confirmed_at).label("confirmed"),
        )
        .where(_meant(wanted))
        .group_by(key, incidents.c.state)
    )
    return [
        Counted(key=key, state=state, incidents=number, confirmed=confirmed)
        for key, state, number, confirmed in connection.execute(query)
    ]


def durations(
    connection: Connection, wanted: Wanted
) -> Iterator[tuple[Key, float | None, float | None, float | None]]:
    """Yield an incident's key and its seconds until each of ``CLOCKS``.

    Faults of cameras have no clock: they are left out where hazards aren't told apart.
    """
    begun = sa.func.coalesce(incidents.c.waiting_from, incidents.c.opened_at)
    seconds = [_since(connection, begun, incidents.c[name]) for name in CLOCKS.values()]
    # Opened again: it had been seen before, and nobody knows any more how soon.
    seconds[0] = sa.case((incidents.c.seen_at == begun, None), else_=seconds[0])
    query = sa.select(_key(connection, wanted), *seconds).where(
        _meant(wanted), sa.or_(*(incidents.c[name].is_not(None) for name in CLOCKS.values()))
    )
    if wanted.by is not By.HAZARD:
        query = query.where(incidents.c.hazard != Hazard.CAMERA_FAULT.value)
    for rows in connection.execute(query).partitions(_AT_ONCE):
        yield from rows


def breaches(connection: Connection, wanted: Wanted) -> Iterator[tuple[Key, str, int]]:
    """Yield how many incidents of a key passed a deadline."""
    key = _key(connection, wanted)
    late = incident_breaches
    query = (
        sa.select(key, late.c.clock, sa.func.count(sa.distinct(late.c.incident_id)))
        .join(incidents, incidents.c.incident_id == late.c.incident_id)
        # A deadline passes after the incident was opened.
        .where(_meant(wanted), late.c.at >= wanted.period.start)
        .group_by(key, late.c.clock)
    )
    for row in connection.execute(query):
        yield row[0], row[1], row[2]


def false_alarms(connection: Connection, wanted: Wanted) -> list[FalseAlarms]:
    """Return the incidents called false, by the models with alerts in any; zero included."""
    query = (
        sa.select(alerts.c.model, sa.func.count(sa.distinct(incidents.c.incident_id)))
        .join(incidents, incidents.c.incident_id == alerts.c.incident_id)
        .where(
            _meant(wanted),
            incidents.c.state == "false",
            incidents.c.hazard != Hazard.CAMERA_FAULT.value,
        )
        .group_by(alerts.c.model)
        .order_by(alerts.c.model)
    )
    found = {str(row[0]): int(row[1]) for row in connection.execute(query)}
    for model in _models(connection):
        if model not in found and _has_any(connection, model, wanted):
            found[model] = 0
    spans = {model: _in_use(connection, model, wanted.period) for model in found}
    return [
        FalseAlarms(
            model=model, incidents=found[model], first_at=spans[model][0], last_at=spans[model][1]
        )
        for model in sorted(found)
    ]


def watched(connection: Connection, wanted: Wanted) -> int:
    """Return how many cameras are registered and enabled now, without those of drills."""
    query = (
        sa.select(sa.func.count())
        .select_from(cameras)
        .where(
            cameras.c.enabled.is_(True),
            cameras.c.drill.is_(False),
            wanted.inside(cameras.c.place_code),
        )
    )
    return int(connection.execute(query).scalar_one())


def _models(connection: Connection) -> Iterator[str]:
    """Yield every model that ever raised an alert. A seek in an index each, however many alerts."""
    query = sa.select(sa.func.min(alerts.c.model))
    model = connection.execute(query).scalar_one()
    while model is not None:
        yield model
        model = connection.execute(query.where(alerts.c.model > model)).scalar_one()


def _has_any(connection: Connection, model: str, wanted: Wanted) -> bool:
    """Tell whether a model has an alert of the period in an incident that counts."""
    query = (
        sa.select(alerts.c.alert_id)
        .join(incidents, incidents.c.incident_id == alerts.c.incident_id)
        .where(
            alerts.c.model == model,
            alerts.c.received_at >= wanted.period.start,
            alerts.c.received_at < wanted.period.end,
            _meant(wanted),
            incidents.c.hazard != Hazard.CAMERA_FAULT.value,
        )
    )
    return connection.execute(query.limit(1)).first() is not None


def _in_use(connection: Connection, model: str, period: Period) -> tuple[datetime, datetime]:
    """Return a model's first and last alert in a period. Two seeks in an index."""
    ends: list[datetime] = []
    for order in (alerts.c.received_at.asc(), alerts.c.received_at.desc()):
        query = (
            sa.select(alerts.c.received_at)
            .where(
                alerts.c.model == model,
                alerts.c.received_at >= period.start,
                alerts.c.received_at < period.end,
            )
            .order_by(order)
            .limit(1)
        )
        found = connection.execute(query).scalar_one_or_none()
        # An incident of the last minutes whose alert came after them.
        ends.append(found or period.end - timedelta(seconds=1))
    return ends[0], ends[1]


def _meant(wanted: Wanted) -> sa.ColumnElement[bool]:
    return sa.and_(
        incidents.c.opened_at >= wanted.period.start,
        incidents.c.opened_at < wanted.period.end,
        # In words that SQLite has no index for: it would read all years rather than the period.
        sa.case((sa.or_(incidents.c.drill, incidents.c.merged_into.is_not(None)), 0), else_=1) == 1,
        # Where the camera stands that opened it, so that no figure counts it twice.
        wanted.inside(incidents.c.place_code),
    )


def _key(connection: Connection, wanted: Wanted) -> sa.ColumnElement[Any]:
    if wanted.by is By.HAZARD:
        return incidents.c.hazard.label("key")
    if wanted.by is By.PLACE:
        return incidents.c.place_code.label("key")
    opened, slot_s = incidents.c.opened_at, wanted.period.slot_s
    if connection.dialect.name == "sqlite":
        # As it's stored, "2026-03-01 16:30:…": twice as fast as its functions for times.
        text = sa.type_coerce(opened, sa.String)
        if slot_s == HOUR_S:
            return sa.func.substr(text, 1, 13).label("key")
        minute = sa.cast(sa.func.substr(text, 15, 2), sa.Integer)
        quarter = sa.cast(minute // (slot_s // 60), sa.String)
        return sa.func.substr(text, 1, 14).concat(quarter).label("key")
    whole = sa.func.floor(sa.extract("epoch", opened))
    return (sa.cast(whole, sa.BigInteger) // slot_s * slot_s).label("key")


def _since(
    connection: Connection, start: sa.ColumnElement[Any], end: sa.ColumnElement[Any]
) -> sa.ColumnElement[Any]:
    return _epoch(connection, end) - _epoch(connection, start)


def _epoch(connection: Connection, moment: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return seconds since 1970, with their parts."""
    if connection.dialect.name == "sqlite":
        # Days since 4714 BC, exact to some 0.05 ms.
        days = sa.func.julianday(moment, type_=sa.Float) - 2440587.5
        return days * 86400.0
    return sa.cast(sa.extract("epoch", moment), sa.Float)
