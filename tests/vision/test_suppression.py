"""Against the textbook loop."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.suppression import suppress


def textbook(xyxy, score, group, limit):  # type: ignore[no-untyped-def]
    def iou(a, b):  # type: ignore[no-untyped-def]
        width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
        height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
        common = width * height
        area = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common
        return common / area if area > 0 else 0.0

    kept: list[int] = []
    for row in sorted(range(len(score)), key=lambda i: (-score[i], i)):
        if all(group[row] != group[k] or iou(xyxy[row], xyxy[k]) <= limit for k in kept):
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
    kept = np.flatnonzero(suppress(xyxy, score, group, 0.5)).tolist()
    assert kept == textbook(xyxy.astype(np.float64), score, group, 0.5)


def test_the_same_box_in_two_pictures_stays_twice() -> None:
    xyxy = np.tile(np.array([[0.1, 0.1, 0.4, 0.4]], np.float32), (3, 1))
    score = np.array([0.5, 0.9, 0.7], np.float32)
    keep = suppress(xyxy, score, np.array([0, 1, 0]), 0.5)
    assert keep.tolist() == [False, True, True]
