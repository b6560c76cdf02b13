"""Where somebody was in the last minutes, nothing that lies there is debris."""

from dataclasses import replace

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from pipelines.frames import Look, Measures, Things
from pipelines.metrics import WorkerMetrics
from pipelines.rules.moment import Columns
from pipelines.voids import Voids
from tests.support.builders import at, look
from vision.hazards import Hazard
from vision.mask_memory import AGAIN_S, DOUBT_S, VOID_S, MaskMemory
from vision.masker import MaskRegions
from vision.roles import Label, Role

LABELS = (
    Label(name="fire", role=Role.HAZARD, hazard=Hazard.FIRE, threshold=0.5),
    Label(name="rock", role=Role.HAZARD, hazard=Hazard.DEBRIS, threshold=0.5),
    Label(name="car", role=Role.VEHICLE, hazard=None, threshold=0.5),
)
HERE = (0.4, 0.4, 0.5, 0.7)
AT_THE_FEET = (0.42, 0.66, 0.5, 0.72)
ELSEWHERE = (0.8, 0.8, 0.9, 0.9)
BESIDE = (0.1, 0.1, 0.2, 0.2)


def person(score: float = 0.9, picture: int = 0) -> MaskRegions:
    return MaskRegions(
        np.array([picture]), np.array([HERE], np.float32), np.array([score], np.float32)
    )


def voids() -> tuple[Voids, WorkerMetrics]:
    metrics = WorkerMetrics(CollectorRegistry())
    return Voids(Columns(labels=LABELS), metrics), metrics


def seeing(second: float) -> Look:
    """A rock and a fire at somebody's feet, a car beside, a rock elsewhere; two new things."""
    found = look(
        second,
        (AT_THE_FEET, 0.9, 1),
        (AT_THE_FEET, 0.9, 0),
        (BESIDE, 0.9, 2),
        (ELSEWHERE, 0.9, 1),
    )
    things = Things(
        xyxy=np.array([AT_THE_FEET, ELSEWHERE], np.float32), still_s=np.array([30, 30], np.float32)
    )
    return replace(found, measures=Measures(things=things))


def left(cleaned: Look) -> tuple[list[int], int]:
    things = cleaned.measures.things
    assert things is not None
    return cleaned.detections.label.tolist(), len(things.xyxy)


def rocks(memories: Voids, second: float) -> int:
    return len(memories.cleaned(look(second, (AT_THE_FEET, 0.9, 1))).detections)


def test_debris_where_somebody_was_is_void_and_everything_else_stays() -> None:
    memories, metrics = voids()
    assert left(memories.cleaned(seeing(0))) == ([1, 0, 2, 1], 2)
    memories.remember("camera-1", person(), 0, at(0))
    assert left(memories.cleaned(seeing(1))) == ([0, 2, 1], 1)
    counted = metrics.registry.get_sample_value(
        "fengsui_looks_with_drops_total", {"reason": "void"}
    )
    assert counted == 1, "looks, never people"


def test_it_is_void_for_minutes_and_then_no_longer() -> None:
    memories, _ = voids()
    memories.remember("camera-1", person(), 0, at(0))
    assert rocks(memories, VOID_S - 1) == 0
    assert rocks(memories, VOID_S + 1) == 1


def test_one_doubtful_look_voids_for_a_minute_and_a_second_one_for_as_long_as_a_sure_one() -> None:
    memories, _ = voids()
    memories.remember("camera-1", person(0.05), 0, at(0))
    assert rocks(memories, DOUBT_S - 1) == 0
    assert rocks(memories, DOUBT_S + 1) == 1
    memories.remember("camera-1", person(0.05), 0, at(100))
    memories.remember("camera-1", person(0.05), 0, at(100 + AGAIN_S))
    assert rocks(memories, 100 + VOID_S - 1) == 0


def test_looks_of_one_burst_are_one_doubtful_look() -> None:
    memories, _ = voids()
    for n in range(10):
        memories.remember("camera-1", person(0.05), 0, at(n / 5))
    assert left(memories.cleaned(seeing(DOUBT_S + 3)))[1] == 2


@pytest.mark.parametrize(
    ("score", "seen_surely", "rock_score", "rocks_left"),
    [
        (0.9, False, 0.7, 0),
        (0.05, False, 0.7, 1),
        (0.05, True, 0.7, 0),
        (0.05, True, 0.9, 1),
    ],
    ids=["sure", "nobody about", "somebody about", "surely a rock"],
)
def test_what_lies_beside_a_person_is_theirs_unless_nobody_was_about_or_it_is_a_rock(
    score: float, seen_surely: bool, rock_score: float, rocks_left: int
) -> None:
    memories, _ = voids()
    if seen_surely:
        far = MaskRegions(np.array([0]), np.array([(0.9, 0.1, 0.95, 0.3)], np.float32))
        memories.remember("camera-1", far, 0, at(-20))
    memories.remember("camera-1", person(score), 0, at(0))
    x0, _, x1, y1 = HERE
    beside = (x1 + 0.005, y1 - 0.05, x1 + 0.05, y1)
    rock = memories.cleaned(look(1, (beside, rock_score, 1)))
    assert len(rock.detections) == rocks_left
    assert left(memories.cleaned(lying(2, beside))) == ([], 0), "the background alone is no word"
    within = (x0, y1 - 0.05, x1, y1)
    assert len(memories.cleaned(look(1, (within, 0.9, 1))).detections) == 0


def test_another_camera_s_people_and_another_picture_s_void_nothing() -> None:
    memories, _ = voids()
    memories.remember("camera-2", person(), 0, at(0))
    memories.remember("camera-1", person(picture=1), 0, at(0))
    assert left(memories.cleaned(seeing(1)))[1] == 2
    memories.remember("camera-1", person(picture=1), 1, at(0))
    assert left(memories.cleaned(seeing(1)))[1] == 1
    memories.forget("camera-1")
    assert left(memories.cleaned(seeing(1)))[1] == 2


def test_a_clock_that_was_set_back_leaves_no_void_for_hours() -> None:
    memories, _ = voids()
    memories.remember("camera-1", person(), 0, at(7200))
    elsewhere = MaskRegions(np.array([0]), np.array([(0, 0, 0.05, 0.05)], np.float32))
    memories.remember("camera-1", elsewhere, 0, at(0))
    assert left(memories.cleaned(seeing(VOID_S + 1)))[1] == 2


def test_the_memory_says_nothing_of_anybody() -> None:
    memory = MaskMemory()
    memory.remember(person(), 0, 0.0)
    assert repr(memory) == str(memory) == "MaskMemory(...)"
    assert not [name for name in dir(memory) if not name.startswith("_")] or {
        name for name in dir(memory) if not name.startswith("_")
    } == {"remember", "voided", "voided_about", "seen_lately", "lingered"}
    for function in (len, list, bytes):
        with pytest.raises(TypeError):
            function(memory)  # type: ignore[operator]
    import pickle

    with pytest.raises(TypeError, match="memory"):
        pickle.dumps(memory)


def lying(second: float, box: tuple[float, float, float, float]) -> Look:
    things = Things(xyxy=np.array([box], np.float32), still_s=np.array([30], np.float32))
    return replace(look(second), measures=Measures(things=things))


def test_what_came_to_lie_where_somebody_was_is_theirs_for_as_long_as_it_lies_there() -> None:
    memories, _ = voids()
    memories.remember("camera-1", person(0.05), 0, at(0))
    for second in (10.0, 30.0, 50.0, 90.0, 140.0, 900.0):
        seen = memories.cleaned(lying(second, AT_THE_FEET)).measures.things
        assert seen is not None
        assert (len(seen.xyxy) == 0) == (second < 900), "hidden for longer, it is another thing"


def test_who_sits_down_a_step_from_where_he_was_seen_is_no_debris() -> None:
    memories, _ = voids()
    memories.remember("camera-1", person(), 0, at(0))
    x0, y0, x1, y1 = HERE
    wide = x1 - x0
    for steps, is_his in ((1.2, True), (3.0, False)):
        box = (x1 + steps * wide, y0, x1 + (steps + 1) * wide, y1)
        seen = memories.cleaned(lying(5, box)).measures.things
        assert seen is not None
        assert (len(seen.xyxy) == 0) == is_his


def cars(cleaned: Look) -> int:
    return int((cleaned.detections.label == 2).sum())


CAR = (0.38, 0.35, 0.55, 0.75)


def stays(memories: Voids, since: int, until: int, score: float = 0.9) -> None:
    for second in range(since, until + 1, 2):
        memories.remember("camera-1", person(score), 0, at(second))


@pytest.mark.parametrize("score", [0.9, 0.05])
def test_what_stands_where_people_stayed_before_it_was_put_up_by_them(score: float) -> None:
    memories, metrics = voids()
    stays(memories, 0, 8, score)
    for second in (10.0, 60.0, 110.0, 160.0):
        assert cars(memories.cleaned(look(second, (CAR, 0.6, 2)))) == 0
    name = "fengsui_looks_with_drops_total"
    assert not metrics.registry.get_sample_value(name, {"reason": "void"}), "that tells of people"


def test_who_lies_down_and_is_then_taken_for_a_car_is_none() -> None:
    memories, _ = voids()
    memories.remember("camera-1", person(), 0, at(0))
    for second in (2.0, 40.0, 90.0):
        assert cars(memories.cleaned(look(second, (CAR, 0.7, 2)))) == 0


def test_where_nothing_changes_whoever_was_there_is_there_still() -> None:
    memories, _ = voids()
    stays(memories, 0, 8)
    for second in range(10, 400, 10):
        memories.remember_again("camera-1", at(second))
    assert cars(memories.cleaned(look(400, (CAR, 0.7, 2)))) == 0


def test_who_walks_by_hides_no_car() -> None:
    memories, _ = voids()
    for second in range(0, 300, 30):
        stays(memories, second, second + 2)
    assert cars(memories.cleaned(look(300, (CAR, 0.6, 2)))) == 1


def test_a_car_that_is_seen_to_come_is_one_also_where_people_stayed() -> None:
    memories, _ = voids()
    stays(memories, 0, 8)
    on_its_way = (0.65, 0.45, 0.8, 0.85)
    assert cars(memories.cleaned(look(100, (on_its_way, 0.6, 2)))) == 1
    assert cars(memories.cleaned(look(102, (CAR, 0.6, 2)))) == 1
    stays(memories, 104, 114)
    assert cars(memories.cleaned(look(114, (CAR, 0.6, 2)))) == 0, "hidden by them for now"
    assert cars(memories.cleaned(look(150, (CAR, 0.6, 2)))) == 0
    assert cars(memories.cleaned(look(176, (CAR, 0.6, 2)))) == 1


@pytest.mark.parametrize("score", [0.9, 0.05])
@pytest.mark.parametrize("car_until", [0, 60])
def test_a_group_that_is_taken_for_a_vehicle_is_none_also_where_a_car_stood(
    score: float, car_until: int
) -> None:
    memories, _ = voids()
    four = np.array([(0.32 + 0.1 * k, 0.45, 0.38 + 0.1 * k, 0.65) for k in range(4)], np.float32)
    scores = np.full(4, score, np.float32)
    taken = (0.3, 0.4, 0.7, 0.7)
    for second in range(0, car_until, 2):
        assert cars(memories.cleaned(look(second, (taken, 0.6, 2)))) == 1
    told = []
    for second in range(60, 400, 2):
        found = look(second, (taken, 0.6, 2))
        regions = MaskRegions(np.zeros(4, np.int64), four, scores)
        memories.remember("camera-1", regions, 0, at(second), found.detections)
        told.append(cars(memories.cleaned(found)))
    assert sum(told[2:]) == 0, "after the third look, since anybody may walk by"


def test_a_driver_who_steps_out_does_not_hide_his_car() -> None:
    memories, _ = voids()
    nobody = MaskRegions(np.zeros(0, np.int64), np.zeros((0, 4), np.float32))
    memories.remember("camera-1", nobody, 0, at(0))
    assert cars(memories.cleaned(look(0, (CAR, 0.6, 2)))) == 1
    for second in (2.0, 4.0, 60.0):
        memories.remember("camera-1", person(), 0, at(second))
        assert cars(memories.cleaned(look(second, (CAR, 0.6, 2)))) == 1


@pytest.mark.parametrize(
    ("score", "car", "things"),
    [
        (0.05, (0.25, 0.25, 0.65, 0.9), 1),
        (0.05, (0.25, 0.4, 0.65, 1.0), 1),
        (0.9, (0.25, 0.25, 0.65, 0.9), 0),
        (0.05, (0.35, 0.3, 0.55, 0.9), 0),
        (0.05, (0.3, 0.3, 0.6, 0.72), 0),
        (0.05, (0.6, 0.3, 0.9, 0.9), 0),
    ],
    ids=[
        "driver",
        "cut off by the picture",
        "sure",
        "too large for a driver",
        "before it",
        "beside it",
    ],
)
def test_who_is_doubtful_and_in_a_vehicle_voids_no_road(
    score: float, car: tuple[float, float, float, float], things: int
) -> None:
    memories, _ = voids()
    drives = look(0, (car, 0.9, 2)).detections
    memories.remember("camera-1", person(score), 0, at(0), drives)
    assert left(memories.cleaned(lying(1, AT_THE_FEET))) == ([], things)
