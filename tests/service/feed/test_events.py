"""``GET /api/feed/events``: the feed for whoever can't hold a connection open; and logging out."""

import time
from datetime import timedelta
from typing import Any

import httpx
import sqlalchemy as sa

from service import tables
from service.feed import log
from tests.service.dispatch.answers import incident, now
from tests.service.estate import FOREIGN, OWN, fill
from tests.service.feed.test_tail import tell
from tests.service.helpers import ON_SQLITE, Parts, alert
from tests.service.process import feed, serving
from tests.service.signing_in import bearer, make_account, token

KEEP_S = 7 * 24 * 3600.0


def test_a_client_that_asks_now_and_then_misses_nothing_for_seven_days(given: Parts) -> None:
    fill(given.database)
    who = bearer(given.database)
    with serving(given.settings, feed_keep_s=KEEP_S, redis_url="redis://127.0.0.1:1/0") as url:

        def ask(**asked: Any) -> dict[str, Any]:
            answer = httpx.get(f"{url}/api/feed/events", params=asked, headers=who, timeout=10)
            assert answer.status_code == 200, answer.text
            page: dict[str, Any] = answer.json()
            return page

        start = ask()
        assert (start["events"], start["reset"], start["more"]) == ([], False, False)
        own, foreign = incident(given.database), incident(given.database, place_code=FOREIGN)
        for about in (own, foreign, own):
            tell(given.database, about, 2)
        pages = [ask(after=start["cursor"], limit=4)]
        assert pages[0]["more"]
        pages.append(ask(after=pages[0]["cursor"]))
        assert not pages[1]["more"]
        ids = [one["id"] for page in pages for one in page["events"]]
        assert ids == list(range(start["cursor"] + 1, start["cursor"] + 7))
        assert pages[0]["events"][0]["kind"] == "incident.updated"
        nothing = ask(after=pages[1]["cursor"])
        assert (nothing["events"], nothing["cursor"]) == ([], pages[1]["cursor"])
        # Six days and 23 hours away: all there. A day later: told that it isn't.
        age(given, timedelta(days=6, hours=23))
        forget(given)
        assert len(ask(after=start["cursor"])["events"]) == 6
        age(given, timedelta(days=1))
        forget(given)
        lost = ask(after=start["cursor"])
        assert (lost["events"], lost["reset"]) == ([], True)
        assert lost["cursor"] == pages[1]["cursor"]
        assert ask(after=10**12)["reset"]
        who |= bearer(given.database, "viewer", (OWN,))
        scoped = ask(after=start["cursor"], limit=500)
        assert scoped["reset"]
        tell(given.database, foreign)
        tell(given.database, own)
        mine = ask(after=lost["cursor"], limit=1)
        assert (mine["events"], mine["more"]) == ([], True)
        assert len(ask(after=mine["cursor"])["events"]) == 1


def age(given: Parts, by: timedelta) -> None:
    with given.database.writing() as connection:
        for row in connection.execute(sa.select(tables.feed.c.id, tables.feed.c.at)).all():
            older = tables.feed.update().where(tables.feed.c.id == row.id)
            connection.execute(older.values(at=row.at - by))


def forget(given: Parts) -> None:
    with given.database.writing() as connection:
        log.forget_before(connection, now() - timedelta(seconds=KEEP_S))


@ON_SQLITE
def test_whoever_may_no_more_sees_no_event_a_second_later_and_the_end_within_two(
    given: Parts,
) -> None:
    ways: list[tuple[sa.Table, dict[str, Any]]] = [
        (tables.tokens, {"revoked_at": now()}),
        (tables.accounts, {"disabled_at": now()}),
        (tables.accounts, {"role": "integrator"}),  # which has no incidents
    ]
    took_s = []
    with serving(given.settings) as url:
        for number, (table, values) in enumerate(ways):
            account = make_account(given.database, "operator")
            who = {"Authorization": f"Bearer {token(given.database, account)}"}
            with feed(f"{url}/api/feed", **who) as reader:
                assert reader.response.headers["connection"] == "close"
                given.send(alert(0.0, camera_id=f"before-{number}"))
                reader.events(1)
                own = table.c.account_id == account.account_id
                with given.database.writing() as connection:
                    connection.execute(sa.update(table).where(own).values(values))
                changed_s = time.monotonic()
                time.sleep(1.2)
                given.send(alert(0.0, camera_id=f"after-{number}"))
                for line in reader._lines:  # which end
                    assert "after-" not in line
                took_s.append(time.monotonic() - changed_s)
    # Two seconds where there is time for it; whatever the machine does, an end.
    assert (min(took_s) < 2.0, max(took_s) < 5.0) == (True, True), took_s
