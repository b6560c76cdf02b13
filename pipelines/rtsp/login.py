"""Who we are: Digest (RFC 2617, 7616) where a camera offers it, Basic where it offers nothing else.

The password leaves as a digest, or in a Basic header to the one address that was pinned.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Iterable
from typing import Final

from pipelines.secrets import Secret

_HASHES: Final[dict[str, Callable[[bytes], "hashlib._Hash"]]] = {
    "SHA-256": hashlib.sha256,
    "MD5": lambda text: hashlib.md5(text, usedforsecurity=False),
}
"""The better first. RFC 2617 asks for MD5, and most cameras know nothing else."""

_FIELD: Final = re.compile(r'([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


class Login:
    """One user and password, and what the camera last asked for."""

    def __init__(self, user: str, password: Secret) -> None:
        self._user = user
        self._password = password
        self._challenge: dict[str, str] | None = None
        self._basic = False
        self._count = 0

    def hear(self, challenges: Iterable[str]) -> bool:
        """Take the challenges of a 401; say whether there is one to answer."""
        self._challenge, self._basic, self._count = None, False, 0
        offered: dict[str, dict[str, str]] = {}
        for one in challenges:
            scheme, _, rest = one.partition(" ")
            if scheme.lower() == "basic":
                self._basic = True
            elif scheme.lower() == "digest":
                fields = {
                    name.lower(): quoted or bare for name, quoted, bare in _FIELD.findall(rest)
                }
                name = fields.get("algorithm", "MD5").upper().removesuffix("-SESS")
                offered.setdefault(name, fields)
        for name in _HASHES:
            if name in offered and offered[name].get("nonce"):
                self._challenge = offered[name]
                self._basic = False
                break
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
        algorithm = asked.get("algorithm", "MD5").upper()
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
        has_quality = "auth" in re.split(r"[\s,]+", asked.get("qop", ""))
        middle = (nonce, count, own, "auth") if has_quality else (nonce,)
        fields = [
            f'username="{_quoted(self._user)}"',
            f'realm="{realm}"',
            f'nonce="{nonce}"',
            f'uri="{url}"',
            f'response="{hashed(secret, *middle, request)}"',
        ]
        if "algorithm" in asked:
            fields.append(f"algorithm={asked['algorithm']}")
        if has_quality:
            fields += ["qop=auth", f"nc={count}", f'cnonce="{own}"']
        elif algorithm.endswith("-SESS"):
            fields.append(f'cnonce="{own}"')
        if "opaque" in asked:
            fields.append(f'opaque="{asked["opaque"]}"')
        return ", ".join(fields)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
