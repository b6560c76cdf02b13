"""Who asks, and what lies inside the places that this account was given."""

from dataclasses import dataclass, field
from uuid import UUID

import sqlalchemy as sa

from service.accounts.roles import Permission, Role

ROOT_PATH = "/0/"
"""The path of the whole installation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a request brought along, as the database knows it."""

    token: bool
    """Whether it is an API token, or else a session."""
    digest: str
    """The secret's hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """An account on this request, by a session or by a token."""

    account_id: UUID
    """The account."""
    login: str
    """Its name, for the audit."""
    role: Role
    """Its role."""
    permissions: frozenset[Permission]
    """What this request may do: the role's, or fewer with a token."""
    paths: tuple[str, ...]
    """The paths of the account's places, each ending in a slash."""
    token_id: UUID | None = None
    """The token, if it came by one."""
    credential: Credential | None = field(default=None, repr=False, compare=False)
    """What it came by: ``Gate.writing`` looks that up again."""

    @property
    def everywhere(self) -> bool:
        """Whether the whole installation is its own, things without a place included."""
        return ROOT_PATH in self.paths

    def sees(self, path: str | None) -> bool:
        """Tell whether a place's path lies inside; ``None`` is a thing without a place."""
        return self.everywhere or (path is not None and path.startswith(self.paths))

    def within(self, path: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
        """Return the condition that a column of ``places.path`` lies inside."""
        if self.everywhere:
            return sa.true()
        # Paths hold digits and slashes only: nothing to escape.
        return sa.or_(sa.false(), *(path.like(f"{own}%") for own in self.paths))
