"""Against the textbook loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.suppression import INSIDE_SHARE, suppress


def textbook(xyxy, score, group, limit, in_parts):  # type: ignore[no-untyped-def]
    def one(a, b, comes_in_parts):  # type: ignore[no-untyped-def]
        width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
        height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
        common = width * height
        areas = [(c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)]
        if common == 0:
            return False
        inside = comes_in_parts and common / min(areas) > np.float32(INSIDE_SHARE)
        return inside or common / (sum(areas) - common) > limit

    kept: list[int] = []
    for row in sorted(range(len(score)), key=lambda i: (-score[i], i)):
        if not any(group[row] == group[k] and one(xyxy[row], xyxy[k], in_parts[row]) for k in kept):
            kept.append(row)
    return sorted(kept)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 60), st.integers(0, 2**32 - 1))
def test_keeps_what_the_textbook_keeps(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    corner = rng.random((count, 2), np.float32) * 0.5
    xyxy = np.concatenate([corner, corner + rng.random((count, 2), np.float32) * 0.5], axis=1)
    score = rng.random(count, np.float32).round(1)  # rounded, so that there are ties
    group = rng.integers(0, 3, count)
    in_parts = group == 1
    kept = np.flatnonzero(suppress(xyxy, score, group, 0.5, in_parts)).tolist()
    assert kept == textbook(xyxy.astype(np.float64), score, group, 0.5, in_parts)


@pytest.mark.parametrize("strongest", ["part", "whole"])
def test_a_fire_and_its_brightest_part_are_one_and_a_car_before_a_bus_is_not(
    strongest: str,
) -> None:
    whole, part = [0.1, 0.1, 0.9, 0.9], [0.3, 0.3, 0.5, 0.6]
    xyxy = np.array([whole, part, whole, part], np.float32)
    score = np.array([0.8, 0.8, 0.8, 0.8], np.float32)
    score[[1, 3] if strongest == "part" else [0, 2]] = 0.9
    fire_fire_bus_bus = np.array([0, 0, 1, 1])
    keep = suppress(xyxy, score, fire_fire_bus_bus, 0.5, fire_fire_bus_bus == 0)
    assert keep.tolist() == [strongest == "whole", strongest == "part", True, True]


def test_the_same_box_in_two_pictures_stays_twice() -> None:
    xyxy = np.tile(np.array([[0.1, 0.1, 0.4, 0.4]], np.float32), (3, 1))
    score = np.array([0.5, 0.9, 0.7], np.float32)
    keep = suppress(xyxy, score, np.array([0, 1, 0]), 0.5)
    assert keep.tolist() == [False, True, True]
