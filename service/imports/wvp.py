"""Catalogues of WVP (wvp-GB28181-pro), a platform that many estates are in.

Read at github.com/648540858/wvp-GB28181-pro: ``gb28181/bean/CommonGBChannel.java`` (the channels
of ``/api/common/channel/list``: gbDeviceId, gbName, gbOwner, gbCivilCode, gbLongitude and
gbLatitude in WGS-84, gbPassword and no address) and ``streamPush/bean/StreamPushExcelDto.java``
(the spreadsheet: 名称, 应用名, 流ID, 国标ID). Pages of channels are ``{"data": {"list": […]}}``.

What WVP doesn't hold, addresses above all, is added to the spreadsheet or comes from defaults.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from service.csv_text import encoding_of
from service.imports.columns import columns_of
from service.imports.errors import FileRefusedError
from service.imports.rows import MOST_COLUMNS, CellFault, Sheet, SheetRow, Source
from service.imports.tables import (
    Titles,
    fitted,
    notes_on,
    require_any,
    require_few,
    require_titles,
)
from service.imports.workbooks import rounded, text_of
from service.refusals import Refusal, RefusedError
from service.text import require_plain

_LIST: Final = re.compile(r'^\s*\[|"(?:list|records|rows|data|channels)"\s*:\s*\[')
_LIST_WITHIN: Final = 8192
"""Characters that may stand before the list."""

_ITEM_CHARACTERS: Final = 32 * 1024
"""Of one channel; WVP's have 2,000."""

_NEXT: Final = re.compile(r"\s*,?\s*")
_EMPTY: Final = frozenset({"", "0", "null", "none", "unknown", "owner", "未知"})
"""What WVP and the cameras behind it fill in where they know nothing."""

_ITS: Final = frozenset({"gb_id", "name", "owner", "place_code", "longitude", "latitude"})

_CIVIL_CODE: Final = re.compile(r"\d{8}")


def is_json(body: bytes) -> bool:
    """Tell whether a file may be JSON."""
    return body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["}


def read_json(body: bytes) -> Sheet:
    """Return the channels of a catalogue. Raises ``FileRefusedError``."""
    try:
        text = body.decode(encoding_of(body))
    except RefusedError as error:
        raise FileRefusedError(error.code, str(error), **error.params) from None
    known: dict[str, None] = {}
    count = 0
    for item in _items(text):
        count += 1
        require_few(count)
        known.update(dict.fromkeys(item))
        if len(known) > MOST_COLUMNS:
            break
    require_any(count)
    names = [name[:128] for name in known]
    columns = columns_of(names, wvp=True)
    titles = Titles(at=0, number=0, cells=names, known=len(columns))
    require_titles(titles if "gb_id" in columns else None)
    for name in ("user", "password"):  # the channel's own, for SIP
        columns.pop(name, None)
    return Sheet(
        source=Source.WVP,
        titles=names,
        columns=columns,
        rows=_rows(text, list(known), columns["gb_id"]),
        count=count,
        notes=notes_on(titles, columns),
        titles_at_row=titles.number,
    )


def meant(field: str, cell: str) -> str:
    """Return what a cell of WVP's says in one of our fields: nothing, for its placeholders."""
    if field not in _ITS:
        return cell
    if cell.casefold() in _EMPTY:
        return ""
    if field == "place_code" and _CIVIL_CODE.fullmatch(cell):
        return cell[:6]  # 8 digits are a county's and what it numbers below, which is no place
    if field == "place_code" and re.fullmatch(r"\d{4}", cell):
        return f"{cell}00"
    return cell


def _items(text: str) -> Iterator[Mapping[str, Any]]:
    """Yield the channels one by one, so that no more of them than one is held."""
    start = _LIST.search(text, 0, _LIST_WITHIN)
    if start is None:
        raise _broken(1)
    decoder = json.JSONDecoder()
    at = start.end()
    number = 0
    while True:
        at = _NEXT.match(text, at).end()  # type: ignore[union-attr]
        if text[at : at + 1] == "]":
            return
        number += 1
        try:
            item, length = decoder.raw_decode(text[at : at + _ITEM_CHARACTERS])
        except (ValueError, RecursionError):
            raise _broken(number) from None
        if not isinstance(item, dict):
            raise _broken(number)
        yield item
        at += length


def _broken(item: int) -> FileRefusedError:
    return FileRefusedError(
        Refusal.FILE_JSON, f"item {item} is no proper JSON: export it anew", item=item
    )


def _rows(text: str, names: list[str], gb_id_at: int) -> Iterator[SheetRow]:
    for number, item in enumerate(_items(text), 1):
        faults: list[CellFault] = []
        cells: list[str] = []
        for at, name in enumerate(names):
            value = item.get(name)
            cell = _cell(value)
            if not _is_whole(cell):
                faults.append(CellFault(at=at, error=_half(cell)))
                cell = cell.encode("utf-8", "replace").decode()
            error = rounded(value) if at == gb_id_at else None
            if error is not None:
                faults.append(CellFault(at=at, error=error))
            cells.append(cell)
        fitting, more = fitted(cells, len(names))
        yield SheetRow(number=number, cells=fitting, faults=(*faults, *more))


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=True)
    return text_of(value)


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _half(text: str) -> RefusedError:
    try:
        require_plain(text, lines=True)
    except RefusedError as error:
        return error
    raise AssertionError("half of a character is never plain")
