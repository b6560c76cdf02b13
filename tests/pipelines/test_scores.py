"""Candidates' scores from the rules' thread into a real Redis; lost ones are counted."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from pipelines import scores, streams
from pipelines.messages import Candidate, Candidates, decode, encode
from pipelines.metrics import WorkerMetrics
from pipelines.scores import BATCH, MOST_KEPT, ScoreKeeper, ScoreSender
from tests.support.redis_server import RedisServer
from tests.support.waiting import until
from vision.hazards import Hazard

START = datetime(2026, 11, 22, 8, tzinfo=UTC)


def candidate(moment: int, zone_id: str = "all") -> Candidate:
    return Candidate(
        hazard=Hazard.FIRE,
        zone_id=zone_id,
        at=START + timedelta(milliseconds=2 * moment, microseconds=123),
        moment=moment,
        score=0.7234567165374756,  # as a 32-bit number is written
        box=(0.10000000149011612, 0.20000000298023224, 0.30000001192092896, 0.4000000059604645),
    )


def kept_by(keeper: ScoreKeeper) -> list[int]:
    return [one.moment for _, one in keeper.unsent()[0]]


def dropped(metrics: WorkerMetrics) -> int:
    return metrics.total("fengsui_scores_dropped_total")


@pytest.fixture
def metrics() -> WorkerMetrics:
    return WorkerMetrics(CollectorRegistry())


@contextmanager
def sending(url: str, keeper: ScoreKeeper, metrics: WorkerMetrics) -> Iterator[None]:
    client = streams.connect(url)
    sender = ScoreSender(client, "w1", 7, keeper=keeper, metrics=metrics)
    sender.start()
    try:
        yield
    finally:
        sender.stop()
        client.close()


def received(client: streams.Client) -> list[Candidates]:
    entries: Any = client.xrange("candidates")
    return [decode(streams.body(entry), Candidates) for _, entry in entries]


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[streams.Client]:
    made = streams.connect(redis_server.url)
    made.flushall()
    yield made
    made.close()


def test_a_full_message_leaves_at_once_and_the_rest_at_the_end(
    redis_server: RedisServer, client: streams.Client, metrics: WorkerMetrics
) -> None:
    keeper = ScoreKeeper(metrics)
    with sending(redis_server.url, keeper, metrics):
        keeper.keep("a", [candidate(n) for n in range(BATCH)])
        until(lambda: client.xlen("candidates"), "the full one")
        keeper.keep("a", [candidate(BATCH)])
        keeper.keep("b", [candidate(0, "road"), candidate(0, "slope")])
    found = received(client)
    assert [(one.camera_id, one.worker_id, one.epoch) for one in found] == [
        ("a", "w1", 7), ("a", "w1", 7), ("b", "w1", 7),
    ]  # fmt: skip
    assert [one.moment for said in found[:2] for one in said.candidates] == list(range(BATCH + 1))
    assert found[2].candidates == (candidate(0, "road"), candidate(0, "slope"))
    assert dropped(metrics) == 0


def test_few_leave_after_a_while(
    redis_server: RedisServer,
    client: streams.Client,
    metrics: WorkerMetrics,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scores, "EVERY_S", 0.1)
    keeper = ScoreKeeper(metrics)
    with sending(redis_server.url, keeper, metrics):
        keeper.keep("a", [candidate(1)])
        until(lambda: client.xlen("candidates"), "the one")
    assert kept_by(keeper) == []
    assert client.xlen("candidates") == 1


def test_without_redis_the_newest_wait_and_the_others_are_counted(metrics: WorkerMetrics) -> None:
    keeper = ScoreKeeper(metrics)
    keeper.keep("a", [candidate(n) for n in range(MOST_KEPT)])
    assert dropped(metrics) == 0
    keeper.keep("b", [candidate(-n + MOST_KEPT + 2) for n in range(3)])
    assert dropped(metrics) == 3
    assert len(kept_by(keeper)) == MOST_KEPT
    assert kept_by(keeper)[0] == 3


def test_after_an_outage_what_waited_arrives(
    metrics: WorkerMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scores, "EVERY_S", 0.05)
    keeper = ScoreKeeper(metrics)
    with RedisServer(start=False) as server, sending(server.url, keeper, metrics):
        keeper.keep("a", [candidate(1)])
        until(lambda: metrics.registry.get_sample_value(
            "fengsui_worker_redis_errors_total", {"part": "scores"}
        ), "the failure")  # fmt: skip
        keeper.keep("a", [candidate(2)])
        server.start()
        client = streams.connect(server.url)
        until(lambda: client.xlen("candidates"), "the scores")
        client.close()
        until(lambda: not kept_by(keeper), "the end of waiting")
    assert dropped(metrics) == 0


def test_what_cannot_be_sent_at_the_end_is_counted(metrics: WorkerMetrics) -> None:
    keeper = ScoreKeeper(metrics)
    with sending("redis://127.0.0.1:1/0", keeper, metrics):
        keeper.keep("a", [candidate(n) for n in range(5)])
    assert dropped(metrics) == 5


def test_what_gave_way_while_it_was_sent_is_not_taken_off_twice(metrics: WorkerMetrics) -> None:
    keeper = ScoreKeeper(metrics)
    keeper.keep("a", [candidate(n) for n in range(10)])
    _, end = keeper.unsent()
    keeper.keep("a", [candidate(10 + n) for n in range(MOST_KEPT - 4)])  # six of the ten go
    keeper.sent(end)
    assert kept_by(keeper) == list(range(10, MOST_KEPT + 6))


def test_nobody_waits_while_redis_hangs(metrics: WorkerMetrics) -> None:
    keeper = ScoreKeeper(metrics)
    with RedisServer() as server:
        client = streams.connect(server.url)
        sender = ScoreSender(client, "w1", 1, keeper=keeper, metrics=metrics)
        server.hang()
        sender.start()
        keeper.keep("a", [candidate(n) for n in range(BATCH)])
        done = threading.Event()

        def rules() -> None:
            for n in range(500):
                keeper.keep("a", [candidate(BATCH + n)])
            done.set()

        threading.Thread(target=rules, daemon=True).start()
        assert done.wait(2.0)
        server.resume()
        sender.stop()
        client.close()


def test_the_largest_message_is_a_body_that_can_be_read() -> None:
    message = Candidates(
        camera_id="烽" * 128,
        worker_id="燧" * 128,
        epoch=2**63 - 1,
        candidates=tuple(candidate(10**9 + n, "道" * 128) for n in range(BATCH)),
    )
    assert len(encode(message)) <= streams.MAX_BODY_BYTES
