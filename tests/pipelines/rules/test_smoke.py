import numpy as np
import pytest

from pipelines.believing import believes
from pipelines.frames import Look
from pipelines.messages import ZoneKind
from pipelines.rules.events import Sighting
from pipelines.rules.moment import Columns, Moment
from pipelines.rules.settings import SETTINGS
from pipelines.rules.smoke import State, step
from pipelines.zones import Area
from tests.pipelines.rules.test_fire import Box, flames, lamp, moved, with_patches
from tests.support.builders import FIRE_BOX, look
from vision.hazards import Hazard
from vision.polygons import WHOLE_PICTURE
from vision.roles import Label, Role

LABELS = Columns(
    labels=(
        Label(name="smoke", role=Role.HAZARD, hazard=Hazard.SMOKE, threshold=0.6),
        Label(name="fire", role=Role.HAZARD, hazard=Hazard.FIRE, threshold=0.6),
        Label(name="truck", role=Role.VEHICLE, hazard=None, threshold=0.4),
    )
)
ALL = Area(zone_id="all", kind=ZoneKind.AREA, polygon=WHOLE_PICTURE)
SETTING = SETTINGS.smoke
PLUME: Box = (0.4, 0.2, 0.5, 0.5)
EVERYWHERE: Box = (0.0, 0.05, 1.0, 0.95)


class Watch:
    """Feeds moments to a camera that has seen nothing for a minute, unless it is new."""

    def __init__(self, *, quiet_s: float = 60.0) -> None:
        self.state, self.seen = State(), list[Sighting | None]()
        self(look(-quiet_s))

    def __call__(self, *looks: Look) -> str:
        now = Moment(looks=looks, columns=LABELS)
        self.state, sighting = step(self.state, now, ALL, 0.0, SETTING)
        self.seen.append(sighting)
        return "-" if sighting is None else "S" if sighting.strong else "w"

    def began(self) -> bool:
        signs = [None if one is None else one.strong for one in self.seen]
        return any(believes(signs[: n + 1], SETTING.persistence) for n in range(len(signs)))


def trembling(n: int) -> Box:
    """A plume as a detector boxes it look by look."""
    return moved(PLUME, 0.006 * (n % 3), times=1 + 0.06 * (n % 4))


def test_a_plume_that_appears_is_smoke_and_stays_it() -> None:
    watch = Watch()
    told = [watch(look(n * 2.0, (trembling(n), 0.8, 0))) for n in range(180)]
    assert told == ["w"] * 2 + ["S"] * 178


def test_a_chimney_that_smokes_from_the_first_look_on_begins_nothing() -> None:
    watch = Watch(quiet_s=0.0)
    for n in range(1, 200):
        seen = moved(PLUME, 0.005 * (n % 3), times=1 + 0.1 * (n % 4))
        told = watch(with_patches(look(n * 2.0, (seen, 0.7 + 0.02 * (n % 4), 0)), flames(n)))
        assert told in {"w", "-"}
    assert not watch.began()


def test_a_chimney_seen_now_and_then_is_one_too() -> None:
    watch = Watch(quiet_s=0.0)
    for n in range(1, 200):
        watch(look(n * 2.0, *([(PLUME, 0.7, 0)] if n % 7 < 2 else [])))
    assert not watch.began()


@pytest.mark.parametrize("what", ["grows", "is surer", "burns"])
def test_smoke_from_the_start_that_grows_is_surer_or_burns_is_smoke(what: str) -> None:
    watch = Watch(quiet_s=0.0)
    for n in range(1, 60):
        watch(look(n * 2.0, (trembling(n), 0.65, 0)))
    fire = [(FIRE_BOX, 0.9, 1)] if what == "burns" else []
    score = 0.9 if what == "is surer" else 0.65
    for n in range(60, 66):
        box = moved(PLUME, 0.0, times=1.8) if what == "grows" else trembling(n)
        watch(look(n * 2.0, (box, score, 0), *fire))
    assert watch.began()


def test_fog_that_comes_over_all_of_the_picture_is_weak() -> None:
    watch = Watch()
    assert {watch(look(n * 2.0, (EVERYWHERE, 0.9, 0))) for n in range(30)} == {"w"}


def test_smoke_over_all_of_the_picture_after_a_fire_or_a_plume_is_smoke() -> None:
    after_fire = Watch()
    after_fire(look(0, (FIRE_BOX, 0.9, 1)))
    for n in range(1, 5):
        after_fire(look(n * 2.0, (EVERYWHERE, 0.9, 0)))
    assert after_fire.began()
    spreading = Watch()
    for n in range(5):
        spreading(look(n * 2.0, (trembling(n), 0.8, 0)))
    assert spreading(look(10, (EVERYWHERE, 0.9, 0))) == "w"
    assert spreading(look(12, (EVERYWHERE, 0.9, 0))) == "S"


def test_what_fog_unveils_has_a_fixed_outline_and_begins_nothing() -> None:
    """A wall in a bank of fog: its boxes differ by a hundredth of their sides, one edge by more."""
    watch, rng = Watch(), np.random.default_rng(0)
    for n in range(100):
        x0, y0, x1, y1 = PLUME
        edges = rng.normal(0, 0.004, 4) * (0.1, 0.3, 0.1, 0.3)
        foot = 0.02 * (n % 4)
        box = (x0 + edges[0], y0 + edges[1], x1 + edges[2], y1 + edges[3] + foot)
        watch(look(n * 2.0, (box, min(0.4 + 0.02 * n, 0.8), 0)))
    assert not watch.began()


@pytest.mark.parametrize("moves", [True, False])
def test_a_tree_that_fog_pales_trembles_in_its_box_and_is_calm_within(moves: bool) -> None:
    watch, rng = Watch(), np.random.default_rng(0)
    pictures = flames if moves else lamp
    for n in range(9):  # before it has been calm for so long that it is nothing
        edges = np.array(PLUME) + rng.normal(0, 0.02, 4) * (0.1, 0.3, 0.1, 0.3)
        x0, y0, x1, y1 = edges.tolist()
        watch(with_patches(look(n * 2.0, ((x0, y0, x1, y1), 0.8, 0)), pictures(n)))
    assert watch.began() is moves


def test_a_plume_that_rises_within_a_fixed_outline_is_smoke() -> None:
    """Broad smoke before a wall: its box stays, what is in it doesn't."""
    stirring, calm = Watch(), Watch()
    for n in range(8):
        stirring(with_patches(look(n * 1.0, (PLUME, 0.9, 0)), flames(n)))
        calm(with_patches(look(n * 1.0, (PLUME, 0.9, 0)), lamp(n)))
    assert stirring.began()
    assert not calm.began()


@pytest.mark.parametrize("pause_s", [20.0, 90.0])
def test_a_vent_that_puffs_begins_nothing(pause_s: float) -> None:
    """Each puff rises, stands and dies down within five seconds."""
    watch, at_s = Watch(), 0.0
    for _ in range(4):
        for step_s, times in ((0.0, 0.6), (1.0, 0.9), (2.0, 1.1), (3.0, 1.0), (4.0, 0.3)):
            watch(look(at_s + step_s, (moved(PLUME, 0.0, times=times), 0.85, 0)))
        at_s += pause_s
    assert not watch.began()


def test_a_puff_rises_in_the_place_in_which_the_last_one_died_down() -> None:
    watch = Watch(quiet_s=0.0)
    for at_s, times in ((1.0, 1.0), (3.0, 0.5), (5.0, 0.3), (40.0, 1.0), (43.0, 0.5), (80.0, 1.0)):
        watch(look(at_s, (moved(PLUME, 0.0, times=times), 0.85, 0)))
    assert len(watch.state.places) == 1
    assert watch.state.places[0].from_start


def test_what_looks_like_smoke_and_never_moves_is_nothing() -> None:
    watch = Watch()
    told = [watch(with_patches(look(n * 2.0, (FIRE_BOX, 0.7, 0)), lamp(n))) for n in range(30)]
    assert set(told[14:]) == {"-"}


def test_the_dust_of_a_moving_lorry_is_weak() -> None:
    watch = Watch()
    for n in range(5):
        dust, lorry = moved(PLUME, n * 0.05), moved((0.38, 0.1, 0.55, 0.6), n * 0.1)
        if n < 2:
            assert watch(look(n * 2.0, (dust, 0.9, 0), (lorry, 0.9, 2))) == "w"


def test_a_fire_alone_is_no_smoke() -> None:
    watch = Watch()
    assert {watch(look(n * 2.0, (FIRE_BOX, 0.9, 1))) for n in range(5)} == {"-"}
