"""The root of all messages, the scalars they are made of, and their codec."""

from datetime import datetime
from typing import Annotated, ClassVar, TypeVar

import msgspec

FUTURE_TOLERANCE_S = 300.0
"""A message from further in the future has a wrong clock: no timer may be started from it."""

MAX_REVISION = 2**53
"""No registration is changed so often: a larger number is a mistake, and no JSON reader's."""

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+\Z")]
"""Any script, no control character."""
Text = Annotated[str, msgspec.Meta(max_length=2000)]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""What a database takes."""
Revision = Annotated[int, msgspec.Meta(ge=0, le=MAX_REVISION)]
TraceId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
BoxShares = tuple[Share, Share, Share, Share]
"""x0 y0 x1 y1, as shares of the source picture, origin top left."""


class MessageError(ValueError):
    """A message that can't be taken. ``code`` labels the counter and the dead letter."""

    code = "malformed"


class UnknownVersionError(MessageError):
    """The sender is newer or older than this reader: upgrade the older one, then replay."""

    code = "unknown_version"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """The root of all wire types."""

    VERSION: ClassVar[int] = 1

    schema_version: int = 1


class DeadLetter(Message, frozen=True, kw_only=True):
    """An entry that could not be taken, whole, with the reason."""

    stream: Name
    entry_id: Name
    reason: Name
    explanation: Text
    body: str
    at: Instant


class _Versioned(msgspec.Struct):
    schema_version: int


M = TypeVar("M", bound=Message)
T = TypeVar("T")


def encode(message: Message) -> bytes:
    """Return the message as JSON; times in RFC 3339 UTC."""
    return msgspec.json.encode(message)


def decode(body: bytes, kind: type[M]) -> M:
    """Return the message that ``body`` holds.

    Raises ``UnknownVersionError`` for a version that this reader has no type for and
    ``MessageError`` for everything else that isn't such a message.
    """
    version = _decoded(body, _Versioned, kind).schema_version
    if version != kind.VERSION:
        raise UnknownVersionError(
            f"{kind.__name__} of version {version}, this side knows {kind.VERSION}: "
            "upgrade the older side, then replay"
        )
    return _decoded(body, kind, kind)


def _decoded(body: bytes, shape: type[T], kind: type[Message]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as error:
        # Not only what msgspec promises: a time in the year 1 overflows, deep nesting recurses.
        raise MessageError(f"not a {kind.__name__}: {error}") from error
