from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.frames import Look
from pipelines.rules.persistence import CameraRules, Change, Memory, Persistence, Sighting, step
from tests.support.builders import FIRE_BOX, at, look
from vision.hazards import Hazard
from vision.polygons import WHOLE_PICTURE
from vision.roles import Label, Role

LABELS = (
    Label(name="fire", role=Role.HAZARD, hazard=Hazard.FIRE, threshold=0.5),
    Label(name="car", role=Role.VEHICLE, hazard=None, threshold=0.5),
)
LEFT = np.array([[0, 0], [0.2, 0], [0.2, 1], [0, 1]], np.float32)


def seen_at(second: float, *, strong: bool = True) -> Sighting:
    return Sighting(at=at(second), score=0.9, box=FIRE_BOX, strong=strong)


def run(seen: list[bool], settings: Persistence = Persistence()) -> list[tuple[int, Change]]:  # noqa: B008
    memory, changes = Memory(), []
    for second, hit in enumerate(seen):
        sighting = seen_at(second) if hit else None
        memory, change = step(memory, sighting, settings)
        if change is not None:
            changes.append((second, change))
    return changes


def test_three_of_five_begin_and_five_misses_end() -> None:
    hits = [True, False, True, False, True, True] + [False] * 6
    assert run(hits) == [(4, Change.BEGAN), (5, Change.GOES_ON), (10, Change.ENDED)]


def test_two_of_five_never_begin() -> None:
    assert run([True, True, False, False, False] * 20) == []


def begins(signs: str) -> bool:
    """Whether a row of looks begins an alert: S strong, w weak, - nothing."""
    memory, began = Memory(), False
    for second, sign in enumerate(signs):
        sighting = None if sign == "-" else seen_at(second, strong=sign == "S")
        memory, change = step(memory, sighting)
        began |= change is Change.BEGAN
    return began


def test_two_strong_looks_and_a_weak_one_begin_but_weak_ones_alone_never() -> None:
    assert begins("wS-S")
    assert begins("SwS")
    assert not begins("SwwwwwS")
    assert not begins("w" * 50)
    assert not begins("SS---SS---")


def test_weak_signs_keep_an_alert_going() -> None:
    memory = Memory()
    for second in range(3):
        memory, _ = step(memory, seen_at(second))
    for second in range(3, 30):
        memory, change = step(memory, seen_at(second, strong=False))
        assert change is Change.GOES_ON


def test_a_hazard_that_comes_back_begins_anew() -> None:
    burst = [True] * 3 + [False] * 5
    assert [change for _, change in run(burst * 2)] == [Change.BEGAN, Change.ENDED] * 2


@given(st.lists(st.booleans(), max_size=80))
def test_every_beginning_has_one_end_and_enough_looks(seen: list[bool]) -> None:
    changes = run(seen)
    turns = [change for _, change in changes if change is not Change.GOES_ON]
    assert turns == [Change.BEGAN, Change.ENDED] * (len(turns) // 2) + turns[len(turns) // 2 * 2 :]
    for second, change in changes:
        if change is Change.BEGAN:
            assert sum(seen[max(0, second - 4) : second + 1]) >= 3


def rules(zone: np.ndarray = WHOLE_PICTURE) -> CameraRules:
    return CameraRules(
        camera_id="camera-1", zones={"zone": zone}, hazards=(Hazard.FIRE,), labels=LABELS
    )


def test_the_event_names_the_first_of_the_looks_that_made_it_believed() -> None:
    watching = rules()
    events = [e for s in range(4) for e in watching.see(look(s, (FIRE_BOX, 0.5 + s / 10, 0)))]
    assert [event.change for event in events] == [Change.BEGAN, Change.GOES_ON]
    assert events[0].first_seen_at == at(0)
    assert events[0].last_seen_at == at(2)
    assert events[0].box == FIRE_BOX


def test_a_score_below_the_label_s_threshold_is_a_weak_sign() -> None:
    watching = rules()
    weak = [e for s in range(9) for e in watching.see(look(s, (FIRE_BOX, 0.49, 0)))]
    assert weak == []
    strong = [e for s in range(9, 11) for e in watching.see(look(s, (FIRE_BOX, 0.51, 0)))]
    assert [event.change for event in strong] == [Change.BEGAN]


def test_neither_a_vehicle_nor_a_fire_outside_the_zone_begins_anything() -> None:
    watching = rules(LEFT)
    for second in range(10):
        assert watching.see(look(second, (FIRE_BOX, 0.9, 0), ((0, 0, 0.1, 0.1), 0.9, 1))) == []


def test_looks_days_apart_say_nothing_together() -> None:
    watching = rules()
    day_s = 24 * 3600.0
    for day in range(5):
        assert watching.see(look(day * day_s, (FIRE_BOX, 0.9, 0))) == []


@pytest.mark.parametrize("jump_s", [7200.0, -7200.0])
def test_a_gap_or_a_clock_set_ends_what_was_on_and_begins_anew(jump_s: float) -> None:
    watching = rules()
    for second in range(4):
        watching.see(look(second, (FIRE_BOX, 0.9, 0)))
    later = [
        event
        for second in range(4, 8)
        for event in watching.see(look(second + jump_s, (FIRE_BOX, 0.9, 0)))
    ]
    assert [event.change for event in later] == [Change.ENDED, Change.BEGAN, Change.GOES_ON]
    assert later[0].last_seen_at == at(3)
    assert later[1].first_seen_at == at(4 + jump_s)


def test_an_end_tells_when_it_was_last_seen() -> None:
    watching = rules()
    for second in range(3):
        watching.see(look(second, (FIRE_BOX, 0.9, 0)))
    ends = [e for second in range(3, 9) for e in watching.see(look(second))]
    assert [(e.change, e.last_seen_at, e.at) for e in ends] == [(Change.ENDED, at(2), at(7))]


def burning(watching: CameraRules) -> CameraRules:
    for second in range(4):
        watching.see(look(second, (FIRE_BOX, 0.9, 0)))
    return watching


def test_a_zone_or_hazard_that_goes_ends_what_was_on_in_it_and_another_begins_anew() -> None:
    for zones, hazards in (
        ({"other": WHOLE_PICTURE}, (Hazard.FIRE,)),
        ({"zone": WHOLE_PICTURE}, (Hazard.SMOKE,)),
        ({}, ()),
    ):
        watching = burning(rules())
        (ended,) = watching.revise(zones, hazards)
        assert (ended.change, ended.zone_id, ended.hazard) == (Change.ENDED, "zone", Hazard.FIRE)
        assert ended.at == at(3)
        assert watching.revise(zones, hazards) == []
    watching = burning(rules())
    watching.revise({"other": WHOLE_PICTURE}, (Hazard.FIRE,))
    events = [e for s in range(4, 8) for e in watching.see(look(s, (FIRE_BOX, 0.9, 0)))]
    assert (events[0].change, events[0].zone_id) == (Change.BEGAN, "other")
    assert events[0].first_seen_at == at(4)


def test_a_zone_that_stays_keeps_its_state() -> None:
    watching = burning(rules())
    assert watching.revise({"zone": WHOLE_PICTURE, "new": LEFT}, (Hazard.FIRE,)) == []
    (event,) = watching.see(look(4, (FIRE_BOX, 0.9, 0)))
    assert (event.change, event.zone_id) == (Change.GOES_ON, "zone")


def close_look(seconds: float, *rows: tuple[tuple[float, float, float, float], float, int]) -> Look:
    found = look(seconds, *rows)
    return replace(found, ref=replace(found.ref, is_burst=True))


def burst(rules: CameraRules, start_s: float, seen: str) -> list[tuple[float, Change]]:
    """Five looks a second; ``x`` shows a fire."""
    changes = []
    for n, sign in enumerate(seen):
        at_s = start_s + n / 5
        rows = ((FIRE_BOX, 0.9, 0),) if sign == "x" else ()
        changes += [(at_s, event.change) for event in rules.see(close_look(at_s, *rows))]
    return changes


def test_a_burst_is_judged_by_the_second_so_time_still_has_to_pass() -> None:
    rules = whole_picture()
    assert rules.see(look(0, (FIRE_BOX, 0.9, 0))) == []
    assert rules.suspects
    began = burst(rules, 0.2, "xx.xxxx.xxxxxxx")
    assert began == [(pytest.approx(2.2), Change.BEGAN)], "two seconds of it, not three looks"
    assert not rules.suspects


def test_headlights_that_pass_in_a_burst_raise_nothing() -> None:
    rules = whole_picture()
    rules.see(look(0, (FIRE_BOX, 0.9, 0)))
    assert burst(rules, 0.2, "xxx..x....xx...x....") == []
    assert rules.see(look(4.4)) == []


def test_a_burst_s_second_of_too_few_looks_counts_as_a_look() -> None:
    rules = whole_picture()
    rules.see(look(0, (FIRE_BOX, 0.9, 0)))
    changes = []
    for n in range(8):
        changes += rules.see(close_look(0.2 + n, (FIRE_BOX, 0.9, 0)))
    assert [change.change for change in changes][:1] == [Change.BEGAN]
    assert changes[0].first_seen_at == at(0)
    assert changes[0].at == at(2.2) - timedelta(seconds=1), "as if it were looked at each second"


def whole_picture() -> CameraRules:
    return CameraRules(
        camera_id="camera-1", zones={"all": WHOLE_PICTURE}, hazards=(Hazard.FIRE,), labels=LABELS
    )
