"""A session's description (SDP, RFC 4566): the one video stream in it that we read."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

MEDIA_LIMIT: Final = 32
"""Streams that a description may name; a camera has three."""

CODECS: Final = {"H264": "h264", "H265": "hevc", "JPEG": "mjpeg", "MP4V-ES": "mpeg4"}
"""What cameras send, by its name in SDP. Every further decoder is surface for hostile streams."""

_JPEG_PAYLOAD: Final = 26
"""RFC 3551 gives JPEG a number of its own, so a description needn't name it."""

_START: Final = b"\0\0\0\1"


class NoVideoStreamError(Exception):
    """The description names no video."""


class UnknownCodecError(Exception):
    """The video is coded in a way that we don't read. The text names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoStream:
    """The stream to ask for."""

    codec: str
    """FFmpeg's name."""
    payload_type: int
    """Of its RTP packets."""
    clock_hz: int
    """Of its RTP timestamps."""
    control: str
    """Where SETUP goes, as the description has it."""
    parameter_sets: bytes
    """Annex B, or MPEG-4's configuration; empty where the stream itself brings them."""
    has_order_numbers: bool = False
    """H.265's decoding order numbers stand where a unit begins (RFC 7798, 4.4)."""
    session_control: str = ""
    """What the whole session is called in requests; empty where the description doesn't say."""


@dataclass(slots=True)
class _Media:
    payload_types: list[int]
    control: str = ""
    codings: dict[int, tuple[str, int]] | None = None
    formats: dict[int, str] | None = None


def read(text: bytes) -> VideoStream:
    """Return the first video stream that we read.

    Raises ``NoVideoStreamError`` or ``UnknownCodecError``.
    """
    words = text.decode("utf-8", "replace")
    videos = _videos(words)
    found = re.search(r"^a=control:(\S+)", words.partition("m=")[0], re.MULTILINE)
    session = found[1] if found else ""
    if not videos:
        raise NoVideoStreamError
    unknown = ""
    for video in videos:
        for payload_type in video.payload_types:
            implied = ("JPEG", 90000) if payload_type == _JPEG_PAYLOAD else ("", 0)
            name, clock_hz = (video.codings or {}).get(payload_type, implied)
            if name.upper() in CODECS:
                return _stream(
                    video,
                    payload_type,
                    CODECS[name.upper()],
                    clock_hz,
                    session,
                )
            unknown = unknown or name or f"payload {payload_type}"
    raise UnknownCodecError(re.sub(r"[^\w.+-]", "", unknown)[:20])


def _videos(text: str) -> list[_Media]:
    videos: list[_Media] = []
    current: _Media | None = None
    media = 0
    for line in text.splitlines():
        if line.startswith("m="):
            media += 1
            if media > MEDIA_LIMIT:
                break
            words = line[2:].split()
            current = None
            if len(words) >= 4 and words[0].lower() == "video":
                current = _Media([int(one) for one in words[3:8] if re.fullmatch(r"\d{1,3}", one)])
                videos.append(current)
        elif current is not None:
            _attribute(current, line)
    return videos


def _attribute(media: _Media, line: str) -> None:
    if line.startswith("a=control:"):
        media.control = line.partition(":")[2].strip()
    elif found := re.match(r"a=rtpmap:(\d{1,3})\s+([\w.+-]+)/(\d{1,9})", line):
        media.codings = {**(media.codings or {}), int(found[1]): (found[2], int(found[3]))}
    elif found := re.match(r"a=fmtp:(\d{1,3})\s+(.*)", line):
        media.formats = {**(media.formats or {}), int(found[1]): found[2]}


def _stream(
    media: _Media, payload_type: int, codec: str, clock_hz: int, session: str
) -> VideoStream:
    stated = (media.formats or {}).get(payload_type, "")
    pairs = (one.strip().partition("=") for one in stated.split(";"))
    fields = {name.lower(): value.strip() for name, _, value in pairs}
    if codec == "mpeg4":
        sets = _from_hex(fields.get("config", ""))
    else:
        names = ("sprop-parameter-sets", "sprop-vps", "sprop-sps", "sprop-pps")
        units = (unit for name in names for unit in fields.get(name, "").split(","))
        sets = b"".join(_START + one for one in map(_from_base64, units) if one)
    return VideoStream(
        codec=codec,
        payload_type=payload_type,
        clock_hz=clock_hz or 90000,
        control=media.control,
        parameter_sets=sets,
        session_control=session,
        has_order_numbers=fields.get("sprop-max-don-diff", "0") != "0",
    )


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text.strip())
    except (binascii.Error, ValueError):
        return b""


def _from_hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def is_address(text: str) -> bool:
    """Say whether a text is an RTSP address."""
    try:
        return urlsplit(text).scheme in {"rtsp", "rtsps"}
    except ValueError:
        return False


def control_url(base: str, control: str) -> str:
    """Return what a stream is called in requests (RFC 2326, C.1.1): a name, never a destination."""
    if not control or control == "*":
        return base
    if is_address(control):
        return control
    if "://" in control:
        return base
    if control.startswith("/"):
        parts = urlsplit(base)
        return f"{parts.scheme}://{parts.netloc}{control}"
    # Cameras mean "below", also where the base doesn't end with a slash.
    return f"{base.rstrip('/')}/{control}"
