"""Figures worked out by hand."""

import numpy as np
import pytest

from models.scoring import (
    Judged,
    Pair,
    at_threshold,
    curve,
    cut_at_share,
    judged,
    precision_at_recall,
    wilson,
)


def boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


def pair(found, scores, wanted, ignored=()):
    return Pair(
        boxes=boxes(*found),
        scores=np.array(scores, np.float32),
        wanted=boxes(*wanted),
        ignored=boxes(*ignored),
    )


A, B = (0, 0, 100, 50), (200, 0, 220, 20)
ELSEWHERE = (400, 400, 450, 450)


@pytest.fixture
def result() -> Judged:
    """Right at .9, wrong at .8, right at .7; two labelled."""
    return judged([pair((A, ELSEWHERE, B), (0.9, 0.8, 0.7), (B, A))], 0.5)


def test_average_precision_is_the_area_under_the_envelope(result: Judged) -> None:
    figures = curve(result)
    assert figures is not None
    assert figures.average_precision == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert figures.best_f1 == pytest.approx(2 * (2 / 3) / (2 / 3 + 1))
    assert figures.best_threshold == pytest.approx(0.7)


def test_one_threshold(result: Judged) -> None:
    point = at_threshold(result, 0.75)
    assert (point.precision, point.recall, point.f1) == (0.5, 0.5, 0.5)
    assert at_threshold(result, np.float32(0.9)).precision == 1.0, "a score that reaches it counts"
    assert at_threshold(result, 0.95).f1 == 0.0


def test_precision_at_a_recall(result: Judged) -> None:
    assert precision_at_recall(result, 0.5) == 1.0
    assert precision_at_recall(result, 0.7) == pytest.approx(2 / 3)
    half = judged([pair((A,), (0.9,), (A, B))], 0.5)
    assert precision_at_recall(half, 0.7) is None


def test_by_size_a_hit_has_its_label_s_size_and_a_wrong_box_its_own(result: Judged) -> None:
    small, large = result.between(0, 32), result.between(96, np.inf)
    assert (len(small.wanted_px), small.hits.tolist()) == (1, [True])
    assert (len(large.wanted_px), large.hits.tolist()) == (1, [True])
    assert result.between(32, 96).hits.tolist() == [False]
    narrow = judged([pair(((0, 0, 90, 50),), (0.9,), (A,))], 0.5)
    assert narrow.between(96, np.inf).hits.tolist() == [True], "90 px found of 100 labelled"


def test_a_label_is_found_once() -> None:
    twice = judged([pair((A, A), (0.9, 0.8), (A,))], 0.5)
    assert twice.hits.tolist() == [True, False]


def test_the_overlap_that_is_asked_for_counts() -> None:
    narrow = judged([pair(((0, 0, 40, 50),), (0.9,), (A,))], 0.5)
    assert not narrow.hits.any()
    assert judged([pair(((0, 0, 40, 50),), (0.9,), (A,))], 0.3).hits.all()


def test_what_lies_in_an_ignored_region_counts_neither_way() -> None:
    assert len(judged([pair((ELSEWHERE,), (0.9,), (), (ELSEWHERE,))], 0.5).scores) == 0


def test_one_per_cent_of_negatives() -> None:
    peaks = np.arange(200, dtype=np.float32) / 200
    cut = cut_at_share(peaks, 0.01)
    assert (peaks > cut).sum() == 2
    assert cut_at_share(peaks[:99], 0.01) == peaks[98], "of 99 none may alarm"
    tied = np.full(300, 0.5, np.float32)
    assert (tied > cut_at_share(tied, 0.01)).sum() == 0


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0)],
)
def test_wilson(hits: int, total: int, low: float, high: float) -> None:
    assert wilson(hits, total) == pytest.approx((low, high), abs=1e-4)


def test_nothing_has_no_interval_and_no_curve() -> None:
    assert wilson(0, 0) is None
    assert curve(judged([pair((A,), (0.9,), ())], 0.5)) is None
