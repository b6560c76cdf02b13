"""``python -m models.training.measure``: what the card tells that ``fengsui eval`` does not.

All held-out groups together, by what each set labels; drawn stills; clips; speed; by the product's
detector, without torch. People have no figure here: the detector does not hand them out.
"""

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from models.packs import Pack, load_pack
from models.scoring import Found
from models.training import clips
from models.training.classes import HAZARDS, LABELS, PERSON
from models.training.drills import drawn_records
from models.training.evaluate import LEAST_SCORE, curve, f1_at, peaks
from models.training.place import Sample, letterboxed
from models.training.records import Record, known_mask, load_sets
from vision.detector import Detector
from vision.letterbox import fit

DRAWN_HELD_OUT = 100
DRAWN_SEED = 2
"""The stills that a run of ``--seed 1`` held out."""
VTEST = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
"""Debian's package opencv-doc; left out where it is absent."""
TIMED_RUNS = 60
Figures = dict[str, object]


class Looker:
    """The pack's detector with its thresholds lowered, so that whole curves can be drawn."""

    def __init__(self, pack: Pack, least: float = LEAST_SCORE):
        self._settings = pack.settings
        labels = tuple(dataclasses.replace(one, threshold=least) for one in pack.settings.labels)
        self._detector = Detector(pack.weights, dataclasses.replace(pack.settings, labels=labels))

    def __call__(self, picture: UInt8[np.ndarray, "h w 3"], sample: Sample) -> Found:
        """Look at one picture; boxes come back in canvas pixels."""
        height_px, width_px = picture.shape[:2]
        settings = self._settings
        box = fit((width_px, height_px), settings.input_height_px, settings.input_width_px)
        found, _ = self._detector(sample.pixels[None], [box])
        order = np.argsort(-found.score, kind="stable")
        content_px = np.array([box.content_width_px, box.content_height_px] * 2, np.float32)
        return Found(
            boxes=found.xyxy[order] * content_px,
            labels=found.label[order],
            scores=found.score[order],
        )


def measured(pack: Pack, shared: Path) -> Figures:
    """Return the figures."""
    looker = Looker(pack)
    held_out = [*load_sets(shared / "data")[1], *drawn_records(DRAWN_HELD_OUT, DRAWN_SEED)]
    samples = [letterboxed(record) for record in held_out]
    found = [looker(r.pixels, s) for r, s in zip(held_out, samples, strict=True)]
    thresholds = np.array([label.threshold for label in pack.settings.labels], np.float32)
    return {
        "pack": pack.name,
        "sha256": pack.sha256,
        "thresholds": dict(zip(LABELS, (round(float(t), 3) for t in thresholds), strict=True)),
        "classes": _classes(found, samples, held_out, thresholds),
        "clips": _clips(looker, shared, thresholds),
        "ms_per_picture_one_thread": _speed(pack),
    }


def _classes(
    found: list[Found],
    samples: list[Sample],
    held_out: list[Record],
    thresholds: Float32[np.ndarray, "c"],
) -> list[Figures]:
    """Return each class's figures, apart for photographs and drawn stills."""
    rows: list[Figures] = []
    for kind in ("photographs", "drawn"):
        chosen = [i for i, r in enumerate(held_out) if (r.source == "drawn") == (kind == "drawn")]
        some, truth = [found[i] for i in chosen], [samples[i] for i in chosen]
        for label in (c for c in range(len(LABELS)) if c != PERSON):
            half, third = (curve(some, truth, label, iou) for iou in (0.5, 0.3))
            if half is None or third is None:
                continue
            rows.append(
                {
                    "class": LABELS[label],
                    "pictures": kind,
                    "boxes": half.boxes,
                    "ap50": round(half.average_precision, 3),
                    "best_f1_iou30": round(third.best_f1, 3),
                    "f1_iou30_at_threshold": round(
                        f1_at(some, truth, label, 0.3, float(thresholds[label])), 3
                    ),
                }
            )
    return rows


def _clips(looker: Looker, shared: Path, thresholds: Float32[np.ndarray, "c"]) -> list[Figures]:
    rows: list[Figures] = []
    for path in (*sorted((shared / "media").glob("*.mp4")), VTEST):
        if not path.exists():
            continue
        frames = [_unlabelled(frame) for frame in clips.looks(path)]
        top = peaks([looker(each.pixels, letterboxed(each)) for each in frames], frames)
        for column, label in enumerate(HAZARDS):
            hits = top[:, column] >= thresholds[label]
            row = dataclasses.asdict(clips.figures(path.name, LABELS[label], hits))
            rows.append({**row, "highest_score": round(float(top[:, column].max()), 3)})
    return rows


def _unlabelled(frame: UInt8[np.ndarray, "h w 3"]) -> Record:
    return Record(
        source="clip",
        stem="",
        pixels=frame,
        boxes=np.zeros((0, 4), np.float32),
        labels=np.zeros(0, np.int64),
        known=known_mask(HAZARDS),
    )


def _speed(pack: Pack) -> dict[str, float]:
    """Return the median milliseconds a picture for each batch size, on one thread."""
    settings, detector = pack.settings, pack.detector(threads=1)
    box = fit((1920, 1080), settings.input_height_px, settings.input_width_px)
    result = {}
    for size in settings.batch_sizes:
        shape = (size, settings.input_height_px, settings.input_width_px, 3)
        pixels = np.full(shape, 90, np.uint8)
        spans = []
        for _ in range(TIMED_RUNS):
            start_ns = time.perf_counter_ns()
            detector(pixels, [box] * size)
            spans.append((time.perf_counter_ns() - start_ns) / 1e6 / size)
        result[f"batch_{size}"] = round(float(np.median(spans)), 2)
    return result


def _table(figures: Figures) -> str:
    lines = []
    for name, value in figures.items():
        lines.append(f"\n{name}")
        rows = value if isinstance(value, list) else [value]
        for row in rows:
            cells = row.items() if isinstance(row, dict) else [("", row)]
            lines.append("  " + "  ".join(f"{key} {cell}".strip() for key, cell in cells))
    return "\n".join(lines)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m models.training.measure", description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--pack", type=Path, default=Path("models/hazard_nano"))
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    figures = measured(load_pack(options.pack), options.shared)
    text = json.dumps(figures, indent=1) if options.json else _table(figures)
    print(text)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
