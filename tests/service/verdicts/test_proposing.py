"""What is proposed from verdicts, and what each proposal says that it would have missed."""

from typing import Any

import numpy as np
import pytest

from pipelines.believing import THING_SCORE
from pipelines.messages import Camera, Zone, ZoneKind
from pipelines.rules import debris
from pipelines.rules.settings import SETTINGS
from pipelines.zones import zones_of
from service.cameras.drawn import ZoneIn
from service.verdicts.cutting import is_watched, sees_ground, zones_after
from service.verdicts.proposing import (
    CutZone,
    Evidence,
    Judged,
    Proposed,
    RaisedThreshold,
    proposed,
)
from tests.service.verdicts.kit import FIELD, LAMP, burst, fire, incident, judged
from vision.hazards import Hazard


def raised(known: Evidence) -> RaisedThreshold:
    (found,) = proposed(known).raised
    return found


def cut(known: Evidence) -> CutZone:
    (found,) = proposed(known).cuts
    return found


NOTHING = Proposed(raised=(), cuts=(), unscored=())
LAMPS = burst(0, [0.7, 0.72, 0.74, 0.7])
WRONG = judged("lamp", 0, 3, right=False)


def test_the_threshold_is_the_smallest_that_the_false_one_stays_below() -> None:
    found = raised(fire(LAMPS, WRONG))
    assert (found.hazard, found.now, found.value) == (Hazard.FIRE, 0.6, 0.73)
    assert (found.effect.onsets_now, found.effect.onsets_then) == (1, 0)
    assert found.effect.silenced == (incident("lamp"),)
    assert found.effect.missed == ()


def test_a_real_one_that_would_be_missed_is_named() -> None:
    weak, strong = burst(100, [0.65, 0.7, 0.7]), burst(200, [0.65, 0.7, 0.7, 0.8, 0.9])
    found = raised(
        fire(
            [*LAMPS, *weak, *strong],
            WRONG,
            judged("weak", 100, 102, right=True),
            judged("strong", 200, 204, right=True),
        )
    )
    assert found.effect.missed == (incident("weak"),)
    assert found.effect.later_s == {incident("strong"): 4.0}  # at 204 in place of 202
    assert (found.effect.onsets_now, found.effect.onsets_then) == (3, 1)


def test_what_nobody_judged_and_what_cannot_be_told_are_said() -> None:
    unjudged = burst(100, [0.65, 0.7, 0.7])
    lost = judged("lost", 500, 505, right=True)  # its scores never came
    effect = raised(fire([*LAMPS, *unjudged], WRONG, lost)).effect
    assert effect.unjudged == 1
    assert effect.untested == (incident("lost"),)
    assert effect.missed == ()


def test_a_camera_that_has_a_higher_threshold_goes_on_from_there() -> None:
    known = Evidence(
        shown={(Hazard.FIRE, "all"): burst(0, [0.8, 0.81, 0.82])},
        judged=[WRONG],
        thresholds={Hazard.FIRE: 0.7},
    )
    assert (raised(known).now, raised(known).value) == (0.7, 0.82)
    low = Evidence(shown={(Hazard.FIRE, "all"): LAMPS}, judged=[WRONG],
                   thresholds={Hazard.FIRE: 0.3})  # fmt: skip
    assert raised(low).now == 0.6  # a camera's own only ever raises the pack's


@pytest.mark.parametrize(
    "known",
    [
        fire(LAMPS),
        fire(LAMPS, judged("lamp", 0, 3, right=True)),
        fire([], WRONG),
        fire(burst(0, [0.5, 0.5, 0.5]), WRONG),
        fire(burst(0, [0.99, 0.99, 0.99]), WRONG),
        fire(LAMPS, judged("lamp", 0, 3, right=False, hazard=Hazard.OBSTRUCTION)),
    ],
    ids=["unjudged", "right", "no_scores", "not_believed", "above_all", "no_score_tells"],
)
def test_no_threshold_is_proposed(known: Evidence) -> None:
    assert proposed(known).raised == ()


def test_a_cut_takes_the_false_away_and_leaves_the_rest() -> None:
    real = burst(100, [0.7, 0.7, 0.7], FIELD)
    found = cut(fire([*LAMPS, *real], WRONG, judged("field", 100, 102, right=True)))
    assert found.cut.box == pytest.approx((0.795, 0.095, 0.905, 0.205))
    assert found.cut.share == pytest.approx(0.11 * 0.11)
    assert found.effect.silenced == (incident("lamp"),)
    assert found.effect.missed == ()
    assert found.effect.later_s == {incident("field"): 0.0}


def test_a_cut_says_which_real_one_it_would_have_missed() -> None:
    real = burst(100, [0.9, 0.9, 0.9], LAMP)
    found = cut(fire([*LAMPS, *real], WRONG, judged("fire", 100, 102, right=True)))
    assert found.effect.missed == (incident("fire"),)


def test_a_cut_is_replayed_on_every_hazard_of_the_zone() -> None:
    known = Evidence(
        shown={
            (Hazard.FIRE, "all"): LAMPS,
            (Hazard.SMOKE, "all"): burst(300, [0.8, 0.8, 0.8], LAMP),
        },
        judged=[WRONG, judged("smoke", 300, 302, right=True, hazard=Hazard.SMOKE)],
    )
    assert cut(known).effect.missed == (incident("smoke"),)


def zone(zone_id: str, *corners: tuple[float, float], **more: Any) -> dict[str, Any]:
    return {"zone_id": zone_id, "polygon": [list(corner) for corner in corners], **more}


RIDGE = zone("ridge", (0.5, 0.0), (1.0, 0.0), (1.0, 0.5), (0.5, 0.5))


def drawn(zone_id: str, *zones: dict[str, Any]) -> Evidence:
    return Evidence(
        shown={(Hazard.FIRE, zone_id): LAMPS},
        judged=[judged("lamp", 0, 3, right=False, zone_id=zone_id)],
        zones=zones,
    )


def test_what_is_left_of_a_rectangle_is_zones_that_the_registry_takes() -> None:
    lane = zone("lane", (0.0, 0.8), (0.2, 0.8), (0.2, 1.0), kind="fire_lane")
    found = cut(drawn("ridge", lane, RIDGE))
    zones = zones_after(found.cut, [lane, RIDGE])
    assert [one["zone_id"] for one in zones] == ["lane", *(f"ridge-{n}" for n in (1, 2, 3, 4))]
    assert zones[0] == lane
    for one in zones:
        ZoneIn.model_validate(one)
    left = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in found.cut.rest)
    assert left == pytest.approx(0.25 * (1 - found.cut.share))


def test_a_strip_that_nothing_fits_into_goes_with_the_cut() -> None:
    known = fire(burst(0, [0.7] * 4, (0.9, 0.0, 0.985, 0.3)), WRONG)
    assert cut(known).cut.box[2] == 1.0
    assert cut(known).cut.box[1] == 0.0
    assert len(cut(known).cut.rest) == 2  # below and left


TRIANGLE = zone("ridge", (0.5, 0.0), (1.0, 0.0), (1.0, 0.5))
SKEWED = zone("ridge", (0.5, 0.0), (1.0, 0.0), (1.0, 0.5), (0.5, 0.4))
ROAD = {**RIDGE, "kind": "road"}
ELSEWHERE = zone("ridge", (0.0, 0.5), (0.3, 0.5), (0.3, 0.9), (0.0, 0.9))
MANY = [zone(f"z{n}", (0, 0), (0.1, 0), (0.1, 0.1)) for n in range(14)]


@pytest.mark.parametrize(
    "known",
    [
        drawn("ridge", TRIANGLE),
        drawn("ridge", SKEWED),
        drawn("ridge", ROAD),
        drawn("ridge", ELSEWHERE),
        drawn("ridge"),
        drawn("ridge", RIDGE, *MANY),
        drawn("all", ROAD),
        fire(burst(0, [0.7] * 4, (0.0, 0.0, 1.0, 0.6)), WRONG),
        fire(LAMPS, judged("lamp", 0, 3, right=True)),
    ],
    ids=["triangle", "skewed", "road", "redrawn", "gone", "too_many", "whole_and_road", "half",
         "right"],
)  # fmt: skip
def test_no_cut_is_proposed(known: Evidence) -> None:
    assert proposed(known).cuts == ()


def test_what_was_set_right_meanwhile_is_not_proposed_again() -> None:
    after = zones_after(cut(fire(LAMPS, WRONG)).cut, [])
    drawn_since = Evidence(shown={(Hazard.FIRE, "all"): LAMPS}, judged=[WRONG], zones=after)
    assert proposed(drawn_since) == NOTHING
    raised_since = Evidence(
        shown={(Hazard.FIRE, "all"): LAMPS}, judged=[WRONG], thresholds={Hazard.FIRE: 0.73}
    )
    assert proposed(raised_since) == NOTHING


@pytest.mark.parametrize("kind", ZoneKind)
@pytest.mark.parametrize("hazard", [Hazard.FIRE, Hazard.SMOKE, Hazard.DEBRIS])
def test_a_hazard_counts_where_the_workers_count_it(kind: ZoneKind, hazard: Hazard) -> None:
    corners = ((0.5, 0.0), (1.0, 0.0), (1.0, 0.5))
    there = Camera(
        camera_id="c", url="rtsp://c/", zones=(Zone(zone_id="z", polygon=corners, kind=kind),)
    )
    counts_in = [area.zone_id for area in zones_of(there).of(hazard)]
    stored = [zone("z", *corners, kind=kind)]
    assert [one for one in ("z", "all") if is_watched(hazard, one, stored)] == counts_in


def test_a_name_that_is_taken_is_not_taken_again() -> None:
    taken = zone("ridge-2", (0.0, 0.8), (0.2, 0.8), (0.2, 1.0))
    assert cut(drawn("ridge", RIDGE, taken)).cut.names == (
        "ridge-1",
        "ridge-3",
        "ridge-4",
        "ridge-5",
    )
    long = {**RIDGE, "zone_id": "岭" * 128}
    assert all(len(name) <= 128 for name in cut(drawn("岭" * 128, long)).cut.names)


def test_one_onset_that_never_ends_is_one() -> None:
    shown = burst(0, [0.7, 0.72, 0.74, 0.3, 0.7] * 400)
    effect = raised(fire(shown, judged("lamp", 0, 1999, right=False))).effect
    assert (effect.onsets_now, effect.onsets_then, effect.unjudged) == (1, 0, 0)


def rocks(found: list[Any], *verdicts: Any, kind: ZoneKind = ZoneKind.ROAD) -> Evidence:
    """What is known of a camera that has seen but debris in one zone."""
    return Evidence(
        shown={(Hazard.DEBRIS, "ridge"): found}, judged=verdicts, zones=[{**RIDGE, "kind": kind}]
    )


def rock(name: str, first: int, last: int, *, right: bool) -> Judged:
    return judged(name, first, last, right=right, zone_id="ridge", hazard=Hazard.DEBRIS)


THINGS = burst(0, [THING_SCORE] * 5)
ROCKS = burst(100, [0.65, 0.7, 0.72])


def test_what_the_background_shows_is_silenced_by_no_threshold_and_that_is_said() -> None:
    found = proposed(rocks(THINGS, rock("thing", 0, 4, right=False)))
    assert found.raised == ()
    assert found.unscored == (incident("thing"),)
    assert proposed(rocks(THINGS, rock("thing", 0, 4, right=True))).unscored == ()


def test_a_threshold_for_rocks_leaves_what_the_background_shows() -> None:
    found = proposed(
        rocks(
            [*THINGS, *ROCKS, *burst(200, [THING_SCORE] * 5)],
            rock("thing", 0, 4, right=False),
            rock("rock", 100, 102, right=False),
            rock("true", 200, 204, right=True),
        )
    )
    (raise_,) = found.raised
    assert raise_.value == 0.71
    assert (raise_.effect.onsets_now, raise_.effect.onsets_then) == (3, 2)
    assert raise_.effect.missed == ()
    assert raise_.effect.later_s == {incident("true"): 0.0}
    assert found.unscored == (incident("thing"),)


@pytest.mark.parametrize(
    ("kind", "silenced", "doubtful"),
    [
        (ZoneKind.ROAD, (), (incident("rock"),)),
        (ZoneKind.SLOPE, (), (incident("rock"),)),
        (ZoneKind.AREA, (incident("rock"),), ()),
    ],
)
def test_a_rock_where_the_background_may_show_it_too_is_not_promised_to_be_silent(
    kind: ZoneKind, silenced: Any, doubtful: Any
) -> None:
    known = rocks(ROCKS, rock("rock", 100, 102, right=False), kind=kind)
    effect = raised(known).effect
    assert (effect.silenced, effect.doubtful) == (silenced, doubtful)
    assert (effect.onsets_now, effect.onsets_then) == (1, 0)


def test_a_fire_of_just_that_score_heeds_thresholds() -> None:
    assert raised(fire(burst(0, [THING_SCORE] * 4), WRONG)).value == 0.61


def test_the_service_tells_things_as_the_rules_make_them() -> None:
    assert SETTINGS.debris.thing_score == THING_SCORE
    assert float(np.float32(THING_SCORE)) != THING_SCORE
    on_ground = {kind for kind in ZoneKind if sees_ground("ridge", [{**RIDGE, "kind": kind}])}
    assert on_ground == debris.WHERE_THINGS_COUNT


def test_a_real_one_of_another_zone_without_scores_is_untested() -> None:
    lost = judged("lost", 0, 3, right=True, zone_id="gone")
    assert raised(fire(LAMPS, WRONG, lost)).effect.untested == (incident("lost"),)
