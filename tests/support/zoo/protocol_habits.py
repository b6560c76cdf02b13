"""Cameras that differ in how they speak RTSP: logins, refusals, endless and broken replies."""

from collections.abc import Iterator, Mapping
from functools import partial

from pipelines.drills.rtsp_text import Request
from tests.support.zoo import answers, sdp
from tests.support.zoo.camera import ZooCamera
from tests.support.zoo.films import film
from tests.support.zoo.login import Login
from tests.support.zoo.media_habits import Habit
from tests.support.zoo.script import Answer, Gate, Script, open_gate
from tests.support.zoo.streams import Playing
from tests.support.zoo.talk import Talk

MEGABYTE = 1_000_000

NO_GET_PARAMETER = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"


def speaking(
    answer: Mapping[str, Answer] | None = None,
    *,
    gate: Gate = open_gate,
    description: bytes | None = None,
    session_s: int | None = None,
    largest_bytes: int = 250 * MEGABYTE,
    speed: float = 1.0,
) -> ZooCamera:
    """Return a camera with healthy pictures; a session time given is also enforced."""
    shown = film()
    script = Script(
        sdp=sdp.of(shown) if description is None else description,
        stream=Playing(film=shown),
        answers=answer or {},
        gate=gate,
        session_s=session_s or 60,
        expires=session_s is not None,
        largest_bytes=largest_bytes,
    )
    return ZooCamera(script, speed=speed)


def _never(_talk: Talk, _request: Request) -> bool:
    return True


def _drip(talk: Talk, request: Request) -> None:
    """Answer a byte each half second."""
    headers = [*answers.description_headers(request), ("Content-Length", str(len(talk.script.sdp)))]
    talk.drip(talk.head(request, headers=headers) + talk.script.sdp)


def _endless_headers(talk: Talk, request: Request) -> None:
    """Send header after header; the empty line never comes."""
    talk.send(talk.head(request).removesuffix(b"\r\n"))
    while True:
        talk.send(b"X-Zoo: another header\r\n" * 1000)


def _endless_line(talk: Talk, request: Request) -> None:
    """Send a header whose line never ends."""
    talk.send(talk.head(request).removesuffix(b"\r\n") + b"X-Zoo: ")
    while True:
        talk.send(b"a" * 65536)


def _announced(length: str, talk: Talk, request: Request) -> None:
    """Describe with this Content-Length, whatever the true one."""
    headers = [*answers.description_headers(request), ("Content-Length", length)]
    talk.send(talk.head(request, headers=headers) + talk.script.sdp)


def _endless_sdp(talk: Talk, request: Request) -> None:
    """Announce a gigabyte of description and go on describing."""
    _announced("1000000000", talk, request)
    while True:
        talk.send(b"a=zoo:another attribute\r\n" * 1000)


def _many_media() -> bytes:
    lines = sdp.video(film())
    return sdp.text(*lines, *(lines * 50_000))


def _wrong_sequence(method: str) -> Answer:
    """Return an answer to another request than the one that was sent (RFC 2326, 12.17)."""

    def answer(talk: Talk, request: Request) -> None:
        number = int(request.headers.get("cseq", "0")) + 7
        headers = dict(request.headers) | {"cseq": str(number)}
        other = Request(
            method=request.method, uri=request.uri, version=request.version, headers=headers
        )
        answers.DEFAULT[method](talk, other)

    return answer


def _not_rtsp(talk: Talk, _request: Request) -> None:
    """Answer as a web server would."""
    talk.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 6\r\n\r\n<html>")
    talk.close()


def logins() -> Iterator[tuple[str, Login]]:
    """Yield every way to ask for a password."""
    yield "digest_md5", Login()
    yield "digest_qop_auth", Login(qop="auth")
    yield "digest_sha_256", Login(algorithm="SHA-256", qop="auth")
    yield "basic", Login(schemes=("Basic",))
    yield "basic_and_digest", Login(schemes=("Basic", "Digest"))
    yield "digest_and_basic", Login(schemes=("Digest", "Basic"))
    yield "never_admits", Login(schemes=("Digest", "Basic"), admits_nobody=True)
    yield "stale_nonce", Login(renews_before_play=True)


def many_media(*, speed: float = 1.0) -> ZooCamera:
    """A description of 50,001 tracks, some 7 MB."""
    return speaking(description=_many_media(), speed=speed)


def bare_newlines(*, speed: float = 1.0) -> ZooCamera:
    """A description whose lines end in LF alone, against RFC 4566, 5."""
    return speaking(description=sdp.of(film(), end="\n"), speed=speed)


def empty_description(*, speed: float = 1.0) -> ZooCamera:
    """A description without any track."""
    return speaking(description=sdp.text(), speed=speed)


_OPTIONS_WITHOUT = partial(answers.options, public=NO_GET_PARAMETER)

HABITS: dict[str, Habit] = {
    **{name: partial(speaking, gate=login) for name, login in logins()},
    "not_found": partial(speaking, {"DESCRIBE": answers.refusing(404)}),
    "not_enough_bandwidth": partial(speaking, {"SETUP": answers.refusing(453)}),
    "unavailable": partial(speaking, {"DESCRIBE": answers.refusing(503)}),
    "udp_only": partial(speaking, {"SETUP": answers.refusing(461)}),
    "refuses_play": partial(speaking, {"PLAY": answers.refusing(455)}),
    "never_answers": partial(speaking, gate=_never),
    "never_answers_play": partial(speaking, {"PLAY": answers.silent}),
    "drips_description": partial(speaking, {"DESCRIBE": _drip}),
    "endless_headers": partial(
        speaking, {"DESCRIBE": _endless_headers}, largest_bytes=50 * MEGABYTE
    ),
    "endless_header_line": partial(
        speaking, {"DESCRIBE": _endless_line}, largest_bytes=50 * MEGABYTE
    ),
    "endless_sdp": partial(speaking, {"DESCRIBE": _endless_sdp}),
    "content_length_negative": partial(speaking, {"DESCRIBE": partial(_announced, "-1")}),
    "content_length_words": partial(speaking, {"DESCRIBE": partial(_announced, "12abc")}),
    "content_length_huge": partial(speaking, {"DESCRIBE": partial(_announced, "9" * 30)}),
    "wrong_sequence": partial(
        speaking, {name: _wrong_sequence(name) for name in ("DESCRIBE", "SETUP", "PLAY")}
    ),
    "not_rtsp": partial(speaking, {"OPTIONS": _not_rtsp, "DESCRIBE": _not_rtsp}),
    "wants_keepalives": partial(speaking, session_s=3),
    "keepalive_by_options": partial(
        speaking,
        {"OPTIONS": _OPTIONS_WITHOUT, "GET_PARAMETER": answers.refuse},
        session_s=3,
    ),
    "lies_about_get_parameter": partial(speaking, {"GET_PARAMETER": answers.refuse}, session_s=3),
    "many_media": many_media,
    "bare_newlines": bare_newlines,
    "empty_description": empty_description,
}
"""By name."""
