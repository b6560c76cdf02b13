"""What the template says of its columns."""

from collections.abc import Mapping
from typing import Final

from service.cameras.models import Programme
from service.cameras.place_types import PlaceType
from service.cameras.position import CoordinateSystem
from service.imports.values import label
from vision.hazards import Hazard

TITLES: Final = (("列", "必填", "填写内容"), ("Column", "Required", "What it holds"))

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
    "contact_number": ("有人接听的电话", "A number that somebody answers"),
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
"""By field, in Chinese and English."""
