"""Imports and their rows in the database."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.accounts.principal import Principal
from service.imports.columns import title_of
from service.imports.errors import UnknownCameraImportError
from service.imports.gone import GONE, KEPT_OF_ONE_ACCOUNT, require_there, shown_to
from service.imports.models import (
    CameraImport,
    ImportCounts,
    ImportDefaults,
    ImportRow,
    ImportRows,
    ImportState,
    NewCameraImport,
    RowReason,
    RowsWanted,
)
from service.imports.reasons import RowVerdict
from service.tables import camera_import_rows as rows
from service.tables import camera_imports as imports

STALLED_AFTER_S: Final = 30.0
"""Whoever works on an import gives a sign at least this often."""

LEFT_BEHIND: Final = timedelta(seconds=STALLED_AFTER_S)

FORGOTTEN_AT_ONCE: Final = 2000
"""Rows in one transaction; an alert may be waiting behind it."""

_OF_A_FILE: Final = frozenset({"columns", "notes", "titles_at_row"})
"""Options that a file brings with it."""

AT_WORK: Final = (ImportState.READING.value, ImportState.COMMITTING.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedRow:
    """A row as it is kept."""

    number: int
    """Its row in the file."""
    cells: list[str]
    """As they stood there, but for logins."""
    verdict: RowVerdict
    """What becomes of it."""
    reasons: list[dict[str, Any]]
    """Why; as ``RowReason``."""
    camera_id: str | None
    """The camera's, or what a new one will be called."""
    wanted: dict[str, Any] | None
    """What it asks for, as ``committing.py`` reads it; None if there is nothing to do."""
    sealed: str | None
    """The login, for the workers alone."""
    gb_id: str | None = None
    """Its identity, if it has a good one."""


def add(connection: Connection, who: Principal, new: NewCameraImport) -> UUID:
    """Note that a file is to come; returns the import's id."""
    import_id, now = uuid4(), datetime.now(UTC)
    options = new.model_dump(mode="json", exclude={"file_name"}, exclude_none=True)
    connection.execute(
        sa.insert(imports).values(
            import_id=import_id,
            account_id=who.account_id,
            created_by=who.login,
            created_at=now,
            file_name=new.file_name,
            options=options,
            state=ImportState.WAITING.value,
            **_emptied(now),
        )
    )
    return import_id


def _emptied(now: datetime) -> dict[str, Any]:
    return {
        "moved_at": now,
        "digest": "",
        "titles": [],
        "rows": 0,
        "checked": 0,
        "committed": 0,
        "counts": {},
        "by_reason": {},
        "problem": None,
    }


def begin_reading(connection: Connection, row: RowMapping, digest: str, claim: str) -> None:
    """Note that a file has come, and whose reading of it counts from now on."""
    options = {name: value for name, value in row["options"].items() if name not in _OF_A_FILE}
    update(
        connection,
        row["import_id"],
        **{
            **_emptied(datetime.now(UTC)),
            "digest": digest,
            "options": {**options, "claim": claim},
            "state": ImportState.READING.value,
        },
    )


def existing(connection: Connection, who: Principal, import_id: UUID) -> RowMapping:
    """Return an import's row. Raises ``UnknownCameraImportError``, also for a foreign one.

    Raises ``GoneCameraImportError`` for one of which only the head is left.
    """
    query = sa.select(imports).where(imports.c.import_id == import_id, shown_to(who))
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise UnknownCameraImportError(import_id)
    require_there(row)
    return row


def found(connection: Connection, import_id: UUID) -> RowMapping | None:
    """Return an import's row, whoever's it is; for whoever works on it."""
    query = sa.select(imports).where(imports.c.import_id == import_id)
    return connection.execute(query).mappings().one_or_none()


def own(connection: Connection, who: Principal) -> list[CameraImport]:
    """Return an account's own imports, newest first."""
    query = (
        sa.select(imports)
        .where(imports.c.account_id == who.account_id, imports.c.state != GONE)
        .order_by(imports.c.created_at.desc(), imports.c.import_id)
        .limit(KEPT_OF_ONE_ACCOUNT)
    )
    return [view(row) for row in connection.execute(query).mappings()]


def view(row: RowMapping) -> CameraImport:
    """Return an import as clients see it."""
    options = row["options"]
    return CameraImport(
        import_id=row["import_id"],
        file_name=row["file_name"],
        source=options["source"],
        watch=options["watch"],
        defaults=ImportDefaults.kept(options["defaults"]),
        created_by=row["created_by"],
        created_at=row["created_at"],
        state=row["state"],
        stalled=is_stalled(row),
        rows=row["rows"],
        checked=row["checked"],
        committed=row["committed"],
        counts=ImportCounts(**row["counts"]),
        by_reason=row["by_reason"],
        problem=row["problem"],
        notes=options.get("notes", []),
    )


def is_stalled(row: RowMapping) -> bool:
    """Tell whether somebody should work on it, and nobody gives a sign."""
    silent_s = (datetime.now(UTC) - row["moved_at"]).total_seconds()
    return row["state"] in AT_WORK and silent_s > STALLED_AFTER_S


def leave(connection: Connection, replica: str) -> None:
    """Say that nobody works on what a replica worked on: it has just been started."""
    query = sa.select(imports.c.import_id, imports.c.options, imports.c.created_at)
    for row in connection.execute(query.where(imports.c.state.in_(AT_WORK))):
        if (row.options.get("claim") or "").startswith(f"{replica}:"):
            update(connection, row.import_id, moved_at=row.created_at - LEFT_BEHIND)


def update(connection: Connection, import_id: UUID, **values: Any) -> None:
    """Change an import; a sign that somebody works on it."""
    connection.execute(
        sa.update(imports)
        .where(imports.c.import_id == import_id)
        .values(**{"moved_at": datetime.now(UTC), **values})
    )


def insert_rows(connection: Connection, import_id: UUID, checked: Sequence[CheckedRow]) -> None:
    """Keep some rows."""
    if not checked:
        return
    values = [
        {
            "import_id": import_id,
            "number": one.number,
            "cells": one.cells,
            "verdict": one.verdict.value,
            "reasons": one.reasons,
            "camera_id": one.camera_id,
            "wanted": one.wanted,
            "sealed_credentials": one.sealed,
            "gb_id": one.gb_id,
        }
        for one in checked
    ]
    connection.execute(sa.insert(rows), values)


def to_commit(connection: Connection, import_id: UUID, limit: int) -> Sequence[RowMapping]:
    """Return the next rows of which something has still to become, in the file's order."""
    query = (
        sa.select(rows)
        .where(
            rows.c.import_id == import_id,
            rows.c.verdict.in_([RowVerdict.NEW.value, RowVerdict.CHANGED.value]),
            rows.c.committed_at.is_(None),
        )
        .order_by(rows.c.number)
        .limit(limit)
    )
    return connection.execute(query).mappings().all()


def mark_committed(
    connection: Connection, import_id: UUID, done: Sequence[RowMapping], now: datetime
) -> None:
    """Note that rows are in the registry; their logins are kept with the cameras alone.

    Of what they asked for, the names of the fields that they changed are left.
    """
    _mark(connection, import_id, (row["number"] for row in done), committed_at=now)
    left = [
        {"its_number": row["number"], "left": {"changes": _changes(row)}}
        for row in done
        if row["verdict"] == RowVerdict.CHANGED.value
    ]
    if left:
        numbered = rows.c.number == sa.bindparam("its_number")
        changed = sa.update(rows).where(rows.c.import_id == import_id, numbered)
        connection.execute(changed.values(wanted=sa.bindparam("left")), left)


def _changes(row: RowMapping) -> list[str]:
    """Return the fields that a row alters; none is known of one of an older version's import."""
    found: list[str] = (row["wanted"] or {}).get("changes", [])
    return found


def _mark(connection: Connection, import_id: UUID, numbers: Iterable[int], **values: Any) -> None:
    listed = list(numbers)
    if listed:
        connection.execute(
            sa.update(rows)
            .where(rows.c.import_id == import_id, rows.c.number.in_(listed))
            .values(**values, wanted=None, sealed_credentials=None)
        )


def mark_refused(
    connection: Connection, import_id: UUID, number: int, reasons: list[dict[str, Any]]
) -> None:
    """Note that a row that was good is none any more."""
    found = {"verdict": RowVerdict.BAD.value, "reasons": reasons, "camera_id": None}
    _mark(connection, import_id, [number], **found)


def mark_unchanged(connection: Connection, import_id: UUID, number: int, camera_id: str) -> None:
    """Note that somebody has registered meanwhile just what a row says."""
    _mark(connection, import_id, [number], verdict=RowVerdict.UNCHANGED.value, camera_id=camera_id)


def page(connection: Connection, row: RowMapping, wanted: RowsWanted) -> ImportRows:
    """Return some rows of an import, and how many there are."""
    conditions: list[sa.ColumnElement[bool]] = [rows.c.import_id == row["import_id"]]
    if wanted.verdict is not None:
        conditions.append(rows.c.verdict == wanted.verdict.value)
    if wanted.reason is not None:
        quoted = f'"code": "{wanted.reason}"'  # as JSON is written by SQLAlchemy
        conditions.append(sa.cast(rows.c.reasons, sa.Text).contains(quoted, autoescape=True))
    counted = sa.select(sa.func.count()).select_from(rows).where(*conditions)
    total = connection.execute(counted).scalar_one()
    query = sa.select(rows).where(*conditions).order_by(rows.c.number)
    found = connection.execute(query.offset(wanted.offset).limit(wanted.limit)).mappings()
    columns, titles = row["options"].get("columns", {}), row["titles"]
    return ImportRows(total=total, rows=[_row_view(one, columns, titles) for one in found])


_OF_REGISTERED: Final = frozenset({RowVerdict.CHANGED.value, RowVerdict.UNCHANGED.value})
"""Another verdict's camera id is one that a login is sealed for, and no camera's yet."""


def _row_view(row: RowMapping, columns: Mapping[str, int], titles: Sequence[str]) -> ImportRow:
    is_there = row["committed_at"] is not None or row["verdict"] in _OF_REGISTERED
    return ImportRow(
        number=row["number"],
        gb_id=_cell(row["cells"], columns.get("gb_id")),
        name=_cell(row["cells"], columns.get("name")),
        verdict=row["verdict"],
        reasons=[
            RowReason(**one, title=title_of(one["column"], titles, columns))
            for one in row["reasons"]
        ],
        changes=_changes(row),
        camera_id=row["camera_id"] if is_there else None,
        committed=row["committed_at"] is not None,
    )


def _cell(cells: Sequence[str], at: int | None) -> str | None:
    return (cells[at] or None) if at is not None and at < len(cells) else None


def after(connection: Connection, import_id: UUID, number: int, limit: int) -> Sequence[RowMapping]:
    """Return the rows that come after a number: to go through all of them in pieces."""
    query = (
        sa.select(rows.c.number, rows.c.cells, rows.c.verdict, rows.c.reasons, rows.c.committed_at)
        .where(rows.c.import_id == import_id, rows.c.number > number)
        .order_by(rows.c.number)
        .limit(limit)
    )
    return connection.execute(query).mappings().all()


def forget_rows(connection: Connection, import_id: UUID) -> bool:
    """Delete some rows of an import; returns whether there may be more."""
    some = (
        sa.select(rows.c.number)
        .where(rows.c.import_id == import_id)
        .order_by(rows.c.number)
        .limit(FORGOTTEN_AT_ONCE)
    )
    last = connection.execute(sa.select(sa.func.max(some.subquery().c.number))).scalar_one()
    if last is None:
        return False
    connection.execute(sa.delete(rows).where(rows.c.import_id == import_id, rows.c.number <= last))
    return True


def forget(connection: Connection, import_id: UUID) -> None:
    """Delete an import that has no rows any more."""
    connection.execute(sa.delete(imports).where(imports.c.import_id == import_id))
