"""Good rows put into the registry: in transactions so short that no alert waits for them."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import Connection, RowMapping
from sqlalchemy.exc import SQLAlchemyError

from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.audit.log import record
from service.cameras.errors import GbIdTakenError
from service.cameras.models import CameraPatch, NewCamera
from service.errors import ProblemError
from service.imports import store
from service.imports.batch import Batch
from service.imports.errors import CameraImportStateError
from service.imports.models import CameraImport, ImportState
from service.imports.reasons import RowVerdict, reason_of
from service.imports.running import Imports, StoppingError, SupersededError
from service.imports.tally import Tally, problem_of, told
from service.imports.wanted import edited
from service.refusals import Refusal, RefusedError
from service.revisions import etag

ROWS_AT_MOST: Final = 100

BEGINS_NO_ROW_AFTER_S: Final = 0.08
"""In a transaction; what is left of 0.3 s is for the database to write it."""

SLOW_S: Final = 0.12
"""A machine with other work: the next transaction takes half as many rows."""

ROWS_AT_LEAST: Final = 5

WORKERS_TOLD_EVERY_S: Final = 1.0

PAUSE_S: Final = 0.02
"""Between two transactions: longer than a waiting writer of SQLite sleeps at first."""


class _EditedError(RefusedError):
    """The row was made without knowing what the camera is now."""

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__(
            Refusal.ROW_EDITED_MEANWHILE,
            f"somebody has changed {', '.join(columns)} since the file was checked: look at it, "
            "then send the file again",
        )
        self.column = columns[0]


def begin(parts: Imports, who: Principal, import_id: UUID) -> CameraImport:
    """Let the thread commit; returns how it stands. Raises ``CameraImportBusyError``."""
    claim = parts.runner.claim()
    shown: list[CameraImport] = []

    def prepare() -> Callable[[], None]:
        with parts.gate.writing(who, Permission.CAMERA_WRITE) as (connection, actor):
            row = store.existing(connection, actor, import_id)
            _require_ready(row)
            store.update(
                connection,
                import_id,
                state=ImportState.COMMITTING.value,
                problem=None,
                options={**row["options"], "claim": claim},
            )
            shown.append(store.view(store.existing(connection, actor, import_id)))
        return _Committing(parts, who, import_id, claim).run

    parts.runner.begin(prepare)
    return shown[0]


def _require_ready(row: RowMapping) -> None:
    state = row["state"]
    if state == ImportState.CHECKED or (state == ImportState.COMMITTING and store.is_stalled(row)):
        return
    raise CameraImportStateError(
        {
            ImportState.COMMITTING: "it is being committed already: ask how far it is",
            ImportState.DONE: "all of its good rows are committed: begin another import",
        }.get(state, "the file is not checked to its end: wait until its state is checked")
    )


def forget(parts: Imports, who: Principal, import_id: UUID) -> None:
    """Delete an import and its rows, a piece at a time. Raises ``CameraImportStateError``."""
    more = True
    while more:
        with parts.gate.writing(who, Permission.CAMERA_WRITE) as (connection, actor):
            row = store.existing(connection, actor, import_id)
            if row["state"] == ImportState.COMMITTING and not store.is_stalled(row):
                raise CameraImportStateError("it is being committed: wait until that has ended")
            options = {**row["options"], "claim": None}  # whoever reads it stops
            store.update(connection, import_id, options=options, state=ImportState.FAILED.value)
            more = store.forget_rows(connection, import_id)
            if not more:
                store.forget(connection, import_id)


class _Committing:
    """The good rows of one import on their way into the registry."""

    def __init__(self, parts: Imports, who: Principal, import_id: UUID, claim: str) -> None:
        self._parts = parts
        self._who = who
        self._id = import_id
        self._claim = claim
        self._limit = ROWS_AT_MOST
        self._told_s = time.monotonic()

    def run(self) -> None:
        """Commit what is good; rows that aren't any more say why."""
        metrics = self._parts.runner.metrics
        outcome = "broken"
        try:
            while self._parts.runner.patiently(self._some):
                self._tell_workers()
                self._parts.runner.pause(PAUSE_S)
            outcome = "committed"
        except ProblemError as error:  # the account may do this no more
            outcome = "failed"
            self._stop(problem_of(error))
        except SupersededError:
            outcome = "superseded"
        except (StoppingError, SQLAlchemyError):
            outcome = "stalled"
            raise
        finally:
            self._parts.changed()
            metrics.camera_imports.labels(outcome).inc()

    def _tell_workers(self) -> None:
        """Have the workers told now and then: that takes the writers' lock as well."""
        now_s = time.monotonic()
        if now_s - self._told_s >= WORKERS_TOLD_EVERY_S:
            self._told_s = now_s
            self._parts.changed()

    def _some(self) -> bool:
        """Commit some rows in one transaction; returns whether there may be more."""
        with self._parts.gate.writing(self._who, Permission.CAMERA_WRITE) as (connection, actor):
            began_s = time.monotonic()
            current = self._current(connection)
            rows = store.to_commit(connection, self._id, self._limit)
            if not rows:
                self._finish(connection, actor, current)
                return False
            batch = Batch(connection, actor, self._parts.sealer, rows)
            refused = 0
            done: list[RowMapping] = []
            tally = Tally(current["counts"], current["by_reason"])
            for row in rows:
                if (done or refused) and time.monotonic() - began_s > BEGINS_NO_ROW_AFTER_S:
                    break
                try:
                    _commit(batch, row)
                    done.append(row)
                except (ProblemError, RefusedError, ValidationError) as error:
                    refused += self._refuse(batch, tally, row, error)
            batch.flush()
            store.mark_committed(connection, self._id, done, batch.now)
            committed = current["committed"] + len(done)
            store.update(connection, self._id, committed=committed, **tally.columns())
            took_s = time.monotonic() - began_s
        self._limit = _next_limit(self._limit, took_s)
        self._count(len(done), refused)
        return True

    def _current(self, connection: Connection) -> RowMapping:
        row = store.found(connection, self._id)
        if row is None or row["options"].get("claim") != self._claim:
            raise SupersededError
        return row

    def _refuse(self, batch: Batch, tally: Tally, row: RowMapping, error: Exception) -> int:
        """Note why a row can't be taken; returns 0 if it is registered already, or else 1."""
        connection = batch.connection
        if isinstance(error, GbIdTakenError):
            twin = batch.twin(row, self._parts.logins_seen)
            if twin is not None:
                tally.found_registered(RowVerdict(row["verdict"]))
                store.mark_unchanged(connection, self._id, row["number"], twin)
                return 0
        reason = reason_of(error, error.column if isinstance(error, _EditedError) else None)
        tally.refuse(RowVerdict(row["verdict"]), [reason])
        tally.switch(row["wanted"].get("patch"), -1)
        store.mark_refused(connection, self._id, row["number"], [told(reason)])
        return 1

    def _finish(self, connection: Connection, actor: Principal, row: RowMapping) -> None:
        store.update(connection, self._id, state=ImportState.DONE.value)
        record(
            connection,
            actor=actor.login,
            action="camera_import.committed",
            object_kind="camera_import",
            object_id=str(self._id),
            detail={"committed": row["committed"], "counts": row["counts"]},
        )

    def _stop(self, problem: dict[str, Any]) -> None:
        """Say why it doesn't go on; whoever may can commit it again."""

        def once() -> None:
            with self._parts.database.writing() as connection:
                self._current(connection)
                store.update(connection, self._id, state=ImportState.CHECKED.value, problem=problem)

        self._parts.runner.patiently(once)

    def _count(self, committed: int, refused: int) -> None:
        counted = self._parts.runner.metrics.camera_import_rows
        counted.labels("committed").inc(committed)
        counted.labels("refused").inc(refused)


def _next_limit(limit: int, took_s: float) -> int:
    """Return how many rows the next transaction takes, by how long the last one did."""
    if took_s > SLOW_S:
        return max(ROWS_AT_LEAST, limit // 2)
    return min(ROWS_AT_MOST, 2 * limit)


def _commit(batch: Batch, row: RowMapping) -> None:
    wanted, camera_id, sealed = row["wanted"], row["camera_id"], row["sealed_credentials"]
    if "new" in wanted:
        batch.add(NewCamera.model_validate(wanted["new"]), camera_id=camera_id, sealed=sealed)
        return
    present = batch.found(camera_id)
    if present is None:
        raise RefusedError(
            Refusal.ROW_CAMERA_GONE, "the camera was removed meanwhile: send the file again"
        )
    columns = edited(wanted, dict(present))
    if columns:
        raise _EditedError(columns)
    patch = CameraPatch.model_validate(wanted["patch"])
    batch.change(camera_id, etag(present["revision"]), patch, sealed=sealed)
