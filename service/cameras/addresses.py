"""RTSP addresses as people paste them: checked, and parted from user and password."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from pipelines.sealing import SealError, host_of
from pipelines.secrets import Secret
from service.refusals import Refusal, RefusedError

LONGEST: Final = 2048

SCHEMES: Final = frozenset({"rtsp", "rtsps"})

_WHITE: Final = re.compile(r"[\s\x00-\x1f\x7f]")

_NUMBER: Final = re.compile(r"(?:.*\.)?(?:\d+|0x[\da-f]*)", re.IGNORECASE)
"""A host that resolvers take for an IPv4 address, each in its own way: ``10.1``, ``0x0a000001``."""

_LOGIN: Final = re.compile(
    r"(?:^|[/&;,?_:.])"
    r"(?:[a-z\d-]*(?:(?<!by)(?<!com)pass(?!ive)|pwd|psw|user|usr|login|token|secret|cred"
    r"|auth(?!ors?\b))[\w.-]*"
    r"|[a-z\d-]*pas|pw|tk|jwt|key|sig|sign|signature|(?:access|api|app)[_-]?key"
    r"|verif(?:y|ication)[_-]?code)"
    r"\s*[=:]",
    re.IGNORECASE,
)
"""Names of what carries a login, as recorders and platforms have them, in path or query:
``?loginpas=…``, ``/user=admin&password=…&channel=1``, ``/user:admin:…/ch``."""

_SHORT: Final = tuple(re.compile(rf"[/&;?]{name}=[^/&;?]", re.IGNORECASE) for name in "up")
"""``?u=admin&p=…``: a login when both have a value, else something else."""

_PAIR: Final = re.compile(
    r"(?:^|[/?&;,])(?:[^/?&;,=:]+=)?"
    r"(?!(?:(?:[\d-]+T)?\d\d(?::\d\d){1,2}|(?:stream:)?\d{20}:\d+|\d\d?:\d\d?"
    r"|[\da-f]{2}(?::[\da-f]{2}){5}|\d+(?:\.\d+){3}:\d+(?::[\w-]+)*)(?![^/?&;,.Z+-]))"
    r"(?!(?:mp4|mp3|flv|smil|urn|pag):)"
    r"[^/?&;,=:]+:[^/?&;,:]",
    re.IGNORECASE,
)
"""``/admin:…/ch``: a login; but ``2026-11-22T10:10:10Z`` is a time, and media servers have names of
streams with a colon: ``mp4:gate``, an id and a number, a camera's hardware address."""

_QUOTED_TWICE: Final = 2
"""Platforms pass addresses on to each other, each quoting what it got."""


class AddressError(RefusedError):
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
        """What credentials are bound to: host and port, and whether through TLS."""
        return host_of(self.url)


def stream_address(text: str) -> StreamAddress:
    """Return an address parted from its login. Raises ``AddressError``."""
    text = text.strip()
    if len(text) > LONGEST:
        raise AddressError(
            Refusal.ADDRESS_LENGTH,
            f"the address has more than {LONGEST} characters",
            longest=LONGEST,
        )
    if _WHITE.search(text):
        raise AddressError(
            Refusal.ADDRESS_BLANK,
            "the address holds a blank or a control character: paste it anew",
        )
    parts = _parts(text)
    userinfo, at, netloc = parts.netloc.rpartition("@")
    url = urlunsplit((parts.scheme, netloc, parts.path, parts.query, ""))
    if parts.fragment or "#" in text:
        raise AddressError(
            Refusal.ADDRESS_FRAGMENT, "a # in the address would cut it off: write it as %23"
        )
    _require_no_secret(parts.path, parts.query)
    user, password = _login(userinfo) if at else (None, None)
    return StreamAddress(url=url, user=user, password=password)


def _parts(text: str) -> SplitResult:
    """Return an address's parts, once its scheme and host are good."""
    try:
        parts: SplitResult | None = urlsplit(text)
        has_host = bool(parts and parts.hostname)
        if has_host:
            host_of(text)
    except (ValueError, SealError):
        parts, has_host = None, True
    if text.partition(":")[0].lower() not in SCHEMES or not has_host:
        raise AddressError(
            Refusal.ADDRESS_SCHEME, "an address begins with rtsp:// or rtsps:// and names a host"
        )
    if parts is None:
        raise AddressError(
            Refusal.ADDRESS_UNREADABLE,
            "the address can't be read: write it as rtsp://host:port/path; in a user or password "
            "each of @ : / ? # [ ] % must be written as % and two digits, or be given apart",
        )
    _require_dotted(parts.hostname or "")
    return parts


def _require_dotted(host: str) -> None:
    """Refuse a number that is no dotted quad: what limits and allowed networks see is one host."""
    name = host.rstrip(".")
    if ":" in name or not _NUMBER.fullmatch(name):
        return
    try:
        IPv4Address(name)
    except ValueError:
        raise AddressError(
            Refusal.ADDRESS_NUMBERS,
            "an IP address is written as four numbers without leading zeros, such as "
            "192.168.1.64: other spellings mean different hosts to different systems",
        ) from None


def _login(userinfo: str) -> tuple[str, Secret]:
    user, _, password = userinfo.partition(":")
    if not user:
        raise AddressError(
            Refusal.ADDRESS_USER,
            "the address has a password and no user: give both, or give them apart",
        )
    try:
        return unquote(user, errors="strict"), Secret(unquote(password, errors="strict"))
    except UnicodeDecodeError:
        raise AddressError(
            Refusal.ADDRESS_ENCODING,
            "the user or password in the address is written in another encoding than UTF-8, "
            "perhaps GBK: give user and password apart",
        ) from None


def _require_no_secret(path: str, query: str) -> None:
    # Moving them into the credentials would break the login: the camera wants them just there.
    # Leaving them would show them to everybody who may see the address. An ``@`` that is left here
    # stood behind a password with / or ? in it, which cut the address there.
    text = f"{path}?{query}"
    for _ in range(_QUOTED_TWICE):
        text = unquote(text)
    named = _LOGIN.search(text) or all(name.search(text) for name in _SHORT)
    if named or "@" in text or _PAIR.search(text):
        raise AddressError(
            Refusal.ADDRESS_LOGIN,
            "the address carries a login in its path or query, where it can't be kept secret: "
            "take it out and give user and password apart; for a camera that accepts it only "
            "there, let the video platform re-expose the stream",
        )
