"""RTSP's own text (RFC 2326): replies read within limits, requests written."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

LARGEST_HEAD_BYTES: Final = 16384
"""A reply's head has a few hundred bytes."""

LARGEST_BODY_BYTES: Final = 65536
"""A session's description has a few thousand."""

MOST_LINES: Final = 64

_STATUS: Final = re.compile(rb"RTSP/\d\.\d (\d{3})(?: |$)")
_REQUEST: Final = re.compile(rb"([A-Z_]{3,20}) \S+ RTSP/\d\.\d$")


class NoRtspError(Exception):
    """What came is no RTSP. The text says what it is instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the other side said: a reply, or a request of its own."""

    status: int
    """Of a reply; 0 for a request."""
    method: str
    """Of a request; empty for a reply."""
    headers: Mapping[str, tuple[str, ...]]
    """By name in small letters, each time it was sent."""
    body: bytes
    """As many bytes as were announced."""
    size: int
    """Bytes that it took."""

    def header(self, name: str) -> str:
        """Return a header's first value, or nothing."""
        return self.headers.get(name, ("",))[0]

    def number(self, name: str) -> int | None:
        """Return a header's value as a number, if it is one."""
        value = self.header(name)
        return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else None


def read(data: bytes, start: int = 0) -> Said | None:
    """Return what stands at ``start``, or nothing while it isn't whole.

    Raises ``NoRtspError`` for anything else, and for what is too long.
    """
    begin, start = start, _past_line_breaks(data, start)  # some count a body one line short
    if start == len(data):
        return None
    end = data.find(b"\r\n\r\n", start, start + LARGEST_HEAD_BYTES)
    if end < 0:
        if len(data) - start >= LARGEST_HEAD_BYTES:
            raise NoRtspError(f"a head of more than {LARGEST_HEAD_BYTES} bytes")
        if not _may_begin(data[start : start + 8]):
            raise NoRtspError("no RTSP")
        return None
    first, *lines = data[start:end].split(b"\r\n")
    status, method = _STATUS.match(first), _REQUEST.match(first)
    if status is None and method is None:
        raise NoRtspError("no RTSP")
    if len(lines) > MOST_LINES:
        raise NoRtspError(f"a head of {len(lines)} lines")
    headers: dict[str, tuple[str, ...]] = {}
    for line in lines:
        name, _, value = line.decode("utf-8", "replace").partition(":")
        key = name.strip().lower()
        headers[key] = (*headers.get(key, ()), value.strip())
    stop = end + 4 + _length(headers.get("content-length", ("0",))[0])
    if len(data) < stop:
        return None
    return Said(
        status=int(status[1]) if status else 0,
        method=method[1].decode() if method else "",
        headers=headers,
        body=data[end + 4 : stop],
        size=stop - begin,
    )


def _length(stated: str) -> int:
    if not (stated.isascii() and stated.isdecimal() and len(stated) < 10):
        raise NoRtspError("a length that is none")
    if int(stated) > LARGEST_BODY_BYTES:
        raise NoRtspError(f"a body of {int(stated)} bytes")
    return int(stated)


def _past_line_breaks(data: bytes, start: int) -> int:
    stop = start
    while stop - start < 4 and data[stop : stop + 1] in {b"\r", b"\n"}:
        stop += 1
    return stop


def _may_begin(start: bytes) -> bool:
    """Say whether a reply or a request may begin so."""
    return b"RTSP/".startswith(start[:5]) or re.match(rb"[A-Z_]+( |$)", start) is not None


def request(method: str, url: str, headers: Mapping[str, str]) -> bytes:
    """Return a request; a line break in it would be another one, so none passes."""
    lines = [f"{method} {url} RTSP/1.0", *(f"{name}: {value}" for name, value in headers.items())]
    if any(character in line for line in lines for character in "\r\n\0"):
        raise NoRtspError("a line break where none may be")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n"
