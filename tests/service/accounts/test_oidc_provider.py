"""What the service believes of an identity provider: an honest answer, and no lie."""

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from service import tables
from service.accounts import oidc
from tests.service.accounts.oidc_logins import go, oidc_account, return_from, served
from tests.service.accounts.providers import (
    CLIENT_ID,
    Hostile,
    nonce_of,
    send,
    state_of,
)
from tests.service.helpers import Parts


@pytest.fixture
def given(lone: Parts) -> Parts:
    """What is believed of a provider has nothing to do with the kind of database."""
    return lone


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


def test_the_keys_are_asked_for_rarely_and_a_new_one_is_found(
    given: Parts, lying: Hostile, browser: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    oidc_account(given)
    asked: list[str] = []

    def keys(handler: Any) -> None:
        asked.append(handler.path)
        send(handler, json.dumps(lying.answer("/jwks")).encode())

    def landed() -> str:
        lying.nonce = ""
        return return_from(browser, lying)

    lying.pages["/jwks"] = keys
    assert [landed() for _ in range(3)] == ["/"] * 3
    assert len(asked) == 1
    lying.key = RSAKey.generate_key(2048, {"kid": "two"})
    lying.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": "two"}, claims, lying.key)
    assert landed() == "/login?sign_in=refused"  # asked for less than a minute ago
    assert len(asked) == 1
    monkeypatch.setattr(oidc, "KEYS_ASKED_EVERY_S", 0.0)
    assert [landed() for _ in range(2)] == ["/"] * 2
    assert len(asked) == 2
    monkeypatch.setattr(oidc, "KEYS_LAST_S", 0.0)  # a key that was withdrawn goes as well
    lying.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": "two"}, claims, old)
    old, lying.key = lying.key, RSAKey.generate_key(2048, {"kid": "three"})
    assert landed() == "/login?sign_in=refused"


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


def test_an_answer_of_another_issuer_is_refused(
    given: Parts, lying: Hostile, browser: httpx.Client
) -> None:
    address = go(browser)
    back = {"code": "x", "state": state_of(address), "iss": "https://evil.example"}
    answer = browser.get("/api/session/oidc/callback", params=back)
    assert answer.headers["location"] == "/login?sign_in=refused"
    assert lying.asked == []


def test_the_provider_is_asked_about_itself_rarely(
    given: Parts, lying: Hostile, browser: httpx.Client
) -> None:
    go(browser)
    lying.pages["/.well-known/openid-configuration"] = lambda handler: send(handler, b"", 500)
    go(browser)


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
