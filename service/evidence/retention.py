"""How long evidence is kept: the rules, which of them holds, and what a change of them moves."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from service.accounts.principal import Principal
from service.audit.log import record
from service.errors import EverywhereOnlyError
from service.evidence.models import DEFAULT_DAYS, RetentionOut, Rule
from service.evidence.rows import held
from service.places import store as places
from service.places.codes import ROOT_CODE, ancestors
from service.places.errors import UnknownPlaceError
from service.tables import evidence, evidence_rules
from vision.hazards import Hazard

ROWS_AT_ONCE: Final = 1000


class Rules:
    """The rules of a moment."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._days = {(rule.place_code, rule.hazard): rule.days for rule in rules}

    def days(self, hazard: Hazard, place_code: str | None) -> int:
        """Return for how many days evidence is kept.

        The nearest place with a rule wins, there the hazard's own before any hazard's. It goes by
        the codes alone, so that a place that left the tree keeps its rules.
        """
        above = [] if place_code is None else [place_code, *ancestors(place_code)]
        for place in (*(code for code in above if code != ROOT_CODE), None):
            for one in (hazard, None):
                if (place, one) in self._days:
                    return self._days[place, one]
        return DEFAULT_DAYS

    def expiry(self, made_at: datetime, hazard: Hazard, place_code: str | None) -> datetime:
        """Return when evidence that was made at ``made_at`` has to go."""
        return made_at + timedelta(days=self.days(hazard, place_code))


def loaded(connection: Connection) -> list[Rule]:
    """Return the rules in the order they were given."""
    query = sa.select(
        evidence_rules.c.hazard, evidence_rules.c.place_code, evidence_rules.c.days
    ).order_by(evidence_rules.c.id)
    return [Rule.model_validate(dict(row)) for row in connection.execute(query).mappings()]


def shown(connection: Connection, who: Principal) -> RetentionOut:
    """Return the rules to who sees everything: they name places everywhere."""
    if not who.everywhere:
        raise EverywhereOnlyError
    return RetentionOut(rules=loaded(connection), default_days=DEFAULT_DAYS)


def replace(
    connection: Connection, who: Principal, rules: Sequence[Rule], now: datetime
) -> RetentionOut:
    """Put these rules in place of those there are, and move what they change."""
    if not who.everywhere:
        raise EverywhereOnlyError
    before = loaded(connection)
    known = {rule.place_code for rule in before}
    for number, rule in enumerate(rules):
        code = rule.place_code
        if code is not None and code not in known and places.find(connection, code) is None:
            raise UnknownPlaceError(code, f"rules.{number}.place_code")
    if list(rules) == before:
        return shown(connection, who)
    connection.execute(sa.delete(evidence_rules))
    if rules:
        rows = [{"id": number, **_columns(rule)} for number, rule in enumerate(rules, 1)]
        connection.execute(sa.insert(evidence_rules), rows)
    moved = _move(connection, Rules(rules), now)
    record(
        connection,
        actor=who.login,
        action="evidence.retention_changed",
        object_kind="evidence",
        object_id="retention",
        place_code=ROOT_CODE,
        detail={"old": _told(before), "new": _told(rules), "moved": moved},
    )
    return shown(connection, who)


def _move(connection: Connection, rules: Rules, now: datetime) -> int:
    """Move the expiry of what is neither held nor due; returns of how many it changed."""
    query = sa.select(
        evidence.c.ref,
        evidence.c.made_at,
        evidence.c.expires_at,
        evidence.c.hazard,
        evidence.c.place_code,
    ).where(evidence.c.removing_at.is_(None), evidence.c.expires_at > now, sa.not_(held()))
    changes = []
    for row in connection.execute(query):
        expires_at = rules.expiry(row.made_at, Hazard(row.hazard), row.place_code)
        if expires_at != row.expires_at:
            changes.append({"this": row.ref, "then": expires_at})
    update = (
        sa.update(evidence)
        .where(evidence.c.ref == bindparam("this"))
        .values(expires_at=bindparam("then"))
    )
    for start in range(0, len(changes), ROWS_AT_ONCE):
        connection.execute(update, changes[start : start + ROWS_AT_ONCE])
    return len(changes)


def _columns(rule: Rule) -> dict[str, object]:
    hazard = None if rule.hazard is None else rule.hazard.value
    return {"hazard": hazard, "place_code": rule.place_code, "days": rule.days}


def _told(rules: Iterable[Rule]) -> list[dict[str, object]]:
    return [_columns(rule) for rule in rules]
