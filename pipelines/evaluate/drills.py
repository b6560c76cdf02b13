"""What the drill plays say of the rules: found, false alarms an hour, time to alert, by hazard.

Drills prove the path. How good the detector is, pictures and clips that the code never saw say.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, floor, lgamma, log
from typing import Any, Final, Literal

from models.scoring import wilson
from pipelines.drills.catalogue import Play, Truth
from pipelines.evaluate.faults import EvaluationError, shown
from pipelines.evaluate.rehearsal import Raised, Rehearsed
from pipelines.messages import BoxShares
from vision.hazards import Hazard

Figures = dict[str, Any]
"""As ``--json`` prints them; times in s, rates an hour."""

PATIENCE_S: Final = 10.0
"""An alert is of a hazard that was gone for less: what is believed late was there."""

LOOKALIKE: Final = "lookalike"
PEOPLE: Final = "people"

MOST_REHEARSALS: Final = 250_000
"""Of all plays together: 1000 hours of the whole catalogue are 170,000, a month of one core. What
needs more is a slip of the hand."""

Watched = Hazard | Literal["people"]
"""What hours are counted for."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """An alert of a hazard that was told of before: whoever is on duty is called again."""

    task: Task
    """Where."""
    raised: Raised
    """The alert."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """What the alerts of rehearsals were."""

    found: tuple[Found, ...] = ()
    """Each true hazard."""
    repeats: tuple[Repeat, ...] = ()
    """Right, and not the first."""
    false: tuple[FalseAlarm, ...] = ()
    """Of nothing."""


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
    """Return what is to be played: every play with each seed, then harmless ones by the hour.

    With ``hours`` each hazard is watched for so long at least in look-alikes, and people are, with
    ever new seeds. Raises ``EvaluationError`` for what is more than anybody can mean.
    """
    if seeds * len(plays) > MOST_REHEARSALS:
        raise EvaluationError(
            f"--seeds {seeds}: that is {seeds * len(plays)} rehearsals of {len(plays)} plays: "
            f"give {MOST_REHEARSALS // len(plays)} at most"
        )
    todo = [Task(play=name, seed=seed) for seed in range(seeds) for name in plays]
    if hours is None:
        return todo
    harmless = {name: watched for name, play in plays.items() if (watched := _watched(play))}
    left_s = dict.fromkeys({one for each in harmless.values() for one in each}, hours * 3600)
    for task in todo:
        _subtract(left_s, harmless.get(task.play, ()), plays[task.play].length_s)
    seed = seeds
    while any(left > 0 for left in left_s.values()):
        # All of a round, also where its first plays would do: the mix of look-alikes stays.
        round_ = [name for name, each in harmless.items() if any(left_s[one] > 0 for one in each)]
        if len(todo) + len(round_) > MOST_REHEARSALS:
            done_hours = hours - max(left_s.values()) / 3600
            raise EvaluationError(
                f"--hours {hours:g}: that needs more than {MOST_REHEARSALS} rehearsals of these "
                f"plays: give {floor(done_hours)} at most, or more plays to choose from"
            )
        for name in round_:
            _subtract(left_s, harmless[name], plays[name].length_s)
            todo.append(Task(play=name, seed=seed))
        seed += 1
    return todo


def _watched(play: Play) -> tuple[Watched, ...]:
    """Return what an hour of a harmless play counts for; nothing, of a hazard."""
    if play.kind == LOOKALIKE:
        return play.hazards
    return (PEOPLE,) if play.kind == PEOPLE else ()


def _subtract(left_s: dict[Watched, float], watched: tuple[Watched, ...], length_s: float) -> None:
    for one in watched:
        left_s[one] -= length_s


def sorted_out(play: Play, one: Rehearsed) -> Sorted:
    """Return which of a play's hazards were told of, how often, and which alerts are of none."""
    task = Task(play=one.play, seed=one.seed)
    found, repeats, right = [], list[Raised](), set[Raised]()
    for truth in play.truth:
        own = sorted((each for each in one.raised if _is_of(each, truth)), key=_second)
        found.append(
            Found(task=task, truth=truth, delay_s=own[0].at_s - truth.from_s if own else None)
        )
        repeats += own[1:]
        right |= set(own)
    return Sorted(
        found=tuple(found),
        repeats=tuple(Repeat(task=task, raised=each) for each in repeats),
        false=tuple(
            FalseAlarm(task=task, kind=play.kind, raised=each)
            for each in one.raised
            if each not in right
        ),
    )


def _second(raised: Raised) -> float:
    return raised.at_s


def _is_of(raised: Raised, truth: Truth) -> bool:
    return (
        raised.hazard is truth.hazard
        and truth.from_s <= raised.at_s <= truth.to_s + PATIENCE_S
        and (truth.fault is None or raised.fault is truth.fault)
        and (not truth.zone_ids or raised.zone_id in truth.zone_ids)
        and (truth.box is None or raised.box is None or _lies_in(raised.box, truth.box))
    )


def _lies_in(box: BoxShares, place: BoxShares) -> bool:
    """Say whether a box's middle is in a place: boxes of one thing differ in what they take in."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return place[0] <= x <= place[2] and place[1] <= y <= place[3]


def figures(plays: Mapping[str, Play], rehearsed: Sequence[Rehearsed]) -> Figures:
    """Return the figures of all eight hazards; of those that were not played they are empty."""
    each = [sorted_out(plays[one.play], one) for one in rehearsed]
    false = [alarm for own in each for alarm in own.false]
    # A camera fault says nothing of people. In a play of people, what is on them is no figure of
    # a hazard's; where a look-alike shows people, a false alarm is both.
    on_people = [
        one
        for one in false
        if plays[one.task.play].has_people and one.raised.hazard is not Hazard.CAMERA_FAULT
    ]
    rest = [one for one in false if one.kind != PEOPLE or one.raised.hazard is Hazard.CAMERA_FAULT]
    alerts = Sorted(
        found=tuple(one for own in each for one in own.found),
        repeats=tuple(one for own in each for one in own.repeats),
        false=tuple(rest),
    )
    return {
        "hazards": {one.value: _of_hazard(one, plays, rehearsed, alerts) for one in Hazard},
        "alarms_on_people": len(on_people),
        "people_hours": _hours(plays[one.play] for one in rehearsed
                               if plays[one.play].kind == PEOPLE),
        "plays": len({one.play for one in rehearsed}),
        "seeds": len({one.seed for one in rehearsed}),
        "rehearsals": len(rehearsed),
        "hours": _hours(plays[one.play] for one in rehearsed),
        "looks": sum(one.looks for one in rehearsed),
        "looks_drawn": sum(one.drawn for one in rehearsed),
        "missed": [_missed(one) for one in alerts.found if one.delay_s is None],
        "false_alarms": [_false(one) for one in rest],
        "repeats": [_alert(one.task, one.raised) for one in alerts.repeats],
        "on_people": [_false(one) for one in on_people],
    }  # fmt: skip


def _of_hazard(
    hazard: Hazard,
    plays: Mapping[str, Play],
    rehearsed: Sequence[Rehearsed],
    alerts: Sorted,
) -> Figures:
    own = [one for one in alerts.found if one.truth.hazard is hazard]
    delays_s = [one.delay_s for one in own if one.delay_s is not None]
    wrong = [one for one in alerts.false if one.raised.hazard is hazard]
    watched = [plays[one.play] for one in rehearsed if hazard in plays[one.play].hazards]
    alike = [play for play in watched if play.kind == LOOKALIKE]
    hours = _hours(alike)
    return {
        "scenes": len(own),
        "detected": len(delays_s) / len(own) if own else None,
        "detected_95": wilson(len(delays_s), len(own)),
        "mean_time_to_alert_s": sum(delays_s) / len(delays_s) if delays_s else None,
        "longest_time_to_alert_s": max(delays_s, default=None),
        "repeats": sum(one.raised.hazard is hazard for one in alerts.repeats),
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
    return _alert(one.task, one.raised) | {"kind": one.kind}


def _alert(task: Task, raised: Raised) -> Figures:
    own: Figures = {
        "play": task.play,
        "seed": task.seed,
        "hazard": raised.hazard.value,
        "at_s": raised.at_s,
        "zone": raised.zone_id,
        "box": [round(share, 4) for share in raised.box] if raised.box else None,
    }
    return own | ({"fault": raised.fault.value} if raised.fault else {})
