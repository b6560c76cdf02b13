"""The audit over HTTP, to read."""

import json
import operator
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query
from pydantic import AfterValidator, AwareDatetime, BeforeValidator
from sqlalchemy import Connection

from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.audit.heads import HeadsExporter
from service.audit.log import newest
from service.audit.models import AuditEntry, AuditHead, AuditPage, ExportedHead
from service.database import Database
from service.places.store import inside
from service.problems import responses
from service.tables import audit

PAGE_LIMIT: Final = 500

ADDRESSES: Final = frozenset({"main_url", "sub_url"})
"""Of cameras' details: for those who may see them at the camera as well."""

DEEPEST: Final = 32
"""How deep a detail nests that is shown: zones come to 5, and answers carry no more than 250."""

Number = Annotated[int | None, Query(ge=0, le=2**63 - 1)]
Word = Annotated[str | None, Query(max_length=128, pattern=r"^[^\x00]*$")]
"""PostgreSQL has no NUL."""

_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def _written_out(value: object) -> object:
    """Refuse what else would pass for a time: a number of seconds, a day."""
    if isinstance(value, str) and not _RFC_3339.fullmatch(value):
        raise ValueError("give a time as RFC 3339 has it, such as 2026-05-01T08:00:00+08:00")
    return value


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("the years go from 1 to 9999, in UTC") from None


Moment = Annotated[
    Annotated[AwareDatetime, AfterValidator(_in_utc), BeforeValidator(_written_out)] | None,
    Query(),
]
"""A time with its zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which entries; None lets all through."""

    after: Number = None
    """Newer than this number."""
    before: Number = None
    """Older than this number."""
    actor: Word = None
    """By accounts whose login begins so; capitals make no difference."""
    action: Word = None
    """Of this kind, such as ``camera.created``."""
    object_kind: Word = None
    """On this kind of thing."""
    object_id: Word = None
    """On this thing."""
    since: Moment = None
    """At this time or later, RFC 3339."""
    until: Moment = None
    """Before this time, RFC 3339."""


def audit_router(database: Database, gate: Gate, heads: HeadsExporter) -> APIRouter:
    """Return the audit's route."""
    router = APIRouter(prefix="/api/audit", tags=["audit"])

    @router.get("", responses=responses(401, 403, 422))
    def audit_page(
        who: Annotated[Principal, Depends(gate.allows(Permission.AUDIT_READ))],
        filters: Annotated[Filters, Depends()],
        limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 100,
    ) -> AuditPage:
        """List who did what inside one's places, newest first; without a place, to who sees all.

        Numbers count the whole installation's entries: gaps tell how many there are elsewhere,
        and nothing else of them. What was done at a place that is gone stays visible to those
        above it.
        """
        with database.reading() as connection:
            found = _entries(connection, who, filters, limit + 1)
            seq, digest = newest(connection)
        # For who can do something about them: the whole audit is verified or none of it.
        last = heads.exported if who.everywhere else None
        return AuditPage(
            entries=found[:limit],
            next_before=found[limit - 1].seq if len(found) > limit else None,
            head=AuditHead(seq=seq, hash=digest) if who.everywhere else None,
            exported=ExportedHead(seq=last.seq, at=last.at) if last else None,
        )

    return router


def _entries(
    connection: Connection, who: Principal, filters: Filters, limit: int
) -> list[AuditEntry]:
    query = (
        sa.select(audit)
        .where(inside(who, audit.c.place_code), *_conditions(filters))
        .order_by(audit.c.seq.desc())
        .limit(limit)
    )
    hidden = frozenset() if Permission.CAMERA_WRITE in who.permissions else ADDRESSES
    return [_entry(row, hidden) for row in connection.execute(query).mappings()]


def _conditions(filters: Filters) -> list[sa.ColumnElement[bool]]:
    tests = (
        (audit.c.seq, operator.gt, filters.after),
        (audit.c.seq, operator.lt, filters.before),
        (audit.c.actor, _begins, filters.actor),
        (audit.c.action, operator.eq, filters.action),
        (audit.c.object_kind, operator.eq, filters.object_kind),
        (audit.c.object_id, operator.eq, filters.object_id),
        (audit.c.at, operator.ge, filters.since),
        (audit.c.at, operator.lt, filters.until),
    )
    return [compare(column, value) for column, compare, value in tests if value is not None]


def _begins(column: sa.ColumnElement[str], value: Any) -> sa.ColumnElement[bool]:
    return column.istartswith(value, autoescape=True)


def _entry(row: sa.RowMapping, hidden: frozenset[str]) -> AuditEntry:
    shown = {name: value for name, value in row.items() if name not in {"body", "hash"}}
    detail = _detail(row["body"])
    if row["object_kind"] == "camera":
        detail = {name: value for name, value in detail.items() if name not in hidden}
    return AuditEntry(detail=detail, **shown)


def _detail(body: str) -> dict[str, Any]:
    try:
        detail = json.loads(body)["detail"]
    except (ValueError, KeyError, TypeError, RecursionError):
        detail = None
    if not isinstance(detail, dict) or not _is_flat(detail, DEEPEST):
        detail = {"unreadable": str(body)}  # tampered with: the page must still be shown
    # Half a surrogate pair, which no answer could carry, becomes a question mark.
    text = json.dumps(detail, ensure_ascii=False).encode("utf-8", "replace")
    return dict(json.loads(text))


def _is_flat(value: object, deepest: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return deepest > 0 and all(_is_flat(one, deepest - 1) for one in inner)
