"""What kinds of place a camera may watch. The list is closed, and what is missing is meant."""

from enum import StrEnum
from typing import Final

from service.refusals import Refusal, RefusedError


class PlaceType(StrEnum):
    """A kind of place where hazards are looked for."""

    ROAD = "road"
    INTERSECTION = "intersection"
    BRIDGE = "bridge"
    TUNNEL = "tunnel"
    SLOPE = "slope"
    RIVER = "river"
    RESERVOIR = "reservoir"
    DIKE = "dike"
    FOREST = "forest"
    FARMLAND = "farmland"
    VILLAGE_ENTRANCE = "village_entrance"
    VILLAGE_SQUARE = "village_square"
    COMMUNITY_ENTRANCE = "community_entrance"
    COMMUNITY_YARD = "community_yard"
    FIRE_LANE = "fire_lane"
    EMERGENCY_GATE = "emergency_gate"
    PARKING = "parking"
    MARKET_STREET = "market_street"
    STATION_FORECOURT = "station_forecourt"
    INDUSTRIAL_YARD = "industrial_yard"
    GAS_STATION = "gas_station"
    OTHER_PUBLIC = "other_public"


_LIVES: Final = "people live there unobserved"
_UNDRESSED: Final = "people undress there"

REFUSED: Final = {
    "home": f"a home is not watched: {_LIVES}",
    "rented_room": f"a rented room is not watched: {_LIVES}",
    "hotel_room": f"a hotel room is not watched: {_LIVES}",
    "dormitory": f"a dormitory is not watched: {_LIVES}",
    "toilet": f"a toilet is not watched: {_UNDRESSED}",
    "changing_room": f"a changing room is not watched: {_UNDRESSED}",
    "ward": "a ward is not watched: people are ill there, and their being there is nobody's",
    "place_of_worship": "a place of worship is not watched: a picture would tell who believes",
    "place_of_petition": "a place of petition is not watched: a picture would tell who complains",
}
"""Why each of these is refused. The product watches public places for hazards, never people."""


class PlaceTypeError(RefusedError):
    """No camera may be registered for such a place. The text says why."""


def allowed_place_type(text: str) -> PlaceType:
    """Return the kind of place. Raises ``PlaceTypeError``."""
    if text in REFUSED:
        raise PlaceTypeError(
            Refusal.PLACE_TYPE_REFUSED,
            f"{REFUSED[text]}; no setting allows it",
            refused_place=text,
        )
    try:
        return PlaceType(text)
    except ValueError:
        raise PlaceTypeError(
            Refusal.PLACE_TYPE_UNKNOWN,
            "that is no place type: /api/camera-choices lists those there are",
        ) from None
