"""A password that nobody else has, and every place in which it must not turn up."""

import base64
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import redis

USER = "gate-admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A random password with characters that are written differently here and there."""

    head: str = field(default_factory=lambda: secrets.token_hex(8))
    tail: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def password(self) -> str:
        return f"{self.head}@:/ö'\"{self.tail}"

    @property
    def quoted(self) -> str:
        """As it stands in an address."""
        return quote(self.password, safe="")

    def found_in(self, what: bytes) -> bool:
        """Whether a piece of it is there, plain or as a header of HTTP has it."""
        login = f"{USER}:{self.password}".encode()
        codes = [base64.b64encode(one).strip(b"=") for one in (login, self.password.encode())]
        pieces = [self.head.encode(), self.tail.encode(), *codes]
        return any(piece in what for piece in pieces)


def everything_in(client: "redis.Redis") -> Iterable[tuple[str, bytes]]:
    """Yield every key of a Redis with its content, read and as it would be dumped."""
    for key in client.keys("*"):
        kind = client.type(key).decode()
        read: dict[str, Any] = {
            "stream": client.xrange,
            "hash": client.hgetall,
            "string": client.get,
            "set": client.smembers,
        }
        yield f"key {key}", repr(read[kind](key)).encode()
        yield f"dump of {key}", client.dump(key) or b""


def everything_under(directory: Path) -> Iterable[tuple[str, bytes]]:
    """Yield every file below a directory."""
    for path in directory.rglob("*"):
        if path.is_file():
            yield str(path), path.read_bytes()


def everything_of(pid: int) -> Iterable[tuple[str, bytes]]:
    """Yield what others on the machine see of a process."""
    for name in ("cmdline", "comm", "status"):
        yield f"/proc/{name}", Path(f"/proc/{pid}/{name}").read_bytes()
    for thread in Path(f"/proc/{pid}/task").iterdir():
        yield "a thread's name", (thread / "comm").read_bytes()
