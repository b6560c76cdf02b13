"""Windows one after the other: together they leave as much as one that may not be longer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.cameras.windows import LONGEST
from service.cameras.windows_together import SPAN, Time, most_covered
from tests.service.cameras.kit import registered, townships
from tests.service.helpers import ON_SQLITE, Parts

BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def days(start: float, end: float) -> Time:
    return BEGIN + start * DAY, BEGIN + end * DAY


@pytest.mark.parametrize(
    ("one", "others", "covered"),
    [
        (days(0, 30), [], 30),
        (days(30, 60), [days(0, 30)], 60),
        (days(31, 61), [days(0, 30)], 59),
        (days(60, 90), [days(0, 30)], 30),
        (days(0, 20), [days(10, 25), days(5, 6)], 25),
        (days(-20, 0), [days(10, 25)], 35),
        (days(0, 1), [days(-200, 200)], 60),
        (days(0, 1), [days(-300, -90), days(100, 300)], 1),
        (days(0, 30), [days(40, 40)], 30),
    ],
)
def test_how_much_of_sixty_days(one: Time, others: list[Time], covered: float) -> None:
    assert most_covered(one, others) == covered * DAY


spans = st.tuples(st.integers(-150, 150), st.integers(1, 40)).map(
    lambda one: days(one[0], one[0] + one[1])
)


@settings(max_examples=200, deadline=None)
@given(spans, st.lists(spans, max_size=6))
def test_it_is_what_counting_days_finds(one: Time, others: list[Time]) -> None:
    taken = {
        day
        for start, end in [one, *others]
        for day in range((start - BEGIN).days, (end - BEGIN).days)
    }
    length = SPAN.days
    first, last = (one[0] - BEGIN).days - length, (one[1] - BEGIN).days
    most = max(len(taken & set(range(day, day + length))) for day in range(first, last + 1))
    assert most_covered(one, others) == most * DAY


@pytest.fixture
def path(given: Parts) -> Any:
    with townships(given) as (own, _, _):
        yield Opening(own, f"/api/cameras/{registered(own)['camera_id']}/windows")


class Opening:
    """Opens windows at one camera, in days from now."""

    def __init__(self, own: httpx.Client, path: str) -> None:
        self.own, self.path = own, path

    def __call__(self, start: float, end: float, kind: str = "planned_burn") -> httpx.Response:
        now = datetime.now(UTC)
        times = {"starts_at": now + start * DAY, "ends_at": now + end * DAY}
        body = {"kind": kind} | {name: time.isoformat() for name, time in times.items()}
        return self.own.post(self.path, json=body)


def test_a_year_without_fire_can_t_be_had_by_chaining(path: Opening) -> None:
    answers = [path(30 * link + 0.01, 30 * (link + 1) + 0.01) for link in range(12)]
    taken = [link for link, answer in enumerate(answers) if answer.status_code == 201]
    assert taken == [0, 2, 4, 6, 8, 10]
    (said,) = answers[1].json()["errors"]
    assert (answers[1].status_code, said["field"], said["code"]) == (
        422, "ends_at", "window_chained",
    )  # fmt: skip
    assert said["params"] == {"most": 30, "span": 60, "days": 60}
    assert "at most 30 of any 60 days" in answers[1].json()["detail"]
    assert path(30.5, 40, "roadworks").status_code == 201, "another kind holds back other hazards"


@ON_SQLITE
def test_a_pause_of_a_minute_or_an_overlap_changes_nothing(path: Opening) -> None:
    assert path(0, 20).status_code == 201
    assert path(20.001, 40).status_code == 422
    assert path(15, 40).status_code == 422
    assert path(5, 15).status_code == 201
    assert path(15, 29.9).status_code == 201


@ON_SQLITE
def test_works_in_their_hours_may_go_on_for_weeks(path: Opening) -> None:
    for day in range(30):
        answer = path(day + 0.1, day + 0.1 + 10 / 24, "roadworks")
        assert answer.status_code == 201, answer.text


def test_what_was_ended_early_counts_for_what_it_was(path: Opening) -> None:
    running, coming = path(-1, 20).json(), path(25, 34).json()
    assert path(40, 45).status_code == 422
    assert path.own.delete(f"{path.path}/{coming['window_id']}").status_code == 204
    assert path(40, 45).status_code == 201
    assert path(45, 60).status_code == 422
    assert path.own.delete(f"{path.path}/{running['window_id']}").status_code == 204
    assert path(45, 60).status_code == 201


@ON_SQLITE
def test_the_longest_window_is_taken_and_what_was_before_it_was_opened_does_not_count(
    path: Opening,
) -> None:
    assert path(-20, 9.9).status_code == 201
    assert path(9.9, 29.9).status_code == 201
    assert LONGEST * 2 == SPAN
