from itertools import pairwise

import cv2
import numpy as np
import pytest

from tests.support.media import pictures
from vision.arrays import Pixels
from vision.drawing.backdrops import KINDS
from vision.drawing.light import Hour
from vision.tamper import (
    Sight,
    bared_share,
    blended,
    edged_share,
    faded_share,
    hidden_share,
    is_black,
    is_blank,
    is_elsewhere,
    layout,
    likeness,
    shared_edges,
    sharpness,
    sight,
)

SIZE_PX = (288, 512)


def place(kind: str = "street", seed: int = 3, hour: Hour = Hour.DAY) -> Pixels:
    drawn = KINDS[kind](np.random.default_rng(seed), SIZE_PX, hour)
    return drawn.light.on(drawn.painted)


def grainy(picture: Pixels, seed: int, sigma: float = 4.0) -> Pixels:
    grain = np.random.default_rng(seed).normal(0.0, sigma, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def seen(picture: Pixels, seed: int = 1, sigma: float = 4.0) -> Sight:
    return sight(grainy(picture, seed, sigma))


@pytest.fixture(scope="module", params=list(KINDS))
def day(request: pytest.FixtureRequest) -> Pixels:
    return place(request.param)


def softened(picture: Pixels, sigma_px: float) -> Pixels:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px))


def moved(picture: Pixels, right_px: float, turned_deg: float = 0.0) -> Pixels:
    matrix = cv2.getRotationMatrix2D((256.0, 144.0), turned_deg, 1.0)
    matrix[0, 2] += right_px
    return np.asarray(cv2.warpAffine(picture, matrix, (512, 288), borderMode=cv2.BORDER_REFLECT))


def test_noise_makes_every_look_another_picture_of_the_same_scene(day: Pixels) -> None:
    one, other = seen(day, 1), seen(day, 2)
    assert one.digest != other.digest
    assert likeness(one, other) > 0.9
    assert sharpness(one, other) == pytest.approx(1.0, abs=0.1)
    assert hidden_share(one, other) == 0.0
    assert not is_elsewhere(one, other)


def test_a_running_clock_does_not_hide_that_a_picture_is_frozen(day: Pixels) -> None:
    later = day.copy()
    later[4:30, 8:200] = 255
    later[262:284, 300:500] = 0
    assert sight(later).digest == sight(day).digest


def test_a_capped_lens_is_black_and_a_night_with_a_lamp_is_not() -> None:
    cap = np.full((*SIZE_PX, 3), 5, np.uint8)
    assert is_black(seen(cap, sigma=8.0))
    lamp = cap.copy()
    cv2.circle(lamp, (300, 120), 5, (230, 240, 250), -1)
    assert not is_black(seen(lamp, sigma=8.0))
    assert not is_black(seen(place(hour=Hour.NIGHT), sigma=6.0))


def test_a_bright_wall_is_blank_but_not_black() -> None:
    wall = seen(np.full((*SIZE_PX, 3), 210, np.uint8))
    assert is_blank(wall)
    assert not is_black(wall)


def test_infrared_is_told_by_its_grey(day: Pixels) -> None:
    grey = cv2.cvtColor(grainy(day, 1), cv2.COLOR_BGR2GRAY)
    assert sight(np.repeat(grey[..., None], 3, axis=2)).tint == 0.0
    assert seen(day).tint > 4.0


def test_one_place_by_day_and_by_night_is_more_alike_than_two_places(day: Pixels) -> None:
    for kind in KINDS:
        by_day, by_night = seen(place(kind)), seen(place(kind, hour=Hour.NIGHT))
        elsewhere = seen(place("yard" if kind != "yard" else "street", seed=9))
        assert likeness(by_day, by_night) > 0.4
        assert likeness(by_day, elsewhere) < 0.3
        assert not is_elsewhere(by_day, by_night)


@pytest.mark.parametrize("right_px", [16.0, -48.0])
def test_a_shift_is_found(day: Pixels, right_px: float) -> None:
    assert is_elsewhere(seen(day), seen(moved(day, right_px), 2))


@pytest.mark.parametrize("degrees", [-12.0, 8.0])
def test_a_turn_is_found(day: Pixels, degrees: float) -> None:
    assert is_elsewhere(seen(day), seen(moved(day, 0.0, degrees), 2))


def test_a_pole_that_sways_by_some_pixels_is_no_move(day: Pixels) -> None:
    assert not is_elsewhere(seen(day), seen(moved(day, 5.0), 2))


def test_defocus_takes_sharpness_and_leaves_edges_and_layout(day: Pixels) -> None:
    usual = seen(day)
    left = [sharpness(usual, seen(softened(day, sigma_px), 2)) for sigma_px in (1.0, 3.0, 8.0)]
    assert left[0] > 0.6
    assert left[1] < 0.5
    assert left[2] < left[1]
    soft = seen(softened(day, 8.0), 2)
    assert shared_edges(usual, soft) > 0.85
    assert layout(usual, soft) > 0.97
    assert hidden_share(usual, soft) < 0.2


def test_night_noise_does_not_pass_for_sharpness() -> None:
    night = place(hour=Hour.NIGHT)
    usual = seen(night, 1, sigma=7.0)
    assert sharpness(usual, seen(night, 2, sigma=7.0)) > 0.8
    assert sharpness(usual, seen(softened(night, 3.0), 2, sigma=7.0)) < 0.5


def test_a_veil_over_everything_fades_and_does_not_hide_or_soften(day: Pixels) -> None:
    veiled = (day * 0.3 + 130.0).astype(np.uint8)
    usual, now = seen(day), seen(veiled, 2)
    assert faded_share(usual, now) > 0.3
    assert hidden_share(usual, now) < 0.2
    assert sharpness(usual, now) > 0.7


def test_a_cloth_over_two_thirds_hides_and_bares(day: Pixels) -> None:
    covered = day.copy()
    covered[:, :340] = (70, 80, 90)
    usual, now = seen(day), seen(covered, 2)
    assert hidden_share(usual, now) > 0.25
    assert bared_share(usual, now) > 0.42
    assert edged_share(now) < edged_share(usual)


def test_blending_goes_from_one_sight_to_the_other(day: Pixels) -> None:
    one, other = seen(day), seen(moved(day, 100.0))
    assert likeness(other, blended(one, other, 1.0)) > 0.99
    halfway = blended(one, other, 0.5)
    assert likeness(one, other) < likeness(one, halfway) < 0.99


@pytest.mark.parametrize("size_px", [(2, 2), (9, 16), (288, 384), (512, 288), (1080, 1920)])
def test_any_size_of_picture_gives_the_same_grid(size_px: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (*size_px, 3), dtype=np.uint8)
    small, usual = sight(noise), seen(place())
    assert small.level.shape == usual.level.shape
    assert np.isfinite(likeness(usual, small))


@pytest.mark.shared
@pytest.mark.parametrize("name", ["elevated_road", "elevated_night"])
def test_real_cameras_differ_from_each_other(name: str) -> None:
    files = sorted((pictures(name) / "images").iterdir())[:120:6]
    sights = [
        sight(cv2.resize(cv2.imread(str(file)), (512, 288), interpolation=cv2.INTER_AREA))
        for file in files
    ]
    alike = [likeness(one, other) for one in sights for other in sights if one is not other]
    assert np.percentile(alike, 85) < 0.3


@pytest.mark.shared
def test_a_real_camera_by_infrared_stays_itself_from_one_quarter_of_an_hour_to_the_next() -> None:
    files = sorted(pictures("water_gauge").glob("*.jpg"))
    sights = [
        sight(cv2.resize(cv2.imread(str(file)), (512, 288), interpolation=cv2.INTER_AREA))
        for file in files
    ]
    for one, other in pairwise(sights):
        assert likeness(one, other) > 0.45
        assert not is_elsewhere(one, other)
        assert hidden_share(one, other) < 0.2
