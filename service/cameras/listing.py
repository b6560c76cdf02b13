"""Pages of cameras: tens of thousands of rows, so the page's ids are found first, by an index."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from service.accounts.principal import Principal
from service.cameras import store, views
from service.cameras.answers import CameraList
from service.cameras.models import Programme, State
from service.places import store as place_store
from service.places.errors import UnknownPlaceError
from service.tables import camera_states, cameras, places
from service.text import Query, pattern_of

PAGE_LIMIT = 500

FARTHEST = 10_000_000

_WITH_STATES = cameras.outerjoin(camera_states, camera_states.c.camera_id == cameras.c.camera_id)


class Sort(StrEnum):
    """What a list is ordered by; a minus turns it around."""

    NAME = "name"
    NAME_DOWN = "-name"
    PLACE = "place"
    GB_ID = "gb_id"
    UPDATED = "updated_at"
    UPDATED_DOWN = "-updated_at"


class Wanted(BaseModel):
    """Which page of which cameras."""

    offset: Annotated[int, Field(ge=0, le=FARTHEST, description="Cameras before the page")] = 0
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT, description="Cameras on it")] = 100
    q: Annotated[Query, Field(description="Part of the name or of the GB/T 28181 id")] = ""
    place: Annotated[str | None, Field(max_length=32, description="There and below")] = None
    programme: Programme | None = None
    state: State | None = None
    sort: Sort = Sort.NAME


def page(
    connection: Connection, principal: Principal, wanted: Wanted, live_workers: Mapping[str, int]
) -> CameraList:
    """Return one page, and how many cameras there are on all of them."""
    conditions = _conditions(connection, principal, wanted, live_workers)
    joined = _WITH_STATES if wanted.state is not None else cameras
    total = connection.execute(
        sa.select(sa.func.count()).select_from(joined).where(*conditions)
    ).scalar_one()
    if total <= wanted.offset:
        return CameraList(total=total, cameras=[])
    ids = (
        sa.select(cameras.c.camera_id)
        .select_from(joined)
        .where(*conditions)
        .order_by(*_order(wanted.sort))
        .offset(wanted.offset)
        .limit(wanted.limit)
    )
    found = list(connection.execute(ids).scalars())
    return CameraList(total=total, cameras=views.rows(connection, found, live_workers))


def _conditions(
    connection: Connection, principal: Principal, wanted: Wanted, live_workers: Mapping[str, int]
) -> list[sa.ColumnElement[bool]]:
    conditions = [store.within(principal)]
    if wanted.place is not None:
        row = place_store.visible(connection, principal, wanted.place)
        if row is None:
            raise UnknownPlaceError(wanted.place, "place")
        below = sa.select(places.c.code).where(places.c.path.like(f"{row['path']}%"))
        conditions.append(cameras.c.place_code.in_(below))
    if text := wanted.q.strip():
        conditions.append(_holds(text))
    if wanted.programme is not None:
        conditions.append(cameras.c.programme == wanted.programme.value)
    if wanted.state is not None:
        conditions.append(store.state_of(live_workers) == wanted.state.value)
    return conditions


def _holds(text: str) -> sa.ColumnElement[bool]:
    named: sa.ColumnElement[bool] = sa.func.lower(cameras.c.name).like(
        pattern_of(text), escape="\\"
    )
    if text.isascii() and text.isdigit():
        return sa.or_(named, cameras.c.gb_id.like(f"%{text}%"))
    return sa.or_(named, cameras.c.camera_id == text)


def _order(sort: Sort) -> list[sa.ColumnElement[object]]:
    columns: dict[Sort, list[sa.ColumnElement[object]]] = {
        Sort.NAME: [cameras.c.name.asc()],
        Sort.NAME_DOWN: [cameras.c.name.desc()],
        # Codes begin with their parents': in their order the tree is read from the top.
        Sort.PLACE: [cameras.c.place_code.asc(), cameras.c.name.asc()],
        Sort.GB_ID: [cameras.c.gb_id.asc().nulls_last()],
        Sort.UPDATED: [cameras.c.updated_at.asc()],
        Sort.UPDATED_DOWN: [cameras.c.updated_at.desc()],
    }
    tie = cameras.c.camera_id
    return [*columns[sort], tie.desc() if sort.value.startswith("-") else tie.asc()]
