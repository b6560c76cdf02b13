"""A clip through the stages of a worker: every look analysed, all times those of the clip.

The looks are a camera's: the sampler takes keyframes that come often enough, else a picture every
1.9 s. Nothing waits for the clock and nothing is dropped, so an hour takes as long as its looks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from models.packs import Pack
from pipelines.address import command_line_address
from pipelines.evaluate.faults import EvaluationError, shown
from pipelines.faults import FileEndedError, SourceError
from pipelines.flow import Flow
from pipelines.messages import Alert, Camera
from pipelines.metrics import WorkerMetrics
from pipelines.source import Source
from vision.hazards import Hazard

CAMERA_ID: Final = "eval"


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
    """Take a clip through the flow. Raises ``EvaluationError`` or ``PackError``.

    ``progress`` is told how many seconds of how many are done.
    """
    metrics = WorkerMetrics(CollectorRegistry())
    flow = Flow(pack=pack, drills=frozenset(), epoch=0, metrics=metrics)
    alerts: dict[object, list[tuple[float, Alert]]] = {}
    looks_s: list[float] = []
    try:
        address = command_line_address(str(path))
        camera = Camera(camera_id=CAMERA_ID, url=address.shown)
        flow.watch(camera)
        source = Source(CAMERA_ID, address, flow.input_size_px, metrics)
        began: datetime | None = None
        for frame in source.looks(_never):
            began = began or frame.ref.captured_at
            looks_s.append((frame.ref.captured_at - began).total_seconds())
            flow.batcher.hand_over(frame, _never)
            for alert in flow.step(0.0):
                alerts.setdefault(alert.alert_id, []).append((looks_s[-1], alert))
            progress(looks_s[-1], source.length_s)
    except FileEndedError:
        pass
    except SourceError as error:
        raise EvaluationError(str(error)) from error
    if not looks_s or metrics.total("fengsui_frames_analysed_total") == 0:
        raise EvaluationError(
            f"{shown(path)}: no picture of it could be looked at: {metrics.drops}"
        )
    length_s = max(source.length_s or 0.0, looks_s[-1])
    raised = [_raised(revisions, length_s) for revisions in alerts.values()]
    return Watched(
        raised=tuple(sorted(raised, key=lambda one: one.onset_s)),
        length_s=length_s,
        looks_s=tuple(looks_s),
        hazards=frozenset(camera.hazards),
        drops={reason: count for reason, count in metrics.drops.items() if count},
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
