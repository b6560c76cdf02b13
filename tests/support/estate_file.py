"""An estate's spreadsheet as integrators bring it: thousands of rows, some of them wrong."""

import csv
import io
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

TITLES = (
    "名称", "国标编号", "项目", "场所类型", "用途", "法律依据", "所有人", "告示牌确认", "联系电话",
    "经度", "纬度", "坐标系", "行政区划", "主码流", "用户名", "密码",
)  # fmt: skip

Row = dict[str, str]

PLACES = {"330106001": "北山街道", "330106002": "西溪街道", "330106003": "灵隐街道"}
"""Where it stands."""

LIVE_PLACE = "330106003"
"""Where the streams are that answer, and no others."""

TREE = "代码,名称,上级代码\n330100,杭州市,\n330106,西湖区,330100\n" + "".join(
    f"{code},{name},330106\n" for code, name in PLACES.items()
)
"""A file of these places."""

FAULTS: dict[str, Callable[[Row], object]] = {
    "another's scheme": lambda row: row.update(主码流="http://10.20.1.9/live.flv"),
    "a tail of ones": lambda row: row.update(国标编号=row["国标编号"][:15]),
    "a telephone": lambda row: row.update(
        国标编号=row["国标编号"][:10] + "133" + row["国标编号"][13:]
    ),
    "no such place": lambda row: row.update(行政区划="330106777"),
    "a ward": lambda row: row.update(场所类型="病房"),
    "no kind of place": lambda row: row.update(场所类型="广场舞"),
    "no sign": lambda row: row.update(告示牌确认="否"),
    "swapped": lambda row: row.update(经度=row["纬度"], 纬度=row["经度"]),
    "nowhere": lambda row: row.update(经度="0", 纬度="0"),
    "nobody answers": lambda row: row.update(联系电话="-"),
    "no name": lambda row: row.update(名称=""),
}
"""What is wrong with a row, one thing each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A stream that answers."""

    url: str
    """Without a login."""
    user: str = ""
    """What the camera asks for, if it does."""
    password: str = ""
    """The same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EstateFile:
    """The file, and what is known of it."""

    text: str
    """As CSV."""
    rows: int
    """Those with a camera each."""
    bad: int
    """Those among them with a fault."""


def estate_file(
    streams: Sequence[Stream], rows: int, bad_share: float, seed: int = 8
) -> EstateFile:
    """Return a file of ``rows`` cameras, the last ones of which are ``streams``."""
    dice = random.Random(seed)  # noqa: S311 - a drawn estate
    table = list(_rows(rows, streams, dice))
    bad = dice.sample(range(1, rows - len(streams)), round(rows * bad_share))
    faults = [*FAULTS.values(), lambda row: row.update(国标编号=table[0]["国标编号"])]
    for at, number in enumerate(bad):
        faults[at % len(faults)](table[number])
    out = io.StringIO()
    writer = csv.DictWriter(out, TITLES)
    writer.writeheader()
    writer.writerows(table)
    return EstateFile(text=out.getvalue(), rows=rows, bad=len(bad))


def _rows(count: int, streams: Sequence[Stream], dice: random.Random) -> Iterator[Row]:
    places = list(PLACES)
    for number in range(count):
        live = number - (count - len(streams))
        stream = streams[live] if live >= 0 else _elsewhere(number)
        place = places[-1] if live >= 0 else places[number % (len(places) - 1)]
        yield {
            "名称": f"{PLACES[place]} {number + 1} 号",
            "国标编号": f"330106{number % 100:02d}001320{number:06d}",
            "项目": dice.choice(("雪亮", "天网")),
            "场所类型": dice.choice(("村口", "道路", "消防通道")),
            "用途": "监测火情、落石和通道堵塞",
            "法律依据": "《公共安全视频图像信息系统管理条例》",
            "所有人": "西湖区综治中心",
            "告示牌确认": "是",
            "联系电话": "0571-88888888",
            "经度": f"{120.10 + dice.random() / 20:.6f}",
            "纬度": f"{30.22 + dice.random() / 20:.6f}",
            "坐标系": dice.choice(("WGS84", "GCJ-02", "百度")),
            "行政区划": place,
            "主码流": stream.url,
            "用户名": stream.user,
            "密码": stream.password,
        }


def _elsewhere(number: int) -> Stream:
    """Return a camera in a network that nobody reaches from here."""
    return Stream(
        url=f"rtsp://10.{20 + number // 62_500}.{number // 250 % 250}.{number % 250 + 1}/ch1/main",
        user="admin",
        password=f"s3cret-{number:06d}",
    )
