"""Logging in at an identity provider: the way there and back, and whose account it opens."""

import base64
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import sqlalchemy as sa

from service import tables
from service.accounts import oidc_flows
from service.accounts.roles import Role
from tests.service.accounts.oidc_logins import go, oidc_account, return_from, served
from tests.service.accounts.providers import (
    Hostile,
    agree,
    honest_provider,
    nonce_of,
    state_of,
)
from tests.service.helpers import ON_SQLITE, Parts
from tests.service.process import serving
from tests.service.signing_in import bearer, make_account


def test_with_a_real_provider(given: Parts) -> None:
    oidc_account(given)
    with honest_provider(subject1="zhang.san", subject2="li.si") as issuer:
        with served(given, issuer) as browser:
            ways = browser.get("/api/ways-to-sign-in").json()
            assert ways == {"password": True, "oidc": {"name": "统一认证"}}
            back = agree(go(browser), "subject1")
            landed = browser.get(back)
            assert (landed.status_code, landed.headers["location"]) == (303, "/")
            assert browser.get("/api/session").json()["account"]["login"] == "zhang.san"
            assert browser.get("/api/incidents").status_code == 200
            again = browser.get(back)
            assert again.headers["location"] == "/login?sign_in=expired"
        (row,) = given.rows(tables.accounts)
        assert (row["oidc_issuer"], row["oidc_subject"]) == (issuer, "subject1")
        with served(given, issuer) as stranger:
            landed = stranger.get(agree(go(stranger), "subject2"))
            assert landed.headers["location"] == "/login?sign_in=refused"
            assert stranger.get("/api/session").status_code == 401
    audited = [row["action"] for row in given.rows(tables.audit)]
    assert audited == ["account.bound", "session.began"]


@ON_SQLITE
def test_the_cookies_of_the_way(given: Parts, lying: Hostile, browser: httpx.Client) -> None:
    oidc_account(given)
    there = browser.get("/api/session/oidc")
    (flow,) = there.headers.get_list("set-cookie")
    assert "HttpOnly" in flow
    assert "SameSite=lax" in flow
    assert "Max-Age=600" in flow
    address = there.headers["location"]
    lying.nonce = nonce_of(address)
    back = {"code": "a code", "state": state_of(address)}
    answer = browser.get("/api/session/oidc/callback", params=back)
    cookies = {one.split("=")[0]: one for one in answer.headers.get_list("set-cookie")}
    assert "Max-Age=0" in cookies["fengsui_login"]
    assert "SameSite=strict" in cookies["fengsui_session"]
    assert "HttpOnly" in cookies["fengsui_session"]
    ((_, form, authorization),) = lying.asked
    assert form["grant_type"] == "authorization_code"
    assert form["redirect_uri"] == f"{browser.base_url}/api/session/oidc/callback".replace(
        "//api", "/api"
    )
    assert len(form["code_verifier"]) >= 43
    told = base64.b64decode(str(authorization).removeprefix("Basic ")).decode()
    assert told == "fengsui%20console:s3cret%3A%20with%20%2F%20signs"
    assert "code_challenge_method=S256" in address
    assert form["code_verifier"] not in address


def test_a_way_back_is_good_once(given: Parts, lying: Hostile, browser: httpx.Client) -> None:
    oidc_account(given)
    address = go(browser)
    flow = {"cookie": f"fengsui_login={browser.cookies['fengsui_login']}"}
    assert return_from(browser, lying, address) == "/"
    back = {"code": "a code", "state": state_of(address)}
    with httpx.Client(base_url=browser.base_url, headers=flow) as again:
        answer = again.get("/api/session/oidc/callback", params=back)
    assert answer.headers["location"] == "/login?sign_in=expired"
    assert len(given.rows(tables.sessions)) == 1


def test_a_login_is_finished_once_in_time_and_in_its_own_browser(
    given: Parts, lying: Hostile, browser: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    oidc_account(given)
    address = go(browser)
    lying.nonce = nonce_of(address)
    back = {"code": "a code", "state": state_of(address)}
    path = "/api/session/oidc/callback"
    with httpx.Client(base_url=browser.base_url) as victim:
        assert victim.get(path, params=back).headers["location"] == "/login?sign_in=expired"
        go(victim)  # with a login of its own on its way
        assert victim.get(path, params=back).headers["location"] == "/login?sign_in=expired"
    for wrong in ({}, {"state": "x"}, {"code": "x", "state": "\u0000"}, {"error": "access_denied"}):
        assert browser.get(path, params=wrong).headers["location"] == "/login?sign_in=expired"
    monkeypatch.setattr(oidc_flows, "LASTS", timedelta(0))
    assert browser.get(path, params=back).headers["location"] == "/login?sign_in=expired"
    assert lying.asked == []
    monkeypatch.undo()
    assert return_from(browser, lying, address) == "/"


def test_a_login_that_came_too_late_can_not_be_made_younger(
    given: Parts, lying: Hostile, browser: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    oidc_account(given)
    long_ago = int(datetime.now(UTC).timestamp()) - 3600
    monkeypatch.setattr(oidc_flows, "_now_s", lambda: long_ago)
    address = go(browser)
    monkeypatch.undo()
    lying.nonce = nonce_of(address)
    old = browser.cookies["fengsui_login"]
    younger = oidc_flows.Flow(began_s=long_ago + 3600, secret=old.partition(".")[2])
    path = "/api/session/oidc/callback"
    for cookie, state, landed in (
        (old, state_of(address), "expired"),
        (younger.cookie, state_of(address), "expired"),
        (younger.cookie, younger.state, "refused"),  # the provider signed another nonce
        (f"{younger.began_s}.", younger.state, "expired"),
        (f"-1.{younger.secret}", younger.state, "expired"),
        ("²." + younger.secret, younger.state, "expired"),
    ):
        headers = {"cookie": f"fengsui_login={cookie}".encode()}
        params = {"code": "a code", "state": state}
        with httpx.Client(base_url=browser.base_url, headers=headers) as one:
            answer = one.get(path, params=params)
        assert answer.headers["location"] == f"/login?sign_in={landed}", cookie
    assert given.rows(tables.sessions) == []


def test_clocks_of_replicas_may_be_a_minute_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    flow = oidc_flows.begin()
    for later_s, good in ((-61, False), (-60, True), (-1, True), (599, True), (600, False)):
        monkeypatch.setattr(oidc_flows, "_now_s", lambda at_s=flow.began_s + later_s: at_s)
        assert (oidc_flows.returned(flow.state, flow.cookie) == flow) is good, later_s


@ON_SQLITE
def test_a_denied_login_is_refused(given: Parts, lying: Hostile, browser: httpx.Client) -> None:
    address = go(browser)
    back = {"error": "access_denied", "state": state_of(address)}
    answer = browser.get("/api/session/oidc/callback", params=back)
    assert answer.headers["location"] == "/login?sign_in=refused"


def test_a_name_that_became_somebody_elses_is_refused(
    given: Parts, lying: Hostile, browser: httpx.Client
) -> None:
    oidc_account(given)
    assert return_from(browser, lying) == "/"
    browser.cookies.clear()
    lying.nonce, lying.claims = "", {"sub": "subject-2"}
    assert return_from(browser, lying) == "/login?sign_in=refused"
    oidc_account(given, "li.si")
    lying.nonce, lying.claims = "", {"preferred_username": "li.si"}
    assert return_from(browser, lying) == "/login?sign_in=refused"
    assert browser.get("/api/session").status_code == 401


def test_accounts_with_a_password_and_disabled_ones_stay_closed(
    given: Parts, lying: Hostile, browser: httpx.Client
) -> None:
    make_account(given.database, Role.ADMIN, login="zhang.san")
    assert return_from(browser, lying) == "/login?sign_in=refused"
    oidc_account(given, "li.si")
    with given.database.writing() as connection:
        connection.execute(sa.update(tables.accounts).values(disabled_at=datetime.now(UTC)))
    lying.nonce, lying.claims = "", {"preferred_username": "li.si"}
    assert return_from(browser, lying) == "/login?sign_in=refused"


def test_the_session_before_ends(given: Parts, lying: Hostile, browser: httpx.Client) -> None:
    oidc_account(given)
    assert return_from(browser, lying) == "/"
    before = browser.cookies["fengsui_session"]
    lying.nonce = ""
    assert return_from(browser, lying) == "/"
    assert browser.cookies["fengsui_session"] != before
    assert len(given.rows(tables.sessions)) == 1
    audited = [row["action"] for row in given.rows(tables.audit)]
    assert audited == ["account.bound", "session.began", "session.ended", "session.began"]


def test_the_session_before_ends_though_its_cookie_stays_behind_on_the_way_back(
    given: Parts, lying: Hostile, browser: httpx.Client
) -> None:
    oidc_account(given)
    assert return_from(browser, lying) == "/"
    (before,) = given.rows(tables.sessions)
    address = go(browser)
    assert len(given.rows(tables.sessions)) == 1  # to set out ends nothing
    browser.cookies.delete("fengsui_session")
    lying.nonce = ""
    assert return_from(browser, lying, address) == "/"
    (after,) = given.rows(tables.sessions)
    assert after["session_hash"] != before["session_hash"]
    audited = [row["action"] for row in given.rows(tables.audit)]
    assert audited == ["account.bound", "session.began", "session.ended", "session.began"]


def test_whose_session_ends_can_not_be_chosen_afterwards() -> None:
    flow = oidc_flows.begin("a" * 64)
    assert oidc_flows.returned(flow.state, flow.cookie) == flow
    for other in ("", "." + "b" * 64, "." + "A" * 64, ".x"):
        cookie = flow.cookie.removesuffix("." + "a" * 64) + other
        assert oidc_flows.returned(flow.state, cookie) is None


@ON_SQLITE
def test_who_comes_by_oidc_changes_no_password(
    given: Parts, lying: Hostile, browser: httpx.Client
) -> None:
    oidc_account(given)
    return_from(browser, lying)
    csrf = {"X-CSRF-Token": browser.get("/api/session").json()["csrf_token"]}
    change = {"current_password": "", "new_password": "a river under the slope"}
    answer = browser.post("/api/session/password", json=change, headers=csrf)
    assert (answer.status_code, answer.json()["code"]) == (409, "no_password")


def test_whoever_sets_out_again_and_again_leaves_nothing_and_keeps_nobody_out(
    given: Parts, lying: Hostile, browser: httpx.Client
) -> None:
    oidc_account(given)
    address = go(browser)
    with (
        given.database.writing(),  # which none of these waits for
        httpx.Client(base_url=browser.base_url) as stranger,
    ):
        for _ in range(20):
            go(stranger)
            junk = stranger.get("/api/session/oidc/callback", params={"code": "x", "state": "y"})
            assert junk.headers["location"] == "/login?sign_in=expired"
    assert given.rows(tables.oidc_flows) == []
    assert return_from(browser, lying, address) == "/"
    with given.database.writing() as connection:
        # It may have begun a minute ahead of this clock, which may be a minute ahead of another.
        oidc_flows.forget_old(connection, datetime.now(UTC) + timedelta(minutes=11, seconds=50))
    assert len(given.rows(tables.oidc_flows)) == 1
    with given.database.writing() as connection:
        oidc_flows.forget_old(connection, datetime.now(UTC) + timedelta(minutes=12))
    assert given.rows(tables.oidc_flows) == []


@ON_SQLITE
def test_what_does_not_end_in_a_session_is_counted(given: Parts, browser: httpx.Client) -> None:
    browser.get("/api/session/oidc/callback", params={"code": "x", "state": "y"})
    headers = bearer(given.database)
    assert (
        'refused_logins_total{reason="oidc"} 1.0' in browser.get("/metrics", headers=headers).text
    )


@ON_SQLITE
def test_without_a_provider(given: Parts) -> None:
    with serving(given.settings) as url:
        assert httpx.get(f"{url}/api/ways-to-sign-in").json() == {"password": True, "oidc": None}
        assert httpx.get(f"{url}/api/session/oidc").json()["code"] == "no_provider"
        answer = httpx.get(f"{url}/api/session/oidc/callback")
        assert answer.headers["location"] == "/login?sign_in=expired"
