"""Fewer bytes to whoever takes them, and never of an answer that holds a secret."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.datastructures import Headers

from service.accounts.roles import Role
from service.compression import LONG_LISTS, takes_gzip
from service.web.routes import BUILT
from tests.service.estate import OWN, fill
from tests.service.helpers import Parts, opened, settings_for, sqlite_copy
from tests.service.process import feed, serving
from tests.service.signing_in import bearer, make_account, signed_in

SCRIPT = max((BUILT / "assets").glob("*.js"), key=lambda path: path.stat().st_size)
TAKEN = [
    "gzip",
    "gzip, deflate, br",
    "br;q=1.0, gzip;q=0.8, *;q=0.1",
    "*",
    "GZIP;Q=0.001",
    "x-gzip",
]
NOT_TAKEN = ["", "identity", "br", "gzip;q=0", "gzip;q=0.000, *", "*;q=0", "identity, gzip;q=0.5",
             "gzip;q=x", "gzip;q=nan"]  # fmt: skip


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    directory = tmp_path_factory.mktemp("compression")
    settings = settings_for("redis://127.0.0.1:1/0", directory, database_url=sqlite_copy(directory))
    with opened(settings.database_url) as database:
        fill(database)
        headers = bearer(database)
        with serving(settings) as url, httpx.Client(base_url=url, headers=headers) as client:
            yield client


def raw(
    client: httpx.Client, path: str, accepted: str, method: str = "GET"
) -> tuple[httpx.Headers, bytes]:
    """Return an answer's headers, and its bytes as they came."""
    with client.stream(method, path, headers={"Accept-Encoding": accepted}) as answer:
        assert answer.status_code in {200, 404}
        return answer.headers, b"".join(answer.iter_raw())


@pytest.mark.parametrize("accepted", TAKEN)
def test_who_takes_gzip(accepted: str) -> None:
    assert takes_gzip(Headers({"accept-encoding": accepted}))


@pytest.mark.parametrize("accepted", NOT_TAKEN)
def test_who_does_not(accepted: str) -> None:
    assert not takes_gzip(Headers({"accept-encoding": accepted}))


def test_a_header_in_two_lines_is_one() -> None:
    lines = [(b"accept-encoding", b"br"), (b"accept-encoding", b"gzip;q=0.5")]
    assert takes_gzip(Headers(raw=lines))


def test_the_console_s_files_come_compressed_and_whole(quiet: httpx.Client) -> None:
    path, content = f"/assets/{SCRIPT.name}", SCRIPT.read_bytes()
    plain, body = raw(quiet, path, "gzip;q=0")
    assert (body, plain.get("content-encoding")) == (content, None)
    zipped, body = raw(quiet, path, "gzip")
    assert (gzip.decompress(body), zipped["content-encoding"]) == (content, "gzip")
    assert len(body) < len(content) / 2
    for headers, size in ((plain, len(content)), (zipped, len(body))):
        assert headers["vary"] == "Accept-Encoding"
        assert int(headers["content-length"]) == size
        assert headers["cache-control"].endswith("immutable")
    head, nothing = raw(quiet, path, "gzip", "HEAD")
    assert (nothing, head["content-length"]) == (b"", zipped["content-length"])
    assert head["content-encoding"] == "gzip"


def test_the_page_itself_comes_compressed_the_unknown_one_too(quiet: httpx.Client) -> None:
    index = (BUILT / "index.html").read_bytes()
    for path in ("/live", "/nothing-here"):
        with quiet.stream(
            "GET", path, headers={"Accept-Encoding": "gzip", "Accept": "text/html"}
        ) as answer:
            assert answer.headers["content-encoding"] == "gzip"
            assert gzip.decompress(b"".join(answer.iter_raw())) == index


def test_long_lists_come_compressed(filled: httpx.Client) -> None:
    for number in range(1, 9):
        village = {"code": f"{OWN}00{number}", "parent_code": OWN, "level": "village", "name": "村"}
        assert filled.post("/api/places", json=village).status_code == 201
    for path in ("/api/openapi.json", f"/api/places?parent={OWN}"):
        plain, whole = raw(filled, path, "identity")
        zipped, body = raw(filled, path, "gzip")
        assert len(whole) > 1024, path
        assert gzip.decompress(body) == whole, path
        assert (plain.get("content-encoding"), zipped["content-encoding"]) == (None, "gzip")
        assert plain["vary"] == zipped["vary"] == "Accept-Encoding"


def test_short_answers_and_those_with_an_etag_stay_as_they_are(filled: httpx.Client) -> None:
    (camera, *_) = filled.get("/api/cameras").json()["cameras"]
    for path in (f"/api/cameras/{camera['camera_id']}", "/api/places"):
        headers, _ = raw(filled, path, "gzip")
        assert "content-encoding" not in headers, path


def test_no_secret_is_compressed(tmp_path: Path) -> None:
    settings = settings_for("redis://127.0.0.1:1/0", tmp_path, database_url=sqlite_copy(tmp_path))
    told = 0
    with (
        opened(settings.database_url) as database,
        serving(settings) as url,
        signed_in(url, make_account(database, Role.ADMIN)) as page,
    ):
        page.headers["Accept-Encoding"] = "gzip"
        for path, operations in page.get("/api/openapi.json").json()["paths"].items():
            if "get" not in operations or "{" in path or path == "/api/feed":
                continue
            answer = page.get(path)
            if page.headers["X-CSRF-Token"] in answer.text:
                told += 1
                assert path not in LONG_LISTS  # which this short answer would not show
                assert "content-encoding" not in answer.headers, path
    assert told == 1, "the session"


def test_the_feed_is_never_compressed(given: Parts) -> None:
    headers = {**bearer(given.database), "Accept-Encoding": "gzip"}
    with serving(given.settings) as url, feed(f"{url}/api/feed", **headers) as reader:
        assert reader.response.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in reader.response.headers
