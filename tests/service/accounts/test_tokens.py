"""API tokens, over real HTTP."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa

from service import tables
from service.accounts import sessions, tokens
from service.accounts.roles import SCOPES, Permission, Role
from tests.service.helpers import ON_SQLITE, Parts
from tests.service.process import feed, serving
from tests.service.signing_in import Account, make_account, signed_in, token


@pytest.fixture
def url(given: Parts) -> Iterator[str]:
    with serving(given.settings) as served:
        yield served


@pytest.fixture
def operator(given: Parts) -> Account:
    return make_account(given.database, Role.OPERATOR)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def ask(url: str, secret: str, path: str = "/api/incidents", **headers: str) -> httpx.Response:
    return httpx.get(url + path, headers={"Authorization": f"Bearer {secret}", **headers})


def unsigned(**claims: object) -> str:
    parts = [{"alg": "none", "typ": "JWT"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in parts]
    return b".".join([*encoded, b""]).decode()


def test_a_token_from_its_making_to_its_end(given: Parts, url: str, operator: Account) -> None:
    with signed_in(url, operator) as client:
        wanted = {"name": "脚本", "scopes": ["incident.read"], "expires_in_days": 7}
        made = client.post("/api/tokens", json=wanted)
        assert made.status_code == 201
        secret = made.json().pop("secret")
        assert secret.startswith("fs_")
        assert len(secret) == 46
        (listed,) = client.get("/api/tokens").json()["tokens"]
        assert listed == {k: v for k, v in made.json().items() if k != "secret"}
        assert (listed["used_at"], listed["revoked_at"]) == (None, None)

        assert ask(url, secret).status_code == 200
        assert code(ask(url, secret, "/api/status")) == (403, "forbidden")
        assert client.get("/api/tokens").json()["tokens"][0]["used_at"].endswith("Z")
        where = f"/api/tokens/{listed['token_id']}"
        assert client.delete(where).status_code == 204
        assert code(ask(url, secret)) == (401, "unauthenticated")
        first_revoked = given.rows(tables.tokens)[0]["revoked_at"]
        assert client.delete(where).status_code == 204
        assert given.rows(tables.tokens)[0]["revoked_at"] == first_revoked
    kept = [given.rows(table) for table in (tables.tokens, tables.audit)]
    assert secret not in repr(kept)
    audited = [row["action"] for row in given.rows(tables.audit)]
    assert audited[1:3] == ["token.created", "token.revoked"]


NO_TOKENS = (
    "",
    "fs_",
    "fs_" + "A" * 43,
    "fs_" + "A" * 7000,
    unsigned(sub="admin", role="admin", exp=9999999999),
    unsigned(sub="admin").replace(".", "fs_", 1),
    "null",
    "fs_\u00ff",
    "' OR 1=1 --",
)


def test_what_is_no_token_is_one_answer(url: str, operator: Account) -> None:
    for secret in NO_TOKENS:
        headers = {"Authorization": f"Bearer {secret}".rstrip().encode("latin-1")}
        answer = httpx.get(f"{url}/api/incidents", headers=headers)
        assert code(answer) == (401, "unauthenticated"), secret
        assert answer.headers["www-authenticate"].startswith("Bearer"), secret
        assert answer.json() == httpx.get(f"{url}/api/incidents").json(), secret


def test_expired_revoked_and_foreign_are_the_same_answer(
    given: Parts, url: str, operator: Account
) -> None:
    expired = token(given.database, operator, lasts=timedelta(seconds=-1))
    other = make_account(given.database, Role.OPERATOR)
    revoked = token(given.database, other)
    with given.database.writing() as connection:
        tokens.revoke_all(connection, other.account_id)
    disabled = token(given.database, make_account(given.database, Role.ADMIN, login="gone"))
    with given.database.writing() as connection:
        connection.execute(
            sa.update(tables.accounts)
            .where(tables.accounts.c.login == "gone")
            .values(disabled_at=datetime.now(UTC))
        )
    nobody = httpx.get(f"{url}/api/incidents").json()
    for secret in (expired, revoked, disabled, "eyJ", "fs_" + "B" * 43):
        assert (ask(url, secret).status_code, ask(url, secret).json()) == (401, nobody)
    ops = token(given.database, make_account(given.database, Role.OPS))
    shown = ask(url, ops, "/metrics").text
    for reason in ("expired", "revoked", "disabled", "malformed", "unknown"):
        assert f'fengsui_refused_logins_total{{reason="{reason}"}} 2.0' in shown


@ON_SQLITE
def test_a_token_wins_over_a_cookie_good_or_bad(given: Parts, url: str, operator: Account) -> None:
    narrow = token(given.database, operator, [Permission.CAMERA_READ])
    with signed_in(url, operator) as client:
        assert client.get("/api/incidents").status_code == 200
        by_token = client.get("/api/incidents", headers={"Authorization": f"Bearer {narrow}"})
        assert code(by_token) == (403, "forbidden")
        bad = client.get("/api/incidents", headers={"Authorization": "Bearer nonsense"})
        assert code(bad) == (401, "unauthenticated")


def test_a_token_can_never_do_more_than_its_account(
    given: Parts, url: str, operator: Account
) -> None:
    with signed_in(url, operator) as client:
        wanted = {"name": "x", "scopes": ["account.read", "incident.read"], "expires_in_days": 1}
        answer = client.post("/api/tokens", json=wanted)
        assert code(answer) == (422, "beyond_role")
        assert "account.read" in answer.json()["detail"]
    secret = token(given.database, operator, Permission)  # as if made in another role
    assert ask(url, secret, "/api/accounts").status_code == 403
    with given.database.writing() as connection:
        connection.execute(sa.update(tables.accounts).values(role=Role.INTEGRATOR))
    assert code(ask(url, secret)) == (403, "forbidden")


@ON_SQLITE
def test_no_token_is_for_managing_accounts(given: Parts, url: str) -> None:
    wanted = {"name": "x", "scopes": list(Permission), "expires_in_days": 1}
    with signed_in(url, make_account(given.database, Role.ADMIN)) as client:
        answer = client.post("/api/tokens", json=wanted)
        assert code(answer) == (422, "beyond_role")
        assert "hold account.write, evidence.hold, evidence.retain:" in answer.json()["detail"]
        assert client.post("/api/tokens", json=wanted | {"scopes": list(SCOPES)}).is_success


@ON_SQLITE
def test_tokens_that_cant_be(url: str, operator: Account) -> None:
    wrong: tuple[tuple[dict[str, object], str], ...] = (
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes.0"),
        ({"expires_in_days": 0}, "expires_in_days"),
        ({"expires_in_days": 367}, "expires_in_days"),
        ({"name": "a\u202eb"}, "name"),
        ({"secret": "mine"}, "secret"),
    )
    with signed_in(url, operator) as client:
        for change, field in wrong:
            wanted = {"name": "x", "scopes": ["incident.read"], "expires_in_days": 1} | change
            answer = client.post("/api/tokens", json=wanted)
            assert code(answer) == (422, "invalid_request"), change
            assert [one["field"] for one in answer.json()["errors"]] == [field], change


@ON_SQLITE
def test_a_token_manages_no_tokens_and_no_sessions(
    given: Parts, url: str, operator: Account
) -> None:
    headers = {"Authorization": f"Bearer {token(given.database, operator)}"}
    with httpx.Client(base_url=url, headers=headers) as client:
        wanted = {"name": "x", "scopes": ["incident.read"], "expires_in_days": 1}
        passwords = {"current_password": "x", "new_password": "y"}
        for answer in (
            client.get("/api/tokens"),
            client.post("/api/tokens", json=wanted),
            client.delete(f"/api/tokens/{uuid4()}"),
            client.get("/api/session"),
            client.delete("/api/session"),
            client.post("/api/session/password", json=passwords),
        ):
            assert code(answer) == (403, "session_needed")


def test_somebody_elses_token_does_not_exist(given: Parts, url: str, operator: Account) -> None:
    other = make_account(given.database, Role.ADMIN)
    secret = token(given.database, other)
    (row,) = given.rows(tables.tokens)
    with signed_in(url, operator) as client:
        assert client.get("/api/tokens").json() == {"tokens": []}
        answers = [client.delete(f"/api/tokens/{one}") for one in (row["token_id"], uuid4())]
    assert {code(answer) for answer in answers} == {(404, "unknown_token")}
    assert ask(url, secret).status_code == 200


def test_use_is_noted_once_a_minute(given: Parts, url: str, operator: Account) -> None:
    secret = token(given.database, operator)

    def used_at() -> datetime:
        found: datetime = given.rows(tables.tokens)[0]["used_at"]
        return found

    ask(url, secret)
    first = used_at()
    ask(url, secret)
    assert used_at() == first
    with given.database.writing() as connection:
        earlier = first - sessions.TOUCHED_EVERY
        connection.execute(sa.update(tables.tokens).values(used_at=earlier))
    ask(url, secret)
    assert used_at() > first


def test_a_feed_ends_with_its_token(given: Parts, url: str, operator: Account) -> None:
    secret = token(given.database, operator)
    with feed(f"{url}/api/feed", Authorization=f"Bearer {secret}") as reader:
        with given.database.writing() as connection:
            tokens.revoke_all(connection, operator.account_id)
        assert "retry" in "".join(reader.response.iter_lines())  # it ends


def test_an_account_has_so_many_tokens_and_no_more(
    given: Parts, url: str, operator: Account
) -> None:
    wanted = {"name": "x", "scopes": ["incident.read"], "expires_in_days": 1}
    token(given.database, operator, lasts=timedelta(seconds=-1))  # counts no more
    token(given.database, make_account(given.database, Role.VIEWER))  # counts elsewhere
    for _ in range(tokens.MOST - 1):
        token(given.database, operator)
    with signed_in(url, operator) as client:
        last = client.post("/api/tokens", json=wanted)
        assert last.status_code == 201
        assert code(client.post("/api/tokens", json=wanted)) == (409, "too_many_tokens")
        assert client.delete(f"/api/tokens/{last.json()['token_id']}").status_code == 204
        assert client.post("/api/tokens", json=wanted).status_code == 201
