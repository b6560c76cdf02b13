"""When a shift holds, by the clock on the wall. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Some hours on some weekdays."""

    weekdays: frozenset[int]
    """Of the days it begins on; 1 is Monday."""
    from_minute: int
    """Past midnight."""
    to_minute: int
    """Past midnight; not above ``from_minute``, it is the next day's."""
    first_day: date | None
    """The first it begins on."""
    last_day: date | None
    """The last it begins on."""

    def holds(self, local: datetime) -> bool:
        """Tell whether it is under way at a local time.

        A shift of which the summer time leaves out an hour is shorter, one with an hour twice is
        longer: people go by the clock on the wall.
        """
        minute = local.hour * 60 + local.minute
        today = local.date()
        over_midnight = self.to_minute <= self.from_minute
        if self._begins(today) and minute >= self.from_minute:
            return over_midnight or minute < self.to_minute
        return over_midnight and minute < self.to_minute and self._begins(today - timedelta(days=1))

    def is_past(self, local: datetime) -> bool:
        """Tell whether it never holds again."""
        return self.last_day is not None and local.date() > self.last_day + timedelta(days=1)

    def _begins(self, day: date) -> bool:
        return (
            day.isoweekday() in self.weekdays
            and (self.first_day is None or day >= self.first_day)
            and (self.last_day is None or day <= self.last_day)
        )


def shift_of(row: Mapping[str, Any]) -> Shift:
    """Return the shift in a row."""
    return Shift(
        weekdays=frozenset(row["weekdays"]),
        from_minute=row["from_minute"],
        to_minute=row["to_minute"],
        first_day=row["first_day"],
        last_day=row["last_day"],
    )


def local_time(at: datetime, zone: ZoneInfo) -> datetime:
    """Return what the clock on the wall shows."""
    return at.astimezone(zone)
