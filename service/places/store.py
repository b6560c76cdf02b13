"""Places in the database."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.accounts.principal import Principal
from service.places.codes import Level, level_of, stem
from service.places.models import Place
from service.tables import account_places, cameras, clock_rules, duty_shifts, places
from service.text import pattern_of

SEARCH_LIMIT = 50

VARIABLES = 500
"""How many values go into one statement; SQLite has a limit."""


def find(connection: Connection, code: str) -> RowMapping | None:
    """Return a place's row, whoever's it is."""
    if not (code.isascii() and code.isdigit()):
        return None  # also what no database can hold
    query = sa.select(places).where(places.c.code == code)
    return connection.execute(query).mappings().one_or_none()


def visible(connection: Connection, principal: Principal, code: str) -> RowMapping | None:
    """Return a place's row if it lies within the principal's places."""
    row = find(connection, code)
    return row if row is not None and principal.sees(row["path"]) else None


def inside(principal: Principal, code: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Return the condition that a place of this code lies, or lay, in one of the principal's.

    What was done at a place outlives it: whoever may take a place off the tree must not thereby
    hide that from those above. So the code alone tells: all places below one have codes that go
    on from its own, because nothing is ever put under another than its nearest ancestor.
    """
    if principal.everywhere:
        return sa.true()
    tests = (_goes_on_from(path.strip("/").rpartition("/")[2], code) for path in principal.paths)
    return sa.or_(sa.false(), *tests)


def lies_inside(principal: Principal, code: str | None) -> bool:
    """Tell what ``inside`` is the condition of; ``None`` is a thing without a place."""
    if principal.everywhere:
        return True
    owns = (path.strip("/").rpartition("/")[2] for path in principal.paths)
    return code is not None and any(_is_from(own, code) for own in owns)


def _is_from(own: str, code: str) -> bool:
    return code == own if level_of(own) is Level.CELL else code.startswith(stem(own))


def _goes_on_from(own: str, code: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    if level_of(own) is Level.CELL:  # a longer code is another cell
        return code == own
    # A range, which an index serves; digits alone are in the same order in every collation.
    first = stem(own)
    return sa.and_(code >= first, code < str(int(first) + 1))


def tops(connection: Connection, principal: Principal) -> list[Place]:
    """Return the principal's own places, without those that lie inside another of them."""
    outer = [
        path
        for path in principal.paths
        if not any(path != other and path.startswith(other) for other in principal.paths)
    ]
    return _views(connection, _rows(connection, places.c.path.in_(outer)))


def children(connection: Connection, code: str) -> list[Place]:
    """Return the places right below one."""
    return _views(connection, _rows(connection, places.c.parent_code == code))


def search(connection: Connection, principal: Principal, text: str) -> tuple[list[Place], bool]:
    """Return places within the principal's whose name holds ``text`` or whose code begins so.

    ``SEARCH_LIMIT`` of them at most, and whether there are more.
    """
    found: sa.ColumnElement[bool] = sa.func.lower(places.c.name).like(pattern_of(text), escape="\\")
    if text.isascii() and text.isdigit():
        found = sa.or_(found, places.c.code.like(f"{text}%"))
    query = (
        sa.select(places)
        .where(principal.within(places.c.path), found)
        .order_by(places.c.path)
        .limit(SEARCH_LIMIT + 1)
    )
    rows = connection.execute(query).mappings().all()
    return _views(connection, rows[:SEARCH_LIMIT]), len(rows) > SEARCH_LIMIT


def view(connection: Connection, row: RowMapping) -> Place:
    """Return one place as clients see it."""
    return _views(connection, [row])[0]


def revision(row: RowMapping) -> int:
    """Return what tells a place from itself under another name; small enough for JavaScript."""
    return int.from_bytes(hashlib.sha256(row["name"].encode()).digest()[:6])


def path_names(connection: Connection, paths: Iterable[str]) -> dict[str, list[str]]:
    """Return the names of each path's places from the top, its own last."""
    wanted = {path: path.strip("/").split("/") for path in paths}
    codes = iter(sorted({code for parts in wanted.values() for code in parts}))
    names: dict[str, str] = {}
    while some := list(islice(codes, VARIABLES)):
        query = sa.select(places.c.code, places.c.name).where(places.c.code.in_(some))
        names |= {row.code: row.name for row in connection.execute(query)}
    return {path: [names[code] for code in parts] for path, parts in wanted.items()}


def insert(
    connection: Connection, *, code: str, parent: RowMapping, level: Level, name: str
) -> None:
    """Add a place below another."""
    connection.execute(
        sa.insert(places).values(
            code=code,
            parent_code=parent["code"],
            level=level.value,
            name=name,
            path=f"{parent['path']}{code}/",
        )
    )


def rename(connection: Connection, code: str, name: str) -> None:
    """Give a place another name."""
    connection.execute(sa.update(places).where(places.c.code == code).values(name=name))


def remove(connection: Connection, code: str) -> None:
    """Take a place off the tree; nothing may hang on it."""
    connection.execute(sa.delete(places).where(places.c.code == code))


def in_use(connection: Connection, code: str) -> bool:
    """Tell whether anything hangs on a place."""
    columns = (
        places.c.parent_code,
        cameras.c.place_code,
        account_places.c.place_code,
        duty_shifts.c.place_code,
        clock_rules.c.place_code,
    )
    return any(
        connection.execute(sa.select(column).where(column == code).limit(1)).first()
        for column in columns
    )


def uses(connection: Connection, principal: Principal, code: str) -> dict[str, int]:
    """Return how many things of each kind hang on a place, as far as the principal sees them."""
    given = account_places.alias()
    beyond = (
        sa.select(given.c.account_id)
        .join(places, places.c.code == given.c.place_code)
        .where(
            given.c.account_id == account_places.c.account_id,
            sa.not_(principal.within(places.c.path)),
        )
    )
    counts: dict[str, tuple[sa.ColumnElement[bool], ...]] = {
        "places": (places.c.parent_code == code,),
        "cameras": (cameras.c.place_code == code,),
        "accounts": (account_places.c.place_code == code, ~beyond.exists()),
        "shifts": (duty_shifts.c.place_code == code,),
        "deadlines": (clock_rules.c.place_code == code,),
    }
    found = {
        kind: connection.execute(sa.select(sa.func.count()).where(*conditions)).scalar_one()
        for kind, conditions in counts.items()
    }
    return {kind: count for kind, count in found.items() if count}


def child_codes(connection: Connection, code: str) -> list[str]:
    """Return the codes right below a place."""
    query = sa.select(places.c.code).where(places.c.parent_code == code)
    return list(connection.execute(query).scalars())


def _rows(connection: Connection, condition: sa.ColumnElement[bool]) -> Sequence[RowMapping]:
    query = sa.select(places).where(condition).order_by(places.c.code)
    return connection.execute(query).mappings().all()


def _views(connection: Connection, rows: Sequence[RowMapping]) -> list[Place]:
    names = path_names(connection, (row["path"] for row in rows))
    below = _children_of(connection, [row["code"] for row in rows])
    watched = _cameras_in(connection, [row["path"] for row in rows])
    return [
        Place(
            code=row["code"],
            parent_code=row["parent_code"],
            level=Level(row["level"]),
            name=row["name"],
            revision=revision(row),
            path_names=names[row["path"]][:-1],
            children=below[row["code"]],
            cameras=watched[row["path"]],
        )
        for row in rows
    ]


def _children_of(connection: Connection, codes: Sequence[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for start in range(0, len(codes), VARIABLES):
        query = (
            sa.select(places.c.parent_code, sa.func.count())
            .where(places.c.parent_code.in_(codes[start : start + VARIABLES]))
            .group_by(places.c.parent_code)
        )
        found.update({row[0]: row[1] for row in connection.execute(query)})
    return found


def _cameras_in(connection: Connection, paths: Sequence[str]) -> Counter[str]:
    """Count each subtree's cameras: one pass over the places that have any."""
    wanted = set(paths)
    if not wanted:
        return Counter()
    counted = (
        sa.select(cameras.c.place_code, sa.func.count().label("cameras"))
        .group_by(cameras.c.place_code)
        .subquery()
    )
    query = sa.select(places.c.path, counted.c.cameras).join(
        counted, counted.c.place_code == places.c.code
    )
    if len(wanted) == 1:
        query = query.where(places.c.path.like(f"{paths[0]}%"))
    found: Counter[str] = Counter()
    for path, count in connection.execute(query):
        end = path.find("/", 1)
        while end >= 0:
            if path[: end + 1] in wanted:
                found[path[: end + 1]] += count
            end = path.find("/", end + 1)
    return found
