"""The last seconds of each camera's evidence frames, in memory, bounded; unmasked, shown to nobody.

Used by the inference thread alone: whoever makes pictures of them elsewhere is given tuples.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pipelines.blanker import are_alike
from pipelines.detection import Found
from pipelines.frames import Closeup, Sighted
from pipelines.metrics import WorkerMetrics
from vision.arrays import Boxes
from vision.evidence import EvidenceFrame
from vision.polygons import Polygon

KEPT_S: Final = 8.0
"""A clip's length: what was before the alert, as long as what comes after."""

BYTES: Final = 128 << 20
"""Of all cameras together: 190 frames of 640x360, five cameras' bursts at full length. A worker of
a hundred cameras has about 1 GB, and alarms at more than five of them at once are rare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A frame, and what its look showed."""

    frame: EvidenceFrame
    """For the maker of pictures."""
    seen: tuple[Sighted, ...]
    """What the detector found."""
    kept_s: float
    """When it came here, monotonic."""

    @property
    def at_s(self) -> float:
        """When it was taken, in seconds of the looks' clock."""
        return self.frame.at_s


class Album:
    """The evidence frames of a worker's cameras."""

    def __init__(
        self,
        metrics: WorkerMetrics,
        *,
        limit_bytes: int = BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._metrics = metrics
        self._limit_bytes = limit_bytes
        self._clock = clock
        self._bytes = 0
        self._leaves: OrderedDict[int, tuple[str, Leaf]] = OrderedDict()
        """Of all cameras, oldest first."""
        self._of: dict[str, deque[int]] = {}
        self._private: dict[str, tuple[Polygon, ...]] = {}
        self._next = 0

    def watch(self, camera_id: str, private: tuple[Polygon, ...]) -> None:
        """Take frames of a camera in which these zones are black, and no others from now on."""
        self.empty(camera_id)
        self._private[camera_id] = private

    def put(
        self, found: Found, closeup: Closeup, vehicles: Boxes, seen: tuple[Sighted, ...]
    ) -> None:
        """Keep the picture of a look that the detector saw; older ones give way."""
        ref = found.ref
        private = self._private.get(ref.camera_id)
        if private is None or not are_alike(private, closeup.privacy):
            self._metrics.drop("evidence_private")
            return
        frame = EvidenceFrame(
            pixels=closeup.pixels,
            regions=found.regions,
            picture=found.picture,
            vehicles=vehicles,
            at_s=ref.captured_at.timestamp(),
        )
        self._next += 1
        leaf = Leaf(frame=frame, seen=seen, kept_s=self._clock())
        self._leaves[self._next] = ref.camera_id, leaf
        self._of.setdefault(ref.camera_id, deque()).append(self._next)
        self._bytes += frame.pixels.nbytes
        while self._bytes > self._limit_bytes:
            camera_id, _ = next(iter(self._leaves.values()))
            self._drop_first(camera_id)
            self._metrics.drop("evidence_budget")

    def turn(self, camera_id: str, at_s: float) -> None:
        """Forget what is older than ``KEPT_S`` at a camera that was looked at now.

        Both ways: a clock that is set back must not keep pictures.
        """
        while numbers := self._of.get(camera_id):
            _, leaf = self._leaves[numbers[0]]
            if abs(at_s - leaf.at_s) <= KEPT_S:
                return
            self._drop_first(camera_id)

    def tidy(self) -> None:
        """Forget what came more than ``KEPT_S`` ago, of cameras that send nothing more."""
        now_s = self._clock()
        while self._leaves:
            camera_id, leaf = next(iter(self._leaves.values()))
            if now_s - leaf.kept_s <= KEPT_S:
                return
            self._drop_first(camera_id)

    def leaves(self, camera_id: str) -> tuple[Leaf, ...]:
        """Return a camera's frames, in the order in which they were taken."""
        leaves = [self._leaves[number][1] for number in self._of.get(camera_id, ())]
        return tuple(sorted(leaves, key=lambda leaf: leaf.at_s))

    def empty(self, camera_id: str) -> None:
        """Forget a camera's frames."""
        while self._of.get(camera_id):
            self._drop_first(camera_id)

    def forget(self, camera_id: str) -> None:
        """Forget a camera that is watched no more, and take no frame of it."""
        self.empty(camera_id)
        self._private.pop(camera_id, None)

    @property
    def size_bytes(self) -> int:
        """How much there is."""
        return self._bytes

    def _drop_first(self, camera_id: str) -> None:
        numbers = self._of[camera_id]
        _, leaf = self._leaves.pop(numbers.popleft())
        self._bytes -= leaf.frame.pixels.nbytes
        if not numbers:
            del self._of[camera_id]
