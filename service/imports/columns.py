"""Column titles, as integrators and platforms write them, and the fields that they mean."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from service.imports.errors import FileRefusedError
from service.refusals import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A column that is understood."""

    name: str
    """As the API calls it; ``longitude`` and such stand for a part of a field."""
    zh: str
    """Its title in Chinese."""
    en: str
    """Its title in English."""
    required: bool = False
    """Whether a new camera needs it."""
    others: tuple[str, ...] = ()
    """Other titles that mean it."""


def _field(name: str, zh: str, en: str, others: str, *, required: bool = False) -> Field:
    return Field(name=name, zh=zh, en=en, required=required, others=tuple(others.split()))


FIELDS: Final = (
    _field(
        "gb_id",
        "国标编号",
        "GB id",
        "国标编码 国标ID 国标码 设备国标编号 摄像机国标编号 通道国标编号 国标设备编号 "
        "设备编码 摄像机编码 通道编码 通道编号 GB编码 28181编号 GB28181编号",
        required=True,
    ),
    _field(
        "name",
        "名称",
        "Name",
        "摄像机名称 摄像头名称 设备名称 通道名称 点位名称 监控点名称 点位 camera_name",
        required=True,
    ),
    _field(
        "programme",
        "项目",
        "Programme",
        "所属项目 建设项目 工程 所属工程 program project",
        required=True,
    ),
    _field(
        "place_type",
        "场所类型",
        "Place type",
        "场所 场所类别 kind_of_place",
        required=True,
    ),
    _field(
        "place_code",
        "行政区划",
        "Place",
        "行政区划代码 行政区划编码 行政区域 区划代码 所属区划 所属辖区 辖区 辖区代码 civil_code",
        required=True,
    ),
    _field(
        "purpose",
        "用途",
        "Purpose",
        "监控用途 使用目的 目的",
        required=True,
    ),
    _field(
        "legal_basis",
        "法律依据",
        "Legal basis",
        "依据 法规依据",
        required=True,
    ),
    _field(
        "owner",
        "所有人",
        "Owner",
        "权属单位 产权单位 所有权人 所属单位 归属单位",
        required=True,
    ),
    _field(
        "contact_number",
        "联系电话",
        "Contact number",
        "电话 联系方式 contact phone telephone phone_number",
        required=True,
    ),
    _field(
        "sign_confirmed",
        "告示牌确认",
        "Sign confirmed",
        "告示牌 提示标识确认 提示标识 提示牌 sign",
        required=True,
    ),
    _field(
        "longitude",
        "经度",
        "Longitude",
        "lon lng",
        required=True,
    ),
    _field(
        "latitude",
        "纬度",
        "Latitude",
        "lat",
        required=True,
    ),
    _field(
        "coordinate_system",
        "坐标系",
        "Coordinate system",
        "坐标系统 坐标类型 crs",
        required=True,
    ),
    _field(
        "main_url",
        "主码流",
        "Main stream",
        "主码流地址 主流 主流地址 RTSP RTSP地址 取流地址 流地址 视频流地址 url "
        "stream_url rtsp_url main_stream_url",
        required=True,
    ),
    _field(
        "sub_url",
        "子码流",
        "Substream",
        "子码流地址 辅码流 辅码流地址 辅流 substream_url sub_stream sub_stream_url",
    ),
    _field(
        "user",
        "用户名",
        "User",
        "账号 用户 登录名 登录用户名 username account login",
    ),
    _field(
        "password",
        "密码",
        "Password",
        "口令 登录密码",
    ),
    _field(
        "upstream",
        "上级平台",
        "Platform",
        "平台 上级平台或接入设备 接入平台 所属平台 upstream_platform",
    ),
    _field(
        "hazards",
        "险情",
        "Hazards",
        "关注险情 险情类型 hazard",
    ),
    _field(
        "enabled",
        "启用",
        "Enabled",
        "是否启用 watch",
    ),
)
"""In the order of the template."""

BY_NAME: Final[Mapping[str, Field]] = {one.name: one for one in FIELDS}

REQUIRED: Final = tuple(one.name for one in FIELDS if one.required)

EXPLAINED: Final = ("说明", "Explained")
"""The sheet of our own workbooks that holds no cameras."""

RESULT, REASONS = "结果", "原因"
RESULT_TITLES: Final[Mapping[str, tuple[str, str]]] = {
    "zh": (RESULT, REASONS),
    "en": ("Result", "Reasons"),
}
"""What an annotated copy adds, and a file that is one already has it replaced."""

WVP_MARK: Final = "gbdeviceid"
"""A column that only WVP has."""

_WVP: Final[Mapping[str, tuple[str, ...]]] = {
    "gb_id": ("gbdeviceid", "channelid", "deviceid", "gbid"),
    "name": ("gbname", "name"),
    "owner": ("gbowner", "owner"),
    "place_code": ("gbcivilcode", "civilcode"),
    "longitude": ("gblongitude", "longitudewgs84", "longitude"),
    "latitude": ("gblatitude", "latitudewgs84", "latitude"),
}
"""The columns of WVP's catalogue, of several the first counts. A newer one's gbId is a row's number
in its database."""

_WVP_KEYS: Final = frozenset(key for candidates in _WVP.values() for key in candidates)

_BRACKETS: Final = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|【[^【】]*】|\{[^{}]*\}|<[^<>]*>")
_SIGNS: Final = re.compile(r"[^\w]|_")


def key_of(title: str) -> str:
    """Return what tells a title: no blanks, brackets, asterisks; half-width and lower case."""
    text = unicodedata.normalize("NFKC", title[:100]).casefold()
    return _SIGNS.sub("", _BRACKETS.sub("", text))


_MEANT: Final[Mapping[str, str]] = {
    key_of(title): one.name for one in FIELDS for title in (one.name, one.zh, one.en, *one.others)
}

_RESULTS: Final = frozenset(key_of(title) for pair in RESULT_TITLES.values() for title in pair)


def field_of(title: str) -> str | None:
    """Return the field that a title means."""
    return _MEANT.get(key_of(title))


def is_result(title: str) -> bool:
    """Tell whether a column is one that an annotated copy adds."""
    return key_of(title) in _RESULTS


def known_titles(cells: Iterable[str]) -> int:
    """Return how many fields a row names, were it the row of titles."""
    keys = {key_of(cell) for cell in cells}
    return len({_MEANT[key] for key in keys if key in _MEANT} | _wvp_fields(keys))


def is_wvp(titles: Iterable[str]) -> bool:
    """Tell whether a table is WVP's by its titles."""
    return WVP_MARK in {key_of(title) for title in titles}


def columns_of(titles: Sequence[str], *, wvp: bool) -> dict[str, int]:
    """Return where the fields stand. Raises ``FileRefusedError`` if one stands there twice."""
    keys = [key_of(title) for title in titles]
    found: dict[str, int] = {}
    for at, key in enumerate(keys):
        meant = _MEANT.get(key)
        if meant is None or (wvp and key in _WVP_KEYS):
            continue
        if meant in found:
            raise FileRefusedError(
                Refusal.FILE_COLUMN_TWICE,
                f"two columns mean the same, {titles[found[meant]]} and {titles[at]}: leave one "
                "of them out",
                title=titles[found[meant]],
                other=titles[at],
            )
        found[meant] = at
    for name, candidates in _WVP.items() if wvp else ():
        places = [keys.index(one) for one in candidates if one in keys]
        if places and name not in found:  # a column that somebody added knows better
            found[name] = places[0]
    return found


def title_of(field: str | None, titles: Sequence[str], columns: Mapping[str, int]) -> str | None:
    """Return what a file calls a field's column, without the template's asterisk; None without."""
    at = columns.get(field or "")
    return None if at is None or at >= len(titles) else titles[at].rstrip(" *＊") or None


def _wvp_fields(keys: set[str]) -> set[str]:
    if WVP_MARK not in keys:
        return set()
    return {name for name, candidates in _WVP.items() if keys & set(candidates)}
