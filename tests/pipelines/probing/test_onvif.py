"""A camera asked by ONVIF: ipycam's service, and cameras that lie. No connection elsewhere."""

import contextlib
import http.server
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.messages import FoundBy, Onvif
from pipelines.probing import onvif, onvif_client
from pipelines.probing.onvif import Answer, OnvifDesk, Question
from pipelines.probing.substream import is_worth
from pipelines.secrets import Secret
from tests.pipelines.drills.live import served
from tests.pipelines.probing.kit import (
    LOGIN,
    PASSWORD,
    USER,
    camera,
    job,
    kit,
    mounts,
    onvif_camera,
    serving,
)

RTSP = "rtsp://127.0.0.1:554/hq"

_connected: list[tuple[str, int]] = []
_is_hooked = False


def _note(event: str, given: tuple[object, ...]) -> None:
    if event == "socket.connect" and isinstance(given[1], tuple):
        _connected.append(given[1][:2])
    if event == "socket.getaddrinfo":
        _connected.append((str(given[0]), 53))


@pytest.fixture
def connected() -> list[tuple[str, int]]:
    """Where this process has connected to since, and what names it has looked up (port 53)."""
    global _is_hooked  # noqa: PLW0603 - a hook stays for good
    if not _is_hooked:
        sys.addaudithook(_note)
        _is_hooked = True
    _connected.clear()
    return _connected


@contextlib.contextmanager
def asking(*ports: int) -> Iterator[Callable[[tuple[str, str] | None], Answer]]:
    desk = OnvifDesk(ports)

    def ask(login: tuple[str, str] | None = None) -> Answer:
        return desk.ask(
            Question(
                peer="127.0.0.1",
                url=RTSP,
                login=login and (login[0], Secret(login[1])),
                is_wanted=lambda size_px: is_worth(size_px, 1280 * 720),
            )
        )

    try:
        yield ask
    finally:
        desk.stop()


def test_the_smaller_profile_of_a_virtual_camera_is_found_and_looked_at(
    tmp_path: Path, connected: list[tuple[str, int]]
) -> None:
    with (
        served(mounts("hq", "lq"), login=LOGIN) as (_, rtsp_port),
        onvif_camera(rtsp_port, "hq", "lq") as (port, asked),
        kit(tmp_path, ports=(port,)) as made,
    ):
        one = camera(f"rtsp://127.0.0.1:{rtsp_port}/hq", made.key)
        result = made.probe.result(job(one))
    assert result.onvif is Onvif.ANSWERED
    found = result.substream
    assert found is not None
    assert (found.url, found.found_by) == (f"rtsp://127.0.0.1:{rtsp_port}/lq", FoundBy.ONVIF)
    assert (found.codec, found.width_px, found.height_px) == ("h264", 640, 360)
    assert result.clock_skew_s == pytest.approx(0, abs=2)
    names = {target for target in connected if target[1] == 53}
    assert names <= {("127.0.0.1", 53)}, "the address that is registered, and no other"
    assert {target[1] for target in connected} - {53} <= {rtsp_port, port}
    said = b"".join(asked)
    assert b"PasswordDigest" in said
    assert PASSWORD.encode() not in said
    assert b"PasswordText" not in said


def test_wrong_and_missing_logins_are_told_apart_from_no_onvif() -> None:
    with onvif_camera(554, "hq", "lq") as (port, _), asking(port) as ask:
        assert ask((USER, PASSWORD)).urls == ("rtsp://127.0.0.1:554/lq",)
        assert ask((USER, "wrong")).status is Onvif.REFUSED
        assert ask().status is Onvif.REFUSED
    with asking(1) as ask:
        assert ask((USER, PASSWORD)) == Answer(status=Onvif.ABSENT)
    with asking() as ask:
        assert ask((USER, PASSWORD)) == Answer(status=Onvif.NOT_ASKED)


def test_an_open_camera_is_asked_without_a_login() -> None:
    with onvif_camera(554, "hq", "lq", login=None) as (port, asked), asking(1, port) as ask:
        assert ask().urls == ("rtsp://127.0.0.1:554/lq",)
    assert not [one for one in asked if b"UsernameToken" in one]


def test_services_and_streams_said_to_be_elsewhere_are_asked_nowhere(
    connected: list[tuple[str, int]],
) -> None:
    """The path of an XAddr is asked of the camera itself; a stream elsewhere is none of its."""
    with (
        onvif_camera(554, "hq", "lq", says="127.0.0.2") as (port, asked),
        asking(port) as ask,
    ):
        answer = ask((USER, PASSWORD))
    assert answer.status is Onvif.ANSWERED
    assert answer.urls == ()
    assert any(b"GetStreamUri" in one for one in asked), "it went on, at the camera"
    assert set(connected) == {("127.0.0.1", port)}


ENVELOPE = (
    b'<?xml version="1.0"?>%s<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    b' xmlns:tds="http://www.onvif.org/ver10/device/wsdl"'
    b' xmlns:tt="http://www.onvif.org/ver10/schema"'
    b' xmlns:trt="http://www.onvif.org/ver10/media/wsdl"><s:Body>%s</s:Body></s:Envelope>'
)
TIME = (
    b"<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:UTCDateTime><tt:Time>"
    b"<tt:Hour>0</tt:Hour><tt:Minute>0</tt:Minute><tt:Second>0</tt:Second></tt:Time><tt:Date>"
    b"<tt:Year>2000</tt:Year><tt:Month>1</tt:Month><tt:Day>1</tt:Day></tt:Date></tt:UTCDateTime>"
    b"</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
)
PROFILE = (
    b'<trt:Profiles token="a"><tt:VideoEncoderConfiguration><tt:Resolution><tt:Width>640</tt:Width>'
    b"<tt:Height>360</tt:Height></tt:Resolution></tt:VideoEncoderConfiguration></trt:Profiles>"
)
LAUGHS = b"<!DOCTYPE z [<!ENTITY a 'ha'>" + b"".join(
    b"<!ENTITY %c '%s'>" % (97 + n, b"&%c;" % (96 + n) * 10) for n in range(1, 12)
)
LAUGHS += b"]>"
OUTSIDE = b'<!DOCTYPE z [<!ENTITY a SYSTEM "file:///etc/hostname">]>'


def _profiles(content: bytes) -> bytes:
    return ENVELOPE % (b"", b"<trt:GetProfilesResponse>" + content + b"</trt:GetProfilesResponse>")


def _uri(uri: bytes) -> bytes:
    said = b"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>%s</tt:Uri></trt:MediaUri>"
    return ENVELOPE % (b"", (said % uri) + b"</trt:GetStreamUriResponse>")


def _services(xaddr: bytes) -> bytes:
    said = b"<tds:GetServicesResponse><tds:Service><tds:Namespace>%s</tds:Namespace><tds:XAddr>%s"
    media = b"http://www.onvif.org/ver10/media/wsdl"
    rest = b"</tds:XAddr></tds:Service></tds:GetServicesResponse>"
    return ENVELOPE % (b"", said % (media, xaddr) + rest)


Lie = dict[bytes, bytes | int | None]
"""By what a question names: the answer, a status that sends elsewhere, or silence."""

HONEST: Lie = {
    b"GetSystemDateAndTime": ENVELOPE % (b"", TIME),
    b"GetServices": _services(b"/onvif/media"),
    b"GetProfiles": _profiles(PROFILE),
    b"GetStreamUri": _uri(b"rtsp://127.0.0.1/lq"),
}

LIES: dict[str, tuple[Lie, Onvif]] = {
    "honest": ({}, Onvif.ANSWERED),
    "redirects": ({b"GetProfiles": 302}, Onvif.ABSENT),
    "redirects_at_once": ({b"GetSystemDateAndTime": 307}, Onvif.ABSENT),
    "moves_for_good": ({b"GetServices": 308}, Onvif.ABSENT),
    "ten_megabytes": ({b"GetProfiles": _profiles(b"<!-- -->" * 1_300_000)}, Onvif.ABSENT),
    "billion_laughs": (
        {b"GetProfiles": ENVELOPE % (LAUGHS, b"<trt:x>&l;</trt:x>")}, Onvif.ABSENT
    ),
    "laughs_at_once": (
        {b"GetSystemDateAndTime": ENVELOPE % (LAUGHS, b"<tds:x>&l;</tds:x>")}, Onvif.ABSENT
    ),
    "reads_a_file": ({b"GetStreamUri": ENVELOPE % (OUTSIDE, b"&a;")}, Onvif.ABSENT),
    "other_letters": (
        {b"GetProfiles": (ENVELOPE % (LAUGHS, b"")).decode().encode("utf-16")}, Onvif.ABSENT
    ),
    "attributes": (
        {b"GetProfiles": _profiles(b"<a %s/>" % b" ".join(b'a%d=""' % n for n in range(40_000)))},
        Onvif.ABSENT,
    ),
    "deep": ({b"GetProfiles": _profiles(b"<a>" * 14_000 + b"</a>" * 14_000)}, Onvif.ANSWERED),
    "garbage": ({b"GetProfiles": b"\xff\xfe<<<>>>" * 100}, Onvif.ABSENT),
    "no_soap": ({b"GetSystemDateAndTime": b"<html><body>Login</body></html>"}, Onvif.ABSENT),
    "silent": ({b"GetProfiles": None}, Onvif.ABSENT),
    "silent_at_once": ({b"GetSystemDateAndTime": None}, Onvif.ABSENT),
    "service_elsewhere": ({b"GetServices": _services(b"http://127.0.0.3:9/m")}, Onvif.ANSWERED),
    "service_file": ({b"GetServices": _services(b"file:///etc/passwd")}, Onvif.ANSWERED),
    "stream_elsewhere": ({b"GetStreamUri": _uri(b"rtsp://127.0.0.3:9/lq")}, Onvif.ANSWERED),
    "stream_named": ({b"GetStreamUri": _uri(b"rtsp://evil.example/lq")}, Onvif.ANSWERED),
}  # fmt: skip
GIVES_NONE = {"deep", "stream_elsewhere", "stream_named"}


def lying(lie: Lie, elsewhere: int) -> type[http.server.BaseHTTPRequestHandler]:
    ended = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        stop = ended

        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            name = next(one for one in HONEST if one in asked)
            said = {**HONEST, **lie}[name]
            if said is None:
                ended.wait(8)
                return
            if isinstance(said, int):
                self.send_response(said)
                self.send_header("Location", f"http://127.0.0.1:{elsewhere}/onvif/device_service")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/soap+xml")
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(said)

    return Handler


@pytest.mark.parametrize("lie", LIES)
def test_a_camera_that_lies_is_asked_in_vain_and_sends_nobody_elsewhere(
    lie: str, connected: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onvif_client, "CALL_S", 0.7)
    with socket.create_server(("127.0.0.1", 0)) as other:
        handler = lying(LIES[lie][0], other.getsockname()[1])
        began_s = time.monotonic()
        with serving(handler) as port, asking(port) as ask:
            answer = ask((USER, PASSWORD))
            took_s = time.monotonic() - began_s
            handler.stop.set()  # type: ignore[attr-defined]
    assert answer.status is LIES[lie][1]
    none = answer.status is not Onvif.ANSWERED or lie in GIVES_NONE
    assert answer.urls == (() if none else ("rtsp://127.0.0.1:554/lq",))
    assert set(connected) == {("127.0.0.1", port)}
    assert took_s < 4


def test_a_session_connects_to_one_address_and_looks_no_name_up(
    connected: list[tuple[str, int]],
) -> None:
    """Also if what lies above it were to ask for another."""

    async def tried(url: str) -> None:
        async with onvif_client.session_to("127.0.0.1", 80) as session:
            await session.get(url)

    for url in ("http://127.0.0.2:80/", "http://127.0.0.1:81/", "http://camera.example/"):
        with pytest.raises((onvif_client.aiohttp.ClientError, OSError)):
            onvif_client.asyncio.run(tried(url))
    assert connected == []


def test_no_proxy_of_the_environment_is_used(
    monkeypatch: pytest.MonkeyPatch, connected: list[tuple[str, int]]
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with onvif_camera(554, "hq", "lq", login=None) as (port, _), asking(port) as ask:
        assert ask().status is Onvif.ANSWERED
    assert set(connected) == {("127.0.0.1", port)}


def test_whoever_waits_for_an_answer_has_one_when_the_worker_ends() -> None:
    with serving(lying({b"GetProfiles": None}, 9)) as port:
        desk = OnvifDesk((port,))
        question = Question(peer="127.0.0.1", url=RTSP, login=None, is_wanted=lambda _size: True)
        answers: list[Answer] = []
        thread = threading.Thread(target=lambda: answers.append(desk.ask(question)))
        thread.start()
        time.sleep(0.5)
        began_s = time.monotonic()
        desk.stop()
        thread.join(5)
        assert time.monotonic() - began_s < 1.5
        assert answers[0].urls == ()
        assert desk.ask(question).status is Onvif.NOT_ASKED


def test_the_whole_of_it_takes_no_longer_than_it_may() -> None:
    assert onvif_client.CALL_S < onvif.LONGEST_S <= 10
