"""Scores of hazard candidates, told to the service so that a proposal can be replayed on them.

They may be lost, alerts may not: nobody waits for them, the newest are kept while Redis is away,
and what goes for want of room is counted.
"""

import threading
from collections import Counter, deque
from collections.abc import Sequence
from typing import Final

from pipelines import streams
from pipelines.messages import Candidate, Candidates
from pipelines.metrics import WorkerMetrics
from pipelines.supervised import Supervised

MOST_KEPT: Final = 4096
"""Some 1 MB: an hour of one camera that shows something in every other second."""

BATCH: Final = 64
"""Candidates of one message: with the longest names 40 kB, and a body may have 64."""

EVERY_S: Final = 5.0
"""A proposal looks at days: seconds are early enough, and one message holds several."""

CROWDED: Final = MOST_KEPT // 4
"""So many of all cameras are sent before their time, while there is room for three times more."""

Kept = tuple[str, Candidate]
"""A camera's id and what it showed."""


class ScoreKeeper:
    """What was not sent yet, between the rules' thread and the sender's."""

    def __init__(self, metrics: WorkerMetrics) -> None:
        self._metrics = metrics
        self._lock = threading.Lock()
        self._kept: deque[Kept] = deque()
        self._waiting: Counter[str] = Counter()
        self._gone = 0
        """How many have left, sent or dropped: what is kept has the numbers from here on."""
        self._due = threading.Event()

    def keep(self, camera_id: str, candidates: Sequence[Candidate]) -> None:
        """Take in what a moment showed; never waits for Redis. The oldest give way."""
        with self._lock:
            self._kept.extend((camera_id, one) for one in candidates)
            self._waiting[camera_id] += len(candidates)
            dropped = max(0, len(self._kept) - MOST_KEPT)
            self._let_go(dropped)
            is_due = self._waiting[camera_id] >= BATCH or len(self._kept) >= CROWDED
        if dropped:
            self._metrics.scores_dropped.inc(dropped)
        if is_due:
            self._due.set()

    def wake(self) -> None:
        """Let a waiting sender go on."""
        self._due.set()

    def await_due(self, limit_s: float) -> None:
        """Return when a message is full, or after ``limit_s``."""
        self._due.wait(timeout=limit_s)
        self._due.clear()

    def unsent(self) -> tuple[list[Kept], int]:
        """Return what is kept, oldest first, and the number at which it ends."""
        with self._lock:
            return list(self._kept), self._gone + len(self._kept)

    def sent(self, until: int) -> None:
        """Forget what lies below a number that ``unsent`` gave; some may have given way since."""
        with self._lock:
            self._let_go(until - self._gone)

    def give_up(self) -> None:
        """Drop what is left, and count it."""
        with self._lock:
            left = len(self._kept)
            self._let_go(left)
        if left:
            self._metrics.scores_dropped.inc(left)

    def _let_go(self, count: int) -> None:
        for _ in range(max(0, count)):
            camera_id, _candidate = self._kept.popleft()
            self._gone += 1
            self._waiting[camera_id] -= 1
            if not self._waiting[camera_id]:
                del self._waiting[camera_id]


class ScoreSender:
    """The thread that sends what a keeper holds."""

    def __init__(
        self,
        client: streams.Client,
        worker_id: str,
        epoch: int,
        *,
        keeper: ScoreKeeper,
        metrics: WorkerMetrics,
    ) -> None:
        self._client = client
        self._worker_id = worker_id
        self._epoch = epoch
        self._keeper = keeper
        self._sender = Supervised(
            "scores",
            self._send,
            meanwhile=f"the newest {MOST_KEPT} scores wait",
            metrics=metrics,
            keys=(streams.CANDIDATES.name,),
        )

    def start(self) -> None:
        """Begin to send."""
        self._sender.start()

    def stop(self) -> None:
        """Send once more if Redis answers, then end; what is left is dropped and counted."""
        self._sender.ask_to_stop()
        self._keeper.wake()
        self._sender.join()
        self._keeper.give_up()

    def _send(self) -> None:
        self._keeper.await_due(EVERY_S)
        kept, until = self._keeper.unsent()
        if not kept:
            return
        pipeline = self._client.pipeline(transaction=False)
        for message in self._messages(kept):
            streams.add_later(pipeline, streams.CANDIDATES, message)
        # What failed on its way back is sent twice: the service knows it by its moment.
        pipeline.execute()
        self._keeper.sent(until)

    def _messages(self, kept: Sequence[Kept]) -> list[Candidates]:
        by_camera: dict[str, list[Candidate]] = {}
        for camera_id, candidate in kept:
            by_camera.setdefault(camera_id, []).append(candidate)
        return [
            Candidates(
                camera_id=camera_id,
                worker_id=self._worker_id,
                epoch=self._epoch,
                candidates=tuple(found[first : first + BATCH]),
            )
            for camera_id, found in by_camera.items()
            for first in range(0, len(found), BATCH)
        ]
