"""Shift handover: what is open and who has it, given by one and signed by the next.

The giver signs by giving. What the giver has passes to the taker as the taker signs.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.accounts import store as accounts_store
from service.accounts.principal import Principal
from service.audit.log import record
from service.duty import rosters, rules
from service.duty.clocks import dates_of, deadlines
from service.duty.errors import (
    HandoverBegunError,
    HandoverOverError,
    HandoverPlaceError,
    HandoverTakerError,
    HandoverWaitingError,
    NotYourSignatureError,
    UnknownHandoverError,
)
from service.duty.models import (
    ClockListed,
    HandoverBrief,
    HandoverIn,
    HandoverOut,
    HandoverState,
    IncidentListed,
    Listed,
)
from service.incidents import changing, views
from service.incidents.history import Step
from service.incidents.lifecycle import OPEN, StepKind
from service.places.errors import UnknownPlaceError
from service.places.store import find, inside, visible
from service.tables import accounts, handovers, incidents
from vision.hazards import Hazard

MOST_LISTED: Final = 200
"""More than anybody reads at the end of a shift; the counts tell of the rest."""

PASSED_AT_ONCE: Final = 25
"""Incidents that pass in one transaction, under 0.2 s: others write as well."""

_ENDS: Final = {
    HandoverState.TAKEN: "taken_at",
    HandoverState.DECLINED: "declined_at",
    HandoverState.WITHDRAWN: "withdrawn_at",
}


def give(connection: Connection, who: Principal, given: HandoverIn, now: datetime) -> HandoverOut:
    """Hand over what is open in a place. Raises ``HandoverTakerError`` and its like."""
    place = _place(connection, who, given.place_code)
    code = place["code"]
    taker = accounts_store.by_login(connection, given.to_login)
    if (
        taker is None
        or taker["account_id"] == who.account_id
        or not rosters.may_handle(connection, taker, code)
    ):
        raise HandoverTakerError(given.to_login)
    _require_none_waiting(connection, who, code)
    handover_id = uuid4()
    narrowed = replace(who, paths=(place["path"],))
    listed = _listed(connection, narrowed, who.account_id, now)
    connection.execute(
        sa.insert(handovers).values(
            handover_id=handover_id,
            place_code=code,
            from_account=who.account_id,
            from_login=who.login,
            to_account=taker["account_id"],
            to_login=taker["login"],
            note=given.note or "",
            listed=listed.model_dump(mode="json"),
            given_at=now,
        )
    )
    row = existing(connection, who, handover_id)
    _note(connection, who, row, "handover.given", {"open": listed.open, "mine": listed.mine})
    return whole(row)


def pass_some(connection: Connection, who: Principal, handover_id: UUID, now: datetime) -> bool:
    """Let some of the giver's incidents pass to the taker; returns whether more are left.

    Not all at once: whoever has hundreds would keep the others from writing. The handover is
    signed with the last of them, in the same transaction; until then it can be signed again, and
    from the first on neither declined nor withdrawn.
    """
    row = _signing(connection, who, handover_id)
    place = find(connection, row["place_code"])
    narrowed = replace(who, paths=(place["path"] if place else f"/{row['place_code']}/",))
    query = (
        sa.select(incidents.c.incident_id)
        .where(
            incidents.c.assigned_to == row["from_account"],
            incidents.c.merged_into.is_(None),
            views.within(narrowed),
            _is_open(),
        )
        .limit(PASSED_AT_ONCE + 1)
    )
    found = list(connection.execute(query).scalars())
    for incident_id in found[:PASSED_AT_ONCE]:
        _pass_on(connection, incident_id, row, now)
    if len(found) > PASSED_AT_ONCE:
        _write(connection, row, signing_at=row["signing_at"] or now)
        return True
    _end(connection, row, HandoverState.TAKEN, now)
    _note(connection, who, row, "handover.taken", {"from": row["from_login"]})
    return False


def decline(connection: Connection, who: Principal, handover_id: UUID, now: datetime) -> None:
    """Say no: the giver keeps everything. Raises ``HandoverBegunError``."""
    row = _signing(connection, who, handover_id)
    _require_whole(row)
    _end(connection, row, HandoverState.DECLINED, now)
    _note(connection, who, row, "handover.declined", {"from": row["from_login"]})


def withdraw(
    connection: Connection, who: Principal, handover_id: UUID, now: datetime
) -> HandoverOut:
    """Take it back while nobody has signed. Raises ``HandoverBegunError``."""
    row = existing(connection, who, handover_id)
    if row["from_account"] != who.account_id:
        raise NotYourSignatureError(row["from_login"])
    _require_waiting(row)
    _require_whole(row)
    _end(connection, row, HandoverState.WITHDRAWN, now)
    _note(connection, who, row, "handover.withdrawn", {})
    return whole(existing(connection, who, handover_id))


def existing(connection: Connection, who: Principal, handover_id: UUID) -> RowMapping:
    """Return a handover of the principal's places. Raises ``UnknownHandoverError``."""
    query = sa.select(handovers).where(
        handovers.c.handover_id == handover_id, inside(who, handovers.c.place_code)
    )
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise UnknownHandoverError(handover_id)
    return row


def page(
    connection: Connection, who: Principal, limit: int, before: UUID | None
) -> Sequence[RowMapping]:
    """Return the handovers of the principal's places, newest first."""
    query = sa.select(handovers).where(inside(who, handovers.c.place_code))
    if before is not None:
        last = existing(connection, who, before)
        query = query.where(
            sa.tuple_(handovers.c.given_at, handovers.c.handover_id)
            < sa.tuple_(
                sa.literal(last["given_at"], handovers.c.given_at.type),
                sa.literal(last["handover_id"], handovers.c.handover_id.type),
            )
        )
    order = (handovers.c.given_at.desc(), handovers.c.handover_id.desc())
    return connection.execute(query.order_by(*order).limit(limit)).mappings().all()


def brief(row: RowMapping) -> HandoverBrief:
    """Return a handover as a list has it."""
    return HandoverBrief(**_plain(row))


def whole(row: RowMapping) -> HandoverOut:
    """Return a handover with what was listed."""
    return HandoverOut(**_plain(row), listed=Listed.model_validate(row["listed"]))


def _place(connection: Connection, who: Principal, code: str | None) -> RowMapping:
    found = visible(connection, who, code or accounts_store.home_of(connection, who.account_id))
    if found is not None:
        return found
    raise HandoverPlaceError if code is None else UnknownPlaceError(code, "place_code")


def _plain(row: RowMapping) -> dict[str, Any]:
    state = _state(row)
    same = ("handover_id", "place_code", "from_login", "to_login", "note", "given_at")
    return {
        **{name: row[name] for name in same},
        "state": state,
        "open": row["listed"]["open"],
        "mine": row["listed"]["mine"],
        "ended_at": row[_ENDS[state]] if state in _ENDS else None,
    }


def _state(row: RowMapping) -> HandoverState:
    return next(
        (state for state, column in _ENDS.items() if row[column] is not None), HandoverState.GIVEN
    )


def _signing(connection: Connection, who: Principal, handover_id: UUID) -> RowMapping:
    """Return a handover that waits for the principal's own signature."""
    row = existing(connection, who, handover_id)
    if row["to_account"] != who.account_id:
        raise NotYourSignatureError(row["to_login"])
    _require_waiting(row)
    return row


def _require_waiting(row: RowMapping) -> None:
    state = _state(row)
    if state is not HandoverState.GIVEN:
        raise HandoverOverError(state.value, row[_ENDS[state]])


def _require_whole(row: RowMapping) -> None:
    if row["signing_at"] is not None:
        raise HandoverBegunError(row["to_login"])


def _require_none_waiting(connection: Connection, who: Principal, code: str) -> None:
    # What was begun and broke off can't be withdrawn: the rest may go to somebody else.
    none = ("signing_at", *_ENDS.values())
    ends = (handovers.c[column].is_(None) for column in none)
    query = sa.select(handovers.c.to_login).where(
        handovers.c.from_account == who.account_id, handovers.c.place_code == code, *ends
    )
    login = connection.execute(query.limit(1)).scalar_one_or_none()
    if login is not None:
        raise HandoverWaitingError(login)


def _end(connection: Connection, row: RowMapping, state: HandoverState, now: datetime) -> None:
    _write(connection, row, **{_ENDS[state]: now})


def _write(connection: Connection, row: RowMapping, **values: datetime) -> None:
    mine = handovers.c.handover_id == row["handover_id"]
    connection.execute(sa.update(handovers).where(mine).values(**values))


def _pass_on(connection: Connection, incident_id: UUID, row: RowMapping, now: datetime) -> None:
    detail = {
        "assignee": str(row["to_account"]),
        "login": row["to_login"],
        "from": row["from_login"],
        "handover_id": str(row["handover_id"]),
    }
    changing.write(connection, incident_id, {"assigned_to": row["to_account"]})
    step = Step(kind=StepKind.ASSIGNED, actor=row["to_login"], at=now, detail=detail)
    changing.take(connection, incident_id, step)


def _note(
    connection: Connection, who: Principal, row: RowMapping, action: str, detail: dict[str, Any]
) -> None:
    record(
        connection,
        actor=who.login,
        action=action,
        object_kind="handover",
        object_id=str(row["handover_id"]),
        place_code=row["place_code"],
        detail={"to": row["to_login"], **detail},
    )


def _is_open() -> sa.ColumnElement[bool]:
    states = sorted(one.value for one in OPEN)
    return sa.and_(incidents.c.drill.is_(False), incidents.c.state.in_(states))


def _listed(connection: Connection, narrowed: Principal, giver: UUID, now: datetime) -> Listed:
    there = sa.and_(_is_open(), views.within(narrowed), incidents.c.merged_into.is_(None))
    mine = sa.func.coalesce(incidents.c.assigned_to == giver, sa.false())
    counted = sa.select(incidents.c.state, sa.func.count()).where(there)
    by_state = {row[0]: row[1] for row in connection.execute(counted.group_by(incidents.c.state))}
    own = sa.select(sa.func.count()).select_from(incidents).where(there, mine)
    query = (
        sa.select(incidents, accounts.c.login)
        .outerjoin(accounts, accounts.c.account_id == incidents.c.assigned_to)
        .where(there)
        .order_by(sa.case((mine, 0), else_=1), incidents.c.opened_at)
        .limit(MOST_LISTED)
    )
    held = rules.loaded(connection)
    return Listed(
        open=sum(by_state.values()),
        mine=connection.execute(own).scalar_one(),
        by_state=by_state,
        incidents=[_incident(row, held, now) for row in connection.execute(query).mappings()],
    )


def _incident(row: RowMapping, held: rules.Rules, now: datetime) -> IncidentListed:
    limits = held.limits(Hazard(row["hazard"]), row["place_code"])
    return IncidentListed(
        incident_id=row["incident_id"],
        hazard=row["hazard"],
        severity=row["severity"],
        place_code=row["place_code"],
        camera_id=row["camera_id"],
        state=row["state"],
        assigned_to=row["login"],
        opened_at=row["opened_at"],
        clocks=[
            ClockListed(clock=one.clock, due_at=one.due_at, late=one.breached(now))
            for one in deadlines(dates_of(row), limits)
            if one.met_at is None
        ],
    )
