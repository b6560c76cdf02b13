"""Tiny labelled sets that tests write."""

from pathlib import Path

import cv2
import numpy as np

from models.packs import load_pack
from models.scoring import Found
from pipelines.evaluate.cases import Case
from pipelines.evaluate.looker import Looker
from pipelines.evaluate.names import meaning
from vision.drawing.stills import draw_still

LOOKER = Looker(load_pack())
"""The product's own detector; built once."""

LABELS = LOOKER.pack.settings.labels
FIRE, SMOKE, CAR, TRUCK = (meaning(name, LABELS) for name in ("fire", "smoke", "car", "truck"))


def noise(height_px: int = 200, width_px: int = 320, seed: int = 1) -> np.ndarray:
    """Full of edges, so that what is covered or coarse can be told from what is not."""
    return np.random.default_rng(seed).integers(0, 256, (height_px, width_px, 3), dtype=np.uint8)


def write(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)
    return path


def labelled(folder: Path, stem: str, pixels: np.ndarray, text: str | None) -> Path:
    """A picture under images/ and, unless ``None``, its labels under labels/."""
    picture = write(folder / "images" / f"{stem}.jpg", pixels)
    (folder / "labels").mkdir(exist_ok=True)
    if text is not None:
        (folder / "labels" / f"{stem}.txt").write_text(text)
    return picture


def drawn(folder: Path, count: int, *, hazards: bool) -> list[Path]:
    """Stills of the product's own drawing, with their labels in the order of the pack's."""
    names, made, seed = [one.name for one in LABELS], [], 0
    while len(made) < count:
        seed += 1
        pixels, boxes, kinds = draw_still(np.random.default_rng(seed), 256, 448)
        rows = [
            f"{names.index(kind)} {(x0 + x1) / 2} {(y0 + y1) / 2} {x1 - x0} {y1 - y0}"
            for (x0, y0, x1, y1), kind in zip(boxes.tolist(), kinds, strict=True)
        ]
        if bool({"fire", "smoke", "rock"} & set(kinds)) is hazards:
            made.append(labelled(folder, f"still_{seed}", pixels, "\n".join(rows)))
    return made


def case(
    found: list[tuple[tuple[float, float, float, float], int, float]],
    wanted: list[tuple[tuple[float, float, float, float], int]],
    covered: list[bool] | None = None,
) -> Case:
    """Rows of box, label and score, strongest first; rows of box and meaning. In pixels."""
    return Case(
        picture=Path("a.jpg"),
        found=Found(
            boxes=np.array([row[0] for row in found], np.float32).reshape(-1, 4),
            labels=np.array([row[1] for row in found], np.int64),
            scores=np.array([row[2] for row in found], np.float32),
        ),
        boxes=np.array([row[0] for row in wanted], np.float32).reshape(-1, 4),
        meanings=np.array([row[1] for row in wanted], np.int64),
        covered=None if covered is None else np.array(covered, bool),
    )
