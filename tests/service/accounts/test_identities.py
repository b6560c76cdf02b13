"""The binding of an account to an identity can be undone, and ends what it let in."""

from collections.abc import Iterator

import httpx
import pytest
import sqlalchemy as sa

from service import tables
from service.accounts.roles import Role
from tests.service.accounts.oidc_logins import oidc_account, return_from
from tests.service.accounts.providers import Hostile
from tests.service.helpers import Parts
from tests.service.signing_in import bearer, make_account, signed_in


@pytest.fixture
def admin(given: Parts, browser: httpx.Client) -> Iterator[httpx.Client]:
    account = make_account(given.database, Role.ADMIN, login="admin")
    with signed_in(str(browser.base_url), account) as client:
        yield client


def where(given: Parts, login: str = "zhang.san") -> str:
    (row,) = (one for one in given.rows(tables.accounts) if one["login"] == login)
    return f"/api/accounts/{row['account_id']}"


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_who_is_bound_to_another_provider_is_let_in_after_a_reset(
    given: Parts, lying: Hostile, browser: httpx.Client, admin: httpx.Client
) -> None:
    oidc_account(given)
    assert return_from(browser, lying) == "/"
    csrf = {"X-CSRF-Token": browser.get("/api/session").json()["csrf_token"]}
    new = {"name": "x", "scopes": ["incident.read"], "expires_in_days": 1}
    assert browser.post("/api/tokens", json=new, headers=csrf).status_code == 201
    with given.database.writing() as connection:  # as if the provider had moved
        connection.execute(
            sa.update(tables.accounts)
            .where(tables.accounts.c.login == "zhang.san")
            .values(oidc_issuer="https://old.example")
        )
    lying.nonce = ""
    with httpx.Client(base_url=browser.base_url) as another:
        assert return_from(another, lying) == "/login?sign_in=refused"
        assert admin.delete(f"{where(given)}/identity").status_code == 204
        assert browser.get("/api/session").status_code == 401
        lying.nonce = ""
        assert return_from(another, lying) == "/"
    (unbound,) = (r for r in given.rows(tables.audit) if r["action"] == "account.unbound")
    assert unbound["actor"] == "admin"
    assert '"issuer":"https://old.example"' in unbound["body"]
    assert '"tokens_revoked":1' in unbound["body"]
    assert given.rows(tables.tokens)[0]["revoked_at"] is not None


def test_an_account_with_a_password_has_no_identity(given: Parts, admin: httpx.Client) -> None:
    make_account(given.database, Role.VIEWER, login="viewer")
    before = given.rows(tables.accounts)
    assert code(admin.delete(f"{where(given, 'viewer')}/identity")) == (409, "no_identity")
    assert given.rows(tables.accounts) == before


def test_a_token_unbinds_nobody(given: Parts, browser: httpx.Client) -> None:
    oidc_account(given)
    headers = bearer(given.database)
    answer = browser.delete(f"{where(given)}/identity", headers=headers)
    assert code(answer) == (403, "session_needed")


def disable(admin: httpx.Client, path: str) -> httpx.Response:
    tag = admin.get(path).headers["etag"]
    return admin.delete(path, headers={"If-Match": tag})


def test_an_administrator_who_never_came_is_not_counted(
    given: Parts, lying: Hostile, browser: httpx.Client, admin: httpx.Client
) -> None:
    oidc_account(given, "mistyped", Role.ADMIN)
    assert code(disable(admin, where(given, "admin"))) == (409, "last_admin")
    oidc_account(given, "zhang.san", Role.ADMIN)
    assert return_from(browser, lying) == "/"
    with given.database.writing() as connection:  # as if the provider had moved
        moved = sa.update(tables.accounts).where(tables.accounts.c.login == "zhang.san")
        connection.execute(moved.values(oidc_issuer="https://old.example"))
    assert code(disable(admin, where(given, "admin"))) == (409, "last_admin")
    with given.database.writing() as connection:
        connection.execute(moved.values(oidc_issuer=lying.issuer))
    assert disable(admin, where(given, "admin")).status_code == 204
    csrf = {"X-CSRF-Token": browser.get("/api/session").json()["csrf_token"]}
    own = browser.delete(f"{where(given)}/identity", headers=csrf)
    assert code(own) == (409, "last_admin")
