"""The zone editor says of a drawing what the service says of it."""

import json
import subprocess
from collections.abc import Callable
from itertools import chain, combinations
from typing import Any, Final

import numpy as np
import pytest

from pipelines.messages import ZoneKind
from service.cameras.drawn import ZoneIn, _differing, _require_zone
from service.cameras.needs import HazardNeedsError, require_needs
from service.cameras.zones import (
    GRID,
    MOST_CORNERS,
    require_direction,
    require_permitted,
    require_scale,
    require_zone,
)
from service.refusals import RefusedError
from service.web.build import SOURCES, _programs
from tests.support.loops import LOOPS
from vision.hazards import Hazard

ZONES: Final = SOURCES / "src" / "pages" / "zones"
RUN: Final = """
import { readFileSync } from "node:fs";
const given = JSON.parse(readFileSync(0, "utf8"));
const module = await import(given.module);
process.stdout.write(JSON.stringify(given.calls.map(([name, ...rest]) => module[name](...rest))));
"""
POLYGONS: Final = 4000


def browser_says(file: str, calls: list[list[Any]]) -> list[Any]:
    """Call a module of the console's, by the Node that builds it."""
    node, _ = _programs()
    given = json.dumps({"module": (ZONES / file).as_uri(), "calls": calls})
    done = subprocess.run(
        [node, "--no-warnings", "--input-type=module", "--eval", RUN],
        input=given, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


def service_says(rule: Callable[..., object], *given: Any) -> dict[str, Any] | None:
    try:
        rule(*given)
    except RefusedError as error:
        return {"code": error.code, "params": dict(error.params)}
    return None


def polygons() -> list[list[tuple[float, float]]]:
    """Draw polygons at random, and those of which a hair decides."""
    rng = np.random.default_rng(8)
    found: list[list[tuple[float, float]]] = [[], [(0.5, 0.5)], [(0.5, 0.5)] * 4]
    found += [[(n / 70, (n % 2) / 2) for n in range(count)] for count in (64, 65)]
    for loop in LOOPS.values():
        found += [list(loop), list(loop)[::-1]]
    for number in range(POLYGONS):
        shape = (int(rng.integers(2, 10)), 2)
        points = rng.random(shape)
        if number % 3:
            points = rng.integers(0, 9, shape) / 8
        if number % 3 == 2:  # half steps of the grid, and less than a worker's shares can tell
            points += rng.integers(-3, 4, shape) / (2 * GRID) + rng.uniform(-1e-9, 1e-9, shape)
        if number % 10 == 0:
            points *= 0.02
        found.append([(x, y) for x, y in points.clip(0, 1).tolist()])
    return [*found, [(0.0, 0.0), (1.1, 0.0), (1.0, 1.0)]]


def test_a_polygon_is_taken_or_refused_alike() -> None:
    given = polygons()
    said = browser_says("geometry.ts", [["zoneFault", one] for one in given])
    meant = [service_says(require_zone, one) for one in given]
    codes = {one["code"] for one in meant if one}
    assert codes == {
        "zone_few_corners", "zone_many_corners", "zone_off_picture", "zone_crosses", "zone_small",
    }  # fmt: skip
    assert meant.count(None) > POLYGONS / 20
    for points, here, there in zip(given, said, meant, strict=True):
        assert here == there, points


def test_an_arrow_and_a_scale_are_taken_or_refused_alike() -> None:
    rng = np.random.default_rng(8)
    starts, ways = rng.random((600, 2)), rng.uniform(-0.03, 0.03, (600, 2))
    ways[:3] = [(0.0, 0.0), (0.02, 0.0), (0.0, -0.02)]
    ends = np.stack([starts, starts + ways], axis=1).tolist()
    scales = browser_says("geometry.ts", [["scaleFault", *one] for one in ends])
    assert scales == [service_says(require_scale, *one) for one in ends]
    assert {one and one["code"] for one in scales} == {None, "scale_short", "scale_turned"}
    arrows = browser_says("geometry.ts", [["directionFault", "road", *one] for one in ends])
    assert arrows == [service_says(require_direction, ZoneKind.ROAD, *one) for one in ends]
    assert {one and one["code"] for one in arrows} == {None, "direction_short"}


def test_a_kind_may_have_alike_what_it_may_have() -> None:
    arrow = ((0.1, 0.1), (0.9, 0.9))
    kinds = list(ZoneKind)
    said = browser_says("geometry.ts", [["directionFault", one, *arrow] for one in kinds])
    assert said == [service_says(require_direction, one, *arrow) for one in kinds]
    said = browser_says("geometry.ts", [["permittedFault", one] for one in kinds])
    assert said == [service_says(require_permitted, one) for one in kinds]


@pytest.mark.parametrize(
    "names", [["主路"], ["主路", "主路"], ["主路", " 主路 "], ["all"], ["主路", "北坡"]]
)
def test_a_name_is_taken_or_refused_alike(names: list[str]) -> None:
    polygon = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]
    zones = [ZoneIn.model_construct(zone_id=one.strip(), polygon=polygon) for one in names]
    [said] = browser_says("geometry.ts", [["nameFault", names[0], names]])
    assert said == (service_says(_require_zone, zones[0]) or service_says(_differing, zones))


def test_the_editor_knows_the_service_s_numbers() -> None:
    text = (ZONES / "geometry.ts").read_text("utf-8")
    assert f"MOST_CORNERS = {MOST_CORNERS};" in text


ROAD = {"kind": "road", "direction": None}
DRAWN: Final = [ROAD, ROAD | {"direction": [[0.1, 0.5], [0.9, 0.5]]},
                {"kind": "fire_lane", "direction": None}, {"kind": "gate", "direction": None},
                {"kind": "area", "direction": None}]  # fmt: skip


def test_a_hazard_lacks_alike_what_it_is_seen_by() -> None:
    water = {"foot": [0.5, 0.9], "head": [0.5, 0.2], "alarm_level": 0.5}
    drawings = [
        {"zones": list(zones), "water": scale, "hazards": [hazard]}
        for zones in chain([()], ((one,) for one in DRAWN), combinations(DRAWN, 2))
        for scale in (None, water)
        for hazard in Hazard
    ]
    said = browser_says("needs.ts", [["lacking", one] for one in drawings])

    def meant(drawing: dict[str, Any]) -> list[str]:
        try:
            require_needs(drawing["hazards"], drawing["zones"], drawing["water"])
        except HazardNeedsError:
            return list(drawing["hazards"])
        return []

    assert said == [meant(one) for one in drawings]
    assert [] in said
    assert ["wrong_way"] in said


# ---- snapping


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ((0.304, 0.403), {"at": [0.3, 0.4], "to": "corner"}),  # another zone's corner
        ((0.302, 0.5), {"at": [0.3, 0.5], "to": "side"}),
        ((0.004, 0.75), {"at": [0, 0.75], "to": "edge"}),
        ((0.996, 0.004), {"at": [1, 0], "to": "corner"}),  # the picture's
        ((0.32, 0.5), {"at": [0.32, 0.5], "to": None}),  # too far away
    ],
)
def test_a_point_goes_to_what_is_near(given: tuple[float, float], found: dict[str, Any]) -> None:
    box = [[0.1, 0.4], [0.3, 0.4], [0.3, 0.6], [0.1, 0.6]]
    assert browser_says("snapping.ts", [["snapped", given, [box], [1000, 1000], 8]]) == [found]


def test_a_zone_is_moved_as_far_as_the_picture_goes_and_keeps_its_shape() -> None:
    box = [[0.1, 0.4], [0.3, 0.4], [0.3, 0.6]]
    [moved] = browser_says("snapping.ts", [["moved", box, [0.9, -0.1]]])
    assert moved == [[0.8, 0.3], [1, 0.3], [1, 0.5]]
