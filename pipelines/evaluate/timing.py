"""From a clip's alerts and its truth to figures: delay, false alarms an hour, coverage. Pure."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import Final

from pipelines.evaluate.faults import EvaluationError
from pipelines.evaluate.figures import Figures, rounded
from pipelines.evaluate.truth import TrueEvent
from pipelines.evaluate.video import Raised, Watched

AFTER_END_S: Final = 5.0
"""An alert so long after the end is still about it: it needs three looks, each up to 2 s apart."""

CLOCK_LOOK_S: Final = 2.0
"""How far looks are apart where there are too few to say."""

Span = tuple[float, float]


def is_of(alert: Raised, event: TrueEvent, look_s: float) -> bool:
    """Say whether an alert is about an event: it was open from one look before to 5 s after.

    People mark a beginning when they are sure; and an alert that is open goes on for the next
    event at once, without a new onset.
    """
    in_time = alert.end_s > event.from_s - look_s and alert.onset_s <= event.to_s + AFTER_END_S
    return alert.hazard is event.hazard and in_time


def look_s(watched: Watched) -> float:
    """Return how far looks are apart."""
    gaps = [later - sooner for sooner, later in pairwise(watched.looks_s)]
    return median(gaps) if gaps else CLOCK_LOOK_S


def right_alerts(watched: Watched, truth: Sequence[TrueEvent]) -> list[Raised]:
    """Return the alerts that are about an event."""
    apart_s = look_s(watched)
    return [one for one in watched.raised if any(is_of(one, event, apart_s) for event in truth)]


def video_figures(watched: Watched, truth: Sequence[TrueEvent]) -> Figures:
    """Return what is told of a clip. Times are seconds of it, of looks."""
    right = right_alerts(watched, truth)
    wrong = len(watched.raised) - len(right)
    events = [_event(event, watched) for event in truth]
    alerted = [event["alert_s"] for event in events if event["alert_s"] is not None]
    hours = watched.length_s / 3600
    return {
        "alerts": len(watched.raised),
        "first_true_s": rounded(min((event.from_s for event in truth), default=None)),
        "first_alert_s": min(alerted, default=None),
        "false_alarms_per_hour": rounded(wrong / hours) if hours else None,
        "coverage": coverage(truth, watched.raised),
        "false_alarms": wrong,
        "length_s": rounded(watched.length_s),
        "looks": len(watched.looks_s),
        "events": events,
        "alert_list": [
            {
                "hazard": one.hazard,
                "onset_s": rounded(one.onset_s),
                "end_s": rounded(one.end_s),
                "score": rounded(one.score),
                "true": one in right,
            }
            for one in watched.raised
        ],
    }


def _event(event: TrueEvent, watched: Watched) -> Figures:
    apart_s = look_s(watched)
    own = [max(one.onset_s, event.from_s) for one in watched.raised if is_of(one, event, apart_s)]
    first = min(own, default=None)
    return {
        "hazard": event.hazard,
        "from_s": event.from_s,
        "to_s": event.to_s,
        "alert_s": rounded(first),
        "delay_s": rounded(None if first is None else first - event.from_s),
        "coverage": coverage([event], watched.raised),
    }


def coverage(truth: Sequence[TrueEvent], raised: Sequence[Raised]) -> float | None:
    """Return the share of the true seconds in which an alert of that hazard was open.

    Open from the look that raised it to the look that ended it, whatever raised it. Seconds that
    two events of one hazard share count once. None without an event.
    """
    total = met = 0.0
    for hazard in {event.hazard for event in truth}:
        true = _union((one.from_s, one.to_s) for one in truth if one.hazard is hazard)
        open_ = _union((one.onset_s, one.end_s) for one in raised if one.hazard is hazard)
        total += sum(end - start for start, end in true)
        met += sum(max(0.0, min(a[1], b[1]) - max(a[0], b[0])) for a in true for b in open_)
    return rounded(met / total) if total else None


def _union(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def fitted(truth: Sequence[TrueEvent], length_s: float, where: str) -> tuple[TrueEvent, ...]:
    """Return the events, ending with the clip at the latest.

    Raises ``EvaluationError`` for one that begins after it: the times are another clip's.
    """
    for one in truth:
        if one.from_s >= length_s:
            raise EvaluationError(
                f"{where}: {one.hazard} begins at {one.from_s:g} s, but the clip ends at "
                f"{length_s:.1f} s: give the times of this clip"
            )
    return tuple(
        TrueEvent(hazard=one.hazard, from_s=one.from_s, to_s=min(one.to_s, length_s))
        for one in truth
    )


def video_notes(watched: Watched, truth: Sequence[TrueEvent]) -> list[str]:
    """Return what a reader of the figures must know."""
    notes = []
    if watched.length_s < 3600:
        one = 3600 / watched.length_s if watched.length_s else 0.0
        notes.append(
            f"the clip lasts {watched.length_s:.0f} s: one false alarm in it makes {one:.0f} an "
            "hour, and none says little of an hour"
        )
    unwatched = {event.hazard for event in truth} - watched.hazards
    if unwatched:
        notes.append(
            f"{', '.join(sorted(unwatched))}: no rule watches for it in a clip, so it counts as "
            "missed"
        )
    over = [event for event in truth if event.to_s > watched.length_s + 1]
    if over:
        notes.append(f"{len(over)} events end after the clip: they were cut at its end")
    return notes
