"""COCO weights whose column of people is called something else, and looks at people with them.

The whole set, some minutes, with figures: ``python -m tests.models.relabelled``.
"""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from prometheus_client import CollectorRegistry

from models.adding.command import main as model_command
from models.packs import Pack, load_pack
from pipelines.flow import Flow
from pipelines.frames import Frame, FrameRef
from pipelines.messages import Alert, Camera, Zone, ZoneKind
from pipelines.metrics import WorkerMetrics
from tests.support.builders import START
from tests.support.media import SHARED
from vision.arrays import Pixels
from vision.hazards import Hazard
from vision.letterbox import fit
from vision.motion import grid, thumbnail

WEIGHTS: Final = SHARED / "weights" / "yolox_nano_coco_416.onnx"
ROAD: Final = SHARED / "data" / "road"
PERSON: Final = "7"
"""Its class in the labels of ``../shared/data``."""

TALL: Final = 64 / 416
"""Of a picture's height: people whom COCO's weights surely see."""

COCO_PERSON: Final = 5
"""Its column, after the box and the objectness: COCO's first class."""

COCO_TOOTHBRUSH: Final = 84
"""Its last, which no road shows."""

SENTRY_S: Final = 3.0
"""Between a sentry's looks."""

EMPTY_LOOKS: Final = 3
"""A sentry's, of the scene without people: what a camera's first looks show was there before."""

LOOKS: Final = 4
"""Of the scene with them: fires and rocks are believed after three, or after a burst."""

LONG: Final = 12
"""As many as it takes to believe that a vehicle blocks a lane."""

SHAKES: Final = 0.06
"""By which a look's brightness differs from the next: what keeps just still is taken for a lamp."""

BURST_FPS: Final = 5
BURST_LOOKS: Final = 14
"""Fewer than a worker takes: what fits between two of a sentry's looks."""

EVERYWHERE: Final = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
WATCHED: Final = tuple(
    one for one in Hazard if one not in {Hazard.WATER_OVER_LINE, Hazard.CAMERA_FAULT}
)
"""What a detector's box could become; water has no scale here, faults have no box."""

ROLES: Final = {"rock": "hazard:debris", "fire": "hazard:fire", "car": "vehicle"}
"""What people may be called."""


def pictures(every: int = 1, most: int | None = None) -> list[Path]:
    """Pictures with a labelled person taller than ``TALL``: by name, so always the same."""
    found = []
    for labels in sorted((ROAD / "labels").glob("*.txt")):
        rows = [line.split() for line in labels.read_text("utf-8").splitlines()]
        if any(row[0] == PERSON and float(row[4]) >= TALL for row in rows):
            found.append(ROAD / "images" / f"{labels.stem}.jpg")
    return found[::every][:most]


def people_in(picture: Path) -> list[tuple[float, float, float, float]]:
    """Where people are in it, by its labels: x0 y0 x1 y1, 0-1."""
    text = (ROAD / "labels" / f"{picture.stem}.txt").read_text("utf-8")
    rows = [line.split() for line in text.splitlines()]
    found = [tuple(map(float, row[1:5])) for row in rows if row[0] == PERSON]
    return [(x - w / 2, y - h / 2, x + w / 2, y + h / 2) for x, y, w, h in found]


def calling_people(words: Sequence[str], packs: Path) -> Pack:
    """Make a pack as anybody would, by ``fengsui model add``, in which people are these words.

    Of COCO's columns that of people alone is left, so that nothing else is found; the last label
    is a fire that is never seen, since a pack needs a hazard.
    """
    network = onnx.load(str(WEIGHTS))
    (output,) = network.graph.output
    columns = np.array([0, 1, 2, 3, 4, *[COCO_PERSON] * len(words), COCO_TOOTHBRUSH], np.int64)
    network.graph.initializer.append(numpy_helper.from_array(columns, "columns"))
    network.graph.node.append(
        helper.make_node("Gather", [output.name, "columns"], ["relabelled"], axis=2)
    )
    anchors = output.type.tensor_type.shape.dim[1].dim_value
    shape = [1, anchors, len(columns)]
    relabelled = helper.make_tensor_value_info("relabelled", TensorProto.FLOAT, shape)
    network.graph.output.pop()
    network.graph.output.append(relabelled)
    packs.mkdir(exist_ok=True)
    name = "_".join(("people", *words))
    file = packs / f"{name}.onnx"
    onnx.save(network, str(file))
    labels = ",".join((*(f"{word}={ROLES[word]}" for word in words), "flame"))
    given = ["--labels", labels, "--threshold", "0.3", "--packs", str(packs)]
    assert model_command(["add", str(file), *given]) == 0
    return load_pack(packs / name)


class Cameras:
    """Cameras that each look at one picture, as still ones do: the same but for their noise."""

    def __init__(self, pack: Pack, shown: Sequence[Path], looks: int = LOOKS) -> None:
        self.metrics = WorkerMetrics(CollectorRegistry())
        self.flow = Flow(pack=pack, drills=frozenset(), epoch=1, metrics=self.metrics, gated=False)
        self._looks = looks
        self._rng = np.random.default_rng(7)
        self._size_px = self.flow.input_size_px
        self._paths = {f"camera-{row}": path for row, path in enumerate(shown)}
        self._shown = {name: self._seen(path) for name, path in self._paths.items()}
        self._seqs = Counter[str]()
        self._is_empty = True
        kinds = (ZoneKind.ROAD, ZoneKind.FIRE_LANE, ZoneKind.AREA)
        zones = tuple(
            Zone(
                zone_id=kind.value, polygon=EVERYWHERE, kind=kind,
                direction=((0.5, 0.9), (0.5, 0.1)) if kind is ZoneKind.ROAD else None,
            )
            for kind in kinds
        )  # fmt: skip
        for name in self._shown:
            url = "rtsp://192.0.2.1/x"
            self.flow.watch(Camera(camera_id=name, url=url, hazards=WATCHED, zones=zones))

    def picture(self, camera_id: str) -> Path:
        """Return what a camera looks at."""
        return self._paths[camera_id]

    def watch(self) -> Iterator[Alert]:
        """Look at all of them, and closely where the rules ask for it."""
        for look in range(EMPTY_LOOKS + self._looks):
            at_s = look * SENTRY_S
            self._is_empty = look < EMPTY_LOOKS
            yield from self._look(list(self._shown), at_s)
            close = [name for name in self._shown if self.flow.bursts.begin(name, 1)]
            for step in range(BURST_LOOKS if close else 0):
                burst_s = at_s + (step + 0.5) / BURST_FPS
                yield from self._look(close, burst_s, is_burst=True)
            for name in close:
                self.flow.bursts.end(name)

    def _look(
        self, names: Sequence[str], at_s: float, *, is_burst: bool = False
    ) -> Iterator[Alert]:
        for first in range(0, len(names), 4):
            for name in names[first : first + 4]:
                self.flow.batcher.offer(self._frame(name, at_s, is_burst=is_burst))
            while not self.flow.batcher.empty:
                yield from self.flow.step(0.0)

    def _seen(self, path: Path) -> tuple[Pixels, Pixels, tuple[int, int]]:
        """Return a picture, and one without the people in it."""
        picture = cv2.imread(str(path))
        assert picture is not None, path
        size_px = (picture.shape[1], picture.shape[0])
        box = fit(size_px, *self._size_px)
        content = (box.content_width_px, box.content_height_px)
        whole = np.asarray(cv2.resize(picture, content, interpolation=cv2.INTER_AREA))
        empty = whole.copy()
        for x0, y0, x1, y1 in people_in(path):
            (left, top), (right, low) = (
                np.multiply([[x0 - 0.02, y0 - 0.02], [x1 + 0.02, y1 + 0.02]], content)
                .clip(0)
                .astype(int)
            )
            empty[top:low, left:right] = np.median(empty[:, left : right + 1], axis=(0, 1))
        return whole, empty, size_px

    def _frame(self, name: str, at_s: float, *, is_burst: bool) -> Frame:
        whole, empty, size_px = self._shown[name]
        noise = self._rng.integers(-3, 4, whole.shape[:2], np.int16)[..., None]
        light = 1.0 + self._rng.uniform(-SHAKES, SHAKES)
        pixels = ((empty if self._is_empty else whole) * light + noise).clip(0, 255)
        pixels = pixels.astype(np.uint8)
        self._seqs[name] += 1
        ref = FrameRef(
            camera_id=name, seq=self._seqs[name], source_size_px=size_px,
            letterbox=fit(size_px, *self._size_px), captured_at=START + timedelta(seconds=at_s),
            received_ns=time.monotonic_ns(), is_burst=is_burst, is_due=not is_burst,
        )  # fmt: skip
        return Frame(ref=ref, pixels=pixels, thumbnail=thumbnail(pixels, grid(self._size_px)))


def began(alerts: Iterable[Alert]) -> list[Alert]:
    """Return the alerts that begin."""
    return [one for one in alerts if one.revision == 1]


def on_people(alert: Alert, picture: Path) -> bool:
    """Say whether an alert's box is mostly a labelled person."""
    if alert.box is None:
        return False
    x0, y0, x1, y1 = alert.box
    shared = [
        max(0.0, min(x1, right) - max(x0, left)) * max(0.0, min(y1, low) - max(y0, top))
        for left, top, right, low in people_in(picture)
    ]
    return max(shared, default=0.0) > 0.5 * (x1 - x0) * (y1 - y0)


def main() -> None:
    """Print what the whole set raises: a part of it at a time, as a worker has memory for."""
    shown = pictures()
    for words, looks in ((["rock", "fire"], LOOKS), (["car"], LONG)):
        found = Counter[str]()
        with tempfile.TemporaryDirectory() as folder:
            pack = calling_people(words, Path(folder))
            for first in range(0, len(shown), 40):
                part = Cameras(pack, shown[first : first + 40], looks)
                for one in began(part.watch()):
                    where = "on" if on_people(one, part.picture(one.camera_id)) else "not on"
                    found[f"{one.hazard.value}, {where} a labelled person"] += 1
        called = " and ".join(words)
        sys.stdout.write(f"people called {called}: {len(shown)} pictures, {dict(found)}\n")


if __name__ == "__main__":
    main()
