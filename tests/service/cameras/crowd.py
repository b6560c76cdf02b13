"""Cameras straight in the database, for what is done to many of them."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from service.accounts.principal import Principal
from service.accounts.roles import PERMISSIONS, Role
from service.database import Database
from service.tables import camera_states, cameras, places, probed
from tests.service.estate import OWN, TREE, camera_row

LIVE = {"w1": 7}
"""The worker that is heard, and its start."""

COUNTY = "/0/330100/330106/"
"""The path of the county that OWN lies in, and FOREIGN doesn't."""


def plant(database: Database) -> None:
    """Make the places."""
    with database.writing() as connection:
        for code, parent, level, name, path in TREE:
            connection.execute(
                sa.insert(places).values(
                    code=code, parent_code=parent, level=level, name=name, path=path
                )
            )


def add(database: Database, camera_id: str, code: str = OWN, **changes: Any) -> str:
    with database.writing() as connection:
        row = {**camera_row(camera_id, code), "name": camera_id, **changes}
        connection.execute(sa.insert(cameras).values(**row))
    return camera_id


def say(
    database: Database, camera_id: str, state: str, fault: str | None = None, *, epoch: int = 7
) -> None:
    with database.writing() as connection:
        connection.execute(
            sa.insert(camera_states).values(
                camera_id=camera_id,
                worker_id="w1",
                epoch=epoch,
                state=state,
                fault=fault,
                revision=1,
                since=datetime.now(UTC),
            )
        )


def probe(database: Database, camera_id: str, fault: str | None = None, **result: Any) -> None:
    """Keep a probe's result as the service does."""
    with database.writing() as connection:
        connection.execute(
            sa.insert(probed).values(
                camera_id=camera_id,
                probe_id=uuid4(),
                finished_at=datetime.now(UTC),
                fault=fault,
                is_advised=bool(result.get("advice")),
                has_found_substream=result.get("substream") is not None,
                result={"advice": [], "substream": None, "stream": None, **result},
            )
        )


def principal(*paths: str) -> Principal:
    return Principal(
        account_id=uuid4(),
        login="integrator",
        role=Role.INTEGRATOR,
        permissions=PERMISSIONS[Role.INTEGRATOR],
        paths=paths,
    )
