import cv2
import numpy as np
import pytest

from vision.arrays import Pixels
from vision.drawing.hazards import Flame, draw_flame, make_flame
from vision.drawing.paint import add_glow, fill, sensor
from vision.flicker import Patch, is_cloth, is_glow, patch, restlessness

SIZE = (288, 512)
BOX = np.array([0.4, 0.35, 0.5, 0.6], np.float32)
MIDDLE = (0.45 * 512, 0.475 * 288)
WORN_OFF = 0.1
"""The rule calls less than this still."""


def night(level: int = 45) -> Pixels:
    return np.full((*SIZE, 3), level, np.uint8)


def coded(picture: Pixels, seed: int, sigma: float = 2.0) -> Pixels:
    """With sensor noise and the losses of a keyframe."""
    noisy = sensor(picture, np.random.default_rng(seed), sigma)
    _, jpeg = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 60])
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR))


def trembling(seed: int) -> np.ndarray:
    """A detector's box: no two looks give the same."""
    wobble = np.random.default_rng(seed).normal(0, 0.006, 4).astype(np.float32)
    return np.asarray(BOX + wobble, np.float32)


def patch_of(picture: Pixels, box: np.ndarray = BOX) -> Patch:
    seen = patch(picture, box)
    assert seen is not None
    return seen


def burning(flame: Flame, at_s: float, seed: int) -> Patch:
    picture = night()
    draw_flame(picture, flame, foot_px=(MIDDLE[0], 0.6 * 288), size_px=70, at_s=at_s)
    return patch_of(coded(picture, seed), trembling(seed))


def lamp(seed: int, power: float = 1.0) -> Patch:
    picture = night()
    tone = (60.0 * power, 150.0 * power, 250.0 * power)
    add_glow(picture, *MIDDLE, 60, tone)
    add_glow(picture, *MIDDLE, 12, (255.0 * power,) * 3)
    return patch_of(coded(picture, seed), trembling(seed))


def flag(at_s: float) -> Patch:
    """A red flag whose folds run along it."""
    picture = night(130)
    for column in range(int(0.4 * 512), int(0.5 * 512)):
        fold = np.sin(column * 0.25 - at_s * 6)
        top, level = 0.37 * 288 + 6 * fold, 0.85 + 0.15 * fold
        strip = [[column, top], [column + 1, top], [column + 1, top + 60], [column, top + 60]]
        fill(picture, np.asarray(strip, np.float32), (40 * level, 30 * level, 215 * level))
    return patch_of(coded(picture, int(at_s * 10)))


def sunset(at_s: float) -> Patch:
    picture = night(90)
    add_glow(picture, *MIDDLE, 160 + at_s / 100, (40.0, 120.0, 160.0))
    return patch_of(coded(picture, int(at_s)), np.array([0.3, 0.2, 0.7, 0.7], np.float32))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("step_s", [0.2, 2.0])
def test_flames_are_restless_at_both_speeds(seed: int, step_s: float) -> None:
    flame = make_flame(np.random.default_rng(seed))
    told = restlessness([burning(flame, n * step_s, n) for n in range(5)])
    assert told is not None
    assert told > 2 * WORN_OFF


def test_a_lamp_is_still_through_noise_coding_and_a_trembling_box() -> None:
    for seed in range(10):
        told = restlessness([lamp(seed), lamp(seed + 100)])
        assert told is not None
        assert told < WORN_OFF, seed


def test_a_lamp_that_goes_on_is_a_change_once() -> None:
    dark_then_lit = [lamp(1, 0.1), lamp(2)]
    assert (restlessness(dark_then_lit) or 0) > 2 * WORN_OFF
    assert (restlessness([lamp(2), lamp(3)]) or 0) < WORN_OFF


def test_a_picture_that_a_codec_holds_tells_nothing() -> None:
    flame = make_flame(np.random.default_rng(0))
    held, other = burning(flame, 0.0, 1), burning(flame, 0.4, 2)
    assert restlessness([held, held, held]) is None
    assert restlessness([]) is None
    assert restlessness([held]) is None
    assert restlessness([held, held, other]) == restlessness([held, other])


def test_boxes_in_two_places_are_not_compared() -> None:
    picture = coded(night(), 1)
    left, right = (
        patch_of(picture, np.array([x, 0.4, x + 0.1, 0.6], np.float32)) for x in (0.1, 0.7)
    )
    assert restlessness([left, right]) is None


def test_a_flag_is_cloth_though_it_moves_and_a_flame_is_not() -> None:
    folds = [flag(n * 0.2) for n in range(5)]
    assert (restlessness(folds) or 0) > WORN_OFF
    assert is_cloth(folds)
    for seed in range(10):
        flame = make_flame(np.random.default_rng(seed))
        assert not is_cloth([burning(flame, n * 0.2, n) for n in range(5)])
    assert not is_cloth([])


def test_a_sunset_is_a_glow_and_neither_a_flame_nor_a_lamp_is() -> None:
    assert is_glow([sunset(0), sunset(2)])
    assert not is_glow([lamp(1)])
    for seed in range(10):
        assert not is_glow([burning(make_flame(np.random.default_rng(seed)), 0.0, seed)])


def test_a_box_of_few_pixels_is_never_called_smooth() -> None:
    far = patch_of(night(), np.array([0.5, 0.5, 0.52, 0.53], np.float32))
    assert not is_glow([far])


@pytest.mark.parametrize(
    "box", [(0.5, 0.5, 0.502, 0.6), (0.5, 0.5, 0.6, 0.505), (0.5, 0.5, 0.4, 0.6), (0, 0, 0, 0)]
)
def test_a_box_too_small_has_no_picture(box: tuple[float, float, float, float]) -> None:
    assert patch(night(), np.array(box, np.float32)) is None


def test_a_box_at_the_rim_is_cut_there() -> None:
    corner = patch_of(night(), np.array([0.9, 0.9, 1.0, 1.0], np.float32))
    assert corner.region[2:] == (1.0, 1.0)
    assert corner.pixels.shape == (24, 24, 3)
    whole = patch_of(night(), np.array([0.0, 0.0, 1.0, 1.0], np.float32))
    assert whole.region == (0.0, 0.0, 1.0, 1.0)
    assert whole.size_px == (512, 288)
