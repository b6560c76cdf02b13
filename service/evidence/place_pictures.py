"""Place pictures in the database: nobody is in them, and yet they are kept no longer than needed.

One a camera is shown, its newest. What is replaced, too old, or of a camera that is gone is marked
first and forgotten once the store has let go, as evidence is.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.evidence.rows import digest
from service.tables import evidence, evidence_gone, place_pictures

KEPT: Final = timedelta(days=180)
"""A place looks otherwise after half a year: zones want a newer one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPicture:
    """A picture that a worker put into the store."""

    ref: str
    """Where."""
    camera_id: str
    """Of which camera."""
    asked_by: str
    """Who asked for it."""
    made_at: datetime
    """When it was made."""
    is_shown: bool
    """Whether it is to be shown: asked for, and of a camera that is registered."""


ANY: Final = sa.select(place_pictures.c.ref)
"""Each that there is, shown or not."""

_MARKED: Final = place_pictures.c.removing_at.is_not(None)


def newest(connection: Connection, camera_id: str, now: datetime) -> RowMapping | None:
    """Return the row of the picture that may be shown of a camera."""
    query = (
        sa.select(place_pictures)
        .where(
            place_pictures.c.camera_id == camera_id,
            place_pictures.c.removing_at.is_(None),
            place_pictures.c.made_at > now - KEPT,
        )
        .order_by(place_pictures.c.made_at.desc(), place_pictures.c.ref)
        .limit(1)
    )
    return connection.execute(query).mappings().one_or_none()


def insert(connection: Connection, picture: NewPicture, now: datetime) -> None:
    """Note a picture. One that is not to be shown, or older than another, goes at once."""
    ours = place_pictures.c.camera_id == picture.camera_id
    there = sa.and_(ours, place_pictures.c.removing_at.is_(None))
    last = connection.execute(sa.select(sa.func.max(place_pictures.c.made_at)).where(there))
    replaces = picture.is_shown and picture.made_at >= (last.scalar() or picture.made_at)
    if replaces:
        connection.execute(sa.update(place_pictures).where(there).values(removing_at=now))
    connection.execute(
        sa.insert(place_pictures).values(
            ref=picture.ref,
            camera_id=picture.camera_id,
            made_at=picture.made_at,
            asked_by=picture.asked_by,
            removing_at=None if replaces else now,
        )
    )


def owner(connection: Connection, ref: str) -> str | None:
    """Return whose picture a ref is already, in words for a log; None for a new one."""
    for what, query in {
        "an alert": sa.select(evidence.c.ref).where(evidence.c.ref == ref),
        "a camera": sa.select(place_pictures.c.ref).where(place_pictures.c.ref == ref),
        "one that is gone": sa.select(evidence_gone.c.ref_hash).where(
            evidence_gone.c.ref_hash == digest(ref)
        ),
    }.items():
        if connection.execute(query).first() is not None:
            return what
    return None


def made_since(
    connection: Connection, ids: Collection[str], since: datetime
) -> dict[str, datetime]:
    """Return when the last picture was made of those cameras that had one since then."""
    made_at = sa.func.max(place_pictures.c.made_at)
    query = (
        sa.select(place_pictures.c.camera_id, made_at)
        .where(place_pictures.c.camera_id.in_(ids), place_pictures.c.made_at > since)
        .group_by(place_pictures.c.camera_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def mark(connection: Connection, now: datetime, limit: int) -> int:
    """Mark up to ``limit`` that are too old; returns how many."""
    old = (
        sa.select(place_pictures.c.ref)
        .where(place_pictures.c.removing_at.is_(None), place_pictures.c.made_at <= now - KEPT)
        .limit(limit)
    )
    refs = list(connection.execute(old).scalars())
    _set_removing(connection, refs, now)
    return len(refs)


def marked(connection: Connection, limit: int) -> list[str]:
    """Return the refs whose pictures the store has to delete, longest due first."""
    query = (
        sa.select(place_pictures.c.ref)
        .where(_MARKED)
        .order_by(place_pictures.c.removing_at, place_pictures.c.ref)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def waiting(connection: Connection) -> int:
    """Return how many marked rows there are."""
    return connection.execute(sa.select(sa.func.count()).where(_MARKED)).scalar_one()


def forget(connection: Connection, refs: Sequence[str]) -> int:
    """Remove the rows of pictures that the store has deleted; returns how many were there."""
    gone = sa.delete(place_pictures).where(place_pictures.c.ref.in_(refs), _MARKED)
    return connection.execute(gone).rowcount


def put_off(connection: Connection, refs: Collection[str], now: datetime) -> None:
    """Let others be deleted before these, which the store would not let go."""
    connection.execute(
        sa.update(place_pictures)
        .where(place_pictures.c.ref.in_(refs), _MARKED)
        .values(removing_at=now)
    )


def known(connection: Connection, refs: Iterable[str]) -> set[str]:
    """Return which of the store's refs are place pictures."""
    query = sa.select(place_pictures.c.ref).where(place_pictures.c.ref.in_(list(refs)))
    return set(connection.execute(query).scalars())


def _set_removing(connection: Connection, refs: Collection[str], now: datetime) -> None:
    if refs:
        connection.execute(
            sa.update(place_pictures).where(place_pictures.c.ref.in_(refs)).values(removing_at=now)
        )
