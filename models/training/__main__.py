"""``python -m models.training``: fine-tune YOLOX-nano on the labelled sets and write the pack."""

import argparse
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from models.training.classes import HAZARDS, LABELS, SETS
from models.training.drills import drawn_records
from models.training.evaluate import Found, Predict, curve, hazard_thresholds, look, peaks
from models.training.loop import Plan, Trainer
from models.training.mixing import Mixer
from models.training.network import Exported, YoloxNano, hazard_network
from models.training.norm import folded
from models.training.pack import PackText, write_pack
from models.training.place import Sample, letterboxed
from models.training.records import ROADS, Record, load_sets
from models.training.teacher import completed_records

VERSION = "0.1.0"
ALARM_SHARE = 0.01
"""Of hazard-free road pictures that may alarm in a single look; a rule asks for three of five."""
THRESHOLD_FLOORS = (0.45, 0.45, 0.35)
"""Of fire, smoke and rock: the held-out roads are few, and at 0.3 the smoke column called empty
tarmac seen from above smoke (``car_park_topdown``: up to 0.42)."""
PERSON_THRESHOLD = 0.1
"""People are found to be covered: missing one costs more than covering too much."""
DRAWN = 800
DRAWN_HELD_OUT = 100
DRAWN_SHARE = 0.12
"""Of the pictures: enough to find drawn rocks, little enough not to learn drawing."""


def main() -> None:
    """Train, writing a checkpoint and the pack after every epoch."""
    options = _options()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    weights = options.shared / "weights" / "yolox_nano_coco_416.onnx"
    train, held_out = load_sets(options.shared / "data")
    _say(f"{len(train)} pictures to train on, {len(held_out)} held out")
    train = completed_records(train, weights, options.work / "teacher.npz")
    drawn = drawn_records(DRAWN, options.seed)
    held_out += drawn_records(DRAWN_HELD_OUT, options.seed + 1)
    plan = Plan(
        epochs=options.epochs,
        samples=options.samples,
        batch=options.batch,
        device=options.device,
        loaders=options.loaders,
    )
    mixer = Mixer(train, options.seed, drawn, DRAWN_SHARE)
    trainer = Trainer(hazard_network(weights), plan, mixer)
    checkpoint = options.work / "checkpoint.pt"
    if checkpoint.exists() and not options.fresh:
        trainer.resume(checkpoint)
        _say(f"going on after epoch {trainer.epoch}")
    names = (*(each.name for each in SETS), "drawn")
    if trainer.epoch >= plan.epochs:
        _publish(folded(trainer.average), held_out, names, options)
    while trainer.epoch < plan.epochs:
        _train_epoch(trainer, plan)
        trainer.save(checkpoint)
        _publish(folded(trainer.average), held_out, names, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m models.training", description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--out", type=Path, default=Path("models/hazard_nano"))
    parser.add_argument("--work", type=Path, default=Path("../training"), help="checkpoint, cache")
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--samples", type=int, default=4000, help="samples an epoch")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--loaders", type=int, default=1, help="processes that make samples")
    parser.add_argument("--fresh", action="store_true", help="ignore an earlier checkpoint")
    return parser.parse_args()


def _train_epoch(trainer: Trainer, plan: Plan) -> None:
    start, losses = time.monotonic(), []
    for index, loss in enumerate(trainer.steps(), 1):
        losses.append(float(loss))
        if index % 50 == 0:
            rate = index * plan.batch / (time.monotonic() - start)
            _say(
                f"epoch {trainer.epoch + 1}/{plan.epochs} step {index} "
                f"loss {np.mean(losses[-50:]):.3f} {rate:.1f} pictures/s"
            )
    _say(f"epoch {trainer.epoch}: {time.monotonic() - start:.0f} s, loss {np.mean(losses):.3f}")


def _publish(
    network: YoloxNano, held_out: list[Record], names: tuple[str, ...], options: argparse.Namespace
) -> None:
    """Choose thresholds on the validation groups, write the pack, print how it does."""
    samples = [letterboxed(record) for record in held_out]
    found = look(predictor(network), [sample.pixels for sample in samples])
    thresholds = _thresholds(held_out, samples, found)
    command = f"python -m models.training --seed {options.seed} --epochs {options.epochs}"
    command += f" --samples {options.samples}"
    text = PackText(version=VERSION, thresholds=thresholds, command=command, trained_on=names)
    write_pack(network, text, options.out)
    _report(held_out, samples, found, thresholds)


def predictor(network: YoloxNano) -> Predict:
    """Return the network as a function of NumPy pictures."""
    model = Exported(network).eval()
    device = next(network.parameters()).device

    def predict(pixels: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model(torch.from_numpy(pixels).to(device)).cpu().numpy()

    return predict


def _thresholds(
    held_out: list[Record], samples: list[Sample], found: list[Found]
) -> tuple[float, ...]:
    """Return one threshold a label: alarms on roads for hazards, best F1 for vehicles."""
    top, roads, has = peaks(found, held_out), _roads(held_out), _with_hazard(held_out)
    hazards = hazard_thresholds(top[roads], top[has], ALARM_SHARE, THRESHOLD_FLOORS)
    vehicles = []
    for label in range(len(HAZARDS), len(LABELS) - 1):
        result = curve(found, samples, label, 0.5)
        vehicles.append(min(0.5, max(0.2, result.best_threshold)) if result else 0.3)
    return (*(float(each) for each in hazards), *vehicles, PERSON_THRESHOLD)


def _roads(held_out: list[Record]) -> np.ndarray:
    return np.array([each.source in ROADS for each in held_out])


def _with_hazard(held_out: list[Record]) -> np.ndarray:
    return np.array([np.isin(each.labels, HAZARDS).any() for each in held_out])


def _report(
    held_out: list[Record],
    samples: list[Sample],
    found: list[Found],
    thresholds: tuple[float, ...],
) -> None:
    for label, name in enumerate(LABELS):
        result = curve(found, samples, label, 0.5)
        if result:
            _say(
                f"  {name}: AP50 {result.average_precision:.3f} best F1 {result.best_f1:.3f} "
                f"at {result.best_threshold:.2f}, set to {thresholds[label]:.2f}"
            )
    top = peaks(found, held_out) >= np.array(thresholds[: len(HAZARDS)])
    roads, has = _roads(held_out), _with_hazard(held_out)
    _say(f"  road alarms {top[roads].any(axis=1).sum()}/{roads.sum()}")
    for source in sorted({each.source for each in held_out}):
        rows = np.array([each.source == source for each in held_out])
        hits, empty = top[rows & has].any(axis=1), top[rows & ~has].any(axis=1)
        _say(f"  {source}: found in {hits.sum()}/{len(hits)}, alarms {empty.sum()}/{len(empty)}")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
