"""Cameras that send a client elsewhere: redirects and addresses that must not be followed.

``camera.other`` is the camera they point at. It wants a password by Basic, so that a client which
follows and trusts shows it: ``camera.other.connections`` and ``.authorizations`` stay empty.
"""

from collections.abc import Callable
from functools import partial

from pipelines.drills.rtsp_text import Request
from tests.support.zoo import answers, sdp
from tests.support.zoo.camera import ZooCamera
from tests.support.zoo.films import film
from tests.support.zoo.login import Login
from tests.support.zoo.media_habits import Habit
from tests.support.zoo.protocol_habits import speaking
from tests.support.zoo.script import Answer, Gate, Script, open_gate
from tests.support.zoo.streams import Playing
from tests.support.zoo.talk import Talk

REDIRECTS_BEFORE_PICTURE = 20

Place = Callable[[ZooCamera], str]
"""Where a camera points at."""


def _other(camera: ZooCamera) -> str:
    return _friend(camera).url


def _other_http(camera: ZooCamera) -> str:
    return f"http://{_friend(camera).authority}/live"


def _itself(camera: ZooCamera) -> str:
    return camera.url


def _friend(camera: ZooCamera) -> ZooCamera:
    assert camera.other is not None
    return camera.other


def _fixed(place: str) -> Place:
    return lambda _camera: place


PLACES: dict[str, Place] = {
    "elsewhere": _other,
    "http": _other_http,
    "file": _fixed("file:///etc/passwd"),
    "concat": _fixed("concat:/etc/passwd|/etc/hosts"),
}
"""By the last word of a habit's name."""


def _located(place: Place, talk: Talk, request: Request, status: int = 302) -> None:
    """Answer with a Location (RFC 2326, 11.3 and 12.25)."""
    talk.reply(request, status, [("Location", place(talk.camera))])


def _based(place: Place, talk: Talk, request: Request) -> None:
    """Describe with a foreign Content-Base (RFC 2326, 12.11)."""
    answers.describe(talk, request, base=place(talk.camera).rstrip("/") + "/")


def _controlled(place: Place, talk: Talk, request: Request) -> None:
    """Describe a track whose control address is a foreign one (RFC 2326, C.1.1)."""
    foreign = b"a=control:" + place(talk.camera).encode() + b"/trackID=0"
    answers.describe(talk, request, sdp=talk.script.sdp.replace(b"a=control:trackID=0", foreign))


def pointing(answer: Answer, gate: Gate = open_gate, *, speed: float = 1.0) -> ZooCamera:
    """Return a camera that answers DESCRIBE so, with another one beside it."""
    return _with_other(speaking({"DESCRIBE": answer}, gate=gate, speed=speed))


def _with_other(camera: ZooCamera) -> ZooCamera:
    camera.other = speaking(gate=Login(schemes=("Basic",)), speed=camera.speed)
    return camera


def _redirect_request(talk: Talk, number: int) -> bytes:
    """Return a REDIRECT request of the camera's, once (RFC 2326, 10.10)."""
    if number != REDIRECTS_BEFORE_PICTURE:
        return b""
    lines = (
        f"REDIRECT {talk.camera.url} RTSP/1.0",
        "CSeq: 732",
        f"Location: {_other(talk.camera)}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def redirected_mid_stream(*, speed: float = 1.0) -> ZooCamera:
    """Asks to go elsewhere after 20 pictures, and goes on with its own."""
    shown = film()
    stream = Playing(film=shown, between=_redirect_request)
    return _with_other(ZooCamera(Script(sdp=sdp.of(shown), stream=stream), speed=speed))


HABITS: dict[str, Habit] = {
    "redirect": partial(pointing, partial(_located, _other)),
    "redirect_301": partial(pointing, partial(_located, _other, status=301)),
    "redirect_after_login": partial(pointing, partial(_located, _other), Login()),
    "redirect_loop": partial(pointing, partial(_located, _itself)),
    "redirected_mid_stream": redirected_mid_stream,
    **{
        f"location_{name}": partial(pointing, partial(_located, place))
        for name, place in PLACES.items()
        if name != "elsewhere"
    },
    **{
        f"content_base_{name}": partial(pointing, partial(_based, place))
        for name, place in PLACES.items()
    },
    **{
        f"control_{name}": partial(pointing, partial(_controlled, place))
        for name, place in PLACES.items()
    },
}
"""By name."""
