"""A replay believes what the rules believed, moment for moment."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from pipelines.rules import persistence
from pipelines.rules.events import Change, Sighting
from service.verdicts.replay import PERSISTENCE, SLACK, onsets
from tests.service.verdicts.kit import burst, when


def began(scores: list[float], threshold: float) -> list[tuple[int, int]]:
    """Return when the rules' own arithmetic lets onsets begin, and when each was seen last."""
    memory = persistence.Memory()
    found: list[tuple[int, int]] = []
    for moment, score in enumerate(scores):
        seen = Sighting(at=when(moment), score=score, box=None, strong=score >= threshold)
        memory, change = persistence.step(memory, seen if score else None, PERSISTENCE)
        if change is Change.BEGAN:
            found.append((moment, moment))
        elif change is Change.GOES_ON:
            found[-1] = (found[-1][0], moment)
    return found


@given(st.lists(st.sampled_from([0.0, 0.0, 0.4, 0.7, 0.9]), max_size=60))
def test_it_begins_and_ends_where_the_rules_do(scores: list[float]) -> None:
    for threshold in (0.6, 0.8):
        found = [(one.at, one.last_at) for one in onsets(burst(0, scores), threshold)]
        assert found == [(when(a), when(b)) for a, b in began(scores, threshold)]


def test_three_of_five_of_which_two_are_strong() -> None:
    assert [one.at for one in onsets(burst(0, [0.7, 0, 0.4, 0, 0.7]), 0.6)] == [when(4)]
    assert onsets(burst(0, [0.7, 0, 0.4, 0, 0.4]), 0.6) == []
    assert onsets(burst(0, [0.7, 0, 0.4, 0, 0, 0.7]), 0.6) == []


def test_a_score_at_the_threshold_is_strong() -> None:
    assert onsets(burst(0, [0.6, 0.6, 0.6]), 0.6)
    assert not onsets(burst(0, [0.6, 0.6, 0.6]), 0.61)


def test_a_worker_that_began_anew_has_forgotten() -> None:
    halves = [*burst(0, [0.7, 0.7]), *burst(2, [0.7, 0.7], epoch=2)]
    assert onsets(halves, 0.6) == []
    assert len(onsets(burst(0, [0.7] * 4), 0.6)) == 1


def test_the_order_of_arrival_does_not_matter() -> None:
    shown = burst(0, [0.7, 0.7, 0.4, 0, 0, 0, 0, 0, 0.7, 0.7, 0.7])
    assert onsets(shown[::-1], 0.6) == onsets(shown, 0.6)
    assert len(onsets(shown, 0.6)) == 2


def test_an_onset_touches_an_incident_with_some_slack() -> None:
    (onset,) = onsets(burst(0, [0.7] * 5), 0.6)  # believed at 2, seen until 4
    second = timedelta(seconds=1)
    assert onset.touches(when(4) + SLACK, when(90))
    assert not onset.touches(when(4) + SLACK + second, when(90))
    assert onset.touches(when(-90), when(2) - SLACK)
    assert not onset.touches(when(-90), when(2) - SLACK - second)
