"""Cameras as answers."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from pipelines.messages import Expected, ZoneKind
from service.cameras.models import Programme, State
from service.cameras.place_types import PlaceType
from service.cameras.position import CoordinateSystem
from service.cameras.windows import WindowOut
from vision.hazards import Hazard

Corner = tuple[float, float]
"""x and y as shares of the picture, origin top left."""


class PlaceOf(BaseModel):
    """The place of a camera."""

    code: str
    name: str


class ProbeBrief(BaseModel):
    """What a camera's last probe came to."""

    finished_at: datetime
    fault: Annotated[str | None, Field(description="Why there was no picture; null: it was good")]
    advice: Annotated[
        list[str], Field(description="Codes of what would be cheaper or surer, and isn't done")
    ]


class FiguresOut(BaseModel):
    """What a camera had and cost over the last minute that its worker told of."""

    at: datetime
    looks_per_s: float
    core_share: Annotated[float, Field(description="Of one core")]
    bit_rate_bps: int


class CameraRow(BaseModel):
    """A camera in a list."""

    camera_id: str
    gb_id: str | None
    name: str
    programme: Programme
    place: PlaceOf
    place_type: PlaceType
    enabled: bool
    drill: bool
    state: State
    since: Annotated[datetime | None, Field(description="When that state was reported")]
    fault: Annotated[str | None, Field(description="What is wrong with its stream at present")]
    upstream: str | None
    has_substream: bool
    probe: Annotated[ProbeBrief | None, Field(description="Null: it was never probed")]
    revision: int
    updated_at: datetime


class CameraList(BaseModel):
    """A page of cameras."""

    total: int
    cameras: list[CameraRow]


class PositionOut(BaseModel):
    """A position as given, and what it means."""

    longitude: float
    latitude: float
    coordinate_system: CoordinateSystem
    wgs84_longitude: float
    wgs84_latitude: float


class ZoneOut(BaseModel):
    """A zone."""

    zone_id: str
    polygon: list[Corner]
    kind: ZoneKind = ZoneKind.AREA
    direction: tuple[Corner, Corner] | None = None
    permitted_s: float | None = None


class WaterScaleOut(BaseModel):
    """A marked scale, and the level on it that water must not pass."""

    foot: Corner
    head: Corner
    alarm_level: float


class Warning(BaseModel):  # noqa: A001 - what it's called in the answer
    """What is allowed and yet seldom meant."""

    code: str
    message: str


class Camera(CameraRow):
    """All that is told of a camera."""

    purpose: str
    legal_basis: str
    owner: str
    sign_confirmed_by: str
    sign_confirmed_at: datetime
    contact_number: str
    position: PositionOut
    main_url: Annotated[str | None, Field(description="Without login; null without camera.write")]
    sub_url: str | None
    has_credentials: bool
    hazards: list[Hazard]
    zones: list[ZoneOut]
    water: WaterScaleOut | None
    thresholds: dict[Hazard, float]
    windows: Annotated[list[WindowOut], Field(description="Those that are open or coming")]
    created_at: datetime
    created_by: str
    updated_by: str
    place_path_names: list[str]
    worker_id: str | None
    figures: Annotated[FiguresOut | None, Field(description="Null: nothing told lately")]
    warnings: list[Warning]


class RefusedPlaceType(BaseModel):
    """A kind of place that is never watched."""

    place_type: str
    reason: str


class CameraChoices(BaseModel):
    """What may be chosen for a camera."""

    programmes: list[Programme]
    place_types: list[PlaceType]
    refused_place_types: list[str]
    refusals: Annotated[list[RefusedPlaceType], Field(description="Why each is refused")]
    coordinate_systems: list[CoordinateSystem]
    hazards: list[Hazard]
    usual_hazards: Annotated[list[Hazard], Field(description="Those that need nothing drawn")]
    zone_kinds: list[ZoneKind]
    window_kinds: list[Expected]
