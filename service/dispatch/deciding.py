"""Decisions: who decides, the orders that follow, and the incident's step, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from pipelines.streams import DISPATCH_DRILL
from service.dispatch import policies, routes_store
from service.dispatch.composing import Incident
from service.dispatch.errors import NoTargetError, TargetRefusedError, UnknownTargetError
from service.dispatch.placing import Manner, next_decision, place
from service.dispatch.routing import Asked, Route, Routed, Takes, places_around, route
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
        around = places_around(places_of(connection, incident))
        routed = _routed(book, incident, around, at, routes_store.routes(connection))
        chosen: Sequence[str] = routed.ordered
        detail["routes"] = _names_of_routes(routed)
    else:
        chosen = _given(book, incident, targets)
    decision = _Decision(by=by, at=at, targets=chosen, detail=detail, note=note, version=version)
    row, made = _carry_out(connection, book, incident, decision)
    changing.tell_feed(connection, row["incident_id"], IncidentState(row["state"]), at)
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What decides without a person, as of one moment: read once for however many incidents."""

    routes: Sequence[Route]
    """Where orders go."""
    policies: policies.Known
    """What is sent without a person."""

    @classmethod
    def read(cls, connection: Connection) -> "Rules":
        """Return those that there are."""
        return cls(routes=routes_store.routes(connection), policies=policies.known(connection))


def decide_unconfirmed(
    connection: Connection, book: TargetBook, rules: Rules, incident: RowMapping, at: datetime
) -> list[UUID]:
    """Send a new real incident without a person, if a policy lets it go; returns the orders' ids.

    One that no route fits waits for a person like any other. The feed is left to the caller.
    """
    if incident["drill"] or incident["state"] not in {IncidentState.NEW, IncidentState.SEEN}:
        return []
    around = places_around(places_of(connection, incident))
    if not policies.unconfirmed(rules.policies, Hazard(incident["hazard"]), around):
        return []
    routed = _routed(book, incident, around, at, rules.routes)
    if not routed.ordered:
        return []
    return _confirmed(connection, book, incident, _by_policy(UNCONFIRMED, routed, at))


def decide_drill(
    connection: Connection, book: TargetBook, rules: Rules, incident: RowMapping, at: datetime
) -> list[UUID]:
    """Confirm and dispatch a new drill; returns the orders' ids. Raises ``ValueError`` for others.

    Its orders' ids follow from the incident: none can be made twice. The feed is left to the
    caller.
    """
    if not incident["drill"]:
        raise ValueError(f"incident {incident['incident_id']} is no drill: a person decides")
    around = places_around(places_of(connection, incident))
    routed = _routed(book, incident, around, at, rules.routes)
    return _confirmed(connection, book, incident, _by_policy(DRILL_POLICY, routed, at))


def takes_of(book: TargetBook) -> Takes:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decision:
    by: str
    at: datetime
    targets: Sequence[str]
    detail: Mapping[str, Any]
    note: str | None = None
    version: int | None = None


def _carry_out(
    connection: Connection, book: TargetBook, incident: RowMapping, decided: _Decision
) -> tuple[RowMapping, list[UUID]]:
    """Take the step and place the orders; returns the incident after it, and the orders' ids."""
    if not decided.targets:
        raise NoTargetError
    decision = next_decision(connection, incident["incident_id"], decided.by, decided.at)
    told = {"decision_id": str(decision.decision_id), "targets": list(decided.targets)}
    step = Step(
        kind=StepKind.DISPATCHED,
        actor=decided.by,
        at=decided.at,
        note=decided.note,
        detail={**decided.detail, **told},
    )
    row = changing.take(
        connection, incident["incident_id"], step, version=decided.version, tell=False
    )
    targets = {name: _manner(book, name) for name in decided.targets}
    return row, place(connection, row, decision, targets)


def _confirmed(
    connection: Connection, book: TargetBook, incident: RowMapping, decided: _Decision
) -> list[UUID]:
    confirmed = Step(kind=StepKind.CONFIRMED, actor=decided.by, at=decided.at)
    row = changing.take(connection, incident["incident_id"], confirmed, tell=False)
    return _carry_out(connection, book, row, decided)[1]


def _by_policy(policy: str, routed: Routed, at: datetime) -> _Decision:
    detail = {"routes": _names_of_routes(routed)}
    return _Decision(by=policy, at=at, targets=routed.ordered, detail=detail)


def _routed(
    book: TargetBook,
    incident: RowMapping,
    around: Mapping[str, int],
    at: datetime,
    routes: Sequence[Route],
) -> Routed:
    asked = Asked(
        hazard=Hazard(incident["hazard"]),
        severity=Severity(incident["severity"]),
        places=around,
        at=at,
        drill=incident["drill"],
    )
    return route(asked, routes, takes_of(book), book.zone)


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


def _manner(book: TargetBook, name: str) -> Manner:
    target = book.get(name)
    if target is None:
        return Manner()
    return Manner(wants_updates=target.wants_updates, answers=target.answers)


def _names_of_routes(routed: Routed) -> list[str]:
    named = (one.route for one in routed.targets if one.ordered and one.route is not None)
    return list(dict.fromkeys(one.name for one in named))
