"""Statistics for spreadsheets: the rows, all of them together, and below the pack versions."""

from collections.abc import Iterator, Sequence
from typing import Final

from service.imports.sheets import write_csv
from service.imports.values import label
from service.imports.words import Language
from service.incidents.lifecycle import IncidentState
from service.statistics.models import By, Figures, Statistics, Times

_KEYS: Final = {
    By.HAZARD: ("险情", "Hazard"),
    By.PLACE: ("辖区代码", "Place code"),
    By.HOUR: ("时段（时）", "Hour"),
    By.DAY: ("日期", "Day"),
}
_STATES: Final = {
    IncidentState.NEW: ("待查看", "New"),
    IncidentState.SEEN: ("已查看", "Seen"),
    IncidentState.CONFIRMED: ("已确认", "Confirmed"),
    IncidentState.FALSE: ("误报", "False"),
    IncidentState.DISPATCHED: ("已派单", "Dispatched"),
    IncidentState.ON_SITE: ("已到场", "On site"),
    IncidentState.CLOSED: ("已关闭", "Closed"),
}
_SHARES: Final = (
    ("确认率", "Confirmed share"),
    ("误报率", "False share"),
    ("关闭率", "Closed share"),
)
_TIMES: Final = {
    "seen": ("查看", "Seen"),
    "sent": ("派出", "Sent"),
    "reported": ("首报", "First report"),
}
_OF_TIMES: Final = (
    ("{}事件数", "{}: incidents"),
    ("{}用时中位数（秒）", "{}: median, s"),
    ("{}用时P95（秒）", "{}: p95, s"),
    ("{}超时事件数", "{}: deadline passed"),
)
_PACK: Final = (
    ("模型包版本", "Pack version"),
    ("误报事件数", "False alarms"),
    ("首日", "First day"),
    ("末日", "Last day"),
    ("摄像机·日", "Camera-days"),
    ("每摄像机每日误报", "False alarms per camera per day"),
)
_NAME: Final = ("名称", "Name")
_INCIDENTS: Final = ("事件数", "Incidents")
_TOTAL: Final = ("合计", "Total")
_NOWHERE: Final = ("未登记辖区", "Without a place")


def write(made: Statistics, language: Language) -> Iterator[bytes]:
    """Yield a CSV file."""
    return write_csv(_titles(made.by, language), _rows(made, language))


def _said(words: tuple[str, str], language: Language) -> str:
    return words[language is Language.EN]


def _titles(by: By, language: Language) -> list[str]:
    said = [_KEYS[by], _NAME, _INCIDENTS, *_STATES.values(), *_SHARES]
    titles = [_said(words, language) for words in said]
    for what in _TIMES.values():
        titles += [_said(words, language).format(_said(what, language)) for words in _OF_TIMES]
    return titles


def _rows(made: Statistics, language: Language) -> Iterator[Sequence[str]]:
    for row in made.rows:
        name = row.name or ""
        if made.by is By.HAZARD and row.key is not None:
            name = label("hazards", row.key, is_chinese=language is Language.ZH)
        elif row.key is None:
            name = _said(_NOWHERE, language)
        yield [row.key or "", name, *_cells(row)]
    yield [_said(_TOTAL, language), "", *_cells(made.total)]
    yield []
    yield [_said(words, language) for words in _PACK]
    for pack in made.packs:
        yield [
            pack.model,
            str(pack.false_alarms),
            pack.first_day.isoformat(),
            pack.last_day.isoformat(),
            str(pack.camera_days),
            _number(pack.per_camera_day),
        ]


def _cells(one: Figures) -> list[str]:
    shares = (one.confirmed_share, one.false_share, one.closed_share)
    cells = [str(one.incidents), *(str(one.states[state]) for state in _STATES)]
    cells += [_number(share) for share in shares]
    for name in _TIMES:
        times: Times = getattr(one, name)
        cells += [str(times.count), _number(times.median_s), _number(times.p95_s)]
        cells.append(str(times.breaches))
    return cells


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}" if value < 1 else f"{round(value, 3)}"
