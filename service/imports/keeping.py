"""Imports that go by themselves: a week old, or more of an account than anybody looks back at.

Their rows go, which may be many; their heads stay for a while and tell why.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from service.database import Database
from service.imports import store
from service.imports.gone import (
    GONE,
    KEPT_FOR,
    KEPT_OF_ONE_ACCOUNT,
    ROWS_OF_ONE_ACCOUNT,
    TOLD_FOR,
    TOLD_OF_ONE_ACCOUNT,
    Why,
)
from service.tables import camera_import_rows as rows
from service.tables import camera_imports as imports

TRANSACTIONS_AT_ONCE: Final = 20
"""The next trimming goes on."""

_is_gone: Final = imports.c.state == GONE


def leave_own(database: Database, replica: str) -> None:
    """Let what this replica worked on before it ended be known as stalled at once."""
    with database.writing() as connection:
        store.leave(connection, replica)


def forget_old_imports(database: Database, now: datetime) -> None:
    """Delete some of what is old, with short transactions."""
    for _ in range(TRANSACTIONS_AT_ONCE):
        with database.reading() as connection:
            step = _next(connection, now)
        if step is None:
            return
        with database.writing() as connection:
            step(connection)


def _next(connection: Connection, now: datetime) -> Callable[[Connection], object] | None:
    """Return what is to be done next, if anything is."""
    for found, step in (
        (_oldest(_old(now), _idle(now)), partial(_let_go, why=Why.OLD, now=now)),
        (_oldest(_one_of_many(), _idle(now)), partial(_let_go, why=Why.MANY, now=now)),
        (_oldest(_is_gone, _has_rows()), store.forget_rows),
        (_oldest(_is_gone, _told_long_enough(now)), store.forget),
    ):
        import_id: UUID | None = connection.execute(found).scalar_one_or_none()
        if import_id is not None:
            return partial(step, import_id=import_id)
    return None


def _oldest(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    query = sa.select(imports.c.import_id).where(*conditions)
    return query.order_by(imports.c.created_at).limit(1)


def _idle(now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that nobody works on it."""
    silent = imports.c.moved_at < now - timedelta(seconds=store.STALLED_AFTER_S)
    at_work = imports.c.state.in_(store.AT_WORK)
    return sa.and_(sa.not_(_is_gone), sa.or_(sa.not_(at_work), silent))


def _old(now: datetime) -> sa.ColumnElement[bool]:
    return imports.c.created_at < now - KEPT_FOR


def _one_of_many() -> sa.ColumnElement[bool]:
    newer = imports.alias()
    found = _newer(newer).where(newer.c.state != GONE)
    count = found.with_only_columns(sa.func.count()).scalar_subquery()
    checked = sa.func.coalesce(sa.func.sum(newer.c.checked), 0)
    kept = found.with_only_columns(checked).scalar_subquery()
    return sa.or_(count >= KEPT_OF_ONE_ACCOUNT, kept >= ROWS_OF_ONE_ACCOUNT)


def _told_long_enough(now: datetime) -> sa.ColumnElement[bool]:
    newer = imports.alias()
    count = _newer(newer).with_only_columns(sa.func.count()).scalar_subquery()
    return sa.or_(imports.c.created_at < now - TOLD_FOR, count >= TOLD_OF_ONE_ACCOUNT)


def _newer(newer: sa.FromClause) -> sa.Select[Any]:
    """Return the newer imports of one's account, of which something is to be told."""
    return (
        sa.select(newer.c.import_id)
        .select_from(newer)
        .where(
            newer.c.account_id == imports.c.account_id, newer.c.created_at > imports.c.created_at
        )
        .correlate(imports)
    )


def _has_rows() -> sa.ColumnElement[bool]:
    return sa.exists().where(rows.c.import_id == imports.c.import_id)


def _let_go(connection: Connection, import_id: UUID, *, why: Why, now: datetime) -> None:
    """Leave the head alone; whoever works on it finds that it isn't theirs any more."""
    values = {"state": GONE, "options": {"gone": why.value}, "titles": [], "by_reason": {}}
    connection.execute(
        sa.update(imports)
        .where(imports.c.import_id == import_id, _idle(now))
        .values(**values, problem=None)
    )
