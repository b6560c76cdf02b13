"""The workers' rules for zones and the service's are the same, to the word."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.cameras.zones import MOST_CORNERS, ZoneError, require_zone
from vision.polygons import PolygonError, polygon

share = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]))
corners = st.lists(st.tuples(share, share), min_size=1, max_size=9)


def service_says(points: list[tuple[float, float]]) -> str | None:
    try:
        require_zone(points)
    except ZoneError as error:
        return str(error)
    return None


def worker_says(points: list[tuple[float, float]]) -> str | None:
    try:
        polygon(np.array(points, np.float32).reshape(-1, 2))
    except PolygonError as error:
        return str(error)
    return None


@settings(max_examples=500, deadline=None)
@given(corners)
@example([(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)])
@example([(0.5, 0.5)] * 4)
@example([(0.1, 0.1), (0.2, 0.2), (0.3, 0.3)])
@example([(0.0, 0.0), (0.03, 0.0), (0.03, 0.03)])  # small enough, and still meant
@example([(0.0, 0.0), (0.014, 0.0), (0.014, 0.014)])  # a slip of the hand
def test_service_and_worker_agree(points: list[tuple[float, float]]) -> None:
    assert service_says(points) == worker_says(points)


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan"), float("inf")])
def test_corners_off_the_picture(bad: float) -> None:
    points = [(0.0, 0.0), (1.0, 0.0), (0.5, bad)]
    assert service_says(points) == worker_says(points)
    assert service_says(points) is not None


def test_no_more_corners_than_the_wire_takes() -> None:
    circle = [
        (0.5 + 0.4 * np.cos(turn), 0.5 + 0.4 * np.sin(turn))
        for turn in np.linspace(0, 6, MOST_CORNERS + 1)
    ]
    assert "at most 64" in str(service_says(circle))
    assert service_says(circle[:-1]) is None
