"""The audit over HTTP, to read."""

import json
import operator
from dataclasses import dataclass
from typing import Annotated, Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query
from sqlalchemy import Connection

from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.audit.heads import HeadsExporter
from service.audit.log import newest
from service.audit.models import AuditEntry, AuditHead, AuditPage, ExportedHead
from service.database import Database
from service.problems import responses
from service.tables import audit, places

PAGE_LIMIT: Final = 500

Number = Annotated[int | None, Query(ge=0, le=2**63 - 1)]
Word = Annotated[str | None, Query(max_length=128, pattern=r"^[^\x00]*$")]
"""PostgreSQL has no NUL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which entries; None lets all through."""

    after: Number = None
    """Newer than this number."""
    before: Number = None
    """Older than this number."""
    actor: Word = None
    """By this account."""
    action: Word = None
    """Of this kind, such as ``camera.created``."""
    object_kind: Word = None
    """On this kind of thing."""
    object_id: Word = None
    """On this thing."""


def audit_router(database: Database, gate: Gate, heads: HeadsExporter) -> APIRouter:
    """Return the audit's route."""
    router = APIRouter(prefix="/api/audit", tags=["audit"])

    @router.get("", responses=responses(401, 403, 422))
    def audit_page(
        who: Annotated[Principal, Depends(gate.allows(Permission.AUDIT_READ))],
        filters: Annotated[Filters, Depends()],
        limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 100,
    ) -> AuditPage:
        """List who did what inside one's places, newest first; without a place, to who sees all."""
        with database.reading() as connection:
            found = _entries(connection, who, filters, limit + 1)
            seq, digest = newest(connection)
        last = heads.exported
        return AuditPage(
            entries=found[:limit],
            next_before=found[limit - 1].seq if len(found) > limit else None,
            head=AuditHead(seq=seq, hash=digest),
            exported=ExportedHead(seq=last.seq, at=last.at) if last else None,
        )

    return router


def _entries(
    connection: Connection, who: Principal, filters: Filters, limit: int
) -> list[AuditEntry]:
    query = (
        sa.select(audit)
        .outerjoin(places, places.c.code == audit.c.place_code)
        .where(who.within(places.c.path), *_conditions(filters))
        .order_by(audit.c.seq.desc())
        .limit(limit)
    )
    return [_entry(row) for row in connection.execute(query).mappings()]


def _conditions(filters: Filters) -> list[sa.ColumnElement[bool]]:
    tests = (
        (audit.c.seq, operator.gt, filters.after),
        (audit.c.seq, operator.lt, filters.before),
        (audit.c.actor, operator.eq, filters.actor),
        (audit.c.action, operator.eq, filters.action),
        (audit.c.object_kind, operator.eq, filters.object_kind),
        (audit.c.object_id, operator.eq, filters.object_id),
    )
    return [compare(column, value) for column, compare, value in tests if value is not None]


def _entry(row: sa.RowMapping) -> AuditEntry:
    shown = {name: value for name, value in row.items() if name not in {"body", "hash"}}
    return AuditEntry(detail=_detail(row["body"]), **shown)


def _detail(body: str) -> dict[str, Any]:
    try:
        detail = json.loads(body)["detail"]
    except (ValueError, KeyError):  # tampered with: the page must still be shown
        detail = {"unreadable": body}
    # Half a surrogate pair, which no answer could carry, becomes a question mark.
    text = json.dumps(detail, ensure_ascii=False).encode("utf-8", "replace")
    return dict(json.loads(text))
