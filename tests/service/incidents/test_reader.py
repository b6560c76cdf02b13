import time

from structlog.testing import capture_logs

from pipelines import streams
from pipelines.streams import ALERTS_PRIORITY
from service import tables
from tests.service.helpers import Parts, alert, confirmed

GROUP = str(ALERTS_PRIORITY.group)


def taken_by(given: Parts, consumer: str) -> None:
    streams.create_group(given.client, ALERTS_PRIORITY)
    given.client.xreadgroup(GROUP, consumer, {ALERTS_PRIORITY.name: ">"})


def test_own_pending_entries_come_first(given: Parts) -> None:
    given.send(alert(drill=True))
    taken_by(given, given.settings.consumer)
    given.send(alert(60.0, drill=True))
    given.consumer.step()
    assert len(confirmed(given.client)) == 1
    given.consumer.step()
    assert len(given.rows(tables.incidents)) == 2


def test_entries_another_consumer_left_are_taken_over(given: Parts) -> None:
    given.send(*(alert(60.0 * minute, drill=True) for minute in range(-105, 0)))
    taken_by(given, "service-that-died")
    time.sleep(given.settings.claim_idle_s + 0.05)
    for _ in range(5):
        given.consumer.step()
    assert len(given.rows(tables.incidents)) == 105
    assert given.pending(ALERTS_PRIORITY) == 0


def test_entries_deleted_while_pending_are_counted_and_left(given: Parts) -> None:
    given.send(alert(drill=True), alert(60.0, drill=True))
    taken_by(given, "service-that-died")
    first = given.client.xrange(ALERTS_PRIORITY.name)[0][0]
    given.client.xdel(ALERTS_PRIORITY.name, first)
    time.sleep(given.settings.claim_idle_s + 0.05)
    for _ in range(4):
        given.consumer.step()
    assert len(given.rows(tables.incidents)) == 1
    assert given.pending(ALERTS_PRIORITY) == 0
    assert given.count("fengsui_messages_total", stream="alerts.priority", outcome="deleted") == 1


def test_lost_data_are_sent_again(given: Parts) -> None:
    given.send(alert(drill=True))
    given.consumer.step()
    given.client.flushall()
    given.send(alert(drill=True), alert(60.0, drill=True))  # the spool replays, and goes on
    with capture_logs() as said:
        given.consumer.step()
    lost = next(line for line in said if "Redis lost data" in line["event"])
    assert lost["part"] == "consumer"
    assert "spools send again" in lost["next"]
    given.consumer.step()
    assert len(given.rows(tables.incidents)) == 2
    assert len(confirmed(given.client)) == 2
    assert given.count("fengsui_groups_recreated_total") == 1
