"""Duty rosters: who is on duty where and when, from a place upward."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.accounts.principal import Principal
from service.accounts.roles import PERMISSIONS, Permission, Role
from service.audit.log import record
from service.duty.errors import DutyAccountError
from service.duty.models import RosterOut, ShiftIn, ShiftOut
from service.duty.shifts import local_time, shift_of
from service.places.codes import ROOT_CODE, Level, ancestors
from service.places.tree import existing
from service.revisions import require_newest
from service.settings import USUAL_TIMEZONE
from service.tables import account_places, accounts, duty_shifts, places

HANDLING: Final = frozenset(
    role for role, may in PERMISSIONS.items() if Permission.INCIDENT_HANDLE in may
)
"""Who can do something about an incident."""

_WORDS: Final = ("weekdays", "from_minute", "to_minute", "first_day", "last_day")


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDuty:
    """Somebody on duty."""

    account_id: UUID | None
    """Their account, if they have one."""
    name: str
    """What they are called."""
    number: str | None
    """What they answer."""

    @property
    def said(self) -> str:
        """Name and number in one line."""
        return self.name if self.number is None else f"{self.name} {self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A level of the tree at a moment."""

    place_code: str
    """Which place."""
    level: Level
    """How far down it stands."""
    name: str
    """What it is called."""
    roster: bool
    """Whether it has one that isn't wholly past."""
    on_duty: tuple[OnDuty, ...]
    """Who is there."""

    @property
    def manned(self) -> bool:
        """Whether somebody is to be told: without a roster nobody knows better."""
        return not self.roster or bool(self.on_duty)


def upward(
    connection: Connection, place_code: str | None, at: datetime, zone: ZoneInfo
) -> list[Post]:
    """Return the levels from a place upward, its own first, as far as the tree has them.

    The whole installation is a level only where it has a roster: nobody sits there otherwise.
    """
    if place_code is None:
        return []
    codes = [place_code, *ancestors(place_code)]
    query = sa.select(places.c.code, places.c.level, places.c.name).where(places.c.code.in_(codes))
    there = {row.code: row for row in connection.execute(query)}
    shifts = _shifts_of(connection, codes)
    local = local_time(at, zone)
    found = []
    for code in codes:
        rows = [row for row in shifts if row["place_code"] == code]
        current = [row for row in rows if not shift_of(row).is_past(local)]
        if code in there and (current or code != ROOT_CODE):
            found.append(
                Post(
                    place_code=code,
                    level=Level(there[code].level),
                    name=there[code].name,
                    roster=bool(current),
                    on_duty=_on_duty(current, local),
                )
            )
    return found


def on_duty_accounts(
    connection: Connection,
    place_code: str | None,
    at: datetime,
    zone: ZoneInfo | None = None,
) -> set[UUID]:
    """Return the accounts on duty at a place or at a level above it."""
    posts = upward(connection, place_code, at, zone or ZoneInfo(USUAL_TIMEZONE))
    return {one.account_id for post in posts for one in post.on_duty if one.account_id is not None}


def shown(connection: Connection, who: Principal, place_code: str, timezone: str) -> RosterOut:
    """Return the roster of one of the principal's places. Raises ``NoSuchPlaceError``."""
    existing(connection, who, place_code)
    shifts = _views(_shifts_of(connection, [place_code]))
    return RosterOut(
        place_code=place_code, revision=_revision(shifts), timezone=timezone, shifts=shifts
    )


def replace(
    connection: Connection,
    who: Principal,
    place_code: str,
    if_match: str,
    shifts: Sequence[ShiftIn],
    *,
    timezone: str,
    now: datetime,
) -> RosterOut:
    """Put these shifts in place of a place's."""
    before = shown(connection, who, place_code, timezone)
    require_newest(if_match, before.revision)
    names = _names(connection, place_code, before.shifts, shifts)
    connection.execute(sa.delete(duty_shifts).where(duty_shifts.c.place_code == place_code))
    if shifts:
        said = {"place_code": place_code, "updated_at": now, "updated_by": who.login}
        rows = [
            {
                **one.model_dump(),
                "shift_id": uuid4(),
                "name": one.name or (names[one.account_id] if one.account_id else ""),
                **said,
            }
            for one in shifts
        ]
        connection.execute(sa.insert(duty_shifts), rows)
    after = shown(connection, who, place_code, timezone)
    if after.revision != before.revision:
        record(
            connection,
            actor=who.login,
            action="duty.changed",
            object_kind="duty",
            object_id=place_code,
            place_code=place_code,
            # Names and numbers are nothing that the audit should keep for good.
            detail={"shifts": {"old": len(before.shifts), "new": len(after.shifts)}},
        )
    return after


def _names(
    connection: Connection,
    place_code: str,
    before: Sequence[ShiftOut],
    shifts: Sequence[ShiftIn],
) -> dict[UUID, str]:
    """Return the accounts' names. Raises ``DutyAccountError`` for one that can't do duty there.

    Those who are in the roster stay, whatever became of them: they are shown as they are.
    """
    wanted = {one.account_id for one in shifts if one.account_id is not None}
    able = able_accounts(connection, place_code, wanted)
    kept = {one.account_id: one.name for one in before if one.account_id is not None}
    for number, one in enumerate(shifts):
        if one.account_id is not None and one.account_id not in able.keys() | kept.keys():
            raise DutyAccountError(one.account_id, f"shifts.{number}.account_id")
    return kept | {account_id: row["name"] for account_id, row in able.items()}


def able_accounts(
    connection: Connection, place_code: str, wanted: set[UUID] | None = None
) -> dict[UUID, RowMapping]:
    """Return the accounts (of those wanted) that may handle the incidents of a place."""
    given = account_places.alias()
    covers = sa.exists().where(
        given.c.account_id == accounts.c.account_id,
        given.c.place_code.in_([place_code, *ancestors(place_code), ROOT_CODE]),
    )
    query = sa.select(accounts).where(
        accounts.c.disabled_at.is_(None),
        accounts.c.role.in_(sorted(one.value for one in HANDLING)),
        covers,
    )
    if wanted is not None:
        query = query.where(accounts.c.account_id.in_(wanted))
    return {row["account_id"]: row for row in connection.execute(query).mappings()}


def may_handle(connection: Connection, account: RowMapping, place_code: str) -> bool:
    """Tell whether an account may handle the incidents of a place, as it is now."""
    able = Role(account["role"]) in HANDLING and account["disabled_at"] is None
    return able and bool(able_accounts(connection, place_code, {account["account_id"]}))


def _shifts_of(connection: Connection, codes: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    query = (
        sa.select(duty_shifts, accounts.c.login, accounts.c.name.label("account_name"))
        .outerjoin(accounts, accounts.c.account_id == duty_shifts.c.account_id)
        .where(duty_shifts.c.place_code.in_(codes))
    )
    rows = connection.execute(query).mappings().all()
    unable = _unable(connection, rows)
    found = [{**row, "unable": (row["place_code"], row["account_id"]) in unable} for row in rows]
    return sorted(found, key=lambda row: (row["from_minute"], row["name"], row["shift_id"]))


def _unable(connection: Connection, rows: Sequence[RowMapping]) -> set[tuple[str, UUID]]:
    """Return the accounts of shifts that can't handle anything at that place any more."""
    wanted: defaultdict[str, set[UUID]] = defaultdict(set)
    for row in rows:
        if row["account_id"] is not None:
            wanted[row["place_code"]].add(row["account_id"])
    return {
        (code, one)
        for code, whose in wanted.items()
        for one in whose - able_accounts(connection, code, whose).keys()
    }


def _on_duty(rows: Sequence[Mapping[str, Any]], local: datetime) -> tuple[OnDuty, ...]:
    found = [
        OnDuty(account_id=row["account_id"], name=row["name"], number=row["number"])
        for row in rows
        if not row["unable"] and shift_of(row).holds(local)
    ]
    return tuple(dict.fromkeys(found))


def _views(rows: Sequence[Mapping[str, Any]]) -> list[ShiftOut]:
    return [
        ShiftOut(
            shift_id=row["shift_id"],
            account_id=row["account_id"],
            login=row["login"],
            name=row["name"],
            number=row["number"],
            disabled=row["unable"],
            **{name: row[name] for name in _WORDS},
        )
        for row in rows
    ]


def _revision(shifts: Sequence[ShiftOut]) -> int:
    """Return what tells one roster from another; small enough for JavaScript."""
    said: list[Any] = [
        one.model_dump_json(exclude={"shift_id", "login", "disabled"}) for one in shifts
    ]
    return int.from_bytes(hashlib.sha256(json.dumps(sorted(said)).encode()).digest()[:6])
