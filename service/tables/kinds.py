"""Column types that SQLite and PostgreSQL both have, and how constraints are called."""

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy import MetaData, String
from sqlalchemy.types import TypeDecorator

from vision.hazards import Hazard


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, in UTC on both sides. SQLite keeps no offset, so none but UTC goes in."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Refuse a naive time: it could mean any zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime can't be stored: give it its zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return the time with its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class HazardWord(TypeDecorator[str]):
    """A hazard of the closed list; nothing else is stored."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(
        self,
        value: str | None,
        dialect: sa.Dialect,  # noqa: ARG002 - SQLAlchemy's signature
    ) -> str | None:
        """Refuse what is none with ``ValueError``."""
        return None if value is None else Hazard(value).value


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

NAME = String(128)
WORD = String(32)
CODE = String(32)
"""A place's: digits."""
PATH = String(256)
"""A place and its ancestors, as ``/0/330100/330106/``: one comparison tells what lies inside."""
DIGEST = String(64)
"""SHA-256 in hexadecimal."""
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""SQLite counts up by itself in INTEGER columns only."""
