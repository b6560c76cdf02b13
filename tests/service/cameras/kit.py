"""Cameras for tests, by way of the API."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx
import sqlalchemy as sa

from pipelines import streams
from pipelines.messages import CameraChange, decode
from service.accounts.roles import Role
from service.database import Database
from tests.service.estate import FOREIGN, OWN, fill
from tests.service.helpers import Parts
from tests.service.process import serving
from tests.service.signing_in import bearer

HERE, THERE = OWN, FOREIGN
"""Two townships that know nothing of each other."""

GB_ID = "33010600001320000001"

PASSWORD = "canary-Xy7!beacon"


ROAD: Final[dict[str, Any]] = {
    "zone_id": "主路",
    "polygon": [[0, 0.5], [1, 0.5], [1, 1], [0, 1]],
    "kind": "road",
    "direction": [[0.1, 0.7], [0.9, 0.7]],
    "permitted_s": 30,
}
LANE: Final[dict[str, Any]] = {
    "zone_id": "消防通道",
    "polygon": [[0, 0], [0.3, 0], [0.3, 0.3]],
    "kind": "fire_lane",
}
SCALE: Final[dict[str, Any]] = {"foot": [0.5, 0.9], "head": [0.52, 0.2], "alarm_level": 0.6}


def described(**changes: Any) -> dict[str, Any]:
    """What registers a camera."""
    return {
        "name": "灵隐路口",
        "programme": "xueliang",
        "place_type": "road",
        "purpose": "林区火情",
        "legal_basis": "公共安全视频图像信息系统管理条例",
        "owner": "灵隐街道办",
        "sign_confirmed": True,
        "contact_number": "0571-88888888",
        "place_code": HERE,
        "position": {"longitude": 120.1, "latitude": 30.24, "coordinate_system": "wgs84"},
        "main_url": "rtsp://192.0.2.10/main",
        **changes,
    }


@contextmanager
def townships(given: Parts) -> Iterator[tuple[httpx.Client, httpx.Client, httpx.Client]]:
    """An integrator of HERE, one of THERE, and an administrator of everything."""
    fill(given.database)
    whom = [(Role.INTEGRATOR, [HERE]), (Role.INTEGRATOR, [THERE]), (Role.ADMIN, ["0"])]
    with serving(given.settings) as url:
        clients = [
            httpx.Client(base_url=url, headers=bearer(given.database, *who), timeout=30)
            for who in whom
        ]
        try:
            yield clients[0], clients[1], clients[2]
        finally:
            for client in clients:
                client.close()


def registered(client: httpx.Client, **changes: Any) -> dict[str, Any]:
    answer = client.post("/api/cameras", json=described(**changes))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def match(camera: dict[str, Any]) -> dict[str, str]:
    return {"If-Match": f'"{camera["revision"]}"'}


def told(client: streams.Client, camera_id: str | None = None) -> list[CameraChange]:
    """What the workers were told, of one camera or of all."""
    stream = streams.CAMERA_CHANGES
    found = [
        decode(streams.body(entry), CameraChange)
        for _, entry in client.xrange(stream.name)  # type: ignore[union-attr, str-unpack, misc]
    ]
    return [one for one in found if camera_id in {None, one.camera_id}]


def count(database: Database, table: Any) -> int:
    with database.reading() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
