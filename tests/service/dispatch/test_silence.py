import threading
from datetime import timedelta

from service import tables
from service.dispatch.silence import AT_A_TIME, SilenceWatch
from tests.service.dispatch.answers import incident, now, order, row, stands, steps
from tests.service.helpers import ON_SQLITE, Parts

SILENCE_S = 300.0


def watch(given: Parts) -> SilenceWatch:
    return SilenceWatch(
        database=given.database,
        metrics=given.metrics,
        stopping=threading.Event(),
        silence_s=SILENCE_S,
        committed=lambda: None,
    )


def test_an_order_that_nobody_answers_is_noticed_once(given: Parts) -> None:
    database = given.database
    lives = incident(database)
    gone = incident(database, state="closed", merged_into=lives)
    over = incident(database, state="closed")
    long_ago = now() - timedelta(seconds=SILENCE_S + 5)
    silent = [order(database, one, sent_at=long_ago) for one in (lives, gone)]
    spared = [
        order(database, lives, sent_at=now() - timedelta(seconds=SILENCE_S - 5)),
        order(database, lives, sent_at=long_ago, state="accepted"),
        order(database, lives, sent_at=long_ago, drill=True),
        order(database, lives, sent_at=long_ago, kind="update"),
        order(database, lives, sent_at=long_ago, answers=False),
        order(database, lives, sent_at=None, state="waiting"),
        order(database, over, sent_at=long_ago),
    ]
    assert watch(given).mark() == 2
    assert watch(given).mark() == 0
    for one in silent:
        assert row(database, tables.orders, one)["silent_at"] is not None
    assert [one for one in spared if row(database, tables.orders, one)["silent_at"]] == []
    assert steps(database, lives) == ["order_silent"] * 2
    assert steps(database, gone) == steps(database, over) == []
    told = given.rows(tables.incident_steps)
    assert {one["detail"]["order_id"] for one in told} == {str(one) for one in silent}
    assert told[0]["actor"] == "policy:clock"
    assert told[0]["detail"]["silence_s"] >= SILENCE_S
    assert [one["kind"] for one in given.rows(tables.feed)] == ["incident.updated"] * 2
    assert stands(database, lives) == "dispatched"
    assert given.count("fengsui_orders_silent_total", target="township") == 2


@ON_SQLITE
def test_many_at_once_are_marked_some_at_a_time(given: Parts) -> None:
    long_ago = now() - timedelta(seconds=SILENCE_S + 5)
    for _ in range(AT_A_TIME + 3):
        order(given.database, incident(given.database), sent_at=long_ago)
    watching = watch(given)
    assert [watching.mark() for _ in range(3)] == [AT_A_TIME, 3, 0]
