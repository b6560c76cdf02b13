"""A file that has come: read, checked row by row, kept with its verdicts. No login is kept open."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, RowMapping
from sqlalchemy.exc import SQLAlchemyError

from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.audit.log import record
from service.cameras.gb_id import camera_gb_id
from service.cameras.logins import Login
from service.errors import ProblemError
from service.imports import store
from service.imports.archive import bomb
from service.imports.checking import Checked, Checker
from service.imports.errors import CameraImportStateError
from service.imports.known import Defaults
from service.imports.models import CameraImport, ImportState
from service.imports.notes import notes_of
from service.imports.noticing import Noticing
from service.imports.reading import read
from service.imports.reasons import RowVerdict, reason_of
from service.imports.registered import Registered
from service.imports.rows import MOST_KEPT_CHARACTERS, Note, Sheet, SheetRow, Source
from service.imports.running import Imports, StoppingError, SupersededError
from service.imports.store import CheckedRow
from service.imports.tally import Tally, problem_of, told
from service.imports.wanted import hosts_for, kept
from service.imports.words import Language, noted
from service.refusals import RefusedError

ROWS_AT_ONCE: Final = 50
CHARACTERS_AT_ONCE: Final = 256 * 1024

MOST_KEPT_BYTES: Final = 128 * 1024 * 1024
"""Of a file's cells: 50,000 rows of 2.5 KB. A workbook can say one text a million times."""

LOOKED_EVERY_S: Final = 0.5
"""Whether a file that takes long to read is still wanted."""

PAUSE_S: Final = 0.005
"""Between two transactions, so that whoever waits for the lock gets it."""


_BROKEN: Final = {
    "code": "internal_error",
    "message": "the service's log says what happened; please report it",
    "params": None,
}


def require_open(parts: Imports, who: Principal, import_id: UUID) -> RowMapping:
    """Return the import's row, if a file may be sent. Raises ``CameraImportStateError``."""
    with parts.database.reading() as connection:
        return _open(connection, who, import_id)


def _open(connection: Connection, who: Principal, import_id: UUID) -> RowMapping:
    row = store.existing(connection, who, import_id)
    if row["state"] in store.AT_WORK and not store.is_stalled(row):
        raise CameraImportStateError("it is being worked on: wait until that has ended")
    if row["committed"]:
        raise CameraImportStateError(
            "cameras of its file are registered: begin another import for another file"
        )
    return row


def begin(parts: Imports, who: Principal, import_id: UUID, body: bytes) -> CameraImport:
    """Let the thread read a file; returns how it stands. Raises ``CameraImportBusyError``."""
    claim, digest = parts.runner.claim(), hashlib.sha256(body).hexdigest()
    shown: list[CameraImport] = []

    def prepare() -> Callable[[], None]:
        with parts.gate.writing(who, Permission.CAMERA_WRITE) as (connection, actor):
            row = _open(connection, actor, import_id)
            store.begin_reading(connection, row, digest, claim)
            detail = {"file_name": row["file_name"], "bytes": len(body), "sha256": digest}
            record(
                connection,
                actor=actor.login,
                action="camera_import.begun",
                object_kind="camera_import",
                object_id=str(import_id),
                detail=detail,
            )
            shown.append(store.view(store.existing(connection, actor, import_id)))
        return _Taking(parts, who, row, claim, body).run

    parts.runner.begin(prepare)
    return shown[0]


class _Taking:
    """One file on its way through."""

    def __init__(
        self, parts: Imports, who: Principal, row: RowMapping, claim: str, body: bytes
    ) -> None:
        self._parts = parts
        self._who = who
        self._row = row
        self._id: UUID = row["import_id"]
        self._claim = claim
        self._body = body
        self._tally = Tally({}, {})
        self._noticing = Noticing()
        self._kept_bytes = 0
        self._looks_at_s = time.monotonic() + LOOKED_EVERY_S

    def run(self) -> None:
        """Read and check; whatever comes of it stands with the import."""
        outcome = "broken"
        try:
            self._empty()
            self._take()
            outcome = "checked"
        except (RefusedError, ProblemError) as error:
            outcome = "failed"
            self._fail(problem_of(error))
        except SupersededError:
            outcome = "superseded"
        except (StoppingError, SQLAlchemyError):
            outcome = "stalled"
            raise
        finally:
            if outcome == "broken":
                self._fail(_BROKEN)
            self._parts.runner.metrics.camera_imports.labels(outcome).inc()

    def _take(self) -> None:
        source, name = Source(self._row["options"]["source"]), self._row["file_name"]
        sheet = read(self._body, source, self._require_wanted, name=name)
        self._body = b""
        options = self._note(sheet)
        known = Registered(self._parts.database, self._who, self._parts.logins_seen)
        checker = Checker(sheet, _defaults(self._row), known)
        for some in _pieces(sheet.rows):
            known.look_up(_gb_ids(some, sheet.columns.get("gb_id")))
            self._keep([self._kept(checker.check(row), known) for row in some])
            self._parts.runner.pause(PAUSE_S)
        options["notes"] += _as_kept(self._noticing.notes())
        self._write(
            lambda connection: store.update(
                connection,
                self._id,
                options=options,
                state=ImportState.CHECKED.value,
                rows=self._tally.rows,
                **self._tally.columns(),
            )
        )

    def _require_wanted(self) -> None:
        """Raise ``UnwantedError`` for a file that nobody waits for any more."""
        self._parts.runner.pause(0)
        if time.monotonic() < self._looks_at_s:
            return
        with suppress(SQLAlchemyError), self._parts.database.reading() as connection:
            self._require_claim(connection)
        self._looks_at_s = time.monotonic() + LOOKED_EVERY_S

    def _require_claim(self, connection: Connection) -> None:
        row = store.found(connection, self._id)
        if row is None or row["options"].get("claim") != self._claim:
            raise SupersededError

    def _note(self, sheet: Sheet) -> dict[str, Any]:
        """Keep what the file is like; returns the import's options."""
        notes = _as_kept(notes_of(sheet, _defaults(self._row)))
        found = {"columns": sheet.columns, "notes": notes, "titles_at_row": sheet.titles_at_row}
        options = {**self._row["options"], **found, "claim": self._claim}
        self._write(
            lambda connection: store.update(
                connection,
                self._id,
                titles=sheet.titles,
                rows=sheet.count or 0,
                options=options,
            )
        )
        return options

    def _kept(self, checked: Checked, known: Registered) -> CheckedRow:
        row = known.row(checked.camera_id)
        carried = checked.carried
        camera_id = checked.camera_id if carried is None else carried.camera_id
        if checked.verdict is RowVerdict.NEW:
            camera_id = camera_id or str(uuid4())
        reasons, verdict = checked.reasons, checked.verdict
        sealed = None if carried is None else carried.sealed
        is_good = verdict in {RowVerdict.NEW, RowVerdict.CHANGED}
        if is_good and checked.login is not None and camera_id is not None:
            try:
                sealed = self._sealed(camera_id, hosts_for(checked, row), checked.login)
            except ProblemError as error:
                reasons, verdict, is_good = [reason_of(error)], RowVerdict.BAD, False
        if checked.spare is not None:
            camera_id, (login, hosts) = str(uuid4()), checked.spare
            with suppress(ProblemError):
                sealed = self._sealed(camera_id, hosts, login)
        self._tally.count(verdict, reasons)
        if is_good and row is not None:
            self._tally.switch(checked.wanted)
        self._noticing.see(checked, row)
        self._kept_bytes += sum(len(cell.encode()) for cell in checked.cells)
        if self._kept_bytes > MOST_KEPT_BYTES:
            raise bomb()
        return CheckedRow(
            number=checked.number,
            cells=checked.cells,
            verdict=verdict,
            reasons=[told(one) for one in reasons],
            camera_id=None if verdict is RowVerdict.BAD and sealed is None else camera_id,
            wanted=kept(checked, row) if is_good else None,
            sealed=sealed,
            gb_id=checked.gb_id,
        )

    def _sealed(self, camera_id: str, hosts: list[str], login: Login) -> str:
        made = self._parts.sealer.seal(camera_id, hosts, login.user, login.password)
        self._parts.logins_seen.note(made, hosts, login)
        return made

    def _keep(self, rows: list[CheckedRow]) -> None:
        def write(connection: Connection) -> None:
            store.insert_rows(connection, self._id, rows)
            checked = self._tally.rows
            store.update(connection, self._id, checked=checked, **self._tally.columns())

        self._write(write)

    def _empty(self) -> None:
        """Delete the rows of a file that was sent before."""
        more = [True]

        def write(connection: Connection) -> None:
            more[0] = store.forget_rows(connection, self._id)

        while more[0]:
            self._write(write)

    def _fail(self, problem: dict[str, Any]) -> None:
        """Say why; none of the file's rows stay."""
        with suppress(SupersededError):
            self._empty()
            self._write(
                lambda connection: store.update(
                    connection,
                    self._id,
                    state=ImportState.FAILED.value,
                    problem=problem,
                    checked=0,
                )
            )

    def _write(self, work: Callable[[Connection], None]) -> None:
        """Do a piece of work in a transaction, as long as the import is still this file's."""

        def once() -> None:
            with self._parts.database.writing() as connection:
                self._require_claim(connection)
                work(connection)

        self._parts.runner.patiently(once)


def _pieces(rows: Iterator[SheetRow]) -> Iterator[list[SheetRow]]:
    some: list[SheetRow] = []
    characters = 0
    for row in rows:
        some.append(row)
        characters += min(sum(map(len, row.cells)), MOST_KEPT_CHARACTERS)
        if len(some) == ROWS_AT_ONCE or characters >= CHARACTERS_AT_ONCE:
            yield some
            some, characters = [], 0
    if some:
        yield some


def _as_kept(notes: list[Note]) -> list[dict[str, Any]]:
    """Return notes as the database keeps them."""
    return [
        {"code": one.code, "message": noted(one, Language.EN), "params": dict(one.params) or None}
        for one in notes
    ]


def _defaults(row: RowMapping) -> Defaults:
    options = row["options"]
    return Defaults(**options["defaults"], watch=options["watch"])


def _gb_ids(rows: list[SheetRow], at: int | None) -> Iterator[str]:
    """Yield what stands in the rows as it's usually written; the rest is looked up singly."""
    if at is None:
        return
    for row in rows:
        with suppress(RefusedError):
            yield camera_gb_id(row.cells[at])
