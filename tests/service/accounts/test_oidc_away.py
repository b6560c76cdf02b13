"""A provider that hangs or fails keeps nobody from anything else."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, Self

import httpx
import pytest
import structlog

from service.accounts import oidc, oidc_flows
from service.settings import OidcSettings
from tests.service.accounts.oidc_logins import go, oidc_account, return_from, served
from tests.service.accounts.providers import Hostile, nonce_of, send, state_of
from tests.service.helpers import ON_SQLITE, Parts
from tests.support.waiting import until

DISCOVERY = "/.well-known/openid-configuration"

QUICK_S = 15.0
"""A slow machine's: whoever had to await the provider would take a minute."""


class Hanging:
    """A page that doesn't answer before it is let go."""

    def __init__(self) -> None:
        self._over = threading.Event()

    def __call__(self, _handler: object) -> None:
        self._over.wait(60)

    def let_go(self) -> None:
        self._over.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Let go before a pool is waited for: a test that fails does so at once."""
        self.let_go()


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    """Nobody else ends it, however slow the machine."""
    monkeypatch.setattr(oidc, "STEP_LIMIT_S", 60.0)
    with Hanging() as page:
        yield page


def answered(futures: list[Future[httpx.Response]]) -> list[httpx.Response]:
    return [one.result() for one in futures if one.done()]


def test_a_provider_that_hangs_holds_one_thread(
    given: Parts, lying: Hostile, browser: httpx.Client, hanging: Hanging
) -> None:
    lying.pages[DISCOVERY] = hanging
    url = str(browser.base_url)
    with ThreadPoolExecutor(60) as pool, hanging:
        tries = [pool.submit(httpx.get, f"{url}/api/session/oidc", timeout=60) for _ in range(60)]
        until(lambda: len(answered(tries)) == 59, "all but the one that asks")
        for path in ("healthz", "api/ways-to-sign-in"):
            assert httpx.get(f"{url}/{path}", timeout=QUICK_S).status_code == 200
        assert len(answered(tries)) == 59  # it still hangs
        hanging.let_go()
    assert {(one.status_code, one.json()["code"]) for one in answered(tries)} == {
        (503, "oidc_unavailable")
    }


def test_ways_back_hold_few_threads(
    given: Parts,
    lying: Hostile,
    browser: httpx.Client,
    hanging: Hanging,
) -> None:
    address = go(browser)
    lying.pages["/token"] = hanging
    back = {"code": "junk", "state": state_of(address)}
    cookie = {"cookie": f"fengsui_login={browser.cookies['fengsui_login']}"}
    url = f"{browser.base_url}/api/session/oidc/callback"
    with ThreadPoolExecutor(60) as pool, hanging:
        tries = [
            pool.submit(httpx.get, url, params=back, headers=cookie, timeout=60) for _ in range(60)
        ]
        at_once = 60 - oidc.WAYS_BACK
        until(lambda: len(answered(tries)) >= at_once, "all but who has or awaits a seat")
        for path in ("healthz", "api/ways-to-sign-in"):
            answer = httpx.get(f"{browser.base_url}/{path}", timeout=QUICK_S)
            assert answer.status_code == 200
        until(lambda: len(answered(tries)) == 60 - oidc.SEATS, "all but the seated")
        go(browser)  # what is known of the provider needs no exchange
        assert len(answered(tries)) == 60 - oidc.SEATS
        hanging.let_go()
    landed = {one.headers["location"] for one in answered(tries)}
    assert landed == {"/login?sign_in=unavailable"}


def test_at_a_shift_change_everybody_gets_in(
    given: Parts, lying: Hostile, browser: httpx.Client
) -> None:
    people = 15

    def slow(handler: Any) -> None:
        time.sleep(0.3)
        send(handler, json.dumps(lying.answer("/token")).encode())

    lying.pages["/token"] = slow
    lying.claims = {"nonce": "for none of them"}  # answered by the provider; refused, not away
    flows = []
    for _ in range(people):
        address = go(browser)
        flows.append((state_of(address), browser.cookies["fengsui_login"]))
        browser.cookies.clear()

    def come_back(flow: tuple[str, str]) -> str:
        state, cookie = flow
        answer = httpx.get(
            f"{browser.base_url}/api/session/oidc/callback",
            params={"code": "a code", "state": state},
            headers={"cookie": f"fengsui_login={cookie}"},
            timeout=20,
        )
        return answer.headers["location"]

    with ThreadPoolExecutor(people) as pool:
        landed = list(pool.map(come_back, flows))
    assert landed == ["/login?sign_in=refused"] * people
    assert len(lying.asked) == people


def provider(lying: Hostile) -> oidc.Provider:
    return oidc.Provider(OidcSettings(issuer=lying.issuer, client_id="fengsui"))


def all_seats_taken(one: oidc.Provider) -> ExitStack:
    seats = ExitStack()
    for _ in range(oidc.SEATS):
        one._seats.acquire()
        seats.callback(one._seats.release)
    return seats


def test_taken_seats_dont_make_the_provider_away(lying: Hostile) -> None:
    one, flow = provider(lying), oidc_flows.begin()
    with all_seats_taken(one), pytest.raises(oidc.SeatsTakenError):
        one.address(flow, "http://x")
    assert one.address(flow, "http://x").startswith(lying.issuer)


def test_what_it_said_holds_while_it_fails_and_while_seats_are_taken(
    lying: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "METADATA_LASTS_S", 0.0)
    one, flow = provider(lying), oidc_flows.begin()
    before = one.address(flow, "http://x")
    with all_seats_taken(one):
        assert one.address(flow, "http://x") == before
    asked: list[str] = []

    def failing(handler: Any) -> None:
        asked.append(handler.path)
        send(handler, b"", 500)

    lying.pages[DISCOVERY] = failing
    for _ in range(3):
        assert one.address(flow, "http://x") == before
    assert len(asked) == 1


@ON_SQLITE
def test_that_it_works_again_is_told_and_by_the_same_way(
    given: Parts, lying: Hostile, browser: httpx.Client
) -> None:
    oidc_account(given)
    with structlog.testing.capture_logs() as told:
        lying.pages["/token"] = lambda handler: send(handler, b"", 500)
        assert return_from(browser, lying) == "/login?sign_in=unavailable"
        go(browser)
        assert [one["event"] for one in told if one.get("part") == "oidc.back"] == [
            "the identity provider can't be used: /token answers 500"
        ]
        del lying.pages["/token"]
        lying.nonce = ""
        assert return_from(browser, lying) == "/"
    again = [one["part"] for one in told if one["event"] == "works again"]
    assert again == ["oidc.back"]


@ON_SQLITE
def test_health_needs_no_thread(
    given: Parts, lying: Hostile, browser: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def address(*_any: object) -> str:
        go_on.wait(20)
        return ""

    monkeypatch.setattr(oidc.Provider, "address", address)
    with ThreadPoolExecutor(50) as pool:
        tries = [pool.submit(browser.get, "/api/session/oidc", timeout=60) for _ in range(50)]
        time.sleep(1)
        try:
            assert httpx.get(f"{browser.base_url}/healthz", timeout=2).status_code == 200
        finally:
            go_on.set()
    assert len(answered(tries)) == 50


@ON_SQLITE
def test_a_fault_is_remembered_for_some_seconds(
    given: Parts, lying: Hostile, browser: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "FAULT_LASTS_S", 1.5)
    asked: list[str] = []

    def failing(handler: Any) -> None:
        asked.append(handler.path)
        send(handler, b"", 500)

    lying.pages[DISCOVERY] = failing
    for _ in range(10):
        assert browser.get("/api/session/oidc").status_code == 503
    assert len(asked) == 1
    del lying.pages[DISCOVERY]
    until(lambda: browser.get("/api/session/oidc").status_code == 302, "the provider again")


@ON_SQLITE
def test_what_it_said_holds_while_it_is_asked_again(
    given: Parts,
    lying: Hostile,
    hanging: Hanging,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(oidc, "METADATA_LASTS_S", 0.0)
    oidc_account(given)
    with served(given, lying.issuer) as browser:
        address = go(browser)
        lying.pages[DISCOVERY] = hanging
        with ThreadPoolExecutor(1) as pool, hanging:
            first = pool.submit(httpx.get, f"{browser.base_url}/api/session/oidc", timeout=60)
            time.sleep(0.5)
            lying.nonce = nonce_of(address)
            assert return_from(browser, lying, address) == "/"
            assert not first.done()
            hanging.let_go()
