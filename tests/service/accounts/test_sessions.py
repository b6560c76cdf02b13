"""Logging in and out, over real HTTP."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import sqlalchemy as sa
from argon2.exceptions import VerifyMismatchError

from service import tables
from service.accounts import passwords, sessions
from service.accounts.roles import PERMISSIONS, Role
from tests.service.helpers import ON_SQLITE, Parts, alert
from tests.service.process import feed, serving
from tests.service.signing_in import PASSWORD, Account, log_in, make_account, signed_in, token
from tests.support.waiting import until

JSON = {"content-type": "application/json"}
NEW = "a river under the slope"


@pytest.fixture
def url(given: Parts) -> Iterator[str]:
    with serving(given.settings) as served:
        yield served


@pytest.fixture
def viewer(given: Parts) -> Account:
    return make_account(given.database, Role.VIEWER, login="viewer")


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def aged(given: Parts, **values: datetime) -> None:
    with given.database.writing() as connection:
        connection.execute(sa.update(tables.sessions).values(**values))


def test_who_is_logged_in(url: str, viewer: Account) -> None:
    with signed_in(url, viewer) as client:
        session = client.get("/api/session").json()
        assert session["account"]["login"] == "viewer"
        assert [one["code"] for one in session["account"]["places"]] == ["0"]
        assert session["permissions"] == sorted(PERMISSIONS[Role.VIEWER])
        assert session["csrf_token"] == client.headers["X-CSRF-Token"]
        assert session["expires_at"].endswith("Z")
        assert client.get("/api/incidents").status_code == 200
        assert code(client.get("/api/status")) == (403, "forbidden")
        assert client.delete("/api/session").status_code == 204
        assert code(client.get("/api/incidents")) == (401, "unauthenticated")


@ON_SQLITE
def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(url: str, viewer: Account) -> None:
    with httpx.Client(base_url=url) as client:
        answer = client.post("/api/session", json={"login": "viewer", "password": PASSWORD})
    cookie, _ = answer.headers.get_list("set-cookie")
    said = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert said == {"httponly", "samesite=strict", "path=/"}
    assert cookie.startswith("fengsui_session=")
    assert answer.headers["cache-control"] == "no-store"


def test_only_hashes_are_kept(given: Parts, url: str, viewer: Account) -> None:
    with signed_in(url, viewer) as client:
        secret = client.cookies["fengsui_session"]
    kept = [*given.rows(tables.sessions), *given.rows(tables.accounts)]
    assert secret not in repr(kept)
    assert PASSWORD not in repr(kept)
    assert given.rows(tables.sessions)[0]["session_hash"] == sessions.hash_of(secret)
    assert given.rows(tables.accounts)[0]["password_hash"].startswith("$argon2id$v=19$")


WRONG = (
    ("viewer", "wrong"),
    ("nobody", PASSWORD),
    ("VIEWER", PASSWORD),
    ("viewer\x00", PASSWORD),
    ("viewer\n", PASSWORD),
    ("\ud800", "\udfff"),
    ("\u202eviewer", PASSWORD),
    ("<script>alert(1)</script>", PASSWORD),
    ("' OR 1=1 --", PASSWORD),
    ("v" * 10_000, PASSWORD),
    ("viewer", "p" * 10_000),
    ("", ""),
)


def test_wrong_logins_are_one_answer(given: Parts, url: str, viewer: Account) -> None:
    answers = []
    for login, password in WRONG:
        body = json.dumps({"login": login, "password": password})  # can hold half a character
        answer = httpx.post(f"{url}/api/session", content=body, headers=JSON, timeout=10)
        assert code(answer) == (401, "wrong_login"), login
        assert "set-cookie" not in answer.headers
        answers.append(answer.json())
    assert answers == answers[:1] * len(WRONG)
    assert given.rows(tables.sessions) == []


@ON_SQLITE
def test_an_unknown_login_costs_as_much(
    url: str, viewer: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes: list[str] = []

    class Counting:
        def verify(self, password_hash: str, _password: bytes) -> bool:
            hashes.append(password_hash)
            raise VerifyMismatchError

    monkeypatch.setattr(passwords, "_HASHER", Counting())
    monkeypatch.setattr(passwords, "_nobodys", lambda: "nobody's")
    for login in ("viewer", "nobody", "not \x00 a login"):
        httpx.post(f"{url}/api/session", json={"login": login, "password": "x"}, timeout=10)
        assert len(hashes) == 1, login
        hashes.clear()


@ON_SQLITE
def test_a_session_that_the_browser_brought_is_never_taken_over(
    given: Parts, url: str, viewer: Account
) -> None:
    with httpx.Client(base_url=url, cookies={"fengsui_session": "planted" * 7}) as client:
        answer = client.post("/api/session", json={"login": "viewer", "password": PASSWORD})
        assert answer.cookies["fengsui_session"] != "planted" * 7
    planted = {"cookie": f"fengsui_session={'planted' * 7}"}
    assert code(httpx.get(f"{url}/api/session", headers=planted)) == (401, "unauthenticated")


def test_a_browser_keeps_a_secret_of_its_own_that_says_nothing(
    given: Parts, url: str, viewer: Account
) -> None:
    right = {"login": "viewer", "password": PASSWORD}
    with httpx.Client(base_url=url) as client:
        answer = client.post("/api/session", json=right)
        (cookie,) = (one for one in answer.headers.get_list("set-cookie") if "browser" in one)
        said = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert said == {"httponly", "samesite=strict", "path=/", "max-age=2592000"}
        secret = client.cookies["fengsui_browser"]
        assert client.post("/api/session", json=right).cookies["fengsui_browser"] == secret
        for planted in ("x", "x" * 44, "x" * 42 + "é"):
            headers = {"cookie": f"fengsui_browser={planted}".encode()}
            answer = httpx.post(f"{url}/api/session", json=right, headers=headers)
            assert len(answer.cookies["fengsui_browser"]) == 43
    assert secret not in repr(given.rows(tables.login_failures))


def test_a_session_that_another_s_login_ends_is_in_the_audit(
    given: Parts, url: str, viewer: Account
) -> None:
    other = make_account(given.database, Role.VIEWER, login="other")
    with signed_in(url, viewer) as client:
        log_in(client, other)
    audited = [(row["actor"], row["action"]) for row in given.rows(tables.audit)]
    began = "session.began"
    assert audited == [("viewer", began), ("viewer", "session.ended"), ("other", began)]


def test_logging_in_again_ends_the_session_before(given: Parts, url: str, viewer: Account) -> None:
    with signed_in(url, viewer) as client:
        before = {"cookie": f"fengsui_session={client.cookies['fengsui_session']}"}
        log_in(client, viewer)
        assert len(given.rows(tables.sessions)) == 1
        assert httpx.get(f"{url}/api/session", headers=before).status_code == 401


@pytest.mark.parametrize(
    ("ages_s", "status"),
    [
        ((12 * 3600 - 60, 12 * 3600), 200),
        ((12 * 3600 + 1, 12 * 3600 + 1), 401),
        ((0, 24 * 3600 - 60), 200),
        ((0, 24 * 3600 + 1), 401),
    ],
    ids=["used within a shift", "idle for a shift", "within a day", "a day old"],
)
def test_a_session_ends_when_idle_or_old(
    given: Parts, url: str, viewer: Account, ages_s: tuple[int, int], status: int
) -> None:
    with signed_in(url, viewer) as client:
        used, began = (datetime.now(UTC) - timedelta(seconds=age_s) for age_s in ages_s)
        aged(given, used_at=used, began_at=began)
        assert client.get("/api/session").status_code == status


def test_use_keeps_a_session_and_a_feed_does_not(given: Parts, url: str, viewer: Account) -> None:
    earlier = datetime.now(UTC) - timedelta(hours=1)
    with signed_in(url, viewer) as client:
        cookie = f"fengsui_session={client.cookies['fengsui_session']}"
        with feed(f"{url}/api/feed", cookie=cookie) as reader:
            aged(given, used_at=earlier)
            given.send(alert(drill=True))
            reader.events(1)
            assert given.rows(tables.sessions)[0]["used_at"] == earlier
        client.get("/api/session")
        assert given.rows(tables.sessions)[0]["used_at"] > earlier


def test_what_has_run_out_is_removed(given: Parts, viewer: Account) -> None:
    with given.database.writing() as connection:
        sessions.begin(connection, viewer.account_id, sessions.Way.PASSWORD)
        sessions.forget_old(connection, datetime.now(UTC) + timedelta(hours=11))
    assert len(given.rows(tables.sessions)) == 1
    with given.database.writing() as connection:
        sessions.forget_old(connection, datetime.now(UTC) + timedelta(hours=13))
    assert given.rows(tables.sessions) == []


def test_a_one_time_password_is_good_for_choosing_another(given: Parts, url: str) -> None:
    once = make_account(given.database, Role.ADMIN, login="new", password_once=True)
    with signed_in(url, once) as client, signed_in(url, once) as other:
        assert client.get("/api/session").json()["password_once"] is True
        for refused in (client.get("/api/incidents"), client.get("/api/status")):
            assert code(refused) == (403, "password_change_required")
        bearer = {"Authorization": f"Bearer {token(given.database, once)}"}
        by_token = httpx.get(f"{url}/api/incidents", headers=bearer)
        assert code(by_token) == (403, "password_change_required")

        before = client.cookies["fengsui_session"]
        change = {"current_password": PASSWORD, "new_password": NEW}
        changed = client.post("/api/session/password", json=change)
        assert (changed.status_code, changed.json()["password_once"]) == (200, False)
        assert client.cookies["fengsui_session"] != before
        assert client.get("/api/incidents").status_code == 200
        assert other.get("/api/session").status_code == 401
    again = httpx.post(f"{url}/api/session", json={"login": "new", "password": PASSWORD})
    assert code(again) == (401, "wrong_login")


def test_a_one_time_password_runs_out(given: Parts, url: str) -> None:
    once = make_account(given.database, Role.ADMIN, login="late", password_once=True)
    with given.database.writing() as connection:
        ago = datetime.now(UTC) - timedelta(seconds=1)
        connection.execute(sa.update(tables.accounts).values(password_expires_at=ago))
    body = {"login": once.login, "password": PASSWORD}
    assert code(httpx.post(f"{url}/api/session", json=body)) == (401, "wrong_login")


@ON_SQLITE
def test_weak_passwords(url: str, viewer: Account) -> None:
    weak = (
        ("short", "12 to 256"),
        ("é" * 10_000, "12 to 256"),
        ("aaaabbbbccccdddd", "different characters"),
        ("password123456", "password"),
        ("viewer-viewer-1", "viewer"),
        (PASSWORD, "another one than before"),
    )
    with signed_in(url, viewer) as client:
        for new, advice in weak:
            change = {"current_password": PASSWORD, "new_password": new}
            answer = client.post("/api/session/password", json=change)
            assert code(answer) == (422, "weak_password"), new
            assert advice in answer.json()["detail"]
            assert answer.json()["errors"][0]["field"] == "new_password"
            assert answer.json()["errors"][0]["code"].startswith("password_")
            assert client.get("/api/session").status_code == 200


@ON_SQLITE
def test_changing_needs_the_present_password(url: str, viewer: Account) -> None:
    with signed_in(url, viewer) as client:
        change = {"current_password": "wrong", "new_password": NEW}
        assert code(client.post("/api/session/password", json=change)) == (401, "wrong_login")
        assert client.get("/api/session").status_code == 200


def test_a_disabled_account_is_out_at_once(given: Parts, url: str, viewer: Account) -> None:
    bearer = {"Authorization": f"Bearer {token(given.database, viewer)}"}
    with signed_in(url, viewer) as client:
        with given.database.writing() as connection:
            connection.execute(sa.update(tables.accounts).values(disabled_at=datetime.now(UTC)))
        assert client.get("/api/incidents").status_code == 401
        assert httpx.get(f"{url}/api/incidents", headers=bearer).status_code == 401
        again = {"login": viewer.login, "password": PASSWORD}
        assert code(client.post("/api/session", json=again)) == (401, "wrong_login")


def test_a_feed_ends_with_its_session(url: str, viewer: Account) -> None:
    with signed_in(url, viewer) as client:
        cookie = f"fengsui_session={client.cookies['fengsui_session']}"
        with feed(f"{url}/api/feed", cookie=cookie) as reader:
            client.delete("/api/session")
            assert list(reader.response.iter_lines())[-1] == ""  # ends, rather than going on


def test_a_role_changes_for_the_next_request(given: Parts, url: str, viewer: Account) -> None:
    with signed_in(url, viewer) as client:
        assert client.get("/api/status").status_code == 403
        with given.database.writing() as connection:
            connection.execute(sa.update(tables.accounts).values(role=Role.OPS))
        assert client.get("/api/status").status_code == 200
        assert client.get("/api/incidents").status_code == 403


@ON_SQLITE
def test_a_flood_of_logins_is_sent_away(
    url: str, viewer: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = [passwords._SEATS.acquire(blocking=False) for _ in range(passwords.SEATS)]
    try:
        body = {"login": "viewer", "password": PASSWORD}
        answer = httpx.post(f"{url}/api/session", json=body, timeout=3)  # at once
        assert code(answer) == (503, "busy")
        assert answer.headers["retry-after"] == "2"
    finally:
        for _ in taken:
            passwords._SEATS.release()
    assert httpx.post(f"{url}/api/session", json=body, timeout=10).status_code == 200


@ON_SQLITE
def test_what_was_refused_is_counted(given: Parts, url: str, viewer: Account) -> None:
    httpx.post(f"{url}/api/session", json={"login": "x", "password": "y"}, timeout=10)
    httpx.get(f"{url}/api/session", headers={"cookie": "fengsui_session=x"})
    httpx.get(f"{url}/api/session")  # nobody has been refused here
    ops = token(given.database, make_account(given.database, Role.OPS))
    shown = httpx.get(f"{url}/metrics", headers={"Authorization": f"Bearer {ops}"}).text
    counted = {line for line in shown.splitlines() if "fengsui_refused_logins_total{" in line}
    assert counted == {
        'fengsui_refused_logins_total{reason="wrong_password"} 1.0',
        'fengsui_refused_logins_total{reason="unknown"} 1.0',
    }


def test_what_is_audited(given: Parts, url: str, viewer: Account) -> None:
    with signed_in(url, viewer) as client:
        change = {"current_password": PASSWORD, "new_password": NEW}
        client.headers["X-CSRF-Token"] = client.post("/api/session/password", json=change).json()[
            "csrf_token"
        ]
        client.delete("/api/session")
    until(lambda: len(given.rows(tables.audit)) == 3, "the entries")
    rows = given.rows(tables.audit)
    assert [row["action"] for row in rows] == [
        "session.began",
        "account.password_changed",
        "session.ended",
    ]
    assert {row["actor"] for row in rows} == {"viewer"}
    assert NEW not in repr(rows)


@pytest.mark.parametrize(("once", "status", "revoked"), [(False, 200, 0), (True, 401, 1)])
def test_tokens_beside_a_one_time_password_end_with_it(
    given: Parts, url: str, once: bool, status: int, revoked: int
) -> None:
    account = make_account(given.database, Role.VIEWER, password_once=once)
    by_token = {"Authorization": f"Bearer {token(given.database, account)}"}
    with signed_in(url, account) as client:
        change = {"current_password": PASSWORD, "new_password": NEW}
        assert client.post("/api/session/password", json=change).status_code == 200
        assert httpx.get(f"{url}/api/incidents", headers=by_token).status_code == status
    (changed,) = (r for r in given.rows(tables.audit) if r["action"] == "account.password_changed")
    assert f'"tokens_revoked":{revoked}' in changed["body"]
