"""RTSP addresses as people paste them: checked, and parted from user and password."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from pipelines.sealing import SealError, host_of
from pipelines.secrets import Secret

LONGEST: Final = 2048

SCHEMES: Final = frozenset({"rtsp", "rtsps"})

_WHITE: Final = re.compile(r"[\s\x00-\x1f\x7f]")

_SECRET_NAMES: Final = re.compile(
    r"(pass|passwd|password|pwd|psw|user|username|usr|token|auth|authbasic|secret|key|sign"
    r"|signature|access[_-]?token|api[_-]?key)",
    re.IGNORECASE,
)
"""Names of parameters that carry a login, as recorders and platforms have them."""

_IN_PATH: Final = re.compile(r"(?:^|[/&;_])(user|usr|password|passwd|pwd|pass)=", re.IGNORECASE)
"""``/user=admin&password=…&channel=1``: some makers' paths carry the login."""


class AddressError(ValueError):
    """The address can't be used. The text says what to do and repeats nothing of the address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamAddress:
    """An RTSP address without a login in it."""

    url: str
    """To be stored and shown."""
    user: str | None = None
    """The user that stood in it."""
    password: Secret | None = None
    """The password that stood in it; with ``user`` or not at all."""

    @property
    def host(self) -> str:
        """Host and port, as credentials are bound to."""
        return host_of(self.url)


def stream_address(text: str) -> StreamAddress:
    """Return an address parted from its login. Raises ``AddressError``."""
    text = text.strip()
    if len(text) > LONGEST:
        raise AddressError(f"the address has more than {LONGEST} characters")
    if _WHITE.search(text):
        raise AddressError("the address holds a blank or a control character: paste it anew")
    try:
        parts = urlsplit(text)
        userinfo, at, netloc = parts.netloc.rpartition("@")
        url = urlunsplit((parts.scheme, netloc, parts.path, parts.query, ""))
        host = parts.hostname
        host_of(url)
    except (ValueError, SealError):
        raise AddressError(
            "the address can't be read: write it as rtsp://host:port/path; in a user or password "
            "each of @ : / ? # [ ] % must be written as % and two digits, or be given apart"
        ) from None
    if parts.scheme not in SCHEMES or not host:
        raise AddressError("an address begins with rtsp:// or rtsps:// and names a host")
    if parts.fragment or "#" in text:
        raise AddressError("a # in the address would cut it off: write it as %23")
    _require_no_secret(parts.path, parts.query)
    user, password = _login(userinfo) if at else (None, None)
    return StreamAddress(url=url, user=user, password=password)


def _login(userinfo: str) -> tuple[str, Secret]:
    user, _, password = userinfo.partition(":")
    if not user:
        raise AddressError("the address has a password and no user: give both, or give them apart")
    return unquote(user), Secret(unquote(password))


def _require_no_secret(path: str, query: str) -> None:
    # Moving them into the credentials would break the login: the camera wants them just there.
    # Leaving them would show them to everybody who may see the address.
    names = [name for name, _ in parse_qsl(query, keep_blank_values=True, separator="&")]
    if any(_SECRET_NAMES.fullmatch(name) for name in names) or _IN_PATH.search(unquote(path)):
        raise AddressError(
            "the address carries a login in its path or query, where it can't be kept secret: "
            "take it out and give user and password apart; for a camera that accepts it only "
            "there, let the video platform re-expose the stream"
        )
