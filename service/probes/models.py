"""Probes as requests and answers."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from pipelines.messages import Advice, FoundBy, Onvif, PlaceAbsence
from service.cameras.bodies import Body
from service.cameras.selecting import Selection


class ProbeState(StrEnum):
    """How far a probe is."""

    WAITING = "waiting"
    SENT = "sent"
    DONE = "done"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class ProbesIn(Body):
    """Which cameras are to be looked at once."""

    selection: Selection
    place_pictures: Annotated[
        bool,
        Field(description="Also take the picture that zones are drawn on: one a camera and day"),
    ] = False


class ProbesAsked(BaseModel):
    """What came of asking."""

    batch_id: Annotated[UUID | None, Field(description="Null if nothing had to be asked")]
    asked: int
    skipped: Annotated[int, Field(description="A probe of it waits or runs already")]
    place_pictures_refused: Annotated[
        int, Field(description="Of those asked: probed without a picture, for one was made today")
    ]


class ProbeBatchRow(BaseModel):
    """Probes that were asked for together, and how far those of one's own places are."""

    batch_id: UUID
    asked_by: str
    asked_at: datetime
    total: int
    waiting: int
    sent: int
    done: int
    expired: Annotated[int, Field(description="No worker answered in time: ask again")]
    cancelled: int
    no_worker: Annotated[
        bool, Field(description="Some wait, and no worker lives: they are sent once one does")
    ]


class ProbeBatchList(BaseModel):
    """The newest batches."""

    batches: list[ProbeBatchRow]


class ProbeBatch(ProbeBatchRow):
    """A batch, and what was found so far."""

    good: Annotated[int, Field(description="Done, and without a fault")]
    faults: Annotated[dict[str, int], Field(description="How many have which fault")]
    advice: Annotated[
        dict[Advice, int], Field(description="How many are advised what, and haven't done it")
    ]
    substreams_found: int
    pictures_wanted: Annotated[
        int, Field(description="Place pictures that are wanted; not those of cancelled probes")
    ]
    pictures_made: Annotated[int, Field(description="Place pictures that were made")]


class Stream(BaseModel):
    """What a stream is. What could not be measured is null."""

    codec: str
    width_px: int | None
    height_px: int | None
    frame_rate_hz: float | None
    keyframe_interval_s: float | None
    bit_rate_bps: int | None


class Substream(BaseModel):
    """A smaller stream of the same camera."""

    url: Annotated[str | None, Field(description="Null without camera.write")]
    found_by: FoundBy
    codec: str | None
    width_px: int | None
    height_px: int | None


class Findings(BaseModel):
    """What a camera's last finished probe found."""

    finished_at: datetime
    worker_id: str
    fault: Annotated[str | None, Field(description="Why there is no picture: pipelines/faults.py")]
    stream: Stream | None
    clock_skew_s: Annotated[
        float | None, Field(description="The camera's clock less the worker's, if it says a time")
    ]
    substream: Substream | None
    onvif: Onvif
    advice: list[Advice]
    renewed: Annotated[bool, Field(description="Its platform was asked for another address first")]
    place_absence: Annotated[
        PlaceAbsence | None, Field(description="Why there is no place picture, if one was wanted")
    ]


class PlacePicture(BaseModel):
    """That there is one: /place-picture shows it."""

    made_at: datetime
    asked_by: str


class CameraProbe(BaseModel):
    """A camera's newest probe, and what the last that finished found."""

    state: Annotated[ProbeState | None, Field(description="Null if none was ever asked for")]
    batch_id: UUID | None
    asked_at: datetime | None
    asked_by: str | None
    result: Annotated[Findings | None, Field(description="Maybe of an earlier probe")]
    place_picture: PlacePicture | None
    next_place_picture_at: Annotated[
        datetime | None, Field(description="Before that none may be asked for; null: at once")
    ]
    no_worker: Annotated[bool, Field(description="It waits, and no worker lives")]
