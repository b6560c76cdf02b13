"""Orders leave once each, by leases, whatever dies when; one target's trouble is its own."""

import itertools
import json
import socket
import threading
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipelines import streams
from pipelines.messages import decode
from service import tables
from service.database import Database
from service.dispatch import breaker, leasing, recording
from service.dispatch.breaker import BreakerState
from service.dispatch.leasing import Leased
from service.dispatch.recording import Attempt, Outcome
from service.incidents.lifecycle import StepKind
from service.tables import orders
from tests.service.dispatch import answers, kit
from tests.service.helpers import ON_SQLITE, Parts, alert, drill_orders, send_due
from tests.support.receiver import Receiver, saying
from tests.support.waiting import until


class KilledError(BaseException):
    """The process dies here."""


def killed(*_: object, **__: object) -> None:
    raise KilledError


def sent_to(receiver: Receiver) -> list[tuple[str, str]]:
    """What came: each order's id and kind."""
    found = [json.loads(one.body)["data"] for one in receiver.requests]
    return [(one["order_id"], one["kind"]) for one in found]


def test_whatever_dies_when_an_order_is_once_in_its_stream(
    given: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    given.send(alert(drill=True))
    given.consumer.step()
    with monkeypatch.context() as patch:
        patch.setattr(recording, "record", killed)
        with pytest.raises(KilledError):
            send_due(kit.replica(given, "one", order_lease_s=0.4))
    assert len(given.orders_sent()) == 1  # and nobody knows
    other = kit.replica(given, "two")
    send_due(other)
    assert given.rows(orders)[0]["sent_at"] is None  # the lease of the dead one holds
    time.sleep(0.4)
    send_due(other)
    (row,), (order,) = given.rows(orders), given.orders_sent()
    assert (row["state"], row["order_id"], row["attempts"]) == ("sent", order.order_id, 1)
    assert row["entry_id"] == given.client.xrange("dispatch.drill")[0][0].decode()
    send_due(other)
    assert len(given.orders_sent()) == 1
    kinds = [event["kind"] for event in given.rows(tables.feed)]
    assert (kinds[0], kinds[-1], kinds.count("order.sent")) == ("incident.opened", "order.sent", 1)
    assert given.rows(tables.incidents)[0]["sent_at"] == row["sent_at"]
    assert given.count("fengsui_orders_total", target="dispatch.drill") == 1


def test_a_replica_that_comes_back_goes_on_at_once(
    given: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    (order_id,) = kit.dispatch(given, kit.confirmed(given))
    with monkeypatch.context() as patch:
        patch.setattr(recording, "record", killed)
        with pytest.raises(KilledError):
            send_due(kit.replica(given, "one_1"))
    send_due(kit.replica(given, "onex1"))  # no pattern: another's lease
    assert kit.order(given, order_id)["state"] == "waiting"
    send_due(kit.replica(given, "one_1"))
    assert kit.order(given, order_id)["state"] == "sent"
    assert given.client.xlen("dispatch") == 1


def leased_by(database: Database, name: str, until_s: float) -> list[Leased]:
    at = kit.now()
    until = at + timedelta(seconds=until_s)
    with database.writing() as connection:
        return leasing.lease(connection, "dispatch", replica=name, now=at, until=until)


def test_who_lost_the_lease_writes_the_attempt_down_and_nothing_else(given: Parts) -> None:
    incident = kit.confirmed(given)
    (order_id,) = kit.dispatch(given, incident)
    (late,) = leased_by(given.database, "late", -1)
    (quick,) = leased_by(given.database, "quick", 60)
    assert leased_by(given.database, "third", 60) == []
    before = len(given.rows(tables.incident_steps))
    for name, one, outcome, state in [
        ("late", late, Outcome.SENT, "waiting"),
        ("late", late, Outcome.REFUSED, "waiting"),
        ("quick", quick, Outcome.SENT, "sent"),
        ("quick", quick, Outcome.REFUSED, "sent"),
    ]:
        attempt = Attempt(leased=one, outcome=outcome, said="x", at=kit.now(), seconds=0.1)
        with given.database.writing() as connection:
            recording.record(connection, name, [attempt], kit.now(), given.settings)
        assert kit.order(given, order_id)["state"] == state
    assert len(given.rows(tables.order_attempts)) == 4
    assert kit.order(given, order_id)["attempts"] == 1
    assert len(given.rows(tables.incident_steps)) == before + 1


def test_an_answer_is_faster_than_the_word_that_the_order_was_sent(given: Parts) -> None:
    (order_id,) = kit.dispatch(given, kit.confirmed(given))
    (one,) = leased_by(given.database, "one", 60)
    with given.database.writing() as connection:
        connection.execute(sa.update(orders).values(state="accepted"))
        attempt = Attempt(leased=one, outcome=Outcome.SENT, said="", at=kit.now(), seconds=0.1)
        recording.record(connection, "one", [attempt], kit.now(), given.settings)
    row = kit.order(given, order_id)
    assert (row["state"], row["sent_at"] is None) == ("accepted", False)


def test_orders_of_one_incident_and_target_keep_their_order(given: Parts, tmp_path: Path) -> None:
    with Receiver() as receiver:
        path = kit.webhooks(tmp_path, {"centre": receiver.url}, "updates = true")
        with kit.book_of(given, path) as book:
            first, other = kit.confirmed(given), kit.confirmed(given)
            (order,) = kit.dispatch(given, first, ["centre"], book)
            patient = {"order_retry_floor_s": 60, "order_retry_ceiling_s": 60}
            outbox = kit.replica(given, book=book, **patient)
            receiver.answer = saying(503)
            send_due(outbox)
            kit.step(given, first, StepKind.DISMISSED, reason="reflection")
            receiver.answer = saying(204)
            (another,) = kit.dispatch(given, other, ["centre"], book)
            send_due(outbox)
            # The cancel waits behind its order, which waits for its next attempt; nobody else.
            assert sent_to(receiver) == [(str(order), "order"), (str(another), "order")]
            kit.soon(given, order)
            send_due(outbox)
            cancel = kit.of_incident(given, first)[-1]["order_id"]
            assert sent_to(receiver)[2:] == [(str(order), "order"), (str(cancel), "cancel")]
            assert json.loads(receiver.requests[-1].body)["data"]["state"] == "false"


def test_an_order_given_up_lets_those_after_it_through(given: Parts, tmp_path: Path) -> None:
    with Receiver() as receiver:
        path = kit.webhooks(tmp_path, {"centre": receiver.url}, "updates = true")
        with kit.book_of(given, path) as book:
            incident = kit.confirmed(given)
            (order,) = kit.dispatch(given, incident, ["centre"], book)
            outbox = kit.replica(given, book=book)
            receiver.answer = saying(400, b"no such field")
            send_due(outbox)
            row = kit.order(given, order)
            assert (row["state"], row["last_error"], row["attempts"]) == ("dead", "refused", 1)
            assert answers.steps(given.database, incident)[-1] == "order_dead"
            assert given.count("fengsui_orders_buried_total", target="centre") == 1
            assert given.count("fengsui_orders_dead", target="centre") == 1
            assert given.rows(tables.order_attempts)[0]["detail"].startswith("HTTP 400")
            receiver.answer = saying(204)
            kit.step(given, incident, StepKind.DISMISSED, reason="reflection")
            send_due(outbox)
            assert [kind for _, kind in sent_to(receiver)] == ["order", "cancel"]


def test_an_order_that_fails_for_too_long_or_too_often_is_a_dead_letter(
    given: Parts, tmp_path: Path
) -> None:
    with Receiver() as receiver:
        receiver.answer = saying(500)
        path = kit.webhooks(tmp_path, {"centre": receiver.url})
        with kit.book_of(given, path) as book:
            (often,) = kit.dispatch(given, kit.confirmed(given), ["centre"], book)
            outbox = kit.replica(given, book=book, order_most_attempts=3, breaker_failures=99)
            for count in (1, 2, 3):
                assert kit.order(given, often)["state"] == "waiting"
                send_due(outbox)
                kit.soon(given, often)
                assert kit.order(given, often)["attempts"] == count
            assert kit.order(given, often)["state"] == "dead"
            (long,) = kit.dispatch(given, kit.confirmed(given), ["centre"], book)
            (gone,) = kit.dispatch(given, kit.confirmed(given), ["centre"], book)
            with given.database.writing() as connection:
                old = kit.now() - timedelta(days=2)
                mine = orders.c.order_id.in_([long, gone])
                connection.execute(sa.update(orders).where(mine).values(decided_at=old))
                connection.execute(
                    sa.update(orders)
                    .where(orders.c.order_id == gone)
                    .values(attempts=3, next_attempt_at=kit.now() + timedelta(hours=1))
                )
            send_due(outbox)  # tried once more, whoever paused
            assert kit.order(given, long)["state"] == "dead"
            assert kit.order(given, long)["attempts"] == 1
            assert kit.order(given, gone)["state"] == "waiting"
            outbox._keeper.step(book.names())
            assert kit.order(given, gone)["state"] == "dead"


def test_a_target_that_fails_is_left_alone_by_all_replicas(given: Parts, tmp_path: Path) -> None:
    with Receiver() as receiver:
        receiver.answer = saying(500)
        path = kit.webhooks(tmp_path, {"centre": receiver.url})
        with kit.book_of(given, path) as book:
            for _ in range(8):
                kit.dispatch(given, kit.confirmed(given), ["centre"], book)
            one, two = (
                kit.replica(given, name, book, breaker_failures=3, breaker_open_s=0.3)
                for name in ("one", "two")
            )
            send_due(one)
            send_due(two)
            assert len(receiver.requests) == 3
            assert given.count("fengsui_breaker_open", target="centre") == 1
            time.sleep(0.3)
            send_due(two)  # one tries
            send_due(one)
            assert len(receiver.requests) == 4
            time.sleep(0.3)
            receiver.answer = saying(204)
            with given.database.writing() as connection:
                connection.execute(sa.update(orders).values(next_attempt_at=None))
            send_due(one)
            assert len(receiver.requests) == 12
            assert {row["state"] for row in given.rows(orders)} == {"sent"}
            with given.database.reading() as connection:
                assert breaker.read(connection, "centre").state is BreakerState.CLOSED
            assert given.count("fengsui_breaker_open", target="centre") == 0


@ON_SQLITE
def test_a_breaker_whose_try_is_never_heard_of_lets_another_try(given: Parts) -> None:
    kit.dispatch(given, kit.confirmed(given))
    at = kit.now()
    with given.database.writing() as connection:
        for _ in range(given.settings.breaker_failures):
            breaker.failed(connection, "dispatch", "x", at, given.settings)
    for later_s, count in [(0.0, 0), (0.3, 1), (1.0, 0), (5.4, 1)]:
        moment = at + timedelta(seconds=later_s)
        with given.database.writing() as connection:
            found = leasing.lease(
                connection, "dispatch", replica="x", now=moment, until=moment + timedelta(seconds=5)
            )
        assert len(found) == count, later_s


@ON_SQLITE
def test_how_long_an_order_waits(given: Parts) -> None:
    settings = given.settings
    kept = [recording.wait_s(tried, None, settings) for tried in range(2000)]
    assert 0.5 * settings.order_retry_floor_s <= kept[0] <= settings.order_retry_floor_s
    assert 0.5 * settings.order_retry_ceiling_s <= kept[-1] <= settings.order_retry_ceiling_s
    assert len(set(kept[100:])) > 1000  # by chance
    assert recording.wait_s(0, 7.0, settings) == 7.0
    assert recording.wait_s(0, 1e9, settings) == settings.order_retry_after_s
    assert recording.wait_s(0, -1.0, settings) == pytest.approx(kept[0], abs=0.02)


def hanging(sock: socket.socket) -> None:
    with sock:
        time.sleep(30)


@ON_SQLITE
def test_no_target_delays_another_s_orders(given: Parts, tmp_path: Path) -> None:
    with ExitStack() as undo:
        names = ("good", "hangs", "fails", "drops", "lies")
        receivers = {name: undo.enter_context(Receiver()) for name in names}
        receivers["hangs"].answer = hanging
        receivers["fails"].answer = saying(500)
        receivers["lies"].answer = lambda sock: sock.sendall(b"HTTP/9 yes\r\n\r\n")
        turns = itertools.count()
        receivers["drops"].answer = lambda sock: (
            sock.close() if next(turns) % 2 else saying(204)(sock)
        )
        path = kit.webhooks(
            tmp_path, {name: one.url for name, one in receivers.items()}, "timeout_s = 1"
        )
        book = undo.enter_context(kit.book_of(given, path))
        stopping = threading.Event()
        outbox = kit.replica(given, book=book, breaker_open_s=0.1)

        def tend() -> None:
            while not stopping.is_set():
                outbox.tend()

        thread = threading.Thread(target=tend)
        thread.start()
        try:
            for _ in range(12):
                kit.dispatch(given, kit.confirmed(given), names, book)
                outbox.wake()
            decided_s = time.monotonic()

            def done(target: str) -> int:
                query = sa.select(sa.func.count()).where(
                    orders.c.target == target, orders.c.state == "sent"
                )
                with given.database.reading() as connection:
                    return int(connection.execute(query).scalar_one())

            until(lambda: done("good") == 12, "the good one's orders")
            assert time.monotonic() - decided_s < 5
            until(lambda: done("drops") == 12, "those of which every second is dropped")
        finally:
            stopping.set()
            outbox.ask_to_stop()
            thread.join()
            outbox.join()
        assert (done("fails"), done("hangs"), done("lies")) == (0, 0, 0)
        assert len(sent_to(receivers["good"])) == 12
        # Once for who remembers ids, however often it came.
        assert len(set(sent_to(receivers["drops"]))) == 12


def test_what_waits_for_a_target_that_is_gone_waits_and_is_seen(
    given: Parts, tmp_path: Path
) -> None:
    with Receiver() as receiver:
        path = kit.webhooks(tmp_path, {"centre": receiver.url})
        with kit.book_of(given, path) as book:
            (order_id,) = kit.dispatch(given, kit.confirmed(given), ["centre"], book)
        send_due(given.outbox)  # whose book has no such target
        assert kit.order(given, order_id)["state"] == "waiting"
        assert given.client.exists("dispatch", "dispatch.drill") == 0
        assert given.count("fengsui_orders_without_target") == 1
        assert given.count("fengsui_orders_waiting", target="centre") == 1
        assert given.count("fengsui_outbox_entries") == 1
        with kit.book_of(given, path) as book:
            send_due(kit.replica(given, book=book))
        assert sent_to(receiver) == [(str(order_id), "order")]


@pytest.mark.parametrize("wrong", [{"drill": False}, {"target": "dispatch"}, {"body": "{}"}])
def test_a_row_that_does_not_fit_its_message_is_never_sent(
    given: Parts, wrong: dict[str, object]
) -> None:
    given.send(alert(drill=True))
    given.consumer.step()
    with given.database.writing() as connection:
        connection.execute(sa.update(orders).values(**wrong))
    send_due(given.outbox)
    assert given.client.exists("dispatch", "dispatch.drill") == 0
    (row,) = given.rows(orders)
    assert (row["state"], row["sent_at"]) == ("dead", None)


@ON_SQLITE
def test_the_entry_and_its_mark_lie_in_one_slot_of_a_cluster(given: Parts) -> None:
    given.send(alert(drill=True))
    given.consumer.step()
    given.forward()
    keys = {key.decode() for key in given.client.keys("*dispatch.drill*")}
    mark = next(key for key in keys if ":sent:" in key)
    assert mark.startswith("{dispatch.drill}:")  # a tag hashes like the key of that name
    assert 0 < given.client.ttl(mark) <= 7 * 24 * 3600


def test_an_entry_that_fails_leaves_no_mark(given: Parts) -> None:
    given.send(alert(drill=True))
    given.consumer.step()
    given.client.set("dispatch.drill", "not a stream")
    given.forward()
    (row,) = given.rows(orders)
    assert (row["state"], row["last_error"]) == ("waiting", "unreachable")
    given.client.delete("dispatch.drill")
    kit.soon(given, row["order_id"])
    given.forward()
    assert len(drill_orders(given.client)) == 1


def test_many_orders_leave_in_few_transactions(
    given: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(45):
        kit.dispatch(given, kit.confirmed(given))
    begun: list[float] = []
    writing = Database.writing

    def counted(self: Database) -> object:
        begun.append(time.monotonic())
        return writing(self)

    monkeypatch.setattr(Database, "writing", counted)
    send_due(given.outbox)
    assert given.client.xlen("dispatch") == 45
    assert len(begun) < 20
    sent = [decode(streams.body(e), streams.DISPATCH.message).order_id
            for _, e in given.client.xrange("dispatch")]  # fmt: skip
    assert len(set(sent)) == 45
