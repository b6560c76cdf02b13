"""Jobs from Redis to results: none lost, none done by two, none that nobody waits for."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from pipelines import streams
from pipelines.messages import DeadLetter, FoundBy, Onvif, ProbeJob, ProbeResult, decode, encode
from pipelines.metrics import WorkerMetrics
from pipelines.probing import prober
from pipelines.probing.prober import GAVE_UP, Prober
from pipelines.rtsp.networks import LOOPBACK
from pipelines.sealing import key_pair
from pipelines.secrets import Secret
from pipelines.streams import PROBE_JOBS, PROBE_RESULTS
from pipelines.worker import Worker
from pipelines.worker_settings import WorkerSettings
from tests.pipelines.drills.live import served
from tests.pipelines.probing.kit import LOGIN, PASSWORD, camera, job, mounts, onvif_camera
from tests.support.redis_server import RedisServer
from tests.support.rtsp import tcp_server
from tests.support.waiting import until

ONE = camera("rtsp://127.0.0.1:9/x")


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[streams.Client]:
    with closing(streams.connect(redis_server.url)) as made:
        made.flushall()
        streams.create_group(made, PROBE_JOBS)
        yield made


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prober, "BLOCK_MS", 50)
    monkeypatch.setattr(prober, "RENEW_S", 0.1)
    monkeypatch.setattr(prober, "ALONE_S", 0.6)


def good(one: ProbeJob) -> ProbeResult:
    return ProbeResult(
        job_id=one.job_id,
        camera_id=one.camera.camera_id,
        worker_id="w",
        finished_at=datetime.now(UTC),
    )


class Working:
    """A prober and what it did."""

    def __init__(
        self,
        client: streams.Client,
        name: str = "worker-1",
        do: Callable[[ProbeJob], ProbeResult] = good,
        at_once: int = 4,
    ) -> None:
        self.metrics = WorkerMetrics(CollectorRegistry())
        self.left_off = threading.Event()
        self.prober = Prober(
            client,
            name,
            do,
            at_once=at_once,
            metrics=self.metrics,
            leave_off=self.left_off.set,
        )

    def __enter__(self) -> "Working":
        self.prober.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.prober.stop()

    def count(self, outcome: str) -> float:
        name = "fengsui_probes_total"
        return self.metrics.registry.get_sample_value(name, {"outcome": outcome}) or 0.0


def results(client: streams.Client) -> list[ProbeResult]:
    entries: Any = client.xrange(PROBE_RESULTS.name)
    return [decode(streams.body(entry), ProbeResult) for _, entry in entries]


def pending(client: streams.Client) -> int:
    return int(client.xpending(PROBE_JOBS.name, "workers")["pending"])


def test_every_job_has_one_result_and_is_let_go_then(client: streams.Client) -> None:
    jobs = [job(ONE) for _ in range(20)]
    for one in jobs:
        streams.add(client, PROBE_JOBS, one)
    with Working(client), Working(client, "worker-2"):
        until(lambda: len(results(client)) == 20, "all results")
        until(lambda: pending(client) == 0, "letting go")
    assert {one.job_id for one in results(client)} == {one.job_id for one in jobs}


def test_a_job_is_let_go_only_with_its_result(client: streams.Client) -> None:
    """Redis refuses the result: the job stays, and is told of once Redis takes it."""
    client.set(PROBE_RESULTS.name, "of another type")
    streams.add(client, PROBE_JOBS, job(ONE))
    done = threading.Event()

    def do(one: ProbeJob) -> ProbeResult:
        done.set()
        return good(one)

    with Working(client, do=do) as working:
        assert done.wait(5)
        errors = lambda: working.metrics.registry.get_sample_value(  # noqa: E731
            "fengsui_worker_redis_errors_total", {"part": "probes"}
        )
        until(errors, "a refusal")
        assert pending(client) == 1
        client.delete(PROBE_RESULTS.name)
        until(lambda: len(results(client)) == 1, "the result")
        until(lambda: pending(client) == 0, "letting go")


def test_a_dead_worker_s_job_is_another_s(client: streams.Client) -> None:
    streams.add(client, PROBE_JOBS, job(ONE))
    client.xreadgroup("workers", "dead", {PROBE_JOBS.name: ">"})
    assert pending(client) == 1
    began_s = time.monotonic()
    with Working(client):
        until(lambda: len(results(client)) == 1, "the result")
    assert time.monotonic() - began_s >= 0.5, "not before its worker was silent for so long"
    assert pending(client) == 0


def test_a_living_worker_s_job_is_nobody_else_s_however_long_it_takes(
    client: streams.Client,
) -> None:
    begun: list[str] = []
    ended = threading.Event()

    def slow(name: str) -> Callable[[ProbeJob], ProbeResult]:
        def do(one: ProbeJob) -> ProbeResult:
            begun.append(name)
            ended.wait(10)
            return good(one)

        return do

    streams.add(client, PROBE_JOBS, job(ONE))
    with Working(client, "a", slow("a")), Working(client, "b", slow("b")):
        until(lambda: begun, "the beginning")
        time.sleep(2.0)
        assert len(begun) == 1
        ended.set()
        until(lambda: len(results(client)) == 1, "the result")


def test_a_job_that_ends_its_workers_is_given_up(client: streams.Client) -> None:
    one = job(ONE, wants_place_picture=True)
    entry_id = streams.add(client, PROBE_JOBS, one)
    client.xreadgroup("workers", "dead", {PROBE_JOBS.name: ">"})
    for _ in range(prober.MOST_TRIES - 1):
        client.xclaim(PROBE_JOBS.name, "workers", "dead", 0, [entry_id])
    with Working(client, do=_never) as working:
        until(lambda: len(results(client)) == 1, "the result")
    (result,) = results(client)
    assert (result.job_id, result.fault) == (one.job_id, GAVE_UP)
    assert working.count("gave_up") == 1


def _never(_one: ProbeJob) -> ProbeResult:
    raise AssertionError("it was begun")


def test_a_job_that_nobody_waits_for_is_passed_over(client: streams.Client) -> None:
    streams.add(client, PROBE_JOBS, job(ONE, left_s=-1))
    with Working(client, do=_never) as working:
        until(lambda: working.count("expired") == 1, "the count")
    assert results(client) == []
    assert pending(client) == 0


def test_what_is_no_job_is_buried_and_counted(client: streams.Client) -> None:
    client.xadd(PROBE_JOBS.name, {"body": b"{}"})
    client.xadd(PROBE_JOBS.name, {"other": b"x"})
    newer = encode(job(ONE)).replace(b'"schema_version":1', b'"schema_version":9')
    client.xadd(PROBE_JOBS.name, {"body": newer})
    with Working(client) as working:
        until(lambda: pending(client) == 0 and working.count("unknown_version") == 1, "burying")
    assert working.count("malformed") == 2
    entries: Any = client.xrange(PROBE_JOBS.dead)
    letters = [decode(streams.body(entry), DeadLetter) for _, entry in entries]
    assert [one.reason for one in letters] == ["malformed", "malformed", "unknown_version"]


def test_a_job_that_fails_in_an_unforeseen_way_has_a_result(client: streams.Client) -> None:
    streams.add(client, PROBE_JOBS, job(ONE))
    with Working(client, do=_never) as working:
        until(lambda: len(results(client)) == 1, "the result")
    assert results(client)[0].fault == GAVE_UP
    assert working.count("failed") == 1


def test_no_more_are_done_at_a_time_than_asked(client: streams.Client) -> None:
    busy, most, lock = 0, 0, threading.Lock()

    def do(one: ProbeJob) -> ProbeResult:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.1)
        with lock:
            busy -= 1
        return good(one)

    for _ in range(12):
        streams.add(client, PROBE_JOBS, job(ONE))
    with Working(client, do=do, at_once=3):
        until(lambda: len(results(client)) == 12, "all results")
    assert most == 3


def test_the_group_is_made_again_after_redis_has_lost_its_data(client: streams.Client) -> None:
    with Working(client):
        time.sleep(0.2)
        client.flushall()
        streams.add(client, PROBE_JOBS, job(ONE))
        until(lambda: len(results(client)) == 1, "the result")


def test_a_worker_that_ends_tells_nothing_of_what_it_cut_short(client: streams.Client) -> None:
    working = Working(client)

    def do(one: ProbeJob) -> ProbeResult:
        working.left_off.wait(10)
        return good(one)

    working.prober._probe = do
    streams.add(client, PROBE_JOBS, job(ONE))
    with working:
        until(lambda: pending(client) == 1, "the beginning")
        time.sleep(0.2)
        began_s = time.monotonic()
    assert time.monotonic() - began_s < 2
    assert working.prober.ended
    assert results(client) == []
    assert pending(client) == 1, "another worker does it"


@pytest.fixture
def worker(redis_server: RedisServer, tmp_path: Path, client: streams.Client) -> Iterator[Any]:
    """Start workers that follow the registry; each is stopped in the end."""
    running: list[tuple[Worker, threading.Thread]] = []

    def start(**more: Any) -> Worker:
        settings = WorkerSettings(
            worker_id="worker-1",
            redis_url=Secret(redis_server.url),
            spool_dir=tmp_path / "spool",
            worker_key=tmp_path / "worker.key",
            networks=LOOPBACK,
            evidence=str(tmp_path / "evidence"),
            **more,
        )
        one = Worker(settings)
        thread = threading.Thread(target=one.run)
        thread.start()
        running.append((one, thread))
        return one

    yield start
    for one, thread in running:
        one.stop()
        thread.join(20)
        assert not thread.is_alive()


def test_a_worker_probes_a_virtual_onvif_camera_with_its_sealed_login(
    worker: Callable[..., Worker], client: streams.Client, tmp_path: Path
) -> None:
    with (
        served(mounts("hq", "lq"), login=LOGIN) as (_, rtsp_port),
        onvif_camera(rtsp_port, "hq", "lq") as (port, _asked),
    ):
        key_pair(tmp_path / "worker.key")
        one = worker(onvif_ports=(port,))
        asked = job(camera(f"rtsp://127.0.0.1:{rtsp_port}/hq", tmp_path / "worker.key"))
        streams.add(client, PROBE_JOBS, asked)
        until(lambda: results(client), "the result", 20)
    (result,) = results(client)
    assert (result.job_id, result.worker_id, result.fault) == (asked.job_id, "worker-1", None)
    assert result.onvif is Onvif.ANSWERED
    assert result.substream is not None
    assert result.substream.found_by is FoundBy.ONVIF
    assert PASSWORD.encode() not in encode(result)
    assert one._prober is not None


def test_a_worker_that_ends_waits_for_no_camera_that_says_nothing(
    worker: Callable[..., Worker], client: streams.Client
) -> None:
    with tcp_server(None) as host:
        one = worker()
        for _ in range(4):
            streams.add(client, PROBE_JOBS, job(camera(f"rtsp://{host}/x")))
        until(lambda: pending(client) == 4, "the beginning")
        time.sleep(0.3)
        assert one._prober is not None
        began_s = time.monotonic()
        one._prober.stop()
        assert time.monotonic() - began_s < 2
        assert not one._prober._thread.alive, "its client is closed next"
    assert results(client) == []


def test_a_worker_of_a_file_and_one_with_no_probes_do_none(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    for more in ({"cameras": ()}, {"probes": 0}):
        settings = WorkerSettings(
            worker_id="w",
            redis_url=Secret(redis_server.url),
            spool_dir=tmp_path / "spool",
            worker_key=tmp_path / "worker.key",
            **more,  # type: ignore[arg-type]
        )
        assert Worker(settings)._prober is None
