"""A camera's address, and the one that its platform gave in its place when it expired.

The registered one stays where it is: what a platform gave lives in this process's memory alone.
"""

from collections.abc import Callable
from typing import Final

from pipelines.address import Address
from pipelines.faults import (
    NotFoundError,
    SourceError,
    StreamLostError,
    UnauthorizedError,
    UnreachableError,
)

EXPIRED: Final = (NotFoundError, UnauthorizedError, UnreachableError, StreamLostError)
"""How an address is refused that was given out for a while and is no longer known."""


class Renewal:
    """Which address comes next; in the reader's thread alone."""

    def __init__(self, registered: Address) -> None:
        self._registered = registered
        self._may_have_expired = False
        self.ask: Callable[[], Address | None] = lambda: None
        """Gives another address of the same stream, if there may be one; raises ``SourceError``."""

    def next(self, present: Address) -> tuple[Address, SourceError | None]:
        """Return the address to connect to, and why it isn't a fresh one though it should be.

        Then it is the registered one again: that may still work, or work again.
        """
        if not self._may_have_expired:
            return present, None
        try:
            return self.ask() or self._registered, None
        except SourceError as fault:
            return self._registered, fault

    def failed(self, present: Address, error: SourceError) -> None:
        """Note how a connection ended: the next address may have to be another."""
        was_given = present is not self._registered
        self._may_have_expired = was_given or isinstance(error, EXPIRED)
