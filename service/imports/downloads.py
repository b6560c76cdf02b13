"""What is given out as a file: an import's rows with what becomes of each, and the registry."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import PurePath
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from pydantic import ConfigDict

from service.accounts.principal import Principal
from service.cameras import store as camera_store
from service.cameras.selecting import Filter, conditions_of, joined_for
from service.database import Database
from service.imports import sheets, store
from service.imports.errors import CameraImportStateError
from service.imports.models import ImportState
from service.imports.reasons import RowVerdict, reason_told
from service.imports.words import Language
from service.tables import cameras

ROWS_AT_ONCE: Final = 1000
"""Of an import."""

CAMERAS_AT_ONCE: Final = 500


CHINA: Final = timezone(timedelta(hours=8))
"""Whose day stands in a file's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A file given back, with what becomes of each row."""

    name: str
    """Without its ending."""
    titles: list[str]
    rows: Iterator[list[str]]
    above: int
    """Rows above the titles, which are left empty: each row keeps its number."""


def annotated(database: Database, who: Principal, import_id: UUID, language: Language) -> Copy:
    """Return the copy. Raises ``UnknownCameraImportError`` and ``CameraImportStateError``."""
    with database.reading() as connection:
        row = store.existing(connection, who, import_id)
    if row["state"] in {ImportState.WAITING, ImportState.READING, ImportState.FAILED}:
        raise CameraImportStateError(
            "the file is not checked to its end: wait until its state is checked, or send another"
        )
    at_row = row["options"].get("titles_at_row", 1)
    found = _import_rows(database, import_id)
    titles, rows = sheets.annotated(row["titles"], found, language, at_row)
    name = PurePath(row["file_name"].replace("\\", "/")).stem or "cameras"
    mark = {Language.ZH: "已检查", Language.EN: "checked"}[language]
    return Copy(name=f"{name}-{mark}", titles=titles, rows=rows, above=max(0, at_row - 1))


def _import_rows(database: Database, import_id: UUID) -> Iterator[sheets.AnnotatedRow]:
    last = -1
    while True:
        with database.reading() as connection:
            some = store.after(connection, import_id, last, ROWS_AT_ONCE)
        for row in some:
            reasons = [reason_told(one) for one in row["reasons"]]
            yield row["number"], row["cells"], RowVerdict(row["verdict"]), reasons
        if len(some) < ROWS_AT_ONCE:
            return
        last = some[-1]["number"]


def template_name(language: Language, ending: str) -> str:
    """Return what an empty list is called."""
    return {Language.ZH: "摄像机导入模板", Language.EN: "cameras-template"}[language] + ending


def export_name(language: Language, ending: str) -> str:
    """Return what the registry is called as a file of today."""
    day = datetime.now(CHINA).date().isoformat()
    return {Language.ZH: "摄像机", Language.EN: "cameras"}[language] + f"-{day}{ending}"


class Wanted(Filter):
    """Which cameras, and in which language titles and words are."""

    model_config = ConfigDict(extra="ignore")  # the list's address holds its page as well

    language: Language = Language.ZH


def registry(
    database: Database, who: Principal, wanted: Wanted, live: Mapping[str, int]
) -> tuple[list[str], Iterator[list[str]]]:
    """Return titles and rows that an import would find unchanged, without logins.

    Raises ``UnknownPlaceError``.
    """
    with database.reading() as connection:
        query = (
            sa.select(cameras.c.camera_id)
            .select_from(joined_for(wanted))
            .where(cameras.c.drill.is_(False), *conditions_of(connection, who, wanted, live))
            .order_by(cameras.c.place_code, cameras.c.name, cameras.c.camera_id)
        )
        ids = list(connection.execute(query).scalars())
    return sheets.template_titles(wanted.language), _camera_rows(
        database, who, ids, wanted.language
    )


def _camera_rows(
    database: Database, who: Principal, ids: list[str], language: Language
) -> Iterator[list[str]]:
    for at in range(0, len(ids), CAMERAS_AT_ONCE):
        some = ids[at : at + CAMERAS_AT_ONCE]
        with database.reading() as connection:
            query = sa.select(cameras).where(
                cameras.c.camera_id.in_(some), camera_store.within(who)
            )
            found = {row["camera_id"]: row for row in connection.execute(query).mappings()}
        for camera_id in some:
            if camera_id in found:
                yield sheets.camera_cells(dict(found[camera_id]), language)
