"""When whom: a seeded list of deaths over a run's progress."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from tests.chaos.processes import Victim
from tests.chaos.saying import say

LATEST_JITTER_S = 0.8
"""What is being done at the moment of death is chance, not the end of a batch."""


class Killer:
    """Kills as the work advances; deaths of different victims may overlap."""

    def __init__(
        self, victims: Sequence[Victim], kills: int, seed: int, progress: Callable[[], float]
    ) -> None:
        """``progress`` goes from 0 to 1."""
        self._chance = random.Random(f"{seed}/kills")  # noqa: S311
        self._victims = victims
        self._moments = sorted(self._chance.random() for _ in range(kills))
        self._progress = progress
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=len(victims))
        self._deaths: list[Future[float]] = []
        self._thread = threading.Thread(target=self._run, name="killer", daemon=True)

    @property
    def done(self) -> bool:
        """Whether everybody has died as often as planned, and is back."""
        return not self._thread.is_alive() and all(death.done() for death in self._deaths)

    @property
    def kills(self) -> int:
        """How many have been killed and are back."""
        return sum(victim.kills for victim in self._victims)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Wait for whoever is being started again; kill nobody any more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(60)
        self._pool.shutdown(wait=True)

    def check(self) -> None:
        """Raise what went wrong with a start."""
        for death in self._deaths:
            if death.done():
                death.result()

    def _run(self) -> None:
        for moment in self._moments:
            while self._progress() < moment:
                if self._stopping.wait(0.05):
                    return
            time.sleep(self._chance.uniform(0.0, LATEST_JITTER_S))
            victim = self._chance.choice(self._victims)
            say(f"kill -9 {victim.name} at {100 * self._progress():.0f} %")
            self._deaths.append(self._pool.submit(victim.die))
