"""A store that hangs or is away: 503 in time, counted, and nobody else waits for it."""

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from pipelines.evidence_store import EvidenceStore, EvidenceStoreError
from pipelines.messages import EvidencePart
from service import tables
from service.__main__ import parse
from service.errors import BadSettingError
from service.evidence.door import SEATS, StoreHealth, opened
from service.evidence.viewing import LISTED
from tests.service.evidence.kit import STILL, Clock, Scene, keeper, new_ref, scene, taken
from tests.service.helpers import Parts, alert
from tests.support.waiting import until

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@contextmanager
def hanging(folder: Path) -> Iterator[None]:
    """A named pipe for a still: opening it waits for a writer, as a dead network disk would."""
    still = folder / EvidencePart.STILL
    still.unlink()
    os.mkfifo(still)
    try:
        yield
    finally:
        until(lambda: _let_go(still), "the readers")
        still.unlink()


def _let_go(pipe: Path) -> bool:
    """Open the pipe's other end until no reader is left that waits."""
    try:
        end = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return True  # nobody reads
    time.sleep(0.05)
    os.close(end)
    time.sleep(0.05)
    return False


def test_a_store_that_hangs_holds_up_nothing_else(given: Parts) -> None:
    with scene(given, evidence_limit_s=0.5) as there:
        one, other = there.seen(), there.seen(onset_s=2.0)
        folder = Path(given.settings.evidence) / (one.evidence_ref or "")
        with hanging(folder), ThreadPoolExecutor(60) as pool:
            cookies, url = dict(there.viewer.cookies), there.url + there.path(one)

            def look() -> httpx.Response:
                return httpx.get(url, cookies=cookies, timeout=20)

            began_s = time.monotonic()
            asked = [pool.submit(look) for _ in range(60)]  # more than there are threads
            slowest_s = 0.0
            while not all(one.done() for one in asked):
                for path in ("/healthz", "/api/incidents", "/api/session"):
                    before_s = time.monotonic()
                    there.viewer.get(path).raise_for_status()
                    slowest_s = max(slowest_s, time.monotonic() - before_s)
                names = [thread.name for thread in threading.enumerate()]
                assert names.count("fengsui-evidence-store") <= SEATS
            assert slowest_s < 2.0
            assert time.monotonic() - began_s < 10
            for answer in (one.result() for one in asked):
                assert (answer.status_code, answer.json()["code"]) == (503, "evidence_store")
                assert answer.headers["retry-after"]
            told = there.admin.get("/metrics").text
            assert 'fengsui_evidence_store_errors_total{call="view"} 60.0' in told
        until(lambda: there.viewer.get(there.path(other)).content == STILL, "the store again")
        given.send(alert(9.0, camera_id="here"))  # and alerts were never held up


def test_a_slow_store_is_asked_for_all_of_an_incident_at_once(
    given: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scene(given, evidence_every_s=3600.0, evidence_limit_s=5.0) as there:
        first = there.seen()
        given.send(
            *(alert(1.0 + n, camera_id="here", evidence_ref=new_ref()) for n in range(LISTED))
        )
        until(lambda: len(given.rows(tables.evidence)) == LISTED + 1, "the rows")
        asked = EvidenceStore.parts

        def slow(self: EvidenceStore, ref: str) -> Any:
            time.sleep(0.25)
            return asked(self, ref)

        monkeypatch.setattr(EvidenceStore, "parts", slow)  # 12.5 s one after the other
        assert len(there.listed(first)["evidence"]) == LISTED
        monkeypatch.setattr(EvidenceStore, "parts", refuse)
        answer = there.viewer.get(f"{there.incident(first)}/evidence")
        assert (answer.status_code, answer.json()["code"]) == (503, "evidence_store")
        told = there.admin.get("/metrics").text
        assert 'fengsui_evidence_store_errors_total{call="list"} 1.0' in told


def refuse(*_: object, ref: str) -> None:
    raise EvidenceStoreError("away")


@contextmanager
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadedMotoServer]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    for name, value in {
        "AWS_ENDPOINT_URL": url,
        "AWS_ENDPOINT": url,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3", endpoint_url=url).create_bucket(Bucket="pictures")
    try:
        yield server
    finally:
        server.stop()


def test_the_same_over_s3(given: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    address = "s3://pictures/of/ours"
    with moto(monkeypatch) as server:
        store = EvidenceStore(address)
        with scene(given, clock := Clock(), evidence=address, evidence_limit_s=8.0) as there:
            there.store = store
            one = there.seen()
            assert there.listed(one)["evidence"][0]["parts"] == ["still.jpg", "clip.mp4"]
            assert there.viewer.get(there.path(one)).content == STILL
            assert reachable(there) is True
            clock.ahead = timedelta(days=31)
            until(lambda: list(store.refs()) == [], "the store to be empty", limit_s=20)
            clock.ahead = timedelta(0)
            two = there.seen(onset_s=3.0)
            server.stop()
            answer = there.viewer.get(there.path(two), timeout=20)
            assert (answer.status_code, answer.json()["code"]) == (503, "evidence_store")
            assert "test" not in answer.text
            listed = there.viewer.get(f"{there.incident(one)}/evidence", timeout=20)
            assert (listed.status_code, listed.json()["code"]) == (503, "evidence_store")
            until(lambda: reachable(there) is False, "the status", limit_s=20)


def reachable(there: Scene) -> Any:
    return there.admin.get("/api/status").json()["evidence_store_reachable"]


def test_a_store_that_never_answers_is_called_away(database_url: str) -> None:
    now_s = 0.0
    health = StoreHealth(10.0, clock_s=lambda: now_s)
    assert health.reachable is None
    health.asked()
    health.told(answers=True)
    assert health.reachable is True
    health.asked()
    now_s = 10.0
    assert health.reachable is True
    now_s = 10.1
    assert health.reachable is False
    health.told(answers=True)
    assert health.reachable is True
    health.told(answers=False)
    assert health.reachable is False


@pytest.mark.parametrize("url", ["", "ftp://x/y", "s3://", "s3://UPPER/../x", "s3://k:s@b?x=1"])
def test_an_address_that_is_none_is_said_at_the_start(database_url: str, url: str) -> None:
    with pytest.raises(BadSettingError, match=r"^--evidence: ") as refused:
        opened(url)
    assert "k:s" not in str(refused.value)


def test_the_store_is_named_on_the_command_line_or_in_the_environment(database_url: str) -> None:
    named = {"FENGSUI_EVIDENCE": "s3://pictures/of/ours"}
    assert parse([], {}).evidence == "evidence"
    assert parse([], named).evidence == "s3://pictures/of/ours"
    assert parse(["--evidence", "/srv/evidence"], named).evidence == "/srv/evidence"


def test_a_keeper_goes_on_without_its_store(given: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    with moto(monkeypatch) as server:
        store = EvidenceStore("s3://pictures")
        server.stop()
        ref = new_ref()
        taken(given, alert(-40 * 24 * 3600.0, evidence_ref=ref))
        made = keeper(given, Clock(), store)
        made.step()
        assert made.health.reachable is False
        assert given.count("fengsui_evidence_store_errors_total", call="probe") == 1
        with pytest.raises(EvidenceStoreError):
            store.parts(ref)
