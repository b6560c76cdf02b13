"""One probe from beginning to end: the stream, then a smaller one, then a picture of the place."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec
import structlog

from pipelines.address import Address
from pipelines.addresses import Addresses
from pipelines.faults import SourceError
from pipelines.jurisdictions import Jurisdictions
from pipelines.messages import (
    Camera,
    FoundBy,
    FoundStream,
    Onvif,
    PlaceAbsence,
    ProbeJob,
    ProbeResult,
    private_parts,
)
from pipelines.metrics import WorkerMetrics
from pipelines.probing.advice import advise
from pipelines.probing.measuring import Measuring
from pipelines.probing.naming import guesses
from pipelines.probing.onvif import Answer, OnvifDesk, Question
from pipelines.probing.place import PlaceJob, PlaceRoom
from pipelines.probing.substream import Candidate, Search, is_worth
from pipelines.renewal import EXPIRED
from pipelines.rtsp.networks import Networks
from pipelines.sealing import SealError
from pipelines.secrets import Secret

END_S: Final = 5.0
"""Of a job's time, kept for telling what came of it."""

LONGEST_S: Final = 60.0
"""Of a probe, but for the place picture: a camera that is slow everywhere keeps none waiting."""

LEAST_S: Final = 1.0
"""What a job has that came at its last moment."""

log = structlog.get_logger()


class Probe:
    """Does probes, each in the thread that asks; any number of threads may ask."""

    def __init__(
        self,
        worker_id: str,
        addresses: Addresses,
        networks: Networks,
        jurisdictions: Jurisdictions,
        *,
        onvif: OnvifDesk,
        place: PlaceRoom,
        metrics: WorkerMetrics,
        stopping: threading.Event,
    ) -> None:
        """``networks`` are where cameras may be; ``jurisdictions`` narrow these by place."""
        self._worker_id = worker_id
        self._addresses = addresses
        self._networks, self._jurisdictions = networks, jurisdictions
        self._onvif, self._place = onvif, place
        self._metrics = metrics
        self._stopping = stopping

    def result(self, job: ProbeJob) -> ProbeResult:
        """Return what was found. What it ends in is in the result, and nothing is raised for it."""
        done = self._probed(job)
        fault = done.fault
        self._metrics.probe("good" if fault is None else "fault")
        log.info("probe", camera=job.camera.camera_id, fault=fault, renewed=done.renewed)
        return done

    def _probed(self, job: ProbeJob) -> ProbeResult:
        camera, renewed, ends_s = job.camera, False, _ends_s(job)
        try:
            networks = self._jurisdictions.narrow(self._networks, camera)
            address = self._addresses.of(camera)
        except (SourceError, SealError) as error:
            return self._failed(job, error)
        measuring = Measuring(address, networks, self._stopping, ends_s)
        fault = _run(measuring)
        if isinstance(fault, EXPIRED):
            try:
                fresh = self._addresses.renewed(camera)
            except SourceError as error:
                fresh, fault = None, error  # what is to be mended first
            if fresh is not None:
                address, renewed = fresh, True
                measuring = Measuring(address, networks, self._stopping, ends_s)
                fault = _run(measuring)
        facts, skew_s = measuring.facts, measuring.skew_s
        result = self._failed(job, fault)
        result = msgspec.structs.replace(
            result,
            stream=facts,
            clock_skew_s=skew_s,
            renewed=renewed,
            advice=() if facts is None else advise(facts, None, skew_s),
        )
        if fault is not None or facts is None:
            return result
        result = self._with_substream(job, result, measuring, address, networks)
        return self._with_place(job, result, address, networks)

    def _failed(self, job: ProbeJob, fault: Exception | None) -> ProbeResult:
        return ProbeResult(
            job_id=job.job_id,
            camera_id=job.camera.camera_id,
            worker_id=self._worker_id,
            finished_at=datetime.now(UTC),
            fault=None if fault is None else getattr(fault, "code", "source"),
            place_absence=PlaceAbsence.NO_STREAM if job.wants_place_picture else None,
        )

    def _with_substream(
        self,
        job: ProbeJob,
        result: ProbeResult,
        measuring: Measuring,
        address: Address,
        networks: Networks,
    ) -> ProbeResult:
        """Add what a search for a smaller stream brings, and what is advised then."""
        found, answer = None, Answer(status=Onvif.NOT_ASKED)
        if not (job.has_substream or result.renewed):
            camera, pixels = job.camera, measuring.pixels
            # Behind a platform the host is the platform's, which is no camera to be asked.
            if camera.upstream is None and measuring.peer is not None:
                asked = _question(camera, address, measuring.peer, pixels)
                answer = self._onvif.ask(asked, measuring.ends_s)
            found = self._found(camera, answer, networks, measuring)
        skew_s = answer.skew_s if result.clock_skew_s is None else result.clock_skew_s
        advice = () if result.stream is None else advise(result.stream, found, skew_s)
        return msgspec.structs.replace(
            result,
            substream=found,
            onvif=answer.status,
            clock_skew_s=skew_s,
            advice=advice,
            finished_at=datetime.now(UTC),
        )

    def _found(
        self, camera: Camera, answer: Answer, networks: Networks, measuring: Measuring
    ) -> FoundStream | None:
        def address(url: str) -> Address:
            return self._addresses.of(msgspec.structs.replace(camera, url=url))

        def candidates() -> Iterator[Candidate]:
            tried = {camera.url, *answer.urls}
            for url in answer.urls:
                yield Candidate(url=url, found_by=FoundBy.ONVIF)
            for url in guesses(camera.url):
                if url not in tried:
                    yield Candidate(url=url, found_by=FoundBy.NAMING)

        if measuring.scene is None:
            return None
        search = Search(address, networks, self._stopping, measuring.ends_s)
        return search.first(candidates(), measuring.scene)

    def _with_place(
        self, job: ProbeJob, result: ProbeResult, address: Address, networks: Networks
    ) -> ProbeResult:
        """Add a picture of the place, or why there is none, if one is wanted."""
        if not job.wants_place_picture or result.stream is None:
            return result
        asked = PlaceJob(
            job_id=job.job_id,
            camera=job.camera,
            address=address,
            networks=networks,
            stream=result.stream,
            ends_s=time.monotonic() + _left_s(job),
        )
        try:
            ref, absence = self._place.picture(asked)
        except Exception as error:  # noqa: BLE001 - whatever it is, there is no picture
            # Without its text: it may hold what it failed on.
            log.error("place", camera=job.camera.camera_id, fault=type(error).__name__)
            self._metrics.place_picture(PlaceAbsence.MASKER_FAILED)
            ref, absence = None, PlaceAbsence.MASKER_FAILED
        return msgspec.structs.replace(
            result,
            place_ref=ref,
            place_private=private_parts(job.camera.zones),
            place_absence=absence,
            finished_at=datetime.now(UTC),
        )


def _left_s(job: ProbeJob) -> float:
    return (job.expires_at - datetime.now(UTC)).total_seconds() - END_S


def _ends_s(job: ProbeJob) -> float:
    """Return until when there is time for all but the place picture, monotonic."""
    return time.monotonic() + max(LEAST_S, min(LONGEST_S, _left_s(job)))


def _run(measuring: Measuring) -> SourceError | None:
    try:
        measuring.run()
    except SourceError as fault:
        return fault
    return None


def _question(camera: Camera, address: Address, peer: str, main_px: int) -> Question:
    parts = urlsplit(address.url.reveal())
    login = None
    # Whoever has their login encrypted doesn't want it over plain HTTP, not even as a digest.
    if parts.username is not None and parts.scheme != "rtsps":
        login = unquote(parts.username), Secret(unquote(parts.password or ""))
    return Question(
        peer=peer,
        url=camera.url,
        login=login,
        is_wanted=lambda size_px: is_worth(size_px, main_px),
    )
