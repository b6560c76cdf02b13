from datetime import timedelta

import pytest

from pipelines.messages import Expected, Window
from pipelines.windows import held_back
from tests.support.builders import at
from vision.hazards import Hazard


def window(kind: Expected, start_s: float, end_s: float) -> Window:
    return Window(kind=kind, starts_at=at(start_s), ends_at=at(end_s), author="wang")


def test_a_window_holds_back_what_it_expects_from_its_start_to_its_end() -> None:
    burn = window(Expected.PLANNED_BURN, 0, 60)
    both = {Hazard.FIRE, Hazard.SMOKE}
    assert held_back((burn,), at(-1)) == frozenset()
    assert held_back((burn,), at(0)) == both
    assert held_back((burn,), at(60) - timedelta(milliseconds=1)) == both
    assert held_back((burn,), at(60)) == frozenset(), "it ends by itself"


def test_windows_add_up() -> None:
    open_now = (window(Expected.MAINTENANCE, 0, 60), window(Expected.ROADWORKS, 0, 60))
    assert held_back(open_now, at(5)) == {
        Hazard.CAMERA_FAULT,
        Hazard.STOPPED_VEHICLE,
        Hazard.WRONG_WAY,
        Hazard.OBSTRUCTION,
        Hazard.DEBRIS,
    }


def test_a_window_that_ends_before_it_starts_is_none() -> None:
    with pytest.raises(ValueError, match="ends after it starts"):
        window(Expected.MAINTENANCE, 60, 60)
