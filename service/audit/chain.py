"""Is the audit whole? Pure: rows and exported heads in, the first fault out, in constant memory."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from service.audit.log import GENESIS, chained


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row as the database holds it. Whoever tampers with a file can leave any type in it."""

    seq: object
    """Its number: an integer from 1 on, without a gap."""
    at: object
    """When: a datetime."""
    actor: object
    """Who."""
    action: object
    """What was done."""
    object_kind: object
    """To what kind of thing."""
    object_id: object
    """To which."""
    place_code: object
    """Where, or None."""
    body: object
    """All of that and the detail as JSON: this is hashed."""
    hash: object
    """The hash of the hash before and the body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """One line of the file of heads: what the newest row was at a moment."""

    seq: int
    """The row's number."""
    hash: str
    """Its hash."""
    at: datetime
    """When it was exported."""


class FaultKind(StrEnum):
    """What is wrong."""

    MISSING = "missing"
    OUT_OF_ORDER = "out_of_order"
    ALTERED = "altered"
    COLUMNS = "columns"
    REWRITTEN = "rewritten"
    CUT = "cut"
    HEADS_OUT_OF_ORDER = "heads_out_of_order"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The first thing that is wrong; what comes after it is not looked at."""

    kind: FaultKind
    """What kind of thing."""
    seq: int
    """The first number that doesn't fit. Between it and the last head that fits, rows may be
    forged as well."""
    explanation: str
    """What was found and what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found."""

    entries: int
    """Rows that are whole, counted from the first."""
    heads: int
    """Exported heads that fit."""
    exported: Head | None
    """The last head that fits: nothing up to it was changed since. That much can be believed."""
    fault: Fault | None
    """None: the audit is whole."""


REPEATED: Final = tuple(
    field.name for field in fields(Row) if field.name not in {"at", "body", "hash"}
)
"""The columns that repeat what the body says; the time needs parsing."""

SAID: Final = frozenset({*REPEATED, "at", "detail"})
"""What a body says, no less and no more."""

AND_NOW: Final = (
    "keep a copy of the database and of the file of heads as they are, find out who could write to "
    "either, and compare with a backup"
)


class _FaultError(Exception):
    def __init__(self, kind: FaultKind, seq: int, found: str) -> None:
        self.fault = Fault(kind=kind, seq=seq, explanation=f"{found}; {AND_NOW}")


def verify(rows: Iterable[Row], heads: Iterable[Head]) -> Verdict:
    """Compare every row with the one before and with the heads.

    ``rows`` come by number, ``heads`` as they were exported. Reads both once, as streams.
    """
    walk = _Walk(heads)
    fault = None
    try:
        for row in rows:
            walk.take(row)
        walk.end()
    except _FaultError as error:
        fault = error.fault
    return Verdict(entries=walk.entries, heads=walk.heads, exported=walk.exported, fault=fault)


class _Walk:
    def __init__(self, heads: Iterable[Head]) -> None:
        self.entries = 0
        self.heads = 0
        self.exported: Head | None = None
        self._hash = GENESIS
        self._waiting = _ordered(heads)
        self._next = next(self._waiting, None)

    def take(self, row: Row) -> None:
        seq = self.entries + 1
        _require_number(row.seq, seq)
        if not isinstance(row.body, str) or row.hash != _hash_of(self._hash, row.body):
            raise _FaultError(
                FaultKind.ALTERED,
                seq,
                f"the hash of entry {seq} does not follow from its body and entry {seq - 1}: one "
                "of them was edited, or another put in its place",
            )
        _require_same(row, row.body, seq)
        self._compare_with_head(seq, row.hash)
        self.entries, self._hash = seq, str(row.hash)

    def end(self) -> None:
        head = self._next
        if head is not None:
            raise _FaultError(
                FaultKind.CUT,
                self.entries + 1,
                f"entries {self.entries + 1} to {head.seq} are gone: {head.seq} was exported at "
                f"{head.at.isoformat()} (was an old backup restored on purpose? Then give the file "
                "of heads another name, and a new one begins)",
            )

    def _compare_with_head(self, seq: int, found: object) -> None:
        while (head := self._next) is not None and head.seq == seq:
            if head.hash != found:
                first = self.exported.seq + 1 if self.exported else 1
                raise _FaultError(
                    FaultKind.REWRITTEN,
                    seq,
                    f"entry {seq} is not what was exported at {head.at.isoformat()}: entries "
                    f"between {first} and {seq} were written anew since",
                )
            self.exported = head
            self.heads += 1
            self._next = next(self._waiting, None)


def _ordered(heads: Iterable[Head]) -> Iterator[Head]:
    last = 0
    for head in heads:
        if head.seq < max(last, 1):
            raise _FaultError(
                FaultKind.HEADS_OUT_OF_ORDER,
                max(head.seq, 1),
                f"the file of heads goes back from {last} to {head.seq}: somebody edited it, or "
                "it belongs to two databases",
            )
        last = head.seq
        yield head


def _require_number(seq: object, expected: int) -> None:
    if type(seq) is int and seq > expected:
        gone = (
            f"entry {expected} is"
            if seq == expected + 1
            else f"entries {expected} to {seq - 1} are"
        )
        raise _FaultError(FaultKind.MISSING, expected, f"{gone} missing before {seq}")
    if type(seq) is not int or seq != expected:
        raise _FaultError(
            FaultKind.OUT_OF_ORDER,
            expected,
            f"number {seq!r} stands where {expected} should: an entry was put in, doubled or moved",
        )


def _hash_of(before: str, body: str) -> str | None:
    try:
        return chained(before, body)
    except UnicodeEncodeError:  # bytes that no writer of ours leaves
        return None


def _require_same(row: Row, body: str, seq: int) -> None:
    said = _parsed(body)
    if said is None or said.keys() != SAID:
        differing = ["body"]
    else:
        differing = [name for name in REPEATED if getattr(row, name) != said[name]]
        if not _same_moment(row.at, said["at"]):
            differing.append("at")
    if differing:
        raise _FaultError(
            FaultKind.COLUMNS,
            seq,
            f"entry {seq} says something else in {', '.join(differing)} than in the body that was "
            "hashed: the body is what was recorded",
        )


def _parsed(body: str) -> dict[str, object] | None:
    try:
        said: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _same_moment(column: object, said: object) -> bool:
    try:
        return isinstance(said, str) and column == datetime.fromisoformat(said)
    except ValueError:
        return False


_LINE: Final = re.compile(r"([1-9][0-9]{0,18}) ([0-9a-f]{64}) (\S{20,40})", re.ASCII)


def head_line(head: Head) -> str:
    """Return the line of a head, with its end."""
    return f"{head.seq} {head.hash} {head.at.astimezone(UTC).isoformat()}\n"


def parse_head(line: str) -> Head | None:
    """Return the head of a line; None if a full disk or a crash left a piece of one."""
    match = _LINE.fullmatch(line.removesuffix("\n"))
    if match is None or not line.endswith("\n"):
        return None
    try:
        at = datetime.fromisoformat(match[3])
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    return Head(seq=int(match[1]), hash=match[2], at=at)
