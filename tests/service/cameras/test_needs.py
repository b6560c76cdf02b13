"""A hazard that nothing on the picture lets anybody see is refused, and said how to be seen."""

import json
from typing import Any

import httpx
import pytest

from service.cameras.needs import HazardNeedsError, require_needs
from tests.service.cameras.kit import LANE, ROAD, SCALE, described, match, registered, townships
from tests.service.helpers import Parts
from vision.hazards import Hazard

UNDIRECTED = {name: value for name, value in ROAD.items() if name != "direction"}
OLD = {"zone_id": "z", "polygon": [[0, 0], [1, 0], [1, 1]]}
"""As it was stored before there were kinds."""


@pytest.mark.parametrize(
    ("hazard", "zones", "water", "reason"),
    [
        ("stopped_vehicle", [], None, "needs_road"),
        ("stopped_vehicle", [LANE, OLD], SCALE, "needs_road"),
        ("stopped_vehicle", [UNDIRECTED], None, None),
        ("wrong_way", [UNDIRECTED], None, "needs_direction"),
        ("wrong_way", [UNDIRECTED | {"direction": None}], None, "needs_direction"),
        ("wrong_way", [UNDIRECTED, ROAD], None, None),
        ("obstruction", [ROAD], None, "needs_lane"),
        ("obstruction", [LANE], None, None),
        ("obstruction", [LANE | {"kind": "gate"}], None, None),
        ("water_over_line", [ROAD, LANE], None, "needs_scale"),
        ("water_over_line", [], SCALE, None),
        ("fire", [], None, None),
        ("smoke", [], None, None),
        ("debris", [], None, None),
        ("camera_fault", [], None, None),
    ],
)
def test_what_each_hazard_needs(
    hazard: str, zones: list[dict[str, Any]], water: Any, reason: str | None
) -> None:
    if reason is None:
        require_needs([hazard], zones, water)
        return
    with pytest.raises(HazardNeedsError) as refused:
        require_needs(["fire", hazard], zones, water)
    assert refused.value.reason == reason
    assert hazard in str(refused.value)


def test_a_new_camera_is_refused_until_what_it_needs_is_drawn(refusing: httpx.Client) -> None:
    answer = refusing.post("/api/cameras", content=json.dumps(described(hazards=["wrong_way"])))
    assert (answer.status_code, answer.json()["code"]) == (422, "hazard_needs")
    (said,) = answer.json()["errors"]
    assert (said["field"], said["code"]) == ("hazards", "needs_direction")


def test_all_eight_can_be_chosen_where_all_is_drawn(given: Parts) -> None:
    with townships(given) as (own, _, _):
        made = registered(own, hazards=list(Hazard), zones=[ROAD, LANE], water=SCALE)
    assert set(made["hazards"]) == set(Hazard)


def test_what_nobody_chose_is_what_needs_nothing_drawn(given: Parts) -> None:
    with townships(given) as (own, _, _):
        made = registered(own)
    assert made["hazards"] == ["camera_fault", "debris", "fire", "smoke"]


def test_a_change_is_judged_with_what_stays(given: Parts) -> None:
    with townships(given) as (own, _, _):
        made = registered(own, hazards=["fire"], zones=[ROAD])
        path = f"/api/cameras/{made['camera_id']}"

        def patched(before: dict[str, Any], **changes: Any) -> httpx.Response:
            return own.patch(path, json=changes, headers=match(before))

        now = patched(made, hazards=["wrong_way", "stopped_vehicle"]).json()
        assert now["hazards"] == ["stopped_vehicle", "wrong_way"]
        lost = patched(now, zones=[UNDIRECTED])
        assert lost.json()["errors"][0]["code"] == "needs_direction"
        gone = patched(now, zones=[])
        assert gone.json()["errors"][0]["code"] == "needs_road"
        assert patched(now, hazards=["water_over_line"]).status_code == 422
        both = patched(now, hazards=["water_over_line"], water=SCALE, zones=[]).json()
        assert (both["zones"], both["water"]["alarm_level"]) == ([], 0.6)
        assert patched(both, water=None).json()["errors"][0]["code"] == "needs_scale"
        assert own.get(path).json()["revision"] == both["revision"] == 3
