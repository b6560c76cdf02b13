"""What is sent without a person: a setting a hazard and place, off but for ``camera_fault``."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from service.accounts.principal import Principal
from service.audit.log import record
from service.cameras.bodies import Body
from service.dispatch import own_rows
from service.dispatch.errors import PolicyTwiceError
from service.places.codes import ROOT_CODE
from service.revisions import require_newest
from service.tables import dispatch_policies
from vision.hazards import Hazard

FREE: Final = frozenset({Hazard.CAMERA_FAULT})
"""Sent without a person where no policy says otherwise."""

MOST_POLICIES: Final = 500


class Policy(Body):
    """Whether a hazard at a place, there and below, is sent without a person."""

    hazard: Hazard
    place_code: Annotated[
        str, Field(max_length=32, description="There and below; 0 is everywhere")
    ] = ROOT_CODE
    unconfirmed: Annotated[bool, Field(description="Whether no person has to confirm first")]


class PoliciesIn(Body):
    """All policies of the places that one sees."""

    policies: Annotated[list[Policy], Field(max_length=MOST_POLICIES)]


class PolicyOut(Policy):
    """A policy, and who made it."""

    updated_at: datetime
    updated_by: str


class PoliciesOut(BaseModel):
    """The policies; what no policy is about needs a person, but for ``free``."""

    revision: int
    policies: list[PolicyOut]
    free: Annotated[list[Hazard], Field(description="Sent without a person by default")]


Known = Mapping[Hazard, Mapping[str, bool]]
"""What policies say: of each hazard, by place, whether it is sent without a person."""


def known(connection: Connection) -> Known:
    """Return every policy there is."""
    columns = ("hazard", "place_code", "unconfirmed")
    query = sa.select(*(dispatch_policies.c[name] for name in columns))
    found: defaultdict[Hazard, dict[str, bool]] = defaultdict(dict)
    for row in connection.execute(query):
        found[Hazard(row.hazard)][row.place_code] = bool(row.unconfirmed)
    return found


def unconfirmed(policies: Known, hazard: Hazard, around: Mapping[str, int]) -> bool:
    """Tell whether a hazard is sent without a person; the nearest place's policy holds."""
    found = policies.get(hazard, {})
    fitting = [code for code in found if code in around]
    if not fitting:
        return hazard in FREE
    nearest = min(around[code] for code in fitting)
    # Seen from two places at once: whoever wants a person gets one.
    return all(found[code] for code in fitting if around[code] == nearest)


def shown(connection: Connection, who: Principal) -> PoliciesOut:
    """Return the policies of the principal's places."""
    rows = own_rows.of(connection, who, dispatch_policies, "hazard", "place_code")
    return PoliciesOut(
        revision=own_rows.revision(rows),
        policies=[PolicyOut(**row) for row in rows],
        free=sorted(FREE),
    )


def replace(
    connection: Connection, who: Principal, given: PoliciesIn, if_match: str, now: datetime
) -> PoliciesOut:
    """Put these policies in place of those the principal sees. Raises ``ProblemError``."""
    before = shown(connection, who)
    require_newest(if_match, before.revision)
    _require_once(given.policies)
    for number, one in enumerate(given.policies):
        own_rows.require_place(connection, who, one.place_code, f"policies.{number}.place_code")
    old = {(one.hazard, one.place_code): one for one in before.policies}
    if _told(before.policies) == _told(given.policies):
        return before
    own_rows.clear(connection, who, dispatch_policies)
    rows = [_row(one, old.get((one.hazard, one.place_code)), who, now) for one in given.policies]
    if rows:
        connection.execute(sa.insert(dispatch_policies), rows)
    record(
        connection,
        actor=who.login,
        action="dispatch.policies_changed",
        object_kind="dispatch",
        object_id="policies",
        place_code=own_rows.place_of(one.place_code for one in (*before.policies, *given.policies)),
        detail={"old": _told(before.policies), "new": _told(given.policies)},
    )
    return shown(connection, who)


def _require_once(policies: Iterable[Policy]) -> None:
    seen: set[tuple[str, str]] = set()
    for number, one in enumerate(policies):
        if (one.hazard, one.place_code) in seen:
            raise PolicyTwiceError(f"policies.{number}")
        seen.add((one.hazard, one.place_code))


def _row(one: Policy, old: PolicyOut | None, who: Principal, now: datetime) -> dict[str, Any]:
    values = {**one.model_dump(), "hazard": one.hazard.value}
    if old is not None and old.unconfirmed == one.unconfirmed:
        return {**values, "updated_at": old.updated_at, "updated_by": old.updated_by}
    return {**values, "updated_at": now, "updated_by": who.login}


def _told(policies: Iterable[Policy]) -> list[dict[str, Any]]:
    told = [
        {"hazard": one.hazard.value, "place_code": one.place_code, "unconfirmed": one.unconfirmed}
        for one in policies
    ]
    return sorted(told, key=lambda one: (one["hazard"], one["place_code"]))
