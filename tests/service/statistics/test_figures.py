from datetime import UTC, date, datetime
from math import ceil
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.statistics.errors import PeriodError
from service.statistics.figures import ranked, share
from service.statistics.periods import MOST_DAYS, day_of, hour_of, period_of

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300), st.sampled_from([50, 95]))
def test_a_rank_is_the_least_that_so_many_are_not_above(numbers: list[float], percent: int) -> None:
    ordered = sorted(numbers)
    found = ranked(ordered, percent)
    assert found == ordered[ceil(percent * len(ordered) / 100) - 1]


def test_ranks_of_few() -> None:
    assert ranked([], 50) is None
    assert ranked([7.0], 95) == 7.0
    assert ranked([1.0, 2.0], 50) == 1.0
    assert ranked([float(n) for n in range(1, 21)], 95) == 19.0
    assert ranked([float(n) for n in range(1, 22)], 95) == 20.0
    assert (share(1, 3), share(0, 0)) == (0.3333, None)


def test_days_are_those_of_the_wall_s_clock() -> None:
    period = period_of(None, None, SHANGHAI, NOW)
    assert (period.first, period.last) == (date(2026, 10, 26), date(2026, 11, 24))
    assert period.start == datetime(2026, 10, 25, 16, tzinfo=UTC)
    assert period.end == datetime(2026, 11, 24, 16, tzinfo=UTC)
    assert len(period.days()) == 30
    now_s = int(NOW.timestamp())
    assert (hour_of(now_s, SHANGHAI), day_of(now_s, SHANGHAI)) == ("01", "2026-11-24")
    nepal = ZoneInfo("Asia/Kathmandu")  # its hours begin at a quarter
    assert [hour_of(now_s + 900 * n, nepal) for n in range(4)] == ["22", "23", "23", "23"]


def test_hours_are_read_whole_where_the_wall_s_hours_are_the_clock_s() -> None:
    # Lord Howe is half an hour off in winter alone.
    for name, slot_s in (("Asia/Shanghai", 3600), ("Asia/Kathmandu", 900), ("UTC", 3600),
                         ("Europe/Berlin", 3600), ("Australia/Lord_Howe", 900)):  # fmt: skip
        period = period_of(date(2026, 3, 1), date(2026, 5, 1), ZoneInfo(name), NOW)
        assert period.slot_s == slot_s, name


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2026, 2, 1), date(2026, 1, 31)),
        (date(2025, 1, 1), date(2026, 2, 5)),
        (date(1, 1, 1), date(1, 1, 2)),
        (None, date.max),
        (date.max, None),
    ],
)
def test_what_is_no_period_is_refused(first: date | None, last: date | None) -> None:
    with pytest.raises(PeriodError):
        period_of(first, last, SHANGHAI, NOW)


def test_the_longest_period() -> None:
    assert len(period_of(date(2025, 1, 1), date(2026, 2, 4), SHANGHAI, NOW).days()) == MOST_DAYS
