from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pipelines.believing import Persistence
from pipelines.messages import BoxShares
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


ELSEWHERE = (0.75, 0.4, 0.8, 0.65)
TREMBLED = (0.27, 0.22, 0.5, 0.52)


def doubtful(second: float, box: BoxShares = ELSEWHERE, *, strong: bool = False) -> Sighting:
    return replace(seen_at(second, strong=strong), box=box, in_doubt=True)


def on() -> Memory:
    memory = Memory()
    for second in range(3):
        memory, _ = step(memory, seen_at(second), Persistence())
    return memory


def test_a_weak_sign_in_doubt_elsewhere_keeps_no_alert_going() -> None:
    memory, changes = on(), []
    for second in range(3, 8):
        memory, change = step(memory, doubtful(second), Persistence())
        changes.append(change)
    assert changes == [None] * 4 + [Change.ENDED]


def test_a_weak_sign_in_doubt_in_its_place_keeps_an_alert_going_and_moves_no_box() -> None:
    memory = on()
    for second in range(3, 30):
        memory, change = step(memory, doubtful(second, TREMBLED), Persistence())
        assert change is Change.GOES_ON
        assert memory.last is not None
        assert (memory.last.at, memory.last.box) == (at(second), FIRE_BOX)


def test_a_strong_sign_in_doubt_has_stayed_and_moves_the_box() -> None:
    memory, change = step(on(), doubtful(3, strong=True), Persistence())
    assert change is Change.GOES_ON
    assert memory.last is not None
    assert memory.last.box == ELSEWHERE


def test_an_alert_that_begins_as_somebody_passes_tells_of_the_fire() -> None:
    memory = Memory()
    for sign in (seen_at(0), seen_at(1), doubtful(2)):
        memory, change = step(memory, sign, Persistence())
    assert change is Change.BEGAN
    assert memory.last == seen_at(1)


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
