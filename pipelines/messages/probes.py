"""A stream that a worker is asked to look at once, and what it found."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from pipelines.messages.cameras import Camera
from pipelines.messages.evidence import EvidenceRef
from pipelines.messages.wire import Count, Instant, Message, Name

Positive = Annotated[float, msgspec.Meta(gt=0)]


class ProbeJob(Message, frozen=True, kw_only=True):
    """Look at one stream and say what it is. Done by a worker, never by the service."""

    job_id: UUID
    camera: Camera
    """Its ``url`` is what would be watched: the substream's, if one is registered."""
    has_substream: bool = False
    """Whether that is a substream: none is looked for then."""
    wants_place_picture: bool = False
    requested_at: Instant
    expires_at: Instant
    """Nobody waits for it any longer: a worker that comes later passes it over."""


class Advice(StrEnum):
    """What would make a camera cheaper or surer to watch. The console has words for each."""

    USE_SUBSTREAM = "use_substream"
    """One was found: under half the cost."""
    SHORTER_KEYFRAMES = "shorter_keyframes"
    """More than 4 s apart: ask for 2."""
    SMART_CODEC = "smart_codec"
    """Keyframes 10 s apart and more: the camera stretches them while little moves."""
    SMALLER_PICTURE = "smaller_picture"
    LOWER_BIT_RATE = "lower_bit_rate"
    OTHER_CODEC = "other_codec"
    """Motion JPEG and MPEG-4 cost the network several times as much."""
    SET_CLOCK = "set_clock"


class StreamFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a stream is. What could not be measured is absent."""

    codec: Name
    width_px: Count | None = None
    height_px: Count | None = None
    frame_rate_hz: Positive | None = None
    keyframe_interval_s: Positive | None = None
    """The longest of those that were seen, or how long none came after the first."""
    bit_rate_bps: Count | None = None


class FoundBy(StrEnum):
    """How a substream was found."""

    ONVIF = "onvif"
    """The camera's own media profiles."""
    NAMING = "naming"
    """By how makers name their streams, tried at the camera."""


class FoundStream(msgspec.Struct, frozen=True, kw_only=True):
    """A smaller stream of the same camera, at the same host."""

    url: Annotated[str, msgspec.Meta(max_length=2048)]
    """Without a login."""
    found_by: FoundBy
    codec: Name | None = None
    width_px: Count | None = None
    height_px: Count | None = None


class Onvif(StrEnum):
    """What came of asking by ONVIF."""

    NOT_ASKED = "not_asked"
    ANSWERED = "answered"
    ABSENT = "absent"
    REFUSED = "refused"
    """It wants another user or password."""


class PlaceAbsence(StrEnum):
    """Why there is no place picture."""

    NO_STREAM = "no_stream"
    NO_MASKER = "no_masker"
    MASKER_FAILED = "masker_failed"
    NO_FRAMES = "no_frames"
    """Too few pictures came in the time there was."""
    NO_STORE = "no_store"
    STORE_FAILED = "store_failed"
    DAILY_CAP = "daily_cap"
    """One a camera and day."""


class ProbeResult(Message, frozen=True, kw_only=True):
    """What a probe found."""

    job_id: UUID
    camera_id: Name
    worker_id: Name
    finished_at: Instant
    fault: Name | None = None
    """The code of why there is no picture; ``pipelines/faults.py`` has them."""
    stream: StreamFacts | None = None
    clock_skew_s: float | None = None
    """The camera's clock less the worker's, if it says what time it is."""
    substream: FoundStream | None = None
    onvif: Onvif = Onvif.NOT_ASKED
    advice: tuple[Advice, ...] = ()
    renewed: bool = False
    """Whether the platform had to be asked for another address first."""
    place_ref: EvidenceRef | None = None
    """Where the place picture lies in the evidence store."""
    place_private: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """What was black in it, as ``private_parts`` names it: by other zones it is shown to nobody."""
    place_absence: PlaceAbsence | None = None
    """Why there is none, if one was wanted."""
