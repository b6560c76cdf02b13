"""What other sites' pages may make a browser do: nothing."""

import socket
from collections.abc import Iterator

import httpx
import pytest

from service import guards
from service.accounts.roles import Role
from service.database import Database
from service.settings import ServiceSettings
from tests.service.helpers import opened, settings_for, sqlite_copy
from tests.service.process import serving
from tests.service.signing_in import PASSWORD, Account, bearer, make_account, signed_in

TOKEN = {"name": "x", "scopes": ["incident.read"], "expires_in_days": 1}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> ServiceSettings:
    directory = tmp_path_factory.mktemp("guards")
    url = sqlite_copy(directory)
    return settings_for("redis://127.0.0.1:1/0", directory, database_url=url)


@pytest.fixture(scope="module")
def database(settings: ServiceSettings) -> Iterator[Database]:
    with opened(settings.database_url) as found:
        yield found


@pytest.fixture(scope="module")
def url(settings: ServiceSettings) -> Iterator[str]:
    """One service for all: the guards keep nothing, and stand before any database."""
    with serving(settings) as served:
        yield served


@pytest.fixture
def viewer(database: Database) -> Account:
    return make_account(database, Role.VIEWER)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("sent", [None, "", "0" * 64, "ÿ", "another's"])
def test_changes_need_the_pages_own_token(url: str, viewer: Account, sent: str | None) -> None:
    with signed_in(url, viewer) as client, signed_in(url, viewer) as other:
        good = client.headers.pop("X-CSRF-Token")
        if sent == "another's":
            sent = other.headers["X-CSRF-Token"]
        headers = {} if sent is None else {"X-CSRF-Token": sent.encode("latin-1")}
        for answer in (
            client.post("/api/tokens", json=TOKEN, headers=headers),
            client.delete("/api/session", headers=headers),
        ):
            assert code(answer) == (403, "csrf")
        assert client.get("/api/tokens").json() == {"tokens": []}
        made = client.post("/api/tokens", json=TOKEN, headers={"X-CSRF-Token": good})
        assert made.status_code == 201


def test_a_bearers_changes_need_no_token_of_a_page(database: Database, url: str) -> None:
    place = {"code": "330100", "parent_code": "0", "level": "city", "name": "杭州"}
    made = httpx.post(f"{url}/api/places", json=place, headers=bearer(database))
    assert made.status_code == 201


FOREIGN = (
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": ""},
    {"origin": "http://127.0.0.1"},
    {"origin": "http://127.0.0.1:1"},
    {"origin": "https://{host}"},
    {"origin": "http://{host}.evil.example"},
    {"origin": "http://evil.example@{host}"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"origin": "http://{host}", "sec-fetch-site": "cross-site"},
)


def test_foreign_pages_change_nothing_and_log_nobody_in(
    database: Database, url: str, viewer: Account
) -> None:
    login = {"login": viewer.login, "password": PASSWORD}
    by_token = bearer(database)
    with signed_in(url, viewer) as client:
        for foreign in FOREIGN:
            headers = {
                k: v.replace("{host}", client.base_url.netloc.decode()) for k, v in foreign.items()
            }
            answer = httpx.post(f"{url}/api/session", json=login, headers=headers)
            assert code(answer) == (403, "foreign_origin"), foreign
            assert "set-cookie" not in answer.headers
            for refused in (
                client.post("/api/tokens", json=TOKEN, headers=headers),
                client.delete("/api/session", headers=headers),
                client.post("/api/tokens", json=TOKEN, headers=headers | by_token),
            ):
                assert code(refused) == (403, "foreign_origin"), foreign
        assert client.get("/api/tokens").json() == {"tokens": []}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://{host}"},
        {"origin": "http://{host}", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
    ],
)
def test_our_own_page_does(url: str, viewer: Account, headers: dict[str, str]) -> None:
    host = url.removeprefix("http://")
    headers = {name: value.replace("{host}", host) for name, value in headers.items()}
    login = {"login": viewer.login, "password": PASSWORD}
    assert httpx.post(f"{url}/api/session", json=login, headers=headers).status_code == 200


def test_two_origins_are_not_our_own(url: str, viewer: Account) -> None:
    login = {"login": viewer.login, "password": PASSWORD}
    both = [("origin", url), ("origin", "https://evil.example")]
    answer = httpx.post(f"{url}/api/session", json=login, headers=both)
    assert code(answer) == (403, "foreign_origin")


def test_bodies_have_an_end(url: str) -> None:
    most = guards.LARGEST_BODIES["/api/session"]
    content = b" " * (most + 1)

    def pieces() -> Iterator[bytes]:
        for _ in range(most // 1000 + 1):
            yield b" " * 1000

    for body in (content, pieces()):
        answer = httpx.post(f"{url}/api/session", content=body)
        assert code(answer) == (413, "too_large")
    assert code(httpx.post(f"{url}/api/session", content=content[:most])) == (
        422,
        "invalid_request",
    )


def test_a_body_without_an_end_is_not_waited_for(url: str) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    most = guards.LARGEST_BODIES["/api/session"]
    with socket.create_connection((host, int(port)), timeout=5) as endless:
        head = f"POST /api/session HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunk = f"{most + 1:x}\r\n".encode() + b" " * (most + 1) + b"\r\n"
        endless.sendall(head.encode() + chunk)  # and more could come
        assert endless.recv(1024).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "foreign", ["u@{}", "{}/x", "{}?x", "{}#x", "{}\\x", "{}%00", "a {}", "{},x", ""]
)
def test_a_host_is_a_name_and_a_port(url: str, foreign: str) -> None:
    own = url.removeprefix("http://")
    answer = httpx.get(f"{url}/healthz", headers={"host": foreign.format(own)})
    assert code(answer) == (421, "foreign_host")
    for host in (own, "LOCALHOST:8600", "[::1]:8600"):
        assert httpx.get(f"{url}/healthz", headers={"host": host}).status_code == 200
