"""Files of cameras as they come: what each is found out by its bytes.

A name's ending is what somebody called it: a web page is often called ``.xls``.
"""

from collections.abc import Callable
from typing import Final

from service.imports.archive import binary, encrypted, no_workbook
from service.imports.csv_files import read_csv
from service.imports.errors import FileRefusedError
from service.imports.rows import MOST_BYTES, Sheet, Source
from service.imports.workbooks import read_xlsx
from service.imports.wvp import is_json, read_json
from service.refusals import Refusal

_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""What old workbooks and encrypted new ones begin with."""

_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
_ARCHIVES: Final = (b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"%PDF")
_WORKBOOKS: Final = (".xlsx", ".xlsm", ".xls", ".et")
_NO_TABLE: Final = (
    Refusal.FILE_TITLES,
    Refusal.FILE_CSV,
    Refusal.FILE_ENCODING,
    Refusal.FILE_JSON,
)
_HTML: Final = (b"<!doctype", b"<html", b"<table", b"<?xml", b"<meta", b"<head", b"<style")


def read(
    body: bytes,
    source: Source = Source.AUTO,
    require_wanted: Callable[[], None] = lambda: None,
    *,
    name: str = "",
) -> Sheet:
    """Return the table of a file. Raises ``FileRefusedError``.

    ``require_wanted`` is called often while a workbook is read, and raises ``UnwantedError``.
    ``name`` is what the file is called: what is no table at all may be meant for a workbook.
    """
    require_small(len(body))
    _require_readable(body)
    wvp = source is Source.WVP
    if body.startswith(b"PK"):
        return read_xlsx(body, require_wanted, wvp=wvp)
    try:
        return read_json(body) if is_json(body) else read_csv(body, wvp=wvp)
    except FileRefusedError as error:
        if error.code in _NO_TABLE and name.casefold().endswith(_WORKBOOKS):
            raise _called_workbook() from None
        raise


def require_small(size: int) -> None:
    """Raise ``FileRefusedError`` for more bytes than are taken."""
    if size > MOST_BYTES:
        most_mb = MOST_BYTES // 1024 // 1024
        raise FileRefusedError(
            Refusal.FILE_LARGE, f"a file has at most {most_mb} MB: split it", most_mb=most_mb
        )


def _called_workbook() -> FileRefusedError:
    return FileRefusedError(
        Refusal.FILE_NO_WORKBOOK,
        "the file is called xlsx and holds something else: open it in a spreadsheet and save it as "
        "xlsx",
    )


def _require_readable(body: bytes) -> None:
    if not body.strip(b" \t\r\n\0\xef\xbb\xbf"):
        raise FileRefusedError(Refusal.FILE_EMPTY, "the file is empty")
    if body.startswith(_OLE):
        if _ENCRYPTED in body:
            raise encrypted()
        raise binary()
    if body.startswith(_ARCHIVES):
        raise no_workbook()
    if body[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_HTML):
        raise FileRefusedError(
            Refusal.FILE_HTML,
            "the file is a web page or XML that is called a spreadsheet: open it and save it as "
            "xlsx",
        )
