"""A password that was given is looked for everywhere it must not be, and not found."""

import contextlib
import os
import re
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from pipelines import streams
from pipelines.address import camera_address, registered_address
from pipelines.drills.rtsp import Login, Mount
from pipelines.faults import BadAddressError
from pipelines.messages import Camera, CameraState, decode
from pipelines.sealing import key_pair, seal
from pipelines.secrets import Secret
from tests.pipelines.drills.live import served
from tests.pipelines.test_worker_process import FENGSUI, get
from tests.service.process import ServiceProcess
from tests.support.canary import (
    USER,
    Canary,
    everything_in,
    everything_of,
    everything_under,
)
from tests.support.drill_clip import short_drill
from tests.support.forked import Forking
from tests.support.media import REPOSITORY
from tests.support.redis_server import RedisServer, free_port
from tests.support.registrar import Registrar
from tests.support.waiting import until

CRASH = """
import sys
import fengsui
from pipelines.flow import Flow

def crash(self, timeout_s):
    import gc
    from pipelines.address import Address
    (address,) = [one for one in gc.get_objects() if isinstance(one, Address)]
    raise RuntimeError(f"at {address.url.reveal()}")

Flow.step = crash
sys.exit(fengsui.main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def camera() -> Iterator[tuple[Canary, str]]:
    """A camera with Digest and a password; yields that and its ``host:port``."""
    canary = Canary()
    mount = Mount(name="clip", clip=short_drill())
    login = Login(user=USER, password=canary.password)
    with served([mount], login=login) as (_, port):
        yield canary, f"127.0.0.1:{port}"


@pytest.fixture
def store() -> Iterator[tuple[Canary, str, streams.Client]]:
    """A Redis with a password, its address with that, and a client."""
    canary = Canary()
    with RedisServer() as server, contextlib.closing(streams.connect(server.url)) as first:
        first.config_set("requirepass", canary.password)
        url = f"redis://:{canary.quoted}@127.0.0.1:{server.port}/0"
        with contextlib.closing(streams.connect(url)) as client:
            yield canary, url, client


class Running:
    """A worker's process, with its log in a file."""

    def __init__(self, directory: Path, redis_url: str, *arguments: str | Path) -> None:
        self.port = free_port()
        self.log = directory / "worker.log"
        command = [FENGSUI, "worker", "--networks", "127.0.0.0/8"]
        command += ["--spool", directory / "spool", "--evidence", directory / "evidence"]
        command += arguments
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--metrics-port", str(self.port)], cwd=REPOSITORY, stdout=log,
                stderr=log, env={**os.environ, "FENGSUI_REDIS_URL": redis_url},
            )  # fmt: skip

    def __enter__(self) -> Self:
        until(lambda: b"worker_started" in self.log.read_bytes(), "the worker")
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def metrics(self) -> bytes:
        text: str = get(f"http://127.0.0.1:{self.port}/metrics")
        return text.encode()

    def end(self) -> None:
        self.process.terminate()
        assert self.process.wait(20) == 0


def faults(client: streams.Client) -> dict[str, str]:
    """How the cameras stand: a fault's code or a state, by id."""
    entries = client.xrange(streams.CAMERA_STATES.name)
    states = [decode(streams.body(entry), CameraState) for _, entry in entries]
    return {one.camera_id: one.fault or one.state for one in states}


def nowhere(canaries: tuple[Canary, ...], *places: Iterator[tuple[str, bytes]]) -> int:
    """Assert that no canary is in any place; returns how many were searched."""
    searched = 0
    for place in places:
        for name, content in place:
            searched += 1
            for canary in canaries:
                assert not canary.found_in(content), f"a password is in {name}"
    return searched


def test_a_password_in_a_cameras_file_stays_there(
    tmp_path: Path, camera: tuple[Canary, str], store: tuple[Canary, str, streams.Client]
) -> None:
    (canary, host), (redis_canary, redis_url, client), wrong = camera, store, Canary()
    cameras = {
        "good": f"rtsp://{USER}:{canary.quoted}@{host}/clip",
        "wrong": f"rtsp://{USER}:{wrong.quoted}@{host}/clip",
        "absent": f"rtsp://{USER}:{canary.quoted}@{host}/no-such?token={wrong.head}",
        "away": f"rtsp://{USER}:{canary.quoted}@127.0.0.1:1/user={USER}_password={wrong.head}",
    }
    file = tmp_path / "given" / "cameras.toml"
    file.parent.mkdir()
    file.write_text(
        "".join(f"[[cameras]]\ncamera_id = '{n}'\nurl = '{u}'\n" for n, u in cameras.items())
    )
    work = tmp_path / "work"
    work.mkdir()
    stands = {
        "good": "watching", "wrong": "unauthorized", "absent": "not_found", "away": "unreachable"
    }  # fmt: skip
    with Running(work, redis_url, "--cameras", file) as running:
        until(lambda: faults(client) == stands, limit_s=30)
        until(lambda: client.exists("alerts.priority"), "an alert", limit_s=40)
        seen = nowhere(
            (canary, wrong, redis_canary),
            iter([("metrics", running.metrics())]),
            everything_in(client),
            everything_under(work),
            everything_of(running.process.pid),
        )
        assert seen > 12
        running.end()
    assert b"check address, port" in running.log.read_bytes(), "faults are told"
    nowhere((canary, wrong, redis_canary), everything_under(work))


def test_a_sealed_password_is_opened_by_its_worker_alone_and_shown_by_nobody(
    tmp_path: Path, camera: tuple[Canary, str], store: tuple[Canary, str, streams.Client]
) -> None:
    (canary, host), (redis_canary, redis_url, client), wrong = camera, store, Canary()
    key = key_pair(tmp_path / "work" / "worker.key").public_key()
    foreign = key_pair(tmp_path / "other.key").public_key()
    url = f"rtsp://{host}/clip"

    def sealed(name: str, password: str, at: str = host, by: object = key) -> Camera:
        box = seal(by, name, [at], USER, password)  # type: ignore[arg-type]
        return Camera(camera_id=name, url=url, sealed_credentials=box)

    registrar = Registrar(client)
    registrar.upsert(
        sealed("good", canary.password),
        sealed("wrong", wrong.password),
        sealed("elsewhere", canary.password, at="10.0.0.9:554"),
        sealed("foreign", canary.password, by=foreign),
        Camera(camera_id="in-url", url=f"rtsp://{host}/x", sealed_credentials="v1.x.y"),
    )
    registrar.whole()
    stands = {
        "good": "watching", "wrong": "unauthorized", "elsewhere": "credentials_elsewhere",
        "foreign": "credentials_key", "in-url": "credentials_unreadable",
    }  # fmt: skip
    work = tmp_path / "work"
    with Running(work, redis_url, "--worker-key", work / "worker.key") as running:
        until(lambda: faults(client) == stands, limit_s=30)
        registrar.upsert(sealed("good", wrong.password))
        until(lambda: faults(client)["good"] == "unauthorized")
        registrar.upsert(sealed("good", canary.password))
        until(lambda: faults(client)["good"] == "watching")
        nowhere(
            (canary, wrong, redis_canary),
            iter([("metrics", running.metrics())]),
            everything_in(client),
            everything_under(tmp_path),
            everything_of(running.process.pid),
        )
        running.end()
    nowhere((canary, wrong, redis_canary), everything_under(tmp_path))


@pytest.fixture(scope="module")
def fengsui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forking]:
    with Forking(tmp_path_factory.mktemp("fengsui") / "said") as made:
        yield made


def crashing(tmp_path: Path, url: str, redis_url: str, *command: str | Path) -> bytes:
    """Run a worker that can't go on; return all that it wrote."""
    file = tmp_path / "cameras.toml"
    file.write_text(f"[[cameras]]\ncamera_id = 'a'\nurl = '{url}'\n")
    done = subprocess.run(
        [*command, "worker", "--cameras", file, "--spool", tmp_path / "spool",
         "--metrics-port", "0"], cwd=REPOSITORY, capture_output=True, timeout=60, check=False,
        env={**os.environ, "FENGSUI_REDIS_URL": redis_url},
    )  # fmt: skip
    assert done.returncode == 1
    return done.stdout + done.stderr


def test_a_crash_with_the_password_in_its_words_leaves_a_trace_without_it(tmp_path: Path) -> None:
    canary = Canary()
    said = crashing(
        tmp_path, f"rtsp://{USER}:{canary.quoted}@127.0.0.1:1/x", "redis://127.0.0.1:1/0",
        sys.executable, "-c", CRASH,
    )  # fmt: skip
    assert b"event=crashed" in said
    assert b"RuntimeError: at rtsp://***@127.0.0.1:1/x" in said
    assert b"in crash" in said
    assert not canary.found_in(said)


@pytest.mark.parametrize(
    "form", ["rtsp://{}:{}@h:x/", "rtsp://{}:{} @h/x", "http://{}:{}@h/x", "rtsp://{}:{}/w@h/x"]
)
def test_an_address_that_is_none_is_refused_without_it(
    fengsui: Forking, tmp_path: Path, form: str
) -> None:
    canary = Canary()
    file = tmp_path / "cameras.toml"
    file.write_text(f"[[cameras]]\ncamera_id = 'a'\nurl = '{form.format(USER, canary.head)}'\n")
    redis = ("--redis-url", "redis://127.0.0.1:1/0", "--metrics-port", "0")
    status, said = fengsui("worker", "--cameras", file, "--spool", tmp_path / "spool", *redis)
    assert status == 1
    assert b"fengsui: " in said
    assert not canary.found_in(said)


def test_a_redis_address_that_is_none_is_refused_without_it(tmp_path: Path) -> None:
    canary = Canary()
    for url in (f"redis://:{canary.head}/x@127.0.0.1:1/0", f"http://:{canary.head}@127.0.0.1/"):
        said = crashing(tmp_path, "rtsp://127.0.0.1:1/x", url, FENGSUI)
        assert b"write redis://host:port/0" in said
        assert not canary.found_in(said)


def test_a_password_among_the_arguments_is_refused_where_everybody_could_see_it(
    tmp_path: Path,
) -> None:
    canary = Canary()
    for url in (f"redis://:{canary.head}@h:1/0", f"redis://h:1/0?password={canary.head}"):
        command = [FENGSUI, "worker", "--redis-url", url, "--spool", tmp_path / "spool"]
        done = subprocess.run(command, capture_output=True, timeout=30, check=False, cwd=tmp_path)
        assert done.returncode == 1
        assert b"put it into FENGSUI_REDIS_URL" in done.stderr
        assert not canary.found_in(done.stdout + done.stderr)
    assert list(tmp_path.iterdir()) == []


def test_no_object_shows_it_and_no_exception_says_it() -> None:
    canary = Canary()
    url = f"rtsp://{USER}:{canary.quoted}@127.0.0.1/x"
    shown = [
        camera_address(url),
        registered_address("rtsp://127.0.0.1/x", (USER, Secret(canary.password))),
        Camera(camera_id="a", url=url),
        [Camera(camera_id="a", url=url)],
    ]
    for one in shown:
        assert not canary.found_in(f"{one} {one!r}".encode())
    words = []
    for bad in (f"{url}:x", url.replace("@", "/w@").replace("127", "h"), url[4:], f"{url} "):
        for parse in (camera_address, registered_address):
            try:
                parse(bad)
            except BadAddressError as error:
                words.append("".join(traceback.format_exception(error)) + repr(error))
    assert len(words) >= 6
    assert not canary.found_in("".join(words).encode())


def test_a_password_given_over_http_is_told_by_no_route_and_stored_nowhere(
    tmp_path: Path, camera: tuple[Canary, str], store: tuple[Canary, str, streams.Client]
) -> None:
    (canary, host), (redis_canary, redis_url, client), wrong = camera, store, Canary()
    canaries = (canary, redis_canary, wrong)
    url = f"rtsp://{host}/clip"
    in_url = f"rtsp://{USER}:{canary.quoted}@{host}/clip"
    login = {"user": USER, "password": canary.password}
    bad = {"user": USER, "password": wrong.password}
    with (
        ServiceProcess(redis_url, tmp_path) as service,
        Caller(service, canaries) as call,
        Running(tmp_path, redis_url, "--worker-key", tmp_path / "worker.key") as running,
    ):
        one = call("POST", "/api/cameras", 201, json=CAMERA | {"main_url": in_url})
        two = call("POST", "/api/cameras", 201, json=CAMERA | {"main_url": url, "credentials": bad})
        assert one.json()["has_credentials"]
        paths = [f"/api/cameras/{made.json()['camera_id']}" for made in (one, two)]
        until(lambda: call("GET", paths[0]).json()["state"] == "watching", limit_s=20)
        until(lambda: call("GET", paths[1]).json()["fault"] == "unauthorized")
        newest = {"If-Match": call("GET", paths[1]).headers["ETag"]}
        call("PUT", f"{paths[1]}/credentials", 204, json=login, headers=newest)
        until(lambda: call("GET", paths[1]).json()["state"] == "watching", limit_s=20)
        found = call("GET", paths[1])
        change = {"credentials": bad, "name": "改名"}
        call("PATCH", paths[1], 200, json=change, headers={"If-Match": found.headers["ETag"]})
        for refused in refusals(url, in_url, login, wrong):
            call("POST", "/api/cameras", 422, json=CAMERA | refused)
        call("POST", "/api/cameras", 422, content=f'{{"main_url": "{in_url}'.encode())
        call("POST", "/api/session", 401, json={"login": "admin", "password": wrong.password})
        assert call.every_get_route({"camera_id": two.json()["camera_id"], "code": "0"}) > 15
        nowhere(
            canaries,
            iter([("the worker's metrics", running.metrics())]),
            everything_in(client),
            everything_under(tmp_path),
            everything_of(running.process.pid),
            everything_of(service.pid),
        )
        running.end()
    nowhere(canaries, everything_under(tmp_path))


CAMERA = {
    "name": "南门",
    "programme": "other",
    "place_type": "road",
    "purpose": "防火",
    "legal_basis": "条例",
    "owner": "镇政府",
    "sign_confirmed": True,
    "contact_number": "0571-88888888",
    "place_code": "0",
    "position": {"longitude": 120.1551, "latitude": 30.2741, "coordinate_system": "wgs84"},
}


def refusals(
    url: str, in_url: str, login: dict[str, str], wrong: Canary
) -> Iterator[dict[str, object]]:
    """Yield what is wrong in a request that has a password in it."""
    yield {"main_url": in_url, "credentials": {"user": USER, "password": wrong.password}}
    yield {"main_url": in_url.replace("rtsp", "http")}
    yield {"main_url": f"{in_url} x"}
    yield {"main_url": f"rtsp://h/user={USER}&password={wrong.head}"}
    yield {"main_url": f"rtsp://h/x?token={wrong.head}"}
    yield {"main_url": [in_url]}
    yield {"main_url": url, "password": wrong.password}
    yield {"main_url": url, "credentials": wrong.password}
    yield {"main_url": url, "credentials": {"user": USER, "password": [wrong.password]}}
    yield {"main_url": url, "credentials": {"user": USER, "password": wrong.password * 200}}
    yield {"main_url": url, "credentials": login | {"user": f"{wrong.head}:"}}
    yield {"main_url": url, "credentials": login | {"other": wrong.password}}


class Caller:
    """An administrator who reads every answer to its last byte."""

    def __init__(self, service: ServiceProcess, canaries: tuple[Canary, ...]) -> None:
        self._canaries = canaries
        self._client = httpx.Client(base_url=service.url, headers=service.headers, timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def __call__(
        self, method: str, path: str, status: int | None = None, **request: Any
    ) -> httpx.Response:
        answer = self._client.request(method, path, **request)
        assert status in {None, answer.status_code}, f"{method} {path}: {answer.text}"
        self._search(f"{method} {path}", answer.content, answer.headers)
        return answer

    def every_get_route(self, known: dict[str, str]) -> int:
        """Read every GET route there is; returns how many."""
        paths = self("GET", "/api/openapi.json", 200).json()["paths"]
        readable = [path for path, methods in paths.items() if "get" in methods]
        for path in readable:
            filled = re.sub(r"{(\w+)}", lambda name: known.get(name[1], "1"), path)
            with self._client.stream("GET", filled) as answer:
                self._search(path, self._beginning(answer), answer.headers)
        for path in ("/metrics", "/healthz", "/api/audit?limit=500", "/api/cameras?limit=500"):
            assert self("GET", path, 200).content
        return len(readable)

    def _beginning(self, answer: httpx.Response) -> bytes:
        """Return all of an answer, or of a feed what comes first."""
        if "event-stream" in answer.headers.get("content-type", ""):
            return next(answer.iter_bytes())
        return answer.read()

    def _search(self, what: str, content: bytes, headers: httpx.Headers) -> None:
        for canary in self._canaries:
            assert not canary.found_in(content + repr(headers.raw).encode()), f"told by {what}"
