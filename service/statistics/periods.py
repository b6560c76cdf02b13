"""Days on the wall's clock, and what of them the database knows: moments in UTC. Pure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from service.statistics.errors import PeriodError

MOST_DAYS: Final = 400

USUAL_DAYS: Final = 30

HOUR_S: Final = 3600

QUARTER_S: Final = 900
"""Every time zone's hours begin at one of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Some whole days, the last one included."""

    first: date
    """The first day."""
    last: date
    """The last day."""
    zone: ZoneInfo
    """Whose days."""

    @property
    def start(self) -> datetime:
        """Its first moment."""
        return _begin(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return _begin(self.last + timedelta(days=1), self.zone)

    @property
    def slot_s(self) -> int:
        """The longest stretches of time that each lie in one hour of it: hours, or quarters."""
        noons = (datetime.combine(day, time(12), self.zone).utcoffset() for day in self.days())
        return QUARTER_S if any(one and one.seconds % HOUR_S for one in noons) else HOUR_S

    def days(self) -> list[date]:
        """Return its days."""
        count = (self.last - self.first).days + 1
        return [self.first + timedelta(days=n) for n in range(count)]


def period_of(first: date | None, last: date | None, zone: ZoneInfo, now: datetime) -> Period:
    """Return the days that are asked for, or the last thirty. Raises ``PeriodError``."""
    last = last or now.astimezone(zone).date()
    if not 2000 <= last.year < 2200:
        raise PeriodError(MOST_DAYS)
    first = first or last - timedelta(days=USUAL_DAYS - 1)
    if not (first.year >= 2000 and first <= last and (last - first).days < MOST_DAYS):
        raise PeriodError(MOST_DAYS)
    return Period(first=first, last=last, zone=zone)


def hour_of(moment_s: int, zone: ZoneInfo) -> str:
    """Return the hour of the day of a moment, in seconds since 1970."""
    return f"{datetime.fromtimestamp(moment_s, zone).hour:02}"


def day_of(moment_s: int, zone: ZoneInfo) -> str:
    """Return the day of a moment, in seconds since 1970."""
    return datetime.fromtimestamp(moment_s, zone).date().isoformat()


def _begin(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
