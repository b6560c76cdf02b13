"""What a batch of alerts meets in the database, read at once.

Each question is answered by an index whatever else there is: alerts by id; incidents by camera
and last sign, those of neighbours by the registry's positions, faults by upstream and onset.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from math import cos, degrees, floor, radians
from typing import Any, Final, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from pipelines.messages import Alert
from service.cameras.registrations import watched_url
from service.incidents.lifecycle import IncidentState
from service.incidents.merge import (
    DRILL_MERGE_GAP_S,
    EARTH_RADIUS_M,
    FAULT_ONSETS_S,
    Candidate,
    Incident,
    Reach,
    Spot,
    goes_by_distance,
    shared_upstream,
)
from service.probes.limits import keys_of
from service.tables import alerts, cameras, incident_cameras, incidents
from vision.hazards import Hazard, Severity

BOXES_AT_ONCE: Final = 50
IDS_AT_ONCE: Final = 5000
"""Of one statement: databases limit their variables."""

_T = TypeVar("_T")

_COLUMNS: Final = (
    *(incidents.c[one.name] for one in fields(Incident)),
    incidents.c.place_code,
    incidents.c.wgs84_longitude,
    incidents.c.wgs84_latitude,
)


@dataclass(slots=True, kw_only=True)
class Known:
    """An alert that is in the database, or will be with this batch."""

    incident_id: UUID
    """Where it is."""
    revision: int
    """The latest."""
    drill: bool
    """What it is taken for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What a batch meets."""

    known: dict[UUID, Known] = field(default_factory=dict)
    """Those of its alerts that are known."""
    spots: dict[str, Spot] = field(default_factory=dict)
    """The registered cameras of the others."""
    candidates: list[Candidate] = field(default_factory=list)
    """What the others may join; more than they will, but never fewer."""


def gather(connection: Connection, reach: Reach, batch: Sequence[Alert]) -> Gathered:
    """Read what a batch meets."""
    known = _known(connection, {one.alert_id for one in batch})
    fresh = [one for one in batch if _is_fresh(one, known.get(one.alert_id))]
    if not fresh:
        return Gathered(known=known)
    spots = _spots(connection, {one.camera_id for one in fresh})
    groups: defaultdict[tuple[Hazard, bool], list[Alert]] = defaultdict(list)
    for one in fresh:
        groups[one.hazard, one.drill].append(one)
    rows: dict[UUID, sa.RowMapping] = {}
    for group in groups.values():
        for row in _near(connection, reach, group, spots):
            rows[row["incident_id"]] = row
    names = {one.camera_id for one in fresh}
    return Gathered(known=known, spots=spots, candidates=_candidates(connection, rows, names))


def incident_of(row: sa.RowMapping) -> Incident:
    """Return an incident of its row."""
    values = {one.name: row[one.name] for one in fields(Incident)}
    values["hazard"] = Hazard(row["hazard"])
    values["severity"] = Severity(row["severity"])
    values["state"] = IncidentState(row["state"])
    return Incident(**values)


def _is_fresh(alert: Alert, known: Known | None) -> bool:
    return known is None or (known.drill and not alert.drill)


def _known(connection: Connection, ids: Collection[UUID]) -> dict[UUID, Known]:
    query = sa.select(
        alerts.c.alert_id, alerts.c.incident_id, alerts.c.revision, alerts.c.drill
    ).where(alerts.c.alert_id.in_(ids))
    return {
        row.alert_id: Known(incident_id=row.incident_id, revision=row.revision, drill=row.drill)
        for row in connection.execute(query)
    }


def _spots(connection: Connection, names: Collection[str]) -> dict[str, Spot]:
    query = sa.select(
        cameras.c.camera_id,
        cameras.c.place_code,
        cameras.c.wgs84_longitude,
        cameras.c.wgs84_latitude,
        cameras.c.upstream,
        cameras.c.main_url,
        cameras.c.sub_url,
    ).where(cameras.c.camera_id.in_(names))
    return {
        row["camera_id"]: Spot(
            camera_id=row["camera_id"],
            place_code=row["place_code"],
            wgs84_longitude=row["wgs84_longitude"],
            wgs84_latitude=row["wgs84_latitude"],
            upstream=_platform(row),
        )
        for row in connection.execute(query).mappings()
    }


def _platform(row: sa.RowMapping) -> str | None:
    try:
        return keys_of(watched_url({**row}), row["upstream"])[1]
    except ValueError:  # an old address that is none: no alert is lost for it
        return row["upstream"] or None


def _near(
    connection: Connection, reach: Reach, group: Sequence[Alert], spots: Mapping[str, Spot]
) -> Iterable[sa.RowMapping]:
    """Read what alerts of one hazard, all drills or none, may belong to."""
    first = group[0]
    gap = timedelta(seconds=DRILL_MERGE_GAP_S if first.drill else reach.merge_gap_of(first.hazard))
    in_time = (
        incidents.c.hazard == first.hazard,
        incidents.c.drill.is_(first.drill),
        incidents.c.last_seen_at >= min(one.first_seen_at for one in group) - gap,
        incidents.c.first_seen_at <= max(one.last_seen_at for one in group) + gap,
    )
    names = {one.camera_id for one in group}
    if goes_by_distance(first):
        standing = [spots[name] for name in names if name in spots]
        names |= _neighbours(connection, standing, reach.merge_distance_of(first.hazard))
    for some in _parts(sorted(names)):
        query = sa.select(*_COLUMNS).where(incidents.c.camera_id.in_(some), *in_time)
        yield from connection.execute(query).mappings()
        if goes_by_distance(first) or first.hazard is Hazard.CAMERA_FAULT:
            joined = sa.select(*_COLUMNS).join(incident_cameras).where(
                incident_cameras.c.camera_id.in_(some), *in_time
            )  # fmt: skip
            yield from connection.execute(joined).mappings()
    yield from _of_upstreams(connection, group, spots)


def _neighbours(connection: Connection, standing: Iterable[Spot], far_m: float) -> set[str]:
    """Return the cameras which stand in boxes that hold all within ``far_m``."""
    if far_m <= 0:
        return set()
    step = degrees(far_m / EARTH_RADIUS_M)
    cells: dict[tuple[int, int], Spot] = {}
    for spot in standing:
        if spot.wgs84_latitude is not None and spot.wgs84_longitude is not None:
            key = floor(spot.wgs84_latitude / step), floor(spot.wgs84_longitude / step)
            cells.setdefault(key, spot)
    boxes = [_box(row * step, column * step, step) for row, column in cells]
    found: set[str] = set()
    for start in range(0, len(boxes), BOXES_AT_ONCE):
        query = sa.select(cameras.c.camera_id).where(sa.or_(*boxes[start : start + BOXES_AT_ONCE]))
        found |= set(connection.execute(query).scalars())
    return found


def _box(south: float, west: float, step: float) -> sa.ColumnElement[bool]:
    # A cell and what is within a step around it; a degree of longitude is shorter, to the north.
    margin = 1.001 * step
    wide = margin / max(0.01, cos(radians(min(89.0, abs(south) + 2 * step))))
    return sa.and_(
        cameras.c.wgs84_latitude.between(south - margin, south + step + margin),
        cameras.c.wgs84_longitude.between(west - wide, west + step + wide),
    )


def _of_upstreams(
    connection: Connection, group: Sequence[Alert], spots: Mapping[str, Spot]
) -> Iterable[sa.RowMapping]:
    onsets: defaultdict[str, list[datetime]] = defaultdict(list)
    for one in group:
        spot = spots.get(one.camera_id)
        upstream = None if spot is None else shared_upstream(one, spot)
        if upstream is not None:
            onsets[upstream].append(one.first_seen_at)
    if not onsets:
        return
    apart = timedelta(seconds=FAULT_ONSETS_S)
    earliest = min(min(times) for times in onsets.values()) - apart
    latest = max(max(times) for times in onsets.values()) + apart
    query = sa.select(*_COLUMNS).where(
        incidents.c.upstream.in_(sorted(onsets)),
        incidents.c.first_seen_at.between(earliest, latest),
    )
    yield from connection.execute(query).mappings()


def _candidates(
    connection: Connection, rows: Mapping[UUID, sa.RowMapping], names: Collection[str]
) -> list[Candidate]:
    spots = {
        row["incident_id"]: {row["camera_id"]: _spot(row)} for row in rows.values()
    }  # fmt: skip
    signs: dict[UUID, dict[str, datetime]] = {one: {} for one in rows}
    shared = [row["incident_id"] for row in rows.values() if row["upstream"] is not None]
    for some in _parts(list(rows)):
        query = sa.select(incident_cameras).where(incident_cameras.c.incident_id.in_(some))
        for row in connection.execute(query).mappings():
            spots[row["incident_id"]].setdefault(row["camera_id"], _spot(row))
    for some in _parts(shared):
        query = _last_signs(some, names)
        for sign in connection.execute(query):
            signs[sign.incident_id][sign.camera_id] = sign.at
    return [
        Candidate(incident=incident_of(row), spots=spots[one], signs=signs[one])
        for one, row in rows.items()
    ]


def _last_signs(ids: Collection[UUID], names: Collection[str]) -> sa.Select[Any]:
    return (
        sa.select(
            alerts.c.incident_id,
            alerts.c.camera_id,
            sa.func.max(alerts.c.last_seen_at).label("at"),
        )
        .where(alerts.c.incident_id.in_(ids), alerts.c.camera_id.in_(names))
        .group_by(alerts.c.incident_id, alerts.c.camera_id)
    )


def _spot(row: sa.RowMapping) -> Spot:
    return Spot(
        camera_id=row["camera_id"],
        place_code=row["place_code"],
        wgs84_longitude=row["wgs84_longitude"],
        wgs84_latitude=row["wgs84_latitude"],
    )


def _parts(whole: Sequence[_T]) -> Iterable[Sequence[_T]]:
    for start in range(0, len(whole), IDS_AT_ONCE):
        yield whole[start : start + IDS_AT_ONCE]
