"""A play as a worker sees it: looks at a camera's times, and bursts where the rules ask for them.

Times are those of the play, so an hour of it takes as long as its looks. Each picture is drawn,
goes through JPEG once for the faults of a codec (blocks and ringing; not those that last from
picture to picture), and is scaled to the model's input as FFmpeg would.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol, runtime_checkable

import cv2
import numpy as np

from pipelines.bursts import BURST_S, REST_S
from pipelines.drills.catalogue import Play
from pipelines.evaluate.drills_cache import KeptLooks, Recorded
from pipelines.frames import Frame, FrameRef, Look
from pipelines.messages import BoxShares, CameraFault
from pipelines.rules.events import Change, Event
from pipelines.rules.settings import SETTINGS
from vision.arrays import Pixels
from vision.hazards import Hazard
from vision.letterbox import fit
from vision.motion import grid, thumbnail

BEGAN_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""The play's second 0. Any time would do; one that stays makes looks the same in each run."""

SENTRY_MS: Final = 2000
"""Keyframes of most cameras come every 2 s."""

CLOSE_MS: Final = 200
"""Five looks a second, in a burst and where a road has a direction."""

DUE_MS: Final = 1900
"""Of close looks so far apart, one is the sentry's own, as the reader marks them."""

BURST_MS: Final = round(BURST_S * 1000)
REST_MS: Final = round(REST_S * 1000)

LOST_AFTER_MS: Final = round(SETTINGS.camera_fault.lost_after_s * 1000)
"""When a worker says so of a camera that sends nothing."""

JPEG_QUALITY: Final = 60
"""What a substream of 512 kb/s looks like: edges ring, dark surfaces turn to blocks."""

BATCH: Final = 4
"""Of looks that will be asked for whatever the rules say: those of a burst, and close ones."""


@runtime_checkable
class Judging(Protocol):
    """The rules of one camera."""

    @property
    def suspects(self) -> bool:
        """Whether the last look gave a sign that a burst would settle."""

    def see(self, look: Look) -> list[Event]:
        """Take a look; say what it changed."""

    def lost(self, at: datetime) -> list[Event]:
        """Take it that no picture has come for long; say what that changed."""


@runtime_checkable
class Witness(Protocol):
    """The stages before the rules, of one camera; it remembers what it was shown."""

    def __call__(self, frames: Sequence[Frame]) -> list[Look]:
        """Return a look of each frame, in order."""


@runtime_checkable
class Standing(Protocol):
    """A worker's stages, for one play after the other."""

    @property
    def input_size_px(self) -> tuple[int, int]:
        """Height and width of the detector's input."""

    def judge(self, play: Play) -> Judging:
        """Return rules that know nothing yet."""

    def witness(self, play: Play) -> Witness:
        """Return stages that have seen nothing yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """An alert that began in a play."""

    hazard: Hazard
    """What."""
    at_s: float
    """The second of the play at whose look it was raised."""
    zone_id: str
    """In which zone."""
    box: BoxShares | None = None
    """Where on the picture; ``None``: all of it."""
    fault: CameraFault | None = None
    """Of ``camera_fault``: which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What one play with one seed gave."""

    play: str
    """Its name."""
    seed: int
    """Its seed."""
    raised: tuple[Raised, ...]
    """Alerts, as they came."""
    looks: int
    """How many the rules were given."""
    drawn: int
    """How many of them were drawn and detected anew; the others were kept from an earlier run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A look that is to be taken."""

    t_ms: int
    """When."""
    is_burst: bool = False
    """One of several a second."""
    is_due: bool = True
    """A sentry would look now."""


class Schedule:
    """When a play's camera is looked at, as the sampler and the bursts of a worker have it."""

    def __init__(self, play: Play, seed: int) -> None:
        self._is_steady = play.needs_steady
        self._end_ms = round(play.length_s * 1000)
        # A hazard doesn't wait for a keyframe: where looks fall between two is chance, by seed.
        self._next_ms = int(np.random.default_rng([seed, *play.name.encode()]).integers(SENTRY_MS))
        self._planned: deque[Due] = deque()
        self._rested_ms = 0
        self._last_due_ms = -DUE_MS

    def take(self) -> Due | None:
        """Return the next look; ``None`` at the play's end."""
        if not self._planned:
            for _ in range(BATCH if self._is_steady else 1):
                self._plan(self._next_ms, is_burst=self._is_steady)
                self._next_ms += CLOSE_MS if self._is_steady else SENTRY_MS
        return self._planned.popleft() if self._planned else None

    def sure(self) -> tuple[Due, ...]:
        """Return the looks that come next whatever the rules say."""
        return tuple(self._planned)

    def ask(self, t_ms: int) -> None:
        """Look closely from this look on, unless that is done already or was just now."""
        if self._is_steady or t_ms < self._rested_ms:
            return
        for close_ms in range(t_ms + CLOSE_MS, t_ms + BURST_MS + 1, CLOSE_MS):
            self._plan(close_ms, is_burst=True)
        while self._next_ms <= t_ms + BURST_MS:  # the sentry's look is one of the burst's
            self._next_ms += SENTRY_MS
        self._rested_ms = t_ms + BURST_MS + REST_MS

    def _plan(self, t_ms: int, *, is_burst: bool) -> None:
        if t_ms >= self._end_ms:
            return
        is_due = not is_burst or t_ms - self._last_due_ms >= DUE_MS
        self._last_due_ms = t_ms if is_due else self._last_due_ms
        self._planned.append(Due(t_ms=t_ms, is_burst=is_burst, is_due=is_due))


class OtherLooksError(Exception):
    """The rules ask for other looks than were kept: the play must be drawn again."""


@runtime_checkable
class Looks(Protocol):
    """Where looks come from."""

    def __call__(self, due: Due, sure: Sequence[Due]) -> Look | None:
        """Return the look that is due; ``None`` where the camera sends nothing."""


class Recalled:
    """The looks of an earlier run."""

    def __init__(self, recorded: Recorded) -> None:
        self._left = deque(recorded)

    def __call__(self, due: Due, sure: Sequence[Due]) -> Look | None:  # noqa: ARG002 - the drawer's
        """Raise ``OtherLooksError`` where that run had another look."""
        if not self._left:
            raise OtherLooksError
        t_ms, look = self._left.popleft()
        is_same = look is None or look.ref.is_burst == due.is_burst
        if t_ms != due.t_ms or not is_same:
            raise OtherLooksError
        return look


class Drawn:
    """Looks of a play that is drawn as they are asked for."""

    def __init__(self, play: Play, seed: int, witness: Witness, input_px: tuple[int, int]) -> None:
        self._name = play.name
        self._draw = play.stage(seed)
        self._witness = witness
        self._input_px = input_px
        self._ahead: dict[int, Look | None] = {}
        self._seq = 0
        self.recorded: list[tuple[int, Look | None]] = []

    def __call__(self, due: Due, sure: Sequence[Due]) -> Look | None:
        """Draw it, and with it as many of the sure ones as the detector takes at a time."""
        if due.t_ms not in self._ahead:
            self._fetch([due, *sure][:BATCH])
        look = self._ahead.pop(due.t_ms)
        self.recorded.append((due.t_ms, look))
        return look

    def _fetch(self, dues: Sequence[Due]) -> None:
        frames = []
        for due in dues:
            picture = self._draw(due.t_ms / 1000)
            self._ahead[due.t_ms] = None
            if picture is not None:
                frames.append(self._frame(due, worn(picture)))
        # An empty batch is no batch: of a lost camera nothing comes.
        for look in self._witness(frames) if frames else []:
            self._ahead[look.ref.received_ns // 1_000_000] = look

    def _frame(self, due: Due, picture: Pixels) -> Frame:
        size_px = (picture.shape[1], picture.shape[0])
        box = fit(size_px, *self._input_px)
        content = (box.content_width_px, box.content_height_px)
        pixels = np.asarray(cv2.resize(picture, content, interpolation=cv2.INTER_AREA))
        self._seq += 1
        ref = FrameRef(
            camera_id=self._name,
            seq=self._seq,
            source_size_px=size_px,
            letterbox=box,
            captured_at=moment(due.t_ms),
            received_ns=due.t_ms * 1_000_000,
            is_burst=due.is_burst,
            is_due=due.is_due,
        )
        return Frame(ref=ref, pixels=pixels, thumbnail=thumbnail(pixels, grid(self._input_px)))


def worn(picture: Pixels) -> Pixels:
    """Return a picture as a codec leaves it."""
    _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def moment(t_ms: int) -> datetime:
    """Return a time of the play as cameras give it."""
    return BEGAN_AT + timedelta(milliseconds=t_ms)


def rehearse(
    play: Play,
    seed: int,
    stand: Standing,
    kept: KeptLooks | None = None,
) -> Rehearsed:
    """Play it through the rules, on kept looks where these are the ones that the rules ask for."""
    recorded = kept.read(play.name, seed) if kept else None
    if recorded is not None:
        try:
            raised = watched(play, seed, stand.judge(play), Recalled(recorded))
        except OtherLooksError:
            pass
        else:
            return Rehearsed(play=play.name, seed=seed, raised=raised, looks=len(recorded), drawn=0)
    drawn = Drawn(play, seed, stand.witness(play), stand.input_size_px)
    raised = watched(play, seed, stand.judge(play), drawn)
    if kept:
        kept.write(play.name, seed, tuple(drawn.recorded))
    count = len(drawn.recorded)
    return Rehearsed(play=play.name, seed=seed, raised=raised, looks=count, drawn=count)


def watched(play: Play, seed: int, judge: Judging, looks: Looks) -> tuple[Raised, ...]:
    """Return the alerts that a play raises. Raises what ``looks`` does."""
    schedule, raised = Schedule(play, seed), list[Raised]()
    last_ms, is_told = 0, False
    while due := schedule.take():
        look = looks(due, schedule.sure())
        if look is not None:
            last_ms, is_told = due.t_ms, False
            raised += _began(judge.see(look), due)
            if judge.suspects:
                schedule.ask(due.t_ms)
        elif due.t_ms - last_ms >= LOST_AFTER_MS and not is_told:
            is_told = True
            raised += _began(judge.lost(moment(due.t_ms)), due)
    return tuple(raised)


def _began(events: Iterable[Event], due: Due) -> list[Raised]:
    return [
        Raised(
            hazard=one.hazard,
            # Not the event's own time: of a burst's second it is told at the look after it.
            at_s=due.t_ms / 1000,
            zone_id=one.zone_id,
            box=one.box,
            fault=one.detail.fault if one.detail else None,
        )
        for one in events
        if one.change is Change.BEGAN
    ]
