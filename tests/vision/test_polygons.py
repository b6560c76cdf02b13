import itertools
from math import cos, pi, sin

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.support.loops import LOOPS
from vision.polygons import WHOLE_PICTURE, PolygonError, contains, mask, polygon

SQUARE = ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8))
_STEPS = np.arange(40)
BETWEEN = np.stack(
    np.meshgrid((_STEPS + 2**0.5 - 1) / 40, (_STEPS + 3**0.5 - 1) / 40), axis=-1
).reshape(-1, 2)
"""Points on no line through two places of a coarse grid."""


def corners(*points: tuple[float, float]) -> np.ndarray:
    return np.array(points, np.float32).reshape(-1, 2)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([(0, 0), (1, 1)], "at least 3"),
        ([(0, 0), (1.2, 0), (1, 1)], "on the picture"),
        ([(0, 0), (float("nan"), 0), (1, 1)], "on the picture"),
        ([(0, 0), (1, 1), (1, 0), (0, 1)], "cross"),
        ([(0.5, 0.5), (0.505, 0.5), (0.5, 0.505)], "larger"),
    ],
)
def test_what_is_no_zone_is_refused_in_words(points, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(PolygonError, match=words):
        polygon(corners(*points))


def test_a_concave_zone_holds_what_it_should() -> None:
    zone = polygon(corners((0, 0), (1, 0), (1, 1), (0.5, 0.3), (0, 1)))
    points = corners((0.5, 0.1), (0.5, 0.8), (0.1, 0.5), (0.9, 0.5))
    assert contains(zone, points).tolist() == [True, False, True, True]


@given(st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_the_whole_picture_holds_every_point(x: float, y: float) -> None:
    assert contains(WHOLE_PICTURE, corners((x, y))).all()


@pytest.mark.parametrize("name", LOOPS)
def test_what_goes_round_more_than_once_or_meets_itself_is_no_zone(name: str) -> None:
    for points in (LOOPS[name], LOOPS[name][::-1], LOOPS[name][2:] + LOOPS[name][:2]):
        with pytest.raises(PolygonError, match="cross, touch or lie on each other"):
            polygon(corners(*points))


def test_a_corner_clicked_twice_and_one_on_the_way_are_no_harm() -> None:
    assert len(polygon(corners(SQUARE[0], *SQUARE, SQUARE[3], SQUARE[0]))) == 7
    assert len(polygon(corners(SQUARE[0], (0.5, 0.2), *SQUARE[1:]))) == 5


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.floats(0.05, 0.45), min_size=3, max_size=64),
    st.integers(0, 63),
    st.sampled_from([1, -1]),
)
def test_what_goes_once_around_is_a_zone(far: list[float], first: int, way: int) -> None:
    turns = [2 * pi * place / len(far) for place in range(len(far))]
    around = [(0.5 + r * cos(a), 0.5 + r * sin(a)) for r, a in zip(far, turns, strict=True)][::way]
    first %= len(around)
    zone = polygon(corners(*around[first:], *around[:first]))
    assert contains(zone, corners((0.5001, 0.5002))).all()


eighths = st.integers(0, 8).map(lambda step: step / 8)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(eighths, eighths), min_size=3, max_size=8))
def test_every_rule_of_filling_means_the_same_by_a_zone(points: list[tuple[float, float]]) -> None:
    try:
        zone = polygon(corners(*points))
    except PolygonError:
        assume(False)
    inside = contains(zone, BETWEEN.astype(np.float32))
    assert (inside == even_odd(points)).all()
    x, y = np.array(points).T
    area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
    assert abs(inside.mean() - area) < 0.15  # what is gone round twice counts twice in it


def even_odd(points: list[tuple[float, float]]) -> np.ndarray:
    """The rule by which OpenCV fills."""
    crossed = np.zeros(len(BETWEEN), int)
    for (x0, y0), (x1, y1) in itertools.pairwise([*points, points[0]]):
        if y0 != y1:
            rows = (y0 > BETWEEN[:, 1]) != (y1 > BETWEEN[:, 1])
            across = x0 + (BETWEEN[:, 1] - y0) * (x1 - x0) / (y1 - y0)
            crossed += rows & (across > BETWEEN[:, 0])
    return np.asarray(crossed % 2 == 1)


@pytest.mark.parametrize("times", [1, 2, 3, 4])
def test_what_no_check_has_seen_is_blanked_and_watched_however_often_it_is_gone_round(
    times: int,
) -> None:
    """The second safety: ``polygon`` lets none of these pass."""
    traced = corners(*SQUARE * times)
    assert (mask((traced,), 90, 160) == mask((corners(*SQUARE),), 90, 160)).all()
    assert contains(traced, corners((0.5, 0.5), (0.1, 0.5))).tolist() == [True, False]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(eighths, eighths), min_size=3, max_size=8), st.integers(30, 90))
def test_all_that_is_gone_round_is_masked(points: list[tuple[float, float]], width_px: int) -> None:
    """Of any corners at all."""
    zone, height_px = corners(*points), 48
    centres = np.stack(np.meshgrid(np.arange(width_px) + 0.5, np.arange(height_px) + 0.5), axis=-1)
    shares = (centres.reshape(-1, 2) / (width_px, height_px)).astype(np.float32)
    assert mask((zone,), height_px, width_px).reshape(-1)[contains(zone, shares)].all()
