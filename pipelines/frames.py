"""What the stages before the rules hand each other."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, NoReturn

import numpy as np
from jaxtyping import Bool, Float32

from pipelines.messages import BoxShares
from vision.arrays import BatchPixels, Boxes, Detections, Pixels
from vision.flicker import Patch
from vision.hazards import Hazard
from vision.letterbox import Letterbox
from vision.motion import Thumbnail
from vision.polygons import Polygon
from vision.tamper import Sight
from vision.waterline import Reading

PROPORTIONS_ALIKE: Final = 0.02
"""Of the width for the height: 1920x1088 and 854x480 show what 640x360 shows."""


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

    def has_proportions_of(self, other: "FrameRef") -> bool:
        """Say whether a share of one picture is the same place in the other."""
        (wide, tall), (other_wide, other_tall) = self.source_size_px, other.source_size_px
        difference = abs(wide * other_tall - other_wide * tall)
        return difference <= PROPORTIONS_ALIKE * other_wide * tall


@dataclass(frozen=True, slots=True, kw_only=True)
class Closeup:
    """A look's picture for evidence, unmasked: it stays in memory, and only a masker reads it."""

    pixels: Pixels
    """BGR, of the source's own proportions; what is private is black."""
    privacy: tuple[Polygon, ...]
    """The zones that are black in it."""
    is_asked: bool
    """Whether an alert waits for it: then the detector must see the look."""

    def __repr__(self) -> str:
        return "Closeup(...)"

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("unmasked pictures stay in the worker's memory: they can't be pickled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A look with its pixels, scaled by FFmpeg to the letterbox's content size."""

    ref: FrameRef
    """Whose and when."""
    pixels: Pixels = field(repr=False)
    """BGR, as high and wide as the letterbox's content."""
    thumbnail: Thumbnail = field(repr=False)
    """What tells whether anything has changed."""
    evidence: Closeup | None = None
    """Of a burst's looks, and where an alert waits for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameBatch:
    """Looks of many cameras, ready for the detector."""

    pixels: BatchPixels = field(repr=False)
    """A view of the arena, valid until the next batch; rows beyond ``frames`` are padding."""
    frames: tuple[FrameRef, ...]
    """Row by row."""
    evidence: tuple[Closeup | None, ...] = ()
    """Row by row likewise, or empty."""
    unchanged: tuple[Frame, ...] = ()
    """Looks that show what an earlier one showed, in which nothing was found."""

    @property
    def refs(self) -> tuple[FrameRef, ...]:
        """Return every look that it took."""
        return (*(frame.ref for frame in self.unchanged), *self.frames)


@dataclass(frozen=True, slots=True, kw_only=True)
class Things:
    """What is new in a place and lies still, whatever it is."""

    xyxy: Boxes
    """Where, 0-1 of the source."""
    still_s: Float32[np.ndarray, "n"]
    """For how long each has lain there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What arithmetic says of one picture, beside the detector; ``None`` where nobody asked."""

    sight: Sight | None = None
    """How well the camera sees: brightness, sharpness, scene."""
    things: Things | None = None
    """What is new and still."""
    water: Reading | None = None
    """Where the waterline stands on the marked scale."""
    patches: tuple[Patch | None, ...] = ()
    """For each detection of the look, its box's picture, small: what flicker is told from."""


NOTHING_MEASURED = Measures()


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the rules get of one picture."""

    ref: FrameRef
    """Whose and when."""
    detections: Detections
    """Of this picture alone, after the drop test."""
    measures: Measures = NOTHING_MEASURED
    """What arithmetic says of it."""

    def without(self, rows: Bool[np.ndarray, "n"], things: Things | None) -> "Look":
        """Return the look without some of its detections, and with other things."""
        patches = self.measures.patches
        kept = tuple(one for one, gone in zip(patches, rows, strict=False) if not gone)
        return replace(
            self,
            detections=self.detections.where(~rows),
            measures=replace(self.measures, things=things, patches=kept if patches else ()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighted:
    """A hazard that the detector found in a look, as the rules get it."""

    hazard: Hazard
    """What."""
    box: BoxShares
    """Where."""
    score: float
    """How sure."""
