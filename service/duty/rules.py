"""Which deadlines hold where: the rules, and who may set them."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import Connection

from service.accounts import store as accounts
from service.accounts.principal import Principal
from service.audit.log import record
from service.duty.clocks import NO_CLOCKS, USUAL, Limits
from service.duty.models import ClockRule, ClocksOut, LimitsOut
from service.errors import EverywhereOnlyError
from service.places import store as places
from service.places.codes import ROOT_CODE, ancestors
from service.places.errors import UnknownPlaceError
from service.revisions import require_newest
from service.tables import clock_rules
from vision.hazards import Hazard

WITHOUT: Final = frozenset({Hazard.CAMERA_FAULT})
"""No clock runs for these unless a rule names the hazard itself: nobody hurries to a camera."""


class Rules:
    """The rules of a moment."""

    def __init__(self, rules: Iterable[ClockRule]) -> None:
        self._limits = {(one.place_code, one.hazard): _limits(one) for one in rules}
        self._found: dict[tuple[Hazard, str | None], Limits] = {}

    def limits(self, hazard: Hazard, place_code: str | None) -> Limits:
        """Return the deadlines of a hazard at a place.

        The nearest place with a rule wins, there the hazard's own before any hazard's. It goes by
        the codes alone.
        """
        about = hazard, place_code
        if about not in self._found:
            self._found[about] = self._looked_up(hazard, place_code)
        return self._found[about]

    def _looked_up(self, hazard: Hazard, place_code: str | None) -> Limits:
        above = [] if place_code is None else [place_code, *ancestors(place_code)]
        whose = (hazard,) if hazard in WITHOUT else (hazard, None)
        for place in (*(code for code in above if code != ROOT_CODE), None):
            for one in whose:
                if (place, one) in self._limits:
                    return self._limits[place, one]
        return NO_CLOCKS if hazard in WITHOUT else USUAL


def loaded(connection: Connection, condition: sa.ColumnElement[bool] | None = None) -> Rules:
    """Return the rules there are."""
    return Rules(_listed(connection, sa.true() if condition is None else condition))


def fingerprint(connection: Connection) -> str:
    """Return what is another after each change of the rules, whatever the writer's clock says."""
    columns = [clock_rules.c[name] for name in ClockRule.model_fields]
    rows = connection.execute(sa.select(*columns)).all()
    return hashlib.sha256(repr(sorted(map(repr, rows))).encode()).hexdigest()


def shown(connection: Connection, who: Principal) -> ClocksOut:
    """Return the rules of the principal's places, and those from above that hold there too."""
    own = _listed(connection, _own(who))
    return ClocksOut(
        revision=_revision(own),
        rules=own,
        inherited=_inherited(connection, who),
        usual=LimitsOut(seen_s=USUAL.seen_s, sent_s=USUAL.sent_s, report_s=USUAL.report_s),
        without=sorted(WITHOUT),
    )


def replace(
    connection: Connection,
    who: Principal,
    if_match: str,
    rules: Sequence[ClockRule],
    now: datetime,
) -> ClocksOut:
    """Put these rules in place of those of the principal's places; others' stay."""
    before = _listed(connection, _own(who))
    require_newest(if_match, _revision(before))
    for number, rule in enumerate(rules):
        _require_own(connection, who, rule.place_code, f"rules.{number}.place_code")
    if _told(rules) != _told(before):
        connection.execute(sa.delete(clock_rules).where(_own(who)))
        if rules:
            said = {"updated_at": now, "updated_by": who.login}
            rows = [{"rule_id": uuid4(), **one.model_dump(), **said} for one in rules]
            connection.execute(sa.insert(clock_rules), rows)
        record(
            connection,
            actor=who.login,
            action="clocks.changed",
            object_kind="clocks",
            object_id="rules",
            place_code=accounts.home_of(connection, who.account_id),
            detail={"old": _told(before), "new": _told(rules)},
        )
    return shown(connection, who)


def _require_own(connection: Connection, who: Principal, code: str | None, field: str) -> None:
    if code is None:
        if not who.everywhere:
            raise EverywhereOnlyError
    elif places.visible(connection, who, code) is None:
        raise UnknownPlaceError(code, field)


def _own(who: Principal) -> sa.ColumnElement[bool]:
    return places.inside(who, clock_rules.c.place_code)


def _inherited(connection: Connection, who: Principal) -> list[ClockRule]:
    if who.everywhere:
        return []
    own = {path.strip("/").rpartition("/")[2] for path in who.paths}
    above = {code for one in own for code in ancestors(one)}
    column = clock_rules.c.place_code
    of_above = sa.or_(column.is_(None), column.in_(sorted(above)))
    return _listed(connection, sa.and_(of_above, sa.not_(sa.func.coalesce(_own(who), sa.false()))))


def _listed(connection: Connection, condition: sa.ColumnElement[bool]) -> list[ClockRule]:
    columns = [clock_rules.c[name] for name in ClockRule.model_fields]
    query = sa.select(*columns).where(condition)
    found = [
        # As they stand: what an earlier version let in must not stop the clocks.
        ClockRule.model_construct(**row | {"hazard": row["hazard"] and Hazard(row["hazard"])})
        for row in map(dict, connection.execute(query).mappings())
    ]
    return sorted(found, key=lambda one: (one.place_code or "", one.hazard or ""))


def _limits(rule: ClockRule) -> Limits:
    return Limits(seen_s=rule.seen_s, sent_s=rule.sent_s, report_s=rule.report_s)


def _told(rules: Iterable[ClockRule]) -> list[dict[str, Any]]:
    found = [one.model_dump(mode="json") for one in rules]
    return sorted(found, key=lambda one: (one["place_code"] or "", one["hazard"] or ""))


def _revision(rules: Iterable[ClockRule]) -> int:
    """Return what tells one list from another; small enough for JavaScript."""
    return int.from_bytes(hashlib.sha256(json.dumps(_told(rules)).encode()).digest()[:6])
