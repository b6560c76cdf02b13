"""Whom a camera lets in: Basic and Digest (RFC 7616, RFC 7617; in RTSP: RFC 2326, 14)."""

import base64
import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from pipelines.drills.rtsp_text import Request
from tests.support.zoo.camera import PASSWORD, USER
from tests.support.zoo.talk import Talk

REALM = "zoo"

_HASHES: dict[str, Callable[[bytes], "hashlib._Hash"]] = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False),
    "SHA-256": hashlib.sha256,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A gate that wants the zoo's user and password for all but OPTIONS."""

    schemes: tuple[str, ...] = ("Digest",)
    """Challenges to offer, in this order, a header each: Basic, Digest."""
    algorithm: str = "MD5"
    """Of Digest: MD5 or SHA-256."""
    qop: str | None = None
    """Of Digest: auth, or nothing as in RFC 2069."""
    admits_nobody: bool = False
    """Refuses the right password too."""
    renews_before_play: bool = False
    """Makes a new nonce after SETUP and calls the old one stale (RFC 7616, 3.3)."""

    def __call__(self, talk: Talk, request: Request) -> bool:
        if request.method == "OPTIONS":
            return False
        if self.renews_before_play and request.method == "PLAY" and not talk.old_nonces:
            talk.old_nonces.add(talk.nonce)
            talk.nonce = secrets.token_hex(16)
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        given = _parameters(rest)
        right = self._proves(scheme, rest, given, request)
        stale = right and given.get("nonce") in talk.old_nonces
        known = scheme.lower() == "basic" or given.get("nonce") == talk.nonce
        if right and known and not self.admits_nobody:
            return False
        offers = [self._challenge(scheme, talk, stale) for scheme in self.schemes]
        talk.reply(request, 401, [("WWW-Authenticate", offer) for offer in offers])
        return True

    def _challenge(self, scheme: str, talk: Talk, stale: bool) -> str:
        if scheme == "Basic":
            return f'Basic realm="{REALM}"'
        parts = [f'Digest realm="{REALM}"', f'nonce="{talk.nonce}"', f"algorithm={self.algorithm}"]
        parts += [f'qop="{self.qop}"'] if self.qop else []
        parts += ["stale=true"] if stale else []
        return ", ".join(parts)

    def _proves(self, scheme: str, rest: str, given: dict[str, str], request: Request) -> bool:
        """Return whether a header proves the password for its own nonce, whichever that is."""
        if scheme.capitalize() not in self.schemes:
            return False
        if scheme.lower() == "basic":
            return rest == base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if given.get("uri") != request.uri or given.get("username") != USER:
            return False
        middle = given.get("nonce", "")
        if self.qop:
            counted = [given.get(name, "") for name in ("nc", "cnonce", "qop")]
            if "" in counted or counted[2] != self.qop:
                return False
            middle = ":".join((middle, *counted))
        one = self._hash(f"{USER}:{REALM}:{PASSWORD}")
        two = self._hash(f"{request.method}:{request.uri}")
        return given.get("response") == self._hash(f"{one}:{middle}:{two}")

    def _hash(self, text: str) -> str:
        return _HASHES[self.algorithm](text.encode()).hexdigest()


def _parameters(rest: str) -> dict[str, str]:
    """Return the parameters of an Authorization header, by name in small letters."""
    found = re.findall(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))', rest)
    return {name.lower(): quoted or bare for name, quoted, bare in found}
