"""Answers to RTSP requests: the usual ones of RFC 2326, and tools for unusual ones."""

import re
from functools import partial
from typing import TYPE_CHECKING

from pipelines.drills.rtsp_text import Request, tcp_channels
from tests.support.zoo.script import Answer

if TYPE_CHECKING:
    from tests.support.zoo.talk import Headers, Talk

PUBLIC = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, SET_PARAMETER, TEARDOWN"


def options(talk: "Talk", request: Request, public: str = PUBLIC) -> None:
    """Say what is understood (RFC 2326, 10.1)."""
    talk.reply(request, headers=[("Public", public)])


def description_headers(request: Request, base: str | None = None) -> "Headers":
    """Return the headers of a description: ``base`` is what its relative addresses start from."""
    own = request.uri.rstrip("/") + "/"
    return [("Content-Base", own if base is None else base), ("Content-Type", "application/sdp")]


def describe(
    talk: "Talk", request: Request, base: str | None = None, sdp: bytes | None = None
) -> None:
    """Describe the stream (RFC 2326, 10.2)."""
    body = talk.script.sdp if sdp is None else sdp
    talk.reply(request, headers=description_headers(request, base), body=body)


def setup(talk: "Talk", request: Request, insists_on: tuple[int, int] | None = None) -> None:
    """Set a track up on the channels asked for, or on others (RFC 2326, 10.4 and 12.39)."""
    asked = tcp_channels(request.headers.get("transport", ""))
    if asked is None:
        talk.reply(request, 461)
        return
    track = re.search(r"trackID=(\d+)", request.uri)
    first, second = insists_on or asked
    talk.channels[int(track[1]) if track else 0] = (first, second)
    transport = f"RTP/AVP/TCP;unicast;interleaved={first}-{second};ssrc=5EED5EED"
    session = f"{talk.session};timeout={talk.script.session_s}"
    talk.reply(request, headers=[("Transport", transport), ("Session", session)])


def play(talk: "Talk", request: Request) -> None:
    """Start (RFC 2326, 10.5)."""
    talk.reply(request, headers=[("Session", talk.session), ("Range", "npt=now-")])
    talk.start_stream()


def grant(talk: "Talk", request: Request) -> None:
    """Say yes, as to a keepalive (RFC 2326, 10.8)."""
    talk.reply(request, headers=[("Session", talk.session)])


def teardown(talk: "Talk", request: Request) -> None:
    """Say goodbye (RFC 2326, 10.7)."""
    grant(talk, request)
    talk.close()


def refuse(
    talk: "Talk", request: Request, status: int = 405, headers: "Headers" = (), body: bytes = b""
) -> None:
    """Answer with a status and nothing else happens."""
    talk.reply(request, status, headers, body)


def refusing(status: int, headers: "Headers" = ()) -> Answer:
    """Return an answer that refuses."""
    return partial(refuse, status=status, headers=headers)


def silent(_talk: "Talk", _request: Request) -> None:
    """Say nothing."""


DEFAULT: dict[str, Answer] = {
    "OPTIONS": options,
    "DESCRIBE": describe,
    "SETUP": setup,
    "PLAY": play,
    "PAUSE": grant,
    "GET_PARAMETER": grant,
    "SET_PARAMETER": grant,
    "TEARDOWN": teardown,
}
