from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from pipelines.frames import Look, Measures, Things
from pipelines.messages import ZoneKind
from pipelines.rules.debris import MAX_STOOD, MAX_VOID, State, step
from pipelines.rules.events import Sighting
from pipelines.rules.moment import Columns, Moment
from pipelines.rules.settings import SETTINGS
from pipelines.zones import Area
from tests.pipelines.rules.test_fire import Box, moved
from tests.support.builders import at, look
from vision.hazards import Hazard
from vision.polygons import WHOLE_PICTURE
from vision.roles import Label, Role

LABELS = Columns(
    labels=(
        Label(name="rock", role=Role.HAZARD, hazard=Hazard.DEBRIS, threshold=0.6),
        Label(name="bus", role=Role.VEHICLE, hazard=None, threshold=0.3),
        Label(name="fire", role=Role.HAZARD, hazard=Hazard.FIRE, threshold=0.6),
    )
)
ROAD = Area(zone_id="road", kind=ZoneKind.ROAD, polygon=WHOLE_PICTURE)
SETTING = SETTINGS.debris
ROCK: Box = (0.4, 0.5, 0.46, 0.58)
BUS: Box = (0.35, 0.3, 0.6, 0.62)
Row = tuple[Box, float, int]


def lying(seen: Look, *things: tuple[Box, float]) -> Look:
    found = Things(
        xyxy=np.array([box for box, _ in things], np.float32).reshape(-1, 4),
        still_s=np.array([still_s for _, still_s in things], np.float32),
    )
    return replace(seen, measures=Measures(things=found))


HEAP: Box = (0.35, 0.5, 0.6, 0.62)
LEAF: Box = (0.4, 0.55, 0.42, 0.56)


class Watch:
    """Feeds looks to a camera that has shown vehicles, and nothing of late, unless it is new.

    Vehicles pass every ten seconds, somewhere on the road, unless it is empty.
    """

    def __init__(
        self, kind: ZoneKind = ZoneKind.ROAD, *, quiet_s: float = 60.0, passes_s: float = 10.0
    ) -> None:
        self.state, self.area = State(shown=SETTING.shown_looks), replace(ROAD, kind=kind)
        self.seen: list[Sighting | None] = []
        self.passes_s = passes_s
        self(look(-quiet_s))

    def __call__(self, *looks: Look) -> str:
        now = Moment(looks=looks, columns=LABELS)
        ago = np.arange(0.0, 90.0, self.passes_s) if self.passes_s else []
        passed = tuple(now.at - timedelta(seconds=one) for one in ago)
        self.state = replace(self.state, passed=passed)
        self.state, sighting = step(self.state, now, self.area, 0.0, SETTING)
        self.seen.append(sighting)
        return "-" if sighting is None else "S" if sighting.strong else "w"

    def thing(self, at_s: float, still_s: float, *rows: Row, box: Box = ROCK) -> str:
        return self(lying(look(at_s, *rows), (box, still_s)))


@pytest.mark.parametrize("kind", [one for one in ZoneKind if one is not ZoneKind.PRIVACY])
def test_a_rock_that_the_detector_sees_is_debris_in_every_zone(kind: ZoneKind) -> None:
    watch = Watch(kind)
    assert "".join(watch(look(n * 2.0, (ROCK, 0.9, 0))) for n in range(5)) == "SSSSS"


@pytest.mark.parametrize("kind", [ZoneKind.AREA, ZoneKind.FIRE_LANE, ZoneKind.GATE])
def test_off_the_roads_only_what_is_surely_a_rock_counts(kind: ZoneKind) -> None:
    """Who sits is taken for one; on roads and slopes the background says whether it has come."""
    watch = Watch(kind)
    assert {watch(look(n * 2.0, (ROCK, 0.8, 0))) for n in range(5)} == {"w"}


def test_a_small_rock_is_never_so_sure_that_it_may_not_be_somebody_who_sits() -> None:
    small: Box = (0.4, 0.5, 0.43, 0.55)
    for kind in (ZoneKind.AREA, ZoneKind.FIRE_LANE, ZoneKind.GATE):
        watch = Watch(kind)
        assert {watch(look(n * 2.0, (small, 0.95, 0))) for n in range(5)} == {"w"}
    watch = Watch()
    assert {watch(lying(look(n * 2.0, (small, 0.95, 0)))) for n in range(5)} == {"w"}
    assert watch.thing(10.0, 4.0, (small, 0.95, 0), box=small) == "S"  # the ground has changed


def test_nothing_counts_in_a_privacy_zone() -> None:
    watch = Watch(ZoneKind.PRIVACY)
    assert {watch.thing(n, 99.0, (ROCK, 0.9, 0)) for n in range(5)} == {"-"}


def test_boulders_that_lay_there_at_the_start_are_the_place_s_own() -> None:
    watch, other = Watch(quiet_s=0.0), (0.7, 0.5, 0.76, 0.58)
    told = {watch(look(n * 2.0, (ROCK, 0.8, 0))) for n in range(1, 100)}
    assert told == {"w"}
    fell = [watch(look(n * 2.0, (ROCK, 0.8, 0), (other, 0.7, 0))) for n in range(100, 104)]
    assert fell == ["w", "S", "S", "S"]


def test_a_rock_that_rolls_isn_t_judged_until_it_lies() -> None:
    watch = Watch()
    rolling = [watch(look(n * 2.0, (moved(ROCK, n * 0.1 - 0.4), 0.8, 0))) for n in range(5)]
    assert set(rolling) == {"w"}
    assert watch(look(10, (ROCK, 0.8, 0))) == "S"


def test_a_rock_that_is_also_a_vehicle_is_weak() -> None:
    watch = Watch()
    assert {watch(look(n * 2.0, (ROCK, 0.9, 0), (ROCK, 0.5, 1))) for n in range(5)} == {"w"}


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (ZoneKind.ROAD, "S"),
        (ZoneKind.SLOPE, "S"),
        (ZoneKind.AREA, "-"),
        (ZoneKind.FIRE_LANE, "-"),
        (ZoneKind.GATE, "-"),
    ],
)
def test_things_count_on_roads_and_slopes_only(kind: ZoneKind, told: str) -> None:
    assert Watch(kind).thing(0.0, 12.0, box=HEAP) == told


@pytest.mark.parametrize(
    ("kind", "passes_s", "box", "told"),
    [
        (ZoneKind.ROAD, 10.0, ROCK, "S"),
        (ZoneKind.ROAD, 0.0, ROCK, "-"),
        (ZoneKind.ROAD, 0.0, HEAP, "S"),
        (ZoneKind.SLOPE, 0.0, ROCK, "-"),
        (ZoneKind.ROAD, 10.0, LEAF, "-"),
    ],
)
def test_what_is_no_heap_was_lost_by_what_passed(
    kind: ZoneKind, passes_s: float, box: Box, told: str
) -> None:
    """Or it is somebody who lies down on an empty road, and whom the masker missed."""
    assert Watch(kind, passes_s=passes_s).thing(0.0, 12.0, box=box) == told


def test_a_vehicle_that_passed_long_before_has_lost_nothing() -> None:
    watch = Watch()
    for age_s, told in ((SETTING.drops_s + 13.0, "-"), (SETTING.drops_s + 11.0, "S")):
        now = lying(look(0.0), (ROCK, 12.0))
        state = replace(watch.state, passed=(at(-age_s),))
        _, sighting = step(state, Moment(looks=(now,), columns=LABELS), ROAD, 0.0, SETTING)
        assert ("-" if sighting is None else "S") == told


def test_what_lies_where_no_vehicle_was_ever_seen_may_be_somebody_and_isn_t_told() -> None:
    """In such a view nobody may be seen either; a rock that the detector sees counts."""
    watch = Watch()
    watch.state = State(shown=SETTING.shown_looks - 1)
    assert {watch.thing(n * 2.0, n * 2.0) for n in range(30)} == {"-"}
    assert [watch.thing(60 + n * 2.0, 60.0, (ROCK, 0.8, 0)) for n in range(3)] == ["w", "S", "S"]
    watch(lying(look(70, ((0.1, 0.5, 0.2, 0.6), 0.8, 1)), (ROCK, 60.0)))
    assert watch.thing(72.0, 62.0) == "S", "it drives past: this is a view in which it is seen"


def test_what_lies_on_a_slope_counts_though_no_vehicle_drives_there() -> None:
    watch = Watch(ZoneKind.SLOPE)
    watch.state = State()
    assert watch.thing(0.0, 12.0, box=HEAP) == "S"


def test_a_thing_counts_once_it_has_lain_for_ten_seconds() -> None:
    watch = Watch()
    assert "".join(watch.thing(n * 2.0, n * 2.0 + 4) for n in range(5)) == "---SS"
    assert watch.seen[-1] is not None
    assert watch.seen[-1].box == pytest.approx(ROCK)


def test_things_outside_the_zone_or_larger_than_half_of_it_are_none() -> None:
    watch = Watch()
    watch.area = replace(
        ROAD, polygon=np.array([[0.3, 0.4], [0.6, 0.4], [0.6, 0.7], [0.3, 0.7]], np.float32)
    )
    assert watch.thing(0.0, 60.0, box=(0.32, 0.42, 0.58, 0.68)) == "-"
    assert watch.thing(2.0, 60.0, box=moved(ROCK, 0.4)) == "-"
    assert watch.thing(4.0, 60.0) == "S"


def test_a_standing_bus_is_no_debris_though_the_detector_loses_it() -> None:
    watch = Watch()
    for n in range(60):
        rows = [(BUS, 0.5, 1)] if n % 10 == 0 else []
        assert watch.thing(n * 2.0, n * 2.0, *rows, box=BUS) == "-"


def test_a_part_of_a_standing_bus_is_no_debris_either() -> None:
    watch = Watch()
    for n in range(30):
        rows = [(BUS, 0.5, 1)] if n < 3 else []
        assert watch.thing(n * 2.0, n * 2.0, *rows) == "-"


def test_the_hole_that_a_vehicle_leaves_stays_void_while_it_is_there() -> None:
    watch = Watch()
    for n in range(10):
        watch(look(n * 2.0, (BUS, 0.8, 1)))
    for n in range(100):
        assert watch.thing(20 + n * 2.0, n * 2.0, box=BUS) == "-"


def test_what_lies_where_two_cars_passed_counts() -> None:
    watch, car = Watch(), (0.38, 0.48, 0.48, 0.6)
    for n in range(12):
        watch(look(n * 2.0, *([(car, 0.8, 1)] if n in {1, 9} else [])))
    assert [watch.thing(24 + n * 2.0, n * 2.0 + 4, box=car) for n in range(6)][-3:] == ["S"] * 3


def test_a_car_that_hides_a_thing_for_a_look_isn_t_the_thing() -> None:
    watch = Watch()
    watch.thing(0.0, 20.0)
    watch(lying(look(2, (moved(ROCK, 0.01), 0.8, 1))))
    assert watch.thing(8.0, 28.0) == "S"


def test_what_a_bus_left_is_void_though_the_bus_was_seen_to_roll_off() -> None:
    watch, strip = Watch(), (0.565, 0.5, 0.6, 0.6)
    for n in range(6):
        watch(look(n * 2.0, (BUS, 0.8, 1)))
    watch(look(12.0, ((0.35, 0.28, 0.56, 0.55), 0.8, 1)))
    assert {watch.thing(16 + n * 2.0, n * 2.0 + 4, box=strip) for n in range(10)} == {"-"}


def test_a_rock_counts_on_watched_ground_once_the_ground_has_changed() -> None:
    watch = Watch()
    assert {watch(lying(look(n * 2.0, (ROCK, 0.75, 0)))) for n in range(9)} == {"w"}, "a puddle"
    assert watch(lying(look(18, (ROCK, 0.75, 0)), (ROCK, 4.0))) == "S"
    assert watch(lying(look(20, (ROCK, 0.75, 0)), (moved(ROCK, 0.2), 4.0))) == "w"
    assert watch(lying(look(22, (ROCK, 0.85, 0)))) == "S", "sure"
    assert watch(look(24, (ROCK, 0.75, 0))) == "S", "nobody watches the ground"


def test_what_a_lorry_lost_counts_between_those_that_pass() -> None:
    watch, told = Watch(), ""
    for n in range(30):
        passes = [(moved(BUS, 0.03 * (n % 3 - 1)), 0.8, 1)] if n % 8 == 0 else []
        told += watch.thing(n * 2.0, n * 2.0 + 10, *passes)
    assert told.startswith("---SSSSS")


def test_what_appears_while_it_burns_is_no_debris_and_stays_none() -> None:
    watch = Watch()
    watch(look(0.0, ((0.7, 0.2, 0.8, 0.4), 0.9, 2)))
    assert {watch.thing(n * 2.0, n * 2.0) for n in range(60)} == {"-"}
    beside: Box = (0.1, 0.5, 0.16, 0.58)
    assert watch.thing(140.0, 30.0, box=beside) == "S"


def test_a_detector_s_rock_comes_before_a_thing() -> None:
    watch = Watch()
    for n in range(3):
        told = watch.thing(n * 2.0, 60.0, ((0.1, 0.5, 0.2, 0.6), 0.9, 0))
    assert told == "S"
    assert watch.seen[-1] is not None
    assert watch.seen[-1].score == pytest.approx(0.9)


def test_its_memory_has_an_end() -> None:
    watch, rng = Watch(), np.random.default_rng(1)
    for n in range(5):
        boxes = [(x, y, x + 0.02, y + 0.02) for x, y in rng.uniform(0, 0.9, (20, 2)).tolist()]
        seen = look(n * 1.0, *((box, 0.9, 1) for box in boxes))
        watch(lying(seen, *((box, 50.0) for box in boxes)))
    assert len(watch.state.stood) <= MAX_STOOD
    assert len(watch.state.voids) <= MAX_VOID


def test_a_very_sure_rock_counts_at_the_first_look() -> None:
    watch = Watch()
    assert "".join(watch(look(n * 2.0, (ROCK, 0.9, 0))) for n in range(3)) == "SSS"
