"""A fire that may be somebody: what walks is none, what stays is told of, neither is kept."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pipelines.frames import Measures, Things
from pipelines.judge import Judge
from pipelines.keepsakes import read, written
from pipelines.messages import BoxShares, Camera, Zone, ZoneKind
from pipelines.rules.boxes import near
from pipelines.rules.events import Change, Event
from pipelines.rules.moment import Columns
from pipelines.zones import zones_of
from tests.pipelines.rules.test_fire import flames, lamp, with_patches
from tests.support.builders import detections, look
from vision.droptest import OWN, DropTest
from vision.flicker import Patch
from vision.hazards import Hazard
from vision.masker import MaskRegions
from vision.roles import Label, Role

Box = tuple[float, float, float, float]
LABELS = (
    Label(name="fire", role=Role.HAZARD, hazard=Hazard.FIRE, threshold=0.5),
    Label(name="smoke", role=Role.HAZARD, hazard=Hazard.SMOKE, threshold=0.5),
)
HAZARDS = (Hazard.FIRE, Hazard.SMOKE)
COAT = (0.1, 0.4, 0.14, 0.55)
"""A twenty-fifth of the picture wide: somebody 15 m away."""
FLAMES = (0.5, 0.4, 0.6, 0.6)


class Watch:
    """Lets looks through the drop test to a camera's rules."""

    def __init__(self, hazard: Hazard) -> None:
        camera = Camera(camera_id="camera-1", url="rtsp://192.0.2.1/x", hazards=(hazard,))
        self._judge = Judge(camera, zones_of(camera), Columns(labels=LABELS))
        self._test = DropTest(LABELS, OWN)
        self._label = HAZARDS.index(hazard)
        self.began_s: list[float] = []
        self.ended_s: list[float] = []
        self.told: list[BoxShares] = []
        self.kept = 0
        for at_s in (-10.0, -8.0):  # so that what comes then wasn't always there
            self(at_s, [], [], close=False)

    def __call__(
        self,
        at_s: float,
        boxes: list[Box],
        people: list[Box],
        *,
        close: bool,
        patches: tuple[Patch, ...] = (),
    ) -> None:
        found = detections(*((box, 0.9, self._label) for box in boxes))
        regions = MaskRegions(
            np.zeros(len(people), np.int64), np.array(people, np.float32).reshape(-1, 4)
        )
        passed, _ = self._test(found, regions, np.array([close]))
        seen = look(at_s)
        seen = replace(seen, detections=passed, ref=replace(seen.ref, is_burst=close))
        seen = with_patches(seen, *patches)
        events = self._judge.see(seen)
        self.began_s += [at_s for one in events if one.change is Change.BEGAN]
        self.ended_s += [at_s for one in events if one.change is Change.ENDED]
        self.told += [one.box for one in events if one.box is not None]
        self.kept += len(self._judge.candidates)

    @property
    def on_disk(self) -> list[BoxShares]:
        """The boxes that a worker would keep of it."""
        again = read(written(self._judge.states))
        return [place.box for state in again.values() for place in state.places]


def looks(until_s: float) -> list[tuple[float, bool]]:
    """As a worker takes them: a sentry's, which asks for a burst of 3 s, and 30 s later again."""
    taken, at_s = list[tuple[float, bool]](), 0.0
    while at_s <= until_s:
        taken.append((at_s, False))
        if at_s in {0.0, 34.0}:
            taken += [(at_s + n / 5, True) for n in range(1, 16)]
            at_s += 2.0
        at_s += 2.0
    return taken


def moved(box: Box, right: float, down: float = 0.0) -> Box:
    return box[0] + right, box[1] + down, box[2] + right, box[3] + down


@pytest.mark.parametrize("hazard", HAZARDS)
@pytest.mark.parametrize("widths_a_second", [0.3, 0.5, 1.0, 2.8])
def test_whoever_walks_through_a_burst_in_an_orange_coat_is_no_hazard_and_kept_nowhere(
    widths_a_second: float, hazard: Hazard
) -> None:
    watch = Watch(hazard)
    for at_s, close in looks(40):
        coat = moved(COAT, 0.04 * widths_a_second * (at_s % 17.0))
        watch(at_s, [coat], [coat], close=close)
    assert watch.began_s == []
    assert watch.kept == 0
    assert watch.on_disk == []


@pytest.mark.parametrize(("shown", "is_told"), [(lamp, False), (flames, True)])
def test_whoever_stands_through_a_burst_in_a_yellow_shirt_is_no_fire(
    shown: Callable[[int], Patch], is_told: bool
) -> None:
    """Of flames something moves all the time; of him once, when somebody passes."""
    watch = Watch(Hazard.FIRE)
    for number, (at_s, close) in enumerate(looks(40)):
        patch = flames(number) if number == 9 else shown(number)
        watch(at_s, [FLAMES], [FLAMES], close=close, patches=(patch,))
    assert bool(watch.began_s) == is_told
    assert watch.kept == 0


def test_whoever_comes_nearer_through_a_burst_is_no_hazard() -> None:
    watch = Watch(Hazard.FIRE)
    for at_s, close in looks(4):
        nearer = moved(COAT, 0.0, 0.05 * at_s)  # a third of his coat's height a second
        watch(at_s, [nearer], [nearer], close=close)
    assert watch.began_s == []


def plume(at_s: float) -> Box:
    """Flames or smoke, whose edges move."""
    x0, y0, x1, y1 = FLAMES
    n = round(at_s * 5)
    return x0 + 0.006 * (n % 3), y0 - 0.02 * (n // 5 % 4), x1 + 0.008 * (n % 4), y1


@pytest.mark.parametrize("hazard", HAZARDS)
def test_whoever_stands_before_a_fire_hides_no_alarm_once_a_burst_has_seen_it_stay(
    hazard: Hazard,
) -> None:
    watch = Watch(hazard)
    for at_s, close in looks(40):
        watch(at_s, [plume(at_s)], [FLAMES], close=close)
    # Smoke has to last before it counts at all, so the first burst shows too little of it.
    assert watch.began_s == [4.0 if hazard is Hazard.FIRE else 36.2]
    assert watch.kept == 0


@pytest.mark.parametrize("hazard", HAZARDS)
@pytest.mark.parametrize("before_s", [0.0, 20.0], ids=["from the start", "later on"])
@pytest.mark.parametrize("walks", [False, True], ids=["alone", "another walks by"])
def test_a_fire_before_which_somebody_stands_goes_on(
    before_s: float, walks: bool, hazard: Hazard
) -> None:
    watch = Watch(hazard)
    for at_s, close in looks(120):
        coat = moved(COAT, 0.55 + 0.03 * (at_s % 10)) if walks else COAT
        people = [coat, *([FLAMES] if at_s >= before_s else [])]
        watch(at_s, [coat, plume(at_s)], people, close=close)
    assert len(watch.began_s) == 1
    assert watch.ended_s == []
    assert all(near(box, FLAMES) for box in watch.told)


def test_a_fire_that_is_out_ends_though_somebody_in_orange_walks_about() -> None:
    watch = Watch(Hazard.FIRE)
    for at_s in range(0, 60, 2):
        coat = moved(COAT, 0.01 * at_s)
        if at_s < 20:
            watch(at_s, [plume(at_s)], [], close=False)
        else:
            watch(at_s, [coat], [coat], close=False)
    assert (watch.began_s, watch.ended_s) == ([4.0], [28.0])
    assert all(near(box, FLAMES) for box in watch.told)


def test_whoever_walks_past_a_fire_moves_nothing_that_is_kept_of_it() -> None:
    watch = Watch(Hazard.FIRE)
    for at_s in range(0, 10, 2):
        watch(at_s, [FLAMES], [], close=False)
    for at_s in range(10, 30, 2):
        passer = moved(FLAMES, 0.01 * (at_s - 20))
        watch(at_s, [passer], [passer], close=False)
    assert watch.on_disk == [pytest.approx(FLAMES)]


def test_a_fire_that_is_sure_once_is_kept_though_somebody_stood_there_first() -> None:
    watch = Watch(Hazard.FIRE)
    watch(0.0, [FLAMES], [FLAMES], close=False)
    assert watch.on_disk == []
    watch(2.0, [plume(2.0)], [], close=False)
    watch(4.0, [FLAMES], [FLAMES], close=False)
    assert watch.on_disk == [pytest.approx(plume(2.0))]


@pytest.mark.parametrize("hazard", HAZARDS)
def test_people_beside_a_fire_and_before_a_part_of_it_change_nothing(hazard: Hazard) -> None:
    alone, beside = Watch(hazard), Watch(hazard)
    left, right = moved(FLAMES, -0.11), (0.58, 0.4, 0.62, 0.7)
    for at_s, close in looks(40):
        alone(at_s, [plume(at_s)], [], close=close)
        beside(at_s, [plume(at_s)], [left, right], close=close)
    assert len(alone.began_s) == 1
    assert (beside.began_s, beside.kept) == (alone.began_s, alone.kept)


def test_a_fire_is_told_of_and_kept_though_somebody_in_orange_walks_past() -> None:
    alone, passed = Watch(Hazard.FIRE), Watch(Hazard.FIRE)
    for at_s, close in looks(10):
        coat = moved(COAT, 0.08 * at_s)
        alone(at_s, [plume(at_s)], [], close=close)
        passed(at_s, [coat, plume(at_s)], [coat], close=close)
    assert (passed.began_s, passed.kept) == (alone.began_s, alone.kept)
    assert len(passed.began_s) == 1


def test_fog_is_no_smoke_because_somebody_wears_orange() -> None:
    columns = Columns(labels=LABELS)
    bank = (0.02, 0.05, 0.98, 0.95)
    camera = Camera(camera_id="camera-1", url="rtsp://192.0.2.1/x", hazards=(Hazard.SMOKE,))
    began = {}
    for in_doubt in (True, False):
        judge, events = Judge(camera, zones_of(camera), columns), list[Event]()
        for at_s in range(0, 40, 2):
            seen = look(at_s, (COAT, 0.9, 0), *([(bank, 0.9, 1)] if at_s >= 10 else []))
            doubts = (seen.detections.label == 0) & in_doubt
            events += judge.see(replace(seen, detections=replace(seen.detections, in_doubt=doubts)))
        began[in_doubt] = any(one.change is Change.BEGAN for one in events)
    assert began == {True: False, False: True}, "beside a fire that is sure it is one"


def test_what_falls_is_told_of_though_somebody_wears_orange() -> None:
    slope = Zone(
        zone_id="slope",
        polygon=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)),
        kind=ZoneKind.SLOPE,
    )
    camera = Camera(
        camera_id="camera-1",
        url="rtsp://192.0.2.1/x",
        hazards=(Hazard.DEBRIS,),
        zones=(slope,),
    )
    began = {}
    for in_doubt in (True, False):
        judge, events = Judge(camera, zones_of(camera), Columns(labels=LABELS)), list[Event]()
        for at_s in range(0, 40, 2):
            fallen = Things(
                xyxy=np.array([(0.4, 0.6, 0.65, 0.72)], np.float32),
                still_s=np.array([at_s], np.float32),
            )
            seen = look(at_s, (COAT, 0.9, 0))
            found = replace(seen.detections, in_doubt=np.array([in_doubt]))
            events += judge.see(replace(seen, detections=found, measures=Measures(things=fallen)))
        began[in_doubt] = any(one.change is Change.BEGAN for one in events)
    assert began == {True: True, False: False}, "a fire that is sure blackens the ground"
