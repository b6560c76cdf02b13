"""Decisions: who decides, the orders that follow, and the incident's step, in one transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from pipelines.streams import DISPATCH_DRILL
from service.dispatch import policies, routes_store
from service.dispatch.composing import Incident
from service.dispatch.errors import NoTargetError, TargetRefusedError, UnknownTargetError
from service.dispatch.placing import next_decision, place
from service.dispatch.routing import Asked, Routed, places_around, route
from service.dispatch.targets import TargetBook
from service.incidents import changing
from service.incidents.history import Step
from service.incidents.lifecycle import POLICY_PREFIX, IncidentState, StepKind
from service.incidents.merge import DRILL_POLICY
from service.tables import incident_places
from vision.hazards import Hazard, Severity

UNCONFIRMED: Final = f"{POLICY_PREFIX}unconfirmed"
"""Sends what a setting lets go without a person."""


def decide(
    connection: Connection,
    book: TargetBook,
    incident: RowMapping,
    *,
    by: str,
    at: datetime,
    targets: Sequence[str] | None = None,
    note: str | None = None,
    version: int | None = None,
) -> list[UUID]:
    """Dispatch an incident: its step and an order a target; returns the orders' ids.

    They go by the routes, or to exactly ``targets``; a drill's to ``dispatch.drill`` in any case.
    Raises ``NoTargetError``, ``UnknownTargetError``, ``TargetRefusedError`` and what
    ``changing.take`` does, and has changed nothing then.
    """
    detail: dict[str, Any] = {}
    if targets is None:
        routed = routed_of(connection, book, incident, at)
        chosen: Sequence[str] = routed.ordered
        detail["routes"] = _names_of_routes(routed)
    else:
        chosen = _given(book, incident, targets)
    if not chosen:
        raise NoTargetError
    decision = next_decision(connection, incident["incident_id"], by, at)
    step = Step(
        kind=StepKind.DISPATCHED,
        actor=by,
        at=at,
        note=note,
        detail={**detail, "decision_id": str(decision.decision_id), "targets": list(chosen)},
    )
    row = changing.take(connection, incident["incident_id"], step, version=version, tell=False)
    made = place(connection, row, decision, {name: _updates(book, name) for name in chosen})
    changing.tell_feed(connection, row["incident_id"], IncidentState(row["state"]), at)
    return made


def decide_unconfirmed(
    connection: Connection, book: TargetBook, incident: RowMapping, at: datetime
) -> list[UUID]:
    """Send a new real incident without a person, if a policy lets it go; returns the orders' ids.

    One that no route fits waits for a person like any other.
    """
    if incident["drill"] or incident["state"] not in {IncidentState.NEW, IncidentState.SEEN}:
        return []
    around = places_around(places_of(connection, incident))
    if not policies.unconfirmed(connection, Hazard(incident["hazard"]), around):
        return []
    if not routed_of(connection, book, incident, at).ordered:
        return []
    return _confirmed_by(connection, book, incident, UNCONFIRMED, at)


def decide_drill(
    connection: Connection, book: TargetBook, incident: RowMapping, at: datetime
) -> list[UUID]:
    """Confirm and dispatch a new drill; returns the orders' ids. Raises ``ValueError`` for others.

    Its orders' ids follow from the incident: none can be made twice.
    """
    if not incident["drill"]:
        raise ValueError(f"incident {incident['incident_id']} is no drill: a person decides")
    return _confirmed_by(connection, book, incident, DRILL_POLICY, at)


def routed_of(
    connection: Connection, book: TargetBook, incident: RowMapping, at: datetime
) -> Routed:
    """Return where an incident's orders go by the routes as they are."""
    asked = Asked(
        hazard=Hazard(incident["hazard"]),
        severity=Severity(incident["severity"]),
        places=places_around(places_of(connection, incident)),
        at=at,
        drill=incident["drill"],
    )
    return route(asked, routes_store.routes(connection), takes_of(book), book.zone)


def takes_of(book: TargetBook) -> Any:
    """Return what tells routing which orders a target takes."""

    def takes(name: str, drill: bool) -> bool | None:
        target = book.get(name)
        return None if target is None else target.takes(drill=drill)

    return takes


def places_of(connection: Connection, incident: Incident) -> list[str]:
    """Return the codes of where an incident is seen from, its own camera's first."""
    query = sa.select(incident_places.c.place_code).where(
        incident_places.c.incident_id == incident["incident_id"]
    )
    own = [] if incident["place_code"] is None else [incident["place_code"]]
    return list(dict.fromkeys([*own, *connection.execute(query).scalars()]))


def _confirmed_by(
    connection: Connection, book: TargetBook, incident: RowMapping, policy: str, at: datetime
) -> list[UUID]:
    confirmed = Step(kind=StepKind.CONFIRMED, actor=policy, at=at)
    row = changing.take(connection, incident["incident_id"], confirmed, tell=False)
    return decide(connection, book, row, by=policy, at=at)


def _given(book: TargetBook, incident: RowMapping, targets: Sequence[str]) -> list[str]:
    drill = bool(incident["drill"])
    chosen = list(dict.fromkeys([DISPATCH_DRILL.name, *targets] if drill else targets))
    for name in chosen:
        target = book.get(name)
        if target is None:
            raise UnknownTargetError(name)
        if not target.takes(drill=drill):
            raise TargetRefusedError(name, drill=drill)
    return chosen


def _updates(book: TargetBook, name: str) -> bool:
    target = book.get(name)
    return target is not None and target.wants_updates


def _names_of_routes(routed: Routed) -> list[str]:
    named = (one.route for one in routed.targets if one.ordered and one.route is not None)
    return list(dict.fromkeys(one.name for one in named))
