"""Places that held a person in the last minutes: no debris is seen in them.

Beside the drop test, which goes by one picture, this goes by all of the last minutes: what somebody
puts down, sits in or lies under is no hazard. Where people are stays in ``MaskMemory``.
"""

from datetime import datetime

from pipelines.frames import Look, Things
from pipelines.metrics import WorkerMetrics
from pipelines.rules.moment import Columns
from vision.hazards import Hazard
from vision.masker import MaskMemory, MaskRegions


class Voids:
    """The memories of a worker's cameras. Used by one thread."""

    def __init__(self, columns: Columns, metrics: WorkerMetrics) -> None:
        self._is_debris = columns.of(Hazard.DEBRIS)
        self._metrics = metrics
        self._memories: dict[str, MaskMemory] = {}

    def remember(self, camera_id: str, regions: MaskRegions, row: int, at: datetime) -> None:
        """Take in where people are in one picture of a batch."""
        memory = self._memories.setdefault(camera_id, MaskMemory())
        memory.remember(regions, row, at.timestamp())

    def cleaned(self, look: Look) -> Look:
        """Return the look without debris where somebody was; what else there is stays."""
        memory = self._memories.get(look.ref.camera_id)
        found, things = look.detections, look.measures.things
        if memory is None:
            return look
        at_s = look.ref.captured_at.timestamp()
        void = self._is_debris[found.label]
        void[void] = memory.voided(found.xyxy[void], at_s)
        if things is not None:
            under = memory.voided(things.xyxy, at_s)
            things = Things(xyxy=things.xyxy[~under], still_s=things.still_s[~under])
            self._metrics.looks_with_drops("void", int(under.any() or void.any()))
        else:
            self._metrics.looks_with_drops("void", int(void.any()))
        return look.without(void, things)

    def forget(self, camera_id: str) -> None:
        """Forget a camera that is watched no more."""
        self._memories.pop(camera_id, None)
