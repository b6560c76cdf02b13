"""Which alerts get a picture, of which frames, and what becomes of it: the inference loop's side.

An alert begins: its camera is asked for a close look, the still is made of the newest frame that
shows the hazard, and some seconds later a clip of what was before and after. Each alert gets one
outcome, a name in the store or the reason why not, whatever becomes of camera, masker, store and
worker. Nothing here waits. Times are those of the looks, so that files may run ahead of the clock;
where a camera gives no looks the clock ends the waiting.
"""

import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

import structlog

from pipelines.album import Album, Leaf
from pipelines.bursts import Bursts
from pipelines.evidence import MOST_CLIPS, SLOWEST_S, STORE_LONGEST_S, Darkroom, Done, Job
from pipelines.evidence_store import EvidenceStore
from pipelines.messages import Alert, BoxShares, EvidenceAbsence, EvidencePart
from pipelines.metrics import WorkerMetrics
from pipelines.zones import Zones
from vision.evidence import KEPT_FRAMES
from vision.hazards import Hazard

AROUND_S: Final = 4.0
"""A clip shows so much before the alert and so much after it."""

FRAMES_S: Final = 6.0
"""So long after the alert a still may be taken: two looks of a camera that gives no burst."""

LATE_S: Final = 2.0
"""So much later than its time a look may come here: naps, the network, the batcher."""

CLIP_FRAMES: Final = 10
CLIP_S: Final = 2.0
"""Fewer frames or less time is no moving picture: a filmstrip shows it better."""

PICTURES_AN_HOUR: Final = 12
"""Of one camera. Who looks at more pictures of a place than one in five minutes watches it."""

HOUR_S: Final = 3600.0

HANGS_S: Final = 2 * SLOWEST_S + STORE_LONGEST_S
"""A job without an outcome for so long has none: its thread hangs."""

END_PATIENCE_S: Final = 4.0
"""A worker that ends waits so long for pictures that are being made."""

SEEN_BY_DETECTOR: Final = frozenset({Hazard.FIRE, Hazard.SMOKE})
"""A still of them shows what the detector found in its frame; of the others, the place."""

Outcome = tuple[Alert, "str | EvidenceAbsence"]
"""An alert's first revision, and the name of its pictures or why there are none."""

log = structlog.get_logger()


class _Stage(Enum):
    WAITS = auto()
    """For a frame."""
    STILL = auto()
    """Is being made."""
    TOLD = auto()
    """What became of the still; the clip is due or being made."""


@dataclass(slots=True, kw_only=True)
class _Case:
    alert: Alert
    at_s: float
    """The alert's look, on the looks' clock."""
    began_s: float
    """Monotonic."""
    stage: _Stage = _Stage.WAITS
    job: Job | None = None
    """The still's, then the clip's."""
    ref: str | None = None
    around: tuple[Leaf, ...] | None = None
    """What the clip is made of, once it is due: the still may take longer than the album keeps."""


class EvidenceDesk:
    """Every alert's pictures of one worker. Used by the inference thread alone."""

    def __init__(self, darkroom: Darkroom, album: Album, metrics: WorkerMetrics) -> None:
        self.album = album
        self._darkroom = darkroom
        self._metrics = metrics
        self._bursts: Bursts | None = None
        self._cases: list[_Case] = []
        self._taken: dict[str, deque[float]] = {}
        self._now: dict[str, float] = {}
        """The last look's time of cameras that somebody waits for."""

    def open(self, bursts: Bursts, tell: Callable[[], None]) -> None:
        """Begin; ``bursts`` are what cameras are asked by, ``tell`` says that something is done."""
        self._bursts = bursts
        self._darkroom.tell = tell
        bursts.for_evidence = True
        self._darkroom.start()

    @property
    def darkroom(self) -> Darkroom:
        """Where pictures are made."""
        return self._darkroom

    def watch(self, camera_id: str, zones: Zones) -> None:
        """Take no picture any more in which anything shows that is private now."""
        self.album.watch(camera_id, zones.privacy)
        for case in self._of(camera_id):
            if case.job is not None:
                case.job.is_given_up = True
                case.job = None
            case.around = None if case.around is None else ()
            if case.stage is _Stage.STILL:  # under another name: the old one may yet be stored
                case.stage, case.ref = _Stage.WAITS, None

    def began(self, alert: Alert, at_s: float) -> None:
        """Take up an alert whose first revision has gone, at a second of the looks' clock."""
        case = _Case(alert=alert, at_s=at_s, began_s=time.monotonic())
        self._cases.append(case)
        self._darkroom.warm()
        if self._bursts is not None and not self._is_over_cap(alert.camera_id, at_s):
            self._bursts.ask_evidence(alert.camera_id)

    def looked(self, camera_id: str, at_s: float) -> None:
        """Note a look of a camera, after its rules have judged it."""
        if any(case.alert.camera_id == camera_id for case in self._cases):
            self._now[camera_id] = at_s

    def turn(self) -> Iterator[Outcome]:
        """Do what is due; yield the outcomes there are."""
        self.album.tidy()
        yield from self._developed()
        for case in tuple(self._cases):
            if case.around is None and self._is_past(case, AROUND_S):
                case.around = self._around(case) if self._may_hold() else ()
            if case.stage is _Stage.WAITS:
                yield from self._still(case)
            elif case.stage is _Stage.STILL:
                yield from self._give_up_hanging(case)
            elif case.job is None:
                self._clip(case)
            elif time.monotonic() - case.job.given_s > HANGS_S:
                self._close(case)

    def forget(self, camera_id: str) -> Iterator[Outcome]:
        """Drop what is in hand of a camera that is gone, or shows another place; yield outcomes."""
        for case in self._of(camera_id):
            log.info(
                "evidence",
                camera=camera_id,
                dropped="the camera was removed, or shows another place",
            )
            self._metrics.evidence("removed")
            if case.stage is not _Stage.TOLD:
                yield case.alert, EvidenceAbsence.NO_FRAMES
            self._close(case)
        self.album.forget(camera_id)

    def finish(self, patience_s: float) -> Iterator[Outcome]:
        """Wait for what is in hand, not longer than this; yield every outcome that was left."""
        ends_s = time.monotonic() + patience_s
        for case in tuple(self._cases):
            if case.stage is _Stage.WAITS:
                yield from self._still(case, is_last=True)
            if case.around is None:
                case.around = self._around(case) if self._may_hold() else ()
        while self._cases and time.monotonic() < ends_s:
            yield from self._developed()
            for case in tuple(self._cases):
                if case.stage is _Stage.TOLD and case.job is None:
                    self._clip(case)
            time.sleep(0.02)
        self._darkroom.stop()
        for case in tuple(self._cases):
            if case.stage is not _Stage.TOLD:
                yield self._refused(case, EvidenceAbsence.MASKER_SLOW)
            else:
                self._close(case)

    def _still(self, case: _Case, *, is_last: bool = False) -> Iterator[Outcome]:
        """Have the still made, if there is a frame for it; else see whether to go on waiting."""
        camera_id = case.alert.camera_id
        if self._is_over_cap(camera_id, case.at_s, but=case):
            yield self._refused(case, EvidenceAbsence.HOURLY_CAP)
            return
        leaves = [one for one in self.album.leaves(camera_id) if self._is_near(case, one)]
        known = [one for one in leaves if one.frame.regions is not None]
        shown = next((row for row in reversed(range(len(known))) if _shows(known[row], case)), None)
        if shown is not None:
            frames = known[: shown + 1][-1 - KEPT_FRAMES :]
            job = self._job(case, EvidencePart.STILL, frames, _box(frames[-1], case))
            if not self._darkroom.give(job):
                yield self._refused(case, EvidenceAbsence.MASKER_SLOW)
                return
            case.stage, case.job = _Stage.STILL, job
        elif is_last or self._is_past(case, FRAMES_S):
            is_unknown = leaves and not known
            why = EvidenceAbsence.NO_MASKER if is_unknown else EvidenceAbsence.NO_FRAMES
            yield self._refused(case, why)

    def _may_hold(self) -> bool:
        """Say whether another clip's frames may be kept beside the album: few, it has a bound."""
        held = sum(bool(one.around) for one in self._cases)
        if held > MOST_CLIPS:
            self._metrics.evidence("clip_failed")
        return held <= MOST_CLIPS

    def _around(self, case: _Case) -> tuple[Leaf, ...]:
        return tuple(
            one
            for one in self.album.leaves(case.alert.camera_id)
            if one.frame.regions is not None and abs(one.at_s - case.at_s) <= AROUND_S
        )

    def _clip(self, case: _Case) -> None:
        """Have the clip made when it is due, or a filmstrip, or nothing of too few frames."""
        frames = case.around
        if frames is None:
            return
        if len(frames) < 2:
            self._close(case)
            return
        is_clip = len(frames) >= CLIP_FRAMES and frames[-1].at_s - frames[0].at_s >= CLIP_S
        part = EvidencePart.CLIP if is_clip else EvidencePart.STRIP
        job = self._job(case, part, frames, case.alert.box)
        if not self._darkroom.give(job):
            self._metrics.evidence(f"{_kind(part)}_failed")
            self._close(case)
            return
        case.job = job

    def _job(
        self, case: _Case, part: EvidencePart, leaves: Sequence[Leaf], box: BoxShares | None
    ) -> Job:
        case.ref = case.ref or secrets.token_urlsafe(24)
        return Job(
            alert_id=case.alert.alert_id,
            camera_id=case.alert.camera_id,
            hazard=case.alert.hazard,
            box=box,
            ref=case.ref,
            part=part,
            frames=tuple(one.frame for one in leaves),
            began_s=case.began_s,
            given_s=time.monotonic(),
        )

    def _developed(self) -> Iterator[Outcome]:
        for done in self._darkroom.outcomes():
            case = next((one for one in self._cases if one.job is done.job), None)
            if case is None or done.job.is_given_up:
                continue
            case.job = None
            if done.job.part is EvidencePart.STILL:
                yield self._told(case, done)
            else:
                end = "failed" if done.absence else "stored"
                self._metrics.evidence(f"{_kind(done.job.part)}_{end}")
                self._close(case)

    def _told(self, case: _Case, done: Done) -> Outcome:
        if done.absence is not None:
            return self._refused(case, done.absence)
        case.stage = _Stage.TOLD
        self._taken.setdefault(case.alert.camera_id, deque()).append(case.at_s)
        self._metrics.evidence("still_stored")
        return case.alert, done.job.ref

    def _give_up_hanging(self, case: _Case) -> Iterator[Outcome]:
        if case.job is not None and time.monotonic() - case.job.given_s > HANGS_S:
            yield self._refused(case, EvidenceAbsence.MASKER_SLOW)

    def _refused(self, case: _Case, absence: EvidenceAbsence) -> Outcome:
        self._metrics.evidence(absence.value)
        self._close(case)
        return case.alert, absence

    def _close(self, case: _Case) -> None:
        """Be done with an alert; its camera is asked for nothing more unless another waits."""
        if case.job is not None:
            case.job.is_given_up = True
        self._cases.remove(case)
        camera_id = case.alert.camera_id
        if not self._of(camera_id):
            self._now.pop(camera_id, None)
            if self._bursts is not None:
                self._bursts.have_evidence(camera_id)

    def _of(self, camera_id: str) -> list[_Case]:
        return [case for case in self._cases if case.alert.camera_id == camera_id]

    def _is_near(self, case: _Case, leaf: Leaf) -> bool:
        return -AROUND_S <= leaf.at_s - case.at_s <= FRAMES_S

    def _is_past(self, case: _Case, seconds: float) -> bool:
        """Say whether so much time has gone since the alert, by the looks or by the clock."""
        now_s = self._now.get(case.alert.camera_id)
        by_clock = time.monotonic() - case.began_s >= seconds + LATE_S
        return by_clock or (now_s is not None and now_s - case.at_s >= seconds)

    def _is_over_cap(self, camera_id: str, at_s: float, but: _Case | None = None) -> bool:
        """Say whether a camera has had its pictures of the last hour, those in hand included."""
        taken = self._taken.get(camera_id, deque())
        while taken and abs(at_s - taken[0]) >= HOUR_S:
            taken.popleft()
        in_hand = sum(one is not but and one.stage is _Stage.STILL for one in self._of(camera_id))
        return len(taken) + in_hand >= PICTURES_AN_HOUR


def _shows(leaf: Leaf, case: _Case) -> bool:
    """Say whether a frame shows an alert's hazard, as far as a detector can say."""
    alert = case.alert
    if alert.hazard not in SEEN_BY_DETECTOR:
        return True
    return any(one.hazard is alert.hazard and _overlap(one.box, alert.box) > 0 for one in leaf.seen)


def _box(leaf: Leaf, case: _Case) -> BoxShares | None:
    """Return where an alert's hazard is in a frame: where the detector found it best, if it did."""
    alert = case.alert
    found = [
        one for one in leaf.seen if one.hazard is alert.hazard and _overlap(one.box, alert.box) > 0
    ]
    best = max(found, key=lambda one: one.score, default=None)
    return alert.box if best is None else best.box


def _overlap(one: BoxShares, other: BoxShares | None) -> float:
    """Return the area that two boxes share; with all of the picture if one is that."""
    if other is None:
        return 1.0
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)


def _kind(part: EvidencePart) -> str:
    return part.partition(".")[0]


def evidence_desk(url: str | None, metrics: WorkerMetrics) -> EvidenceDesk | None:
    """Return a desk whose pictures lie in a store, if one is named.

    Raises ``EvidenceStoreError`` for what is no address.
    """
    if url is None:
        return None
    return EvidenceDesk(Darkroom(EvidenceStore(url), metrics), Album(metrics), metrics)
