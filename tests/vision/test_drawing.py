import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.arrays import Boxes, Pixels
from vision.drawing import draw_still
from vision.drawing.backdrops import KINDS
from vision.drawing.hazards import (
    draw_flame,
    draw_rock,
    draw_smoke,
    make_flame,
    make_rock,
    make_smoke,
)
from vision.drawing.light import Hour
from vision.drawing.paint import TILE_PX, fractal, noise_tile, sample, sensor
from vision.drawing.vehicles import Vehicle, draw_vehicle, make_body, motorcycle
from vision.drawing.view import View

LABELS = {"fire", "smoke", "rock", "car", "bus", "truck", "motorcycle"}
HAZARDS = {"fire", "smoke", "rock"}


def grey() -> Pixels:
    return np.full((180, 320, 3), 110, np.uint8)


def changed_box(before: Pixels, after: Pixels, more_than: int) -> Boxes:
    seen = np.abs(before.astype(np.int16) - after).max(axis=-1) > more_than
    ys, xs = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return np.asarray(
        [[xs[0] / 320, ys[0] / 180, (xs[-1] + 1) / 320, (ys[-1] + 1) / 180]], np.float32
    )


@pytest.fixture(scope="module")
def stills() -> list[tuple[Pixels, Boxes, list[str]]]:
    return [draw_still(np.random.default_rng(seed), 90, 160) for seed in range(60)]


def test_a_seed_gives_the_same_still_and_another_seed_another_one() -> None:
    first, again = (draw_still(np.random.default_rng(3), 180, 320) for _ in range(2))
    other = draw_still(np.random.default_rng(4), 180, 320)
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert first[2] == again[2]
    assert not np.array_equal(first[0], other[0])


def test_boxes_of_stills_are_ordered_shares_with_a_known_label_each(
    stills: list[tuple[Pixels, Boxes, list[str]]],
) -> None:
    for picture, boxes, labels in stills:
        assert picture.shape == (90, 160, 3)
        assert len(boxes) == len(labels)
        assert set(labels) <= LABELS
        assert (boxes >= 0).all()
        assert (boxes <= 1).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()


def test_about_two_thirds_of_the_stills_show_a_hazard_and_every_label_occurs(
    stills: list[tuple[Pixels, Boxes, list[str]]],
) -> None:
    with_hazard = sum(bool(HAZARDS & set(labels)) for _, _, labels in stills)
    assert 0.5 <= with_hazard / len(stills) <= 0.78
    assert {label for _, _, labels in stills for label in labels} == LABELS


def test_a_flame_flickers_and_its_box_holds_what_is_bright() -> None:
    flame = make_flame(np.random.default_rng(1))
    pictures = []
    for at_s in (2.0, 2.1):
        picture = grey()
        box = draw_flame(picture, flame, foot_px=(160, 150), size_px=90, at_s=at_s, glow=0.0)
        assert box is not None
        assert box == pytest.approx(changed_box(grey(), picture, 100)[0], abs=0.05)
        pictures.append(picture)
    assert np.abs(pictures[0].astype(np.int16) - pictures[1]).mean() > 1.0


def test_smoke_grows_with_its_size_and_drifts_with_time() -> None:
    smoke = make_smoke(np.random.default_rng(2))
    areas, pictures = [], []
    for size_px, at_s in ((60.0, 1.0), (120.0, 1.0), (120.0, 1.4)):
        picture = grey()
        box = draw_smoke(picture, smoke, foot_px=(160, 170), size_px=size_px, at_s=at_s)
        assert box is not None
        areas.append(float((box[2] - box[0]) * (box[3] - box[1])))
        pictures.append(picture)
    assert areas[1] > 2 * areas[0]
    assert not np.array_equal(pictures[1], pictures[2])


def test_a_rock_lies_where_it_was_put_and_has_the_size_that_was_asked() -> None:
    rock = make_rock(np.random.default_rng(5))
    box = draw_rock(grey(), rock, centre_px=(100, 90), size_px=40)
    assert box is not None
    assert (box[0] + box[2]) / 2 * 320 == pytest.approx(100, abs=2)
    assert (box[1] + box[3]) / 2 * 180 == pytest.approx(90, abs=2)
    assert (box[2] - box[0]) * 320 == pytest.approx(40, abs=3)


def test_what_lies_outside_the_picture_has_no_box_and_changes_nothing() -> None:
    rng = np.random.default_rng(6)
    picture = grey()
    far = (2000.0, 90.0)
    flame, smoke, rock = make_flame(rng), make_smoke(rng), make_rock(rng)
    assert draw_flame(picture, flame, foot_px=far, size_px=50, at_s=0.0) is None
    assert draw_smoke(picture, smoke, foot_px=far, size_px=50, at_s=0.0) is None
    assert draw_rock(picture, rock, centre_px=far, size_px=50) is None
    assert draw_rock(picture, rock, centre_px=(50, 50), size_px=50, strength=0.0) is None
    assert np.array_equal(picture, grey())


VIEW = View(
    height_px=180,
    width_px=320,
    focal_px=300.0,
    camera_m=6.0,
    vanish_x_px=150.0,
    horizon_px=20.0,
)


@given(st.floats(4.0, 100.0), st.floats(-10.0, 10.0))
def test_a_row_of_ground_is_as_far_as_the_place_that_projects_to_it(z_m: float, x_m: float) -> None:
    x_px, y_px = VIEW.ground(x_m, z_m)
    assert VIEW.depth_of_row(y_px) == pytest.approx(min(z_m, 1800.0), rel=1e-3)
    assert (x_px - 150.0) / VIEW.px_per_m(z_m) == pytest.approx(x_m, abs=1e-2)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["car", "bus", "truck", "motorcycle"]),
    st.floats(0.0, 6.3),
    st.integers(0, 99),
)
def test_a_vehicle_is_drawn_in_its_box_from_every_side(
    label: str, heading: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    body = motorcycle() if label == "motorcycle" else make_body(rng, label)
    vehicle = Vehicle(body=body, paint=(40.0, 60.0, 220.0), x_m=0.0, z_m=25.0, heading_rad=heading)
    picture = np.zeros((180, 320, 3), np.uint8)
    box, _ = draw_vehicle(picture, VIEW, vehicle)
    assert box is not None
    drawn = changed_box(np.zeros_like(picture), picture, 15)[0]  # on black no shadow is seen
    assert (drawn[:2] >= box[:2] - 0.02).all()
    assert (drawn[2:] <= box[2:] + 0.02).all()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_place_is_darker_at_night(kind: str) -> None:
    means = []
    for hour in (Hour.DAY, Hour.NIGHT):
        backdrop = KINDS[kind](np.random.default_rng(9), (90, 160), hour)
        means.append(backdrop.light.on(backdrop.painted).mean())
    assert means[1] < 0.7 * means[0]


def test_a_noise_tile_repeats_without_a_seam() -> None:
    tile = noise_tile(np.random.default_rng(0))
    x, y = np.meshgrid(np.arange(8, dtype=np.float32), np.arange(8, dtype=np.float32))
    assert np.array_equal(sample(tile, x, y), sample(tile, x + 3 * TILE_PX, y - TILE_PX))
    steps = np.abs(np.diff(tile, axis=1)).max()
    assert np.abs(tile[:, 0] - tile[:, -1]).max() <= 1.5 * steps


def test_fractal_noise_spans_zero_to_one() -> None:
    field = fractal(np.random.default_rng(0), 30, 50, 12.0)
    assert field.shape == (30, 50)
    assert (field.min(), field.max()) == (0.0, 1.0)


def test_a_sensor_adds_noise_to_every_channel_and_no_bias() -> None:
    seen = sensor(grey(), np.random.default_rng(0), 4.0)
    assert (seen.std(axis=(0, 1)) > 3.0).all()
    assert seen.mean() == pytest.approx(110.0, abs=0.6)
