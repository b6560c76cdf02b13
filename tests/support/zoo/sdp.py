"""Descriptions of films (RFC 4566, and each codec's own parameters)."""

import base64
from collections.abc import Sequence

from pipelines.drills.clip import TICKS_PER_S, nal_units
from tests.support.zoo.films import Film
from tests.support.zoo.rtp import PAYLOAD_TYPES

SESSION = ("v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=zoo", "c=IN IP4 0.0.0.0", "t=0 0", "a=control:*")

AUDIO = ("m=audio 0 RTP/AVP 8", "a=rtpmap:8 PCMA/8000")
"""G.711, whose number is fixed (RFC 3551, 6)."""

_NAMES = {"libx264": "H264", "libx265": "H265", "mpeg4": "MP4V-ES", "mjpeg": "JPEG"}


def _sets(film: Film, kinds: Sequence[int], shift: int, mask: int) -> list[str]:
    """Return the first NAL unit of each type, as text."""
    units = list(nal_units(film.units[0].data))
    found = (next(unit for unit in units if unit[0] >> shift & mask == kind) for kind in kinds)
    return [base64.b64encode(unit).decode() for unit in found]


def format_parameters(film: Film, *, sprop: bool = True) -> str:
    """Return what an fmtp line says, with or without the parameter sets; empty if nothing."""
    if film.codec == "libx264":
        sets = ",".join(_sets(film, (7, 8), 0, 0x1F))
        return "packetization-mode=1" + (f";sprop-parameter-sets={sets}" if sprop else "")
    if film.codec == "libx265" and sprop:
        vps, sps, pps = _sets(film, (32, 33, 34), 1, 0x3F)
        return f"sprop-vps={vps};sprop-sps={sps};sprop-pps={pps}"
    if film.codec == "mpeg4":
        return f"profile-level-id=1;config={film.config.hex()}"
    return ""


def video(film: Film, *, sprop: bool = True, control: str = "trackID=0") -> list[str]:
    """Return the lines of a video track."""
    number = PAYLOAD_TYPES[film.codec]
    parameters = format_parameters(film, sprop=sprop)
    return [
        f"m=video 0 RTP/AVP {number}",
        f"a=rtpmap:{number} {_NAMES[film.codec]}/{TICKS_PER_S}",
        *([f"a=fmtp:{number} {parameters}"] if parameters else []),
        f"a=control:{control}",
    ]


def text(*lines: str, end: str = "\r\n") -> bytes:
    """Return a whole description: the session's lines and these."""
    return (end.join((*SESSION, *lines)) + end).encode()


def of(film: Film, *, sprop: bool = True, end: str = "\r\n") -> bytes:
    """Return the description of one film."""
    return text(*video(film, sprop=sprop), end=end)
