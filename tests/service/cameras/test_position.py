import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cameras.position import CoordinateSystem, PositionError, position
from service.cameras.sea import OPEN_SEA, sea_at

WGS84, GCJ02, BD09 = CoordinateSystem

EARTH_M = 6_371_008.8


def apart_m(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Great-circle distance of two longitude-latitude pairs."""
    (lon0, lat0), (lon1, lat1) = (tuple(map(math.radians, pair)) for pair in (one, other))
    h = (
        math.sin((lat1 - lat0) / 2) ** 2
        + math.cos(lat0) * math.cos(lat1) * math.sin((lon1 - lon0) / 2) ** 2
    )
    return 2 * EARTH_M * math.asin(math.sqrt(h))


# The published formula of the shift, written down a second time so that the library isn't its own
# judge (the constants are those that every open implementation shares).
_A, _EE = 6378245.0, 0.00669342162296594323


def shifted(lon: float, lat: float) -> tuple[float, float]:
    x, y = lon - 105.0, lat - 35.0
    waves = 20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)
    dlat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    dlat += waves * 2 / 3
    dlat += (20.0 * math.sin(y * math.pi) + 40.0 * math.sin(y / 3.0 * math.pi)) * 2 / 3
    dlat += (160.0 * math.sin(y / 12.0 * math.pi) + 320 * math.sin(y * math.pi / 30.0)) * 2 / 3
    dlon = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
    dlon += waves * 2 / 3
    dlon += (20.0 * math.sin(x * math.pi) + 40.0 * math.sin(x / 3.0 * math.pi)) * 2 / 3
    dlon += (150.0 * math.sin(x / 12.0 * math.pi) + 300.0 * math.sin(x / 30.0 * math.pi)) * 2 / 3
    magic = 1 - _EE * math.sin(math.radians(lat)) ** 2
    dlat = dlat * 180.0 / ((_A * (1 - _EE)) / (magic * math.sqrt(magic)) * math.pi)
    dlon = dlon * 180.0 / (_A / math.sqrt(magic) * math.cos(math.radians(lat)) * math.pi)
    return lon + dlon, lat + dlat


def shifted_twice(lon: float, lat: float) -> tuple[float, float]:
    lon, lat = shifted(lon, lat)
    turn = math.pi * 3000.0 / 180.0
    z = math.hypot(lon, lat) + 0.00002 * math.sin(lat * turn)
    theta = math.atan2(lat, lon) + 0.000003 * math.cos(lon * turn)
    return z * math.cos(theta) + 0.0065, z * math.sin(theta) + 0.006


@given(st.floats(100, 118), st.floats(23, 42), st.sampled_from([GCJ02, BD09]))
def test_there_and_back_within_a_metre(lon: float, lat: float, system: CoordinateSystem) -> None:
    given_there = shifted(lon, lat) if system is GCJ02 else shifted_twice(lon, lat)
    found = position(*given_there, system)
    assert apart_m((lon, lat), (found.wgs84_longitude, found.wgs84_latitude)) < 1.0
    assert (found.longitude, found.latitude) == given_there


@pytest.mark.parametrize(
    ("system", "there", "here"),
    [
        # Tian'anmen and the like, as other implementations' documentation and tests give them.
        (GCJ02, (116.404, 39.915), (116.39775550083061, 39.91359571849836)),
        (BD09, (116.404, 39.915), (116.3913836995125, 39.907253214522164)),
    ],
)
def test_published_pairs(
    system: CoordinateSystem, there: tuple[float, float], here: tuple[float, float]
) -> None:
    found = position(*there, system)
    assert apart_m((found.wgs84_longitude, found.wgs84_latitude), here) < 2.0


def test_wgs84_stays_as_it_is() -> None:
    found = position(120.1551, 30.2741, WGS84)
    assert (found.wgs84_longitude, found.wgs84_latitude) == (120.1551, 30.2741)


@pytest.mark.parametrize(
    ("lon", "lat", "said"),
    [
        (0.0, 0.0, "unknown position"),
        (120.0, 0.0, "unknown position"),
        (30.27, 120.15, "swapped"),
        (39.9, 116.4, "swapped"),
        (2.35, 48.85, "outside China"),
        (139.7, 35.7, "outside China"),
        (1201551.0, 302741.0, "outside China"),
        (-120.0, 30.0, "outside China"),
        (math.nan, 30.0, "numbers"),
        (math.inf, 30.0, "numbers"),
        (119.9, 38.8, "the Bohai Sea"),
        (123.0, 35.0, "the Yellow Sea"),
        (125.0, 30.0, "the East China Sea"),
        (124.0, 22.0, "the Pacific"),
        (115.0, 18.0, "the South China Sea"),
        (113.0, 13.5, "the southern South China Sea"),
        (107.4, 19.0, "the Beibu Gulf"),
    ],
)
@pytest.mark.parametrize("system", [WGS84, GCJ02, BD09])
def test_where_no_camera_stands(
    lon: float, lat: float, said: str, system: CoordinateSystem
) -> None:
    with pytest.raises(PositionError, match=said):
        position(lon, lat, system)


INHABITED = {
    "大连": (121.61, 38.91), "天津港": (117.75, 38.98), "曹妃甸": (118.45, 38.93),
    "长岛 砣矶": (120.75, 38.16), "长岛 北隍城": (120.91, 38.39), "烟台": (121.39, 37.54),
    "威海": (122.12, 37.51), "苏山岛": (122.26, 36.75), "青岛": (120.38, 36.07),
    "朝连岛": (120.87, 35.88), "达山岛": (119.89, 35.00), "獐子岛": (122.74, 39.03),
    "海洋岛": (123.15, 39.05), "连云港": (119.45, 34.75), "洋山港": (122.08, 30.63),
    "佘山岛": (122.23, 31.42), "嵊山": (122.82, 30.72), "花鸟": (122.67, 30.85),
    "舟山": (122.20, 30.00), "东极": (122.70, 30.19), "浪岗": (122.93, 30.44),
    "渔山列岛": (122.26, 28.89), "大陈岛": (121.90, 28.45), "南麂": (121.05, 27.46),
    "台山列岛": (120.70, 27.00), "平潭": (119.79, 25.50), "厦门": (118.09, 24.48),
    "南澳": (117.05, 23.43), "担杆": (114.25, 22.05), "深圳": (114.06, 22.54),
    "港珠澳大桥 1": (113.80, 22.28), "港珠澳大桥 2": (113.68, 22.24), "海口": (110.33, 20.03),
    "三亚": (109.51, 18.25), "七洲列岛": (111.27, 19.98), "涠洲岛": (109.11, 21.04),
    "斜阳岛": (109.21, 20.91), "永兴岛": (112.34, 16.83), "中建岛": (111.20, 15.78),
    "东沙岛": (116.73, 20.70), "永暑礁": (112.89, 9.55), "美济礁": (115.53, 9.91),
    "太平岛": (114.37, 10.38), "黄岩岛": (117.76, 15.15), "钓鱼岛": (123.47, 25.74),
    "台北": (121.56, 25.03), "兰屿": (121.55, 22.05), "澎湖": (119.57, 23.57),
    "杭州湾大桥": (121.13, 30.45), "东海大桥": (121.97, 30.77), "胶州湾大桥": (120.20, 36.15),
    "平潭海峡大桥": (119.63, 25.75), "崇明东滩": (121.95, 31.50), "丹东": (124.38, 40.12),
}  # fmt: skip
"""Coasts, islands that people live or serve on, long bridges."""

ROOM_M = 20_000
"""What ``sea`` promises to keep off them."""


@pytest.mark.parametrize("place", INHABITED)
def test_coasts_islands_and_bridges_are_accepted_with_room(place: str) -> None:
    lon, lat = INHABITED[place]
    position(lon, lat, WGS84)
    for bearing in range(0, 360, 10):
        north = ROOM_M * math.cos(math.radians(bearing)) / EARTH_M
        east = ROOM_M * math.sin(math.radians(bearing)) / EARTH_M / math.cos(math.radians(lat))
        assert sea_at(lon + math.degrees(east), lat + math.degrees(north)) is None


def test_the_seas_do_not_overlap_and_are_not_tiny() -> None:
    for name, corners in OPEN_SEA.items():
        middle = tuple(sum(axis) / len(corners) for axis in zip(*corners, strict=True))
        others = set(OPEN_SEA) - {name}
        assert sea_at(*middle) not in others  # type: ignore[call-arg]
