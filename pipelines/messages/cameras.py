"""What a worker must know of a camera, and how it is told of a change."""

from enum import StrEnum
from typing import Annotated

import msgspec

from pipelines.messages.wire import Instant, Message, Name, Revision, Share
from pipelines.messages.zones import WaterScale, Zone
from vision.hazards import Hazard

PlaceCode = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,18}\Z")]
"""A place of the jurisdiction tree, as service/places/codes.py writes it."""
MAX_LEVELS = 8
"""The tree has six."""
MAX_WINDOWS = 32
"""Open and coming ones of one camera."""


class Expected(StrEnum):
    """Why what looks like a hazard is none for a while."""

    PLANNED_BURN = "planned_burn"
    ROADWORKS = "roadworks"
    MAINTENANCE = "maintenance"


HELD_BACK = {
    Expected.PLANNED_BURN: frozenset({Hazard.FIRE, Hazard.SMOKE}),
    Expected.ROADWORKS: frozenset(
        {Hazard.STOPPED_VEHICLE, Hazard.WRONG_WAY, Hazard.OBSTRUCTION, Hazard.DEBRIS}
    ),
    Expected.MAINTENANCE: frozenset({Hazard.CAMERA_FAULT}),
}
"""What each kind of window keeps from being reported; fire is never kept back by roadworks."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which something is expected. It ends by itself."""

    kind: Expected
    starts_at: Instant
    ends_at: Instant
    author: Name

    def __post_init__(self) -> None:
        if self.ends_at <= self.starts_at:
            raise ValueError("a window ends after it starts")


USUAL_HAZARDS = (Hazard.FIRE, Hazard.SMOKE, Hazard.DEBRIS, Hazard.CAMERA_FAULT)
"""What is watched for where nobody chose: what needs no zone of a kind and no scale."""


class Camera(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker must know of a camera; credentials travel sealed, never in the address."""

    camera_id: Name
    url: Annotated[str, msgspec.Meta(max_length=2048)]
    sealed_credentials: Annotated[str, msgspec.Meta(max_length=4096)] | None = None
    hazards: tuple[Hazard, ...] = USUAL_HAZARDS
    zones: tuple[Zone, ...] = ()
    water: WaterScale | None = None
    windows: Annotated[tuple[Window, ...], msgspec.Meta(max_length=MAX_WINDOWS)] = ()
    thresholds: dict[Hazard, Share] = msgspec.field(default_factory=dict)
    """Scores below which a hazard's sign isn't strong at this camera; they raise a label's own."""
    place: Annotated[tuple[PlaceCode, ...], msgspec.Meta(max_length=MAX_LEVELS)] = ()
    """The places that it lies in, from the root of the tree to its own; empty: not known."""
    gb_id: Annotated[str, msgspec.Meta(max_length=20)] | None = None
    """What the platform calls its channel (GB/T 28181)."""
    upstream: Name | None = None
    """The platform or switch that it is behind."""

    def __repr__(self) -> str:
        return f"Camera({self.camera_id!r})"  # an address given in a file may hold a password


class ChangeKind(StrEnum):
    """What happened to a camera's registration."""

    UPSERTED = "upserted"
    REMOVED = "removed"


class CameraChange(Message, frozen=True, kw_only=True):
    """A registration changed: the camera's worker applies it and touches no other camera."""

    camera_id: Name
    kind: ChangeKind
    revision: Revision
    changed_at: Instant
    camera: Camera | None = None
