"""Rows that are each for a place, seen and edited by those who see it: routes and policies.

What is for everywhere belongs to who sees everything.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from service.accounts.principal import Principal
from service.places import store as places
from service.places.codes import ROOT_CODE, ancestors
from service.places.errors import UnknownPlaceError

Rows = Sequence[dict[str, Any]]


def of(connection: Connection, who: Principal, table: sa.Table, *by: str) -> Rows:
    """Return the principal's rows of a table with a ``place_code``, in the order of columns."""
    query = sa.select(table).where(within(who, table)).order_by(*(table.c[name] for name in by))
    return [dict(row) for row in connection.execute(query).mappings()]


def clear(connection: Connection, who: Principal, table: sa.Table) -> None:
    """Remove the principal's rows."""
    connection.execute(sa.delete(table).where(within(who, table)))


def within(who: Principal, table: sa.Table) -> sa.ColumnElement[bool]:
    """Return the condition that a row is the principal's; one for everywhere is who sees all's."""
    if who.everywhere:
        return sa.true()
    place = table.c.place_code
    return sa.and_(place.is_not(None), place != ROOT_CODE, places.inside(who, place))


def require_place(connection: Connection, who: Principal, code: str | None, field: str) -> None:
    """Raise ``UnknownPlaceError`` unless the principal may say what holds at a place."""
    if code is None or code == ROOT_CODE:
        if not who.everywhere:
            raise UnknownPlaceError(ROOT_CODE, field)
    elif places.visible(connection, who, code) is None:
        raise UnknownPlaceError(code, field)


def revision(rows: Rows) -> int:
    """Return what tells a list from itself after an edit; small enough for JavaScript."""
    text = json.dumps(rows, sort_keys=True, default=str)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6])


def place_of(codes: Iterable[str | None]) -> str:
    """Return the nearest place that all lie in, for the audit."""
    common: list[str] | None = None
    for code in codes:
        chain = [ROOT_CODE] if code is None else [code, *ancestors(code)]
        common = chain if common is None else [one for one in common if one in chain]
    return common[0] if common else ROOT_CODE


def concerns(code: str | None, around: Collection[str]) -> bool:
    """Tell whether a row has to do with a place: it is for one of those around, or everywhere."""
    return code is None or code in around
