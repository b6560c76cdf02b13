"""Spool and publisher on a real Redis that comes late, dies and forgets."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from pipelines import streams
from pipelines.messages import Alert, Confirmation, decode
from pipelines.metrics import WorkerMetrics
from pipelines.publisher import Publisher
from pipelines.spool import Spool
from tests.support.builders import alert
from tests.support.redis_server import RedisServer
from tests.support.waiting import until
from vision.hazards import Hazard


class Rig:
    """A spool with its publisher, and a client of the test's own."""

    def __init__(self, server: RedisServer, path: Path) -> None:
        self.metrics = WorkerMetrics(CollectorRegistry())
        self.spool = Spool(path / "worker.sqlite", self.metrics)
        self._client = streams.connect(server.url)
        self.publisher = Publisher(self._client, self.spool, self.metrics)
        self.client = streams.connect(server.url)
        self.publisher.start()

    def sent(self, stream: streams.Stream = streams.ALERTS_PRIORITY) -> list[Alert]:
        return [decode(streams.body(e), Alert) for _, e in self.client.xrange(stream.name)]

    def confirm(self, one: Alert) -> None:
        note = Confirmation(alert_id=one.alert_id, revision=one.revision)
        streams.add(self.client, streams.ALERTS_CONFIRMED, note)

    def close(self) -> None:
        self.publisher.stop()
        self.spool.close()
        self._client.close()
        self.client.close()


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer(start=False) as waiting:
        yield waiting


@pytest.fixture
def rig(server: RedisServer, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(server, tmp_path)
    yield made
    made.close()


def test_alerts_go_to_their_streams_and_stay_spooled_until_confirmed(
    server: RedisServer, rig: Rig
) -> None:
    server.start()
    fire, fault = alert(), alert(hazard=Hazard.CAMERA_FAULT)
    rig.spool.put(fire)
    rig.spool.put(fault)
    until(lambda: rig.metrics.total("fengsui_alerts_published_total") == 2)
    assert rig.sent() == [fire]
    assert rig.sent(streams.ALERTS) == [fault]
    assert len(rig.spool) == 2
    rig.confirm(fire)
    until(lambda: len(rig.spool) == 1)
    rig.confirm(fault)
    until(lambda: rig.metrics.total("fengsui_alerts_confirmed_total") == 2)
    assert len(rig.spool) == 0


def test_redis_absent_at_the_start_loses_nothing_and_is_counted(
    server: RedisServer, rig: Rig
) -> None:
    rig.spool.put(alert())
    errors = {"part": "publish"}
    until(
        lambda: (
            (
                rig.metrics.registry.get_sample_value("fengsui_worker_redis_errors_total", errors)
                or 0
            )
            >= 1
        )
    )
    assert len(rig.spool) == 1
    server.start()
    until(lambda: rig.metrics.total("fengsui_alerts_published_total") >= 1)
    assert rig.sent()[0] == alert()


def test_redis_killed_and_emptied_gets_the_unconfirmed_again(server: RedisServer, rig: Rig) -> None:
    server.start()
    rig.spool.put(alert(0))
    until(rig.sent)
    server.kill()
    rig.spool.put(alert(1))
    for file in server.directory.rglob("appendonly*"):
        file.unlink()
    server.start()
    until(
        lambda: (
            {one.first_seen_at for one in rig.sent()}
            == {
                alert(0).first_seen_at,
                alert(1).first_seen_at,
            }
        )
    )
    assert len(rig.spool) == 2


def test_a_full_disk_stops_nothing_for_good(server: RedisServer, rig: Rig) -> None:
    server.start()
    rig.spool.put(alert(0))
    until(lambda: len(rig.sent()) == 1)
    used = rig.spool._database.execute("PRAGMA page_count").fetchone()[0]
    rig.spool._database.execute(f"PRAGMA max_page_count = {used}")
    with pytest.raises(sqlite3.OperationalError, match="full"):  # noqa: PT012
        for second in range(1, 2000):
            rig.spool.put(alert(second))
    kept = len(rig.spool)
    rig.spool._database.execute("PRAGMA max_page_count = 1000000")
    until(lambda: len({one.alert_id for one in rig.sent()}) == kept)
    rig.spool.put(alert(5000))
    until(lambda: len({one.alert_id for one in rig.sent()}) == kept + 1)


def test_an_entry_of_another_version_holds_nobody_up_and_is_kept(
    server: RedisServer, rig: Rig
) -> None:
    server.start()
    rig.spool._database.execute(
        "INSERT INTO entry (alert_id, revision, urgency, body)"
        " VALUES ('x', 1, 0, cast('{\"schema_version\": 2}' AS BLOB))"
    )
    rig.spool.put(alert())
    until(rig.sent)
    assert rig.sent() == [alert()]
    assert len(rig.spool) == 2
    assert rig.metrics.total("fengsui_spool_unreadable_total") == 1


def test_confirmations_are_read_on_a_redis_whose_clock_is_behind_the_last_one_s(
    server: RedisServer, rig: Rig
) -> None:
    server.start()
    note = Confirmation(alert_id=alert(0).alert_id, revision=1)
    hour_ahead = f"{int((time.time() + 3600) * 1000)}-0"
    rig.client.xadd(streams.ALERTS_CONFIRMED.name, streams.fields(note), id=hour_ahead)
    until(lambda: rig.spool.recall("confirmed") == hour_ahead)
    rig.client.flushall()
    rig.spool.put(alert(1))
    rig.confirm(alert(1))
    until(lambda: len(rig.spool) == 0)


def test_a_foreign_confirmation_is_counted_and_the_rest_is_read(
    server: RedisServer, rig: Rig
) -> None:
    server.start()
    rig.spool.put(alert())
    until(rig.sent)
    rig.client.xadd(streams.ALERTS_CONFIRMED.name, {"body": b"garbage"})
    rig.confirm(alert())
    until(lambda: len(rig.spool) == 0)
    label = {"part": "confirmation"}
    assert rig.metrics.registry.get_sample_value("fengsui_worker_redis_errors_total", label) == 1
