from hypothesis import given
from hypothesis import strategies as st

from pipelines.believing import Persistence
from pipelines.rules.events import Change, Sighting
from pipelines.rules.persistence import Memory, step
from tests.support.builders import FIRE_BOX, at


def seen_at(second: float, *, strong: bool = True) -> Sighting:
    return Sighting(at=at(second), score=0.9, box=FIRE_BOX, strong=strong)


def run(seen: list[bool], settings: Persistence = Persistence()) -> list[tuple[int, Change]]:  # noqa: B008
    memory, changes = Memory(), []
    for second, hit in enumerate(seen):
        sighting = seen_at(second) if hit else None
        memory, change = step(memory, sighting, settings)
        if change is not None:
            changes.append((second, change))
    return changes


def test_three_of_five_begin_and_five_misses_end() -> None:
    hits = [True, False, True, False, True, True] + [False] * 6
    assert run(hits) == [(4, Change.BEGAN), (5, Change.GOES_ON), (10, Change.ENDED)]


def test_two_of_five_never_begin() -> None:
    assert run([True, True, False, False, False] * 20) == []


def begins(signs: str) -> bool:
    """Whether a row of looks begins an alert: S strong, w weak, - nothing."""
    memory, began = Memory(), False
    for second, sign in enumerate(signs):
        sighting = None if sign == "-" else seen_at(second, strong=sign == "S")
        memory, change = step(memory, sighting, Persistence())
        began |= change is Change.BEGAN
    return began


def test_two_strong_looks_and_a_weak_one_begin_but_weak_ones_alone_never() -> None:
    assert begins("wS-S")
    assert begins("SwS")
    assert not begins("SwwwwwS")
    assert not begins("w" * 50)
    assert not begins("SS---SS---")


def test_weak_signs_keep_an_alert_going() -> None:
    memory = Memory()
    for second in range(3):
        memory, _ = step(memory, seen_at(second), Persistence())
    for second in range(3, 30):
        memory, change = step(memory, seen_at(second, strong=False), Persistence())
        assert change is Change.GOES_ON


def test_a_hazard_that_comes_back_begins_anew() -> None:
    burst = [True] * 3 + [False] * 5
    assert [change for _, change in run(burst * 2)] == [Change.BEGAN, Change.ENDED] * 2


@given(st.lists(st.booleans(), max_size=80))
def test_every_beginning_has_one_end_and_enough_looks(seen: list[bool]) -> None:
    changes = run(seen)
    turns = [change for _, change in changes if change is not Change.GOES_ON]
    assert turns == [Change.BEGAN, Change.ENDED] * (len(turns) // 2) + turns[len(turns) // 2 * 2 :]
    for second, change in changes:
        if change is Change.BEGAN:
            assert sum(seen[max(0, second - 4) : second + 1]) >= 3
