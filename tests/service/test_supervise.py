"""When a part that does nothing but fail is said to be stuck."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis
import sqlalchemy as sa
from prometheus_client import CollectorRegistry

from service import supervise
from service.housekeeping import Housekeeper
from service.metrics import ServiceMetrics
from service.supervise import STUCK_S, Supervised
from tests.service.helpers import settings_for
from tests.service.process import serving
from tests.support.waiting import until


class Part:
    """Its steps end as told; its clock is the test's."""

    def __init__(self, directory: Path) -> None:
        self.now_s = 0.0
        self._ends: Iterator[Exception | None] = iter(())
        self.supervised = Supervised(
            "part",
            self._step,
            settings=settings_for("redis://127.0.0.1:1/0", directory),
            metrics=ServiceMetrics(CollectorRegistry()),
            clock_s=lambda: self.now_s,
        )

    def steps(self, *ends: Exception | None, each_s: float) -> bool:
        """Tell whether it is stuck after them."""
        self._ends = iter(ends)
        for _ in ends:
            self.supervised._succeeds()
            self.now_s += each_s
        return self.supervised.stuck

    def _step(self) -> None:
        if (end := next(self._ends)) is not None:
            raise end


@pytest.fixture
def part(tmp_path: Path) -> Part:
    return Part(tmp_path)


BUG = ValueError("a bug")


def test_bugs_alone_for_half_a_minute_are_stuck(part: Part) -> None:
    assert not part.steps(BUG, BUG, each_s=STUCK_S / 3)
    assert part.steps(BUG, each_s=STUCK_S / 3)
    assert not part.steps(None, each_s=0.0)


@pytest.mark.parametrize(
    "end", [None, redis.ConnectionError("away"), sa.exc.OperationalError("", {}, Exception())]
)
def test_a_success_or_somebody_s_absence_between_ends_it(part: Part, end: Exception | None) -> None:
    assert not part.steps(BUG, end, BUG, each_s=STUCK_S * 0.4)


@pytest.mark.parametrize("end", [redis.ConnectionError(""), sa.exc.TimeoutError()])
def test_absence_is_never_stuck(part: Part, end: Exception) -> None:
    assert not part.steps(end, end, end, each_s=STUCK_S)


def test_health_tells_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "STUCK_S", 0.2)
    monkeypatch.setattr(Housekeeper, "step", lambda _self: 1 / 0)
    with serving(settings_for("redis://127.0.0.1:1/0", tmp_path)) as url:
        answer = until(
            lambda: (got := httpx.get(f"{url}/healthz")).status_code == 503 and got, "a 503"
        )
    assert answer.json()["code"] == "thread_stuck"
    assert "housekeeping" in answer.json()["detail"]
