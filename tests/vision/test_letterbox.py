import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.letterbox import fit, shares

SIDES = st.integers(1, 8192)


@given(SIDES, SIDES)
def test_content_fits_and_fills_one_side(width_px: int, height_px: int) -> None:
    box = fit((width_px, height_px), 256, 448)
    assert 2 <= box.content_height_px <= 256
    assert 2 <= box.content_width_px <= 448
    assert box.content_height_px == 256 or box.content_width_px == 448


@pytest.mark.parametrize(
    ("source", "content"),
    [((1920, 1080), (252, 448)), ((640, 640), (256, 256)), ((768, 576), (256, 341))],
)
def test_known_proportions(source: tuple[int, int], content: tuple[int, int]) -> None:
    box = fit(source, 256, 448)
    assert (box.content_height_px, box.content_width_px) == content


def test_shares_bring_the_content_s_corner_to_the_source_s_corner() -> None:
    box = fit((640, 640), 256, 448)
    corner = np.array([[256 / 448, 1.0, 256 / 448, 1.0]], np.float32)
    np.testing.assert_allclose(corner / shares([box]), 1.0)
