"""What cells say, in Chinese or English, as the values that the console sends."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

from service.cameras.models import Programme
from service.cameras.place_types import REFUSED, PlaceType
from service.cameras.position import CoordinateSystem
from service.refusals import Refusal, RefusedError
from vision.hazards import Hazard

LONGEST_SAID: Final = 64
"""Of a cell, in words about it."""

_PROGRAMMES: Final[Mapping[str, str]] = {
    Programme.XUELIANG: "雪亮 雪亮工程",
    Programme.TIANWANG: "天网 天网工程 天网系统",
    Programme.OTHER: "其他 其它 无",
}

_SYSTEMS: Final[Mapping[str, str]] = {
    CoordinateSystem.WGS84: "wgs wgs1984 gps gps坐标 地球坐标 世界坐标 大地坐标 epsg4326 4326",
    CoordinateSystem.GCJ02: "gcj 国测局 国测局坐标 火星 火星坐标 火星坐标系 高德 高德坐标 高德地图 "
    "腾讯 腾讯坐标 腾讯地图 amap",
    CoordinateSystem.BD09: "bd 百度 百度坐标 百度坐标系 百度地图 bd09ll baidu",
}

_PLACE_TYPES: Final[Mapping[str, str]] = {
    PlaceType.ROAD: "道路 公路 高速 高速公路 国道 省道 县道 乡道 路段",
    PlaceType.INTERSECTION: "路口 交叉口 十字路口 交叉路口 卡口",
    PlaceType.BRIDGE: "桥梁 桥 大桥 立交桥",
    PlaceType.TUNNEL: "隧道",
    PlaceType.SLOPE: "边坡 山坡 高边坡 滑坡点 地质灾害点",
    PlaceType.RIVER: "河道 河流 江河 河 内河",
    PlaceType.RESERVOIR: "水库 湖泊 水塘 山塘",
    PlaceType.DIKE: "堤防 堤坝 大坝 河堤 海塘",
    PlaceType.FOREST: "林地 森林 林区 山林 林场",
    PlaceType.FARMLAND: "农田 田地 耕地",
    PlaceType.VILLAGE_ENTRANCE: "村口 村出入口 进村路口",
    PlaceType.VILLAGE_SQUARE: "村广场 村民广场 文化广场",
    PlaceType.COMMUNITY_ENTRANCE: "小区出入口 小区门口 小区大门",
    PlaceType.COMMUNITY_YARD: "小区公共区域 小区内 小区公共区 小区",
    PlaceType.FIRE_LANE: "消防车通道 消防通道",
    PlaceType.EMERGENCY_GATE: "应急门 应急出口 应急通道 安全出口",
    PlaceType.PARKING: "停车场 停车区",
    PlaceType.MARKET_STREET: "商业街 集市 市场 步行街",
    PlaceType.STATION_FORECOURT: "站前广场 车站广场 车站",
    PlaceType.INDUSTRIAL_YARD: "工业厂区 厂区 工业园区 工厂 园区",
    PlaceType.GAS_STATION: "加油站 加气站 petrolstation fillingstation",
    PlaceType.OTHER_PUBLIC: "其他公共场所 其它公共场所 公共场所 广场 公园",
}

_REFUSED_TYPES: Final = {
    "home": "住宅 民宅 住户 住宅内 居民住宅 居民家 家庭 家中 house apartment flat",
    "rented_room": "出租房 出租屋 租住房 群租房",
    "hotel_room": "客房 宾馆客房 酒店客房 旅馆客房 旅馆房间 宾馆房间 酒店房间",
    "dormitory": "宿舍 学生宿舍 员工宿舍 集体宿舍 寝室 dorm",
    "toilet": "厕所 公厕 公共厕所 卫生间 洗手间 bathroom restroom lavatory",
    "changing_room": "更衣室 试衣间 更衣间 浴室 澡堂 lockerroom fittingroom",
    "ward": "病房 住院病房 住院部 重症监护室 hospitalward icu",
    "place_of_worship": "宗教场所 宗教活动场所 寺庙 寺院 教堂 清真寺 道观 church mosque temple",
    "place_of_petition": "信访场所 信访接待场所 信访接待 信访局 信访大厅 信访 上访",
}

_HAZARDS: Final = {
    Hazard.FIRE: "明火 火 火灾 火情 起火 火焰",
    Hazard.SMOKE: "烟雾 烟 烟火 冒烟",
    Hazard.WATER_OVER_LINE: "水位超线 水位 超水位 积水 洪水",
    Hazard.DEBRIS: "落石塌方抛洒物 落石 塌方 抛洒物 滑坡 落石塌方 rockfall",
    Hazard.OBSTRUCTION: "通道堵塞 堵塞 占用通道 消防通道占用 firelaneorgateblocked",
    Hazard.STOPPED_VEHICLE: "异常停车 停车",
    Hazard.WRONG_WAY: "逆行 wrongwaydriving",
    Hazard.CAMERA_FAULT: "摄像机故障 设备故障 遮挡 黑屏",
}

_YES_WORDS: Final = (
    "是 有 已 对 已确认 确认 已设置 已安装 已张贴 已公示 启用 已启用 开 开启 "
    "yes y true t 1 on ok √ ✓ ✔"
)
_NO_WORDS: Final = (
    "否 无 没有 未 未确认 未设置 未安装 停用 未启用 禁用 不启用 关 关闭 no n false f 0 off × x ✗ ✘"
)
_YES: Final = frozenset(_YES_WORDS.split())
_NO: Final = frozenset(_NO_WORDS.split())
_NONE: Final = frozenset({"无", "没有", "none", "null", "-", "--", "—", "/"})

_SPLIT: Final = re.compile(r"[、,，;；|/\n+]")
_DEGREES: Final = re.compile(
    r"(?:东经|北纬|[EN])?\s*([+-]?\d{1,3}(?:\.\d{1,20})?)\s*(?:°|º|度)?\s*[EN]?", re.IGNORECASE
)
_SEPARATORS: Final = re.compile(r"[\s_\-/·.()（）]+")


def _key(text: str) -> str:
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", text).casefold())


def _words(table: Mapping[Any, str]) -> dict[str, str]:
    """Return the value of every word, and of each value's own name."""
    found = {_key(str(value)): str(value) for value in table}
    for value, words in table.items():
        found.update({_key(word): str(value) for word in words.split()})
    return found


_PROGRAMME: Final = _words(_PROGRAMMES)
_SYSTEM: Final = _words(_SYSTEMS)
_PLACE_TYPE: Final = _words(_REFUSED_TYPES) | _words(_PLACE_TYPES)
_HAZARD: Final = _words(_HAZARDS)
_REFUSED_PARTS: Final = {
    word: value
    for value, words in _REFUSED_TYPES.items()
    for word in words.split()
    if not word.isascii()
}


def choice_refused(said: str, choices: Iterable[str]) -> RefusedError:
    """Return why a cell is none of what may be chosen."""
    return RefusedError(
        Refusal.CELL_CHOICE,
        f"“{said[:LONGEST_SAID]}” is none of {', '.join(choices)}",
        said=said[:LONGEST_SAID],
    )


def programme_of(text: str) -> str:
    """Return a programme. Raises ``RefusedError``."""
    found = _PROGRAMME.get(_key(text))
    if found is None:
        raise choice_refused(text, Programme)
    return found


def coordinate_system_of(text: str) -> str:
    """Return a coordinate system. Raises ``RefusedError``."""
    key = _key(text).removesuffix("坐标系").removesuffix("坐标")
    found = _SYSTEM.get(key) or _SYSTEM.get(_key(text))
    if found is None:
        raise choice_refused(text, CoordinateSystem)
    return found


def place_type_of(text: str) -> str:
    """Return a kind of place, also a refused one; what is unknown as it stands there."""
    found = _PLACE_TYPE.get(_key(text))
    if found is not None:
        return found
    return next((value for word, value in _REFUSED_PARTS.items() if word in text), text)


def hazards_of(text: str) -> list[str]:
    """Return the hazards of a list. Raises ``RefusedError``."""
    whole = _HAZARD.get(_key(text))
    if whole is not None:
        return [whole]
    found: dict[str, None] = {}
    for part in _SPLIT.split(text):
        words = [part] if _key(part) in _HAZARD else part.split()
        for word in words:
            hazard = _HAZARD.get(_key(word))
            if hazard is None:
                raise choice_refused(word, Hazard)
            found[hazard] = None
    return list(found)


def yes_or_no(text: str) -> bool:
    """Return whether a cell says yes. Raises ``RefusedError``."""
    key = _key(text)
    if key in _YES:
        return True
    if key in _NO:
        return False
    raise choice_refused(text, ("是", "否", "yes", "no"))


def sign_of(text: str) -> bool:
    """Return that a sign is there. Raises ``RefusedError``, also for a no."""
    if not yes_or_no(text):
        raise RefusedError(
            Refusal.SIGN_UNCONFIRMED,
            "the sign is not confirmed: make sure that it is there, then say yes",
        )
    return True


def is_none(text: str) -> bool:
    """Tell whether a cell says that there is nothing."""
    return text.casefold() in _NONE


def degrees(text: str) -> float:
    """Return degrees and decimals. Raises ``RefusedError``."""
    found = _DEGREES.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if found is None:
        raise RefusedError(
            Refusal.POSITION_NUMBERS, "give longitude and latitude as numbers of degrees"
        )
    return float(found[1])


if set(_REFUSED_TYPES) != set(REFUSED):
    raise AssertionError("each refused kind of place needs its words here")


def label(table: str, value: str, *, is_chinese: bool) -> str:
    """Return the word for a value of a choice, which reads back as that value."""
    words = _LABELS[table][value]
    return words if is_chinese else _ENGLISH.get(value, value.replace("_", " "))


_LABELS: Final[Mapping[str, Mapping[str, str]]] = {
    name: {str(value): words.split()[0] for value, words in table.items()}
    for name, table in (
        ("programme", _PROGRAMMES),
        ("place_type", _PLACE_TYPES),
        ("hazards", _HAZARDS),
    )
} | {
    "coordinate_system": {
        CoordinateSystem.WGS84: "WGS-84",
        CoordinateSystem.GCJ02: "GCJ-02",
        CoordinateSystem.BD09: "BD-09",
    }
}

_ENGLISH: Final = dict(_LABELS["coordinate_system"])
