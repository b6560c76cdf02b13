"""A worker's states between threads: the newest wins, whoever else is at it."""

import sys
import threading
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from pipelines import streams
from pipelines.messages import WatchState
from pipelines.metrics import WorkerMetrics
from pipelines.states import States

TURNS = 3000


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def states() -> States:
    client = streams.connect("redis://127.0.0.1:1/0")
    return States(client, "w", 1, WorkerMetrics(CollectorRegistry()))


class Interrupted(dict[str, object]):
    """Lets somebody else note a state between a read and what follows from it."""

    def __init__(self, made: States) -> None:
        super().__init__(made._now)
        self._made = made
        self.other: threading.Thread | None = None

    def get(self, key: str, default: object = None) -> object:  # type: ignore[override]
        found = super().get(key, default)
        if self.other is None:
            note = (key, WatchState.WATCHING, None)
            self.other = threading.Thread(target=self._made.note, args=note)
            self.other.start()
            self.other.join(0.2)
        return found


def test_a_state_noted_while_a_revision_is_confirmed_is_not_overwritten() -> None:
    made = states()
    made.note("c", WatchState.CONNECTING, None, 1)
    now = Interrupted(made)
    made._now = now  # type: ignore[assignment]
    made.revised("c", 2)
    assert now.other is not None
    now.other.join()
    state = made._now["c"]
    assert (state.state, state.revision) == (WatchState.WATCHING, 2)


@pytest.mark.usefixtures("hasty")
def test_no_camera_sticks_at_connecting() -> None:
    made = states()
    for turn in range(TURNS):
        name = f"c{turn}"
        made.note(name, WatchState.CONNECTING, None, 1)
        go = threading.Barrier(2)

        def reader(name: str = name, go: threading.Barrier = go) -> None:
            go.wait()
            made.note(name, WatchState.WATCHING, None)

        thread = threading.Thread(target=reader)
        thread.start()
        go.wait()
        made.revised(name, 2)
        thread.join()
    assert {one.state for one in made._now.values()} == {WatchState.WATCHING}
