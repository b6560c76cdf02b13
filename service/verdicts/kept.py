"""Kept scores in the database: put in once each, gone after 14 days."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from pipelines.messages import Candidates
from service.tables import cameras, candidates

KEPT: Final = timedelta(days=14)
"""The design's bound: two weeks hold each weekday's light twice, and no more is collected."""

_ONCE: Final[Mapping[str, sa.Insert]] = {
    "sqlite": sqlite.insert(candidates).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(candidates).on_conflict_do_nothing(),
}
"""A message may come twice: after a crash, or where Redis took it and its answer was lost."""


def insert(connection: Connection, messages: Sequence[Candidates]) -> None:
    """Add what messages tell; what is there already stays as it is."""
    rows = [row for message in messages for row in _rows(message)]
    if rows:
        connection.execute(_ONCE[connection.dialect.name], rows)


def watched_for_real(connection: Connection, camera_ids: Sequence[str]) -> dict[str, bool]:
    """Return those cameras that the registry knows, and whether each is more than a drill's."""
    query = sa.select(cameras.c.camera_id, cameras.c.drill)
    found = connection.execute(query.where(cameras.c.camera_id.in_(camera_ids)))
    return {row.camera_id: not row.drill for row in found}


def forget_old(connection: Connection, now: datetime) -> None:
    """Remove what is older than ``KEPT``."""
    connection.execute(sa.delete(candidates).where(candidates.c.at < now - KEPT))


def _rows(message: Candidates) -> list[dict[str, Any]]:
    return [
        {
            "camera_id": message.camera_id,
            "hazard": one.hazard.value,
            "zone_id": one.zone_id,
            "worker_id": message.worker_id,
            "epoch": message.epoch,
            "moment": one.moment,
            "at": one.at,
            "score": one.score,
            **dict(zip(("x0", "y0", "x1", "y1"), one.box, strict=True)),
        }
        for one in message.candidates
    ]
