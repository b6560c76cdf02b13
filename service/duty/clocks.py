"""An incident's clocks: which run, which have run out and since when, what comes next. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import RowMapping


class Clock(StrEnum):
    """What people must have done in time."""

    SEEN = "seen"
    SENT = "sent"
    REPORT = "report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many seconds there are, from when an incident waits; ``None`` is no such clock."""

    seen_s: int | None
    """Until somebody has looked at it."""
    sent_s: int | None
    """Until an order has left."""
    report_s: int | None
    """Until there is a first word from there."""

    def of(self, clock: Clock) -> timedelta | None:
        """Return the time that a clock gives."""
        seconds = {
            Clock.SEEN: self.seen_s,
            Clock.SENT: self.sent_s,
            Clock.REPORT: self.report_s,
        }[clock]
        return None if seconds is None else timedelta(seconds=seconds)


USUAL: Final = Limits(seen_s=60, sent_s=180, report_s=300)
"""The centres' own promise: one, three and five minutes (快反135)."""

NO_CLOCKS: Final = Limits(seen_s=None, sent_s=None, report_s=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """What happened to an incident, as far as clocks go."""

    waiting_from: datetime | None
    """What they count from; ``None`` is an incident that nobody waits for."""
    seen_at: datetime | None
    """When somebody looked, or a policy decided in their stead."""
    sent_at: datetime | None
    """When the first order left."""
    reported_at: datetime | None
    """When somebody first told from there."""

    def of(self, clock: Clock) -> datetime | None:
        """Return when what a clock waits for happened."""
        return {
            Clock.SEEN: self.seen_at,
            Clock.SENT: self.sent_at,
            Clock.REPORT: self.reported_at,
        }[clock]


def dates_of(row: RowMapping | Mapping[str, Any]) -> Dates:
    """Return the dates in an incident's row."""
    return Dates(
        waiting_from=row["waiting_from"],
        # What a policy has confirmed can't be marked as seen any more, and needn't be.
        seen_at=row["seen_at"] or row["confirmed_at"],
        sent_at=row["sent_at"],
        reported_at=row["reported_at"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """When a clock runs out, or ran out."""

    clock: Clock
    """Which."""
    due_at: datetime
    """Until when."""
    period: timedelta
    """How long it gave; it is told again a level up after as long."""
    met_at: datetime | None
    """When what it waits for happened, in time or not."""

    def breached(self, now: datetime) -> bool:
        """Tell whether it ran out by now; what happens in its last second is in time."""
        return now >= self.due_at if self.met_at is None else self.met_at > self.due_at


def deadlines(dates: Dates, limits: Limits) -> list[Deadline]:
    """Return each clock's deadline, the first one first."""
    if dates.waiting_from is None:
        return []
    found = [
        Deadline(
            clock=clock,
            due_at=dates.waiting_from + period,
            period=period,
            met_at=dates.of(clock),
        )
        for clock in Clock
        if (period := limits.of(clock)) is not None
    ]
    return sorted(found, key=lambda one: one.due_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a look at an incident's clocks finds."""

    breached: tuple[Deadline, ...]
    """Those that ran out and aren't written down yet, whether met since or not."""
    escalating: Clock | None
    """For which of them the next level is to be told now; one level a look, whatever passed."""
    next_due_at: datetime | None
    """When the next clock runs out."""
    repeated_after: timedelta | None
    """How long after an escalation the level above that is told, if nothing happens."""


def look(
    dates: Dates,
    limits: Limits,
    now: datetime,
    *,
    recorded: Collection[str] = (),
    escalated_at: datetime | None = None,
) -> Look:
    """Look at an incident that somebody still has to do something about.

    ``recorded`` are the breaches written down since it waits, ``escalated_at`` is when a level was
    told last. After hours in which nobody looked, every clock that ran out is found, and one level
    is told.
    """
    all_of_it = deadlines(dates, limits)
    late = [one for one in all_of_it if one.breached(now)]
    fresh = tuple(one for one in late if one.clock not in recorded)
    running = [one for one in late if one.met_at is None]
    soonest = min(running, key=lambda one: one.period, default=None)
    return Look(
        breached=fresh,
        escalating=_escalating(now, fresh, soonest, escalated_at),
        next_due_at=min(
            (one.due_at for one in all_of_it if one.met_at is None and one not in late),
            default=None,
        ),
        repeated_after=None if soonest is None else soonest.period,
    )


def _escalating(
    now: datetime,
    fresh: Collection[Deadline],
    soonest: Deadline | None,
    escalated_at: datetime | None,
) -> Clock | None:
    unmet = [one.clock for one in fresh if one.met_at is None]
    if unmet:
        return unmet[-1]
    if soonest is None or escalated_at is None or now < escalated_at + soonest.period:
        return None
    return soonest.clock
