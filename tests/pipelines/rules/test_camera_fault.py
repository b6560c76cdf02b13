"""Looks come every 2 s; pictures are drawn once for the module and seen through fresh noise."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache

import cv2
import numpy as np
import pytest

from pipelines.messages import CameraFault
from pipelines.rules.camera_fault import State, lost, step
from pipelines.rules.settings import SETTINGS
from vision.arrays import Pixels
from vision.drawing.backdrops import KINDS
from vision.drawing.light import Hour
from vision.drawing.lookalikes import fog
from vision.tamper import Sight, sight

SIZE_PX = (288, 512)
BEGIN = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)
STEP_S = 2.0
LIMITS = SETTINGS.camera_fault

Looks = list[Sight]


@cache
def place(hour: Hour, kind: str = "street", seed: int = 3) -> Pixels:
    drawn = KINDS[kind](np.random.default_rng(seed), SIZE_PX, hour)
    return drawn.light.on(drawn.painted)


def looks_of(picture: Pixels, count: int = 2) -> Looks:
    """Return looks that differ by their noise alone; they are shown in turn."""
    rng = np.random.default_rng(int(picture.sum()) % 2**32)
    grain = (rng.normal(0.0, 4.0, picture.shape).astype(np.int16) for _ in range(count))
    return [sight(np.asarray(cv2.add(picture, one, dtype=cv2.CV_8U))) for one in grain]


@cache
def calm(hour: Hour = Hour.DAY) -> Looks:
    return looks_of(place(hour), 3)


@dataclass
class Watch:
    """Feeds looks to the rule and notes what it says."""

    state: State = field(default_factory=State)
    at: datetime = BEGIN
    said: list[CameraFault | None] = field(default_factory=list)

    def see(
        self, looks: Iterable[Sight], seconds: float, every_s: float = STEP_S
    ) -> list[CameraFault | None]:
        """Show looks in turn for a time; return what the rule said to each."""
        shown = list(looks)
        said: list[CameraFault | None] = []
        for k in range(round(seconds / every_s)):
            self.state, sighting = step(self.state, shown[k % len(shown)], self.at)
            said.append(None if sighting is None else self._fault(sighting.detail))
            self.at += timedelta(seconds=every_s)
        self.said += said
        return said

    def _fault(self, detail: object) -> CameraFault | None:
        return getattr(detail, "fault", None)


def first(said: list[CameraFault | None]) -> float:
    """Return after how many seconds something was said."""
    return next(k for k, one in enumerate(said) if one is not None) * STEP_S


def watching(hour: Hour = Hour.DAY) -> Watch:
    watch = Watch()
    assert not any(watch.see(calm(hour), 24.0))
    return watch


def bus(picture: Pixels, until: float) -> Pixels:
    """Return a bus with windows before a share of the picture, from the left."""
    seen = picture.copy()
    seen[20:270, : int(512 * until)] = (30, 60, 120)
    for left in range(10, int(512 * until) - 40, 60):
        seen[80:150, left : left + 44] = (150, 140, 130)
    return seen


def cloth(picture: Pixels, share: float = 1.0) -> Pixels:
    seen = picture.copy()
    seen[:, : int(512 * share)] = np.linspace(60, 90, int(512 * share))[None, :, None]
    return seen


def turned(picture: Pixels, right_px: float, degrees: float = 0.0) -> Pixels:
    matrix = cv2.getRotationMatrix2D((256.0, 144.0), degrees, 1.0)
    matrix[0, 2] += right_px
    return np.asarray(cv2.warpAffine(picture, matrix, (512, 288), borderMode=cv2.BORDER_REFLECT))


def soft(picture: Pixels) -> Pixels:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 4.0))


def infrared(picture: Pixels) -> Looks:
    """Return looks of a place lit from the camera, without colour."""
    rows, columns = np.mgrid[: SIZE_PX[0], : SIZE_PX[1]]
    beam = np.exp(-(((columns - 256) / 260) ** 2) - ((rows - 190) / 170) ** 2)
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) * (0.25 + 0.9 * beam)
    noise = np.random.default_rng(1).normal(0.0, 4.0, (2, *SIZE_PX))
    lit = np.clip(grey + noise, 0, 255).astype(np.uint8)
    return [sight(np.repeat(one[..., None], 3, axis=2)) for one in lit]


FAULTS = {
    "black": (lambda picture: np.full_like(picture, 4), CameraFault.BLACK),
    "white": (lambda picture: np.full_like(picture, 220), CameraFault.COVERED),
    "cloth": (cloth, CameraFault.COVERED),
    "cloth over two thirds": (lambda picture: cloth(picture, 0.7), CameraFault.COVERED),
    "shifted": (lambda picture: turned(picture, 40.0), CameraFault.MOVED),
    "slipped": (lambda picture: turned(picture, 0.0, 9.0), CameraFault.MOVED),
    "turned away": (lambda _: place(Hour.DAY, "mountain", 5), CameraFault.MOVED),
    "blurred": (soft, CameraFault.BLURRED),
}


@pytest.mark.parametrize("hour", [Hour.DAY, Hour.NIGHT])
@pytest.mark.parametrize("name", list(FAULTS))
def test_each_fault_is_told_apart_and_ends(name: str, hour: Hour) -> None:
    change, fault = FAULTS[name]
    watch = watching(hour)
    said = watch.see(looks_of(change(place(hour))), 60.0)
    assert set(said) == {None, fault}
    assert 18.0 <= first(said) <= 50.0
    after = watch.see(calm(hour), 20.0)
    assert not any(after), "the reference was kept"


@pytest.mark.parametrize("hour", [Hour.DAY, Hour.NIGHT])
def test_the_same_picture_again_and_again_is_frozen(hour: Hour) -> None:
    watch = watching(hour)
    said = watch.see(calm(hour)[:1], 40.0)
    assert first(said) >= LIMITS.frozen_s - STEP_S
    assert set(said) == {None, CameraFault.FROZEN}
    assert not any(watch.see(calm(hour)[1:], 10.0))


def test_a_covered_picture_that_stands_still_is_covered() -> None:
    watch = watching()
    blank = [sight(np.full((*SIZE_PX, 3), 120, np.uint8))]
    assert set(watch.see(blank, 60.0)) == {None, CameraFault.COVERED}


HARMLESS = {
    "night at once": (lambda: looks_of(place(Hour.NIGHT)), 120.0),
    "infrared at once": (lambda: infrared(place(Hour.DAY)), 120.0),
    "lamps fail": (lambda: looks_of(place(Hour.DAY) // 4), 120.0),
    "a bus before half": (lambda: looks_of(bus(place(Hour.DAY), 0.5)), 30.0),
    "a bus before all": (lambda: looks_of(bus(place(Hour.DAY), 1.0)), 20.0),
    "a pole that sways": (lambda: looks_of(turned(place(Hour.DAY), 5.0)), 120.0),
}


@pytest.mark.parametrize("name", list(HARMLESS))
def test_what_only_looks_like_a_fault_is_none(name: str) -> None:
    make, seconds = HARMLESS[name]
    watch = watching()
    watch.see(make(), seconds)
    watch.see(calm(), 60.0)
    assert not any(watch.said)


@pytest.mark.parametrize("hour", [Hour.DAY, Hour.NIGHT])
def test_fog_is_no_fault(hour: Hour) -> None:
    watch = watching(hour)
    for seed in range(4):
        rng = np.random.default_rng(3)
        backdrop = KINDS["street"](rng, SIZE_PX, hour)
        picture = backdrop.light.on(backdrop.painted)
        fog(picture, np.random.default_rng(seed), backdrop)
        watch.see(looks_of(picture), 60.0)
    assert not any(watch.said)


def test_rain_is_no_fault_nor_is_its_end() -> None:
    watch, rng = watching(), np.random.default_rng(2)
    rainy: Looks = []
    for _ in range(5):
        picture = place(Hour.DAY).copy()
        for x, y, drop in rng.integers((0, 0, 8), (512, 288, 24), (900, 3)).tolist():
            cv2.line(picture, (x, y), (x + 2, y + drop), (190, 190, 190), 1)
        rainy += looks_of(picture, 1)
    watch.see(rainy, 240.0)
    watch.see(calm(), 60.0)
    assert not any(watch.said)


def test_a_scene_that_keeps_changing_has_not_moved() -> None:
    watch = watching()
    tour = [looks_of(place(Hour.DAY, "mountain", seed), 2) for seed in (5, 6, 7)]
    for looks in tour:
        watch.see(looks, 20.0)
    assert not any(watch.said)


def test_an_hour_of_darkness_is_one_black_and_the_reference_survives() -> None:
    watch = watching()
    dark = looks_of(np.full((*SIZE_PX, 3), 4, np.uint8))
    said = watch.see(dark, 3600.0, every_s=20.0)
    assert all(one is CameraFault.BLACK for one in said[LIMITS.fewest_looks :])
    assert not any(watch.see(calm(), 60.0))
    moved = watch.see(looks_of(turned(place(Hour.DAY), 60.0)), 60.0)
    assert set(moved) == {None, CameraFault.MOVED}


def test_a_move_is_taken_for_granted_after_an_hour() -> None:
    watch, elsewhere = watching(), looks_of(place(Hour.DAY, "mountain", 5))
    said = watch.see(elsewhere, 3700.0, every_s=20.0)
    assert said[170] is CameraFault.MOVED
    assert said[-1] is None
    covered = watch.see(looks_of(cloth(place(Hour.DAY, "mountain", 5))), 60.0)
    assert CameraFault.COVERED in covered


def test_a_fault_gives_way_to_a_stronger_one_and_not_to_a_weaker() -> None:
    watch = watching()
    watch.see(looks_of(soft(place(Hour.DAY))), 60.0)
    said = watch.see(looks_of(cloth(place(Hour.DAY))), 60.0)
    assert said[-1] is CameraFault.COVERED
    last = watch.see(looks_of(cloth(place(Hour.DAY)))[:1], 60.0)
    assert last[-1] in {CameraFault.FROZEN, CameraFault.COVERED}
    assert len(set(last)) <= 2


def test_a_single_look_without_a_sign_does_not_end_it() -> None:
    watch, covered = watching(), looks_of(cloth(place(Hour.DAY)))
    watch.see(covered, 40.0)
    watch.see(calm(), STEP_S)
    assert watch.see(covered, STEP_S) == [CameraFault.COVERED]


def test_blur_that_outlasts_the_switch_to_infrared_goes_on() -> None:
    watch = watching()
    watch.see(looks_of(soft(place(Hour.DAY))), 60.0)
    said = watch.see(infrared(soft(place(Hour.DAY))), 60.0)
    assert set(said) == {CameraFault.BLURRED}
    assert not any(watch.see(calm(), 20.0))


def test_a_lost_camera_says_so_and_is_well_again_with_its_first_look() -> None:
    watch = watching()
    watch.at += timedelta(seconds=LIMITS.lost_after_s)
    watch.state, sighting = lost(watch.state, watch.at)
    assert sighting.at == watch.at
    assert sighting.box is None
    assert sighting.detail is not None
    assert sighting.detail.fault is CameraFault.LOST
    watch.at += timedelta(seconds=10)
    assert not any(watch.see(calm(), 20.0))
    assert CameraFault.MOVED in watch.see(looks_of(turned(place(Hour.DAY), 60.0)), 60.0)


@pytest.mark.parametrize("jump_s", [-7200.0, 7200.0])
def test_a_clock_that_jumps_lengthens_no_fault(jump_s: float) -> None:
    watch, covered = watching(), looks_of(cloth(place(Hour.DAY)))
    watch.see(covered, 12.0)
    watch.at += timedelta(seconds=jump_s)
    said = watch.see(covered, 60.0)
    assert first(said) >= LIMITS.covered_s - STEP_S


def test_a_look_that_was_not_measured_changes_nothing() -> None:
    watch = watching()
    state, sighting = step(watch.state, None, watch.at)
    assert state is watch.state
    assert sighting is None


def test_without_a_reference_only_what_needs_none_is_said() -> None:
    watch = Watch()
    watch.see(looks_of(soft(place(Hour.DAY))), 60.0)
    assert not any(watch.said)
    assert set(Watch().see(looks_of(np.full((*SIZE_PX, 3), 4, np.uint8)), 40.0)) == {
        None,
        CameraFault.BLACK,
    }


def test_a_state_begins_anew_with_the_scene_that_is_there() -> None:
    watch = watching()
    watch.see(looks_of(turned(place(Hour.DAY), 60.0)), 60.0)
    watch.state = replace(State())
    assert not any(watch.see(looks_of(turned(place(Hour.DAY), 60.0)), 120.0))
