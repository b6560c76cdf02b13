"""What a person does with an incident: done once or refused, written down, audited.

Every action is a step through ``changing.take``, which knows what may happen when.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping

from service.accounts.roles import Permission
from service.audit.log import record
from service.dispatch.deciding import decide
from service.incidents import changing, colleagues, history, joining
from service.incidents.action_models import Action, IncidentAction
from service.incidents.desk import Desk
from service.incidents.errors import AssigneeError, MergedIncidentError
from service.incidents.lifecycle import DECIDING, MERGED, IncidentState, StepKind
from service.verdicts import giving
from service.verdicts.errors import DrillIncidentError, VerdictTooLateError
from service.verdicts.models import Reason, Verdict, VerdictIn

AGAIN: Final = timedelta(seconds=10)
"""Who asks for the same a second time within it has clicked twice, or lost the first answer."""

KINDS: Final[Mapping[Action, StepKind]] = {
    Action.SEE: StepKind.SEEN,
    Action.CONFIRM: StepKind.CONFIRMED,
    Action.DISMISS: StepKind.DISMISSED,
    Action.DISPATCH: StepKind.DISPATCHED,
    Action.ARRIVE: StepKind.ARRIVED,
    Action.REPORT: StepKind.REPORTED,
    Action.CLOSE: StepKind.CLOSED,
    Action.REOPEN: StepKind.REOPENED,
    Action.ASSIGN: StepKind.ASSIGNED,
    Action.NOTE: StepKind.NOTED,
    Action.MERGE: StepKind.MERGED,
    Action.SPLIT: StepKind.SPLIT,
}
"""What each action is in the history, and after ``incident.`` in the audit."""

Detail = dict[str, Any]


def act(desk: Desk, incident_id: UUID, asked: IncidentAction) -> None:
    """Let a person act on an incident. Raises a ``ProblemError``; the caller then rolls back."""
    row = desk.visible(incident_id)
    if _is_done(desk, row, asked):
        return
    if row["merged_into"] is not None and KINDS[asked.action] in DECIDING:
        raise MergedIncidentError(str(row["merged_into"]))
    changing.require_newest(desk.connection, row, asked.version)
    told = _DEEDS.get(asked.action, _take)(desk, row, asked)
    _audit(desk, row, asked, told)


def _is_done(desk: Desk, row: RowMapping, asked: IncidentAction) -> bool:
    """Tell whether it already is as asked, by the same person and just now."""
    if asked.action is Action.SEE:
        return bool(row["state"] != IncidentState.NEW)
    if asked.action is Action.ASSIGN and row["assigned_to"] == asked.assignee:
        return True
    kind = KINDS[asked.action]
    reason: str | None = asked.reason
    if kind in DECIDING and asked.version == row["version"]:
        return False  # who has seen how it stands, and asks for it again, means it
    if asked.action is Action.MERGE:
        kind, reason = StepKind.CLOSED, MERGED
    among = DECIDING if kind in DECIDING else {kind}
    newest = history.newest(desk.connection, row["incident_id"], among)
    return (
        newest is not None
        and (newest["action"], newest["reason"]) == (kind, reason)
        and newest["actor"] == desk.who.login
        and (newest["note"] or "") == asked.note
        and desk.now - newest["at"] <= AGAIN
        and all(newest["detail"].get(name) == value for name, value in _said(asked).items())
    )


def _said(asked: IncidentAction) -> Detail:
    """Return what the step of a request says of the request."""
    match asked.action:
        case Action.ASSIGN:
            return {"assignee": _text(asked.assignee)}
        case Action.MERGE:
            return {"into": _text(asked.into)}
        case Action.SPLIT:
            return {"alerts": sorted({str(one) for one in asked.alerts or ()})}
        case Action.DISPATCH if asked.targets is not None:
            return {"targets": list(dict.fromkeys(asked.targets))}
    return {}


def _take(desk: Desk, row: RowMapping, asked: IncidentAction, **detail: Any) -> Detail:
    reason = None if asked.reason is None else asked.reason.value
    step = desk.step(KINDS[asked.action], reason, asked.note or None, **detail)
    changing.take(desk.connection, row["incident_id"], step, version=asked.version)
    return {}


def _judge(desk: Desk, row: RowMapping, asked: IncidentAction) -> Detail:
    """Confirm or dismiss: besides the state, what the account says that it was."""
    _take(desk, row, asked)
    real = asked.action is Action.CONFIRM
    if Permission.INCIDENT_JUDGE not in desk.who.permissions:
        return {}
    given = VerdictIn(
        verdict=Verdict.REAL if real else Verdict.FALSE,
        reason=None if asked.reason is None else Reason(asked.reason),
        note=asked.note,
    )
    with suppress(DrillIncidentError, VerdictTooLateError):  # nothing is learned of these
        giving.give(desk.connection, desk.who, row["incident_id"], given)
    return {}


def _dispatch(desk: Desk, row: RowMapping, asked: IncidentAction) -> Detail:
    made = decide(
        desk.connection,
        desk.book,
        row,
        by=desk.who.login,
        at=desk.now,
        targets=asked.targets,
        note=asked.note or None,
        version=asked.version,
    )
    return {"orders": [str(one) for one in made]}


def _assign(desk: Desk, row: RowMapping, asked: IncidentAction) -> Detail:
    login = None
    if asked.assignee is not None:
        login = colleagues.may_handle(desk.connection, asked.assignee, row)
        if login is None:
            raise AssigneeError
    # Before the step, which tells the feed how it stands; refused, it takes this back.
    changing.write(desk.connection, row["incident_id"], {"assigned_to": asked.assignee})
    _take(desk, row, asked, assignee=_text(asked.assignee), login=login)
    return {"assignee": login}


_DEEDS: Final[Mapping[Action, Callable[[Desk, RowMapping, IncidentAction], Detail]]] = {
    Action.CONFIRM: _judge,
    Action.DISMISS: _judge,
    Action.DISPATCH: _dispatch,
    Action.ASSIGN: _assign,
    Action.MERGE: joining.merge,
    Action.SPLIT: joining.split,
}
"""What is more than a step."""


def _audit(desk: Desk, row: RowMapping, asked: IncidentAction, told: Detail) -> None:
    after = changing.existing(desk.connection, row["incident_id"])
    detail = {
        "camera_id": row["camera_id"],
        "hazard": row["hazard"],
        "incident_state": {"old": row["state"], "new": after["state"]},
        f"{asked.action}_reason": asked.reason,
        # The audit outlives the note, and can't be mended: it tells only that there is one.
        "note": "given" if asked.note else None,
        **told,
    }
    record(
        desk.connection,
        actor=desk.who.login,
        action=f"incident.{KINDS[asked.action]}",
        object_kind="incident",
        object_id=str(row["incident_id"]),
        place_code=row["place_code"],
        detail={name: value for name, value in detail.items() if value is not None},
    )


def _text(one: UUID | None) -> str | None:
    return None if one is None else str(one)
