"""Imports that go by themselves: a week old, or more of an account than anybody looks back at."""

from datetime import datetime
from typing import Final

from service.database import Database
from service.imports import store

TRANSACTIONS_AT_ONCE: Final = 20
"""The next trimming goes on."""


def leave_own(database: Database, replica: str) -> None:
    """Let what this replica worked on before it ended be known as stalled at once."""
    with database.writing() as connection:
        store.leave(connection, replica)


def forget_old_imports(database: Database, now: datetime) -> None:
    """Delete some of what is old, with short transactions."""
    for _ in range(TRANSACTIONS_AT_ONCE):
        with database.reading() as connection:
            import_id = store.oldest_to_forget(connection, now)
        if import_id is None:
            return
        with database.writing() as connection:
            if not store.forget_rows(connection, import_id):
                store.forget(connection, import_id)
