"""Who we are: Digest (RFC 2617, 7616) where a camera offers it, Basic where it offers nothing else.

The password leaves as a digest, or in a Basic header to the one address that was pinned.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from pipelines.secrets import Secret

_HASHES: Final[dict[str, Callable[[bytes], "hashlib._Hash"]]] = {
    "SHA-256": hashlib.sha256,
    "MD5": lambda text: hashlib.md5(text, usedforsecurity=False),
}
"""The better first. RFC 2617 asks for MD5, and most cameras know nothing else."""

LONGEST_CHALLENGE: Final = 1024
"""Characters; a camera's has a hundred."""

MOST_CHALLENGES: Final = 4

_SCHEME: Final = re.compile(r"(?:^|,\s*)(Basic|Digest)\s+(?=\w)", re.IGNORECASE)
"""Where a challenge begins: several may share a line."""

_FIELD: Final = re.compile(
    r'(?<![\w-])([\w-]{1,32})\s{0,4}=\s{0,4}(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))'
)


class Login:
    """One user and password, and what the camera last asked for."""

    def __init__(self, user: str, password: Secret) -> None:
        self._user = user
        self._password = password
        self._challenge: dict[str, str] | None = None
        self._basic = self._digests = False
        self._count = 0

    def hear(self, challenges: Iterable[str]) -> bool:
        """Take the challenges of a 401; say whether there is one to answer."""
        self._challenge, self._basic, self._count = None, False, 0
        offered: dict[str, dict[str, str]] = {}
        for scheme, rest in _parted(challenges):
            if scheme == "basic":
                self._basic = True
                continue
            found = _FIELD.findall(rest)
            fields = {name.lower(): quoted or bare for name, quoted, bare in found}
            if "qop" not in fields or "auth" in _words(fields["qop"]):
                name = (fields.get("algorithm") or "MD5").upper().removesuffix("-SESS")
                offered.setdefault(name, fields)
        for name in _HASHES:
            if name in offered and offered[name].get("nonce"):
                self._challenge = offered[name]
                self._digests = True
                break
        # Whoever once offered Digest gets no password in the clear, whatever it asks for later.
        self._basic = self._basic and not self._digests
        return self._basic or self._challenge is not None

    def header(self, method: str, url: str) -> dict[str, str]:
        """Return the Authorization header of a request, if the camera asked for one."""
        if self._basic:
            pair = f"{self._user}:{self._password.reveal()}".encode("utf-8", "surrogateescape")
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        if self._challenge is None:
            return {}
        return {"Authorization": f"Digest {self._digest(self._challenge, method, url)}"}

    def _digest(self, asked: dict[str, str], method: str, url: str) -> str:
        algorithm = (asked.get("algorithm") or "MD5").upper()
        make = _HASHES[algorithm.removesuffix("-SESS")]

        def hashed(*parts: str) -> str:
            return make(":".join(parts).encode("utf-8", "surrogateescape")).hexdigest()

        realm, nonce = asked.get("realm", ""), asked["nonce"]
        self._count += 1
        count, own = f"{self._count:08x}", secrets.token_hex(8)
        secret = hashed(self._user, realm, self._password.reveal())
        if algorithm.endswith("-SESS"):
            secret = hashed(secret, nonce, own)
        request = hashed(method, url)
        has_quality = "auth" in _words(asked.get("qop", ""))
        middle = (nonce, count, own, "auth") if has_quality else (nonce,)
        fields = [
            f'username="{_quoted(self._user)}"',
            f'realm="{realm}"',
            f'nonce="{nonce}"',
            f'uri="{url}"',
            f'response="{hashed(secret, *middle, request)}"',
        ]
        if asked.get("algorithm"):
            fields.append(f"algorithm={asked['algorithm']}")
        if has_quality:
            fields += ["qop=auth", f"nc={count}", f'cnonce="{own}"']
        elif algorithm.endswith("-SESS"):
            fields.append(f'cnonce="{own}"')
        if "opaque" in asked:
            fields.append(f'opaque="{asked["opaque"]}"')
        return ", ".join(fields)


def _parted(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each challenge's scheme in small letters, and its fields."""
    for line in list(lines)[:MOST_CHALLENGES]:
        _, *parts = _SCHEME.split(line[:LONGEST_CHALLENGE])
        yield from zip(map(str.lower, parts[::2]), parts[1::2], strict=True)


def _words(text: str) -> list[str]:
    return re.split(r"[\s,]+", text)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
