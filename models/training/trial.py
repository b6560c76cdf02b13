"""The figures of one training: on held-out groups, and on sets that it was kept from altogether."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import compress

import numpy as np
from jaxtyping import Bool

from models import scoring
from models.scoring import Found
from models.training.classes import HAZARDS, LABELS, VEHICLES
from models.training.evaluate import Predict, curve, look, peaks
from models.training.place import Sample, letterboxed
from models.training.records import ROADS, Record

ALARM_SHARE = 0.01
"""Of hazard-free road pictures that may alarm in a single look; a rule asks for three of five."""
FIGURED = (*HAZARDS, *VEHICLES)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFigures:
    """How a training did on one set."""

    name: str
    """Of the set; ``all`` for the held-out groups of every set together."""
    seen: bool
    """Whether other groups of the set were trained on."""
    pictures: int
    """Pictures judged."""
    with_hazard: int
    """Of these with a labelled hazard."""
    found: float | None
    """Share of those in which a hazard reaches its threshold; 1 % of roads reach any."""
    found_by_one: float | None
    """The same with one threshold for all hazards, their scores as the network gives them."""
    alarms: int
    """Pictures without a labelled hazard in which one reaches its threshold."""
    f1_iou30: dict[str, float]
    """Best F1 at IoU 0.3, by class."""
    ap50: dict[str, float]
    """Average precision at IoU 0.5, by class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Records with what the network found in them."""

    records: list[Record]
    """Pictures and labels."""
    samples: list[Sample]
    """In the same order, as the network sees them."""
    found: list[Found]
    """In the same order, in pixels of the samples."""

    @property
    def roads(self) -> Bool[np.ndarray, "r"]:
        """Which show roads without a hazard."""
        return np.array([each.source in ROADS for each in self.records], bool)

    @property
    def with_hazard(self) -> Bool[np.ndarray, "r"]:
        """Which have a hazard labelled."""
        return np.array([np.isin(each.labels, HAZARDS).any() for each in self.records], bool)

    def where(self, keep: Iterable[bool]) -> "Judged":
        """Return the records that ``keep`` marks."""
        kept = list(keep)
        return Judged(
            records=list(compress(self.records, kept)),
            samples=list(compress(self.samples, kept)),
            found=list(compress(self.found, kept)),
        )

    def of(self, source: str) -> "Judged":
        """Return the records of one set."""
        return self.where(each.source == source for each in self.records)


def judged(predict: Predict, records: list[Record], size_px: tuple[int, int]) -> Judged:
    """Let the network look at every record, letterboxed into ``size_px`` (h, w)."""
    samples = [letterboxed(record, size_px) for record in records]
    found = look(predict, [sample.pixels for sample in samples])
    return Judged(records=records, samples=samples, found=found)


def figures(held_out: Judged, away: Judged) -> list[SetFigures]:
    """Return the figures of the held-out groups together, of each set's, and of sets kept away.

    Thresholds are cut on the held-out roads, drawn stills apart from everything.
    """
    photographs = held_out.where(each.source != "drawn" for each in held_out.records)
    top, roads = peaks(photographs.found, photographs.records), photographs.roads
    one = scoring.cut_at_share(top[roads].max(axis=1), ALARM_SHARE)
    apart = scoring.hazard_thresholds(
        top[roads], top[photographs.with_hazard], ALARM_SHARE, (0.0,) * len(HAZARDS)
    )
    return [
        _figures("all", photographs, one, apart, seen=True),
        *(_figures(s, held_out.of(s), one, apart, seen=True) for s in _sources(held_out)),
        *(_figures(s, away.of(s), one, apart, seen=False) for s in _sources(away)),
    ]


def _sources(judged: Judged) -> list[str]:
    return sorted({each.source for each in judged.records})


def _figures(name: str, mine: Judged, one: float, apart: np.ndarray, *, seen: bool) -> SetFigures:
    top, has = peaks(mine.found, mine.records), mine.with_hazard
    above, above_one = (top >= apart).any(axis=1), top.max(axis=1) > one
    thirds = {c: curve(mine.found, mine.samples, c, 0.3) for c in FIGURED}
    halves = {c: curve(mine.found, mine.samples, c, 0.5) for c in FIGURED}
    return SetFigures(
        name=name,
        seen=seen,
        pictures=len(has),
        with_hazard=int(has.sum()),
        found=_share(above[has]),
        found_by_one=_share(above_one[has]),
        alarms=int(above[~has].sum()),
        f1_iou30={LABELS[c]: round(each.best_f1, 3) for c, each in thirds.items() if each},
        ap50={LABELS[c]: round(each.average_precision, 3) for c, each in halves.items() if each},
    )


def _share(hits: Bool[np.ndarray, "n"]) -> float | None:
    return round(float(hits.mean()), 3) if len(hits) else None


def as_rows(some: Sequence[SetFigures]) -> list[dict[str, object]]:
    """Return the figures for a JSON file."""
    return [asdict(each) for each in some]


def line(each: SetFigures) -> str:
    """Return a line for people."""
    found = "–" if each.found is None else f"{each.found:.3f}"
    kind = "" if each.seen else " (never seen)"
    f1 = ", ".join(f"{name} {value:.2f}" for name, value in each.f1_iou30.items())
    free = each.pictures - each.with_hazard
    return f"{each.name}{kind}: found {found}, alarms {each.alarms}/{free}; F1 at IoU 0.3: {f1}"
