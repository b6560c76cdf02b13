"""Drill cameras in the registry, so that they have a name and a page. No route makes one.

Whoever starts drills on this machine puts them here by ``python -m service drills``. That an
alert is a drill's still comes from the worker that the drill started, never from this table.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from pipelines.messages import Name
from service.audit import log
from service.tables import cameras
from vision.hazards import Hazard

PREFIX: Final = "drill-"

ACTOR: Final = "host:drills"

YUMEN_GUAN: Final = (93.864, 40.353)
"""Longitude and latitude of a beacon tower's ruin in the desert, where no drill meets a crew."""


class DrillCamera(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One drill camera, as the process that serves it describes it."""

    camera_id: Annotated[str, msgspec.Meta(pattern=f"^{PREFIX}", max_length=128)]
    name: Name
    url: Annotated[str, msgspec.Meta(pattern=r"^rtsp://(127\.0\.0\.1|localhost)[:/]")]
    hazard: Hazard


def register(connection: Connection, drills: Sequence[DrillCamera], now: datetime) -> None:
    """Make the registry's drill cameras these, at the root of the tree; inside ``writing``."""
    connection.execute(sa.delete(cameras).where(cameras.c.drill.is_(True)))
    for drill in drills:
        connection.execute(sa.insert(cameras).values(**_columns(drill, now)))
    log.record(
        connection,
        actor=ACTOR,
        action="drills.registered",
        object_kind="installation",
        object_id="0",
        place_code="0",
        detail={"cameras": [drill.camera_id for drill in drills]},
    )


def _columns(drill: DrillCamera, now: datetime) -> dict[str, object]:
    longitude, latitude = YUMEN_GUAN
    return {
        "camera_id": drill.camera_id,
        "name": drill.name,
        "programme": "other",
        "place_type": "other_public",
        "purpose": "演练 Drill",
        "legal_basis": "画面由程序绘制，无真实场所 Drawn by the product: no real place",
        "owner": "烽燧 Fengsui",
        "sign_confirmed_by": ACTOR,
        "sign_confirmed_at": now,
        "contact_number": "-",
        "place_code": "0",
        "longitude": longitude,
        "latitude": latitude,
        "coordinate_system": "wgs84",
        "wgs84_longitude": longitude,
        "wgs84_latitude": latitude,
        "main_url": drill.url,
        "hazards": [drill.hazard.value],
        "zones": [],
        "enabled": True,
        "drill": True,
        "revision": 1,
        "published_revision": 1,
        "created_at": now,
        "created_by": ACTOR,
        "updated_at": now,
        "updated_by": ACTOR,
    }
