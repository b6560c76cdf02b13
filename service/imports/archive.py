"""Workbooks looked through before anything opens them: how much they unpack to, and to what.

A workbook is an archive of XML. What an archive says of its sizes may be a lie, so every member is
unpacked, counted and thrown away; every XML in it is parsed by an expat that keeps nothing and
stops at a document type, where entities that grow would be declared.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from service.imports.errors import FileRefusedError
from service.imports.rows import MOST_ROWS, TITLE_ROWS
from service.refusals import Refusal

MOST_UNPACKED: Final = 256 * 1024 * 1024
"""Bytes in all: three times what 50,000 rows of 40 columns take."""

MOST_MEMBERS: Final = 2000
MOST_RATIO: Final = 400
"""Unpacked to packed, of a member over ``FREE_BYTES``: deflate reaches 1,000, cameras 30."""

FREE_BYTES: Final = 8 * 1024 * 1024

MOST_STRINGS: Final = 1_500_000
"""Texts that cells share: 30 in each of 50,000 rows, all different. openpyxl holds all of them."""

MOST_TEXT_BYTES: Final = 1024 * 1024
"""Between two elements: a cell holds 32,767 characters, each of at most 10 bytes."""

MOST_OUTSIDE: Final = 200_000
"""Elements in one row, or before, between and after rows: merged cells, links, styles."""

MOST_MERGED: Final = 20_000
"""Merged cells of a sheet."""

MOST_ELEMENTS: Final = 1_000_000
"""Elements of what is neither a sheet nor shared texts."""

MOST_SKIPPED: Final = 100_000
"""Empty rows above others, of all sheets: openpyxl makes up every one of them."""

LAST_ROW: Final = 1_048_576
"""Of a sheet, by the format."""

_PIECE_BYTES: Final = 1 << 16
_REFERENCE: Final = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})")
_STRUCTURAL: Final = frozenset({"styleSheet", "workbook", "Types", "Relationships"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """Cells that are merged; rows and columns from 1."""

    reference: str
    """As the sheet says it."""
    first_row: int
    last_row: int
    first_column: int
    last_column: int


@dataclass(slots=True, kw_only=True)
class Scanned:
    """What was found of a sheet without reading its cells."""

    count: int = 0
    """Rows with anything in them."""
    last_row: int = 0
    """The last of these."""
    skipped: int = 0
    """Rows above that with nothing in them."""
    is_long: bool = False
    """Whether there are more of them than any import takes; then nothing was looked at further."""
    merged: list[Merged] = field(default_factory=list)


class _LongError(Exception):
    """A sheet has more rows than are of any use."""


def scanned(source: io.BytesIO) -> Mapping[str, Scanned]:
    """Return what each sheet of a workbook holds, by member. Raises ``FileRefusedError``."""
    try:
        with zipfile.ZipFile(source) as archive:
            return _scanned(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError,
            RuntimeError) as error:  # fmt: skip
        if isinstance(error, FileRefusedError):
            raise
        raise broken() from None


def broken() -> FileRefusedError:
    """Return why a workbook can't be read at all."""
    return FileRefusedError(
        Refusal.FILE_BROKEN, "the workbook is broken: open it and save it as xlsx anew"
    )


def bomb() -> FileRefusedError:
    """Return why a workbook isn't read."""
    return FileRefusedError(
        Refusal.FILE_BOMB,
        "the workbook unpacks to more than is read: copy the cameras into a new one",
    )


def _scanned(archive: zipfile.ZipFile) -> dict[str, Scanned]:
    members = archive.infolist()
    _require_workbook(members)
    found: dict[str, Scanned] = {}
    unpacked = skipped = 0
    for member in members:
        pieces = _Pieces(archive, member, MOST_UNPACKED - unpacked)
        sheet = _scan_member(pieces)
        if sheet is not None:
            found[member.filename] = sheet
            skipped += sheet.skipped
            if skipped > MOST_SKIPPED:
                raise bomb()
        unpacked += pieces.unpacked
    return found


def _require_workbook(members: list[zipfile.ZipInfo]) -> None:
    names = {member.filename for member in members}
    if len(members) > MOST_MEMBERS or len(names) < len(members):
        raise bomb()
    if any(member.flag_bits & 1 for member in members):
        raise encrypted()
    if "xl/workbook.bin" in names:
        raise binary()
    if "[Content_Types].xml" not in names or not any(name.startswith("xl/") for name in names):
        raise no_workbook()


def encrypted() -> FileRefusedError:
    """Return why a workbook with a password can't be read."""
    return FileRefusedError(
        Refusal.FILE_ENCRYPTED, "the workbook is protected by a password: take that off first"
    )


def no_workbook() -> FileRefusedError:
    """Return why an archive of something else can't be read."""
    return FileRefusedError(
        Refusal.FILE_ARCHIVE,
        "the file is an archive or another format, no xlsx workbook: unpack it, or save it as xlsx",
    )


def binary() -> FileRefusedError:
    """Return why a workbook in a binary format can't be read."""
    return FileRefusedError(
        Refusal.FILE_XLS, "the file is in the old or another binary format: save it as xlsx"
    )


class _Pieces:
    """A member, unpacked piece by piece and no further than allowed."""

    def __init__(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> None:
        self._archive = archive
        self._member = member
        self._most = most
        self.unpacked = 0
        """Bytes so far."""

    @property
    def is_named_xml(self) -> bool:
        """Whether it claims to be XML."""
        return self._member.filename.endswith((".xml", ".rels"))

    def __iter__(self) -> Iterator[bytes]:
        packed = max(1, self._member.compress_size)
        with self._archive.open(self._member) as source:
            while piece := source.read(_PIECE_BYTES):
                self.unpacked += len(piece)
                if self.unpacked > self._most:
                    raise bomb()
                if self.unpacked > FREE_BYTES and self.unpacked > packed * MOST_RATIO:
                    raise bomb()
                yield piece


def _scan_member(pieces: _Pieces) -> Scanned | None:
    """Unpack a member, and return what it holds if it is a sheet."""
    scan: _Scan | None = None
    for at, piece in enumerate(pieces):
        if at == 0:  # whatever it's called: content types say what openpyxl takes it for
            scan = _Scan()
        if scan is not None and not scan.is_over and not _fed(scan, piece, pieces):
            break
    if scan is None:
        return None
    if not scan.is_over:
        _fed(scan, b"", pieces, final=True)
    return scan.sheet


def _fed(scan: "_Scan", piece: bytes, pieces: _Pieces, *, final: bool = False) -> bool:
    """Parse a piece; tell whether to unpack more."""
    try:
        scan.feed(piece, final=final)
    except expat.ExpatError:
        if pieces.is_named_xml:
            raise broken() from None
        scan.is_over = True  # what is no XML for us is none for openpyxl
    except _LongError:
        scan.is_over = True
        return False
    return True


class _Kinds(dict[str, str]):
    """Names of elements without their prefixes, each worked out once."""

    def __missing__(self, name: str) -> str:
        found = name.rpartition(":")[2]
        if len(self) < MOST_MEMBERS:
            self[name] = found
        return found


class _Scan:
    """Counts what an XML holds, keeping nothing of it."""

    def __init__(self) -> None:
        self.sheet: Scanned | None = None
        self.is_over = False
        self._kinds = _Kinds()
        self._elements = self._fed = 0
        self._lengths: _Lengths | None = None
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = _refuse_document_type
        self._parser.StartElementHandler = self._root

    def feed(self, piece: bytes, *, final: bool) -> None:
        """Parse a piece. Raises ``ExpatError``, ``FileRefusedError`` and ``_LongError``."""
        self._parser.Parse(piece, final)
        self._fed += len(piece)
        at = self._parser.CurrentByteIndex
        if self._fed - at > MOST_TEXT_BYTES:  # one tag, and nothing but expat holds it
            raise bomb()
        if self._lengths is not None:
            self._lengths.require_short_text(at)

    def _root(self, name: str, _attributes: dict[str, str]) -> None:
        kind = self._kinds[name]
        if kind == "worksheet":
            self.sheet = Scanned()
            self._lengths = rows = _Rows(self.sheet, self._parser, self._kinds)
            self._parser.StartElementHandler = rows.start
        elif kind == "sst":
            self._lengths = texts = _Texts(self._parser, self._kinds)
            self._parser.StartElementHandler = texts.start
        else:
            most = MOST_OUTSIDE if kind in _STRUCTURAL else MOST_ELEMENTS
            self._parser.StartElementHandler = self._counting(most)

    def _counting(self, most: int) -> Callable[[str, dict[str, str]], None]:
        def start(_name: str, _attributes: dict[str, str]) -> None:
            self._elements += 1
            if self._elements > most:
                raise bomb()

        return start


class _Lengths:
    """Tells when a text between two elements is too long."""

    def __init__(self, parser: expat.XMLParserType, kinds: _Kinds) -> None:
        self._parser = parser
        self._kinds = kinds
        self._at = 0

    def require_short_text(self, at: int) -> None:
        """Raise ``FileRefusedError`` for a place too far from the last element."""
        if at - self._at > MOST_TEXT_BYTES:
            raise bomb()


class _Texts(_Lengths):
    """Counts the texts that cells share."""

    def __init__(self, parser: expat.XMLParserType, kinds: _Kinds) -> None:
        super().__init__(parser, kinds)
        self._count = self._elements = 0

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        """Note an element."""
        at = self._parser.CurrentByteIndex
        self.require_short_text(at)
        self._at = at
        self._elements += 1
        self._count += self._kinds[name] == "si"
        if self._count > MOST_STRINGS or self._elements > 8 * MOST_STRINGS:
            raise bomb()


class _Rows(_Lengths):
    """Counts a sheet's rows and collects what is merged."""

    def __init__(self, sheet: Scanned, parser: expat.XMLParserType, kinds: _Kinds) -> None:
        super().__init__(parser, kinds)
        self._sheet = sheet
        self._row = 0
        self._since_row = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Note an element."""
        at = self._parser.CurrentByteIndex
        if at - self._at > MOST_TEXT_BYTES:
            raise bomb()
        self._at = at
        self._since_row += 1
        kind = self._kinds[name]
        if kind in {"v", "t", "f"}:
            self._content()
        elif kind == "row":
            self._begin(attributes)
        elif kind == "mergeCell":
            self._merge(attributes.get("ref", ""))
        if self._since_row > MOST_OUTSIDE:
            raise bomb()

    def _content(self) -> None:
        sheet = self._sheet
        if sheet.last_row == self._row:
            return
        sheet.skipped += max(0, self._row - sheet.last_row - 1)
        sheet.last_row = self._row
        sheet.count += 1
        if sheet.count > MOST_ROWS + TITLE_ROWS:
            sheet.is_long = True
            raise _LongError

    def _begin(self, attributes: dict[str, str]) -> None:
        said = attributes.get("r")
        number = self._row + 1 if said is None else int(said)
        if not self._row < number <= LAST_ROW:
            raise broken()
        self._row = number
        self._since_row = 0

    def _merge(self, reference: str) -> None:
        if len(self._sheet.merged) >= MOST_MERGED:
            raise bomb()
        ends = [_REFERENCE.fullmatch(end) for end in reference.split(":")]
        if len(ends) != 2 or ends[0] is None or ends[1] is None:
            return
        self._sheet.merged.append(
            Merged(
                reference=reference,
                first_row=int(ends[0][2]),
                last_row=int(ends[1][2]),
                first_column=_column(ends[0][1]),
                last_column=_column(ends[1][1]),
            )
        )


def _column(letters: str) -> int:
    found = 0
    for letter in letters:
        found = found * 26 + ord(letter) - 64
    return found


def _refuse_document_type(*_declared: object) -> None:
    raise bomb()
