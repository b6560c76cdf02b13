"""What is said of files and rows, in Chinese and English."""

import json
from collections.abc import Mapping
from enum import StrEnum
from importlib import resources
from string import Formatter
from typing import Any, Final

from service.cameras.models import Programme
from service.cameras.place_types import PlaceType
from service.cameras.position import CoordinateSystem
from service.imports.columns import BY_NAME
from service.imports.rows import Note
from service.imports.values import label
from service.refusals import Param
from vision.hazards import Hazard


class Language(StrEnum):
    """What annotated copies and the command line speak."""

    ZH = "zh"
    EN = "en"


_TABLE: Final = json.loads(
    resources.files("service.imports").joinpath("words.json").read_text("utf-8")
)

REFUSALS: Final[Mapping[str, tuple[str, str]]] = _TABLE["refusals"]
"""The console's words in Chinese and English, by code: a test holds them equal."""

CODES: Final[Mapping[str, tuple[str, str]]] = _TABLE["codes"]
"""What stands for a code among the values of a refusal, by the value's name and the code."""

VERDICTS: Final[Mapping[str, tuple[str, str]]] = {
    "new": ("可导入", "new"),
    "changed": ("将更新", "changes"),
    "unchanged": ("未变", "unchanged"),
    "bad": ("有误", "bad"),
}

NOTES: Final[Mapping[str, tuple[str, str]]] = {
    "titles_in_row": ("列名在第 {row} 行", "The titles are in row {row}"),
    "columns_unknown": (
        "不认得的列，不导入，标注副本中保留：{columns}",
        "Columns that are not known, and are kept in the annotated copy only: {columns}",
    ),
    "columns_absent": (
        "文件中没有这些列，新摄像机需要默认值：{fields}",
        "Columns that are absent, for which new cameras need defaults: {fields}",
    ),
    "columns_needed": (
        "文件中没有这些列，新摄像机须逐行填写，不能用默认值：{fields}",
        "Columns that are absent, and that each new camera's row has to give itself: {fields}",
    ),
    "sheet_chosen": (
        "读取工作表“{sheet}”，另外 {others} 个工作表未读",
        "The sheet “{sheet}” was read, {others} others were not",
    ),
    "streams_shared": (
        "这些行给出同一主码流，请核对：{rows}",
        "These rows give the same main stream: {rows}",
    ),
    "gb_ids_elsewhere": (
        "有 {count} 行的国标编号中的行政区划与所属辖区不一致，请核对：{rows}",
        "The GB id names another place than the camera's in {count} rows: {rows}",
    ),
}

TEMPLATE_TITLES: Final = (
    ("列", "必填", "填写内容", "示例"),
    ("Column", "Required", "What it holds", "Example"),
)

YES_NO: Final[Mapping[bool, tuple[str, str]]] = {True: ("是", "yes"), False: ("否", "no")}


def _choices(
    table: str, values: type[Programme | PlaceType | CoordinateSystem | Hazard]
) -> tuple[str, str]:
    zh, en = (
        [label(table, str(value), is_chinese=is_chinese) for value in values]
        for is_chinese in (True, False)
    )
    return "、".join(zh), ", ".join(en)


def _either(said: tuple[str, str], zh: str, en: str) -> tuple[str, str]:
    return f"{zh}{said[0]}", f"{en}{said[1]}"


_IN_FILES: Final[Mapping[str, tuple[str, str]]] = {
    "place_type_unknown": _either(
        _choices("place_type", PlaceType),
        "没有这种场所类型，可填：",
        "There is no such place type. Give one of: ",
    ),
}
"""Words in the console's stead: who fills in a spreadsheet has no list to choose from."""

HOLDS: Final[Mapping[str, tuple[str, str]]] = {
    "gb_id": (
        "20 位国标编号，第 11 至 13 位为 131 或 132；该列须为文本格式",
        "20 digits, of which 11 to 13 are 131 or 132; the column must be text",
    ),
    "name": ("摄像机名称", "What the camera is called"),
    "programme": _either(_choices("programme", Programme), "任选一项：", "One of: "),
    "place_type": _either(
        _choices("place_type", PlaceType),
        "住宅、宿舍、厕所、病房、宗教和信访场所等不可登记。任选一项：",
        "Homes, dormitories, toilets, wards, places of worship or petition are refused. One of: ",
    ),
    "place_code": (
        "行政区划代码，或完整名称，例如 浙江省/杭州市/西湖区",
        "The place's code, or its names from the top: 浙江省/杭州市/西湖区",
    ),
    "purpose": ("为什么监看此处", "Why this place is watched"),
    "legal_basis": ("依据的法律、法规或批文", "The law or order that it rests on"),
    "owner": ("权属单位", "Whose camera it is"),
    "contact_number": (
        "有人接听的电话：带区号的固定电话（可加分机）、11 位手机号，或 12345 这样的服务号码",
        "A landline with area code (and extension), a mobile of 11 digits, or such as 12345",
    ),
    "sign_confirmed": (
        "现场设有告示牌：是。没有的不可导入",
        "yes: a sign at the place tells of the camera. Without one it can't be imported",
    ),
    "longitude": ("度，用小数表示，例如 120.1551", "Degrees and decimals, such as 120.1551"),
    "latitude": ("度，用小数表示，例如 30.2741", "Degrees and decimals, such as 30.2741"),
    "coordinate_system": _either(
        _choices("coordinate_system", CoordinateSystem), "任选一项：", "One of: "
    ),
    "main_url": (
        "rtsp:// 或 rtsps:// 地址；其中的用户名和密码会被取出加密",
        "rtsp:// or rtsps://; a login in it is taken out and sealed",
    ),
    "sub_url": (
        "同上；留空则保持不变，填“无”则删除",
        "As above; empty leaves what is there, none removes it",
    ),
    "user": ("摄像机的用户名；导出时不含", "The camera's; never exported"),
    "password": ("摄像机的密码；导出时不含", "The camera's; never exported"),
    "upstream": (
        "取流的上级平台；填“无”则删除",
        "The platform that the stream comes from; none removes it",
    ),
    "hazards": _either(
        _choices("hazards", Hazard),
        "用顿号分隔；留空为通常的几项。可选：",
        "With commas between; empty for the usual ones. Of: ",
    ),
    "enabled": (
        "是或否；新摄像机留空则不启用，除非导入时选择启用",
        "yes or no; a new camera stays off if empty, unless the import says otherwise",
    ),
}
"""What the template says of each field, in Chinese and English."""

EXAMPLES: Final[Mapping[str, tuple[str, str]]] = {
    name: (zh, en or zh)
    for name, zh, en in (
        ("gb_id", "33010600001320000001", ""),
        ("name", "灵隐路口 1 号", "Lingyin crossing 1"),
        ("programme", "雪亮", label("programme", Programme.XUELIANG, is_chinese=False)),
        ("place_type", "路口", label("place_type", PlaceType.INTERSECTION, is_chinese=False)),
        ("place_code", "330106003", ""),
        ("purpose", "火情和水情监测", "Watching for fire and high water"),
        ("legal_basis", "公共安全视频图像信息系统管理条例", ""),
        ("owner", "西湖区应急管理局", "Emergency office, Xihu district"),
        ("contact_number", "0571-88888888", ""),
        ("sign_confirmed", "是", "yes"),
        ("longitude", "120.1551", ""),
        ("latitude", "30.2741", ""),
        ("coordinate_system", "GCJ-02", ""),
        ("main_url", "rtsp://192.0.2.10:554/Streaming/Channels/101", ""),
        ("sub_url", "rtsp://192.0.2.10:554/Streaming/Channels/102", ""),
        ("user", "viewer", ""),
        ("password", "（摄像机的密码）", "(the camera's password)"),
        ("upstream", "市视频平台", "City video platform"),
        ("hazards", "明火、烟雾", "fire, smoke"),
        ("enabled", "否", "no"),
    )
}
"""A row that would be taken, on the sheet that explains."""


class _Filling(Formatter):
    """Fills in what there is, and nothing but by name."""

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:  # noqa: ARG002
        return kwargs.get(field_name, "?"), field_name


def said(code: str, params: Mapping[str, Param], language: Language) -> str:
    """Return the words of a refusal; the code itself if there are none."""
    words = _IN_FILES.get(code) or REFUSALS.get(code)
    return code if words is None else _filled(words[index_of(language)], params, language)


def said_of(
    column: str | None,
    code: str,
    params: Mapping[str, Param],
    language: Language,
    title: str | None = None,
) -> str:
    """Return the words of a row's reason, with ``title`` or the column's usual one before them."""
    words = said(code, params, language)
    if title is None:
        title = titled(column, language) if column is not None else None
    if title is None:
        return words
    return f"{title}：{words}" if language is Language.ZH else f"{title}: {words}"


def titled(column: str, language: Language) -> str | None:
    """Return a field's title."""
    known = BY_NAME.get(column)
    return None if known is None else (known.zh, known.en)[index_of(language)]


def judged(verdict: str, language: Language) -> str:
    """Return the words of a verdict."""
    return VERDICTS[verdict][index_of(language)]


def noted(note: Note, language: Language) -> str:
    """Return the words of a note."""
    return _filled(NOTES[note.code][index_of(language)], note.params, language)


def index_of(language: Language) -> int:
    """Return which of a pair of words a language is."""
    return 0 if language is Language.ZH else 1


def _filled(words: str, params: Mapping[str, Param], language: Language) -> str:
    values = {name: _value(name, one, language) for name, one in params.items()}
    return _Filling().vformat(words, (), values)


def _value(name: str, value: Param, language: Language) -> str:
    if name == "fields":
        titles = [titled(one, language) or one for one in str(value).split()]
        return ("、" if language is Language.ZH else ", ").join(titles)
    words = CODES.get(f"{name}.{value}")
    return str(value) if words is None else words[index_of(language)]
