"""Clocks looked at: breaches written down, the next level told, the next look set.

All of it in the caller's writing transaction, so that of two replicas one does it, and whoever is
killed over it has done nothing.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping, bindparam

from service.duty import rosters, rules
from service.duty.clocks import Clock, Deadline, Look, dates_of, deadlines, look
from service.duty.rosters import Post
from service.duty.rules import Rules
from service.feed import log
from service.feed.log import FeedKind
from service.incidents import changing, history, views
from service.incidents.history import Happened, Step
from service.incidents.lifecycle import CLOCK, OPEN, IncidentState, StepKind, after
from service.places.codes import ORDER, PlaceCodeError, level_of
from service.tables import incident_breaches, incident_steps, incidents
from vision.hazards import Hazard

MOST_NAMED: Final = 20
"""People on duty that a step names."""


_UPDATE: Final = (
    sa.update(incidents)
    .where(incidents.c.incident_id == bindparam("this"))
    .values({name: bindparam(name) for name in ("due_at", "escalated_to", "escalations")})
)


@dataclass(slots=True)
class Tally:
    """What a batch of looks came to."""

    looked: int = 0
    """Incidents looked at."""
    breaches: Counter[str] = field(default_factory=Counter)
    """Breaches written down, by clock."""
    escalations: Counter[str] = field(default_factory=Counter)
    """Levels told, by level."""


def earliest_due(connection: Connection, now: datetime) -> datetime | None:
    """Return the longest-waiting look; ``None`` if none is due."""
    query = (
        sa.select(incidents.c.due_at)
        .where(incidents.c.due_at <= now)
        .order_by(incidents.c.due_at)
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none()


def due(connection: Connection, now: datetime, limit: int) -> list[UUID]:
    """Return the incidents whose look is due, the longest-waiting first."""
    query = (
        sa.select(incidents.c.incident_id)
        .where(incidents.c.due_at <= now)
        .order_by(incidents.c.due_at)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def still_due(connection: Connection, incident_id: UUID, now: datetime) -> list[UUID]:
    """Return the incident if its look is due, and hasn't been taken by another replica."""
    query = sa.select(incidents.c.incident_id).where(
        incidents.c.incident_id == incident_id, incidents.c.due_at <= now
    )
    return list(connection.execute(query).scalars())


def look_at(connection: Connection, ids: Sequence[UUID], now: datetime, zone: ZoneInfo) -> Tally:
    """Look at the clocks of these incidents. To be called inside ``Database.writing``."""
    query = sa.select(incidents).where(incidents.c.incident_id.in_(ids))
    rows = connection.execute(query).mappings().all()
    batch = _Batch(connection, rows, now, zone)
    for row in rows:
        batch.look_at(row)
    batch.write()
    return batch.tally


def is_waiting(row: RowMapping) -> bool:
    """Tell whether clocks run for an incident at all."""
    open_ = IncidentState(row["state"]) in OPEN and row["merged_into"] is None
    return open_ and not row["drill"] and row["waiting_from"] is not None


def put_off(connection: Connection, incident_id: UUID, until: datetime) -> None:
    """Look at an incident later: what is wrong with it must not keep the others waiting."""
    changing.write(connection, incident_id, {"due_at": until})


class _Batch:
    def __init__(
        self, connection: Connection, rows: Sequence[RowMapping], now: datetime, zone: ZoneInfo
    ) -> None:
        self.tally = Tally()
        self._connection, self._now, self._zone = connection, now, zone
        self._rules = rules.loaded(connection)
        self._recorded = recorded(connection, rows)
        self._escalated_at = _escalated_at(connection, rows)
        self._posts: dict[str | None, list[Post]] = {}
        self._happened: list[Happened] = []
        self._breaches: list[dict[str, Any]] = []
        self._after: list[dict[str, Any]] = []

    def look_at(self, row: RowMapping) -> None:
        """Look at one incident. What comes of it waits for ``write``."""
        self.tally.looked += 1
        incident_id = row["incident_id"]
        values = {name: row[name] for name in ("escalated_to", "escalations")}
        values |= {"this": incident_id, "due_at": None}
        self._after.append(values)
        if not is_waiting(row):
            return
        escalated_at = self._escalated_at.get(incident_id)
        found = look(
            dates_of(row),
            self._rules.limits(Hazard(row["hazard"]), row["place_code"]),
            self._now,
            recorded=self._recorded[incident_id],
            escalated_at=escalated_at,
        )
        for one in found.breached:
            self._breach(row, one)
        above = self._above(row) if found.repeated_after is not None else []
        if found.escalating is not None and above:
            to = self._escalate(row, found.escalating, above)
            above = levels_above(above, to)
            values |= {"escalated_to": to, "escalations": row["escalations"] + 1}
            escalated_at = self._now
        values["due_at"] = _again(found, escalated_at if above else None)

    def write(self) -> None:
        """Write everything down, set when each is looked at next, and tell the feed.

        In few statements: fifty incidents one by one would keep other writers waiting.
        """
        if not self._after:
            return
        self._connection.execute(_UPDATE, self._after)
        if self._breaches:
            self._connection.execute(sa.insert(incident_breaches), self._breaches)
        history.append(self._connection, self._happened)
        told = list(dict.fromkeys(one.incident_id for one in self._happened))
        log.append_all(
            self._connection,
            [
                (FeedKind.UPDATED, incident_id, view)
                for incident_id, view in zip(told, views.by_id(self._connection, told), strict=True)
            ],
            self._now,
        )

    def _breach(self, row: RowMapping, deadline: Deadline) -> None:
        self._breaches.append(
            {
                "incident_id": row["incident_id"],
                "clock": deadline.clock.value,
                "due_at": deadline.due_at,
                "at": self._now,
                "place_code": row["place_code"],
                "hazard": row["hazard"],
            }
        )
        detail = {"clock": deadline.clock.value, "due_at": _said(deadline.due_at)}
        self._step(row, StepKind.BREACHED, detail)
        self.tally.breaches[deadline.clock.value] += 1

    def _above(self, row: RowMapping) -> list[Post]:
        """Return the levels that can still be told, the nearest first."""
        code = row["place_code"]
        if code not in self._posts:
            self._posts[code] = rosters.upward(self._connection, code, self._now, self._zone)
        return levels_above(self._posts[code], row["escalated_to"] or code)

    def _escalate(self, row: RowMapping, clock: Clock, posts: Sequence[Post]) -> str:
        """Tell the next level that somebody is at, or else the topmost; returns its code."""
        to = next((one for one in posts if one.manned), posts[-1])
        detail = {
            "to": to.place_code,
            "to_name": to.name,
            "level": to.level.value,
            "clock": clock.value,
            "on_duty": [one.said for one in to.on_duty[:MOST_NAMED]],
        }
        self._step(row, StepKind.ESCALATED, detail)
        self.tally.escalations[to.level.value] += 1
        return to.place_code

    def _step(self, row: RowMapping, kind: StepKind, detail: dict[str, Any]) -> None:
        before = IncidentState(row["state"])
        step = Step(kind=kind, actor=CLOCK, at=self._now, detail=detail)
        self._happened.append(
            Happened(
                incident_id=row["incident_id"], step=step, before=before, after=after(before, kind)
            )
        )


def levels_above(posts: Sequence[Post], code: str | None) -> list[Post]:
    """Return the levels above a place, which may have left the tree since."""
    try:
        height = -1 if code is None else ORDER.index(level_of(code))
    except PlaceCodeError:
        return []
    return [one for one in posts if ORDER.index(one.level) < height]


def recorded(connection: Connection, rows: Collection[RowMapping]) -> dict[UUID, set[str]]:
    """Return which breaches are written down of each incident since it waits."""
    found: dict[UUID, set[str]] = {row["incident_id"]: set() for row in rows}
    since = {row["incident_id"]: row["waiting_from"] for row in rows}
    query = sa.select(
        incident_breaches.c.incident_id, incident_breaches.c.clock, incident_breaches.c.due_at
    ).where(incident_breaches.c.incident_id.in_(list(found)))
    for row in connection.execute(query):
        waiting_from = since[row.incident_id]
        # Reopened, it waits anew: no clock of before can run out later than that.
        if waiting_from is not None and row.due_at > waiting_from:
            found[row.incident_id].add(row.clock)
    return found


def first_unwritten(row: RowMapping, written: Collection[str], held: Rules) -> datetime | None:
    """Return when the first clock of an incident runs out that isn't written down."""
    limits = held.limits(Hazard(row["hazard"]), row["place_code"])
    return min(
        (
            one.due_at
            for one in deadlines(dates_of(row), limits)
            if one.met_at is None and one.clock not in written
        ),
        default=None,
    )


def _escalated_at(connection: Connection, rows: Sequence[RowMapping]) -> dict[UUID, datetime]:
    ids = [row["incident_id"] for row in rows if row["escalated_to"] is not None]
    if not ids:
        return {}
    # Also as a part of it, of before: whoever was told then needn't be told at once.
    own = sa.func.coalesce(incidents.c.merged_into, incidents.c.incident_id)
    query = (
        sa.select(own, sa.func.max(incident_steps.c.at))
        .join(incidents, incidents.c.incident_id == incident_steps.c.incident_id)
        .where(
            sa.or_(incidents.c.incident_id.in_(ids), incidents.c.merged_into.in_(ids)),
            incident_steps.c.action == StepKind.ESCALATED.value,
        )
        .group_by(own)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _again(found: Look, escalated_at: datetime | None) -> datetime | None:
    times = [] if found.next_due_at is None else [found.next_due_at]
    if escalated_at is not None and found.repeated_after is not None:
        times.append(escalated_at + found.repeated_after)
    return min(times, default=None)


def _said(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
