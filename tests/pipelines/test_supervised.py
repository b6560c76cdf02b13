"""What a part's thread says of a fault."""

import pytest
from prometheus_client import CollectorRegistry

from pipelines import streams
from pipelines.metrics import WorkerMetrics
from pipelines.registry import Part, Registry
from pipelines.states import States
from tests.support.redis_server import RedisServer
from tests.support.waiting import until


def test_a_key_of_another_type_is_named_with_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    metrics = WorkerMetrics(CollectorRegistry())
    with RedisServer() as server:
        client = streams.connect(server.url)
        client.set(streams.REGISTRY, "x")
        follower = Registry(client, Part(), lambda _change: None, metrics)
        follower.start()
        said = until(lambda: capsys.readouterr().out)
        assert "delete the key camera.registry or camera.changes" in said
        assert "start Redis" not in said
        client.delete(streams.REGISTRY)
        until(lambda: "works_again" in capsys.readouterr().out)
        follower.ask_to_stop()
        follower.join()
        client.close()


def test_a_redis_that_is_away_is_to_be_started(capsys: pytest.CaptureFixture[str]) -> None:
    client = streams.connect("redis://127.0.0.1:1/0")
    states = States(client, "w", 1, WorkerMetrics(CollectorRegistry()))
    states.start()
    assert "start Redis or correct its address" in until(lambda: capsys.readouterr().out)
    states.stop()
