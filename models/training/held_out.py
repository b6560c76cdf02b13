"""``python -m models.training.held_out DIR``: held-out pictures as folders for ``fengsui eval``.

``DIR/<set>`` holds each set's held-out groups, ``DIR/roads`` those of the hazard-free roads (but
for the few that were found to show a hazard) and ``DIR/hazards`` those of all others. Choose a
folder outside of the repository: the pictures are other people's and show people.
"""

import argparse
import shutil
from pathlib import Path

from models.training.classes import HAZARDS
from models.training.records import ROADS, Record, load_sets


def main() -> None:
    """Copy the pictures and their labels."""
    parser = argparse.ArgumentParser(prog="python -m models.training.held_out", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    options = parser.parse_args()
    for record in load_sets(options.shared / "data")[1]:
        wholes = ("hazards",) if record.source not in ROADS else ("roads",) * _is_free(record)
        source = options.shared / "data" / record.source
        (picture,) = (source / "images").glob(f"{record.stem}.*")
        for name in (record.source, *wholes):
            stem = record.stem if name == record.source else f"{record.source}_{record.stem}"
            _copy(picture, options.folder / name / "images" / f"{stem}{picture.suffix}")
            label = source / "labels" / f"{record.stem}.txt"
            _copy(label, options.folder / name / "labels" / f"{stem}.txt")


def _is_free(record: Record) -> bool:
    """Say whether a road shows no hazard, as far as anybody knows."""
    return bool(record.known[list(HAZARDS)].all())


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


if __name__ == "__main__":
    main()
