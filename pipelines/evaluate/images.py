"""``fengsui eval images``: a labelled folder, hazard-free pictures beside it, figures out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.packs import load_pack
from pipelines.evaluate.alarms import FEW, Alarms, alarm_figures, alarms
from pipelines.evaluate.cases import Case, Read, Told, look_at, read_all
from pipelines.evaluate.faults import EvaluationError, LeftOut, shown
from pipelines.evaluate.figures import (
    Figures,
    class_figures,
    known_labels,
    people_figures,
    vehicle_figures,
)
from pipelines.evaluate.folder import entries, spread
from pipelines.evaluate.looker import Looker
from pipelines.evaluate.names import (
    UNKNOWN,
    ClassList,
    class_list,
    class_list_of_negatives,
    meaning,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command was asked."""

    folder: Path
    """The labelled pictures."""
    negatives: Path | None
    """Pictures without any hazard."""
    names: str | None
    """The class list, or a file that holds it."""
    known: str | None
    """Classes that are labelled in full."""
    limit: int | None
    """At most so many pictures of each folder."""
    pack_dir: Path
    """The pack to judge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """All that came out."""

    figures: Figures
    """For machines."""
    notes: tuple[str, ...]
    """What a reader of the figures must know."""
    cases: tuple[Case, ...]
    """The labelled pictures."""
    known: frozenset[int]
    """The pack's labels that count as labelled in full."""
    alarms: Alarms
    """The pictures by what is labelled in them."""
    looker: Looker
    """What looked at them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Set:
    """One folder's labels, read and not yet looked at."""

    folder: Path
    """Where."""
    read: list[Read]
    """Files and labels."""
    pictures: frozenset[Path]
    """All of them, by where they really lie."""
    twice: int
    """How many were passed over since the other folder has them."""


def judge(request: Request, tell: Callable[[str], None], told: Told) -> Judgement:
    """Look at every picture and sum up. Raises ``EvaluationError`` or ``PackError``."""
    looker, left_out = Looker(load_pack(request.pack_dir)), LeftOut(tell=tell)
    packs = looker.pack.settings.labels
    classes = class_list(request.names, request.folder, packs)
    asked = None if request.known is None else _asked(request.known, looker)
    own = _read(request.folder, request.limit, left_out, frozenset(), labelled=True)
    _require_fit(own.read, classes)
    free = None
    if request.negatives is not None:  # read first: what is wrong is told before the long part
        free = _read(request.negatives, request.limit, left_out, own.pictures, labelled=False)
    cases = look_at(own.read, looker, classes, left_out, told, hazard_free=False)
    _require_some(cases, request.folder, left_out)
    negatives: tuple[Case, ...] = ()
    if free is not None and (free.read or not free.twice):
        highest = max((int(one.numbers.max(initial=0)) for _, one in free.read), default=0)
        theirs = class_list_of_negatives(free.folder, packs, classes, highest)
        negatives = look_at(free.read, looker, theirs, left_out, told, hazard_free=True)
        _require_some(negatives, free.folder, left_out)
    known = known_labels(cases) if asked is None else asked
    sorted_out = alarms(cases, negatives, known, looker)
    figures = {
        **_figures(cases, known, sorted_out, looker),
        "empty_label_files": sum(len(labels.numbers) == 0 for _, labels in own.read),
        "left_out": dict(sorted(left_out.reasons.items())),
        "class_list": {"names": list(classes.names), "from": classes.origin},
    }
    return Judgement(
        figures=figures,
        notes=tuple(_notes(figures, sorted_out, classes, free.twice if free else 0)),
        cases=cases,
        known=known,
        alarms=sorted_out,
        looker=looker,
    )


def _figures(
    cases: Sequence[Case], known: frozenset[int], alarms: Alarms, looker: Looker
) -> Figures:
    return {
        "images": len(cases),
        "classes": class_figures(cases, known, looker),
        **alarm_figures(alarms),
        "ms_per_image": round(looker.ms_per_image, 3),
        "vehicles": vehicle_figures(cases, looker),
        "people_covered": people_figures(cases),
        "unknown_boxes": sum(int((case.meanings == UNKNOWN).sum()) for case in cases),
        "pack": looker.pack.name,
        "pack_sha256": looker.pack.sha256,
    }


def _read(
    folder: Path, limit: int | None, left_out: LeftOut, others: frozenset[Path], *, labelled: bool
) -> _Set:
    """Read a folder's labels, but for pictures that the other folder has."""
    every = entries(folder, left_out, labelled=labelled)
    mine = [entry for entry in every if entry.picture.resolve() not in others]
    return _Set(
        folder=folder,
        read=read_all(spread(mine, limit), left_out),
        pictures=frozenset(entry.picture.resolve() for entry in every),
        twice=len(every) - len(mine),
    )


def _require_fit(read: Sequence[Read], classes: ClassList) -> None:
    """Raise ``EvaluationError`` where too many numbers lie beyond the list: it is another's."""
    count = len(classes.names)
    highest = np.array([labels.numbers.max(initial=0) for _, labels in read], np.int64)
    beyond = int((highest >= count).sum())
    if 3 * beyond > len(read):
        raise EvaluationError(
            f"{classes.origin}: the class list {', '.join(map(shown, classes.names))} does not "
            f"fit: {beyond} of {len(read)} label files have numbers beyond its {count} names, up "
            f"to {highest.max()}: give --names with a name for each number, in their order"
        )


def _require_some(cases: Sequence[Case], folder: Path, left_out: LeftOut) -> None:
    if not cases:
        counts = ", ".join(f"{count} {reason}" for reason, count in left_out.reasons.items())
        raise EvaluationError(
            f"{shown(folder)}: no picture of it could be used: {counts}: "
            "each is named above with what to do"
        )


def _asked(text: str, looker: Looker) -> frozenset[int]:
    """Return the labels that `--known` names. Raises ``EvaluationError``."""
    labels = looker.pack.settings.labels
    named = {name.strip(): meaning(name, labels) for name in text.split(",")}
    unfit = [name for name, label in named.items() if label <= UNKNOWN]
    if unfit:
        usable = [one.name for k, one in enumerate(labels) if meaning(one.name, labels) == k]
        raise EvaluationError(
            f"--known: {', '.join(unfit)} is no hazard or vehicle that the pack knows: "
            f"it knows {', '.join(usable)}"
        )
    return frozenset(named.values())


def _notes(own: Figures, alarms: Alarms, classes: ClassList, twice: int) -> list[str]:
    notes = []
    unknown = [
        name
        for name, label in zip(classes.names, classes.meanings, strict=True)
        if label == UNKNOWN
    ]
    if unknown:
        notes.append(
            f"the pack doesn't know {', '.join(map(shown, unknown))}: {own['unknown_boxes']} boxes "
            "of such classes say nothing here"
        )
    if own["empty_label_files"]:
        notes.append(
            f"{own['empty_label_files']} label files are empty, which says that nothing is there: "
            "where a picture was only never labelled, take its file away"
        )
    if twice:
        notes.append(
            f"{twice} pictures of --negatives are the labelled folder's own: they were judged "
            "once, by their labels"
        )
    if not alarms.negatives:
        notes.append("without negatives there is no recall at 1 % of alarms")
    elif len(alarms.negatives) < FEW:
        notes.append(
            f"{len(alarms.negatives)} negatives are few: 1 % of fewer than {FEW} is no alarm at "
            "all, so the recall at 1 % is that without any"
        )
    if not alarms.hazards:
        notes.append("no picture shows a labelled hazard that counts: their recall is unknown")
    return notes
