"""What a target is, what is handed to it, and how it says no.

SendError                told to nobody but the order's trail
├── RefusedError         never again: the order becomes a dead letter
└── UnreachableError     again later
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from pipelines.messages import DispatchOrder
from pipelines.secrets import redact

MAX_SAID_CHARS: Final = 200
"""What is kept of a target's words."""


class TargetKind(StrEnum):
    """How a target is spoken to."""

    STREAM = "stream"
    WEBHOOK = "webhook"
    MQTT = "mqtt"
    CAP = "cap"
    WVP = "wvp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One place that orders go to, as people may see it: it holds no secret."""

    name: str
    """What routes and orders call it."""
    kind: TargetKind
    """How it is spoken to."""
    label: str
    """What people call it."""
    where: str
    """Its address without credentials and query."""
    wants_updates: bool
    """Whether it is also told what becomes of an incident it has an order about."""
    drills: bool
    """Whether it takes drills' orders; besides ``dispatch.drill`` only if the file says so."""
    real: bool = True
    """Whether it takes orders of real incidents; ``dispatch.drill`` alone doesn't."""
    answers: bool = True
    """Whether it says what becomes of its orders: if not, its silence means nothing."""
    receipts_from: frozenset[str] = frozenset()
    """Whose logins answer for it over the API; none named: all that may, of the place."""

    def takes(self, *, drill: bool) -> bool:
        """Say whether an order of this sort may go there."""
        return self.drills if drill else self.real


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One attempt to send one order."""

    order_id: UUID
    """The same at each attempt: who remembers it takes the order once."""
    order: DispatchOrder
    """The message."""
    body: bytes
    """The message as it is stored."""
    attempt: int
    """Counts from 1."""
    earlier: Sequence[tuple[UUID, datetime]] = ()
    """Orders of the same incident that this target was sent, oldest first: id and ``decided_at``.
    """


class Sender(Protocol):
    """Speaks to one target. Any thread may; it returns within seconds."""

    def send(self, outgoing: Outgoing) -> str:
        """Return what the target said, in a few words. Raises ``SendError``."""
        ...

    def close(self) -> None:
        """End what it keeps open."""
        ...


class SendError(Exception):
    """An order didn't go. The text is for people, holds no secret and is short."""

    def __init__(self, text: str) -> None:
        super().__init__(said(text))


class RefusedError(SendError):
    """The target will never take this order as it is."""


class UnreachableError(SendError):
    """The target may take it later."""

    def __init__(self, text: str, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


def said(text: str) -> str:
    """Return a target's words as one short line of printable characters without secrets."""
    clean = "".join(c if c.isprintable() else " " for c in text[: 4 * MAX_SAID_CHARS])
    return " ".join(redact(clean).split())[:MAX_SAID_CHARS]
