"""``python -m models.training``: fine-tune YOLOX-nano on the labelled sets and write the pack.

With ``--leave-out``, ``--without`` or ``--small`` it is a trial: figures, and no pack.
"""

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from tqdm import tqdm

from models.training import publish, trial
from models.training.ablation import TEACHER
from models.training.classes import INPUT_SIZE_PX, SETS
from models.training.drills import drawn_records
from models.training.evaluate import Predict
from models.training.loop import SMALL_SIZE_PX, Plan, Trainer
from models.training.mixing import Mixer
from models.training.network import hazard_network, predictor
from models.training.norm import folded
from models.training.pack import PackText
from models.training.records import Record, load_sets
from models.training.teacher import completed_records
from models.training.variety import FULL, INGREDIENTS, Variety

NAME = "hazard_nano"
VERSION = "0.4.0"
DRAWN = 800
DRAWN_HELD_OUT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """What a run learns from, and what judges it."""

    train: list[Record]
    """To learn from, the teacher's boxes included."""
    drawn: list[Record]
    """Drawn stills to learn from."""
    held_out: list[Record]
    """Held-out groups of the sets in training, and drawn stills."""
    away: list[Record]
    """Every picture of the sets that were left out."""


def main() -> None:
    """Train, with a checkpoint after every epoch; then write the pack, or a trial's figures."""
    options = _options()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    variety = without(options.without)
    pictures = _pictures(options, variety)
    plan = Plan(
        epochs=options.epochs,
        second=options.second,
        samples=options.samples,
        batch=options.batch,
        device=options.device,
        loaders=options.loaders,
        size_px=SMALL_SIZE_PX if options.small else INPUT_SIZE_PX,
    )
    mixer = Mixer(pictures.train, options.seed, pictures.drawn, variety=variety)
    trainer = Trainer(hazard_network(_weights(options)), plan, mixer)
    _train(trainer, plan, options)
    network = folded(trainer.average)
    if options.leave_out or options.without or options.small:
        for file, presence in (("figures_without_presence.json", False), ("figures.json", True)):
            predict = predictor(network, presence=presence)
            _write_trial(predict, pictures, plan.size_px, options.work / file)
    else:
        publish.publish(
            network,
            train=pictures.train,
            held_out=pictures.held_out,
            text=_text(options),
            out=options.work / NAME,
            work=options.work,
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m models.training", description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument(
        "--work", type=Path, default=Path("../training"), help="checkpoint, cache, the pack"
    )
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--second", type=int, default=8, help="epochs of a second course")
    parser.add_argument("--samples", type=int, default=4000, help="samples an epoch")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--loaders", type=int, default=1, help="processes that make samples")
    parser.add_argument("--teacher-cache", type=Path, help="(default: in the work folder)")
    parser.add_argument("--fresh", action="store_true", help="ignore an earlier checkpoint")
    parser.add_argument(
        "--small", action="store_true", help="a trial on small samples throughout, judged so"
    )
    parser.add_argument(
        "--leave-out",
        nargs="*",
        default=[],
        choices=[each.name for each in SETS],
        metavar="SET",
        help="a trial without these sets, judged on them",
    )
    parser.add_argument(
        "--without",
        nargs="*",
        default=[],
        choices=[*INGREDIENTS, TEACHER],
        metavar="INGREDIENT",
        help=f"a trial without these: {', '.join((*INGREDIENTS, TEACHER))}",
    )
    return parser.parse_args()


def _weights(options: argparse.Namespace) -> Path:
    path: Path = options.shared / "weights" / "yolox_nano_coco_416.onnx"
    return path


def without(ingredients: list[str]) -> Variety:
    """Return the full variety without some ingredients."""
    off = {field: 0.0 for each in ingredients for field in INGREDIENTS.get(each, ())}
    return replace(FULL, **off)


def _pictures(options: argparse.Namespace, variety: Variety) -> Pictures:
    left = set(options.leave_out)
    train, held_out = load_sets(options.shared / "data")
    away = [record for record in (*train, *held_out) if record.source in left]
    kin = {record.group for record in away}  # the same scenes, in the sets that stay
    train = [record for record in train if record.source not in left and record.group not in kin]
    held_out = [record for record in held_out if record.source not in left]
    _say(f"{len(train)} pictures to train on, {len(held_out)} held out, {len(away)} left out")
    if TEACHER not in options.without:
        cache = options.teacher_cache or options.work / "teacher.npz"
        train = completed_records(train, _weights(options), cache)
    return Pictures(
        train=train,
        drawn=drawn_records(DRAWN, options.seed) if variety.drawn else [],
        held_out=[*held_out, *drawn_records(DRAWN_HELD_OUT, options.seed + 1)],
        away=away,
    )


def _train(trainer: Trainer, plan: Plan, options: argparse.Namespace) -> None:
    checkpoint, made_by = options.work / "checkpoint.pt", _made_by(options)
    if checkpoint.exists() and not options.fresh:
        try:
            trainer.resume(checkpoint, made_by)
        except ValueError as error:
            sys.exit(str(error))
        _say(f"going on after epoch {trainer.epoch}")
    while trainer.epoch < plan.whole:
        name = f"epoch {trainer.epoch + 1}/{plan.whole}"
        bar = tqdm(trainer.steps(), name, total=plan.samples // plan.batch, unit="step")
        losses = []
        for loss in bar:
            losses.append(float(loss))
            bar.set_postfix(loss=f"{np.mean(losses[-50:]):.3f}", refresh=False)
        trainer.save(checkpoint, made_by)
        _say(f"{name}: loss {np.mean(losses):.3f}")


def _made_by(options: argparse.Namespace) -> str:
    """Return what a checkpoint depends on; a second course may follow any first one."""
    parts = [f"seed {options.seed}", f"{options.epochs} epochs of {options.samples} samples"]
    parts += [f"batches of {options.batch}", *(["small"] if options.small else [])]
    parts += [f"without {each}" for each in (*options.leave_out, *options.without)]
    return ", ".join(parts)


def _write_trial(
    predict: Predict, pictures: Pictures, size_px: tuple[int, int], path: Path
) -> None:
    held_out, away = (
        trial.judged(predict, some, size_px) for some in (pictures.held_out, pictures.away)
    )
    rows = trial.figures(held_out, away)
    path.write_text(json.dumps(trial.as_rows(rows), indent=1))
    for row in rows:
        _say(trial.line(row))


def _text(options: argparse.Namespace) -> PackText:
    command = f"python -m models.training --seed {options.seed} --epochs {options.epochs}"
    return PackText(
        name=NAME,
        version=VERSION,
        thresholds=(),
        command=f"{command} --second {options.second} --samples {options.samples}",
        trained_on=(*(each.name for each in SETS), "drawn"),
    )


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
