"""What a worker says of itself and of its cameras."""

from enum import StrEnum
from typing import Annotated

import msgspec

from pipelines.messages.wire import Count, Instant, Message, Name, Revision


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


class CameraFigure(msgspec.Struct, frozen=True, kw_only=True):
    """What one camera had and cost since its worker last told."""

    camera_id: Name
    looks: Count
    core_ms: Count
    """Of one core: reading, decoding, scaling, and its share of the batches."""
    received_bytes: Count


MAX_FIGURES = 300
"""In one message: some 40 kB."""


class CameraFigures(Message, frozen=True, kw_only=True):
    """What cameras had and cost over the last minute; not all of a worker's fit into one."""

    worker_id: Name
    epoch: Count
    at: Instant
    over_s: Annotated[float, msgspec.Meta(gt=0)]
    cameras: Annotated[tuple[CameraFigure, ...], msgspec.Meta(max_length=MAX_FIGURES)]


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
