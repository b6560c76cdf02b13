"""What the stages before the rules hand each other."""

from dataclasses import dataclass
from datetime import datetime

from vision.arrays import BatchPixels, Detections, Pixels
from vision.letterbox import Letterbox
from vision.motion import Thumbnail


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRef:
    """A look: which camera, when; its pixels are elsewhere."""

    camera_id: str
    """Whose picture."""
    seq: int
    """Counts the looks of this camera in this worker, from 1."""
    source_size_px: tuple[int, int]
    """Width and height of the camera's picture."""
    letterbox: Letterbox
    """Where the picture lies in the model's input."""
    captured_at: datetime
    """UTC, for people: when the picture reached the worker, or its time in a file."""
    received_ns: int
    """Monotonic, for durations."""
    is_burst: bool = False
    """One of several a second, of a camera that is looked at closely."""
    is_due: bool = True
    """A sentry would have looked now; not so the others of a burst, which may wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A look with its pixels, scaled by FFmpeg to the letterbox's content size."""

    ref: FrameRef
    """Whose and when."""
    pixels: Pixels
    """BGR, as high and wide as the letterbox's content."""
    thumbnail: Thumbnail
    """What tells whether anything has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameBatch:
    """Looks of many cameras, ready for the detector."""

    pixels: BatchPixels
    """A view of the arena, valid until the next batch; rows beyond ``frames`` are padding."""
    frames: tuple[FrameRef, ...]
    """Row by row."""
    unchanged: tuple[FrameRef, ...] = ()
    """Looks that show what an earlier one showed, in which nothing was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the rules get of one picture."""

    ref: FrameRef
    """Whose and when."""
    detections: Detections
    """Of this picture alone, after the drop test."""
