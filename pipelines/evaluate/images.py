"""``fengsui eval images``: a labelled folder, hazard-free pictures beside it, figures out."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models.packs import load_pack
from pipelines.evaluate.alarms import FEW, Alarms, alarm_figures, alarms
from pipelines.evaluate.cases import Case, Cases, Progress, look_at
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
from pipelines.evaluate.names import UNKNOWN, ClassList, class_list, meaning


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


NO_NEGATIVES: Final = "without --negatives there is no recall at 1 % of alarms"


def judge(request: Request, tell: Callable[[str], None], progress: Progress) -> Judgement:
    """Look at every picture and sum up. Raises ``EvaluationError`` or ``PackError``."""
    started_s = time.perf_counter()
    pack = load_pack(request.pack_dir)
    reading_ms = (time.perf_counter() - started_s) * 1e3
    looker, left_out = Looker(pack), LeftOut(tell=tell)
    classes = class_list(request.names, request.folder, pack.settings.labels)
    asked = None if request.known is None else _asked(request.known, looker)
    own = _looked(
        request.folder,
        request,
        looker,
        classes,
        left_out=left_out,
        progress=progress,
        hazard_free=False,
    )
    free = Cases(cases=(), unknown_boxes=0)
    if request.negatives is not None:
        given = _list_of_negatives(request, classes, looker)
        free = _looked(
            request.negatives,
            request,
            looker,
            given,
            left_out=left_out,
            progress=progress,
            hazard_free=True,
        )
    known = known_labels(own.cases) if asked is None else asked
    sorted_out = alarms(own.cases, free.cases, known, looker)
    figures = {
        **_figures(own, known, sorted_out, looker),
        "load_ms": round(reading_ms + looker.load_ms, 1),
        "left_out": dict(sorted(left_out.reasons.items())),
        "class_list": {"names": list(classes.names), "from": classes.origin},
    }
    return Judgement(
        figures=figures,
        notes=tuple(_notes(own, sorted_out, classes, request)),
        cases=own.cases,
        known=known,
        alarms=sorted_out,
        looker=looker,
    )


def _figures(own: Cases, known: frozenset[int], alarms: Alarms, looker: Looker) -> Figures:
    return {
        "images": len(own.cases),
        "classes": class_figures(own.cases, known, looker),
        **alarm_figures(alarms),
        "ms_per_image": round(looker.ms_per_image, 3),
        "vehicles": vehicle_figures(own.cases, looker),
        "people_covered": people_figures(own.cases),
        "unknown_boxes": own.unknown_boxes,
        "pack": looker.pack.name,
        "pack_sha256": looker.pack.sha256,
    }


def _looked(
    folder: Path,
    request: Request,
    looker: Looker,
    classes: ClassList,
    *,
    left_out: LeftOut,
    progress: Progress,
    hazard_free: bool,
) -> Cases:
    before = left_out.reasons.copy()
    pictures = spread(entries(folder, left_out, labelled=not hazard_free), request.limit)
    result = look_at(pictures, looker, classes, left_out, progress, hazard_free=hazard_free)
    if not result.cases:
        here = LeftOut(tell=left_out.tell, reasons=left_out.reasons - before)
        raise EvaluationError(
            f"{shown(folder)}: no picture of it could be used: {here.in_words()}: "
            "each is named above with what to do"
        )
    return result


def _list_of_negatives(request: Request, classes: ClassList, looker: Looker) -> ClassList:
    """Return the negatives' own class list if there is one, else the labelled folder's."""
    if request.names is not None or request.negatives is None:
        return classes
    labels = looker.pack.settings.labels
    own = class_list(None, request.negatives, labels, hazard_free=True)
    is_default = own.names == tuple(one.name for one in labels)
    return classes if is_default else own


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


def _notes(own: Cases, alarms: Alarms, classes: ClassList, request: Request) -> list[str]:
    notes = []
    unknown = [
        name
        for name, label in zip(classes.names, classes.meanings, strict=True)
        if label == UNKNOWN
    ]
    if unknown:
        notes.append(
            f"the pack doesn't know {', '.join(map(shown, unknown))}: {own.unknown_boxes} boxes of "
            "such classes say nothing here"
        )
    if request.negatives is None:
        notes.append(NO_NEGATIVES)
    elif len(alarms.negatives) < FEW:
        notes.append(
            f"{len(alarms.negatives)} negatives are few: 1 % of fewer than {FEW} is no alarm at "
            "all, so the recall at 1 % is that without any"
        )
    if not alarms.hazards:
        notes.append("no picture shows a labelled hazard that counts: their recall is unknown")
    return notes
