"""How each camera stands, told to the service when it changes.

A camera has one place here, and the newest state wins: nobody waits for Redis, and after an
outage the service learns how things are, not how they were.
"""

import threading
from datetime import UTC, datetime
from typing import Final

from pipelines import streams
from pipelines.messages import CameraState, WatchState
from pipelines.metrics import WorkerMetrics
from pipelines.supervised import Supervised

BATCH: Final = 500
"""States a round trip."""

IDLE_S: Final = 1.0
"""How soon a Redis that was started anew is noticed while nothing changes."""


class States:
    """The states of a worker's cameras, and the thread that sends them."""

    def __init__(
        self, client: streams.Client, worker_id: str, epoch: int, metrics: WorkerMetrics
    ) -> None:
        self._client = client
        self._worker_id = worker_id
        self._epoch = epoch
        self._metrics = metrics
        self._lock = threading.Lock()
        self._now: dict[str, CameraState] = {}
        self._unsent: dict[str, CameraState] = {}
        self._arrived = threading.Event()
        self._redis_run: str | None = None
        self._sender = Supervised(
            "states",
            self._send,
            meanwhile="the newest states wait",
            metrics=metrics,
            keys=(streams.CAMERA_STATES.name,),
        )

    def start(self) -> None:
        """Begin to send."""
        self._sender.start()

    def stop(self) -> None:
        """End; what was not sent is stale by the time anybody could read it."""
        self._sender.ask_to_stop()
        self._arrived.set()
        self._sender.join()

    def note(
        self, camera_id: str, state: WatchState, fault: str | None, revision: int | None = None
    ) -> None:
        """Take a state in, if it differs from the last; never waits for Redis.

        Without a ``revision`` it is of the registration that the camera's last state was of.
        """
        with self._lock:
            self._put(camera_id, state, fault, revision)
        self._arrived.set()

    def revised(self, camera_id: str, revision: int) -> None:
        """Say that the camera stands as it did, by a newer registration."""
        with self._lock:
            last = self._now.get(camera_id)
            if last is not None:
                self._put(camera_id, last.state, last.fault, revision)
        self._arrived.set()

    def _put(
        self, camera_id: str, state: WatchState, fault: str | None, revision: int | None
    ) -> None:
        last = self._now.get(camera_id)
        if revision is None:
            revision = last.revision if last else 0
        if last and (last.state, last.fault, last.revision) == (state, fault, revision):
            return
        if camera_id in self._unsent:
            self._metrics.states_superseded.inc()
        self._now[camera_id] = self._unsent[camera_id] = CameraState(
            camera_id=camera_id,
            worker_id=self._worker_id,
            epoch=self._epoch,
            state=state,
            fault=fault,
            revision=revision,
            at=datetime.now(UTC),
        )

    def forget(self, camera_id: str) -> None:
        """Say no more of a camera that was removed."""
        with self._lock:
            self._now.pop(camera_id, None)
            if self._unsent.pop(camera_id, None):
                self._metrics.states_superseded.inc()

    def _send(self) -> None:
        self._arrived.wait(timeout=IDLE_S)
        self._arrived.clear()
        self._notice_restart()
        while waiting := self._first_unsent():
            pipeline = self._client.pipeline(transaction=False)
            for state in waiting:
                streams.add_later(pipeline, streams.CAMERA_STATES, state)
            pipeline.execute()
            self._sent(waiting)

    def _notice_restart(self) -> None:
        """Say all again to a Redis that was started anew: it may have lost what nobody had read."""
        run = self._client.info("server")["run_id"]
        if self._redis_run not in {None, run}:
            with self._lock:
                self._unsent = dict(self._now)
        self._redis_run = run

    def _first_unsent(self) -> list[CameraState]:
        with self._lock:
            return list(self._unsent.values())[:BATCH]

    def _sent(self, states: list[CameraState]) -> None:
        with self._lock:
            for state in states:
                if self._unsent.get(state.camera_id) is state:
                    del self._unsent[state.camera_id]
