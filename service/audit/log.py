"""Entries into the audit, in the transaction of what they tell."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from service.tables import audit

GENESIS: Final = "0" * 64
"""What the first entry follows."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is told."""

    actor: str
    """Who did it."""
    action: str
    """What was done, as ``camera.created``."""
    object_kind: str
    """The kind of what it was done to."""
    object_id: str
    """Which one."""
    place_code: str | None = None
    """Where that is; None is seen by those alone who see everything."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """What there is to say: JSON values and no secret."""


def record(
    connection: Connection,
    *,
    actor: str,
    action: str,
    object_kind: str,
    object_id: str,
    place_code: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> int:
    """Append an entry; returns its number. To be called inside ``Database.writing``.

    ``action`` is ``camera.created`` and the like; ``detail`` holds JSON values and no secret.
    Raises ``ValueError`` or ``TypeError`` for a detail that JSON has no words for.
    """
    one = Entry(
        actor=actor,
        action=action,
        object_kind=object_kind,
        object_id=object_id,
        place_code=place_code,
        detail=detail or {},
    )
    return record_all(connection, [one])


def record_all(connection: Connection, entries: Sequence[Entry]) -> int:
    """Append entries in one go, as ``record`` does each; returns the last one's number."""
    seq, before = newest(connection)
    rows = []
    for one in entries:
        seq, at = seq + 1, datetime.now(UTC)
        told = {
            "actor": one.actor,
            "action": one.action,
            "object_kind": one.object_kind,
            "object_id": one.object_id,
            "place_code": one.place_code,
        }
        body = encoded({"seq": seq, "at": at.isoformat(), **told, "detail": dict(one.detail)})
        before = chained(before, body)
        rows.append({"seq": seq, "at": at, **told, "body": body, "hash": before})
    if rows:
        connection.execute(sa.insert(audit), rows)
    return seq


def newest(connection: Connection) -> tuple[int, str]:
    """Return the newest entry's number and hash; 0 and the genesis if there is none."""
    query = sa.select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
    last = connection.execute(query).one_or_none()
    return (int(last.seq), str(last.hash)) if last else (0, GENESIS)


def chained(before: str, body: str) -> str:
    """Return the hash of an entry that follows the one whose hash is ``before``."""
    return hashlib.sha256(f"{before}\n{body}".encode()).hexdigest()


def encoded(entry: Mapping[str, Any]) -> str:
    """Return an entry as the text that is kept and hashed."""
    text = json.dumps(
        entry, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    # Half a surrogate pair has no UTF-8. As an escape it means the same.
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
