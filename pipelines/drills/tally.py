"""What a demo counts, and how orders are held against the drills' script. Pure."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pipelines.messages import DispatchOrder, Heartbeat
from vision.hazards import Hazard

EARLY_S: Final = 2.0
"""An order may say that the hazard was first seen this much before its onset's record: the
record is made by another process."""


@dataclass(slots=True, kw_only=True)
class Onset:
    """One beginning of a hazard on the drills' script."""

    camera_id: str
    """Which drill camera."""
    hazard: Hazard
    """What it shows."""
    run: str
    """Which start of the drill server: each counts its cycles from 0."""
    cycle: int
    """Which repetition of its loop."""
    at: datetime
    """When the script says it began."""
    counted: bool
    """Whether it began in the counted time; else it is kept to claim its orders, no more."""
    left_at: datetime | None = None
    """When the first frame that shows it left the camera."""
    orders: dict[UUID, datetime] = field(default_factory=dict)
    """The orders it became, and when each reached the queue."""


@dataclass(slots=True)
class Tally:
    """Onsets from the drills' script on one side, what came out on the other."""

    all_onsets: list[Onset] = field(default_factory=list)
    unexpected: dict[UUID, DispatchOrder] = field(default_factory=dict)
    entries: int = 0
    unreadable: int = 0
    closed: bool = False
    _heartbeats: dict[tuple[str, int], Heartbeat] = field(default_factory=dict)

    @property
    def onsets(self) -> list[Onset]:
        """The counted ones."""
        return [onset for onset in self.all_onsets if onset.counted]

    def script(self, event: dict[str, Any]) -> None:
        """Take an event of the drill server."""
        kind = event.get("event")
        if kind == "onset":
            self.all_onsets.append(
                Onset(
                    camera_id=event["camera_id"],
                    hazard=Hazard(event["hazard"]),
                    run=event["run"],
                    cycle=event["cycle"],
                    at=datetime.fromisoformat(event["at"]),
                    counted=not self.closed,
                )
            )
        elif kind == "hazard_left":
            key = (event["run"], event["camera_id"], event["cycle"])
            for onset in self.all_onsets:
                if (onset.run, onset.camera_id, onset.cycle) == key:
                    onset.left_at = datetime.fromisoformat(event["at"])

    def order(self, order: DispatchOrder, queued_at: datetime) -> Onset | None:
        """Take an order from the queue; return the onset it answers."""
        latest = order.first_seen_at + timedelta(seconds=EARLY_S)
        same = [
            onset
            for onset in self.all_onsets
            if onset.camera_id == order.camera_id
            and onset.hazard == order.hazard
            and onset.at <= latest
        ]
        answered = same[-1] if same else None
        if answered is None or answered.counted:
            self.entries += 1
        if answered is None:
            self.unexpected[order.order_id] = order
        else:
            answered.orders.setdefault(order.order_id, queued_at)
        return answered

    def heartbeat(self, beat: Heartbeat) -> None:
        """Take a worker's totals; the last of each start counts."""
        self._heartbeats[beat.worker_id, beat.epoch] = beat

    @property
    def beating(self) -> bool:
        """Whether any worker was heard."""
        return bool(self._heartbeats)

    @property
    def answered(self) -> bool:
        """Whether every onset has become an order."""
        return all(onset.orders for onset in self.onsets)

    def report(self, cameras: int, alerts: int, incidents: int) -> dict[str, Any]:
        """Return the figures of the demo."""
        latencies = sorted(
            (min(onset.orders.values()) - onset.left_at).total_seconds()
            for onset in self.onsets
            if onset.orders and onset.left_at
        )
        drops: Counter[str] = Counter({"overload": 0})
        for beat in self._heartbeats.values():
            drops.update(beat.drops)
        orders = sum(len(onset.orders) for onset in self.onsets) + len(self.unexpected)
        return {
            "cameras": cameras,
            "frames_analysed": sum(b.frames_analysed for b in self._heartbeats.values()),
            "alerts": alerts,
            "incidents": incidents,
            "orders": orders,
            "latency_p50_s": percentile(latencies, 0.50),
            "latency_p95_s": percentile(latencies, 0.95),
            "drops": dict(drops),
            "onsets": len(self.onsets),
            "onsets_without_order": sum(not onset.orders for onset in self.onsets),
            "onsets_with_more_orders": sum(len(onset.orders) > 1 for onset in self.onsets),
            "orders_without_onset": len(self.unexpected),
            "orders_sent_twice": self.entries - orders,
            "unreadable_entries": self.unreadable,
            "orders_by_hazard": self._by_hazard(),
        }

    def _by_hazard(self) -> dict[str, int]:
        counts: defaultdict[str, int] = defaultdict(int)
        for onset in self.onsets:
            counts[onset.hazard] += len(onset.orders)
        for order in self.unexpected.values():
            counts[order.hazard] += 1
        return dict(counts)


def percentile(ascending: Iterable[float], share: float) -> float | None:
    """Return the nearest-rank percentile in seconds, to the millisecond; ``None`` of nothing."""
    values = list(ascending)
    if not values:
        return None
    return round(values[max(0, math.ceil(share * len(values)) - 1)], 3)
