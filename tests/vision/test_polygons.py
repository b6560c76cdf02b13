import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.polygons import WHOLE_PICTURE, PolygonError, contains, polygon


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
