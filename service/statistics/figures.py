"""Figures out of plain numbers. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from service.incidents.lifecycle import IncidentState
from service.statistics.models import Figures, Row, Times
from service.statistics.queries import CLOCKS, Counted, Key

OF_CLOCKS: Final = {"seen": "seen", "sent": "sent", "report": "reported"}
"""What a clock's deadline is for."""

Group = Callable[[Key], str | None]
"""Returns the row that a key belongs to."""


@dataclass(slots=True)
class Tally:
    """Numbers of some incidents, being added up."""

    states: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """How many stand where."""
    confirmed: int = 0
    """How many were confirmed and not called false since."""
    seconds: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in CLOCKS})
    """How long each took, by what is timed."""
    breaches: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """How many deadlines passed, by what is timed."""


@dataclass(slots=True)
class Tallies:
    """Those of each row, and of all."""

    total: Tally = field(default_factory=Tally)
    """All of them."""
    rows: dict[str | None, Tally] = field(default_factory=lambda: defaultdict(Tally))
    """By row."""


def tallied(
    group: Group,
    *,
    counts: Iterable[Counted],
    durations: Iterable[tuple[Key, float | None, float | None, float | None]],
    breaches: Iterable[tuple[Key, str, int]],
    untimed: Key = None,
) -> Tallies:
    """Add numbers up by row; ``untimed`` is the key whose times count for its own row alone."""
    made = Tallies()
    group = cache(group)
    for one in counts:
        for tally in (made.total, made.rows[group(one.key)]):
            tally.states[one.state] += one.incidents
            tally.confirmed += 0 if one.state == IncidentState.FALSE else one.confirmed
    _time(made, group, durations, untimed)
    for key, clock, number in breaches:
        for tally in (made.total, made.rows[group(key)]):
            tally.breaches[OF_CLOCKS.get(clock, clock)] += number
    return made


def figures(tally: Tally) -> Figures:
    """Return what is shown of a tally."""
    incidents = sum(tally.states.values())
    return Figures(
        incidents=incidents,
        states={state: tally.states.get(state.value, 0) for state in IncidentState},
        confirmed=tally.confirmed,
        confirmed_share=share(tally.confirmed, incidents),
        false_share=share(tally.states.get("false", 0), incidents),
        closed_share=share(tally.states.get("closed", 0), incidents),
        **{name: _times(tally, name) for name in CLOCKS},
    )


def row(key: str | None, tally: Tally, name: str | None = None) -> Row:
    """Return a row."""
    return Row(key=key, name=name, **dict(figures(tally)))


def ranked(ordered: Sequence[float], percent: int) -> float | None:
    """Return a percentile of ordered numbers by the nearest rank: one of them, never between."""
    if not ordered:
        return None
    return ordered[-(-percent * len(ordered) // 100) - 1]


def share(part: int, whole: int) -> float | None:
    """Return a share, to four digits; None of nothing."""
    return round(part / whole, 4) if whole else None


def _time(
    made: Tallies,
    group: Group,
    durations: Iterable[tuple[Key, float | None, float | None, float | None]],
    untimed: Key,
) -> None:
    # Spelled out: a hundred thousand times through here.
    lists: dict[Key, tuple[list[float], list[float], list[float]]] = {}
    for key, seen, sent, reported in durations:
        kept = lists.get(key)
        if kept is None:
            kept = lists[key] = ([], [], [])
        if seen is not None:
            kept[0].append(seen)
        if sent is not None:
            kept[1].append(sent)
        if reported is not None:
            kept[2].append(reported)
    for key, kept in lists.items():
        tallies = [made.rows[group(key)]]
        if untimed is None or key != untimed:
            tallies.append(made.total)
        for tally in tallies:
            for name, some in zip(CLOCKS, kept, strict=True):
                tally.seconds[name].extend(some)


def _times(tally: Tally, name: str) -> Times:
    ordered = sorted(tally.seconds[name])
    median, p95 = ranked(ordered, 50), ranked(ordered, 95)
    return Times(
        count=len(ordered),
        median_s=None if median is None else round(max(0.0, median), 3),
        p95_s=None if p95 is None else round(max(0.0, p95), 3),
        breaches=tally.breaches.get(name, 0),
    )
