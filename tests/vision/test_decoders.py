"""Against YOLOX's own formulas, anchor by anchor."""

import numpy as np
import pytest

from vision.decoders import YOLOX_STRIDES_PX, yolox

HEIGHT_PX, WIDTH_PX, CLASSES = 64, 96, 3


def anchors() -> list[tuple[int, int, int]]:
    return [
        (column, row, stride)
        for stride in YOLOX_STRIDES_PX
        for row in range(HEIGHT_PX // stride)
        for column in range(WIDTH_PX // stride)
    ]


def test_decodes_every_anchor_of_every_picture_as_the_formula_says() -> None:
    rng = np.random.default_rng(1)
    grid = anchors()
    output = rng.random((2, len(grid), 5 + CLASSES), np.float32)
    output[..., :4] = rng.normal(0, 1, (2, len(grid), 4))
    thresholds = np.array([0.2, 0.5, 0.9], np.float32)
    found = yolox(output, thresholds, HEIGHT_PX, WIDTH_PX)
    expected = []
    for picture in range(2):
        for index, (column, row, stride) in enumerate(grid):
            x, y, w, h, objectness, *classes = output[picture, index].tolist()
            for label, score in enumerate(classes):
                if np.float32(objectness) * np.float32(score) >= thresholds[label]:
                    cx, cy = (x + column) * stride, (y + row) * stride
                    w2, h2 = np.exp(w) * stride / 2, np.exp(h) * stride / 2
                    box = [(cx - w2) / WIDTH_PX, (cy - h2) / HEIGHT_PX]
                    box += [(cx + w2) / WIDTH_PX, (cy + h2) / HEIGHT_PX]
                    expected.append((picture, label, objectness * score, box))
    assert len(expected) > 50
    assert found.frame_index.tolist() == [one[0] for one in expected]
    assert found.label.tolist() == [one[1] for one in expected]
    np.testing.assert_allclose(found.score, [one[2] for one in expected], rtol=1e-5)
    np.testing.assert_allclose(found.xyxy, [one[3] for one in expected], rtol=1e-4, atol=1e-5)


def test_nothing_over_the_thresholds_is_an_empty_table() -> None:
    output = np.zeros((1, len(anchors()), 5 + CLASSES), np.float32)
    found = yolox(output, np.full(CLASSES, 0.1, np.float32), HEIGHT_PX, WIDTH_PX)
    assert found.xyxy.shape == (0, 4)


def test_a_wild_width_stays_finite() -> None:
    output = np.ones((1, len(anchors()), 5 + CLASSES), np.float32)
    output[..., 2:4] = 1e9
    found = yolox(output, np.full(CLASSES, 0.1, np.float32), HEIGHT_PX, WIDTH_PX)
    assert np.isfinite(found.xyxy).all()


@pytest.mark.parametrize("limit", [1, 5, 10_000])
def test_strongest_keeps_each_picture_s_highest_scores(limit: int) -> None:
    output = np.random.default_rng(2).random((3, len(anchors()), 5 + CLASSES), np.float32)
    output[1, :, 4] = 0.0  # a picture without a candidate
    output[2] *= 0.9  # a weaker picture is not crowded out
    found = yolox(output, np.full(CLASSES, 0.1, np.float32), HEIGHT_PX, WIDTH_PX)
    best = found.strongest(limit)
    for picture in range(3):
        mine = found.score[found.frame_index == picture]
        assert sorted(best.score[best.frame_index == picture]) == sorted(mine)[-limit:]
