"""``python -m models.training.ablation``: what each ingredient bought, on sets never trained on.

Every row is a short training by the training command, in a folder of its own under ``--work``:
what is finished is not done again, what was killed goes on. All rows leave the same sets out and
see small samples: only their differences count.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from models.training import card
from models.training.variety import INGREDIENTS

EVERYTHING = "everything"
NO_PRESENCE = "everything, presence not used"
"""No training of its own: the first row's network, its boxes' scores alone."""
NOTHING = "nothing added"
TEACHER = "teacher"
COLUMNS = ("found", "false alarms", "F1 fire", "F1 smoke")
LEFT_OUT = ("cctv_fire", "fire_video")
"""Street and yard cameras, and burning things of all kinds: both unlike the rest."""


def main() -> None:
    """Train each row, then print the table."""
    parser = argparse.ArgumentParser(prog="python -m models.training.ablation", description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--work", type=Path, default=Path("../training/ablation"))
    parser.add_argument("--leave-out", nargs="+", default=list(LEFT_OUT), metavar="SET")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--samples", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", nargs="*", default=list(rows()), choices=list(rows()))
    options = parser.parse_args()
    options.work /= _run(options)
    for name in options.rows:
        folder = options.work / name.replace(" ", "_")
        if not (folder / "figures.json").exists():
            subprocess.run(_command(options, rows()[name], folder), check=True)
    found = {name: _read(options.work, name, "figures.json") for name in options.rows}
    if EVERYTHING in found:
        found[NO_PRESENCE] = _read(options.work, EVERYTHING, "figures_without_presence.json")
    sys.stdout.write(bought(found))


def rows() -> dict[str, tuple[str, ...]]:
    """Return the table's rows: their names, and what each goes without."""
    single = {f"without {each}": (each,) for each in (*INGREDIENTS, TEACHER)}
    return {EVERYTHING: (), **single, NOTHING: tuple(INGREDIENTS)}


def _run(options: argparse.Namespace) -> str:
    """Return a folder's name: rows of other lengths or seeds are another table's."""
    left = "_".join(options.leave_out)
    return f"{options.epochs}x{options.samples}_seed{options.seed}_without_{left}"


def _command(options: argparse.Namespace, without: Sequence[str], folder: Path) -> list[str | Path]:
    return [
        *(sys.executable, "-m", "models.training", "--shared", options.shared),
        *("--small", "--work", folder, "--teacher-cache", options.work.parent / "teacher.npz"),
        *("--epochs", str(options.epochs), "--second", "0", "--samples", str(options.samples)),
        *("--seed", str(options.seed), "--leave-out", *options.leave_out),
        *(("--without", *without) if without else ()),
    ]


def _read(work: Path, name: str, file: str) -> list[dict[str, object]]:
    figures: list[dict[str, object]] = json.loads(
        (work / name.replace(" ", "_") / file).read_text()
    )
    return figures


def bought(figures: dict[str, list[dict[str, object]]]) -> str:
    """Return a Markdown table of the sets that were never seen, a line a row."""
    away = [str(each["name"]) for each in next(iter(figures.values())) if not each["seen"]]
    heads = [f"{name}: {what}" for name in away for what in COLUMNS]
    rows = []
    for name, sets in figures.items():
        by_name = {str(each["name"]): each for each in sets}
        cells = [cell for one in away for cell in _cells(by_name[one])]
        rows.append([name, _number(by_name["all"]["found"]), *cells])
    return card.table(["", "held out: found", *heads], rows)


def _cells(figures: dict[str, object]) -> list[str]:
    f1 = figures["f1_iou30"]
    by_class = f1 if isinstance(f1, dict) else {}
    free = int(str(figures["pictures"])) - int(str(figures["with_hazard"]))
    alarms = f"{figures['alarms']} of {free}"
    return [
        _number(figures["found"]),
        alarms,
        *(_number(by_class.get(c)) for c in ("fire", "smoke")),
    ]


def _number(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "–"


if __name__ == "__main__":
    main()
