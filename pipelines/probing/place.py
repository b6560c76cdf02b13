"""The place picture: what stays in a place, for drawing zones on. Nobody, nothing that moved.

A median of many looks, some seconds apart, made by ``EvidenceMaker.place`` and by nothing else: of
one look, or of a camera in which nobody can say where people are, there is none. Zones of privacy
are black before anything else has seen a look. Whatever goes wrong here costs the picture.
"""

import secrets
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Final
from uuid import UUID

import redis
import structlog

from models.known_answers import require_known_answers
from models.packs import PackError, load_masker
from pipelines import streams
from pipelines.address import Address
from pipelines.evidence_store import EvidenceStore, EvidenceStoreError
from pipelines.faults import SourceError
from pipelines.messages import Camera, EvidencePart, PlaceAbsence, StreamFacts
from pipelines.metrics import WorkerMetrics
from pipelines.probing.days import Day
from pipelines.probing.looking import Looking
from pipelines.rtsp.networks import Networks
from pipelines.zones import ZoneError, zones_of
from vision.detector import Detector, DetectorError
from vision.evidence import PLACE_FRAMES, EvidenceError, EvidenceFrame, EvidenceMaker, PlacePicture

LONGEST_S: Final = 80.0
"""Fifteen keyframes that are 4 s apart, and as many seconds more."""

AT_ONCE: Final = 4
"""Cameras whose looks are taken at a time: 10 MB each. Masking goes one look at a time."""

log = structlog.get_logger()


class NoPlaceError(Exception):
    """There is no place picture, and this is why."""

    def __init__(self, absence: PlaceAbsence) -> None:
        super().__init__(absence)
        self.absence = absence


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceJob:
    """One picture to be made."""

    job_id: UUID
    """Of the probe that wants it."""
    camera: Camera
    """Of which; its zones say what is private."""
    address: Address
    """Where its stream is."""
    networks: Networks
    """Where it may be."""
    stream: StreamFacts
    """What was measured of it."""
    ends_s: float
    """Until when there is time, monotonic."""


class PlaceRoom:
    """Makes a worker's place pictures; any thread may ask, and waits for the outcome."""

    def __init__(
        self,
        store: EvidenceStore | None,
        client: streams.Client,
        metrics: WorkerMetrics,
        stopping: threading.Event,
        *,
        masker: Callable[[], Detector] | None = None,
    ) -> None:
        """``masker`` loads what covers people; by default the pinned one."""
        self._store, self._client = store, client
        self._metrics, self._stopping = metrics, stopping
        self._load = masker or _masker
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._masking = threading.Lock()
        self._masker: Detector | None = None

    def picture(self, job: PlaceJob) -> tuple[str | None, PlaceAbsence | None]:
        """Return the name under which the picture is stored, or why there is none."""
        try:
            ref = self._kept(job)
        except NoPlaceError as error:
            self._metrics.place_picture(error.absence)
            return None, error.absence
        self._metrics.place_picture("stored")
        return ref, None

    def _kept(self, job: PlaceJob) -> str:
        """Take the camera's day, and give it back unless there is a picture."""
        if self._store is None:
            raise NoPlaceError(PlaceAbsence.NO_STORE)
        day = Day(self._client, job.camera.camera_id, str(job.job_id), secrets.token_urlsafe(24))
        try:
            ref = day.taken()
        except redis.RedisError as error:
            raise NoPlaceError(PlaceAbsence.STORE_FAILED) from error
        if ref is None:
            raise NoPlaceError(PlaceAbsence.DAILY_CAP)
        is_kept = False
        try:
            self._put(ref, self._made(job))
            is_kept = True
        finally:
            if not is_kept:
                day.give_back()
        return ref

    def _made(self, job: PlaceJob) -> PlacePicture:
        while not self._turns.acquire(timeout=0.2):
            if self._is_over(job.ends_s):
                raise NoPlaceError(PlaceAbsence.NO_FRAMES)
        try:
            masker = self._loaded()
            frames = self._frames(job, masker)
            with self._masking:
                return EvidenceMaker(masker).place(frames)
        except EvidenceError as error:
            raise NoPlaceError(PlaceAbsence(error.absence)) from None
        except (DetectorError, ZoneError) as error:
            log.error("place", camera=job.camera.camera_id, fault=type(error).__name__)
            raise NoPlaceError(PlaceAbsence.MASKER_FAILED) from None
        except SourceError:
            raise NoPlaceError(PlaceAbsence.NO_STREAM) from None
        finally:
            self._turns.release()

    def _loaded(self) -> Detector:
        with self._masking:
            if self._masker is None:
                try:
                    self._masker = self._load()
                except PackError as error:
                    log.error("place", fault=str(error), next="no place picture is made")
                    raise NoPlaceError(PlaceAbsence.NO_MASKER) from None
            return self._masker

    def _frames(self, job: PlaceJob, masker: Detector) -> list[EvidenceFrame]:
        """Return looks with where people are in them. Raises ``SourceError`` and others."""
        ends_s = min(job.ends_s, time.monotonic() + LONGEST_S)
        looking = Looking(
            job.address,
            job.networks,
            job.stream,
            zones_of(job.camera).privacy,
            masker.input_size_px,
        )
        frames: list[EvidenceFrame] = []
        with closing(looking.looks(lambda: self._is_over(ends_s), self._stopping.wait)) as looks:
            for look in islice(looks, PLACE_FRAMES):
                with self._masking:
                    things, regions = masker.with_regions(look.batch, [look.letterbox])
                frames.append(
                    EvidenceFrame(
                        pixels=look.pixels,
                        regions=regions,
                        picture=0,
                        vehicles=things.xyxy[masker.is_vehicle[things.label]],
                        at_s=time.monotonic(),
                    )
                )
        return frames

    def _is_over(self, ends_s: float) -> bool:
        return self._stopping.is_set() or time.monotonic() > ends_s

    def _put(self, ref: str, picture: PlacePicture) -> None:
        if self._store is None or self._stopping.is_set():
            raise NoPlaceError(PlaceAbsence.NO_STORE)
        content = written(picture)
        try:
            self._store.put(ref, EvidencePart.PLACE, content)
        except EvidenceStoreError as error:
            log.error("place", fault=str(error), next="the place picture is asked for again")
            raise NoPlaceError(PlaceAbsence.STORE_FAILED) from None


def written(picture: PlacePicture) -> bytes:
    """Return a place picture as the file that is stored. Raises ``TypeError`` for all else."""
    if type(picture) is not PlacePicture:
        raise TypeError("only a PlacePicture is stored")
    return picture.jpeg()


def _masker() -> Detector:
    masker = load_masker(covering=True)
    require_known_answers(masker)
    return masker
