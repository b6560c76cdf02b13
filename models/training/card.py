"""``python -m models.training.card HELD``: the card's tables, in Markdown.

``HELD`` is what ``python -m models.training.held_out HELD`` wrote. Each figure is printed by
``fengsui eval images HELD/SET --negatives HELD/roads``; this runs it for every set.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from models.training.classes import HAZARDS, LABELS, SETS
from models.training.records import ROADS

WHOLE = "hazards"
"""All sets with hazards together."""
Figures = dict[str, Any]
Cells = Iterable[object]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m models.training.card", description=__doc__)
    parser.add_argument("held", type=Path, metavar="HELD")
    parser.add_argument("--pack", type=Path, default=Path("models/hazard_nano"))
    options = parser.parse_args()
    names = [*(each.name for each in SETS), WHOLE]
    found = {name: _evaluated(options.held, name, options.pack) for name in names}
    tables = (hazard_pictures(found), classes(found), vehicles(found))
    sys.stdout.write("\n".join(tables))


def _evaluated(held: Path, name: str, pack: Path) -> Figures:
    command = [sys.executable, "-m", "fengsui", "eval", "images", held / name, "--json"]
    command += ["--negatives", held / "roads", "--pack", pack]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def hazard_pictures(found: dict[str, Figures]) -> str:
    """Return how many pictures with a hazard are found, and the boxes' F1."""
    heads = ("set", "with a hazard", "found at 1 % of roads", "at the pack's thresholds")
    rows = []
    for name, one in found.items():
        if name not in ROADS:
            at_pack = _at_pack(found) if name == WHOLE else one["at_pack_thresholds"]["recall"]
            shares = (_percent(share) for share in (one["picture_recall_at_1pct"], at_pack))
            # Sets that label one hazard alone would make the other's boxes false.
            best = [] if name == WHOLE else [one["classes"][LABELS[h]] for h in HAZARDS]
            f1 = [_number(each["best_f1_iou30"]) for each in best] or ["–"] * len(HAZARDS)
            rows.append((f"`{name}`", one["hazard_images"], *shares, *f1))
    return table((*heads, *(f"{LABELS[h]}: best F1 at IoU 0.3" for h in HAZARDS)), rows)


def _at_pack(found: dict[str, Figures]) -> float:
    """Return the recall over all sets, each by the hazards that it labels."""
    pairs = [
        (one["at_pack_thresholds"]["recall"], one["hazard_images"])
        for name, one in found.items()
        if name != WHOLE and one["hazard_images"]
    ]
    return sum(share * count for share, count in pairs) / sum(count for _, count in pairs)


def classes(found: dict[str, Figures]) -> str:
    """Return each class's figures at the pack's thresholds."""
    keys = ("precision", "recall", "f1", "f1_iou30", "ap50")
    rows = [
        (f"`{name}`", label, each["boxes"], *(_number(each[key]) for key in keys))
        for name, one in found.items()
        if name != WHOLE
        for label, each in one["classes"].items()
        if each["boxes"]
    ]
    return table(("set", "class", "boxes", *keys), rows)


def vehicles(found: dict[str, Figures]) -> str:
    """Return vehicles of any kind, and what is covered of them and of people."""
    heads = ("set", "precision at recall 0.70", "AP50", "covered, from 32 px", "people covered")
    rows = []
    for name, one in found.items():
        if name in ROADS:
            mine = one["vehicles"]
            figures = (_number(mine[key]) for key in ("precision_at_recall_70", "ap50"))
            covered = (_covered(each) for each in (mine["masked"], one["people_covered"]))
            rows.append((f"`{name}`", *figures, *covered))
    return table(heads, rows)


def table(heads: Cells, rows: Iterable[Cells]) -> str:
    """Return a Markdown table."""
    lines = [list(map(str, row)) for row in (heads, *rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _covered(figures: Figures | None) -> str:
    return "–" if figures is None else f"{_percent(figures['covered'])} of {figures['labelled']}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}".replace("%", " %")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


if __name__ == "__main__":
    main()
