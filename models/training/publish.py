"""From a trained network to the pack that ships: thresholds, the eight-bit twin, the choice.

Both twins are written and measured by the product's own detector on the held-out pictures. The
faster one ships if it loses less than a point in each of ``COMPARED``; both stay in the work
folder, so that anybody can measure the difference again.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from models.packs import Pack, load_pack
from models.scoring import hazard_thresholds
from models.training import trial
from models.training.classes import HAZARDS, INPUT_SIZE_PX, LABELS, VEHICLES
from models.training.evaluate import Predict, curve, peaks
from models.training.measure import Looker
from models.training.network import HazardNet, predictor
from models.training.pack import PackText, exported, write_pack
from models.training.place import letterboxed
from models.training.quantise import quantised
from models.training.records import ROADS, Record
from vision.letterbox import fit
from vision.masker import PERSON_THRESHOLD

THRESHOLD = 0.6
"""Of every hazard, where 0.5 is the score that 1 % of the roads lie above: half as much again in
odds, for on places unlike any in training a network cries wolf more often than on roads."""
LEAST_THRESHOLD = 0.02
"""Below, a score tells nothing."""
CALIBRATED_ON = 256
"""Street pictures, and as many with hazards, that set the scales of the eight-bit twin."""
MOST_LOST = 0.01
COMPARED = ("found", "fire", "smoke", *(LABELS[c] for c in VEHICLES))
"""Share of pictures found at 1 % road alarms, best F1 at IoU 0.3, AP50 of vehicles."""
TIMED_RUNS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """One of the two packs and how it does."""

    name: str
    """``fp32`` or ``int8``."""
    folder: Path
    """Where it was written."""
    quality: dict[str, float]
    """The figures of ``COMPARED``."""
    ms: float
    """Median milliseconds a picture on one thread, both twins timed in turn."""


def publish(
    network: HazardNet,
    *,
    train: list[Record],
    held_out: list[Record],
    text: PackText,
    out: Path,
    work: Path,
) -> None:
    """Write both twins into ``work``, and the one that ships to ``out``."""
    predict = predictor(network)
    thresholds = chosen_thresholds(predict, held_out)
    own, others = thresholds[: len(HAZARDS)], thresholds[len(HAZARDS) :]
    text = replace(text, thresholds=(THRESHOLD,) * len(HAZARDS) + others)
    precise = exported(network, own)
    coarse = quantised(precise, calibration(train))
    twins = []
    for name, content in (("fp32", precise), ("int8", coarse)):
        write_pack(content, replace(text, name=f"{out.name}_{name}"), work / name)
        twins.append(work / name)
    best = chosen(*measured(twins, held_out))
    content = (best.folder / "model.onnx").read_bytes()
    write_pack(content, text, out)
    print(  # noqa: T201
        f"{out}: to ship it, copy it to models/, put {sha256(content).hexdigest()} into "
        "vision/masker.py (PINNED_SHA256: other weights say nothing of people), and run the tests"
    )


def chosen_thresholds(predict: Predict, held_out: list[Record]) -> tuple[float, ...]:
    """Return one threshold a label: 1 % of roads for hazards, best F1 for vehicles."""
    seen = trial.judged(predict, held_out, INPUT_SIZE_PX)
    top = peaks(seen.found, seen.records)
    roads, has = seen.roads, seen.with_hazard
    floors = (LEAST_THRESHOLD,) * len(HAZARDS)
    hazards = hazard_thresholds(top[roads], top[has], trial.ALARM_SHARE, floors)
    vehicles = []
    for label in VEHICLES:
        result = curve(seen.found, seen.samples, label, 0.5)
        vehicles.append(min(0.5, max(0.2, result.best_threshold)) if result else 0.3)
    return (*(float(each) for each in hazards), *vehicles, PERSON_THRESHOLD)


def calibration(train: Sequence[Record]) -> list[np.ndarray]:
    """Return pictures at the network's size: streets, and as many with hazards."""
    rng = np.random.default_rng(0)
    chosen = []
    for roads in (True, False):
        some = [record for record in train if (record.source in ROADS) == roads]
        rows = rng.choice(len(some), min(CALIBRATED_ON, len(some)), replace=False)
        chosen += [letterboxed(some[row]).pixels for row in sorted(rows)]
    return chosen


def measured(folders: Sequence[Path], held_out: list[Record]) -> list[Twin]:
    """Measure the packs in ``folders`` on the same pictures, and their speeds in turn."""
    packs = [load_pack(folder) for folder in folders]
    speeds = _speeds(packs)
    return [
        Twin(
            name=folder.name,
            folder=folder,
            quality=_quality(pack, held_out),
            ms=round(speed, 2),
        )
        for folder, pack, speed in zip(folders, packs, speeds, strict=True)
    ]


def chosen(*twins: Twin) -> Twin:
    """Return the faster twin, unless it loses a point or more of anything to the other."""
    slow, fast = sorted(twins, key=lambda twin: -twin.ms)
    lost = {name: slow.quality[name] - fast.quality[name] for name in COMPARED}
    for twin in (slow, fast):
        print(f"{twin.name}: {twin.ms} ms, {twin.quality}")  # noqa: T201
    best = fast if max(lost.values()) < MOST_LOST else slow
    print(f"ships: {best.name}; the faster loses {lost}")  # noqa: T201
    return best


def _quality(pack: Pack, held_out: list[Record]) -> dict[str, float]:
    looker = Looker(pack)
    samples = [letterboxed(record) for record in held_out]
    found = [looker(r.pixels, s) for r, s in zip(held_out, samples, strict=True)]
    seen = trial.Judged(records=held_out, samples=samples, found=found)
    whole = trial.figures(seen, trial.Judged(records=[], samples=[], found=[]))[0]
    return {
        "found": whole.found or 0.0,
        **{name: whole.f1_iou30.get(name, 0.0) for name in ("fire", "smoke")},
        **{LABELS[c]: whole.ap50.get(LABELS[c], 0.0) for c in VEHICLES},
    }


def _speeds(packs: Sequence[Pack]) -> list[float]:
    """Return milliseconds a picture; the packs take turns, so that noise meets both alike."""
    height_px, width_px = INPUT_SIZE_PX
    pixels = np.full((1, height_px, width_px, 3), 90, np.uint8)
    box = fit((1920, 1080), height_px, width_px)
    detectors = [pack.detector(threads=1) for pack in packs]
    spans: list[list[float]] = [[] for _ in packs]
    for _ in range(TIMED_RUNS):
        for detector, mine in zip(detectors, spans, strict=True):
            start_ns = time.perf_counter_ns()
            detector(pixels, [box])
            mine.append((time.perf_counter_ns() - start_ns) / 1e6)
    return [float(np.median(each)) for each in spans]
