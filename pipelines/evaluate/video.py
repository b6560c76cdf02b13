"""A clip through the stages of a worker: every look analysed, all times those of the clip.

The looks are a camera's: the sampler takes keyframes that come often enough, else a picture every
1.9 s. Nothing waits for the clock and nothing is dropped, so an hour takes as long as its looks.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from models.packs import Pack
from pipelines.address import command_line_address
from pipelines.evaluate.faults import EvaluationError, shown
from pipelines.evaluate.pictures import picture_size
from pipelines.faults import FileEndedError, SourceError
from pipelines.file_source import FileSource
from pipelines.flow import Flow
from pipelines.messages import Alert, Camera
from pipelines.metrics import WorkerMetrics
from vision.hazards import Hazard

CAMERA_ID: Final = "eval"

FAULTS: Final = {
    "bad_address": "there is no such file: give a clip that lies on this machine",
    "no_video": "there is no video in it: give a clip with a picture",
    "unsupported_codec": "there is no decoder for its video: convert it to H.264",
}
"""What `pipelines.faults` says is for cameras."""

UNREADABLE: Final = "it is no video that can be read: copy it again, or convert it to H.264"

MOTION_JPEG: Final = frozenset({".mjpeg", ".mjpg"})
"""Clips that begin as a picture does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """One alert of the clip."""

    hazard: Hazard
    """What."""
    onset_s: float
    """The second of the clip at whose look it was raised."""
    end_s: float
    """The second at whose look it ended, else the clip's end."""
    score: float
    """The highest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What a clip gave."""

    raised: tuple[Raised, ...]
    """Alerts by their onset."""
    length_s: float
    """Of the clip."""
    looks_s: tuple[float, ...]
    """When it was looked at."""
    hazards: frozenset[Hazard]
    """Which were watched for."""
    drops: dict[str, int]
    """Pictures that could not be analysed, by reason."""


def watch(path: Path, pack: Pack, progress: Callable[[float, float | None], None]) -> Watched:
    """Take a clip through the flow; ``progress`` is told how many seconds of how many are done.

    Raises ``EvaluationError`` or ``PackError``.
    """
    metrics = WorkerMetrics(CollectorRegistry())
    flow = Flow(pack=pack, drills=frozenset(), epoch=0, metrics=metrics)
    alerts: dict[object, list[tuple[float, Alert]]] = {}
    looks_s: list[float] = []
    _refuse_picture(path)
    try:
        address = command_line_address(str(path))
        camera = Camera(camera_id=CAMERA_ID, url=address.shown)
        flow.watch(camera)
        source = FileSource(CAMERA_ID, address, flow.input_size_px, metrics)
        for frame in source.looks(_never):
            began = source.opened_at or frame.ref.captured_at
            looks_s.append((frame.ref.captured_at - began).total_seconds())
            flow.batcher.hand_over(frame, _never)
            for alert in flow.step(0.0):
                alerts.setdefault(alert.alert_id, []).append((looks_s[-1], alert))
            progress(looks_s[-1], source.length_s)
    except FileEndedError:
        pass
    except SourceError as error:
        text = FAULTS.get(error.code, UNREADABLE)
        text = f"{error.what}: copy the file again" if looks_s else text
        raise EvaluationError(f"{shown(path)}: {text}") from error
    if not looks_s or metrics.total("fengsui_frames_analysed_total") == 0:
        damaged = f"{sum(metrics.drops.values())} of its pictures were damaged, none was looked at"
        raise EvaluationError(f"{shown(path)}: {damaged}: copy it again, or convert it to H.264")
    length_s = max(source.length_s or 0.0, looks_s[-1])
    raised = [_raised(revisions, length_s) for revisions in alerts.values()]
    return Watched(
        raised=tuple(sorted(raised, key=lambda one: one.onset_s)),
        length_s=length_s,
        looks_s=tuple(looks_s),
        hazards=frozenset(camera.hazards),
        drops={reason: count for reason, count in metrics.drops.items() if count},
    )


def _refuse_picture(path: Path) -> None:
    """FFmpeg takes a picture for a clip of one."""
    if path.is_file() and path.suffix.lower() not in MOTION_JPEG:
        with suppress(OSError), path.open("rb") as file:  # the source says what can't be read
            if picture_size(file.read(1 << 20)):
                raise EvaluationError(
                    f"{shown(path)} is a picture: give a clip, or `fengsui eval images` a folder"
                )


def _never() -> bool:
    return False


def _raised(revisions: list[tuple[float, Alert]], length_s: float) -> Raised:
    onset_s, first = revisions[0]
    last_s, last = revisions[-1]
    return Raised(
        hazard=first.hazard,
        onset_s=onset_s,
        end_s=length_s if last.ended_at is None else last_s,
        score=last.score,
    )
