"""Where a camera stands: checked, and converted to WGS-84.

Chinese maps shift positions (GCJ-02; Baidu's BD-09 once more) by some hundred metres. What was
given is kept beside what it means, so that a wrongly stated system can be put right later.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Final

from geocoordinates_ffi import (
    Bd09,
    Gcj02,
    bd09_to_wgs84_refined,
    gcj02_to_wgs84_refined,
)

from service.cameras.sea import NAMES, sea_at
from service.refusals import Refusal, RefusedError

WEST, EAST = 73.4, 135.2
SOUTH, NORTH = 3.3, 53.7
"""China's extremes; a box, so parts of its neighbours pass."""

DECIMALS: Final = 7
"""A centimetre: more digits would claim more than any map gives."""


class CoordinateSystem(StrEnum):
    """What longitude and latitude are counted in."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


class PositionError(RefusedError):
    """No camera stands there. The text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A checked position."""

    longitude: float
    """East, in degrees, as given."""
    latitude: float
    """North, in degrees, as given."""
    coordinate_system: CoordinateSystem
    """What these two are counted in."""
    wgs84_longitude: float
    """East, in degrees, as satellites count."""
    wgs84_latitude: float
    """North, in degrees, as satellites count."""


def rounded(degrees: float) -> float:
    """Return degrees as they are kept and compared: spreadsheets make 0.1 + 0.2 of 0.3."""
    return round(degrees, DECIMALS)


def position(longitude: float, latitude: float, system: CoordinateSystem) -> Position:
    """Return the position, converted. Raises ``PositionError``."""
    _require_in_china(longitude, latitude)
    wgs84_longitude, wgs84_latitude = _wgs84(longitude, latitude, system)
    sea = sea_at(wgs84_longitude, wgs84_latitude)
    if sea is not None:
        raise PositionError(
            Refusal.POSITION_IN_SEA,
            f"{longitude}, {latitude} lies in {NAMES[sea]}, more than 20 km off any coast: copy "
            "the position anew from the map",
            longitude=longitude,
            latitude=latitude,
            sea=sea,
        )
    return Position(
        longitude=longitude,
        latitude=latitude,
        coordinate_system=system,
        wgs84_longitude=rounded(wgs84_longitude),
        wgs84_latitude=rounded(wgs84_latitude),
    )


def _wgs84(longitude: float, latitude: float, system: CoordinateSystem) -> tuple[float, float]:
    if system is CoordinateSystem.WGS84:
        return longitude, latitude
    if system is CoordinateSystem.GCJ02:
        found = gcj02_to_wgs84_refined(Gcj02(lat=latitude, lon=longitude))
    else:
        found = bd09_to_wgs84_refined(Bd09(lat=latitude, lon=longitude))
    return found.lon, found.lat


def _require_in_china(longitude: float, latitude: float) -> None:
    if not (isfinite(longitude) and isfinite(latitude)):
        raise PositionError(
            Refusal.POSITION_NUMBERS, "give longitude and latitude as numbers of degrees"
        )
    if _in_box(longitude, latitude):
        return
    if longitude == 0 or latitude == 0:
        raise PositionError(
            Refusal.POSITION_UNKNOWN,
            "0 is what an unknown position is often stored as: give the real one",
        )
    if _in_box(latitude, longitude):
        raise PositionError(
            Refusal.POSITION_SWAPPED,
            f"longitude {longitude} and latitude {latitude} are swapped: in China the longitude "
            "is the larger one, 73 to 135",
            longitude=longitude,
            latitude=latitude,
        )
    raise PositionError(
        Refusal.POSITION_OUTSIDE,
        f"{longitude}, {latitude} lies outside China: longitude is {WEST} to {EAST}, latitude "
        f"{SOUTH} to {NORTH}, in degrees and decimals",
        longitude=longitude,
        latitude=latitude,
        west=WEST,
        east=EAST,
        south=SOUTH,
        north=NORTH,
    )


def _in_box(longitude: float, latitude: float) -> bool:
    return WEST <= longitude <= EAST and SOUTH <= latitude <= NORTH
