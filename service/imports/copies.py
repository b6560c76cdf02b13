"""A file given back, with what becomes of each row and why."""

from collections.abc import Iterator
from pathlib import PurePath
from typing import Final
from uuid import UUID

from service.accounts.principal import Principal
from service.database import Database
from service.imports import sheets, store
from service.imports.checking import Reason, Verdict
from service.imports.models import ImportState
from service.imports.refused import CameraImportStateError
from service.imports.words import Language

ROWS_AT_ONCE: Final = 1000

Annotated = tuple[list[str], Verdict, list[Reason]]


def annotated(
    database: Database, who: Principal, import_id: UUID, language: Language
) -> tuple[str, list[str], Iterator[list[str]]]:
    """Return the copy's name without its ending, its titles and its rows.

    Raises ``UnknownCameraImportError`` and ``CameraImportStateError``.
    """
    with database.reading() as connection:
        row = store.existing(connection, who, import_id)
    if row["state"] in {ImportState.WAITING, ImportState.READING, ImportState.FAILED}:
        raise CameraImportStateError(
            "the file is not checked to its end: wait until its state is checked, or send another"
        )
    titles, rows = sheets.annotated(row["titles"], _rows(database, import_id), language)
    name = PurePath(row["file_name"].replace("\\", "/")).stem or "cameras"
    mark = {Language.ZH: "已检查", Language.EN: "checked"}[language]
    return f"{name}-{mark}", titles, rows


def _rows(database: Database, import_id: UUID) -> Iterator[Annotated]:
    last = -1
    while True:
        with database.reading() as connection:
            some = store.after(connection, import_id, last, ROWS_AT_ONCE)
        for row in some:
            reasons = [
                Reason(
                    column=one["column"],
                    code=one["code"],
                    message=one["message"],
                    params=one["params"] or {},
                )
                for one in row["reasons"]
            ]
            yield row["cells"], Verdict(row["verdict"]), reasons
        if len(some) < ROWS_AT_ONCE:
            return
        last = some[-1]["number"]
