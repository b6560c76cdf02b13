"""A file of places: read, checked row by row, and taken whole or not at all.

Parents may stand anywhere in the file or in the tree already. A parent that isn't given is the
nearest that the code itself tells.

The file is read and checked before any transaction, and planned in a reading one: only what will
be taken waits for the writers' lock, and then no longer than it takes to write. A plan is good for
the tree that it was made for, and every change of the tree is in the audit: so the audit tells,
at a glance, whether a plan has to be made anew.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from service.accounts.principal import ROOT_PATH, Principal
from service.audit.log import newest, record
from service.places.codes import ancestors, level_of
from service.places.csv_file import BadRow, Row, read
from service.places.errors import ImportTooLongError
from service.places.models import ImportReport, RowProblem
from service.refusals import Refusal, RefusedError
from service.tables import audit, places

MOST_BYTES: Final = 32 * 1024 * 1024
"""More than enough for ``MOST_ROWS``."""

MOST_ROWS: Final = 100_000
"""More than the villages of any province. Writing so many keeps other writers waiting for 1 s on
SQLite and 2.5 s on PostgreSQL (two busy cores), of the 5 s that they wait at most."""

MOST_PROBLEMS: Final = 1000
"""All are counted, no more than these are told."""

AUDITED_AT_ONCE: Final = 500
"""Rows an audit entry: small enough to be read."""

_CELL: Final = {"sqlite": "json_extract(value, '$[{}]')", "postgresql": "value ->> {}"}
_ROWS: Final = {
    "sqlite": "json_each(:rows)",
    "postgresql": "json_array_elements(CAST(:rows AS json))",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A place that is in the tree already."""

    name: str
    parent_code: str | None
    path: str


@dataclass(slots=True)
class Plan:
    """What a file would do."""

    file_sha256: str
    seq: int = 0
    """The audit's newest entry when it was made."""
    rows: int = 0
    created: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Name and parent, by code."""
    renamed: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Old and new name, by code."""
    unchanged: int = 0
    bad: int = 0
    problems: list[RowProblem] = field(default_factory=list)
    places: str = "[]"
    """What is to be written: the columns of each place created or renamed, as JSON."""
    entries: list[tuple[str, list[dict[str, str]]]] = field(default_factory=list)
    """What is to be audited: the principal's own place, and changes inside it."""

    def refuse(self, number: int, code: str, fault: RefusedError) -> None:
        """Note what is wrong with a row."""
        self.bad += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(
                RowProblem(
                    row=number,
                    code=code[:32],
                    reason=fault.code,
                    message=str(fault),
                    params=fault.params or None,
                )
            )

    def report(self) -> ImportReport:
        """Return it as clients see it."""
        return ImportReport(
            rows=self.rows,
            good=self.rows - self.bad,
            bad=self.bad,
            created=len(self.created),
            renamed=len(self.renamed),
            unchanged=self.unchanged,
            problems=sorted(self.problems, key=lambda one: one.row),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that was read, whatever it says."""

    rows: Mapping[str, Row]
    """The rows that can be understood, by code."""
    found: Plan
    """All rows counted, and what is wrong with those that can't be taken anywhere."""


def read_file(body: bytes) -> File:
    """Read a file, row by row. Raises ``ImportUnreadableError`` and ``ImportTooLongError``."""
    found = Plan(hashlib.sha256(body).hexdigest())
    return File(rows=_good_rows(body, found), found=found)


def plan(connection: Connection, principal: Principal, file: File) -> Plan:
    """Return what a file would do, ready to be written."""
    made = replace(
        file.found,
        seq=newest(connection)[0],
        created={},
        renamed={},
        problems=list(file.found.problems),
    )
    known = {
        row.code: _Known(name=row.name, parent_code=row.parent_code, path=row.path)
        for row in connection.execute(sa.select(places))
    }
    planner = _Planner(known, file.rows, principal.sees, made)
    planner.run()
    if not made.bad:
        written = planner.written()
        made.places = json.dumps(written, ensure_ascii=False)
        made.entries = list(_entries(principal, made, {row[0]: row[-1] for row in written}))
    return made


def fits(connection: Connection, made: Plan) -> bool:
    """Tell whether the tree is still the one that the plan was made for."""
    later = sa.select(audit.c.seq).where(audit.c.seq > made.seq, audit.c.object_kind == "place")
    return connection.execute(later.limit(1)).first() is None


def carry_out(connection: Connection, principal: Principal, made: Plan) -> None:
    """Do what a plan without problems says, if it fits, in one statement and its entries."""
    columns = ("code", "parent_code", "level", "name", "path")
    cell, rows = (one[connection.dialect.name] for one in (_CELL, _ROWS))
    cells = ", ".join(cell.format(at) for at in range(len(columns)))
    statement = (
        f"INSERT INTO places ({', '.join(columns)}) SELECT {cells} FROM {rows} WHERE true "  # noqa: S608 - constants
        "ON CONFLICT (code) DO UPDATE SET name = excluded.name"
    )
    connection.execute(sa.text(statement), {"rows": made.places})
    for top, changes in made.entries:
        record(
            connection,
            actor=principal.login,
            action="place.imported",
            object_kind="place",
            object_id=top,
            place_code=top,
            detail={"file_sha256": made.file_sha256, "places": changes},
        )


def _entries(
    principal: Principal, made: Plan, paths: Mapping[str, str]
) -> Iterator[tuple[str, list[dict[str, str]]]]:
    changes = [
        {"code": code, "name": name, "parent_code": parent}
        for code, (name, parent) in made.created.items()
    ] + [{"code": code, "old": old, "new": new} for code, (old, new) in made.renamed.items()]
    by_top: dict[str, list[dict[str, str]]] = {}
    for change in changes:
        by_top.setdefault(_top(principal, paths[change["code"]]), []).append(change)
    for top, own in by_top.items():
        for start in range(0, len(own), AUDITED_AT_ONCE):
            yield top, own[start : start + AUDITED_AT_ONCE]


def _top(principal: Principal, path: str) -> str:
    """Return the code of the principal's own place that a path lies in."""
    own = next(one for one in (ROOT_PATH, *principal.paths) if _is_in(one, path, principal))
    return own.strip("/").rpartition("/")[2]


def _is_in(own: str, path: str, principal: Principal) -> bool:
    return own in principal.paths and path.startswith(own)


class _Planner:
    """Finds each row's parent, in the file or in the tree, and what stands against it."""

    def __init__(
        self,
        known: Mapping[str, _Known],
        rows: Mapping[str, Row],
        sees: Callable[[str], bool],
        made: Plan,
    ) -> None:
        self._known = known
        self._rows = rows
        self._sees = sees
        self._made = made
        self._paths = {code: one.path for code, one in known.items()}

    def run(self) -> None:
        """Sort every row into created, renamed, unchanged or refused."""
        for row in self._rows.values():
            try:
                self._take(row)
            except RefusedError as error:
                self._made.refuse(row.number, row.code, error)
        self._refuse_what_would_come_between()

    def written(self) -> list[tuple[str, str | None, str, str, str]]:
        """Return code, parent, level, name and path of each place created or renamed."""
        made = self._made
        return [
            (code, parent, level_of(code).value, name, self._path(code))
            for code, (name, parent) in made.created.items()
        ] + [
            (code, self._known[code].parent_code, level_of(code).value, name, self._path(code))
            for code, (_, name) in made.renamed.items()
        ]

    def _take(self, row: Row) -> None:
        known = self._known.get(row.code)
        nearest = row.code if known else self._nearest(row.code)
        if not self._sees(self._path(nearest)):
            # The same words whether it is there or not, and nothing of what surrounds it.
            raise RefusedError(
                Refusal.ROW_FOREIGN, "this place does not lie in yours: leave the row out"
            )
        parent = known.parent_code if known else nearest
        if row.parent_code not in {None, parent}:
            raise self._wrong_parent(row, str(parent))
        if known is None:
            self._made.created[row.code] = (row.name, nearest)
        elif known.name != row.name:
            self._made.renamed[row.code] = (known.name, row.name)
        else:
            self._made.unchanged += 1

    def _wrong_parent(self, row: Row, parent: str) -> RefusedError:
        code, given = row.code, str(row.parent_code)
        if given not in self._known and given not in self._rows:
            said = f"the parent {given} is not there, and no good row of the file has it"
            return RefusedError(Refusal.ROW_PARENT_UNKNOWN, said, parent=given)
        if code in self._known:
            said = f"{code} hangs under {parent}, and a place's parent does not change"
            return RefusedError(Refusal.ROW_PARENT_STAYS, said, code=code, parent=parent)
        if given in ancestors(code):
            said = f"{parent} lies between: give that as the parent"
            return RefusedError(Refusal.PLACE_ABOVE_BETWEEN, said, above=parent, code=code)
        said = f"{code} does not lie in {given}: a code begins with its parent's"
        return RefusedError(Refusal.PLACE_CODE_PARENT, said, code=code, parent=given)

    def _nearest(self, code: str) -> str:
        """Return the nearest ancestor that there is or will be; the root is always there."""
        return next(one for one in ancestors(code) if one in self._known or one in self._rows)

    def _path(self, code: str) -> str:
        if code not in self._paths:
            self._paths[code] = f"{self._path(self._nearest(code))}{code}/"
        return self._paths[code]

    def _refuse_what_would_come_between(self) -> None:
        above = {parent for _, parent in self._made.created.values()}
        for code, one in self._known.items():
            if one.parent_code not in above:
                continue
            for between in ancestors(code):
                if between == one.parent_code:
                    break
                if between in self._made.created:
                    del self._made.created[between]
                    self._made.refuse(
                        self._rows[between].number,
                        between,
                        RefusedError(
                            Refusal.PLACE_BELOW_BETWEEN,
                            f"{code} hangs under {one.parent_code} already and would belong under "
                            f"{between}: remove it first",
                            child=code,
                            parent=str(one.parent_code),
                            code=between,
                        ),
                    )


def _good_rows(body: bytes, made: Plan) -> dict[str, Row]:
    """Return the rows that can be understood, by code; the others are noted."""
    found: dict[str, Row] = {}
    for row in read(body):
        made.rows += 1
        if made.rows > MOST_ROWS:
            raise ImportTooLongError(MOST_ROWS)
        if isinstance(row, BadRow):
            made.refuse(row.number, row.code, row.fault)
        elif row.code in found:
            earlier = found[row.code].number
            said = f"the code stands in line {earlier} already"
            made.refuse(row.number, row.code, RefusedError(Refusal.ROW_TWICE, said, line=earlier))
        else:
            found[row.code] = row
    return found
