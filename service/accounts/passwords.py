"""Passwords: hashed with Argon2id, few at a time, and equally slow for logins that don't exist."""

import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from service.accounts.errors import BusyError, WeakPasswordError
from service.refusals import Refusal

MEMORY_KIB: Final = 19 * 1024
"""With two passes and one lane the least that OWASP's password storage cheat sheet accepts."""

AT_ONCE: Final = 2
"""Passwords hashed at the same time: 38 MiB, and the machine's other work goes on."""

SEATS: Final = 8
"""Passwords hashed or waiting: the rest is sent away, so that a flood holds no more threads."""

SHORTEST: Final = 12
LONGEST: Final = 256
"""In characters. Longer ones make nothing safer."""

FEWEST_DIFFERENT: Final = 5
"""Different characters in a password: fewer is a pattern."""

ONCE_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Of one-time passwords, which are read out and typed: no l, 1, o or 0."""

_OFTEN: Final = (
    "password",
    "qwerty",
    "123456789",
    "abcdefgh",
    "fengsui",
    "administrator",
    "letmein",
)
"""What guessing begins with; a password that is one of these and a few characters is refused."""

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=MEMORY_KIB, parallelism=1)
_SEATS: Final = threading.BoundedSemaphore(SEATS)
_RUNNING: Final = threading.BoundedSemaphore(AT_ONCE)


def hashed(password: str) -> str:
    """Return a new hash. Raises ``BusyError``."""
    with _seat():
        return _HASHER.hash(_bytes(password))


def matches(password_hash: str | None, password: str) -> bool:
    """Tell whether this is the password. Takes as long without a hash. Raises ``BusyError``."""
    with _seat():
        try:
            right = _HASHER.verify(password_hash or _nobodys(), _bytes(password))
        except (VerificationError, InvalidHashError):
            return False
    return right and password_hash is not None


def require_strong(password: str, login: str, before: str) -> None:
    """Raise ``WeakPasswordError`` for one that is short, a pattern, often tried or not new."""
    if _bytes(password) == _bytes(before):
        raise WeakPasswordError("take another one than before", Refusal.PASSWORD_SAME)
    if not SHORTEST <= len(password) <= LONGEST:
        raise WeakPasswordError(
            f"take {SHORTEST} to {LONGEST} characters; a sentence is fine",
            Refusal.PASSWORD_LENGTH,
            shortest=SHORTEST,
            longest=LONGEST,
        )
    plain = password.casefold()
    if len(set(plain)) < FEWEST_DIFFERENT:
        raise WeakPasswordError(
            f"take at least {FEWEST_DIFFERENT} different characters",
            Refusal.PASSWORD_VARIETY,
            fewest=FEWEST_DIFFERENT,
        )
    for often in (*_OFTEN, login.casefold()):
        # What is left without it must be a password's worth by itself.
        if len(often) > 2 and often in plain and len(plain.replace(often, "")) < SHORTEST - 4:
            raise WeakPasswordError(
                f"take one that isn't made of {often!r}", Refusal.PASSWORD_OFTEN, often=often
            )


def one_time() -> str:
    """Return a new one-time password: 79 bits, in groups that can be read out."""
    return "-".join("".join(secrets.choice(ONCE_ALPHABET) for _ in range(4)) for _ in range(4))


def _bytes(password: str) -> bytes:
    # Keyboards differ in how they compose a letter (RFC 8265). A lone surrogate is no character,
    # but JSON can carry one: it's a wrong password, not a fault.
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


@cache
def _nobodys() -> str:
    return _HASHER.hash(secrets.token_bytes(16))


@contextmanager
def _seat() -> Iterator[None]:
    if not _SEATS.acquire(blocking=False):
        raise BusyError
    try:
        with _RUNNING:
            yield
    finally:
        _SEATS.release()
