"""Incidents joined and parted by hand: alerts, pictures and places go along, orders stay.

What an incident of vehicles is never joined to is another camera's or zone's: nothing follows a
vehicle from one picture to the next.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from pipelines.messages import incident_id
from service.evidence import taking
from service.feed import log
from service.incidents import changing, colleagues, history, views
from service.incidents.action_models import IncidentAction
from service.incidents.desk import Desk
from service.incidents.errors import CannotMergeError, CannotSplitError, MergedIncidentError
from service.incidents.history import Happened
from service.incidents.lifecycle import MERGED, IncidentState, StepKind
from service.incidents.store import renew
from service.refusals import Refusal
from service.tables import (
    alerts,
    incident_breaches,
    incident_cameras,
    incident_places,
    incidents,
)
from vision.hazards import OF_VEHICLES

DATES: Final = (
    "waiting_from",
    "seen_at",
    "confirmed_at",
    "dispatched_at",
    "sent_at",
    "reported_at",
)
"""What one incident of two has from whichever was earlier: it is one hazard, and merging must not
make anybody late, nor anybody's lateness go."""

_WAY: Final = {
    IncidentState.CONFIRMED: StepKind.CONFIRMED,
    IncidentState.DISPATCHED: StepKind.DISPATCHED,
    IncidentState.ON_SITE: StepKind.ARRIVED,
}
_STATES: Final = tuple(IncidentState)

_STAND: Final = ("place_code", "wgs84_longitude", "wgs84_latitude")
"""Where a camera stood when it joined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Some alerts of an incident, and the camera that leads them."""

    ids: Sequence[UUID]
    """The alerts."""
    head: Mapping[str, Any]
    """What the incident has of its first camera."""
    others: Mapping[str, Mapping[str, Any]]
    """Where the further cameras stand, by their ids."""


def living(connection: Connection, incident: UUID) -> UUID:
    """Return the incident that another has become part of, or itself: where to go on."""
    query = sa.select(incidents.c.merged_into).where(incidents.c.incident_id == incident)
    return connection.execute(query).scalar_one_or_none() or incident


def merge(desk: Desk, row: RowMapping, asked: IncidentAction) -> dict[str, Any]:
    """Let an incident become part of another; returns what the audit says.

    Raises ``UnknownIncidentError``, ``CannotMergeError``, and what ``changing.take`` does.
    """
    if asked.into is None:
        raise ValueError("nothing to merge into")
    connection, left = desk.connection, row["incident_id"]
    into = desk.visible(asked.into)
    _require_mergeable(row, into)
    changing.require_newest(connection, into, asked.into_version)
    if into["merged_into"] is not None:
        raise MergedIncidentError(str(into["merged_into"]))
    moved = _alerts_of(connection, left)
    end = desk.step(StepKind.CLOSED, MERGED, asked.note or None, into=str(asked.into))
    changing.take(connection, left, end, tell=False)
    changing.write(connection, left, {"assigned_to": None})
    # Also what was part of the one that goes: nobody has to follow a chain.
    gone = sa.or_(incidents.c.incident_id == left, incidents.c.merged_into == left)
    connection.execute(sa.update(incidents).where(gone).values(merged_into=asked.into))
    _catch_up(desk, row, into, len(moved), asked.note or None)
    _unite_cameras(connection, row, into)
    _move(desk, [one["alert_id"] for one in moved], left, asked.into)
    renew(connection, asked.into)
    for one in (left, asked.into):
        _tell(desk, one)
    return {"into": str(asked.into)}


def split(desk: Desk, row: RowMapping, asked: IncidentAction) -> dict[str, Any]:
    """Let alerts leave for an incident of their own; returns what the audit says.

    Raises ``CannotSplitError`` and what ``changing.take`` does.
    """
    if row["drill"]:
        raise CannotSplitError(
            "a drill isn't parted: it confirms and sends itself once, as it is opened",
            Refusal.SPLIT_DRILL,
        )
    connection, left = desk.connection, row["incident_id"]
    leaving, staying = _parts(connection, row, frozenset(asked.alerts or ()))
    new = _free_id(connection, leaving.ids[0])
    before, (seen,) = _places_of(connection, left), views.by_id(connection, [left])
    told = {"into": str(new), "alerts": sorted(str(one) for one in leaving.ids)}
    step = desk.step(StepKind.SPLIT, None, asked.note or None, **told)
    changing.take(connection, left, step, tell=False)
    _insert(desk, row, new, leaving)
    for incident, part in ((new, leaving), (left, staying)):
        changing.write(connection, incident, dict(part.head))
        _set_cameras(connection, incident, part)
    _move(desk, leaving.ids, left, new)
    _leave_hands(desk, left)
    for incident in (new, left):
        renew(connection, incident)
    for view in views.by_id(connection, [new]):
        log.append(connection, log.FeedKind.OPENED, new, view, desk.now)
    gone = before - _places_of(connection, left)
    if gone:
        log.append_left(connection, left, seen, gone, desk.now)
    _tell(desk, left)
    return {"into": str(new), "alerts": len(leaving.ids)}


def _require_mergeable(row: RowMapping, into: RowMapping) -> None:
    if row["incident_id"] == into["incident_id"]:
        raise CannotMergeError("that is the same incident: choose another", Refusal.MERGE_ITSELF)
    if row["drill"] != into["drill"]:
        raise CannotMergeError(
            "one of them is a drill: a drill never mixes with the real thing", Refusal.MERGE_DRILL
        )
    if row["hazard"] != into["hazard"]:
        raise CannotMergeError(
            f"one is {row['hazard']}, the other {into['hazard']}: merge those of one hazard",
            Refusal.MERGE_HAZARDS,
        )
    elsewhere = any(row[name] != into[name] for name in ("camera_id", "zone_id"))
    if row["hazard"] in OF_VEHICLES and elsewhere:
        raise CannotMergeError(
            "incidents of vehicles are never joined across cameras or zones: close one as a "
            "duplicate instead",
            Refusal.MERGE_VEHICLES,
        )


def _catch_up(desk: Desk, row: RowMapping, into: RowMapping, moved: int, note: str | None) -> None:
    """Bring the incident that stays to where the further of the two was, with the earlier dates."""
    connection, staying = desk.connection, into["incident_id"]
    dates = {
        name: min(known)
        for name in DATES
        if (known := [one[name] for one in (row, into) if one[name] is not None])
    }
    told = {name: value.isoformat() for name, value in dates.items()}
    step = desk.step(
        StepKind.MERGED,
        None,
        note,
        **{"from": str(row["incident_id"]), "alerts": moved, "dates": told},
    )
    state = IncidentState(changing.take(connection, staying, step, tell=False)["state"])
    for reached, kind in _WAY.items():
        if _STATES.index(state) < _STATES.index(reached) <= _STATES.index(row["state"]):
            on = desk.step(kind, MERGED, None, **{"from": str(row["incident_id"])})
            changing.take(connection, staying, on, tell=False)
    if into["escalated_to"] is None:
        dates |= {"escalated_to": row["escalated_to"]}
    changing.write(connection, staying, dates)
    _carry_breaches(connection, row, staying)


def _carry_breaches(connection: Connection, row: RowMapping, staying: UUID) -> None:
    """Let the incident that stays have what the other was late with: it isn't late twice."""
    since = changing.existing(connection, staying)["waiting_from"]
    table = incident_breaches
    told = {
        one["clock"]
        for one in _breaches_of(connection, staying)
        if since is None or one["due_at"] > since
    }
    carried = [
        {**one, "incident_id": staying}
        for one in _breaches_of(connection, row["incident_id"])
        if one["clock"] not in told
        and (row["waiting_from"] is None or one["due_at"] > row["waiting_from"])
    ]
    if carried:
        connection.execute(sa.insert(table), carried)


def _breaches_of(connection: Connection, incident: UUID) -> Sequence[RowMapping]:
    table = incident_breaches
    query = sa.select(table).where(table.c.incident_id == incident).order_by(table.c.due_at)
    return connection.execute(query).mappings().all()


def _alerts_of(connection: Connection, incident: UUID) -> Sequence[RowMapping]:
    columns = (alerts.c.alert_id, alerts.c.camera_id, alerts.c.zone_id)
    query = sa.select(*columns).where(alerts.c.incident_id == incident)
    order = (alerts.c.first_seen_at, alerts.c.alert_id)
    return connection.execute(query.order_by(*order)).mappings().all()


def _move(desk: Desk, ids: Sequence[UUID], left: UUID, into: UUID) -> None:
    """Move alerts, and pictures with them; the cameras are there already: they say whose."""
    desk.connection.execute(
        sa.update(alerts).where(alerts.c.alert_id.in_(ids)).values(incident_id=into)
    )
    taking.move_all(desk.connection, ids, left, into, desk.now)


def _parts(connection: Connection, row: RowMapping, chosen: frozenset[UUID]) -> tuple[_Part, _Part]:
    mine = _alerts_of(connection, row["incident_id"])
    strange = chosen - {one["alert_id"] for one in mine}
    if strange:
        raise CannotSplitError(
            f"alert {min(map(str, strange))} is not of this incident: load it again",
            Refusal.SPLIT_FOREIGN,
        )
    if len(chosen) == len(mine):
        raise CannotSplitError(
            "all of its alerts can't leave: leave one at least", Refusal.SPLIT_ALL
        )
    stand = _stand_of(connection, row)
    leaving = [one for one in mine if one["alert_id"] in chosen]
    staying = [one for one in mine if one["alert_id"] not in chosen]
    return _part(row, stand, leaving), _part(row, stand, staying)


def _part(
    row: RowMapping, stand: Mapping[str, Mapping[str, Any]], some: Sequence[RowMapping]
) -> _Part:
    own = (row["camera_id"], row["zone_id"])
    first = some[0]
    camera, zone = next(
        (own for one in some if (one["camera_id"], one["zone_id"]) == own),
        (first["camera_id"], first["zone_id"]),
    )
    others = {one["camera_id"] for one in some} - {camera}
    unknown = stand[row["camera_id"]]
    return _Part(
        ids=[one["alert_id"] for one in some],
        head={"camera_id": camera, "zone_id": zone, **stand.get(camera, unknown)},
        others={one: stand.get(one, unknown) for one in sorted(others)},
    )


def _stand_of(connection: Connection, row: RowMapping) -> dict[str, Mapping[str, Any]]:
    """Return where each camera of an incident stood when it joined."""
    query = sa.select(incident_cameras).where(incident_cameras.c.incident_id == row["incident_id"])
    further = connection.execute(query).mappings()
    found = {one["camera_id"]: {name: one[name] for name in _STAND} for one in further}
    return {**found, row["camera_id"]: {name: row[name] for name in _STAND}}


def _free_id(connection: Connection, first: UUID) -> UUID:
    """Return the id that follows from an alert; where it is taken, the one that follows from it."""
    found = incident_id(first)
    while connection.execute(
        sa.select(incidents.c.incident_id).where(incidents.c.incident_id == found)
    ).first():
        found = incident_id(found)
    return found


def _insert(desk: Desk, row: RowMapping, new: UUID, part: _Part) -> None:
    shared = ("hazard", "drill", "severity", "score", "upstream", "first_seen_at", "last_seen_at")
    values = {name: row[name] for name in shared} | dict(part.head)
    desk.connection.execute(
        sa.insert(incidents).values(
            **values,
            incident_id=new,
            state=IncidentState.NEW.value,
            opened_at=desk.now,
            waiting_from=desk.now,
        )
    )
    opened = desk.step(StepKind.OPENED, None, None, **{"from": str(row["incident_id"])})
    history.append(
        desk.connection,
        [Happened(incident_id=new, step=opened, before=None, after=IncidentState.NEW)],
    )
    changing.take(desk.connection, new, desk.step(StepKind.SEEN), tell=False)


def _tell(desk: Desk, incident: UUID) -> None:
    state = changing.existing(desk.connection, incident)["state"]
    changing.tell_feed(desk.connection, incident, IncidentState(state), desk.now)


def _leave_hands(desk: Desk, incident: UUID) -> None:
    """Let nobody have an incident any more that its assignee may not handle now."""
    row = changing.existing(desk.connection, incident)
    has = row["assigned_to"]
    if has is not None and colleagues.may_handle(desk.connection, has, row) is None:
        changing.write(desk.connection, incident, {"assigned_to": None})
        step = desk.step(StepKind.ASSIGNED, None, None, assignee=None, login=None)
        changing.take(desk.connection, incident, step, tell=False)


def _set_cameras(connection: Connection, incident: UUID, part: _Part) -> None:
    """Write down the further cameras, and the places of all."""
    for table in (incident_cameras, incident_places):
        connection.execute(sa.delete(table).where(table.c.incident_id == incident))
    _add_cameras(connection, incident, part.others)
    codes = {one["place_code"] for one in (part.head, *part.others.values())} - {None}
    _add_places(connection, incident, codes)


def _unite_cameras(connection: Connection, row: RowMapping, into: RowMapping) -> None:
    there = _stand_of(connection, into)
    coming = _stand_of(connection, row)
    new = {one: stand for one, stand in coming.items() if one not in there}
    _add_cameras(connection, into["incident_id"], new)
    codes = _places_of(connection, row["incident_id"])
    _add_places(
        connection, into["incident_id"], codes - _places_of(connection, into["incident_id"])
    )


def _places_of(connection: Connection, incident: UUID) -> set[str]:
    mine = incident_places.c.incident_id == incident
    return set(connection.execute(sa.select(incident_places.c.place_code).where(mine)).scalars())


def _add_cameras(
    connection: Connection, incident: UUID, stand: Mapping[str, Mapping[str, Any]]
) -> None:
    rows = [{"incident_id": incident, "camera_id": one, **at} for one, at in stand.items()]
    if rows:
        connection.execute(sa.insert(incident_cameras), rows)


def _add_places(connection: Connection, incident: UUID, codes: set[str]) -> None:
    rows = [{"incident_id": incident, "place_code": code} for code in sorted(codes)]
    if rows:
        connection.execute(sa.insert(incident_places), rows)
