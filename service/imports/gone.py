"""How long imports are kept, and what is said of those that are gone: a head without rows stays."""

from datetime import timedelta
from enum import StrEnum
from typing import Final

import sqlalchemy as sa
from sqlalchemy import RowMapping

from service.accounts.principal import Principal
from service.accounts.roles import Role
from service.imports.errors import GoneCameraImportError
from service.refusals import Refusal
from service.tables import camera_imports

KEPT_FOR: Final = timedelta(days=7)

KEPT_OF_ONE_ACCOUNT: Final = 200
"""The newest; every try at a file is one."""

ROWS_OF_ONE_ACCOUNT: Final = 1_000_000
"""Of its newest imports: 20 of the longest files, 100 of an estate's."""

TOLD_FOR: Final = timedelta(days=37)
"""From its beginning on: so long an import is known to be gone."""

TOLD_OF_ONE_ACCOUNT: Final = 1000

GONE: Final = "gone"
"""The state of a head whose rows are gone; no client sees it."""


class Why(StrEnum):
    """What it went for; in its options under ``gone``."""

    OLD = "old"
    MANY = "many"


def shown_to(who: Principal) -> sa.ColumnElement[bool]:
    """Return the condition that an import is one's own; who administers everything sees all."""
    if who.role is Role.ADMIN and who.everywhere:
        return sa.true()
    return camera_imports.c.account_id == who.account_id


def require_there(row: RowMapping) -> None:
    """Raise ``GoneCameraImportError`` for an import's row if only its head is left."""
    if row["state"] != GONE:
        return
    if row["options"].get("gone") == Why.MANY:
        raise GoneCameraImportError(
            f"newer imports took its place, an account's newest {KEPT_OF_ONE_ACCOUNT} with "
            f"{ROWS_OF_ONE_ACCOUNT} rows are kept: send the file again",
            Refusal.IMPORT_MANY,
            most=KEPT_OF_ONE_ACCOUNT,
            most_rows=ROWS_OF_ONE_ACCOUNT,
        )
    raise GoneCameraImportError(
        f"it is older than {KEPT_FOR.days} days: send the file again",
        Refusal.IMPORT_OLD,
        days=KEPT_FOR.days,
    )
