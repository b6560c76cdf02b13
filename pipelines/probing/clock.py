"""How far a camera's clock is off: from its reports, its ``Date`` or what ONVIF says of it."""

import re
from datetime import UTC, datetime
from typing import Final

NTP_TO_UNIX_S: Final = 2_208_988_800
"""From 1900 to 1970 (RFC 5905, 6)."""

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
"""Where cameras begin that have lost their time. Whatever is earlier counts from a start, not from
a date: reports may (RFC 3550, 6.4.1)."""

LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC).timestamp()

ZONE_S: Final = 900.0
"""Time zones are quarters of an hour apart."""

FARTHEST_ZONE_S: Final = 14 * 3600.0

LIKE_A_ZONE_S: Final = 30.0
"""A ``Date`` that is off by a time zone and no more than this is local time that says GMT, as many
cameras write it: it says nothing."""

_DATE: Final = re.compile(
    r"(?:\w{3},\s+)?"
    r"(?:(?P<day>\d{1,2})\s+(?P<month>[A-Z][a-z]{2})|(?P<month2>[A-Z][a-z]{2})\s+(?P<day2>\d{1,2}))"
    r"\s+(?P<year>\d{4})\s+(?P<time>\d{2}:\d{2}:\d{2})(?:\s+(?:GMT|UTC|\+0000))?\s*\Z"
)
"""RFC 1123's ``Mon, 23 Nov 2026 09:00:00 GMT``, and LIVE555's ``Mon, Nov 23 2026 09:00:00 GMT``."""

_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def skew_of_report(report: tuple[int, float] | None) -> float | None:
    """Return seconds for NTP's 64 bits and the Unix time at which they came."""
    if report is None:
        return None
    ntp, came_at_s = report
    return _plausible(ntp / 2**32 - NTP_TO_UNIX_S, came_at_s)


def skew_of_date(date: str, came_at_s: float) -> float | None:
    """Return seconds for an RTSP or HTTP ``Date`` and the Unix time at which it came."""
    found = _DATE.match(date[:64].strip())
    month = found and (found["month"] or found["month2"])
    if found is None or month not in _MONTHS:
        return None
    day, number = int(found["day"] or found["day2"]), _MONTHS.index(month) + 1
    text = f"{found['year']}-{number:02}-{day:02}T{found['time']}+00:00"
    try:
        skew_s = _plausible(datetime.fromisoformat(text).timestamp(), came_at_s)
    except ValueError:
        return None
    if skew_s is None or is_like_a_zone(skew_s):
        return None
    return skew_s


def skew_of_time(said: datetime, came_at_s: float) -> float | None:
    """Return seconds for a time in UTC and the Unix time at which it came."""
    return _plausible(said.timestamp(), came_at_s)


def is_like_a_zone(skew_s: float) -> bool:
    """Say whether a clock is off by what a time zone would make of it."""
    zones = round(skew_s / ZONE_S)
    is_one = zones != 0 and abs(skew_s) <= FARTHEST_ZONE_S + LIKE_A_ZONE_S
    return is_one and abs(skew_s - zones * ZONE_S) <= LIKE_A_ZONE_S


def _plausible(said_s: float, came_at_s: float) -> float | None:
    if not EARLIEST - 86400 <= said_s <= LATEST:
        return None
    return round(said_s - came_at_s, 1)
