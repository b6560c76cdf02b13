"""One table of the file of targets, read key by key: every mistake is named, with what to write."""

import os
import re
import stat
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import SplitResult, urlsplit

import msgspec

from pipelines.lookup import NEVER, IpNetwork
from pipelines.secrets import Secret
from service.dispatch.senders.egress import Egress, Tls

T = TypeVar("T", bound=msgspec.Struct)

MAX_SECRET_BYTES: Final = 8192

_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")

_KEY: Final = re.compile("[a-z_]{1,32}")
"""What may have been meant as a key; a secret, as a rule, is another thing."""

WRITE: Final = {
    "kind": 'kind = "webhook", "mqtt", "cap", "wvp" or "stream"',
    "label": 'label = "指挥中心", at most 128 characters',
    "updates": "updates = true or false",
    "drills": "drills = true or false",
    "answers": "answers = true or false",
    "receipts_from": 'receipts_from = ["fire-station"], logins of accounts',
    "stream": 'stream = "dispatch.north"',
    "url": 'url = "https://centre.example/orders"',
    "allowed_networks": 'allowed_networks = ["10.20.0.0/16"]',
    "ca_file": 'ca_file = "centre-ca.pem"',
    "client_certificate": 'client_certificate = "fengsui.pem"',
    "client_key": 'client_key = "fengsui.key"',
    "timeout_s": "timeout_s = 10, from 1 to 15",
    "secret": 'secret_env = "NAME", secret_file = "centre.secret" or secret = "whsec_…"',
    "token": 'token_env = "NAME", token_file = "centre.token" or token = "…"',
    "password": 'password_env = "NAME", password_file = "broker.password" or password = "…"',
    "username": 'username = "fengsui"',
    "source": 'source = "/fengsui"',
    "topic": 'topic = "fengsui/{place_code}/{hazard}"',
    "expiry_s": "expiry_s = 86400, from 60 to 604800",
    "sender": 'sender = "fengsui.example.gov.cn", without blanks and commas',
    "scope": 'scope = "Restricted", "Private" or "Public"',
    "restriction": 'restriction = "应急处置单位"',
    "addresses": 'addresses = ["centre@example.gov.cn"]',
    "languages": 'languages = ["zh-CN", "en-US"]',
    "contact": 'contact = "0571-12345"',
    "radius_km": "radius_km = 0.5, above 0 and at most 50",
    "expires_min": "expires_min = 60, from 5 to 1440",
    "polygons": 'polygons = { "330106" = [[30.2, 120.1], [30.3, 120.1], [30.3, 120.2]] }, WGS-84, '
    "latitude first",
    "channel": 'channel = "alarm_receive"',
    "alarm_types": "alarm_types = { fire = 101 }",
}
"""What to write, by key."""


Look = tuple[int, int, int, int] | None
"""What changes with a file, its mode included; None: it isn't there."""

Files = dict[Path, Look]


class Table:
    """One ``[targets."name"]``; ``problems`` collects what is wrong with it."""

    def __init__(
        self, path: Path, name: str, values: Any, environment: Mapping[str, str] = os.environ
    ) -> None:
        self.name = name
        self.problems: list[str] = []
        self.files: Files = {}
        """What else was read for it, and how it looked before."""
        self._path, self._environment = path, environment
        self._values = values if isinstance(values, dict) else {}
        if not isinstance(values, dict):
            self.wrong("kind", "this is no table")

    def wrong(self, key: str, what: str) -> None:
        """Note a mistake."""
        hint = WRITE.get(key.removesuffix("_env").removesuffix("_file")) or WRITE.get(key)
        hint = f": write {hint}" if hint else ""
        self.problems.append(f'{self._path}: [targets."{self.name}"] {key}: {what}{hint}')

    @property
    def kind(self) -> Any:
        """What the table says it is."""
        return self._values.get("kind")

    def read(self, shape: type[T]) -> T | None:
        """Return the table's keys, or None with every mistake noted."""
        found: dict[str, Any] = {}
        known = {one.name: one for one in msgspec.structs.fields(shape)}
        for key, value in self._values.items():
            if key not in known:
                keys = ", ".join(sorted(known))
                named = key if _KEY.fullmatch(key) else "…"
                self.problems.append(
                    f'{self._path}: [targets."{self.name}"] {named}: a {self.kind} has no such '
                    f"key, but {keys}: remove it or correct its name"
                )
                continue
            try:
                found[key] = msgspec.convert(value, known[key].type)
            except msgspec.ValidationError as error:
                self.wrong(key, str(error).partition(" - at")[0].lower())
        for key in sorted(k for k, one in known.items() if one.required and k not in self._values):
            self.wrong(key, "is missing")
        return None if self.problems else shape(**found)

    def url(self, text: str, schemes: Mapping[str, int], example: str) -> SplitResult | None:
        """Return an address without login; ``schemes`` are those that may be, with their ports."""
        try:
            parts = urlsplit(text)
            usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable or not _VISIBLE.fullmatch(text) or parts.fragment:
            self._wrong_url("is no address of this kind", example)
        elif "@" in parts.netloc:
            self._wrong_url("holds a login, which everybody would see", example)
        else:
            return parts
        return None

    def egress(self, texts: tuple[str, ...], *, plain: bool) -> Egress:
        """Return the networks; an address that is ``plain`` (without TLS) needs them listed."""
        found: list[IpNetwork] = []
        for text in texts:
            try:
                network = ip_network(text.strip())
            except ValueError:
                self.wrong("allowed_networks", f"{text!r} is no network")
                continue
            if any(network.version == one.version and network.subnet_of(one) for one in NEVER):  # type: ignore[arg-type]
                self.wrong("allowed_networks", f"{text} is link-local, reserved or of a cloud")
            found.append(network)
        if plain and not texts:
            self.wrong("allowed_networks", "is missing: without TLS the network must be listed")
        return Egress(allowed=tuple(found))

    def tls(self, ca_file: str | None, certificate: str | None, key: str | None) -> Tls:
        """Return the certificates' files, which must be there and fit."""
        made = Tls(
            ca_file=self._beside("ca_file", ca_file),
            certificate=self._beside("client_certificate", certificate),
            key=self._beside("client_key", key),
        )
        if key and not certificate:
            self.wrong("client_certificate", "is missing, though client_key is there")
        elif (ca_file or certificate) and not self.problems:
            try:
                made.context()
            except (OSError, ValueError) as error:
                name = "client_certificate" if certificate else "ca_file"
                self.wrong(name, f"can't be used ({error})")
        return made

    def secret(self, name: str, values: msgspec.Struct, *, required: bool = False) -> Secret | None:
        """Return what ``name``, ``name_env`` or ``name_file`` gives."""
        given = {
            key: text
            for key in (name, f"{name}_env", f"{name}_file")
            if (text := getattr(values, key)) is not None
        }
        if len(given) > 1:
            self.wrong(name, f"is given {len(given)} times: leave one")
            return None
        if not given:
            if required:
                self.wrong(name, "is missing")
            return None
        (key, text) = given.popitem()
        found = self._secret_of(key, text)
        if found is not None and not _VISIBLE.fullmatch(found):
            self.wrong(key, "holds none: one line without blanks")
            return None
        return None if found is None else Secret(found)

    def _secret_of(self, key: str, text: str) -> str | None:
        if key.endswith("_env"):
            if not (found := self._environment.get(text)):
                # Not by its name: what was to be kept may stand in its place.
                self.wrong(key, "the environment has no variable of that name: set it")
            return found or None
        if key.endswith("_file"):
            return self._text_of(key, self._path.parent / text)
        if _others_read(self._path):
            self.wrong(key, f"others may read {self._path}: chmod 600 it")
            return None
        return text

    def _text_of(self, key: str, path: Path) -> str | None:
        self.files[path] = look_of(path)
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                self.wrong(key, f"{path} is no file")
                return None
            if _others_read(path):
                self.wrong(key, f"others may read {path}: chmod 600 it")
                return None
            with path.open("rb") as file:
                text = file.read(MAX_SECRET_BYTES + 1).decode().strip()
        except (OSError, ValueError) as error:  # no text, or no name of a file
            reason = getattr(error, "strerror", None) or "no text"
            self.wrong(key, f"the file of that name can't be read ({reason})")
            return None
        return text if len(text) <= MAX_SECRET_BYTES else ""

    def _beside(self, key: str, text: str | None) -> Path | None:
        if text is None:
            return None
        path = self._path.parent / text
        self.files[path] = look_of(path)
        if not path.is_file():
            self.wrong(key, f"{path} is not there")
        return path

    def _wrong_url(self, what: str, example: str) -> None:
        self.problems.append(
            f'{self._path}: [targets."{self.name}"] url: {what}: write url = "{example}"'
        )


def look_of(path: Path) -> Look:
    """Return what changes with a file."""
    try:
        found = path.stat()
    except (OSError, ValueError):  # not there, or no name of a file
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def _others_read(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
