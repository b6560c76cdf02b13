"""Guessing is slow, and locks nobody out."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import sqlalchemy as sa

from service import tables
from service.accounts import directory, throttle
from service.accounts.errors import BusyError, TooManyAttemptsError
from service.accounts.roles import Role
from service.accounts.throttle import ADDRESS, FORGOTTEN, KNOWN, LOGIN, PAIR, Limit, Throttle
from tests.service.helpers import Parts
from tests.service.process import serving
from tests.service.signing_in import PASSWORD, bearer, make_account, signed_in
from tests.support.waiting import until


@pytest.fixture
def guesses(given: Parts) -> Throttle:
    return Throttle(given.database, given.metrics)


@pytest.fixture
def url(given: Parts) -> Iterator[str]:
    with serving(given.settings) as served:
        yield served


def fail(
    guesses: Throttle,
    times: int,
    login: str = "admin",
    address: str = "10.0.0.1",
    browser: str = "",
) -> None:
    for _ in range(times):
        with guesses.attempt(login, address, browser):
            pass


def wait_of(
    guesses: Throttle, login: str = "admin", address: str = "10.0.0.1", browser: str = ""
) -> int:
    """Return the wait that a try meets; it counts if there is none."""
    try:
        fail(guesses, 1, login, address, browser)
    except TooManyAttemptsError as error:
        return int(error.headers["Retry-After"])
    return 0


def passed(given: Parts, seconds: float) -> None:
    """Let time pass for what is in the table."""
    table = tables.login_failures
    with given.database.writing() as connection:
        for row in connection.execute(sa.select(table)).all():
            connection.execute(
                sa.update(table)
                .where(table.c.key == row.key)
                .values(failed_at=row.failed_at - timedelta(seconds=seconds))
            )


def set_failures(given: Parts, *key: str, failures: int) -> None:
    with given.database.writing() as connection:
        connection.execute(
            sa.insert(tables.login_failures).values(
                key=throttle._digest(*key), failures=failures, failed_at=datetime.now(UTC)
            )
        )


def test_waits_grow_to_a_limit() -> None:
    limit = Limit(free=5, longest_s=900.0)
    assert [limit.wait_s(failures) for failures in (0, 4, 5, 6, 7)] == [0.0, 0.0, 1.0, 2.0, 4.0]
    assert limit.wait_s(10**9) == 900.0


def test_a_few_mistakes_are_free_then_waits_grow(given: Parts, guesses: Throttle) -> None:
    fail(guesses, PAIR.free)
    for wait_s in (1, 2, 4, 8):
        assert wait_of(guesses) == wait_s
        passed(given, wait_s)
        fail(guesses, 1)
    assert wait_of(guesses, login="other") == 0
    assert wait_of(guesses, address="10.0.0.2") == 0
    passed(given, FORGOTTEN.total_seconds())
    fail(guesses, PAIR.free - 1)
    assert wait_of(guesses) == 0


def test_a_refused_try_does_not_make_the_wait_longer(given: Parts, guesses: Throttle) -> None:
    fail(guesses, PAIR.free)
    before = given.rows(tables.login_failures)
    with given.database.writing():  # which refusing doesn't wait for
        assert [wait_of(guesses) for _ in range(5)] == [1] * 5
    assert given.rows(tables.login_failures) == before


def test_the_right_password_clears_ones_own_mistakes_only(given: Parts, guesses: Throttle) -> None:
    fail(guesses, 3, login="victim")
    fail(guesses, PAIR.free - 1, login="mine")
    with guesses.attempt("mine", "10.0.0.1") as attempt:
        attempt.succeeded()
    kept = {row["key"]: row["failures"] for row in given.rows(tables.login_failures)}
    assert throttle._keys("mine", "10.0.0.1")["pair"] not in kept
    assert kept[throttle._keys("victim", "10.0.0.1")["pair"]] == 3
    assert kept[throttle._digest("address", "10.0.0.1")] == 3 + PAIR.free - 1


def test_one_address_cant_try_many_logins(given: Parts, guesses: Throttle) -> None:
    for n in range(ADDRESS.free):
        fail(guesses, 1, login=f"login-{n}")
    assert wait_of(guesses, login="one more") == 1
    assert wait_of(guesses, address="10.0.0.2") == 0


def test_many_addresses_cant_keep_somebody_out(given: Parts, guesses: Throttle) -> None:
    with guesses.attempt("admin", "10.0.0.1") as attempt:
        attempt.succeeded()
    for n in range(LOGIN.free):
        fail(guesses, 1, address=f"10.1.0.{n}")
    assert wait_of(guesses, address="10.9.9.9") == 1
    assert wait_of(guesses, address="10.0.0.1") == 0  # where the owner has been before
    assert LOGIN.wait_s(10**6) <= 30.0


def test_counting_holds_at_the_same_moment_and_on_every_replica(given: Parts) -> None:
    first, second = (Throttle(given.database, given.metrics) for _ in range(2))
    with first.attempt("a", "x"), second.attempt("a", "x"), first.attempt("a", "x"):
        fail(second, 2, "a", "x")
        assert wait_of(first, "a", "x") == 1  # though none has failed yet


def test_an_unlocked_login_begins_anew_everywhere(given: Parts, guesses: Throttle) -> None:
    fail(guesses, PAIR.free)
    fail(guesses, PAIR.free, address="10.0.0.2")
    fail(guesses, PAIR.free, login="other")
    with given.database.writing() as connection:
        throttle.unlock(connection, "admin")
    assert wait_of(guesses) == 0
    assert wait_of(guesses, address="10.0.0.2") == 0
    assert wait_of(guesses, login="other") == 1


def test_one_address_cant_lock_out_who_was_there_before(given: Parts, guesses: Throttle) -> None:
    with guesses.attempt("colleague", "10.0.0.1") as attempt:
        attempt.succeeded()
    for n in range(ADDRESS.free):
        fail(guesses, 1, login=f"login-{n}")
    assert wait_of(guesses, login="stranger") == 1
    fail(guesses, PAIR.free, login="colleague")
    assert wait_of(guesses, login="colleague") == 1  # the pair's own limit holds
    passed(given, KNOWN.total_seconds())
    for n in range(ADDRESS.free):
        fail(guesses, 1, login=f"later-{n}")
    assert wait_of(guesses, login="colleague") == 1  # it was there too long ago


def test_a_reset_login_gets_in_where_others_closed_the_address(
    given: Parts, guesses: Throttle
) -> None:
    for n in range(ADDRESS.free):
        fail(guesses, 1, login=f"login-{n}")
    with given.database.writing() as connection:
        throttle.unlock(connection, "admin")
        throttle.unlock(connection, "admin")
    assert wait_of(guesses, login="other") == 1
    with guesses.attempt("admin", "10.0.0.1") as attempt:
        attempt.succeeded()
    set_failures(given, "address", "10.0.0.2", failures=ADDRESS.free)
    assert wait_of(guesses, login="admin", address="10.0.0.2") == 1  # it was for the first time


def test_a_colleague_cant_keep_an_owner_out_of_the_owner_s_own_browser(
    given: Parts, guesses: Throttle
) -> None:
    with guesses.attempt("owner", "10.0.0.1", "b1") as attempt:
        attempt.succeeded()
    fail(guesses, PAIR.free, "owner")
    assert wait_of(guesses, "owner") == 1
    assert wait_of(guesses, "owner", browser="b2") == 1  # where nobody has logged in
    assert wait_of(guesses, "owner", browser="b1") == 0
    fail(guesses, PAIR.free - 1, "owner", "10.0.0.9", browser="b1")
    assert wait_of(guesses, "owner", browser="b1") == 1  # its own count, wherever it is
    with given.database.writing() as connection:
        throttle.unlock(connection, "owner")
    assert wait_of(guesses, "owner", browser="b1") == 0
    passed(given, KNOWN.total_seconds())
    fail(guesses, PAIR.free, "owner")
    assert wait_of(guesses, "owner", browser="b1") == 1  # it was here too long ago


def test_no_browser_is_not_a_browser_that_is_known(given: Parts, guesses: Throttle) -> None:
    with guesses.attempt("owner", "10.0.0.1") as attempt:
        attempt.succeeded()
    set_failures(given, "address", "10.0.0.2", failures=ADDRESS.free)
    assert wait_of(guesses, "owner", "10.0.0.2") == 1


def test_a_colleague_over_http(given: Parts, url: str) -> None:
    owner = make_account(given.database, Role.ADMIN, login="owner")
    right, wrong = ({"login": "owner", "password": word} for word in (PASSWORD, "wrong"))
    with signed_in(url, owner) as client:
        client.delete("/api/session")
        answers = [httpx.post(f"{url}/api/session", json=wrong, timeout=10) for _ in range(6)]
        assert answers[-1].status_code == 429
        assert client.post("/api/session", json=right).status_code == 200


def test_a_new_account_gets_in_where_others_closed_the_address(given: Parts, url: str) -> None:
    admin = make_account(given.database, Role.ADMIN)
    with signed_in(url, admin) as client:
        set_failures(given, "address", "127.0.0.1", failures=99)
        new = {"login": "fresh", "name": "f", "role": "viewer", "places": ["0"]}
        once = client.post("/api/accounts", json=new).json()["one_time_password"]
    login = {"login": "fresh", "password": once}
    assert httpx.post(f"{url}/api/session", json=login, timeout=10).status_code == 200


def test_the_first_administrator_gets_in_where_others_closed_the_address(
    given: Parts, url: str
) -> None:
    set_failures(given, "address", "127.0.0.1", failures=99)
    once = directory.first_admin(given.database)
    login = {"login": "admin", "password": once}
    assert httpx.post(f"{url}/api/session", json=login, timeout=10).status_code == 200


def test_logins_that_wait_for_the_writer_hold_few_threads(given: Parts, url: str) -> None:
    login = {"login": "x", "password": "x"}
    known = bearer(given.database)
    httpx.get(f"{url}/api/incidents", headers=known, timeout=10)  # its first use is noted now

    def answer(_n: int) -> str:
        got = httpx.post(f"{url}/api/session", json=login, timeout=60)
        return str(got.json()["code"])

    with ThreadPoolExecutor(60) as pool, given.database.writing():
        answers = [pool.submit(answer, n) for n in range(60)]
        until(lambda: sum(one.done() for one in answers) >= 60 - throttle.SEATS, "the others")
        began_s = time.monotonic()
        assert httpx.get(f"{url}/api/ways-to-sign-in", timeout=10).status_code == 200
        assert httpx.get(f"{url}/api/incidents", headers=known, timeout=10).status_code == 200
        assert time.monotonic() - began_s < 4
    said = Counter(one.result() for one in answers)
    assert said["busy"] > 60 // 2


def test_who_was_sent_away_did_not_guess(given: Parts, guesses: Throttle) -> None:
    with pytest.raises(BusyError), guesses.attempt("a", "x"):
        raise BusyError
    assert given.rows(tables.login_failures) == []


def test_what_counts_no_more_is_removed(given: Parts, guesses: Throttle) -> None:
    fail(guesses, 2)
    with guesses.attempt("other", "10.0.0.9") as attempt:
        attempt.succeeded()
    now = datetime.now(UTC)
    # Three counters of failures, and one address where a login has succeeded:
    for moment, left in ((now, 4), (now + FORGOTTEN, 1), (now + KNOWN, 0)):
        with given.database.writing() as connection:
            throttle.forget_old(connection, moment + timedelta(seconds=1))
        assert len(given.rows(tables.login_failures)) == left


def test_neither_login_nor_address_is_kept(given: Parts, guesses: Throttle) -> None:
    fail(guesses, 1, login="correct horse", address="192.0.2.77")
    kept = repr(given.rows(tables.login_failures))
    assert "horse" not in kept
    assert "192.0.2.77" not in kept


@pytest.mark.parametrize(
    ("host", "same_as"),
    [
        ("2001:db8::1", "2001:db8::ffff:1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::2%eth1"),
    ],
)
def test_addresses_of_one_subscriber(host: str, same_as: str) -> None:
    def seen(host: str) -> str:
        scope = {"type": "http", "client": (host, 1), "headers": []}
        return throttle.client_address(throttle.Request(scope))

    assert seen(host) == seen(same_as)
    assert seen(host) != seen("2001:db8:1::1")


def test_over_http(given: Parts, url: str) -> None:
    account = make_account(given.database, Role.ADMIN, login="admin")
    wrong = {"login": "admin", "password": "wrong"}
    for _ in range(PAIR.free):
        assert httpx.post(f"{url}/api/session", json=wrong, timeout=10).status_code == 401
    right = {"login": "admin", "password": PASSWORD}
    answer = httpx.post(f"{url}/api/session", json=right, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
    assert answer.headers["retry-after"] == "1"
    # Nobody believes what a client says about its address:
    spoofed = {"x-forwarded-for": "203.0.113.5"}
    again = httpx.post(f"{url}/api/session", json=right, headers=spoofed, timeout=10)
    assert again.status_code == 429
    passed(given, 1.0)
    assert httpx.post(f"{url}/api/session", json=right, timeout=10).status_code == 200
    audited = [row["action"] for row in given.rows(tables.audit)]
    assert audited == ["account.login_slowed", "session.began"]
    assert given.rows(tables.audit)[0]["object_id"] == str(account.account_id)


def test_an_unknown_login_slowed_is_in_no_audit(given: Parts, url: str) -> None:
    wrong = {"login": "my-password-typed-by-mistake", "password": "wrong"}
    for _ in range(PAIR.free + 2):
        httpx.post(f"{url}/api/session", json=wrong, timeout=10)
    assert given.rows(tables.audit) == []
