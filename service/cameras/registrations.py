"""What workers are told of a camera: its row in the database as a message."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from pipelines.messages import MAX_WINDOWS, Camera, CameraChange, ChangeKind
from service.tables import camera_windows, cameras, places

Registration = Mapping[str, Any]
"""A camera's row, with the path of its place and its windows."""

_COLUMNS: Final = tuple(
    cameras.c[name]
    for name in (
        "camera_id",
        "gb_id",
        "upstream",
        "main_url",
        "sub_url",
        "sealed_credentials",
        "hazards",
        "zones",
        "water",
        "thresholds",
        "enabled",
        "revision",
        "published_revision",
        "updated_at",
    )
)


def registrations(
    connection: Connection, most: int, *conditions: sa.ColumnElement[bool]
) -> list[Registration]:
    """Return the cameras that meet the conditions, those that changed first before others."""
    query = (
        sa.select(*_COLUMNS, places.c.path)
        .join(places, places.c.code == cameras.c.place_code)
        .where(*conditions)
        .order_by(cameras.c.updated_at, cameras.c.camera_id)
        .limit(most)
    )
    rows = connection.execute(query).mappings().all()
    windows = _windows(connection, [row["camera_id"] for row in rows])
    return [{**row, "windows": windows.get(row["camera_id"], [])} for row in rows]


def _windows(connection: Connection, ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return windows by camera: those that were open or coming when its registration changed.

    Not those that are so now: then what is told of one revision would differ from day to day, and
    replicas would mend each other's words. One that has ended since says so itself.
    """
    query = (
        sa.select(camera_windows)
        .join(cameras, cameras.c.camera_id == camera_windows.c.camera_id)
        .where(
            camera_windows.c.camera_id.in_(ids),
            camera_windows.c.ended_at.is_(None),
            camera_windows.c.ends_at > cameras.c.updated_at,
        )
        .order_by(camera_windows.c.ends_at.desc(), camera_windows.c.window_id)
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for row in connection.execute(query).mappings():
        windows = found.setdefault(row["camera_id"], [])
        if len(windows) < MAX_WINDOWS:  # more only if replicas' clocks differ
            windows.append({name: row[name] for name in ("kind", "starts_at", "ends_at", "author")})
    return found


def change_of(row: Registration) -> CameraChange:
    """Return what workers are told of a row. Raises ``ValueError`` or ``TypeError`` if it can't be.

    Nothing of a disabled camera has to be understood to say that it goes.
    """
    if not row["enabled"]:
        return removal(row["camera_id"], row["revision"])
    return CameraChange(
        camera_id=row["camera_id"],
        kind=ChangeKind.UPSERTED,
        revision=row["revision"],
        changed_at=row["updated_at"],
        camera=camera_of(row),
    )


def camera_of(row: Registration) -> Camera:
    """Return a camera as workers know it, also a disabled one. Raises as ``change_of`` does."""
    return msgspec.convert(
        {
            "camera_id": row["camera_id"],
            "url": watched_url(row),
            "sealed_credentials": row["sealed_credentials"],
            "hazards": row["hazards"],
            "zones": row["zones"],
            "water": row["water"],
            "windows": row["windows"],
            "thresholds": row["thresholds"],
            "place": row["path"].strip("/").split("/"),
            "gb_id": row["gb_id"],
            "upstream": row["upstream"],
        },
        Camera,
    )


def watched_url(row: Registration) -> str:
    """Return which of a camera's addresses is watched.

    Looks are small pictures: the substream has enough in it, at far less cost.
    """
    return str(row["sub_url"] or row["main_url"])


def removal(camera_id: str, revision: int) -> CameraChange:
    """Return what workers are told of a camera that is gone."""
    return CameraChange(
        camera_id=camera_id,
        kind=ChangeKind.REMOVED,
        revision=revision,
        changed_at=datetime.now(UTC),
    )
