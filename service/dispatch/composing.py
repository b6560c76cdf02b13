"""An order's message: what a crew needs to find the place and to know what waits there.

Words and numbers alone: no picture, nothing that leads to one, nothing on people.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from pipelines.messages import AlertDetail, DispatchOrder, OrderKind, order_id
from service.places import store as places
from service.tables import alerts, cameras
from service.tables import places as place_table
from vision.hazards import Hazard, Severity

Incident = Mapping[str, Any] | RowMapping
"""An incident's columns."""

_NO_TRACE = "0" * 32
"""Of an incident whose alerts have all moved elsewhere."""


def facts(connection: Connection, incident: Incident) -> dict[str, Any]:
    """Return what orders of an incident say, whoever they go to."""
    return {
        "hazard": Hazard(incident["hazard"]),
        "severity": Severity(incident["severity"]),
        "camera_id": incident["camera_id"],
        "zone_id": incident["zone_id"],
        "first_seen_at": incident["first_seen_at"],
        "drill": incident["drill"],
        "state": incident["state"],
        "reason": incident["state_reason"],
        "place_code": incident["place_code"],
        "place_names": _place_names(connection, incident["place_code"]),
        **_of_camera(connection, incident),
        **_of_alert(connection, incident),
    }


def composed(
    incident_id: UUID,
    said: Mapping[str, Any],
    *,
    target: str,
    decision: UUID,
    by: str,
    at: datetime,
    kind: OrderKind,
) -> DispatchOrder:
    """Return the order of one decision for one target; ``said`` comes from ``facts``."""
    return DispatchOrder(
        order_id=order_id(incident_id, target, decision),
        incident_id=incident_id,
        decision_id=decision,
        decided_by=by,
        decided_at=at,
        target=target,
        kind=kind,
        **said,
    )


def _place_names(connection: Connection, code: str | None) -> tuple[str, ...]:
    if code is None:
        return ()
    query = sa.select(place_table.c.path).where(place_table.c.code == code)
    path = connection.execute(query).scalar_one_or_none()
    # Without the installation itself, which nobody calls by its name.
    return () if path is None else tuple(places.path_names(connection, [path])[path][1:])


def _of_camera(connection: Connection, incident: Incident) -> dict[str, Any]:
    """Return the camera's names as they are now, and where it stood as the incident opened."""
    query = sa.select(
        cameras.c.name, cameras.c.gb_id, cameras.c.contact_number,
        cameras.c.wgs84_longitude, cameras.c.wgs84_latitude,
    ).where(cameras.c.camera_id == incident["camera_id"])  # fmt: skip
    row: RowMapping | None = connection.execute(query).mappings().one_or_none()
    position = incident if incident["wgs84_longitude"] is not None else row
    return {
        "camera_name": None if row is None else row["name"],
        "gb_id": None if row is None else row["gb_id"],
        "contact_number": None if row is None else row["contact_number"] or None,
        "wgs84_longitude": None if position is None else position["wgs84_longitude"],
        "wgs84_latitude": None if position is None else position["wgs84_latitude"],
    }


def _of_alert(connection: Connection, incident: Incident) -> dict[str, Any]:
    """Return what the camera's latest alert shows: a box means something on its picture alone."""
    query = (
        sa.select(alerts.c.box, alerts.c.detail, alerts.c.trace_id)
        .where(
            alerts.c.incident_id == incident["incident_id"],
            alerts.c.camera_id == incident["camera_id"],
        )
        .order_by(alerts.c.last_seen_at.desc(), alerts.c.alert_id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return {"trace_id": _NO_TRACE}
    return {
        "box": None if row.box is None else tuple(row.box),
        "detail": None if row.detail is None else msgspec.convert(row.detail, AlertDetail),
        "trace_id": row.trace_id,
    }
