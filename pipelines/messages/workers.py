"""What a worker says of itself and of its cameras, and what it is asked to look at."""

from enum import StrEnum
from uuid import UUID

from pipelines.messages.cameras import Camera
from pipelines.messages.wire import Count, Instant, Message, Name, Revision, Text


class WatchState(StrEnum):
    """Whether a camera is being watched."""

    CONNECTING = "connecting"
    WATCHING = "watching"
    FAULT = "fault"


class CameraState(Message, frozen=True, kw_only=True):
    """A worker says how it stands with one camera; sent when that changes."""

    camera_id: Name
    worker_id: Name
    epoch: Count
    state: WatchState
    fault: Name | None = None
    """The fault's code, for ``fault``."""
    revision: Revision
    """The registration that the worker goes by; 0 for a camera of a file."""
    at: Instant


class ProbeJob(Message, frozen=True, kw_only=True):
    """Look at one stream and say what it is. Done by a worker, never by the service."""

    job_id: UUID
    camera: Camera
    requested_at: Instant
    expires_at: Instant


class ProbeResult(Message, frozen=True, kw_only=True):
    """What a probe found; the fields after ``fault`` are absent where it could not look."""

    job_id: UUID
    camera_id: Name
    finished_at: Instant
    fault: Name | None = None
    advice: tuple[Text, ...] = ()
    codec: Name | None = None
    width_px: Count | None = None
    height_px: Count | None = None
    frame_rate_hz: float | None = None
    keyframe_interval_s: float | None = None
    bit_rate_bps: Count | None = None
    clock_skew_s: float | None = None


class Heartbeat(Message, frozen=True, kw_only=True):
    """A worker's totals since its start, sent every second."""

    worker_id: Name
    epoch: Count
    at: Instant
    cameras: Count
    cameras_connected: Count
    cameras_waiting: Count = 0
    """Not started yet, or kept out until the worker has room."""
    frames_received: Count
    frames_decoded: Count
    frames_analysed: Count
    drops: dict[str, Count]
    alerts: Count
    spool_entries: Count
