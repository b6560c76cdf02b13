"""Who was let in, and may no longer when the write's turn comes: nothing is written."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from service import tables
from service.accounts import passwords, store
from service.accounts.errors import UnauthenticatedError
from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import PERMISSIONS, Permission, Role
from service.accounts.sessions import Cookies
from tests.service.helpers import Parts
from tests.service.process import serving
from tests.service.signing_in import PASSWORD, Account, make_account, signed_in, token

NEW = {"login": "new", "name": "new", "role": "admin", "places": ["0"]}
TOKEN = {"name": "x", "scopes": ["account.read"], "expires_in_days": 1}
CHANGE = {"current_password": PASSWORD, "new_password": "a river under the slope"}
EDIT = {"If-Match": '"1"'}


@pytest.fixture
def url(given: Parts) -> Iterator[str]:
    with serving(given.settings) as served:
        yield served


@pytest.fixture
def admin(given: Parts) -> Account:
    make_account(given.database, Role.ADMIN)  # so that the other isn't the last
    return make_account(given.database, Role.ADMIN)


@pytest.fixture
def viewer(given: Parts) -> Account:
    return make_account(given.database, Role.VIEWER)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def set_account(given: Parts, account: Account, **values: Any) -> sa.Update:
    mine = tables.accounts.c.account_id == account.account_id
    return sa.update(tables.accounts).where(mine).values(**values)


@contextmanager
def held_up(given: Parts, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Let the next request through the gate, tell so, and make it wait before its write."""
    inside, go_on = threading.Event(), threading.Event()
    writing = type(given.database).writing

    @contextmanager
    def late(database: Any) -> Iterator[sa.Connection]:
        if threading.current_thread() is not threading.main_thread():
            inside.set()
            assert go_on.wait(10)
        with writing(database) as connection:
            yield connection

    monkeypatch.setattr(type(given.database), "writing", late)
    try:
        yield inside
    finally:
        go_on.set()


REQUESTS: list[tuple[str, str, Any]] = [
    ("POST", "/api/accounts", NEW),
    ("PATCH", "/api/accounts/{viewer}", {"role": "admin"}),
    ("DELETE", "/api/accounts/{viewer}", None),
    ("POST", "/api/accounts/{viewer}/one-time-password", None),
    ("POST", "/api/tokens", TOKEN),
]


def refused_late(
    given: Parts,
    monkeypatch: pytest.MonkeyPatch,
    client: httpx.Client,
    request: tuple[str, str, Any],
    viewer: Account,
    *meanwhile: sa.Executable,
) -> httpx.Response:
    """Return the answer to a request during which something happens; nothing else may."""
    method, path, body = request
    path = path.format(viewer=viewer.account_id)
    with ThreadPoolExecutor(1) as pool:
        with held_up(given, monkeypatch) as inside:
            answer: Future[httpx.Response] = pool.submit(
                client.request, method, path, json=body, headers=EDIT
            )
            assert inside.wait(10)
            with given.database.writing() as connection:
                for one in meanwhile:
                    connection.execute(one)
            before = [given.rows(one) for one in (tables.accounts, tables.tokens, tables.audit)]
        found = answer.result(10)
    assert [given.rows(one) for one in (tables.accounts, tables.tokens, tables.audit)] == before
    return found


@pytest.mark.parametrize("request_of", REQUESTS, ids=lambda one: f"{one[0]} {one[1]}")
def test_who_is_disabled_meanwhile_writes_nothing(  # noqa: PLR0917
    given: Parts,
    url: str,
    admin: Account,
    viewer: Account,
    monkeypatch: pytest.MonkeyPatch,
    request_of: tuple[str, str, Any],
) -> None:
    disabled = set_account(given, admin, disabled_at=datetime.now(UTC))
    with signed_in(url, admin) as client:
        answer = refused_late(given, monkeypatch, client, request_of, viewer, disabled)
    assert code(answer) == (401, "unauthenticated")


@pytest.mark.parametrize("request_of", REQUESTS[:-1], ids=lambda one: f"{one[0]} {one[1]}")
def test_who_is_demoted_meanwhile_writes_nothing(  # noqa: PLR0917
    given: Parts,
    url: str,
    admin: Account,
    viewer: Account,
    monkeypatch: pytest.MonkeyPatch,
    request_of: tuple[str, str, Any],
) -> None:
    demoted = set_account(given, admin, role=Role.VIEWER)
    with signed_in(url, admin) as client:
        answer = refused_late(given, monkeypatch, client, request_of, viewer, demoted)
    assert code(answer) == (403, "forbidden")


def test_a_role_lost_meanwhile_is_in_no_token(
    given: Parts, url: str, admin: Account, viewer: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    demoted = set_account(given, admin, role=Role.VIEWER)
    with signed_in(url, admin) as client:
        answer = refused_late(given, monkeypatch, client, REQUESTS[-1], viewer, demoted)
    assert code(answer) == (422, "beyond_role")


def test_places_lost_meanwhile_are_foreign(
    given: Parts, url: str, admin: Account, viewer: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_admin = tables.account_places.c.account_id == admin.account_id
    moved = sa.delete(tables.account_places).where(of_admin)
    with signed_in(url, admin) as client:
        answer = refused_late(given, monkeypatch, client, REQUESTS[1], viewer, moved)
    assert code(answer) == (404, "unknown_account")


def test_a_token_revoked_meanwhile_writes_nothing(
    given: Parts, url: str, admin: Account, viewer: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {"Authorization": f"Bearer {token(given.database, admin)}"}
    revoked = sa.update(tables.tokens).values(revoked_at=datetime.now(UTC))
    with httpx.Client(base_url=url, headers=headers) as client:
        assert client.get("/api/accounts").status_code == 200  # its use is noted now
        request = ("PATCH", "/api/places/0", {"name": "x"})
        answer = refused_late(given, monkeypatch, client, request, viewer, revoked)
    assert code(answer) == (401, "unauthenticated")


def test_a_session_ended_meanwhile_revokes_no_token(
    given: Parts, url: str, admin: Account, viewer: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    token(given.database, admin)
    (row,) = given.rows(tables.tokens)
    request = ("DELETE", f"/api/tokens/{row['token_id']}", None)
    ended = sa.delete(tables.sessions)
    with signed_in(url, admin) as client:
        answer = refused_late(given, monkeypatch, client, request, viewer, ended)
    assert code(answer) == (401, "unauthenticated")


def test_a_session_ended_while_its_passwords_are_hashed_changes_none(
    given: Parts, url: str, viewer: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed, before = passwords.hashed, given.rows(tables.accounts)

    def ended(password: str) -> str:
        with given.database.writing() as connection:
            connection.execute(sa.delete(tables.sessions))
        return hashed(password)

    with signed_in(url, viewer) as client:
        monkeypatch.setattr(passwords, "hashed", ended)
        answer = client.post("/api/session/password", json=CHANGE)
    assert code(answer) == (401, "unauthenticated")
    assert given.rows(tables.accounts) == before
    assert given.rows(tables.sessions) == []


def test_an_account_disabled_while_a_password_is_hashed_makes_none(
    given: Parts, url: str, admin: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = passwords.hashed

    def disabled(password: str) -> str:
        with given.database.writing() as connection:
            connection.execute(set_account(given, admin, disabled_at=datetime.now(UTC)))
        return hashed(password)

    with signed_in(url, admin) as client:
        monkeypatch.setattr(passwords, "hashed", disabled)
        assert code(client.post("/api/accounts", json=NEW)) == (401, "unauthenticated")
    assert "new" not in {row["login"] for row in given.rows(tables.accounts)}


def test_a_principal_from_nowhere_writes_nothing(given: Parts, viewer: Account) -> None:
    gate = Gate(given.database, given.metrics, Cookies(secure=False))
    with given.database.reading() as connection:
        paths = store.paths_of(connection, viewer.account_id)
    who = Principal(
        account_id=viewer.account_id,
        login=viewer.login,
        role=viewer.role,
        permissions=PERMISSIONS[Role.ADMIN],
        paths=paths,
    )
    with pytest.raises(UnauthenticatedError), gate.writing(who, Permission.ACCOUNT_WRITE):
        pass
