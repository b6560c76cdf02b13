"""The one door to an incident's state: each step checked, dated, written down and told.

Whoever changes an incident (people, policies, receipts, clocks) does it here, inside its own
writing transaction.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.dispatch.following import follow
from service.errors import UnknownIncidentError
from service.feed import log
from service.incidents import history, views
from service.incidents.errors import IncidentChangedError, IncidentStepError, MergedIncidentError
from service.incidents.history import Happened, Step
from service.incidents.lifecycle import (
    DECIDING,
    OPEN,
    OVER,
    IllegalStepError,
    IncidentState,
    StepKind,
    after,
    implied,
    is_person,
)
from service.tables import incidents

_FIRST: Final = {
    StepKind.SEEN: "seen_at",
    StepKind.CONFIRMED: "confirmed_at",
    StepKind.DISPATCHED: "dispatched_at",
    StepKind.ORDER_SENT: "sent_at",
    StepKind.ARRIVED: "reported_at",
    StepKind.REPORTED: "reported_at",
}
"""What a step is the first of."""


def take(
    connection: Connection,
    incident_id: UUID,
    step: Step,
    *,
    version: int | None = None,
    tell: bool = True,
) -> RowMapping:
    """Let a step happen; returns the incident's row after it.

    ``version`` is what the decision was made on: another means that somebody was faster. Without
    ``tell`` the caller tells the feed. Raises ``UnknownIncidentError``, ``IncidentChangedError``,
    ``IncidentStepError`` and ``MergedIncidentError``, and has changed nothing then.
    """
    row = existing(connection, incident_id)
    require_newest(connection, row, version)
    if row["merged_into"] is not None and step.kind in DECIDING:
        raise MergedIncidentError(str(row["merged_into"]))
    was = _was(connection, incident_id) if step.kind is StepKind.RESUMED else None
    happened, values = _outcome(row, step, was)
    if step.kind in DECIDING:
        values["version"] = row["version"] + 1
    write(connection, incident_id, values)
    history.append(connection, happened)
    now = existing(connection, incident_id)
    follow(connection, now, happened)
    if tell:
        tell_feed(connection, incident_id, happened[-1].after, step.at)
    return now


def existing(connection: Connection, incident_id: UUID) -> RowMapping:
    """Return an incident's row. Raises ``UnknownIncidentError``."""
    query = sa.select(incidents).where(incidents.c.incident_id == incident_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise UnknownIncidentError(incident_id)
    return row


def require_newest(connection: Connection, row: RowMapping, version: int | None) -> None:
    """Raise ``IncidentChangedError`` if a decision was made on another version than there is."""
    if version is None or row["version"] == version:
        return
    newest = history.newest_decision(connection, row["incident_id"])
    actor, at = newest or (row["state_by"] or "", row["opened_at"])
    raise IncidentChangedError(row["state"], actor, at)


def write(connection: Connection, incident_id: UUID, values: dict[str, Any]) -> None:
    """Change an incident's columns. Nothing is checked, dated or told: steps go by ``take``."""
    if values:
        mine = incidents.c.incident_id == incident_id
        connection.execute(sa.update(incidents).where(mine).values(**values))


def tell_feed(
    connection: Connection, incident_id: UUID, state: IncidentState, at: datetime
) -> None:
    """Tell the feed how an incident stands."""
    kind = log.FeedKind.CLOSED if state in OVER else log.FeedKind.UPDATED
    for view in views.by_id(connection, [incident_id]):
        log.append(connection, kind, incident_id, view, at)


def _was(connection: Connection, incident_id: UUID) -> IncidentState | None:
    """Return where an incident stood before it was over."""
    end = history.newest(connection, incident_id, {StepKind.CLOSED, StepKind.DISMISSED})
    return None if end is None else IncidentState(end["from_state"])


def _outcome(
    row: RowMapping, step: Step, was: IncidentState | None
) -> tuple[list[Happened], dict[str, Any]]:
    state = IncidentState(row["state"])
    by_person = is_person(step.actor)
    happened: list[Happened] = []
    values: dict[str, Any] = {}
    try:
        for kind in (*implied(state, step.kind, by_person=by_person), step.kind):
            own = kind is step.kind
            now = step if own else Step(kind=kind, actor=step.actor, at=step.at)
            before, state = state, after(state, kind, was)
            happened.append(
                Happened(incident_id=row["incident_id"], step=now, before=before, after=state)
            )
            values |= _dates(row, kind, step)
    except IllegalStepError as error:
        raise IncidentStepError(error) from None
    if state != row["state"]:
        values |= {"state": state.value, "state_by": step.actor, "state_reason": step.reason}
    if step.kind in DECIDING or step.kind is StepKind.ORDER_SENT:
        # The clocks look at it next; they know what is due.
        values["due_at"] = step.at if state in OPEN and not row["drill"] else None
    return happened, values


def _dates(row: RowMapping, kind: StepKind, step: Step) -> dict[str, Any]:
    if kind is StepKind.REOPENED:
        again = ("confirmed_at", "dispatched_at", "sent_at", "reported_at", "closed_at")
        return {
            **dict.fromkeys(again),
            "waiting_from": step.at,
            "seen_at": step.at,
            "escalated_to": None,
        }
    if kind in {StepKind.CLOSED, StepKind.DISMISSED}:
        return {"closed_at": step.at}
    if kind is StepKind.RESUMED:
        return {"closed_at": None}
    column = _FIRST.get(kind)
    return {column: step.at} if column is not None and row[column] is None else {}
