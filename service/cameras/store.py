"""Cameras in the database."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.accounts.principal import Principal
from service.cameras.models import State
from service.tables import camera_removals, camera_states, camera_windows, cameras, places

Row = RowMapping

_ID: Final = re.compile(r"[^\x00-\x1f\x7f]{1,128}")
"""What a camera can be called at all; PostgreSQL takes no NUL."""


def state_of(live_workers: Mapping[str, int]) -> sa.ColumnElement[str]:
    """Return a camera's state as a column.

    ``live_workers`` are the workers heard of lately, with the epoch of each. The word of any other
    counts for nothing, nor does what one said before it began anew: it says nothing then of cameras
    that it no longer watches. The query must have joined ``camera_states``.
    """
    said = sa.tuple_(camera_states.c.worker_id, camera_states.c.epoch)
    counts = said.in_(list(live_workers.items()))
    return sa.case(
        (cameras.c.enabled.is_(False), State.DISABLED.value),
        (counts, camera_states.c.state),
        else_=State.UNWATCHED.value,
    )


def within(principal: Principal) -> sa.ColumnElement[bool]:
    """Return the condition that a camera lies in the principal's places."""
    if principal.everywhere:
        return sa.true()
    return cameras.c.place_code.in_(sa.select(places.c.code).where(principal.within(places.c.path)))


def visible(connection: Connection, principal: Principal, camera_id: str) -> Row | None:
    """Return a camera's row, if it lies in the principal's places."""
    if not _ID.fullmatch(camera_id):
        return None
    query = sa.select(cameras).where(cameras.c.camera_id == camera_id, within(principal))
    return connection.execute(query).mappings().one_or_none()


def place_of(connection: Connection, camera_id: str) -> str | None:
    """Return the code of a camera's place; None for one that isn't registered."""
    query = sa.select(cameras.c.place_code).where(cameras.c.camera_id == camera_id)
    return connection.execute(query).scalar_one_or_none()


def with_gb_id(
    connection: Connection, principal: Principal, gb_id: str, but: str | None = None
) -> str | None:
    """Return the name of another camera that has an identity, among those that may be seen.

    A foreign camera with the same one is no hindrance and isn't told of: a refusal would let
    anybody find out which identities are registered elsewhere, one guess after another. Whoever
    sees both is warned at each of them.
    """
    query = sa.select(cameras.c.name).where(
        cameras.c.gb_id == gb_id, cameras.c.camera_id != (but or ""), within(principal)
    )
    return connection.execute(query.order_by(cameras.c.camera_id).limit(1)).scalar_one_or_none()


def insert(connection: Connection, values: Mapping[str, Any]) -> None:
    """Add a camera."""
    connection.execute(sa.insert(cameras).values(**values))


def update(connection: Connection, camera_id: str, values: Mapping[str, Any]) -> None:
    """Change a camera; its revision is counted up."""
    connection.execute(
        sa.update(cameras)
        .where(cameras.c.camera_id == camera_id)
        .values(**values, revision=cameras.c.revision + 1)
    )


def remove(connection: Connection, row: Row, now: datetime) -> None:
    """Take a camera off the registry, and note that its worker has still to be told.

    Of its windows the audit alone goes on telling.
    """
    camera_id = row["camera_id"]
    connection.execute(sa.delete(cameras).where(cameras.c.camera_id == camera_id))
    connection.execute(sa.delete(camera_states).where(camera_states.c.camera_id == camera_id))
    connection.execute(sa.delete(camera_windows).where(camera_windows.c.camera_id == camera_id))
    connection.execute(
        sa.insert(camera_removals).values(
            camera_id=camera_id, revision=row["revision"] + 1, removed_at=now
        )
    )
