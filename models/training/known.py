"""Draws the known pictures that the masker answers at every start: streets with people in them.

``python -m models.training.known`` writes ``models/hazard_nano/known.npz``, always the same.
"""

import sys
from typing import Final

import numpy as np

from models.known_answers import PICTURES
from vision.arrays import Pixels
from vision.drawing.backdrops import street
from vision.drawing.light import Hour
from vision.drawing.paint import sensor
from vision.drawing.people import Pose, draw_person, make_looks
from vision.drawing.view import View

SIZE_PX: Final = (288, 512)
"""The masker's own input: nothing is scaled."""

STREETS: Final = ((2, Hour.DAY), (6, Hour.DUSK))
"""Seed and light of the streets with people; the first is shown without anybody as well."""

TALL_PX: Final = 62.0
"""How tall people stand in them: far above the smallest whom the masker sees."""

PLACES: Final = (0.2, 0.45, 0.75)
"""Where they stand, as shares of the width."""


def draw() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pictures, the boxes of people (0-1) and the picture of each box."""
    pictures, boxes, rows = [], [], []
    for row, (seed, hour) in enumerate(STREETS):
        picture, found = _street(seed, hour, len(PLACES))
        pictures.append(picture)
        boxes += found
        rows += [row] * len(found)
    pictures.append(_street(*STREETS[0], 0)[0])
    return np.stack(pictures), np.array(boxes, np.float32), np.array(rows)


def _street(seed: int, hour: Hour, people: int) -> tuple[Pixels, list[list[float]]]:
    rng = np.random.default_rng(seed)
    backdrop = street(rng, SIZE_PX, hour)
    picture, boxes = backdrop.painted.copy(), []
    for n in range(people):
        before = picture.copy()
        z_m = backdrop.view.focal_px * 1.7 / TALL_PX
        x_m = _across(backdrop.view, PLACES[n], z_m)
        pose = (Pose.STANDING, Pose.WALKING)[n % 2]
        draw_person(picture, backdrop.view, make_looks(rng), place_m=(x_m, z_m), pose=pose)
        boxes.append(_changed(before, picture))
    return sensor(backdrop.light.on(picture), rng, 1.0), boxes


def _across(view: View, share: float, z_m: float) -> float:
    return (share * view.width_px - view.vanish_x_px) / view.px_per_m(z_m) - (
        view.bend_per_m * z_m**2
    )


def _changed(before: Pixels, after: Pixels) -> list[float]:
    """Return the box (0-1) of what was painted, soft shadows left out."""
    solid = np.abs(after.astype(int) - before).max(axis=-1) > 40
    ys, xs = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    height_px, width_px = SIZE_PX
    return [
        float(xs[0] / width_px), float(ys[0] / height_px),
        float((xs[-1] + 1) / width_px), float((ys[-1] + 1) / height_px),
    ]  # fmt: skip


def main() -> int:
    """Write the file."""
    pictures, boxes, rows = draw()
    np.savez_compressed(PICTURES, pictures=pictures, boxes=boxes, rows=rows)
    sys.stdout.write(f"{PICTURES}: {len(pictures)} pictures, {PICTURES.stat().st_size} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
