"""How much of its time a camera's windows of one kind take together.

One window lasts for so long at most; a chain of them, each of which begins as the last one ends,
would keep a hazard from being reported for good, and each link would look like an exception.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

SPAN: Final = timedelta(days=60)
"""Of any so many days, windows of one kind cover no more than one window may: half. Works that go
on for months are covered in their hours; after a month of day and night the camera is heard."""

Time = tuple[datetime, datetime]
"""From and to."""


def most_covered(given: Time, others: Iterable[Time]) -> timedelta:
    """Return how much of a ``SPAN`` that ``given`` reaches into all of them cover, at most.

    What two cover counts once.
    """
    times = _joined([given, *others])
    starts, ends = zip(given, *times, strict=True)
    begins = [*starts, *(end - SPAN for end in ends)]  # nowhere else does it stop growing
    near = [begin for begin in begins if given[0] - SPAN <= begin <= given[1]]
    return max(sum((_within(one, begin) for one in times), timedelta(0)) for begin in near)


def _joined(times: Iterable[Time]) -> Sequence[Time]:
    joined: list[Time] = []
    for start, end in sorted(one for one in times if one[0] < one[1]):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _within(time: Time, begin: datetime) -> timedelta:
    return max(timedelta(0), min(time[1], begin + SPAN) - max(time[0], begin))
