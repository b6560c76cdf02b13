"""Small things that many tests need."""

from datetime import UTC, datetime, timedelta

import numpy as np

from pipelines.frames import Frame, FrameRef, Look
from pipelines.messages import Alert, EvidenceAbsence, alert_id
from vision.arrays import Detections
from vision.hazards import SEVERITY, Hazard
from vision.letterbox import fit
from vision.motion import grid, thumbnail

START = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
FIRE_BOX = (0.25, 0.25, 0.5, 0.5)


def at(seconds: float) -> datetime:
    """The tests' clock."""
    return START + timedelta(seconds=seconds)


def ref(camera_id: str = "camera-1", seconds: float = 0.0, seq: int = 1) -> FrameRef:
    return FrameRef(
        camera_id=camera_id,
        seq=seq,
        source_size_px=(640, 360),
        letterbox=fit((640, 360), 256, 448),
        captured_at=at(seconds),
        received_ns=0,
    )


def frame(camera_id: str = "camera-1", value: int = 0, seq: int = 1) -> Frame:
    reference = ref(camera_id, seq=seq)
    box = reference.letterbox
    pixels = np.full((box.content_height_px, box.content_width_px, 3), value, np.uint8)
    return Frame(ref=reference, pixels=pixels, thumbnail=thumbnail(pixels, grid((256, 448))))


def detections(*rows: tuple[tuple[float, float, float, float], float, int]) -> Detections:
    """Rows of box, score and label, all in picture 0."""
    return Detections(
        frame_index=np.zeros(len(rows), np.int64),
        xyxy=np.array([row[0] for row in rows], np.float32).reshape(-1, 4),
        score=np.array([row[1] for row in rows], np.float32),
        label=np.array([row[2] for row in rows], np.int64),
    )


def look(seconds: float, *rows: tuple[tuple[float, float, float, float], float, int]) -> Look:
    return Look(ref=ref(seconds=seconds), detections=detections(*rows))


def alert(
    seconds: float = 0.0,
    *,
    camera_id: str = "camera-1",
    hazard: Hazard = Hazard.FIRE,
    revision: int = 1,
    drill: bool = False,
) -> Alert:
    return Alert(
        alert_id=alert_id(camera_id, hazard, "all", at(seconds)),
        revision=revision,
        camera_id=camera_id,
        hazard=hazard,
        zone_id="all",
        severity=SEVERITY[hazard],
        first_seen_at=at(seconds),
        last_seen_at=at(seconds + revision),
        score=0.8,
        box=FIRE_BOX,
        model="hazard_nano@0.1.0",
        evidence_absent=EvidenceAbsence.NO_MASKER,
        drill=drill,
        epoch=1,
        trace_id="0" * 32,
    )
