"""Logins at an identity provider, step by step."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from pipelines.secrets import Secret
from service.accounts import store
from service.accounts.roles import Role
from service.settings import OidcSettings
from tests.service.accounts.providers import (
    CLIENT_ID,
    Hostile,
    nonce_of,
    state_of,
)
from tests.service.helpers import Parts
from tests.service.process import serving

SECRET = "s3cret: with / signs"


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
