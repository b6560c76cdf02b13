"""Addresses that expire: renewed by their platform, asked rarely and believed in bounds."""

import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry

from models.packs import DEFAULT_PACK, load_pack
from pipelines import faults, reader, streams, wvp
from pipelines import platforms as module
from pipelines.address import camera_address
from pipelines.addresses import Addresses
from pipelines.drills.rtsp import Mount
from pipelines.estate import Estate
from pipelines.faults import (
    PlatformAddressError,
    PlatformAnswerError,
    PlatformBusyError,
    PlatformChannelError,
    PlatformError,
    PlatformRefusedError,
    PlatformStreamError,
    PlatformUnreachableError,
)
from pipelines.flow import Flow
from pipelines.jurisdictions import Jurisdictions
from pipelines.messages import Camera, WatchState
from pipelines.metrics import WorkerMetrics
from pipelines.platforms import Platforms
from pipelines.platforms_file import PlatformSettings, PlatformsFileError, read_platforms
from pipelines.registry import Change
from pipelines.renewal import Renewal
from pipelines.rtsp.networks import LOOPBACK, Networks, PlaceNetworks
from pipelines.sealing import host_of, key_pair, seal
from pipelines.secrets import Secret
from pipelines.states import States
from tests.pipelines.drills.live import served
from tests.support.drill_clip import short_drill
from tests.support.waiting import until
from tests.support.wvp_server import KEY, LIST, PLAY, Answer, Expiring, WvpServer, told

GB_ID = "34020000001320000001"
WEST = "西湖平台"
CAMERA = Camera(camera_id="gate", url="rtsp://127.0.0.1:1/x", gb_id=GB_ID, upstream=WEST)


def settings(url: str, *, pulls: int = 4, key: str = KEY) -> PlatformSettings:
    return PlatformSettings(name=WEST, kind="wvp", url=url, key=Secret(key), pulls=pulls)


class Rig:
    """A platform, what its addresses are, and whoever asks it."""

    def __init__(self) -> None:
        self.url = "rtsp://127.0.0.1:554/rtp/one?callId=1"
        self.metrics = WorkerMetrics(CollectorRegistry())
        self.wvp = WvpServer({GB_ID: 7, "34020000001320000002": 8}, lambda _: self.url)

    def platforms(self, networks: Networks = LOOPBACK, **others: Any) -> Platforms:
        return Platforms([settings(self.wvp.url, **others)], self.metrics, networks)

    def counted(self, outcome: str) -> float:
        name, label = "fengsui_platform_requests_total", {"outcome": outcome}
        return self.metrics.registry.get_sample_value(name, label) or 0


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    with made.wvp:
        yield made


def test_it_finds_the_channel_by_its_gb_id_and_plays_its_row(rig: Rig) -> None:
    platforms = rig.platforms()
    assert platforms.fresh_url(CAMERA) == rig.url
    assert rig.wvp.asked == [LIST, PLAY]
    assert rig.counted("renewed") == 1


@pytest.mark.parametrize("upstream", [None, "another"])
def test_a_camera_of_no_configured_platform_is_asked_of_nobody(
    rig: Rig, upstream: str | None
) -> None:
    camera = Camera(camera_id="a", url="rtsp://127.0.0.1/x", gb_id=GB_ID, upstream=upstream)
    assert rig.platforms().fresh_url(camera) is None
    assert rig.wvp.asked == []


def test_a_camera_is_asked_for_once_in_a_while_and_what_was_said_holds_meanwhile(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    platforms = rig.platforms()
    first = platforms.fresh_url(CAMERA)
    rig.url = "rtsp://127.0.0.1:554/rtp/two"
    assert [platforms.fresh_url(CAMERA) for _ in range(5)] == [first] * 5
    assert rig.wvp.plays() == 1
    now_s = time.monotonic()
    monkeypatch.setattr(module.time, "monotonic", lambda: now_s + module.AGAIN_S + 1)
    assert platforms.fresh_url(CAMERA) == rig.url
    assert rig.wvp.asked == [LIST, PLAY, PLAY], "its row is known"


def test_a_platform_without_the_stream_is_asked_more_and_more_rarely(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    platforms, rig.wvp.code = rig.platforms(), 100
    began_s, past_s = time.monotonic(), 0.0
    monkeypatch.setattr(module.time, "monotonic", lambda: began_s + past_s)
    asked_s = []
    for past_s in range(0, 3600, 5):
        before = rig.wvp.plays()
        with pytest.raises(PlatformStreamError, match="code 100"):
            platforms.fresh_url(CAMERA)
        asked_s += [past_s] * (rig.wvp.plays() - before)
    assert [b - a for a, b in itertools.pairwise(asked_s)][:6] == [
        30, 60, 120, 240, 480, 600,
    ]  # fmt: skip
    rig.wvp.code, past_s = 0, past_s + 700
    assert platforms.fresh_url(CAMERA) == rig.url


def test_a_platform_that_is_away_is_asked_by_no_other_camera_for_a_moment(rig: Rig) -> None:
    platforms = rig.platforms(key="another")
    others = [
        Camera(camera_id=f"c{n}", url="rtsp://127.0.0.1/x", gb_id=GB_ID, upstream=WEST)
        for n in range(20)
    ]
    for camera in others:
        with pytest.raises(PlatformRefusedError, match="make a key"):
            platforms.fresh_url(camera)
    assert len(rig.wvp.asked) == 1
    assert rig.counted("platform_refused") == 1


def test_no_more_than_its_pulls_are_asked_at_a_time(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.3)
    rig.wvp.slow_s = 0.25
    platforms, said = rig.platforms(pulls=2), []
    rig.wvp.channels = {f"3402000000132000{n:04d}": n for n in range(12)}

    def ask(gb_id: str) -> None:
        camera = Camera(camera_id=gb_id, url="rtsp://127.0.0.1/x", gb_id=gb_id, upstream=WEST)
        try:
            said.append(platforms.fresh_url(camera))
        except PlatformBusyError as error:
            said.append(error.code)

    threads = [threading.Thread(target=ask, args=(gb_id,)) for gb_id in rig.wvp.channels]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rig.wvp.most_at_once == 2
    assert said.count(rig.url) >= 2
    assert said.count("platform_busy") == rig.counted("platform_busy") == 12 - said.count(rig.url)


def crowd(platforms: Platforms, count: int) -> list[object]:
    """What cameras that ask at once are told."""
    said: list[object] = []

    def ask(number: int) -> None:
        gb_id = f"3402000000132000{number:04d}"
        camera = Camera(camera_id=gb_id, url="rtsp://127.0.0.1/x", gb_id=gb_id, upstream=WEST)
        try:
            said.append(platforms.fresh_url(camera))
        except PlatformError as error:
            said.append(error.code)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return said


def test_who_finds_no_turn_tries_again_soon(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.05)
    monkeypatch.setattr(module, "BUSY_S", 0.6)
    rig.wvp.slow_s = 0.1
    rig.wvp.channels = {f"3402000000132000{n:04d}": n for n in range(2)}
    assert crowd(rig.platforms(pulls=1), 2) == [rig.url] * 2
    assert rig.counted("platform_busy") == 0


def test_who_waited_for_a_turn_hears_that_the_platform_is_away_and_asks_nothing(rig: Rig) -> None:
    rig.wvp.lie = lambda _: (time.sleep(0.2), told(401, "请登录", None, status=401))[1]
    assert crowd(rig.platforms(pulls=1), 4) == ["platform_refused"] * 4
    assert len(rig.wvp.asked) == 1


def test_two_who_ask_for_one_camera_are_one_question(rig: Rig) -> None:
    rig.wvp.slow_s = 0.1
    platforms, said = rig.platforms(), []
    threads = [
        threading.Thread(target=lambda: said.append(platforms.fresh_url(CAMERA))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == [rig.url] * 4
    assert rig.wvp.plays() == 1


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://203.0.113.9/rtp/x",
        "rtsp://169.254.169.254/latest",
        "rtsp://[::ffff:10.0.0.1]/x",
        "http://127.0.0.1/x.flv",
        "file:///etc/passwd",
        "rtsp://user:secret@127.0.0.1/x",
        "rtsp://127.0.0.1@10.0.0.1/x",
        "rtsp://127.0.0.1/x y",
        "rtsp://127.0.0.1:99999/x",
        "rtsp://127.0.0.1/" + "x" * 3000,
        "rtsp://127.0.0.1/x\r\nTEARDOWN",
        "",
        7,
        None,
    ],
)
def test_an_address_that_no_camera_may_have_is_given_to_nobody(rig: Rig, url: Any) -> None:
    rig.url = url
    with pytest.raises((PlatformAddressError, PlatformAnswerError)) as raised:
        rig.platforms().fresh_url(CAMERA)
    assert "secret" not in str(raised.value)


def test_the_networks_of_the_camera_s_place_hold_for_what_a_platform_gives(rig: Rig) -> None:
    here = Camera(
        camera_id="a", url="rtsp://10.1.0.1/x", gb_id=GB_ID, upstream=WEST, place=("0", "654300")
    )
    there = PlaceNetworks(code="654300", allowed=Networks.parse(["10.1.0.0/16"]).allowed)
    both = Networks.parse(["10.0.0.0/8"])
    platforms = Platforms(
        [settings(rig.wvp.url)], rig.metrics, both, Jurisdictions({"654300": there})
    )
    rig.url = "rtsp://10.1.2.3/x"
    assert platforms.fresh_url(here) == rig.url
    rig.url = "rtsp://10.2.2.3/x"
    other = Camera(camera_id="b", url=here.url, gb_id=GB_ID, upstream=WEST, place=here.place)
    with pytest.raises(PlatformAddressError, match="place 654300"):
        platforms.fresh_url(other)


def lies() -> dict[str, tuple[Callable[[str], Answer], type[PlatformError]]]:
    big = b'{"code": 0, "data": "' + b"x" * 10_000_000 + b'"}'
    stops = b'{"code": 0}'
    return {
        "500": (lambda _: told(500, "系统异常", None, status=500), PlatformAnswerError),
        "page": (lambda _: (200, {}, b"<html>nginx</html>"), PlatformAnswerError),
        "deep": (lambda _: (200, {}, b"[" * 100_000), PlatformAnswerError),
        "list": (lambda _: (200, {}, b"[]"), PlatformAnswerError),
        "code": (lambda _: (200, {}, b'{"code": "0", "data": {}}'), PlatformAnswerError),
        "rows": (lambda _: told(0, "", {"list": [None, 3, {"gbId": "7"}]}), PlatformChannelError),
        "none": (lambda _: told(0, "", None), PlatformAnswerError),
        "10 MB": (lambda _: (200, {}, big), PlatformAnswerError),
        "short": (lambda _: (200, {"Content-Length": "99"}, stops), PlatformAnswerError),
        "elsewhere": (
            lambda _: (302, {"Location": "http://169.254.169.254/latest"}, b""),
            PlatformAnswerError,
        ),
        "login": (lambda _: told(401, "请登录后重新请求", None, status=401), PlatformRefusedError),
    }


@pytest.mark.parametrize("name", sorted(lies()))
def test_a_platform_that_lies_costs_an_error_in_words(
    rig: Rig, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wvp, "LIST_TIMEOUT_S", 1.0)
    rig.wvp.lie, expected = lies()[name]
    with pytest.raises(expected) as raised:
        rig.platforms().fresh_url(CAMERA)
    assert len(rig.wvp.asked) == 1, "nobody is followed"
    assert len(str(raised.value)) < 300
    assert {"10 MB": "more than", "elsewhere": "sends elsewhere"}.get(name, "") in str(raised.value)
    assert KEY not in str(raised.value)
    assert rig.counted(expected.code) == 1


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 200 OK\r\nX: "], ids=["nothing", "a drop a time"])
def test_a_platform_that_hangs_is_given_up_in_time(
    monkeypatch: pytest.MonkeyPatch, says: bytes
) -> None:
    monkeypatch.setattr(wvp, "LIST_TIMEOUT_S", 0.6)
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            client, _ = listener.accept()
            with client:
                client.sendall(says)
                while not ended.wait(0.05):
                    try:
                        client.sendall(b"x" if says else b"")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        platforms = Platforms([settings(url)], WorkerMetrics(CollectorRegistry()), LOOPBACK)
        began_s = time.monotonic()
        with pytest.raises(PlatformUnreachableError, match="no answer in time"):
            platforms.fresh_url(CAMERA)
        assert time.monotonic() - began_s < 1.5
        ended.set()
        thread.join()


def test_a_platform_outside_the_networks_is_not_connected_to(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name is no way to loopback; loopback itself may be written."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("127.0.0.1", 0))])
    named = rig.wvp.url.replace("127.0.0.1", "wvp.example")
    platforms = Platforms([settings(named)], rig.metrics, Networks.parse(["10.0.0.0/8"]))
    with pytest.raises(PlatformUnreachableError, match="in no network that is allowed"):
        platforms.fresh_url(CAMERA)
    assert rig.wvp.asked == []


@pytest.mark.parametrize(
    ("channels", "count"), [({}, 0), ({GB_ID + "9": 3}, 0)], ids=["none", "another"]
)
def test_a_channel_that_it_doesn_t_know_is_told(
    rig: Rig, channels: dict[str, int], count: int
) -> None:
    rig.wvp.channels = channels
    with pytest.raises(PlatformChannelError, match=f"has {count} channels"):
        rig.platforms().fresh_url(CAMERA)


def test_two_channels_of_one_gb_id_are_nobody_s(rig: Rig) -> None:
    rows = [{"gbId": 7, "gbDeviceId": GB_ID}, {"gbId": 8, "gbDeviceId": GB_ID}]
    rig.wvp.lie = lambda _: told(0, "", {"list": rows})
    with pytest.raises(PlatformChannelError, match="has 2 channels"):
        rig.platforms().fresh_url(CAMERA)


def test_a_camera_without_a_gb_id_is_told_so(rig: Rig) -> None:
    camera = Camera(camera_id="a", url="rtsp://127.0.0.1/x", upstream=WEST)
    with pytest.raises(PlatformChannelError, match="without a GB id"):
        rig.platforms().fresh_url(camera)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "FIRST_RETRY_S", 0.05)
    monkeypatch.setattr(reader, "LONGEST_RETRY_S", 0.2)
    monkeypatch.setattr(module, "AGAIN_S", 0.3)
    monkeypatch.setattr(module, "CLOSED_S", 0.2)


class Watching:
    """An estate that asks a platform, without a worker around it."""

    def __init__(self, platform_url: str, key_file: Path | None = None) -> None:
        self.metrics = WorkerMetrics(CollectorRegistry())
        self.states = States(streams.connect("redis://127.0.0.1:1/0"), "w", 1, self.metrics)
        flow = Flow(pack=load_pack(DEFAULT_PACK), drills=frozenset(), epoch=1, metrics=self.metrics)
        platforms = Platforms([settings(platform_url)], self.metrics, LOOPBACK)
        self.addresses = Addresses(key_file, platforms)
        self.estate = Estate(
            flow=flow,
            states=self.states,
            address=self.addresses.of,
            renewed=self.addresses.renewed,
            metrics=self.metrics,
            networks=LOOPBACK,
        )
        self.estate.start()

    def watch(self, camera: Camera) -> None:
        self.estate.apply(Change(camera_id=camera.camera_id, revision=1, camera=camera))

    def stands(self, state: WatchState, fault: str | None = None) -> bool:
        last = self.states._now[CAMERA.camera_id]
        return (last.state, last.fault) == (state, fault)


def test_a_stream_whose_address_expired_is_watched_again(
    quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """The registered address is a placeholder; then the token expires, twice, in mid-stream."""
    with structlog.testing.capture_logs() as logged, served([]) as (server, port):
        platform = Expiring(server, port, short_drill())
        with WvpServer({GB_ID: 7}, platform.start) as wvp_server:
            watching = Watching(wvp_server.url)
            camera = Camera(
                camera_id="gate", url=f"rtsp://127.0.0.1:{port}/x", gb_id=GB_ID, upstream=WEST
            )
            watching.watch(camera)
            for count in (1, 2, 3):
                until(lambda: watching.stands(WatchState.WATCHING))
                assert len(platform.given) >= count
                platform.expire()
                until(lambda: not watching.stands(WatchState.WATCHING))
            watching.estate.stop()
    said = repr(logged) + "".join(capsys.readouterr())
    assert not [token for token in platform.given if token in said], "no token in any log"
    assert f"rtsp://127.0.0.1:{port}/… ({WEST})" in said


def test_a_platform_that_is_away_is_what_is_told_and_the_registered_address_still_counts(
    quick: None,
) -> None:
    with served([]) as (server, port):
        watching = Watching("http://127.0.0.1:1")
        camera = Camera(
            camera_id="gate", url=f"rtsp://127.0.0.1:{port}/own", gb_id=GB_ID, upstream=WEST
        )
        watching.watch(camera)
        until(lambda: watching.stands(WatchState.FAULT, "platform_unreachable"))
        own = Mount(name="own", clip=short_drill(), restart_per_client=True)
        server.mounts["own"] = own
        until(lambda: watching.stands(WatchState.WATCHING))
        watching.estate.stop()


def test_a_login_goes_to_the_host_that_it_was_given_for_and_to_no_other(
    rig: Rig, tmp_path: Path
) -> None:
    key_file = tmp_path / "worker.key"
    key = key_pair(key_file)
    url = "rtsp://127.0.0.1:554/own"
    sealed = seal(key.public_key(), "gate", [host_of(url)], "admin", "hunter22")
    camera = Camera(
        camera_id="gate", url=url, sealed_credentials=sealed, gb_id=GB_ID, upstream=WEST
    )
    addresses = Addresses(key_file, rig.platforms())
    same = addresses.renewed(camera)
    assert same is not None
    assert same.url.reveal() == "rtsp://admin:hunter22@127.0.0.1:554/rtp/one?callId=1"
    assert same.shown == f"rtsp://127.0.0.1:554/… ({WEST})"
    for other in ("rtsp://127.0.0.2:554/x", "rtsp://127.0.0.1:5540/x"):
        rig.url = other
        elsewhere = Addresses(key_file, rig.platforms()).renewed(camera)
        assert elsewhere is not None
        assert elsewhere.url.reveal() == other


def write(tmp_path: Path, text: str, key: bytes | None = KEY.encode(), mode: int = 0o600) -> Path:
    path = tmp_path / "platforms.toml"
    path.write_text(text, "utf-8")
    if key is not None:
        (tmp_path / "wvp.key").write_bytes(key)
        (tmp_path / "wvp.key").chmod(mode)
    return path


GOOD = f'[platforms."{WEST}"]\nkind = "wvp"\nurl = "http://10.0.0.5:18080"\nkey_file = "wvp.key"'


def test_platforms_are_read_with_their_keys_and_show_none(tmp_path: Path) -> None:
    (one,) = read_platforms(write(tmp_path, GOOD, KEY.encode() + b"\n"))
    assert (one.name, one.url, one.key.reveal()) == (WEST, "http://10.0.0.5:18080", KEY)
    assert KEY not in repr(one)
    assert KEY not in json.dumps({"it": str(one)})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "platforms"),
        ("nonsense", "write"),
        (GOOD.replace("wvp.key", "none.key"), "name a file"),
        (GOOD.replace("wvp.key", "."), "not a file"),
        (GOOD.replace('"wvp"', '"hik"'), "kind is one of wvp"),
        (GOOD.replace("http://", "ftp://"), "url is written"),
        (GOOD.replace("http://", "http://a:b@"), "holds no login"),
        (GOOD.replace("18080", "18080?x=1"), "holds no login"),
        (GOOD.replace("18080", "99999"), "url is written"),
        (GOOD + "\npulls = 0", "pulls"),
        (GOOD + '\nkey = "abc"', "key"),
    ],
)
def test_a_wrong_file_is_told_in_words(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(PlatformsFileError, match=words):
        read_platforms(write(tmp_path, text))


@pytest.mark.parametrize("key", [b"", b"two words", b"a\r\nx: y", b"\xff", b"x" * 9000])
def test_a_key_that_no_header_can_hold_is_refused(tmp_path: Path, key: bytes) -> None:
    with pytest.raises(PlatformsFileError, match="holds no key"):
        read_platforms(write(tmp_path, GOOD, key))


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlatformsFileError, match="chmod 600"):
        read_platforms(write(tmp_path, GOOD, mode=0o640))


@pytest.mark.parametrize(
    ("fault", "asks"),
    [
        (faults.NotFoundError, True),
        (faults.UnauthorizedError, True),
        (faults.UnreachableError, True),
        (faults.StreamLostError, True),
        (faults.NetworkRefusedError, False),
        (faults.UnsupportedCodecError, False),
        (faults.NoKeyframeError, False),
    ],
)
def test_a_platform_is_asked_after_what_an_expired_address_ends_in_and_nothing_else(
    fault: type[faults.SourceError], *, asks: bool
) -> None:
    own, given = camera_address("rtsp://127.0.0.1/own"), camera_address("rtsp://127.0.0.1/given")
    renewal = Renewal(own)
    renewal.ask = lambda: given
    assert renewal.next(own) == (own, None)
    renewal.failed(own, fault("there", "fails"))
    assert renewal.next(own) == (given if asks else own, None)
    renewal.failed(given, faults.UnsupportedCodecError("there", "fails"))
    renewal.ask = lambda: None
    assert renewal.next(given) == (own, None), "what was given is not kept for ever"
