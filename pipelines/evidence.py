"""Where an alert's pictures are made and stored: one thread, which fails closed.

Whatever goes wrong here costs a picture and no alert: jobs come by a bounded queue, outcomes go by
another, and the inference loop waits for neither. What is stored is ``Evidence``, which only
``vision/evidence.py`` makes: nothing else is passed to the store anywhere in a worker.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Final, assert_never
from uuid import UUID

import structlog

from models.known_answers import require_known_answers
from models.packs import PackError, load_masker
from pipelines.clip import ClipError, clip_of
from pipelines.evidence_store import EvidenceStore, EvidenceStoreError
from pipelines.messages import BoxShares, EvidenceAbsence, EvidencePart
from pipelines.metrics import WorkerMetrics
from pipelines.supervised import Supervised
from vision.evidence import Evidence, EvidenceError, EvidenceFrame, EvidenceMaker
from vision.hazards import Hazard

SLOWEST_S: Final = 10.0
"""A job that waited or took longer is given up: an operator has decided by then, and a masker that
is so slow may be failing in ways that nobody has seen."""

STORE_PAUSES_S: Final = (0.0, 1.0, 3.0)
"""Before each try of the store."""

STORE_LONGEST_S: Final = 10.0
"""No further try begins after this."""

MOST_STILLS: Final = 32
"""That wait: at some 0.1 s each they are done well before ``SLOWEST_S``; four frames each, 90 MB
at most."""

MOST_CLIPS: Final = 4
"""That wait: 40 frames each, 110 MB at most. Beyond them an alert has its still alone."""

NICENESS: Final = 10
"""Of the thread: sentries go first on a machine that is busy."""

IDLE_S: Final = 0.25

log = structlog.get_logger()


@dataclass(slots=True, kw_only=True, eq=False)
class Job:
    """One picture to be made."""

    alert_id: UUID
    """Of which alert."""
    camera_id: str
    """Of which camera."""
    hazard: Hazard
    """What it shows."""
    box: BoxShares | None
    """Where."""
    ref: str
    """Under which name it is stored."""
    part: EvidencePart
    """What is made."""
    frames: tuple[EvidenceFrame, ...] = field(repr=False)
    """Of what, oldest first."""
    began_s: float
    """When the alert began, monotonic."""
    given_s: float
    """When it was handed over, monotonic."""
    is_given_up: bool = False
    """Set by who gave it: nothing of it may be stored any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of a job."""

    job: Job
    """Which one."""
    absence: EvidenceAbsence | None
    """Why there is no picture; ``None``: it is stored."""


class Darkroom:
    """The thread. ``give`` and ``outcomes`` are for one other thread and never wait."""

    def __init__(
        self,
        store: EvidenceStore,
        metrics: WorkerMetrics,
        *,
        maker: Callable[[], EvidenceMaker] | None = None,
        tell: Callable[[], None] = lambda: None,
    ) -> None:
        """``tell`` is called when there is an outcome; ``maker`` loads what masks."""
        self._store = store
        self._metrics = metrics
        self._load = maker or _maker
        self._maker: EvidenceMaker | None = None
        self.tell = tell
        self._stills: deque[Job] = deque()
        self._clips: deque[Job] = deque()
        self._done: SimpleQueue[Done] = SimpleQueue()
        self._there = threading.Semaphore(0)
        self._ending = threading.Event()
        self._thread = Supervised(
            "evidence", self._step, meanwhile="alerts go without pictures", metrics=metrics
        )

    def start(self) -> None:
        """Begin; the masker is loaded when the first job comes, or ``warm`` says that one will."""
        self._thread.start()

    def warm(self) -> None:
        """Load the masker soon."""
        if self._maker is None:
            self._there.release()

    def give(self, job: Job) -> bool:
        """Take a job, unless too many wait."""
        is_clip = job.part is not EvidencePart.STILL
        jobs, most = (self._clips, MOST_CLIPS) if is_clip else (self._stills, MOST_STILLS)
        if len(jobs) >= most or self._ending.is_set():
            return False
        jobs.append(job)
        self._there.release()
        return True

    def outcomes(self) -> list[Done]:
        """Return what is done since it was last asked."""
        done = []
        with suppress(Empty):
            while True:
                done.append(self._done.get_nowait())
        return done

    def stop(self) -> None:
        """End after the present job, without waiting for it."""
        self._ending.set()
        self._thread.ask_to_stop()
        self._there.release()

    def ended(self) -> bool:
        """Wait a little for the present job; say whether the thread has ended."""
        self._thread.join()
        return not self._thread.alive

    def _step(self) -> None:
        if not self._there.acquire(timeout=IDLE_S) or self._ending.is_set():
            return
        job = self._next()
        if self._maker is None:
            self._set_up()
        if job is None:
            return
        absence = self._outcome(job)
        job.frames = ()
        self._done.put(Done(job=job, absence=absence))
        self.tell()

    def _next(self) -> Job | None:
        for jobs in (self._stills, self._clips):
            with suppress(IndexError):
                return jobs.popleft()
        return None

    def _set_up(self) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        try:
            self._maker = self._load()
        except PackError as error:
            log.error("evidence", fault=str(error), next="alerts go without pictures")
        except Exception as error:  # noqa: BLE001 - tried again at the next job
            log.error("evidence", fault=type(error).__name__, next="alerts go without pictures")

    def _outcome(self, job: Job) -> EvidenceAbsence | None:
        """Make and store a picture; return why there is none."""
        try:
            return self._made(job)
        except EvidenceError as error:
            return EvidenceAbsence(error.absence)
        except ClipError as error:
            log.warning("evidence", camera=job.camera_id, fault=str(error), next="its still stays")
            return EvidenceAbsence.MASKER_FAILED
        except Exception as error:  # noqa: BLE001 - whatever it is, there is no picture
            # Without its text: it may hold what it failed on.
            log.error("evidence", camera=job.camera_id, fault=type(error).__name__)
            return EvidenceAbsence.MASKER_FAILED

    def _made(self, job: Job) -> EvidenceAbsence | None:
        if self._maker is None:
            return EvidenceAbsence.NO_MASKER
        if _is_late(job):
            return EvidenceAbsence.MASKER_SLOW
        content = written(self._masked(self._maker, job), job.part)
        if _is_late(job):
            return EvidenceAbsence.MASKER_SLOW
        return self._stored(job, content)

    def _masked(self, maker: EvidenceMaker, job: Job) -> Evidence:
        match job.part:
            case EvidencePart.STILL:
                return maker.still(job.frames, job.box, job.hazard)
            case EvidencePart.CLIP:
                return maker.clip(job.frames, job.box, job.hazard)
            case EvidencePart.STRIP:
                return maker.filmstrip(job.frames, job.box, job.hazard)
            case EvidencePart.PLACE:
                raise ValueError("no alert has a place picture: a probe makes it")
            case _:
                assert_never(job.part)

    def _stored(self, job: Job, content: bytes) -> EvidenceAbsence | None:
        began_s, fault = time.monotonic(), ""
        for pause_s in STORE_PAUSES_S:
            if time.monotonic() + pause_s - began_s > STORE_LONGEST_S or job.is_given_up:
                break
            if self._ending.wait(pause_s) and pause_s:
                break
            try:
                self._store.put(job.ref, job.part, content)
            except EvidenceStoreError as error:
                fault = str(error)
                continue
            if job.is_given_up:
                self._take_back(job)
                return EvidenceAbsence.STORE_FAILED
            if job.part is EvidencePart.STILL:
                self._metrics.evidence_stored.observe(time.monotonic() - job.began_s)
            return None
        log.error("evidence", fault=fault or "too late", next="the alert goes without it")
        return EvidenceAbsence.STORE_FAILED

    def _take_back(self, job: Job) -> None:
        """Delete what was stored after somebody gave it up; what stays, retention takes."""
        with suppress(EvidenceStoreError):
            self._store.delete(job.ref, job.part)


def written(evidence: Evidence, part: EvidencePart) -> bytes:
    """Return evidence as the file that ``part`` names.

    Raises ``TypeError`` for anything but ``Evidence``, and ``ClipError``.
    """
    if type(evidence) is not Evidence:
        raise TypeError("only Evidence is stored")
    return clip_of(evidence) if part is EvidencePart.CLIP else evidence.jpeg()


def _maker() -> EvidenceMaker:
    masker = load_masker(covering=True)
    require_known_answers(masker)
    return EvidenceMaker(masker)


def _is_late(job: Job) -> bool:
    return time.monotonic() - job.given_s > SLOWEST_S or job.is_given_up
