from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.feed import log, routes
from service.feed.bell import PER_ACCOUNT
from tests.service.feed.crowd import one_that_reads_nothing
from tests.service.helpers import ON_SQLITE, Parts, alert, at
from tests.service.process import FeedReader, feed, serving
from tests.service.signing_in import bearer, make_account, token
from tests.support.waiting import until

LIMIT_S = 5.0
"""A client that takes nothing is let go after this, in these tests."""


def opened(reader: FeedReader, count: int) -> list[str]:
    """Onsets of the next opened incidents; what else happens is skipped."""
    found: list[str] = []
    while len(found) < count:
        ((kind, payload),) = reader.events(1)
        if kind == "incident.opened":
            found.append(payload["first_seen_at"])
    return found


def onsets(*seconds: float) -> list[str]:
    return [at(one).isoformat().replace("+00:00", "Z") for one in seconds]


def test_live_then_resumed_over_a_restart_without_gap_or_repetition(given: Parts) -> None:
    who = bearer(given.database)
    with serving(given.settings) as url, feed(f"{url}/api/feed?after=0", **who) as reader:
        given.send(alert(0.0, drill=True))
        assert opened(reader, 1) == onsets(0.0)
        last_id = str(reader.last_id)
    with serving(given.settings):
        given.send(alert(60.0, drill=True), alert(120.0, drill=True))
        until(lambda: len(given.orders_sent()) == 3, "the orders")
    with (
        serving(given.settings) as url,
        feed(f"{url}/api/feed", **{"Last-Event-ID": last_id}, **who) as reader,
    ):
        given.send(alert(180.0, drill=True))
        assert opened(reader, 3) == onsets(60.0, 120.0, 180.0)


@ON_SQLITE
def test_a_client_that_does_not_read_is_let_go_and_holds_up_nobody(
    given: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hasty(routes.FeedResponse):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, send_limit_s=LIMIT_S)

    monkeypatch.setattr(routes, "FeedResponse", Hasty)
    account = make_account(given.database, "admin")
    secret, who = token(given.database, account), bearer(given.database)

    def evicted(url: str) -> bool:
        told = httpx.get(f"{url}/metrics", headers=who, timeout=5).text
        return "fengsui_feed_evictions_total 1.0" in told

    with (
        serving(given.settings) as url,
        feed(f"{url}/api/feed", **who) as reader,
        one_that_reads_nothing(url, secret, given.database),
    ):
        until(lambda: seats(url, who) == 2, "both")
        given.send(*(alert(60.0 * n, drill=True) for n in range(-20, 0)))
        assert len(opened(reader, 20)) == 20
        assert not evicted(url), "the other did not wait for its end"
        until(lambda: evicted(url), "the eviction", 2 * LIMIT_S)
        assert seats(url, who) == 1
        given.send(alert(0.0, drill=True))
        assert opened(reader, 1) == onsets(0.0)


@ON_SQLITE
def test_no_more_feeds_than_agreed(given: Parts) -> None:
    who = bearer(given.database)
    with serving(given.settings, feed_clients=1) as url:
        with feed(f"{url}/api/feed", **who):
            refused = httpx.get(f"{url}/api/feed", headers=who, timeout=5)
            assert (refused.status_code, refused.json()["code"]) == (503, "feed_full")
            assert refused.headers["content-type"] == "application/problem+json"
            assert "close one that nobody watches" in refused.json()["detail"]
        until(lambda: seats(url, who) == 0, "the seat is free again")


@ON_SQLITE
def test_one_account_leaves_seats_to_the_others(given: Parts) -> None:
    account = make_account(given.database, "admin")
    mine, too = ({"Authorization": f"Bearer {token(given.database, account)}"} for _ in range(2))
    with serving(given.settings, feed_clients=PER_ACCOUNT + 1) as url:
        with ExitStack() as opened_feeds:
            for _ in range(PER_ACCOUNT):
                opened_feeds.enter_context(feed(f"{url}/api/feed", **mine))
            for who in (mine, too):
                refused = httpx.get(f"{url}/api/feed", headers=who, timeout=5)
                assert (refused.status_code, refused.json()["code"]) == (429, "too_many_feeds")
                assert refused.headers["retry-after"] == "5"
            with feed(f"{url}/api/feed", **bearer(given.database)) as other:
                assert other.response.status_code == 200
        until(lambda: seats(url, mine) == 0, "the seats are free again")
        with feed(f"{url}/api/feed", **mine) as again:
            assert again.response.status_code == 200


def seats(url: str, who: dict[str, str]) -> int:
    return int(httpx.get(f"{url}/api/status", headers=who, timeout=5).json()["feed_clients"])


def test_a_cursor_that_cant_be_resumed_says_reset(given: Parts) -> None:
    given.send(alert(0.0, drill=True))
    given.consumer.step()
    who = bearer(given.database)
    with serving(given.settings) as url:
        for cursor in ("999999", "not a number", "-5", "9" * 40):
            with feed(f"{url}/api/feed", **{"Last-Event-ID": cursor}, **who) as reader:
                assert reader.events(1)[0][0] == "reset", cursor


def test_forgotten_events_say_reset_and_the_newest_is_kept(given: Parts, tmp_path: Path) -> None:
    given.send(*(alert(60.0 * n, drill=True) for n in range(3)))
    given.consumer.step()
    with given.database.writing() as connection:
        newest = log.newest(connection)
        gone = log.forget_before(connection, at(0) + timedelta(days=365))
        assert (gone, log.newest(connection)) == (newest - 1, newest)
        assert log.can_resume(connection, newest)
        assert log.can_resume(connection, newest - 1)
        assert not log.can_resume(connection, newest - 2)
