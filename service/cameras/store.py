"""Cameras in the database."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.accounts.principal import Principal
from service.cameras.models import State
from service.tables import (
    camera_figures,
    camera_health,
    camera_removals,
    camera_states,
    camera_windows,
    cameras,
    place_pictures,
    places,
    probed,
    probes,
)

Row = RowMapping

_ID: Final = re.compile(r"[^\x00-\x1f\x7f]{1,128}")
"""What a camera can be called at all; PostgreSQL takes no NUL."""


_OF_A_CAMERA: Final = (camera_states, camera_windows, camera_health, camera_figures, probed)
"""What goes with a camera."""


def state_of(live_workers: Mapping[str, int]) -> sa.ColumnElement[str]:
    """Return a camera's state as a column.

    ``live_workers`` are the workers heard of lately, with the epoch of each. The word of any other
    counts for nothing, nor does what one said before it began anew: it says nothing then of cameras
    that it no longer watches. The query must have joined ``camera_states``.
    """
    return sa.case(
        (cameras.c.enabled.is_(False), State.DISABLED.value),
        (_said_by(live_workers), camera_states.c.state),
        else_=State.UNWATCHED.value,
    )


def fault_of(live_workers: Mapping[str, int]) -> sa.ColumnElement[str | None]:
    """Return a camera's fault as a column, under the same conditions as ``state_of``."""
    counts = sa.and_(cameras.c.enabled.is_(True), _said_by(live_workers))
    return sa.case((counts, camera_states.c.fault), else_=sa.null())


def _said_by(live_workers: Mapping[str, int]) -> sa.ColumnElement[bool]:
    # As one text: PostgreSQL looks up a text in a list at once, and a pair by going through it.
    epoch = sa.cast(camera_states.c.epoch, sa.Text)
    said = camera_states.c.worker_id.concat("/").concat(epoch)
    return said.in_([f"{worker_id}/{epoch}" for worker_id, epoch in live_workers.items()])


def possible_ids(ids: Iterable[str]) -> list[str]:
    """Return those texts that may be a camera's id, each once."""
    return [one for one in dict.fromkeys(ids) if _ID.fullmatch(one)]


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
    for table in (cameras, *_OF_A_CAMERA):
        connection.execute(sa.delete(table).where(table.c.camera_id == camera_id))
    let_pictures_go(connection, camera_id, now)
    _cancel_probes(connection, camera_id, now)
    connection.execute(
        sa.insert(camera_removals).values(
            camera_id=camera_id, revision=row["revision"] + 1, removed_at=now
        )
    )


def let_pictures_go(connection: Connection, camera_id: str, now: datetime) -> None:
    """Let a camera's place pictures be deleted; from now on they are shown to nobody."""
    shown = sa.and_(place_pictures.c.camera_id == camera_id, place_pictures.c.removing_at.is_(None))
    connection.execute(sa.update(place_pictures).where(shown).values(removing_at=now))


def _cancel_probes(connection: Connection, camera_id: str, now: datetime) -> None:
    waits = sa.and_(probes.c.camera_id == camera_id, probes.c.state == "waiting")
    connection.execute(sa.update(probes).where(waits).values(state="cancelled", finished_at=now))
