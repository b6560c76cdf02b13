"""Where an order goes, and why: each rule by itself, and the two defaults."""

from datetime import UTC, datetime
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from service.dispatch.routing import Asked, Route, Routed, Why, WhyTarget, places_around, route

SHANGHAI = ZoneInfo("Asia/Shanghai")
MONDAY_NOON = datetime(2026, 5, 4, 4, 0, tzinfo=UTC)
TOWNSHIP, COUNTY, CITY = "330106004", "330106", "330100"

TAKES = {"dispatch": (True, False), "dispatch.drill": (False, True)}
TAKES |= {"both": (True, True), "real": (True, False), "a": (True, False), "b": (True, False)}


def takes(name: str, drill: bool) -> bool | None:
    return TAKES[name][drill] if name in TAKES else None


def one(*targets: str, position: int = 0, **values: object) -> Route:
    whole: dict[str, object] = {
        "route_id": uuid4(), "position": position, "name": f"to {targets}", "place_code": None,
        "hazards": frozenset(), "severities": frozenset(), "from_minute": None, "to_minute": None,
        "weekdays": frozenset(), "targets": targets, "stop": False,
    }  # fmt: skip
    return Route(**{**whole, **values})  # type: ignore[arg-type]


def asked(*codes: str, **values: object) -> Asked:
    whole: dict[str, object] = {
        "hazard": "fire", "severity": "extreme", "places": places_around(codes or [TOWNSHIP]),
        "at": MONDAY_NOON, "drill": False,
    }  # fmt: skip
    return Asked(**{**whole, **values})  # type: ignore[arg-type]


def gone(routes: list[Route], what: Asked | None = None) -> Routed:
    return route(what or asked(), routes, takes, SHANGHAI)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({}, Why.TAKEN),
        ({"hazards": frozenset({"fire", "smoke"})}, Why.TAKEN),
        ({"hazards": frozenset({"smoke"})}, Why.OTHER_HAZARD),
        ({"severities": frozenset({"minor"})}, Why.OTHER_SEVERITY),
        ({"place_code": TOWNSHIP}, Why.TAKEN),
        ({"place_code": CITY}, Why.TAKEN),
        ({"place_code": "0"}, Why.TAKEN),
        ({"place_code": "330109"}, Why.OTHER_PLACE),
        ({"place_code": f"{TOWNSHIP}001"}, Why.OTHER_PLACE),
        ({"weekdays": frozenset({1})}, Why.TAKEN),
        ({"weekdays": frozenset({2, 7})}, Why.OTHER_DAY),
        ({"from_minute": 720, "to_minute": 721}, Why.TAKEN),
        ({"from_minute": 719, "to_minute": 720}, Why.OTHER_TIME),
        ({"from_minute": 0, "to_minute": 1440}, Why.TAKEN),
        ({"from_minute": 1320, "to_minute": 360}, Why.OTHER_TIME),
        ({"from_minute": 1320, "to_minute": 721}, Why.OTHER_DAY),
    ],
)
def test_what_a_route_looks_at(values: dict[str, object], why: Why) -> None:
    if why is Why.OTHER_DAY and "weekdays" not in values:
        values["weekdays"] = frozenset({1})  # this noon belongs to the night that began on Sunday
    found = gone([one("a", **values)])
    assert [judged.why for judged in found.routes] == [why]
    assert found.ordered == {Why.TAKEN: ("a",), Why.OTHER_PLACE: ("dispatch",)}.get(why, ())


@pytest.mark.parametrize(
    ("hour", "minute", "day", "is_taken"),
    [
        (21, 59, 4, False), (22, 0, 4, True), (23, 59, 4, True), (0, 0, 5, True),
        (5, 59, 5, True), (6, 0, 5, False), (0, 30, 4, False), (22, 30, 5, False),
    ],
)  # fmt: skip
def test_a_night_belongs_to_the_day_it_began_on(
    hour: int, minute: int, day: int, is_taken: bool
) -> None:
    night = one("a", from_minute=1320, to_minute=360, weekdays=frozenset({1}))
    at = datetime(2026, 5, day, hour, minute, tzinfo=SHANGHAI)
    assert bool(gone([night], asked(at=at)).ordered) is is_taken


def test_the_nearest_place_is_looked_at_first_and_stop_ends_it() -> None:
    everywhere = one("a", position=0)
    city = one("b", position=1, place_code=CITY)
    county = one("real", position=2, place_code=COUNTY)
    assert gone([everywhere, city, county]).ordered == ("real", "b", "a")
    stopping = one("real", position=2, place_code=COUNTY, stop=True)
    found = gone([everywhere, city, stopping])
    assert found.ordered == ("real",)
    assert [(one.route, one.why) for one in found.routes] == [
        (stopping, Why.TAKEN), (city, Why.STOPPED), (everywhere, Why.STOPPED),
    ]  # fmt: skip
    # What doesn't fit stops nothing, and keeps its own reason after a stop.
    other = one("b", position=0, hazards=frozenset({"smoke"}), stop=True)
    last = one("b", position=9, hazards=frozenset({"smoke"}))
    found = gone([other, everywhere, stopping, last])
    assert found.ordered == ("real",)
    assert [judged.why for judged in found.routes].count(Why.OTHER_HAZARD) == 2
    # Seen from two counties: both are near.
    both = gone([one("a", place_code="330109"), county], asked(TOWNSHIP, "330109102"))
    assert set(both.ordered) == {"a", "real"}


def test_without_a_route_the_real_goes_to_dispatch_and_the_rest_waits_for_a_person() -> None:
    (found,) = gone([]).targets
    assert (found.target, found.why, found.ordered) == ("dispatch", WhyTarget.DEFAULT, True)
    assert gone([one("a", hazards=frozenset({"smoke"}))]).ordered == ()
    # Another county's route, or one further down, takes nobody else's default away.
    assert gone([one("a", place_code="330109")]).ordered == ("dispatch",)
    assert gone([one("a", place_code=f"{TOWNSHIP}001")]).ordered == ("dispatch",)
    away = {"hazards": frozenset({"smoke"})}
    for place in (TOWNSHIP, CITY, "0"):
        assert gone([one("a", place_code=place, **away)]).ordered == ()


def test_a_drill_ends_in_its_own_stream_and_where_a_route_says_that_takes_drills() -> None:
    drill = asked(drill=True)
    assert gone([], drill).ordered == ("dispatch.drill",)
    found = gone([one("real", "both", "dispatch", "gone", stop=True), one("a")], drill)
    assert found.ordered == ("dispatch.drill", "both")
    whys = {one.target: one.why for one in found.targets}
    assert whys["real"] == whys["dispatch"] == whys["gone"] == WhyTarget.NO_DRILLS


def test_a_real_order_never_goes_to_drills_and_waits_for_what_is_gone() -> None:
    found = gone([one("dispatch.drill", "gone", "a", "a")])
    assert found.ordered == ("gone", "a")
    assert [one.why for one in found.targets] == [
        WhyTarget.NOT_REAL, WhyTarget.ABSENT, WhyTarget.ROUTE,
    ]  # fmt: skip
    assert isinstance(found.routes[0].route.route_id, UUID)
