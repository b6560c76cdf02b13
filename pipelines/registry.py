"""Follows the registry of cameras in Redis: which are wanted, and what changes.

A hash holds each camera's newest registration, a stream the changes. The hash is read at the
start and whenever the stream can't be followed without a gap; then the stream goes on from where
it stood before. A camera goes when the stream says so, or when it is absent from a hash that is
whole. A hash that is empty, partly filled or away removes nobody.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, cast

import structlog

from pipelines import streams
from pipelines.cameras_file import DRILL_PREFIX
from pipelines.messages import Camera, CameraChange, ChangeKind, MessageError, decode
from pipelines.metrics import WorkerMetrics
from pipelines.streams import CAMERA_CHANGES, REGISTRY, REGISTRY_WHOLE, ordinal
from pipelines.supervised import Supervised

BLOCK_MS: Final = 1000
"""How long a read waits for a change, and how soon lost data are noticed."""

BATCH: Final = 1000
"""Entries a round trip, some 1 MB."""

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


class Registry:
    """One thread that hands on what changes for this worker's share."""

    def __init__(
        self,
        client: streams.Client,
        share: Part,
        deliver: Callable[[Change], None],
        metrics: WorkerMetrics,
    ) -> None:
        """``deliver`` is called from the thread; it must not wait."""
        self._client = client
        self._share = share
        self._deliver = deliver
        self._metrics = metrics
        self._revisions: dict[str, int] = {}
        self._position: str | None = None
        self._whole: bytes | None = None
        self._distrusted: bytes | None = None
        self._follower = Supervised(
            "registry",
            self.step,
            meanwhile="cameras are watched as they are",
            metrics=metrics,
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
        pipeline.get(REGISTRY_WHOLE)
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
        whole = cast("bytes | None", self._client.get(REGISTRY_WHOLE))
        there, wanted, refused = set(), [], _Refused(self._metrics)
        for field, value in self._client.hscan_iter(REGISTRY, count=BATCH):
            camera_id = field.decode(errors="replace")
            there.add(camera_id)
            if self._share.holds(camera_id):
                change = _read(value, refused, camera_id)
                if change is not None:
                    wanted.append(change)
        if whole not in {None, self._whole, self._distrusted}:
            # Filled anew from the database: the truth, though that be restored and behind us.
            for change in wanted:
                if self._revisions.get(change.camera_id, 0) > change.revision:
                    self._revisions[change.camera_id] = change.revision
        self._hand_on(wanted, refused)
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
        pipeline.get(REGISTRY_WHOLE)
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
            change = _read(body, refused, None)
            if change is not None and self._share.holds(change.camera_id):
                before = newest.get(change.camera_id)
                if before is None or before.revision <= change.revision:
                    newest[change.camera_id] = change
        self._hand_on(newest.values(), refused)
        refused.tell()

    def _hand_on(self, changes: Iterable[CameraChange], refused: "_Refused") -> None:
        for change in changes:
            camera_id = change.camera_id
            if change.revision < self._revisions.get(camera_id, 0):
                self._metrics.registry_change("stale")
            elif change.kind is ChangeKind.REMOVED:
                if self._revisions.pop(camera_id, None) is not None:
                    self._deliver(
                        Change(camera_id=camera_id, revision=change.revision, camera=None)
                    )
            elif camera_id.startswith(DRILL_PREFIX):
                refused.add("drill", camera_id, "no registry makes drills")
            else:
                self._revisions[camera_id] = change.revision
                self._deliver(
                    Change(camera_id=camera_id, revision=change.revision, camera=change.camera)
                )


def _read(body: bytes, refused: "_Refused", camera_id: str | None) -> CameraChange | None:
    """Return the change that a body holds; ``camera_id`` is whose it must be, if that is known."""
    try:
        return _checked(body, camera_id)
    except MessageError as error:
        refused.add("unreadable", camera_id or "?", error)
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


class _Refused:
    """What one reading could not use: each counted, one line for all."""

    def __init__(self, metrics: WorkerMetrics) -> None:
        self._metrics = metrics
        self._first: tuple[str, str, str] | None = None
        self._count = 0

    def add(self, outcome: str, where: str, why: object) -> None:
        self._metrics.registry_change(outcome)
        self._count += 1
        if self._first is None:
            self._first = (outcome, where, str(why))

    def tell(self) -> None:
        if self._first is not None:
            outcome, where, why = self._first
            log.warning(
                "registry_entries_refused",
                count=self._count,
                first=where,
                outcome=outcome,
                why=why,
                do="save the camera again in the console; the others are watched",
            )
