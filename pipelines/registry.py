"""Follows the registry of cameras in Redis: which are wanted, and what changes.

A hash holds each camera's newest registration, a stream the changes. The hash is read at the
start and whenever the stream can't be followed without a gap; then the stream goes on from where
it stood before. A camera goes when the stream says so, or when it is absent from a hash that is
whole. A hash that is empty, partly filled or away removes nobody.

A lower revision than the known one is stale, a removed camera's included: of two services one can
be late. Under a new mark the hash is the truth, though it be restored and behind what is known.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec
import structlog

from pipelines import streams
from pipelines.cameras_file import DRILL_PREFIX
from pipelines.messages import (
    Camera,
    CameraChange,
    ChangeKind,
    MessageError,
    Name,
    UnknownVersionError,
    decode,
)
from pipelines.metrics import WorkerMetrics
from pipelines.streams import CAMERA_CHANGES, REGISTRY, REGISTRY_MARK, ordinal
from pipelines.supervised import Supervised

BLOCK_MS: Final = 1000
"""How long a read waits for a change, and how soon lost data are noticed."""

BATCH: Final = 1000
"""Entries a round trip, some 1 MB."""

REMEMBERED: Final = 10_000
"""Removed cameras whose revision is kept: far more than change while a service is late."""

NEWER_VERSION: Final = "newer_version"
"""The fault of a camera whose registration only a newer worker can read."""

_PART: Final = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A worker's share of the cameras: number ``number`` of ``parts``, from 1."""

    number: int = 1
    """Which share."""
    parts: int = 1
    """How many there are."""

    def holds(self, camera_id: str) -> bool:
        """Say whether a camera falls to this share, on every machine and at every start."""
        digest = hashlib.blake2b(camera_id.encode("utf-8", "replace"), digest_size=8).digest()
        return int.from_bytes(digest) % self.parts == self.number - 1

    def of(self, cameras: Iterable[Camera]) -> tuple[Camera, ...]:
        """Return those of a list that fall to this share."""
        return tuple(camera for camera in cameras if self.holds(camera.camera_id))

    def split(self, number: int, parts: int) -> "Part":
        """Return a share of this share: what is n-1 modulo N is one of P things modulo N x P."""
        return Part(number=self.number + self.parts * (number - 1), parts=self.parts * parts)


class PartError(ValueError):
    """No share is named so."""


def part(text: str) -> Part:
    """Return the share that ``K/N`` names. Raises ``PartError``."""
    found = _PART.fullmatch(text)
    number, parts = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= number <= parts:
        raise PartError(f"part {text[:20]!r}: write K/N, as 1/4 for the first of four")
    return Part(number=number, parts=parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a worker is to do about one camera."""

    camera_id: str
    """Which."""
    revision: int
    """Of which registration."""
    camera: Camera | None
    """As it is wanted; ``None``: not any more."""
    fault: str | None = None
    """Why nobody here can say what is wanted: whatever runs goes on."""


class Registry:
    """One thread that hands on what changes for this worker's share."""

    def __init__(
        self,
        client: streams.Client,
        share: Part,
        deliver: Callable[[Change], None],
        metrics: WorkerMetrics,
        known: Iterable[str] = (),
    ) -> None:
        """``deliver`` is called from the thread; it must not wait.

        ``known`` are cameras that an earlier process knew, of whatever share: those that were
        removed since are handed on as removed.
        """
        self._client = client
        self._share = share
        self._deliver = deliver
        self._metrics = metrics
        self._revisions = dict.fromkeys(known, 0)
        self._removed: dict[str, int] = {}
        self._position: str | None = None
        self._whole: bytes | None = None
        self._distrusted: bytes | None = None
        self._follower = Supervised(
            "registry",
            self.step,
            meanwhile="cameras are watched as they are",
            metrics=metrics,
            keys=(REGISTRY, CAMERA_CHANGES.name),
        )

    def start(self) -> None:
        """Begin; returns at once, with or without Redis."""
        self._follower.start()

    def ask_to_stop(self) -> None:
        """Let the present read be the last."""
        self._follower.ask_to_stop()

    def join(self) -> None:
        """Wait for the end."""
        self._follower.join()

    def step(self) -> None:
        """Read what there is to read; wait a second for it."""
        position = self._position
        if position is None or self._has_gap(position):
            position = self._position = self._load()
        reply = self._client.xread({CAMERA_CHANGES.name: position}, count=BATCH, block=BLOCK_MS)
        for _, entries in cast("list[Any]", reply or []):
            self._follow(entries)
            self._position = entries[-1][0].decode()

    def _has_gap(self, position: str) -> bool:
        """Say whether something may have been missed: the hash was filled anew, or the stream cut.

        A stream that was cut behind our position has lost data together with its hash: what that
        lacks is no proof of a removal until it was filled again.
        """
        pipeline = self._client.pipeline()
        pipeline.hget(REGISTRY, REGISTRY_MARK)
        pipeline.xrange(CAMERA_CHANGES.name, count=1)
        pipeline.xrange(CAMERA_CHANGES.name, position, position)
        whole, oldest, here = pipeline.execute()
        if whole is not None and whole != self._whole:
            return True
        if here or position == "0-0":
            return False
        if oldest and ordinal(oldest[0][0]) < ordinal(position):
            self._distrusted = whole
        return bool(oldest)

    def _load(self) -> str:
        """Read the whole hash; return where the stream stood before, to be followed from there."""
        newest: Any = self._client.xrevrange(CAMERA_CHANGES.name, count=1)
        whole = cast("bytes | None", self._client.hget(REGISTRY, REGISTRY_MARK))
        there, wanted, refused = set(), [], _Refused(self._metrics)
        for field, value in self._client.hscan_iter(REGISTRY, count=BATCH):
            if field == REGISTRY_MARK:
                continue
            camera_id = field.decode(errors="replace")
            there.add(camera_id)
            if self._share.holds(camera_id):
                change = self._read(value, refused, camera_id)
                if change is not None:
                    wanted.append(change)
        if whole not in {None, self._whole, self._distrusted}:
            self._removed.clear()
            for change in wanted:
                if self._revisions.get(change.camera_id, 0) > change.revision:
                    self._revisions[change.camera_id] = change.revision
        if stale := self._hand_on(wanted, refused):
            log.warning(
                "registry_behind",
                count=len(stale),
                first=stale[0],
                why="the hash has older registrations than this worker: Redis was restored",
                do="start the service, if it is down: it makes the hash whole again",
            )
        self._remove_absent(set(self._revisions) - there)
        refused.tell()
        self._whole = whole
        return newest[0][0].decode() if newest else "0-0"

    def _remove_absent(self, camera_ids: set[str]) -> None:
        """Remove those that are absent from the hash at a moment at which it is whole."""
        names = sorted(camera_ids)
        if not names:
            return
        pipeline = self._client.pipeline(transaction=True)
        pipeline.hget(REGISTRY, REGISTRY_MARK)
        pipeline.hmget(REGISTRY, names)
        whole, values = pipeline.execute()
        if whole is None or whole == self._distrusted:
            return
        for camera_id, value in zip(names, values, strict=True):
            if value is None:
                revision = self._revisions.pop(camera_id)
                self._deliver(Change(camera_id=camera_id, revision=revision, camera=None))

    def _follow(self, entries: list[Any]) -> None:
        refused = _Refused(self._metrics)
        newest: dict[str, CameraChange] = {}  # a camera that was changed twice is changed once
        for entry_id, entry in entries:
            try:
                body = streams.body(entry)
            except MessageError as error:
                refused.add("unreadable", entry_id.decode(), error)
                continue
            change = self._read(body, refused, None)
            if change is not None and self._share.holds(change.camera_id):
                before = newest.get(change.camera_id)
                if before is None or before.revision <= change.revision:
                    newest[change.camera_id] = change
        self._hand_on(newest.values(), refused)
        refused.tell()

    def _hand_on(self, changes: Iterable[CameraChange], refused: "_Refused") -> list[str]:
        """Hand on what is news; return the cameras of which it is stale."""
        stale = []
        for change in changes:
            camera_id = change.camera_id
            known = self._revisions.get(camera_id, self._removed.get(camera_id, 0))
            if change.revision < known:
                self._metrics.registry_change("stale")
                stale.append(camera_id)
            elif change.kind is ChangeKind.REMOVED:
                self._note_removal(camera_id, change.revision)
                if self._revisions.pop(camera_id, None) is not None:
                    self._deliver(
                        Change(camera_id=camera_id, revision=change.revision, camera=None)
                    )
            elif camera_id.startswith(DRILL_PREFIX):
                refused.add("drill", camera_id, "no registry makes drills")
            else:
                self._removed.pop(camera_id, None)
                self._revisions[camera_id] = change.revision
                self._deliver(
                    Change(camera_id=camera_id, revision=change.revision, camera=change.camera)
                )
        return stale

    def _note_removal(self, camera_id: str, revision: int) -> None:
        self._removed.pop(camera_id, None)  # so that the oldest is the first
        self._removed[camera_id] = revision
        if len(self._removed) > REMEMBERED:
            del self._removed[next(iter(self._removed))]

    def _read(self, body: bytes, refused: "_Refused", camera_id: str | None) -> CameraChange | None:
        """Return the change that a body holds; ``camera_id`` is whose it must be, if known."""
        try:
            return _checked(body, camera_id)
        except UnknownVersionError as error:
            name = camera_id or _name_in(body)
            if name is None or self._share.holds(name):
                refused.add("newer", name or "?", error)
            if name is not None and self._share.holds(name):
                revision = self._revisions.setdefault(name, 0)
                self._deliver(
                    Change(camera_id=name, revision=revision, camera=None, fault=NEWER_VERSION)
                )
        except MessageError as error:
            refused.add("unreadable", camera_id or "?", error)
        return None


class _Named(msgspec.Struct):
    camera_id: Name


def _name_in(body: bytes) -> str | None:
    """Return the camera that a message of an unknown version is about, if it says so as ours do."""
    try:
        return msgspec.json.decode(body, type=_Named).camera_id
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def _checked(body: bytes, camera_id: str | None) -> CameraChange:
    if len(body) > streams.MAX_BODY_BYTES:
        raise MessageError(f"{len(body)} bytes, {streams.MAX_BODY_BYTES} are allowed")
    change = decode(body, CameraChange)
    if change.kind is ChangeKind.UPSERTED and change.camera is None:
        raise MessageError("an upsert without its camera")
    names = {change.camera_id, camera_id or change.camera_id}
    if change.camera is not None:
        names.add(change.camera.camera_id)
    if len(names) > 1:
        raise MessageError(f"of several cameras: {', '.join(sorted(names))}")
    return change


_WHAT_TO_DO: Final = {
    "newer": "upgrade this worker to the service's version; what it watches it goes on watching",
    "unreadable": "save the camera again in the console; the others are watched",
    "drill": "take the camera out of the registry: its name is a drill's; the others are watched",
}


class _Refused:
    """What one reading could not use: each counted, one line for all of a kind."""

    def __init__(self, metrics: WorkerMetrics) -> None:
        self._metrics = metrics
        self._found: dict[str, list[tuple[str, str]]] = {}

    def add(self, outcome: str, where: str, why: object) -> None:
        self._metrics.registry_change(outcome)
        self._found.setdefault(outcome, []).append((where, str(why)))

    def tell(self) -> None:
        for outcome, found in self._found.items():
            where, why = found[0]
            log.warning(
                "registry_entries_refused",
                count=len(found),
                first=where,
                outcome=outcome,
                why=why,
                do=_WHAT_TO_DO[outcome],
            )
