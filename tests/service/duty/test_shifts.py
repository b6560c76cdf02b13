"""Shifts by the clock on the wall: midnight, weekdays, first and last days, summer time."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from service.duty.shifts import Shift, local_time
from service.errors import BadSettingError
from service.settings import zone_of

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
EVERY = frozenset(range(1, 8))


def shift(from_minute: int, to_minute: int, **changes: Any) -> Shift:
    given = {"weekdays": EVERY, "first_day": None, "last_day": None, **changes}
    return Shift(from_minute=from_minute, to_minute=to_minute, **given)


NIGHT = shift(22 * 60, 6 * 60, weekdays=frozenset({5}))
"""Friday to Saturday."""


@pytest.mark.parametrize(
    ("one", "local", "holds"),
    [
        (shift(480, 1020), "2026-05-01T08:00", True),
        (shift(480, 1020), "2026-05-01T16:59", True),
        (shift(480, 1020), "2026-05-01T17:00", False),
        (shift(0, 1440), "2026-05-01T23:59", True),
        (shift(1320, 1440), "2026-05-02T00:00", False),
        (shift(480, 480), "2026-05-01T07:59", True),  # round the clock
        (shift(480, 0), "2026-05-01T23:59", True),
        (shift(480, 0), "2026-05-02T00:00", False),
        (NIGHT, "2026-05-01T21:59", False),  # a Friday
        (NIGHT, "2026-05-01T22:00", True),
        (NIGHT, "2026-05-02T05:59", True),
        (NIGHT, "2026-05-02T06:00", False),
        (NIGHT, "2026-05-02T23:00", False),
        (NIGHT, "2026-05-01T03:00", False),
        (shift(1320, 360, last_day=date(2026, 5, 1)), "2026-05-02T05:00", True),
        (shift(1320, 360, last_day=date(2026, 5, 1)), "2026-05-02T22:00", False),
        (shift(1320, 360, first_day=date(2026, 5, 1)), "2026-05-01T05:00", False),
    ],
)
def test_a_shift_holds(one: Shift, local: str, holds: bool) -> None:
    assert one.holds(datetime.fromisoformat(local)) is holds


def test_the_wall_s_clock_is_the_zone_s() -> None:
    day = shift(480, 1020, weekdays=frozenset({1}))
    sunday_night = datetime(2026, 5, 3, 23, 59, tzinfo=UTC)  # Monday, 7:59 in Shanghai
    assert not day.holds(local_time(sunday_night, SHANGHAI))
    assert day.holds(local_time(sunday_night.replace(day=4, hour=0, minute=0), SHANGHAI))
    assert not day.holds(local_time(sunday_night.replace(day=4, hour=0, minute=0), BERLIN))


@pytest.mark.parametrize(
    ("utc", "holds"),
    [
        ("2026-03-28T21:00+00:00", True),  # 22:00 in winter
        ("2026-03-29T00:59+00:00", True),  # 1:59, then 3:00: the night is an hour short
        ("2026-03-29T01:00+00:00", True),
        ("2026-03-29T03:59+00:00", True),
        ("2026-03-29T04:00+00:00", False),  # 6:00 in summer
        ("2026-10-24T20:00+00:00", True),
        ("2026-10-25T00:30+00:00", True),  # 2:30 for the first time
        ("2026-10-25T01:30+00:00", True),  # and again
        ("2026-10-25T05:00+00:00", False),
    ],
)
def test_summer_time_makes_a_night_shorter_or_longer(utc: str, holds: bool) -> None:
    one = shift(22 * 60, 6 * 60)
    assert one.holds(local_time(datetime.fromisoformat(utc), BERLIN)) is holds


def test_it_is_past_when_its_last_night_is_over() -> None:
    one = shift(1320, 360, last_day=date(2026, 5, 1))
    assert not one.is_past(datetime(2026, 5, 2, 5, 0))  # noqa: DTZ001 - a wall's
    assert one.is_past(datetime(2026, 5, 3, 0, 0))  # noqa: DTZ001
    assert not shift(0, 1440).is_past(datetime(2026, 5, 3))  # noqa: DTZ001


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", "/etc", "Asia", "", "\0"])
def test_a_zone_that_is_none_is_refused_at_the_start(name: str) -> None:
    with pytest.raises(BadSettingError, match="no time zone"):
        zone_of(name)
    assert zone_of("Asia/Shanghai") == SHANGHAI
