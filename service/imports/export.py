"""The registry as a file: what an import of it would find unchanged. No logins."""

from collections.abc import Iterator, Mapping
from typing import Final

import sqlalchemy as sa
from pydantic import ConfigDict

from service.accounts.principal import Principal
from service.cameras import store as camera_store
from service.cameras.selecting import Filter, conditions_of, joined_for
from service.database import Database
from service.imports import sheets
from service.imports.words import Language
from service.tables import cameras

ROWS_AT_ONCE: Final = 500


class Wanted(Filter):
    """Which cameras, and in which language titles and words are."""

    model_config = ConfigDict(extra="ignore")  # the list's address holds its page as well

    language: Language = Language.ZH


def table(
    database: Database, who: Principal, wanted: Wanted, live: Mapping[str, int]
) -> tuple[list[str], Iterator[list[str]]]:
    """Return titles and rows. Raises ``UnknownPlaceError``."""
    with database.reading() as connection:
        query = (
            sa.select(cameras.c.camera_id)
            .select_from(joined_for(wanted))
            .where(cameras.c.drill.is_(False), *conditions_of(connection, who, wanted, live))
            .order_by(cameras.c.place_code, cameras.c.name, cameras.c.camera_id)
        )
        ids = list(connection.execute(query).scalars())
    return sheets.template_titles(wanted.language), _rows(database, who, ids, wanted.language)


def _rows(
    database: Database, who: Principal, ids: list[str], language: Language
) -> Iterator[list[str]]:
    for at in range(0, len(ids), ROWS_AT_ONCE):
        some = ids[at : at + ROWS_AT_ONCE]
        with database.reading() as connection:
            query = sa.select(cameras).where(
                cameras.c.camera_id.in_(some), camera_store.within(who)
            )
            found = {row["camera_id"]: row for row in connection.execute(query).mappings()}
        for camera_id in some:
            if camera_id in found:
                yield sheets.camera_cells(dict(found[camera_id]), language)
