"""The workers' rules for zones and the service's are the same, to the word."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines import zones as pipeline_zones
from pipelines.messages import Camera, WaterScale, Zone, ZoneKind
from service.cameras import zones as service_zones
from service.cameras.zones import (
    MOST_CORNERS,
    ZoneError,
    require_direction,
    require_permitted,
    require_scale,
    require_zone,
)
from tests.support.loops import LOOPS
from vision import polygons
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


@pytest.mark.parametrize("name", LOOPS)
def test_neither_takes_what_meets_itself(name: str) -> None:
    for points in (LOOPS[name], LOOPS[name][::-1], LOOPS[name][2:] + LOOPS[name][:2]):
        assert service_says(points) == worker_says(points)
        assert "cross, touch or lie on each other" in str(service_says(points))


eighths = st.integers(0, 8).map(lambda step: step / 8)
coarse = st.lists(st.tuples(eighths, eighths), min_size=3, max_size=10)
"""So few places that corners and sides often meet."""
hardly = st.floats(-3e-6, 3e-6)


@settings(max_examples=1000, deadline=None)
@given(coarse, st.integers(1, 3), st.lists(st.tuples(hardly, hardly), min_size=30, max_size=30))
@example([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)], 2, [(0.0, 0.0)] * 30)
def test_they_agree_on_corners_that_meet_or_nearly_do(
    points: list[tuple[float, float]], times: int, beside: list[tuple[float, float]]
) -> None:
    moved = [
        (min(max(x + dx, 0.0), 1.0), min(max(y + dy, 0.0), 1.0))
        for (x, y), (dx, dy) in zip(points * times, beside, strict=False)
    ]
    assert service_says(points * times) == worker_says(points * times)
    assert service_says(moved) == worker_says(moved)
    assert times == 1 or service_says(points * times) is not None


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


point = st.tuples(share, share)
kinds = st.sampled_from(ZoneKind)
near = st.floats(-0.021, 0.021)
"""Arrows about as short as may be."""


@st.composite
def arrows(draw: st.DrawFn) -> tuple[tuple[float, float], tuple[float, float]]:
    (x0, y0), (dx, dy) = draw(point), draw(st.tuples(near, near))
    anywhere = draw(point)
    beside = (min(max(x0 + dx, 0), 1), min(max(y0 + dy, 0), 1))
    return (x0, y0), draw(st.sampled_from([beside, anywhere]))


def worker_refuses(camera: Camera) -> str | None:
    """The worker's words, without the name of the camera and zone before them."""
    try:
        pipeline_zones.zones_of(camera)
    except pipeline_zones.ZoneError as error:
        return str(error).partition(": ")[2].removeprefix("the water scale").strip()
    return None


def service_refuses(check: object, *arguments: object) -> str | None:
    try:
        check(*arguments)  # type: ignore[operator]
    except ZoneError as error:
        return str(error).removeprefix("the water scale").strip()
    return None


def drawn(kind: ZoneKind, **fields: object) -> Camera:
    whole = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
    zone = Zone(zone_id="z", polygon=whole, kind=kind, **fields)  # type: ignore[arg-type]
    return Camera(camera_id="c", url="rtsp://c/", zones=(zone,))


@settings(max_examples=500, deadline=None)
@given(kinds, arrows())
@example(ZoneKind.ROAD, ((0.5, 0.5), (0.52, 0.5)))
@example(ZoneKind.ROAD, ((0.0, 0.0), (0.02, 0.0)))
@example(ZoneKind.ROAD, ((0.3, 0.3), (0.3, 0.3)))
@example(ZoneKind.SLOPE, ((0.1, 0.1), (0.9, 0.9)))
def test_they_agree_on_directions(
    kind: ZoneKind, arrow: tuple[tuple[float, float], tuple[float, float]]
) -> None:
    said = worker_refuses(drawn(kind, direction=arrow))
    assert service_refuses(require_direction, kind, *arrow) == said


@pytest.mark.parametrize("kind", ZoneKind)
def test_they_agree_on_permitted_times(kind: ZoneKind) -> None:
    said = worker_refuses(drawn(kind, permitted_s=60.0))
    assert service_refuses(require_permitted, kind) == said
    timed = {ZoneKind.ROAD, ZoneKind.FIRE_LANE, ZoneKind.GATE}
    assert (said is None) == (kind in timed)


@settings(max_examples=500, deadline=None)
@given(arrows())
@example(((0.5, 0.9), (0.5, 0.1)))
@example(((0.5, 0.1), (0.5, 0.9)))
@example(((0.1, 0.5), (0.9, 0.5)))
@example(((0.5, 0.5), (0.5, 0.481)))
def test_they_agree_on_scales(ends: tuple[tuple[float, float], tuple[float, float]]) -> None:
    foot, head = ends
    scale = WaterScale(foot=foot, head=head, alarm_level=0.5)
    said = worker_refuses(Camera(camera_id="c", url="rtsp://c/", water=scale))
    assert service_refuses(require_scale, foot, head) == said


def test_they_agree_on_names_and_lengths() -> None:
    assert service_zones.WHOLE_PICTURE_ZONE == pipeline_zones.WHOLE_PICTURE_ZONE
    assert service_zones.SHORTEST_ARROW == pipeline_zones.SHORTEST_ARROW
    assert service_zones.GRID == polygons.GRID
    assert service_zones.SMALLEST_AREA_SHARE == polygons.SMALLEST_AREA_SHARE
