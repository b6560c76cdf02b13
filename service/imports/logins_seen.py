"""Which login a sealed one was made of: so that the same file, sent again, changes nothing.

Nothing sealed can be opened here. Without this every row with a login would count as changed, and
its worker connect anew. Only in memory, under a key that dies with the process: after a restart
such rows count as changed once more.
"""

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from service.cameras.logins import Login

MOST: Final = 100_000
"""Each takes about 300 bytes."""


class LoginsSeen:
    """Remembers logins by what they were sealed to. Thread-safe."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._seen: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, sealed: str, hosts: Sequence[str], login: Login) -> None:
        """Remember what a login was sealed to."""
        with self._lock:
            self._seen[_name(sealed)] = self._mark(hosts, login)
            if len(self._seen) > MOST:
                self._seen.popitem(last=False)

    def is_of(self, sealed: str, hosts: Sequence[str], login: Login) -> bool:
        """Tell whether a sealed login is known to be this one, for these hosts."""
        with self._lock:
            seen = self._seen.get(_name(sealed), b"")
        return hmac.compare_digest(seen, self._mark(hosts, login))

    def are_same(self, sealed: str, other: str) -> bool:
        """Tell whether two sealed logins are known to be one, for the same hosts."""
        if sealed == other:
            return True
        with self._lock:
            mark, others = self._seen.get(_name(sealed)), self._seen.get(_name(other))
        return mark is not None and mark == others

    def _mark(self, hosts: Sequence[str], login: Login) -> bytes:
        told = [*sorted(set(hosts)), login.user, login.password.reveal()]
        text = b"".join(len(one.encode()).to_bytes(4) + one.encode() for one in told)
        return hmac.digest(self._key, text, "sha256")


def _name(sealed: str) -> bytes:
    return hashlib.sha256(sealed.encode()).digest()
