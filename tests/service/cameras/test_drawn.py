"""Kinds of zones, directions, scales and thresholds: taken, kept, shown, told, or refused."""

import json
import re
from typing import Any

import httpx
import pytest

from pipelines.messages import Camera, ZoneKind
from pipelines.zones import zones_of
from service import tables
from tests.service.cameras.kit import (
    LANE,
    ROAD,
    SCALE,
    described,
    match,
    registered,
    told,
    townships,
)
from tests.service.helpers import Parts
from tests.support.media import REPOSITORY
from tests.support.waiting import until
from vision.hazards import Hazard

AREA = {"zone_id": "林", "polygon": [[0, 0], [1, 0], [1, 0.5]]}
PRIVACY = {"zone_id": "窗", "polygon": [[0, 0], [0.1, 0], [0.1, 0.1]], "kind": "privacy"}
EVERYTHING: dict[str, Any] = {
    "zones": [AREA, ROAD, LANE, PRIVACY],
    "water": SCALE,
    "thresholds": {"fire": 0.7, "debris": 0},
}


def test_what_is_drawn_comes_back_and_is_told(given: Parts) -> None:
    with townships(given) as (own, _, _):
        made = registered(own, **EVERYTHING)
        (change,) = until(lambda: told(given.client, made["camera_id"]), "the change")
    area, road, lane, privacy = made["zones"]
    assert (area["kind"], area["direction"], area["permitted_s"]) == ("area", None, None)
    assert {name: road[name] for name in ROAD} == ROAD
    assert (lane["kind"], privacy["kind"]) == ("fire_lane", "privacy")
    assert made["water"] == SCALE
    assert made["thresholds"] == {"fire": 0.7, "debris": 0}
    camera = change.camera
    assert isinstance(camera, Camera)
    assert [zone.kind for zone in camera.zones] == list(
        map(ZoneKind, ["area", "road", "fire_lane", "privacy"])
    )
    assert camera.zones[1].direction == ((0.1, 0.7), (0.9, 0.7))
    assert camera.zones[1].permitted_s == 30
    assert camera.water is not None
    assert (camera.water.foot, camera.water.alarm_level) == ((0.5, 0.9), 0.6)
    assert camera.thresholds == {Hazard.FIRE: 0.7, Hazard.DEBRIS: 0.0}
    assert len(zones_of(camera).areas) == 3  # the worker takes it as it is


def test_a_change_of_something_else_leaves_what_is_drawn(given: Parts) -> None:
    with townships(given) as (own, _, _):
        made = registered(own, **EVERYTHING)
        path = f"/api/cameras/{made['camera_id']}"
        renamed = own.patch(path, json={"name": "新"}, headers=match(made)).json()
        for name in EVERYTHING:
            assert renamed[name] == made[name]
        freed = own.patch(
            path, json={"water": None, "thresholds": {"smoke": 0.5}}, headers=match(renamed)
        ).json()
    assert (freed["water"], freed["thresholds"]) == (None, {"smoke": 0.5})
    details = [json.loads(row["body"])["detail"] for row in given.rows(tables.audit)]
    assert details[0]["water"] == SCALE
    assert details[2] == {
        "water": {"old": SCALE, "new": None},
        "thresholds": {"old": {"fire": 0.7, "debris": 0.0}, "new": {"smoke": 0.5}},
    }


def test_a_zone_of_before_there_were_kinds_is_an_area_and_saved_again_unchanged(
    given: Parts,
) -> None:
    with townships(given) as (own, _, _):
        made = registered(own, zones=[AREA])
        path = f"/api/cameras/{made['camera_id']}"
        (row,) = [one for one in given.rows(tables.cameras) if one["name"] == made["name"]]
        assert row["zones"] == [AREA]  # as it was kept then
        shown = own.get(path).json()
        assert shown["zones"][0]["kind"] == "area"
        again = own.patch(path, json={"zones": shown["zones"]}, headers=match(shown)).json()
    assert again["revision"] == made["revision"]


def test_the_examples_of_the_page_are_taken_as_they_stand(given: Parts) -> None:
    text = (REPOSITORY / "docs" / "cameras.md").read_text("utf-8")
    drawn = [json.loads(one) for one in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    assert {name for one in drawn for name in one} == {
        "hazards", "zones", "water", "thresholds",
    }  # fmt: skip
    with townships(given) as (own, _, _):
        made = registered(own, **{name: value for one in drawn for name, value in one.items()})
    assert [one["kind"] for one in made["zones"]] == ["area", "road"]


def zone(**changes: Any) -> dict[str, Any]:
    return {"zones": [ROAD | changes]}


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        (zone(kind="person"), "zones.0.kind", "enum"),
        (zone(kind="slope", permitted_s=None), "zones.0", "direction_elsewhere"),
        (zone(direction=[[0.5, 0.5], [0.51, 0.5]]), "zones.0", "direction_short"),
        (zone(direction=[[0.5, 0.5]]), "zones.0.direction.1", "missing"),
        (zone(direction=[[0.5, 0.5], [1.5, 0.5]]), "zones.0.direction.1.0", "less_than_equal"),
        (zone(kind="area", direction=None), "zones.0", "permitted_elsewhere"),
        (zone(permitted_s=9), "zones.0.permitted_s", "greater_than_equal"),
        (zone(permitted_s=86401), "zones.0.permitted_s", "less_than_equal"),
        (zone(polygon=[[0, 0], [1, 1], [1, 0], [0, 1]]), "zones.0", "zone_crosses"),
        (zone(polygon=ROAD["polygon"] * 2), "zones.0", "zone_crosses"),
        (zone(polygon=[[0, 0], [1, 1]]), "zones.0", "zone_few_corners"),
        ({"water": SCALE | {"alarm_level": 0}}, "water.alarm_level", "greater_than"),
        ({"water": SCALE | {"alarm_level": 1}}, "water.alarm_level", "less_than"),
        ({"water": SCALE | {"head": SCALE["foot"]}}, "water", "scale_short"),
        ({"water": SCALE | {"foot": SCALE["head"], "head": SCALE["foot"]}}, "water",
         "scale_turned"),
        ({"water": {"foot": [0, 1]}}, "water.head", "missing"),
        ({"thresholds": {"fire": 1}}, "thresholds.fire", "less_than_equal"),
        ({"thresholds": {"smoke": -0.1}}, "thresholds.smoke", "greater_than_equal"),
        ({"thresholds": {"wrong_way": 0.5}}, "thresholds.wrong_way", "extra_forbidden"),
        ({"thresholds": None}, "thresholds", "model_attributes_type"),
        ({"hazards": ["face"]}, "hazards.0", "enum"),
    ],
)  # fmt: skip
def test_what_can_t_be_meant_is_refused_at_its_field(
    refusing: httpx.Client, changes: dict[str, Any], field: str, code: str
) -> None:
    answer = refusing.post("/api/cameras", content=json.dumps(described(**changes)))
    assert answer.status_code == 422
    said = {one["field"]: one["code"] for one in answer.json()["errors"]}
    assert said.get(field) == code, said
