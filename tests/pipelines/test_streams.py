"""The table, on a real redis-server."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from pipelines import streams
from pipelines.messages import Alert, DeadLetter, Heartbeat, MessageError, decode
from tests.support.builders import alert
from tests.support.redis_server import RedisServer
from vision.hazards import PRIORITY, Hazard


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
def client(server: RedisServer) -> Iterator[streams.Client]:
    connected = streams.connect(server.url)
    connected.flushall()
    yield connected
    connected.close()


def test_every_hazard_has_a_stream_and_priority_is_apart() -> None:
    for hazard in Hazard:
        expected = streams.ALERTS_PRIORITY if hazard in PRIORITY else streams.ALERTS
        assert streams.alert_stream(hazard) is expected


def test_an_entry_comes_back(client: streams.Client) -> None:
    entry_id = streams.add(client, streams.ALERTS_PRIORITY, alert())
    ((found, entry),) = client.xrange(streams.ALERTS_PRIORITY.name)
    assert found == entry_id
    assert decode(streams.body(entry), Alert) == alert()


@pytest.mark.parametrize("entry", [None, {}, {b"other": b"x"}, {b"body": b"x" * 70_000}])
def test_a_foreign_or_oversized_entry_is_refused(entry) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MessageError):
        streams.body(entry)


def test_creating_a_group_twice_is_no_fault_and_it_starts_at_the_beginning(
    client: streams.Client,
) -> None:
    streams.add(client, streams.ALERTS, alert())
    streams.create_group(client, streams.ALERTS)
    streams.create_group(client, streams.ALERTS)
    (_, entries), *_ = client.xreadgroup("service", "one", {"alerts": ">"})
    assert len(entries) == 1


def test_trimming_removes_the_finished_and_never_the_unread_or_pending(
    client: streams.Client,
) -> None:
    stream = streams.ALERTS
    ids = [streams.add(client, stream, alert(second)) for second in range(6)]
    streams.create_group(client, stream)
    client.xreadgroup("service", "one", {stream.name: ">"}, count=4)
    client.xack(stream.name, "service", ids[0], ids[1], ids[3])
    assert streams.trim(client, stream) == 2  # the third is pending, the fifth unread
    assert [entry[0] for entry in client.xrange(stream.name)] == ids[2:]
    client.xack(stream.name, "service", ids[2])
    streams.trim(client, stream)
    assert ids[4] in [entry[0] for entry in client.xrange(stream.name)]


def test_without_a_group_nothing_of_a_group_s_stream_is_trimmed(client: streams.Client) -> None:
    streams.add(client, streams.ALERTS, alert())
    assert streams.trim(client, streams.ALERTS) == 0
    assert client.xlen("alerts") == 1


def test_a_stream_kept_by_age_forgets_the_old(client: streams.Client) -> None:
    beat = Heartbeat(
        worker_id="w",
        epoch=1,
        at=datetime.now(UTC),
        cameras=0,
        cameras_connected=0,
        frames_received=0,
        frames_decoded=0,
        frames_analysed=0,
        drops={},
        alerts=0,
        spool_entries=0,
    )
    client.xadd("heartbeats", streams.fields(beat), id="1-1")
    streams.add(client, streams.HEARTBEATS, beat)
    streams.trim(client, streams.HEARTBEATS)
    assert client.xlen("heartbeats") == 1


def test_what_can_t_be_taken_is_buried_whole(client: streams.Client) -> None:
    streams.bury(client, streams.ALERTS, b"5-1", {b"body": b"\xffgarbage"}, MessageError("why"))
    ((_, entry),) = client.xrange("dead.alerts")
    letter = decode(streams.body(entry), DeadLetter)
    assert (letter.stream, letter.entry_id, letter.reason) == ("alerts", "5-1", "malformed")
    assert "garbage" in letter.body
