import pytest
import redis
import sqlalchemy as sa

from service import tables
from service.dispatch import outbox
from service.tables import orders
from tests.service.helpers import Parts, alert, drill_orders


def test_crash_between_the_entry_and_the_mark(given: Parts) -> None:
    given.send(alert(drill=True))
    given.consumer.step()
    (order,) = given.outbox.unsent()
    first = given.outbox.send(order)
    # The process dies here; the next one starts with the same row.
    (again,) = given.outbox.unsent()
    assert given.outbox.send(again) == first
    given.outbox.mark_sent(again, first)
    given.outbox.mark_sent(again, first)  # another replica finishes late
    assert len(given.orders_sent()) == 1
    assert given.outbox.unsent() == []
    kinds = [event["kind"] for event in given.rows(tables.feed)]
    assert kinds == ["incident.opened", "order.sent"]
    assert given.rows(orders)[0]["entry_id"] == first


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
    with pytest.raises(redis.ResponseError):
        given.forward()
    given.client.delete("dispatch.drill")
    given.forward()
    assert len(drill_orders(given.client)) == 1


@pytest.mark.parametrize("wrong", [{"drill": False}, {"target": "dispatch"}])
def test_a_row_that_is_no_drill_is_never_forwarded(
    given: Parts, wrong: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "POLL_S", 0.0)
    given.send(alert(drill=True))
    given.consumer.step()
    with given.database.writing() as connection:
        connection.execute(sa.update(orders).values(**wrong))
    given.outbox.step()
    assert given.client.exists("dispatch", "dispatch.drill") == 0
    assert given.rows(orders)[0]["sent_at"] is None
