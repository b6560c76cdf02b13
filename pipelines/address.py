"""Where a stream comes from: what is opened, and what people may see of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from pipelines.faults import BadAddressError, CredentialsCharactersError
from pipelines.sealing import LoginCharactersError, SealError, netloc_of, require_usable
from pipelines.secrets import SECRET_IN_PATH, Secret

SCHEMES: Final = frozenset({"rtsp", "rtsps"})

_UNQUOTED: Final = "!$&'()*+,;="
"""Besides letters, digits and ``-._~``: what a user and password may hold as it is (RFC 3986)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a stream comes from."""

    url: Secret
    """What is opened; may hold a password."""
    shown: str
    """The same without credentials and query, for people."""
    is_file: bool
    """A local file, which only a command line may name."""

    def __repr__(self) -> str:
        return f"Address({self.shown})"


def camera_address(url: str) -> Address:
    """Return a camera's address. Raises ``BadAddressError`` for all but RTSP."""
    secret = Secret(url)
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        what = "can't be read: write / ? # @ in a user name or password as %2F %3F %23 %40"
        raise BadAddressError("the address", what) from None
    shown = f"{parts.scheme}://{parts.hostname or ''}{port}{_without_secrets(parts.path)}"
    if parts.scheme not in SCHEMES or not parts.hostname or any(c.isspace() for c in url):
        raise BadAddressError(shown, "not a camera's address")
    _require_usable(unquote(parts.username or ""), unquote(parts.password or ""), shown)
    return Address(url=secret, shown=shown, is_file=False)


def registered_address(url: str, login: tuple[str, Secret] | None = None) -> Address:
    """Return the address of a camera whose user and password stand apart from it.

    It is put together anew from its parts, so that nobody can find another host in it than the
    one that the credentials were opened for. Raises ``BadAddressError``.
    """
    plain = camera_address(url)
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise BadAddressError(plain.shown, "a registered camera's password stands in its address")
    try:
        host = netloc_of(url)
    except SealError as error:
        raise BadAddressError(plain.shown, str(error)) from None
    userinfo = ""
    if login is not None:
        user, password = login[0], login[1].reveal()
        _require_usable(user, password, plain.shown)
        userinfo = f"{_quoted(user)}:{_quoted(password, ':')}@"
    query = f"?{parts.query}" if parts.query else ""
    whole = f"{parts.scheme}://{userinfo}{host}{parts.path}{query}"
    return Address(url=Secret(whole), shown=plain.shown, is_file=False)


def renewed_address(url: str, platform: str, login: tuple[str, Secret] | None = None) -> Address:
    """Return the address that a platform gave for a while; of its path nothing is shown.

    Any part of it may be the token. Raises ``BadAddressError``.
    """
    whole = registered_address(url, login)
    parts = urlsplit(url)
    return Address(
        url=whole.url,
        shown=f"{parts.scheme}://{netloc_of(url)}/… ({platform})",
        is_file=False,
    )


def _quoted(text: str, also_unquoted: str = "") -> str:
    return quote(text, _UNQUOTED + also_unquoted, errors="surrogatepass")


def _require_usable(user: str, password: str, shown: str) -> None:
    """Raise ``SourceError`` where ``require_usable`` raises."""
    try:
        require_usable(user, password)
    except LoginCharactersError:
        what = "user or password hold what can't be sent"
        raise CredentialsCharactersError(shown, what) from None


def command_line_address(text: str) -> Address:
    """Return the address of a camera or, where there is no scheme, of a local file."""
    if "://" in text:
        return camera_address(text)
    path = Path(text)
    if not path.is_file():
        raise BadAddressError(_without_secrets(text), "not a file that is there")
    return Address(url=Secret(str(path.resolve())), shown=text, is_file=True)


def _without_secrets(path: str) -> str:
    """Return a path without its parts that name a user or password, as recorders' paths do."""
    return "/".join("…" if SECRET_IN_PATH.search(part) else part for part in path.split("/"))
