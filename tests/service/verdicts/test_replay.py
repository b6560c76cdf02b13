"""A replay believes what the rules believed, moment for moment."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from pipelines.rules import persistence
from pipelines.rules.events import Change, Sighting
from service.verdicts.replay import PERSISTENCE, UNSCORED, Onset, Onsets, Shown, Timed, spells
from service.verdicts.replay import onsets as onsets_of
from tests.service.verdicts.kit import burst, when


def onsets(shown: Sequence[Shown], threshold: float) -> list[Onset]:
    return list(onsets_of(spells(shown), threshold))


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
    for threshold in (0.3, 0.6, 0.8, 0.95):
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


def test_what_has_no_score_is_believed_with_any_threshold() -> None:
    assert onsets(burst(0, [UNSCORED] * 3), 0.95)
    assert onsets(burst(0, [UNSCORED, 0.7, UNSCORED]), UNSCORED)
    assert not onsets(burst(0, [UNSCORED, 0.7, 0.7]), UNSCORED)


moments = st.integers(0, 30)
times = st.tuples(moments, moments).map(sorted)


@given(st.lists(times, max_size=8), times)
def test_the_first_onset_in_a_time_is_found_among_those_that_overlap(
    spans: list[list[int]], time: list[int]
) -> None:
    found = [Onset(at=when(a), last_at=when(b)) for a, b in spans]
    first, last = when(time[0]), when(time[1])
    there = [one for one in sorted(found) if one.at <= last and one.last_at >= first]
    assert Onsets(found).first_in(first, last) == (there[0] if there else None)


def test_what_was_shown_in_a_time_comes_with_some_slack() -> None:
    shown = burst(0, [0.7] * 60)
    found = Timed(shown[::-1]).between(when(20), when(30))
    assert found == shown[20 - 15 : 30 + 15 + 1]  # 30 s are 15 moments
    assert Timed([]).between(when(0), when(1)) == []
