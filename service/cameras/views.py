"""Cameras as clients see them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from pipelines.messages import Advice
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.cameras import figures, store, windows
from service.cameras.answers import (
    Camera,
    CameraRow,
    PlaceOf,
    PositionOut,
    ProbeBrief,
    Warning,  # noqa: A004
    WaterScaleOut,
    ZoneOut,
)
from service.cameras.gb_id import civil_code_fits
from service.cameras.models import State
from service.places.store import path_names
from service.tables import camera_states, cameras, places, probed

Select = sa.Select[Any]

_UNHEARD = frozenset({State.UNWATCHED, State.DISABLED})
"""States in which nobody's word about the camera counts."""

_IN_LISTS = (
    "camera_id",
    "gb_id",
    "name",
    "programme",
    "place_type",
    "enabled",
    "drill",
    "upstream",
    "revision",
    "updated_at",
)

_AS_STORED = (
    "purpose",
    "legal_basis",
    "owner",
    "sign_confirmed_by",
    "sign_confirmed_at",
    "contact_number",
    "hazards",
    "thresholds",
    "created_at",
    "created_by",
    "updated_by",
)


def rows(
    connection: Connection, ids: Sequence[str], live_workers: Mapping[str, int]
) -> list[CameraRow]:
    """Return these cameras as a list shows them, in the order of ``ids``."""
    columns = [cameras.c[name] for name in (*_IN_LISTS, "sub_url")]
    query = _joined(sa.select(*columns), live_workers).where(cameras.c.camera_id.in_(ids))
    found = {row["camera_id"]: row for row in connection.execute(query).mappings()}
    return [CameraRow(**_row(found[one])) for one in ids if one in found]


def one(
    connection: Connection, principal: Principal, camera_id: str, live_workers: Mapping[str, int]
) -> Camera:
    """Return all that the principal may know of a camera, which must be one of theirs."""
    query = _joined(sa.select(cameras), live_workers).where(cameras.c.camera_id == camera_id)
    row = connection.execute(query).mappings().one()
    # Where a stream is to be had is of use only to whoever registers it.
    writes = Permission.CAMERA_WRITE in principal.permissions
    known = row["state"] not in _UNHEARD
    now = datetime.now(UTC)
    return Camera(
        **_row(row),
        **{name: row[name] for name in _AS_STORED},
        position=PositionOut(**{name: row[name] for name in PositionOut.model_fields}),
        main_url=row["main_url"] if writes else None,
        sub_url=row["sub_url"] if writes else None,
        has_credentials=row["sealed_credentials"] is not None,
        zones=[ZoneOut(**zone) for zone in row["zones"]],
        water=row["water"] and WaterScaleOut(**row["water"]),
        windows=windows.current(connection, camera_id, now),
        place_path_names=path_names(connection, [row["path"]])[row["path"]],
        worker_id=row["worker_id"] if known else None,
        figures=figures.of(connection, camera_id, now),
        warnings=_warnings(connection, principal, row),
    )


def _joined(
    query: sa.Select[tuple[object, ...]], live_workers: Mapping[str, int]
) -> sa.Select[tuple[object, ...]]:
    return (
        query.add_columns(
            places.c.name.label("place_name"),
            places.c.code.label("its_place_code"),
            places.c.path,
            camera_states.c.worker_id,
            camera_states.c.fault,
            camera_states.c.since,
            probed.c.finished_at.label("probed_at"),
            probed.c.fault.label("probe_fault"),
            probed.c.result["advice"].label("advice"),
            store.state_of(live_workers).label("state"),
        )
        .join(places, places.c.code == cameras.c.place_code)
        .outerjoin(camera_states, camera_states.c.camera_id == cameras.c.camera_id)
        .outerjoin(probed, probed.c.camera_id == cameras.c.camera_id)
    )


def _row(row: RowMapping) -> dict[str, Any]:
    known = row["state"] not in _UNHEARD
    return {
        **{name: row[name] for name in _IN_LISTS},
        "place": PlaceOf(code=row["its_place_code"], name=row["place_name"]),
        "state": row["state"],
        "since": row["since"] if known else None,
        "fault": row["fault"] if known else None,
        "has_substream": row["sub_url"] is not None,
        "probe": _probe(row),
    }


def _probe(row: RowMapping) -> ProbeBrief | None:
    if row["probed_at"] is None:
        return None
    advice = advice_left(row["advice"] or (), has_substream=row["sub_url"] is not None)
    return ProbeBrief(finished_at=row["probed_at"], fault=row["probe_fault"], advice=advice)


def advice_left(advice: Iterable[str], *, has_substream: bool) -> list[str]:
    """Return what is still to be done of a probe's advice: a substream that is taken is none."""
    return [one for one in advice if not (has_substream and one == Advice.USE_SUBSTREAM)]


def _warnings(connection: Connection, principal: Principal, row: RowMapping) -> list[Warning]:
    found: dict[str, str] = {}
    gb_id = row["gb_id"]
    if gb_id is None:
        found["gb_id_absent"] = "without a GB/T 28181 id nobody finds it in the video platform"
    elif not civil_code_fits(gb_id, row["place_code"]):
        found["gb_id_elsewhere"] = (
            f"the id's civil code {gb_id[:8]} is another place's than {row['place_code']}"
        )
    if gb_id is not None:
        other = store.with_gb_id(connection, principal, gb_id, but=row["camera_id"])
        if other is not None:
            found["gb_id_shared"] = f"the camera {other} has the same GB/T 28181 id"
    if row["sub_url"] is None:
        found["no_substream"] = "the main stream is watched, which costs several times as much"
    if row["sealed_credentials"] is None and not row["drill"]:
        found["no_credentials"] = "there is no user and password: anybody can open the stream"
    return [Warning(code=code, message=message) for code, message in found.items()]
