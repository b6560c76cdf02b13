"""What the drill plays say of the rules: found, false alarms an hour, time to alert, by hazard.

Drills prove the path. How good the detector is, pictures and clips that the code never saw say.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, lgamma, log
from typing import Any, Final

from models.scoring import wilson
from pipelines.drills.catalogue import Play, Truth
from pipelines.evaluate.faults import EvaluationError, shown
from pipelines.evaluate.rehearsal import Raised, Rehearsed
from vision.hazards import Hazard

Figures = dict[str, Any]
"""As ``--json`` prints them; times in s, rates an hour."""

PATIENCE_S: Final = 10.0
"""An alert is of a hazard that was gone for less: what is believed late was there."""

LOOKALIKE, PEOPLE = "lookalike", "people"

MOST_SEEDS: Final = 20_000
"""Of one play: a number of hours that needs more is a slip of the hand."""

SHOWN_WORDS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One play with one seed."""

    play: str
    """Its name."""
    seed: int
    """Its seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A hazard of a play, and when it was told of."""

    task: Task
    """Where."""
    truth: Truth
    """What happened."""
    delay_s: float | None
    """From its beginning to the first alert of it; ``None``: it was missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseAlarm:
    """An alert of nothing."""

    task: Task
    """Where."""
    kind: str
    """Of its play."""
    raised: Raised
    """The alert."""


def chosen(catalogue: Mapping[str, Play], words: Sequence[str]) -> dict[str, Play]:
    """Return the plays of that name, or else with a word in it, or of that kind; all without words.

    Raises ``EvaluationError`` for a word that fits none.
    """
    picked: dict[str, Play] = {}
    for word in words:
        fits = {name: play for name, play in catalogue.items() if word in name or word == play.kind}
        fits = {word: catalogue[word]} if word in catalogue else fits
        if not fits or not word:
            known = sorted({name.split("_")[0] for name in catalogue})
            some = ", ".join([*known[:SHOWN_WORDS], *(["…"] if len(known) > SHOWN_WORDS else [])])
            raise EvaluationError(
                f"--only {shown(word) or '(nothing)'}: no play has that in its name: give a part "
                f"of one ({some}), or hazard, lookalike, people"
            )
        picked |= fits
    return picked if words else dict(catalogue)


def tasks(plays: Mapping[str, Play], seeds: int, hours: float | None) -> list[Task]:
    """Return what is to be played: every play with each seed, then look-alikes by the hour.

    With ``hours`` each hazard is watched for so long at least in look-alikes, with ever new seeds.
    Raises ``EvaluationError`` for hours that no number of seeds gives.
    """
    todo = [Task(play=name, seed=seed) for seed in range(seeds) for name in plays]
    if hours is None:
        return todo
    alike = {name: play for name, play in plays.items() if play.kind == LOOKALIKE}
    left_s = dict.fromkeys({one for play in alike.values() for one in play.hazards}, hours * 3600)
    for task in todo:
        _subtract(left_s, alike.get(task.play))
    seed = seeds
    while any(left > 0 for left in left_s.values()):
        if seed > MOST_SEEDS:
            raise EvaluationError(f"--hours {hours:g}: that is too much: give 1000 at most")
        # All of a round, also where its first plays would do: the mix of look-alikes stays.
        round_ = [
            name for name, play in alike.items() if any(left_s[one] > 0 for one in play.hazards)
        ]
        for name in round_:
            _subtract(left_s, alike[name])
            todo.append(Task(play=name, seed=seed))
        seed += 1
    return todo


def _subtract(left_s: dict[Hazard, float], play: Play | None) -> None:
    for hazard in () if play is None else play.hazards:
        left_s[hazard] -= play.length_s if play else 0.0


def sorted_out(play: Play, one: Rehearsed) -> tuple[list[Found], list[FalseAlarm]]:
    """Return which of a play's hazards were told of, and which alerts are of none."""
    task = Task(play=one.play, seed=one.seed)
    found = []
    for truth in play.truth:
        delays_s = [each.at_s - truth.from_s for each in one.raised if _is_of(each, truth)]
        found.append(Found(task=task, truth=truth, delay_s=min(delays_s, default=None)))
    false = [
        FalseAlarm(task=task, kind=play.kind, raised=each)
        for each in one.raised
        if not any(_is_of(each, truth) for truth in play.truth)
    ]
    return found, false


def _is_of(raised: Raised, truth: Truth) -> bool:
    return (
        raised.hazard is truth.hazard
        and truth.from_s <= raised.at_s <= truth.to_s + PATIENCE_S
        and (truth.fault is None or raised.fault is truth.fault)
    )


def figures(plays: Mapping[str, Play], rehearsed: Sequence[Rehearsed]) -> Figures:
    """Return the figures of all eight hazards; of those that were not played they are empty."""
    found: list[Found] = []
    false: list[FalseAlarm] = []
    for one in rehearsed:
        its_own, its_false = sorted_out(plays[one.play], one)
        found += its_own
        false += its_false
    # On people each alert counts by itself; a camera fault says nothing of them.
    on_people = [one for one in false if _is_on_people(one)]
    rest = [one for one in false if not _is_on_people(one)]
    return {
        "hazards": {
            hazard.value: _of_hazard(hazard, plays, rehearsed, found, rest) for hazard in Hazard
        },
        "alarms_on_people": len(on_people),
        "people_hours": _hours(plays[one.play] for one in rehearsed
                               if plays[one.play].kind == PEOPLE),
        "plays": len({one.play for one in rehearsed}),
        "seeds": len({one.seed for one in rehearsed}),
        "rehearsals": len(rehearsed),
        "hours": _hours(plays[one.play] for one in rehearsed),
        "looks": sum(one.looks for one in rehearsed),
        "looks_drawn": sum(one.drawn for one in rehearsed),
        "missed": [_missed(one) for one in found if one.delay_s is None],
        "false_alarms": [_false(one) for one in rest],
        "on_people": [_false(one) for one in on_people],
    }  # fmt: skip


def _is_on_people(one: FalseAlarm) -> bool:
    return one.kind == PEOPLE and one.raised.hazard is not Hazard.CAMERA_FAULT


def _of_hazard(
    hazard: Hazard,
    plays: Mapping[str, Play],
    rehearsed: Sequence[Rehearsed],
    found: Sequence[Found],
    false: Sequence[FalseAlarm],
) -> Figures:
    own = [one for one in found if one.truth.hazard is hazard]
    delays_s = [one.delay_s for one in own if one.delay_s is not None]
    wrong = [one for one in false if one.raised.hazard is hazard]
    watched = [plays[one.play] for one in rehearsed if hazard in plays[one.play].hazards]
    alike = [play for play in watched if play.kind == LOOKALIKE]
    hours = _hours(alike)
    return {
        "scenes": len(own),
        "detected": len(delays_s) / len(own) if own else None,
        "detected_95": wilson(len(delays_s), len(own)),
        "mean_time_to_alert_s": sum(delays_s) / len(delays_s) if delays_s else None,
        "longest_time_to_alert_s": max(delays_s, default=None),
        "false_alarms": len(wrong),
        "false_alarms_in_lookalikes": sum(one.kind == LOOKALIKE for one in wrong),
        "lookalikes": len({play.name for play in alike}),
        "lookalike_hours": hours,
        "false_alarms_per_hour": len(wrong) / hours if hours else None,
        "false_alarms_upper95_per_hour": poisson_upper95(len(wrong)) / hours if hours else None,
    }


def _hours(plays: Iterable[Play]) -> float:
    return sum(play.length_s for play in plays) / 3600


def poisson_upper95(count: int) -> float:
    """Return the mean under which so few events have a chance of 5 %: 3.0 for none (Garwood)."""
    low, high = 0.0, 3.0 * count + 10.0
    for _ in range(60):  # each halves the interval: below the precision of a float
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(count, middle) > 0.05 else (low, middle)
    return high


def _at_most(count: int, mean: float) -> float:
    """Return the chance of ``count`` events or fewer where ``mean`` are expected."""
    return sum(exp(one * log(mean) - mean - lgamma(one + 1)) for one in range(count + 1))


def _missed(one: Found) -> Figures:
    own: Figures = {
        "play": one.task.play,
        "seed": one.task.seed,
        "hazard": one.truth.hazard.value,
        "from_s": one.truth.from_s,
    }
    return own | ({"fault": one.truth.fault.value} if one.truth.fault else {})


def _false(one: FalseAlarm) -> Figures:
    raised = one.raised
    own: Figures = {
        "play": one.task.play,
        "seed": one.task.seed,
        "kind": one.kind,
        "hazard": raised.hazard.value,
        "at_s": raised.at_s,
        "zone": raised.zone_id,
    }
    return own | ({"fault": raised.fault.value} if raised.fault else {})
