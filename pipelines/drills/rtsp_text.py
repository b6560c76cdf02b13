"""The text of RTSP/1.0 (RFC 2326): requests, replies, SDP (RFC 4566), Digest (RFC 2617)."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pipelines.drills.clip import PPS, SPS, TICKS_PER_S, Clip
from pipelines.drills.rtp import PAYLOAD_TYPE

LARGEST_HEAD_BYTES = 8192
"""A request's head is a few hundred bytes; more is no camera client."""

LARGEST_BODY_BYTES = 65536
"""GET_PARAMETER may have a body; none of ours is read."""

METHODS = ("OPTIONS", "DESCRIBE", "SETUP", "PLAY", "GET_PARAMETER", "TEARDOWN")

REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    453: "Not Enough Bandwidth",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    461: "Unsupported Transport",
    505: "RTSP Version Not Supported",
}
"""Status codes in use (RFC 2326, 7.1.1)."""


class BadRequestError(Exception):
    """What came is no RTSP request: the connection is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request of a client."""

    method: str
    """In capitals, as sent."""
    uri: str
    """As sent: Digest covers it literally."""
    version: str
    """RTSP/1.0."""
    headers: Mapping[str, str]
    """By name in small letters; of repeated ones the last."""

    @property
    def mount(self) -> str:
        """Return the first part of the path."""
        return urlsplit(self.uri).path.strip("/").partition("/")[0]

    @property
    def body_bytes(self) -> int:
        """Return how long the body is that follows."""
        length = self.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > LARGEST_BODY_BYTES:
            raise BadRequestError
        return int(length)


def parse_request(head: bytes) -> Request:
    """Return the request of a head without its empty line."""
    lines = head.decode("utf-8", "replace").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3:
        raise BadRequestError
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequestError
        headers[name.strip().lower()] = value.strip()
    return Request(method=words[0], uri=words[1], version=words[2], headers=headers)


def take_request(received: bytearray) -> Request | None:
    """Take the next whole request off what a client sent, and the RTCP before it; None if none is.

    Raises ``BadRequestError``.
    """
    while received[:1] == b"$":
        whole = 4 + int.from_bytes(received[2:4])
        if len(received) < whole:
            return None
        del received[:whole]
    end = received.find(b"\r\n\r\n", 0, LARGEST_HEAD_BYTES + 4)
    if end < 0:
        if len(received) > LARGEST_HEAD_BYTES:
            raise BadRequestError
        return None
    request = parse_request(bytes(received[:end]))
    whole = end + 4 + request.body_bytes
    if len(received) < whole:
        return None
    del received[:whole]
    return request


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer to a client."""

    status: int
    """A key of ``REASONS``."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Besides CSeq and Content-Length."""
    body: bytes = b""
    """SDP, if any."""

    def encode(self, sequence: str) -> bytes:
        """Return the bytes to send; ``sequence`` is the request's CSeq."""
        lines = [f"RTSP/1.0 {self.status} {REASONS[self.status]}", f"CSeq: {sequence}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


def tcp_channels(transport: str) -> tuple[int, int] | None:
    """Return the interleaved channels of the first TCP choice of a Transport header, or None.

    RFC 2326, 12.39: choices are separated by commas, the client's favourite first.
    """
    for choice in transport.split(","):
        protocol, *options = [part.strip() for part in choice.split(";")]
        if protocol.upper() != "RTP/AVP/TCP":
            continue
        found = re.search(r"interleaved=(\d{1,3})(?:-(\d{1,3}))?", ";".join(options))
        if found is None:
            return 0, 1
        first = int(found[1])
        second = int(found[2]) if found[2] else first + 1
        if max(first, second) <= 255:
            return first, second
    return None


def describe(name: str, clip: Clip) -> bytes:
    """Return the SDP of a mount: one H.264 stream with its parameter sets (RFC 6184, 8.2.1)."""
    sps, pps = clip.parameter_set(SPS), clip.parameter_set(PPS)
    sets = ",".join(base64.b64encode(unit).decode() for unit in (sps, pps))
    profile = sps[1:4].hex().upper()
    fmtp = f"packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={sets}"
    rate = len(clip.units) * TICKS_PER_S / clip.duration_ticks
    lines = (
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        f"s={name}",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        f"a=rtpmap:{PAYLOAD_TYPE} H264/{TICKS_PER_S}",
        f"a=fmtp:{PAYLOAD_TYPE} {fmtp}",
        f"a=framerate:{rate:g}",
        "a=control:trackID=0",
    )
    return "\r\n".join(lines).encode() + b"\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Whom a server lets in, by Digest with MD5 and no ``qop``: what cameras speak."""

    user: str
    """User name."""
    password: str = field(repr=False)
    """Password."""
    realm: str = "Fengsui drill"
    """Shown to the client."""

    def challenge(self, nonce: str) -> str:
        """Return the WWW-Authenticate header."""
        return f'Digest realm="{self.realm}", nonce="{nonce}", algorithm=MD5'

    def admits(self, request: Request, nonce: str) -> bool:
        """Return whether a request proves the password (RFC 2617, 3.2.2.1), in constant time."""
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "digest":
            return False
        given = {
            name.lower(): quoted or bare
            for name, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', rest)
        }
        secret = _md5(f"{self.user}:{self.realm}:{self.password}")
        expected = _md5(f"{secret}:{nonce}:{_md5(f'{request.method}:{request.uri}')}")
        proofs = (
            (given.get("username", ""), self.user),
            (given.get("nonce", ""), nonce),
            (given.get("uri", ""), request.uri),
            (given.get("response", ""), expected),
        )
        matches = [hmac.compare_digest(one.encode(), other.encode()) for one, other in proofs]
        return all(matches)


def _md5(text: str) -> str:
    """Return the digest that RFC 2617 asks for; as a hash it protects nothing."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
