"""Logging in at an identity provider: an honest one, and ones that lie."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from pipelines.secrets import Secret
from service import tables
from service.accounts import oidc, oidc_flows, store
from service.accounts.roles import Role
from service.settings import OidcSettings
from tests.service.accounts.providers import (
    CLIENT_ID,
    Hostile,
    agree,
    honest_provider,
    hostile_provider,
    nonce_of,
    send,
    state_of,
)
from tests.service.helpers import Parts
from tests.service.process import serving
from tests.service.signing_in import make_account

SECRET = "s3cret: with / signs"


@pytest.fixture
def lying() -> Iterator[Hostile]:
    with hostile_provider() as made:
        yield made


@pytest.fixture
def browser(given: Parts, lying: Hostile) -> Iterator[httpx.Client]:
    with served(given, lying.issuer) as client:
        yield client


@contextmanager
def served(given: Parts, issuer: str, **changes: Any) -> Iterator[httpx.Client]:
    settings = OidcSettings(
        issuer=issuer, client_id=CLIENT_ID, client_secret=Secret(SECRET), name="统一认证"
    )
    with (
        serving(given.settings, oidc=settings, **changes) as url,
        httpx.Client(base_url=url, timeout=20) as client,
    ):
        yield client


def oidc_account(given: Parts, login: str = "zhang.san", role: Role = Role.VIEWER) -> None:
    with given.database.writing() as connection:
        store.insert(
            connection,
            login=login,
            name="张三",
            role=role,
            place_codes=["0"],
            password_hash=None,
            created_by="test",
        )


def go(browser: httpx.Client) -> str:
    """Set out; gives the provider's address."""
    answer = browser.get("/api/session/oidc")
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def return_from(browser: httpx.Client, lying: Hostile, address: str | None = None) -> str:
    """Come back from the lying provider; gives where the browser lands."""
    address = address or go(browser)
    lying.nonce = lying.nonce or nonce_of(address)
    back = {"code": "a code", "state": state_of(address)}
    answer = browser.get("/api/session/oidc/callback", params=back)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


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


def unsigned(claims: dict[str, Any]) -> str:
    parts = [{"alg": "none"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in parts]
    return b".".join([*encoded, b""]).decode()


def by_another_key(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, RSAKey.generate_key(2048))


def not_signed_but_similar(claims: dict[str, Any]) -> str:
    header, _, signature = by_another_key({}).split(".")
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{header}.{body}.{signature}"


LIES: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "somebody else"},
    "no audience": {"aud": None},
    "two audiences, nobody's": {"aud": [CLIENT_ID, "somebody else"]},
    "another party": {"azp": "somebody else"},
    "expired": {"exp": 1},
    "expired for ever": {"exp": None},
    "expiry in words": {"exp": "never"},
    "from the future": {"iat": 4102444800},
    "another nonce": {"nonce": "replayed"},
    "no nonce": {"nonce": None},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a number for a subject": {"sub": 7},
    "no login": {"preferred_username": None},
    "a hostile login": {"preferred_username": "zhang\u0000san"},
    "a list for a login": {"preferred_username": ["zhang.san"]},
    "another login": {"preferred_username": "li.si"},
    "another case": {"preferred_username": "ZHANG.SAN"},
}


def test_lies_in_the_id_token(given: Parts, lying: Hostile, browser: httpx.Client) -> None:
    oidc_account(given)
    for lie, claims in LIES.items():
        lying.nonce, lying.claims = "", claims
        assert return_from(browser, lying) == "/login?sign_in=refused", lie
        assert browser.get("/api/session").status_code == 401
    assert given.rows(tables.sessions) == []
    assert given.rows(tables.accounts)[0]["oidc_subject"] is None
    lying.nonce, lying.claims = "", {}
    assert return_from(browser, lying) == "/"


@pytest.mark.parametrize("sign", [unsigned, by_another_key, not_signed_but_similar])
def test_lies_about_the_signature(
    given: Parts, lying: Hostile, browser: httpx.Client, sign: Callable[[dict[str, Any]], str]
) -> None:
    oidc_account(given)
    lying.sign = sign
    assert return_from(browser, lying) == "/login?sign_in=refused"


@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_the_public_key_is_no_shared_secret(
    given: Parts, lying: Hostile, browser: httpx.Client, form: str
) -> None:
    oidc_account(given)
    public = lying.key.as_bytes(form, private=False)
    lying.sign = lambda claims: jwt.encode(
        {"alg": "HS256", "kid": "one"}, claims, OctKey.import_key(base64.b64encode(public))
    )
    assert return_from(browser, lying) == "/login?sign_in=refused"


def test_a_shared_secret_in_the_keys_is_none(
    given: Parts, lying: Hostile, browser: httpx.Client
) -> None:
    oidc_account(given)
    shared = OctKey.generate_key(256, {"kid": "one"})
    lying.sign = lambda claims: jwt.encode({"alg": "HS256", "kid": "one"}, claims, shared)
    keys = json.dumps({"keys": [shared.as_dict(private=True)]}).encode()
    lying.pages["/jwks"] = lambda handler: send(handler, keys)
    assert return_from(browser, lying) == "/login?sign_in=refused"


def test_other_good_signatures_and_keys_beside_theirs(
    given: Parts, lying: Hostile, browser: httpx.Client
) -> None:
    oidc_account(given)
    key = ECKey.generate_key("P-256", {"kid": "two"})
    lying.sign = lambda claims: jwt.encode({"alg": "ES256", "kid": "two"}, claims, key)
    strange = {"kty": "SM2", "kid": "three"}
    keys = json.dumps({"keys": [strange, lying.key.as_dict(), key.as_dict(private=False)]}).encode()
    lying.pages["/jwks"] = lambda handler: send(handler, keys)
    lying.claims = {"aud": [CLIENT_ID, "another"], "azp": CLIENT_ID}
    assert return_from(browser, lying) == "/"


FAULTS: dict[str, Callable[[Any], None]] = {
    "an error": lambda handler: send(handler, b"{}", 500),
    "no JSON": lambda handler: send(handler, b"<html>"),
    "a list": lambda handler: send(handler, b"[]"),
    "deep": lambda handler: send(handler, b"[" * 200_000),
    "not UTF-8": lambda handler: send(handler, b'{"a": "\xff"}'),
}


def test_a_provider_that_fails(given: Parts, lying: Hostile, browser: httpx.Client) -> None:
    oidc_account(given)
    for path in ("/jwks", "/token"):
        for name, fault in FAULTS.items():
            lying.pages[path] = fault
            landed = return_from(browser, lying, go(browser))
            assert landed == "/login?sign_in=unavailable", f"{name} at {path}"
        del lying.pages[path]


def test_a_provider_that_sends_elsewhere_or_never_ends(
    given: Parts, lying: Hostile, browser: httpx.Client
) -> None:
    oidc_account(given)
    for path in ("/jwks", "/token"):
        address = go(browser)
        lying.nonce = nonce_of(address)
        honest = json.dumps(lying.answer(path)).encode()
        lying.pages["/elsewhere"] = lambda handler, honest=honest: send(handler, honest)
        lying.pages[path] = lambda handler: send(handler, b"", 307, location="/elsewhere")
        assert return_from(browser, lying, address) == "/login?sign_in=unavailable"
        long = honest + b" " * oidc.LARGEST_BYTES
        lying.pages[path] = lambda handler, long=long: send(handler, long)
        assert return_from(browser, lying) == "/login?sign_in=unavailable"
        del lying.pages[path]


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


def test_a_token_answer_without_a_token(
    given: Parts, lying: Hostile, browser: httpx.Client
) -> None:
    oidc_account(given)
    lying.pages["/token"] = lambda handler: send(handler, b"{}")
    assert return_from(browser, lying) == "/login?sign_in=refused"


def test_a_provider_that_is_away(given: Parts) -> None:
    with served(given, "http://127.0.0.1:1") as browser:
        answer = browser.get("/api/session/oidc")
        assert (answer.status_code, answer.json()["code"]) == (503, "oidc_unavailable")
        assert browser.get("/api/ways-to-sign-in").status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://evil.example"},
        {"authorization_endpoint": "http://evil.example/authorize"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
    ],
)
def test_discovery_that_lies(
    given: Parts, lying: Hostile, browser: httpx.Client, change: dict[str, Any]
) -> None:
    told = lying.answer("/.well-known/openid-configuration") | change
    path = "/.well-known/openid-configuration"
    lying.pages[path] = lambda handler: send(handler, json.dumps(told).encode())
    assert browser.get("/api/session/oidc").json()["code"] == "oidc_unavailable"


def test_a_login_is_finished_once_in_time_and_in_its_own_browser(
    given: Parts, lying: Hostile, browser: httpx.Client
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
    with given.database.writing() as connection:
        late = datetime.now(UTC) - oidc_flows.LASTS
        connection.execute(sa.update(tables.oidc_flows).values(began_at=late))
    assert browser.get(path, params=back).headers["location"] == "/login?sign_in=expired"
    assert lying.asked == []
    lying.nonce = ""
    assert return_from(browser, lying) == "/"


def test_a_denied_login_is_refused(given: Parts, lying: Hostile, browser: httpx.Client) -> None:
    address = go(browser)
    back = {"error": "access_denied", "state": state_of(address)}
    answer = browser.get("/api/session/oidc/callback", params=back)
    assert answer.headers["location"] == "/login?sign_in=refused"


def test_an_answer_of_another_issuer_is_refused(
    given: Parts, lying: Hostile, browser: httpx.Client
) -> None:
    address = go(browser)
    back = {"code": "x", "state": state_of(address), "iss": "https://evil.example"}
    answer = browser.get("/api/session/oidc/callback", params=back)
    assert answer.headers["location"] == "/login?sign_in=refused"
    assert lying.asked == []


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


def test_who_comes_by_oidc_changes_no_password(
    given: Parts, lying: Hostile, browser: httpx.Client
) -> None:
    oidc_account(given)
    return_from(browser, lying)
    csrf = {"X-CSRF-Token": browser.get("/api/session").json()["csrf_token"]}
    change = {"current_password": "", "new_password": "a river under the slope"}
    answer = browser.post("/api/session/password", json=change, headers=csrf)
    assert (answer.status_code, answer.json()["code"]) == (409, "no_password")


def test_not_more_logins_on_their_way_than_agreed(
    given: Parts, browser: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc_flows, "MOST", 2)
    go(browser)
    go(browser)
    assert browser.get("/api/session/oidc").json()["code"] == "oidc_unavailable"
    with given.database.writing() as connection:
        oidc_flows.forget_old(connection, datetime.now(UTC) + timedelta(minutes=11))
    go(browser)


def test_the_provider_is_asked_about_itself_rarely(
    given: Parts, lying: Hostile, browser: httpx.Client
) -> None:
    go(browser)
    lying.pages["/.well-known/openid-configuration"] = lambda handler: send(handler, b"", 500)
    go(browser)


def test_without_a_provider(given: Parts) -> None:
    with serving(given.settings) as url:
        assert httpx.get(f"{url}/api/ways-to-sign-in").json() == {"password": True, "oidc": None}
        assert httpx.get(f"{url}/api/session/oidc").json()["code"] == "no_provider"
        answer = httpx.get(f"{url}/api/session/oidc/callback")
        assert answer.headers["location"] == "/login?sign_in=expired"


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://id.example/realm", True),
        ("http://127.0.0.1:9400", True),
        ("http://localhost:9400", True),
        ("http://id.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("https://user@id.example", False),
        ("ftp://id.example", False),
        ("https://", False),
        ("[", False),
    ],
)
def test_addresses_of_providers(url: str, safe: bool) -> None:
    assert oidc.is_safe(url) is safe
