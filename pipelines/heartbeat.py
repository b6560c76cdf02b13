"""A worker's pulse: its totals, once a second, on ``heartbeats``."""

import threading
from datetime import UTC, datetime
from typing import Final

from pipelines import streams
from pipelines.messages import Heartbeat
from pipelines.metrics import WorkerMetrics

INTERVAL_S: Final = 1.0
"""A missing worker is noticed in a few seconds; 400 workers make 400 small writes a second."""


class Heart:
    """One thread that beats until stopped, then once more with the final totals."""

    def __init__(
        self, client: streams.Client, worker_id: str, epoch: int, metrics: WorkerMetrics
    ) -> None:
        self._client = client
        self._worker_id = worker_id
        self._epoch = epoch
        self._metrics = metrics
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Beat once more and end."""
        self._stopping.set()
        self._thread.join(timeout=streams.SOCKET_TIMEOUT_S + 1)

    def _run(self) -> None:
        while not self._stopping.wait(INTERVAL_S):
            self._beat()
        self._beat()

    def _beat(self) -> None:
        try:
            streams.add(self._client, streams.HEARTBEATS, self._totals())
        except Exception:  # noqa: BLE001 - the edge of a supervised loop
            self._metrics.redis_error("heartbeat")

    def _totals(self) -> Heartbeat:
        total = self._metrics.total
        return Heartbeat(
            worker_id=self._worker_id,
            epoch=self._epoch,
            at=datetime.now(UTC),
            cameras=total("fengsui_cameras"),
            cameras_connected=total("fengsui_cameras_connected"),
            cameras_waiting=total("fengsui_cameras_waiting"),
            frames_received=total("fengsui_frames_received_total"),
            frames_decoded=total("fengsui_frames_decoded_total"),
            frames_analysed=total("fengsui_frames_analysed_total"),
            drops=self._metrics.drops,
            alerts=self._metrics.alert_total,
            spool_entries=total("fengsui_spool_entries"),
        )
