"""What may happen to an incident in which state: the whole table, and no way around it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.incidents.lifecycle import (
    DECIDING,
    OPEN,
    OVER,
    IllegalStepError,
    IncidentState,
    StepKind,
    after,
    allowed,
    implied,
    is_person,
)

S, K = IncidentState, StepKind


def test_the_usual_way() -> None:
    state = S.NEW
    for kind, expected in (
        (K.SEEN, S.SEEN),
        (K.CONFIRMED, S.CONFIRMED),
        (K.DISPATCHED, S.DISPATCHED),
        (K.DISPATCHED, S.DISPATCHED),
        (K.ARRIVED, S.ON_SITE),
        (K.REPORTED, S.ON_SITE),
        (K.CLOSED, S.CLOSED),
        (K.REOPENED, S.SEEN),
        (K.DISMISSED, S.FALSE),
        (K.REOPENED, S.SEEN),
    ):
        state = after(state, kind)
        assert state is expected


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (S.SEEN, K.SEEN),
        (S.NEW, K.DISPATCHED),
        (S.SEEN, K.DISPATCHED),
        (S.CONFIRMED, K.ARRIVED),
        (S.CONFIRMED, K.REPORTED),
        (S.CLOSED, K.CLOSED),
        (S.CLOSED, K.DISPATCHED),
        (S.FALSE, K.CONFIRMED),
        (S.FALSE, K.CLOSED),
        (S.CLOSED, K.ASSIGNED),
        (S.FALSE, K.MERGED),
        (S.NEW, K.REOPENED),
        (S.DISPATCHED, K.RESUMED),
    ],
)
def test_what_can_t_happen(state: IncidentState, kind: StepKind) -> None:
    with pytest.raises(IllegalStepError, match=f"{state} can't be {kind}"):
        after(state, kind)
    assert kind not in allowed(state)


@given(st.lists(st.sampled_from(StepKind)))
def test_nothing_leads_from_over_to_under_way_but_reopening(kinds: list[StepKind]) -> None:
    state = S.NEW
    for kind in kinds:
        before = state
        try:
            state = after(state, kind)
        except IllegalStepError:
            assert kind in DECIDING
        if before in OVER and state in OPEN:
            assert kind in {K.REOPENED, K.RESUMED}
        if state is S.DISPATCHED and before is not state:
            assert before is S.CONFIRMED or kind is K.RESUMED
        if kind not in DECIDING:
            assert state is before


def test_whoever_decides_about_a_new_one_has_seen_it() -> None:
    assert implied(S.NEW, K.CONFIRMED, by_person=True) == (K.SEEN,)
    assert implied(S.NEW, K.SEEN, by_person=True) == ()
    assert implied(S.NEW, K.NOTED, by_person=True) == ()
    assert implied(S.NEW, K.CONFIRMED, by_person=False) == ()
    assert implied(S.SEEN, K.CONFIRMED, by_person=True) == ()


def test_who_is_a_person() -> None:
    assert is_person("li.wei")
    assert not is_person("policy:drill")
    assert not is_person("target:dispatch")
