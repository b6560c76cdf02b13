"""What arithmetic says of each look, beside the detector: as much as a camera's rules ask for.

Arrays with a memory (the slow background) live here; the rules get a few numbers.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from pipelines.frames import FrameRef, Measures, Things
from pipelines.messages import WaterScale, ZoneKind
from pipelines.rules.moment import Columns
from pipelines.zones import Zones
from vision import flicker, tamper, waterline
from vision.arrays import Boxes, Detections, Pixels
from vision.background import Background
from vision.hazards import Hazard

GROUND: Final = frozenset({ZoneKind.ROAD, ZoneKind.SLOPE})
"""Where what is new and still counts, whatever it is."""

STRIP_SHARE: Final = 0.05
"""Of a scale's length: how far beside it pictures are read."""

SIGHT_EVERY_S: Final = 3.0
"""A fault of a camera lasts for minutes, and telling it costs more than the rest of a calm look."""


@dataclass(slots=True, kw_only=True)
class _Eye:
    """What one camera's rules ask for, and what it takes."""

    wants_sight: bool
    water: WaterScale | None
    background: Background | None
    water_trace: waterline.Trace | None = None
    size_px: tuple[int, int] = (0, 0)
    sighted_s: float = -SIGHT_EVERY_S


class Eyes:
    """The measures of a worker's cameras. Used by one thread."""

    def __init__(self, columns: Columns) -> None:
        burns = columns.of(Hazard.FIRE) | columns.of(Hazard.SMOKE)
        self._burns = burns
        self._eyes: dict[str, _Eye] = {}

    def watch(self, camera_id: str, zones: Zones, hazards: tuple[Hazard, ...]) -> None:
        """Measure what these hazards need, from now on; a background starts anew."""
        has_ground = Hazard.DEBRIS in hazards and any(
            area.kind in GROUND for area in zones.of(Hazard.DEBRIS)
        )
        self._eyes[camera_id] = _Eye(
            wants_sight=Hazard.CAMERA_FAULT in hazards,
            water=zones.water if Hazard.WATER_OVER_LINE in hazards else None,
            background=Background() if has_ground else None,
        )

    def forget(self, camera_id: str) -> None:
        """Forget a camera that is watched no more."""
        self._eyes.pop(camera_id, None)

    def see(self, ref: FrameRef, pixels: Pixels, detections: Detections) -> Measures:
        """Return the measures of one look; ``pixels`` are the letterbox's content."""
        eye = self._eyes[ref.camera_id]
        if eye.background is not None and eye.size_px not in {(0, 0), ref.source_size_px}:
            eye.background = Background()  # another size is another picture
        eye.size_px = ref.source_size_px
        return Measures(
            sight=self._sight(eye, ref, pixels),
            things=self._things(eye, ref, pixels),
            water=_level(eye, pixels) if ref.is_due else None,
            patches=self._patches(pixels, detections),
        )

    def strip(self, camera_id: str) -> Boxes | None:
        """Return where a camera's water scale is read; ``None`` if it has none."""
        scale = self._eyes[camera_id].water
        if scale is None:
            return None
        ends = np.array([scale.foot, scale.head], np.float32)
        margin = STRIP_SHARE * np.float32(np.hypot(*(ends[1] - ends[0])))
        return np.concatenate([ends.min(axis=0) - margin, ends.max(axis=0) + margin])[None]

    def _sight(self, eye: _Eye, ref: FrameRef, pixels: Pixels) -> tamper.Sight | None:
        at_s = ref.captured_at.timestamp()
        if not (eye.wants_sight and ref.is_due and abs(at_s - eye.sighted_s) >= SIGHT_EVERY_S):
            return None
        eye.sighted_s = at_s
        return tamper.sight(pixels)

    def _things(self, eye: _Eye, ref: FrameRef, pixels: Pixels) -> Things | None:
        if eye.background is None:
            return None
        xyxy, still_s = eye.background.learn(pixels, ref.captured_at.timestamp())
        return Things(xyxy=xyxy, still_s=still_s)

    def _patches(self, pixels: Pixels, detections: Detections) -> tuple[flicker.Patch | None, ...]:
        burns = self._burns[detections.label]
        if not burns.any():
            return ()
        return tuple(
            flicker.patch(pixels, box) if is_one else None
            for box, is_one in zip(detections.xyxy, burns, strict=True)
        )


def _level(eye: _Eye, pixels: Pixels) -> waterline.Reading | None:
    if eye.water is None:
        return None
    scale = eye.water
    reading, eye.water_trace = waterline.follow(pixels, scale.foot, scale.head, eye.water_trace)
    return reading
