"""Pages of cameras: tens of thousands of rows, so the page's ids are found first, by an index."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import sqlalchemy as sa
from pydantic import ConfigDict, Field
from sqlalchemy import Connection

from service.accounts.principal import Principal
from service.cameras import views
from service.cameras.answers import CameraList
from service.cameras.selecting import Filter, conditions_of, joined_for
from service.tables import cameras

PAGE_LIMIT = 500

FARTHEST = 10_000_000


class Sort(StrEnum):
    """What a list is ordered by; a minus turns it around."""

    NAME = "name"
    NAME_DOWN = "-name"
    PLACE = "place"
    GB_ID = "gb_id"
    UPDATED = "updated_at"
    UPDATED_DOWN = "-updated_at"


class Wanted(Filter):
    """Which page of which cameras."""

    model_config = ConfigDict(extra="ignore")

    offset: Annotated[int, Field(ge=0, le=FARTHEST, description="Cameras before the page")] = 0
    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT, description="Cameras on it")] = 100
    sort: Sort = Sort.NAME


def page(
    connection: Connection, principal: Principal, wanted: Wanted, live_workers: Mapping[str, int]
) -> CameraList:
    """Return one page, and how many cameras there are on all of them."""
    conditions = conditions_of(connection, principal, wanted, live_workers)
    joined = joined_for(wanted)
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
