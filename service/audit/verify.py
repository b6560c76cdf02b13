"""``fengsui audit verify``: tells whether the audit is whole and fits its exported heads."""

import argparse
import heapq
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from pipelines.terminal import tell, write
from service.audit.chain import FaultKind, Head, Row, Verdict, parse_head, verify
from service.database import Database
from service.errors import DatabaseUnusableError, ServiceError
from service.settings import heads_beside, sqlite_url

WHOLE, TAMPERED, UNREADABLE = 0, 1, 2

BATCH_ROWS: Final = 1000

COLUMNS: Final = tuple(field.name for field in fields(Row))
SELECT: Final = f"SELECT {', '.join(COLUMNS)} FROM audit ORDER BY seq"  # noqa: S608 - constants

CHINESE: Final = {
    FaultKind.MISSING: "缺失",
    FaultKind.OUT_OF_ORDER: "被插入、重复或移动",
    FaultKind.ALTERED: "或其前一条被修改",
    FaultKind.COLUMNS: "的列与其正文不一致",
    FaultKind.REWRITTEN: "或之前的记录在导出之后被重写",
    FaultKind.CUT: "起已导出的记录被截去",
    FaultKind.HEADS_OUT_OF_ORDER: "处链头文件被改动",
}


class HeadsUnreadableError(ServiceError):
    """The file of heads can't be read."""

    code = "heads_unreadable"


@dataclass(slots=True)
class _Heads:
    """Files of heads, read as one."""

    paths: Sequence[Path]
    torn: int = 0
    """Lines that are none: a full disk leaves such."""

    def read(self, undo: ExitStack) -> Iterator[Head]:
        """Open all files at once, so that one that can't be read is said before the rows are."""
        try:
            files = [undo.enter_context(path.open(errors="replace")) for path in self.paths]
        except OSError as error:
            raise HeadsUnreadableError(
                f"the file of heads can't be read: {error}; give --heads the service's "
                "--audit-heads. Without it a cut could not be found"
            ) from error
        return heapq.merge(*map(self._of, files), key=lambda head: head.seq)

    def _of(self, lines: Iterator[str]) -> Iterator[Head]:
        for line in lines:
            head = parse_head(line)
            if head is None:
                self.torn += bool(line.strip())
            else:
                yield head


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run ``audit``; returns 0 if the audit is whole, 1 if it isn't, 2 if it can't be read."""
    given = _parsed(arguments, environment)
    url = given.database if "://" in given.database else sqlite_url(Path(given.database))
    heads = _Heads(given.heads or [heads_beside(url)])
    try:
        with ExitStack() as undo:
            exported = heads.read(undo)
            verdict = verify(undo.enter_context(read_rows(url)), exported)
        _require_heads(verdict)
        write(_as_json(verdict, heads) if given.json else _as_words(verdict, heads))
    except (ServiceError, sa.exc.SQLAlchemyError, sqlite3.Error, OSError) as error:
        said = " ".join(str(error.orig if isinstance(error, sa.exc.DBAPIError) else error).split())
        tell(f"fengsui: {said}")
        return UNREADABLE
    return TAMPERED if verdict.fault else WHOLE


def _require_heads(verdict: Verdict) -> None:
    """Raise ``HeadsUnreadableError`` if there was nothing to compare whole rows with.

    Nor is an audit without entries whole then: it may have been emptied.
    """
    if verdict.fault is None and not verdict.heads:
        raise HeadsUnreadableError(
            f"the file of heads holds no head, the audit {verdict.entries} entries: without one a "
            "cut or a rewriting could not be found; give --heads the service's --audit-heads. A "
            "service that has just begun exports its first within a minute"
        )


def _parsed(arguments: Sequence[str], environment: Mapping[str, str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fengsui audit", description="who did what: is it whole?")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("verify", help=__doc__, description=__doc__)
    command.add_argument(
        "--database",
        default=environment.get("FENGSUI_DATABASE", "fengsui.db"),
        help="SQLite file or SQLAlchemy URL; or FENGSUI_DATABASE, where a password stays out "
        "of the process list",
    )
    command.add_argument(
        "--heads",
        type=Path,
        action="append",
        metavar="FILE",
        help="where the service exports heads; again for another replica's "
        "(default: audit-heads.log next to the database)",
    )
    command.add_argument("--json", action="store_true", help="the verdict as one object")
    return parser.parse_args(arguments)


@contextmanager
def read_rows(url: str) -> Iterator[Iterator[Row]]:
    """Give the audit's rows by number, as one moment of the database, without writing to it."""
    if url.startswith("sqlite:"):
        with closing(_sqlite(Path(str(sa.make_url(url).database)))) as file:
            yield (_row(values) for values in file.execute(SELECT))
        return
    database = Database(url)
    try:
        with database.reading() as connection:
            streamed = connection.execution_options(yield_per=BATCH_ROWS)
            with streamed.exec_driver_sql(SELECT) as found:
                yield (_row(values) for values in found)
    finally:
        database.close()


def _sqlite(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise DatabaseUnusableError(f"there is no file {path}: give --database the service's")
    # Without a log beside it nobody has it open: then it needs no lock, and none is made.
    idle = "" if path.with_name(path.name + "-wal").exists() else "&immutable=1"
    file = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro{idle}", uri=True)
    # Bytes that are no text are somebody's edit, to be found like any other.
    file.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    return file


def _row(values: Sequence[Any]) -> Row:
    plain = dict(zip(COLUMNS, values, strict=True))
    if isinstance(plain["at"], str):
        plain["at"] = _moment(plain["at"])
    return Row(**plain)


def _moment(text: str) -> datetime | None:
    """Return what SQLite holds as text, if it's written just as the service writes it."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    written = moment.isoformat(sep=" ", timespec="microseconds")
    return moment.replace(tzinfo=UTC) if written == text and moment.tzinfo is None else None


def _as_json(verdict: Verdict, heads: _Heads) -> str:
    exported, fault = verdict.exported, verdict.fault
    return json.dumps(
        {
            "whole": fault is None,
            "entries": verdict.entries,
            "heads": verdict.heads,
            "torn_heads": heads.torn,
            "exported": exported
            and {"seq": exported.seq, "hash": exported.hash, "at": exported.at.isoformat()},
            "fault": fault
            and {"kind": fault.kind, "seq": fault.seq, "explanation": fault.explanation},
        },
        ensure_ascii=False,
    )


def _as_words(verdict: Verdict, heads: _Heads) -> str:
    fault, exported = verdict.fault, verdict.exported
    upto = f"{exported.seq} ({exported.at.isoformat()})" if exported else "0"
    if fault is None:
        chinese = (
            f"审计完整：共 {verdict.entries} 条，链头已导出至 {upto}。"
            "其后的记录若被整体截去或重写，无法发现。"
        )
        english = (
            f"The audit is whole: {verdict.entries} entries, heads exported up to {upto}. Entries "
            "after that could be cut, or written anew as a whole, without a trace."
        )
    else:
        chinese = (
            f"审计不完整：第 {fault.seq} 条{CHINESE[fault.kind]}；可信的只有第 {upto} 条及以前。"
            "请先保留数据库和链头文件的副本。"
        )
        english = (
            f"The audit is NOT whole, at entry {fault.seq}: {fault.explanation}. Entries up to "
            f"{upto} can be believed."
        )
    torn = f"Passed over among the heads: {heads.torn} torn lines (a full disk?)."
    return "\n".join([chinese, english, *([torn] if heads.torn else [])])
