"""The stages of a worker for plays, and the processes in which plays are rehearsed.

The gate before the detector is left out: every look is detected, so what it would spare is judged
too. Plays don't know of each other, so processes share nothing but the folder of kept looks.
"""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from prometheus_client import CollectorRegistry

from models.packs import DEFAULT_PACK, Pack, load_pack
from pipelines.drills.catalogue import CATALOGUE, Play
from pipelines.evaluate.drills import Figures, Task, chosen, figures, tasks
from pipelines.evaluate.drills_cache import KeptLooks, fingerprint, trim
from pipelines.evaluate.faults import EvaluationError, shown
from pipelines.evaluate.rehearsal import Rehearsed, rehearse
from pipelines.flow import detector_of
from pipelines.frames import Frame, FrameBatch, Look
from pipelines.judge import Judge
from pipelines.messages import Camera
from pipelines.metrics import WorkerMetrics
from pipelines.rules.moment import Columns
from pipelines.seeing import Seeing
from pipelines.zones import zones_of
from vision.letterbox import PAD_VALUE

AHEAD: Final = 8
"""Plays a process has waiting: none stands idle while the first process counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What ``eval drills`` is asked for."""

    only: tuple[str, ...] = ()
    """Words of the plays' names or kinds; none: all plays."""
    seeds: int = 1
    """Of each play."""
    hours: float | None = None
    """Of look-alikes, for each hazard, and of people."""
    jobs: int = 1
    """Processes at once."""
    pack_dir: Path = DEFAULT_PACK
    """Whose detector."""
    folder: Path
    """Where looks are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a process needs to rehearse."""

    pack_dir: Path
    """Whose detector."""
    folder: Path
    """Where looks are kept."""
    made_by: str
    """The fingerprint of what makes looks."""


class Stand:
    """A worker's stages, for one play after the other."""

    def __init__(self, pack: Pack) -> None:
        """Raise ``PackError`` for a pack that can't run."""
        self._metrics = WorkerMetrics(CollectorRegistry())  # nobody reads it
        self._detector = detector_of(pack, self._metrics)
        self._sizes = pack.settings.batch_sizes
        self.input_size_px = self._detector.input_size_px

    def judge(self, play: Play) -> Judge:
        """Return the rules of a play's camera, which know nothing yet."""
        camera = camera_of(play)
        return Judge(camera, zones_of(camera), Columns(labels=self._detector.settings.labels))

    def witness(self, play: Play) -> "Worker":
        """Return what makes looks of a play's pictures, and has seen none yet."""
        camera = camera_of(play)
        seeing = Seeing(self._detector, self._metrics)
        seeing.watch(camera.camera_id, zones_of(camera), camera.hazards)
        return Worker(seeing=seeing, sizes=self._sizes, input_size_px=self.input_size_px)


def camera_of(play: Play) -> Camera:
    """Return the camera that a play is watched with."""
    return Camera(
        camera_id=play.name,
        url="rtsp://play/",
        hazards=play.hazards,
        zones=play.zones,
        water=play.water,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """The flow's stages before the rules, of one camera."""

    seeing: Seeing
    """From a batch to looks."""
    sizes: tuple[int, ...]
    """Batches that the detector takes."""
    input_size_px: tuple[int, int]
    """Its pictures' height and width."""

    def __call__(self, frames: Sequence[Frame]) -> list[Look]:
        """Return a look of each frame, in order."""
        looks: list[Look] = []
        for start in range(0, len(frames), self.sizes[-1]):
            looks += self.seeing.looks(self._batch(frames[start : start + self.sizes[-1]]))
        return looks

    def _batch(self, frames: Sequence[Frame]) -> FrameBatch:
        size = next(size for size in self.sizes if size >= len(frames))
        pixels = np.full((size, *self.input_size_px, 3), PAD_VALUE, np.uint8)
        for row, frame in zip(pixels, frames, strict=False):
            row[: frame.pixels.shape[0], : frame.pixels.shape[1]] = frame.pixels
        return FrameBatch(pixels=pixels, frames=tuple(frame.ref for frame in frames))


def play_all(asked: Asked, progress: Callable[[float, float | None], None]) -> Figures:
    """Return the figures of what is asked for. Raises ``EvaluationError`` or ``PackError``."""
    plays = chosen(CATALOGUE, asked.only)
    todo = tasks(plays, asked.seeds, asked.hours)
    pack = load_pack(asked.pack_dir)
    made_by = fingerprint(asked.pack_dir, pack.sha256)
    folder = _opened(asked.folder, made_by)
    setup = Setup(pack_dir=asked.pack_dir, folder=folder, made_by=made_by)
    done = []
    for one in rehearse_all(todo, setup, asked.jobs):
        done.append(one)
        progress(len(done), len(todo))
    trim(folder)
    done.sort(key=lambda one: (one.play, one.seed))
    own = figures(plays, done)
    return {**own, "pack": pack.name, "pack_sha256": pack.sha256, "looks_made_by": made_by}


def _opened(folder: Path, made_by: str) -> Path:
    try:
        own = folder.expanduser()
        own.mkdir(parents=True, exist_ok=True, mode=0o700)
        KeptLooks(own, made_by)  # as each process will: a folder that is there may take nothing
    except (OSError, RuntimeError) as error:  # of somebody without a home
        raise EvaluationError(
            f"--cache {shown(folder)}: looks can't be kept there ({error}): give another folder"
        ) from error
    return own


def rehearse_all(todo: Sequence[Task], setup: Setup, jobs: int) -> Iterator[Rehearsed]:
    """Yield what each play gives, as they end. Raises ``EvaluationError`` if a process dies."""
    # Looks five times a second take long: they begin first, so that none is waited for at the end.
    ordered = sorted(todo, key=lambda task: not CATALOGUE[task.play].needs_steady)
    if jobs == 1 or len(todo) == 1:
        yield from (_rehearse(setup, task) for task in ordered)
        return
    context = multiprocessing.get_context("spawn")  # threads of the runtime don't survive a fork
    pool = ProcessPoolExecutor(min(jobs, len(todo)), context, _begin)
    left, running = iter(ordered), set[Future[Rehearsed]]()
    try:
        while True:
            # Few at a time: of a campaign's plays each that is handed out takes 2 kB.
            more = islice(left, max(AHEAD * jobs - len(running), 0))
            running |= {pool.submit(_rehearse, setup, task) for task in more}
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (one.result() for one in done)
    except BrokenProcessPool as error:
        raise EvaluationError("a process was killed: is memory short? Give --jobs 1") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends without a word: the first process tells
    cv2.setNumThreads(1)


def _rehearse(setup: Setup, task: Task) -> Rehearsed:
    stand, kept = _stand(setup)
    return rehearse(CATALOGUE[task.play], task.seed, stand, kept)


@lru_cache(maxsize=1)
def _stand(setup: Setup) -> tuple[Stand, KeptLooks]:
    return Stand(load_pack(setup.pack_dir)), KeptLooks(setup.folder, setup.made_by)
