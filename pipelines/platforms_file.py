"""The platforms that a worker may ask for addresses, in TOML; their keys in files of their own."""

import re
import stat
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec

from pipelines.messages import Name
from pipelines.secrets import Secret

MAX_BYTES: Final = 1024 * 1024
MAX_KEY_BYTES: Final = 8192
"""A key of WVP is a JWT of some 700 characters."""

_KEY: Final = re.compile(r"[\x21-\x7e]+")
"""What a header can hold without beginning another."""

_KINDS: Final = frozenset({"wvp"})

_AS: Final = (
    'write [platforms."…"] with kind = "wvp", url = "http://10.0.0.5:18080", key_file = "wvp.key"'
)


class PlatformsFileError(ValueError):
    """The file can't be used. The text names it and says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformSettings:
    """One platform."""

    name: str
    """As cameras have it for their ``upstream``."""
    kind: str
    """Which API it has."""
    url: str
    """What the API's paths are put behind; holds no login."""
    key: Secret
    """What it knows this worker by."""
    pulls: int
    """How many addresses are asked of it at a time: for each it may have to start a camera."""


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: str
    url: Annotated[str, msgspec.Meta(max_length=2048)]
    key_file: str
    pulls: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    platforms: dict[Name, _Entry]


def read_platforms(path: Path) -> tuple[PlatformSettings, ...]:
    """Return what a file says of platforms. Raises ``PlatformsFileError``."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise PlatformsFileError(f"{path}: larger than {MAX_BYTES} bytes: {_AS}")
        entries = msgspec.convert(tomllib.loads(text.decode()), _File).platforms
    except OSError as error:
        raise PlatformsFileError(f"{path}: {error.strerror}: name a file") from error
    except RecursionError as error:
        raise PlatformsFileError(f"{path}: nested too deeply: {_AS}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise PlatformsFileError(f"{path}: {error}: {_AS}") from error
    return tuple(_platform(path, name, entry) for name, entry in entries.items())


def _platform(path: Path, name: str, entry: _Entry) -> PlatformSettings:
    where = f"{path}: platform {name}"
    if entry.kind not in _KINDS:
        raise PlatformsFileError(f"{where}: kind is one of {', '.join(sorted(_KINDS))}")
    try:
        parts = urlsplit(entry.url)
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable or not _KEY.fullmatch(entry.url):
        raise PlatformsFileError(f"{where}: url is written http://host:port or https://host:port")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise PlatformsFileError(f"{where}: url holds no login and no ?: the key is in key_file")
    key = _key(f"{where}: key_file", path.parent / entry.key_file)
    return PlatformSettings(name=name, kind=entry.kind, url=entry.url, key=key, pulls=entry.pulls)


def _key(where: str, path: Path) -> Secret:
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise PlatformsFileError(f"{where} {path}: not a file")
        if stat.S_IMODE(mode) & 0o077:
            raise PlatformsFileError(f"{where} {path}: others may read it: chmod 600 it")
        with path.open("rb") as file:
            text = file.read(MAX_KEY_BYTES + 1).decode().strip()
    except OSError as error:
        raise PlatformsFileError(f"{where} {path}: {error.strerror}: name a file") from error
    except UnicodeDecodeError:
        text = ""
    if len(text) > MAX_KEY_BYTES or not _KEY.fullmatch(text):
        raise PlatformsFileError(f"{where} {path}: holds no key: one line, as the platform gave it")
    return Secret(text)
