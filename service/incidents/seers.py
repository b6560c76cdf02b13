"""Which cameras see an incident, and in which places they stand: that is who is let in."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from service.incidents.merge import Incident, Spot
from service.tables import incident_cameras, incident_places


def note(
    connection: Connection,
    opened: Mapping[UUID, tuple[Incident, Spot]],
    joined: Sequence[tuple[UUID, Spot]],
) -> None:
    """Note the first cameras of new incidents, and further ones."""
    places = {(one, spot.place_code) for one, (_, spot) in opened.items()}
    if joined:
        rows = [_row(incident_id, spot) for incident_id, spot in joined]
        connection.execute(sa.insert(incident_cameras), rows)
        wanted = {(one, spot.place_code) for one, spot in joined}
        places |= wanted - _known_places(connection, {one for one, _ in joined})
    rows = [
        {"incident_id": one, "place_code": code}
        for one, code in sorted(places, key=str)
        if code is not None
    ]
    if rows:
        connection.execute(sa.insert(incident_places), rows)


def _known_places(connection: Connection, ids: Collection[UUID]) -> set[tuple[UUID, str | None]]:
    query = sa.select(incident_places).where(incident_places.c.incident_id.in_(ids))
    return {(row.incident_id, row.place_code) for row in connection.execute(query)}


def _row(incident_id: UUID, spot: Spot) -> dict[str, object]:
    return {
        "incident_id": incident_id,
        "camera_id": spot.camera_id,
        "place_code": spot.place_code,
        "wgs84_longitude": spot.wgs84_longitude,
        "wgs84_latitude": spot.wgs84_latitude,
    }
