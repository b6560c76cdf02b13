"""A pack tried before anybody relies on it: does it load, run, end in time, give what it must.

In a process of its own, which may take so long and so much and no more: a network's loop need not
end, and while it runs nothing in the process is heard.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Final

import cv2
import msgspec
import numpy as np

from models.adding.picture_files import pictures
from models.packs import (
    PackError,
    PackMissingError,
    PackNetworkError,
    PackRefusedError,
    PackTrialError,
    load_pack,
)
from vision.arrays import BatchPixels, Pixels
from vision.decoders import Shape, UnfitError
from vision.detector import Detector, DetectorError
from vision.drawing import draw_still
from vision.letterbox import PAD_VALUE, Letterbox, fit

STILLS: Final = 4
"""Of this seed: flames, smoke, rocks, and one of nothing."""
SEED: Final = 6
STILL_SIZE_PX: Final = (360, 640)

NIGHT: Final = 0.1
"""What is left of the stills' light at night: some networks divide by it."""

ROUNDS: Final = 9
"""Runs of a batch size, the median of which counts: a neighbour's load passes."""

BUDGET_S: Final = 1.5
"""A slow network gets fewer rounds."""

DEADLINE_S: Final = 120.0
"""A network that needs 5 s a picture is done by then, and could watch nothing."""

PICTURE_S: Final = 2.0
"""More for each path that was given."""

MAX_MEMORY_BYTES: Final = 8 << 30
"""Of addresses, of which ONNX Runtime takes more than it fills."""

DONE, REFUSED = 0, 3
"""Exit statuses of the process."""

ROOT: Final = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was seen of a pack on one thread of this machine."""

    load_ms: float
    """From reading the files to a detector that has run each batch size once."""
    ms_per_picture: dict[int, float]
    """By batch size."""
    pictures: int
    """Drawn and given ones that it was tried on."""
    with_hazard: int
    """In how many of them it found one."""
    outputs: dict[str, tuple[int, ...]]
    """The shapes of what came out for the smallest batch."""


class UnreadError(PackNetworkError):
    """The decoder does not read the network's outputs."""

    def __init__(self, text: str, outputs: dict[str, Shape]) -> None:
        super().__init__(text)
        self.outputs = outputs
        """Their shapes, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """What a trial that found a fault says instead."""

    error: str
    """The code of a ``PackError``."""
    text: str
    """Its words."""
    outputs: dict[str, Shape] | None
    """The shapes that the decoder did not read, if that is the fault."""


ERRORS: Final = {
    one.code: one for one in (PackError, PackMissingError, PackRefusedError, PackNetworkError)
}
"""What a trial may find; other kinds of it come back as ``PackNetworkError``."""


def tried(directory: Path, given: Sequence[Path]) -> Figures:
    """Load a pack, run it on drawn and given pictures, measure it. Raises ``PackError``."""
    deadline_s = DEADLINE_S + PICTURE_S * len(given)
    paths = [str(path.absolute()) for path in (directory, *given)]  # its directory is another
    command = [sys.executable, "-m", "models.adding.trial", str(deadline_s), *paths]
    network = directory.absolute() / "model.onnx"
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,  # so that it is found whether it was installed or not
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=deadline_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PackTrialError(
            f"{network}: its trial did not end in {deadline_s:.0f} s: export a smaller variant, "
            "without loops"
        ) from error
    try:
        if done.returncode == REFUSED:
            refusal = msgspec.json.decode(done.stdout, type=_Refusal)
            if refusal.outputs is not None:
                raise UnreadError(refusal.text, refusal.outputs)
            raise ERRORS.get(refusal.error, PackNetworkError)(refusal.text)
        return msgspec.json.decode(done.stdout, type=Figures)
    except msgspec.DecodeError as error:
        raise PackTrialError(
            f"{network}: its trial broke off (status {done.returncode}): it is broken, or needs "
            f"more than {MAX_MEMORY_BYTES >> 30} GiB: export it again, or a smaller variant"
        ) from error


def main(words: Sequence[str]) -> int:
    """Be the process of a trial: a deadline in seconds, the pack, pictures; say what was seen."""
    _limit(resource.RLIMIT_AS, MAX_MEMORY_BYTES)
    _limit(resource.RLIMIT_CPU, int(float(words[0])) + 1)  # if who waits for it is killed
    cv2.setNumThreads(1)
    directory, *given = map(Path, words[1:])
    try:
        answer: Figures | _Refusal = _figures(directory, given)
    except PackError as error:
        answer = _Refusal(error=error.code, text=str(error), outputs=_unread(error))
    sys.stdout.buffer.write(msgspec.json.encode(answer))
    return DONE if isinstance(answer, Figures) else REFUSED


def _unread(error: BaseException | None) -> dict[str, Shape] | None:
    """Return the shapes in which an error began, if it began with shapes."""
    while error is not None and not isinstance(error, UnfitError):
        error = error.__cause__
    return None if error is None else error.shapes


def _limit(resource_: int, most: int) -> None:
    _, hard = resource.getrlimit(resource_)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource_, (most, most))


def _figures(directory: Path, given: Sequence[Path]) -> Figures:
    started_s = time.perf_counter()
    pack = load_pack(directory)
    detector = pack.detector()
    load_ms = (time.perf_counter() - started_s) * 1000
    stills, seen, found = _drawn(), 0, 0
    hazards = [label.hazard is not None for label in pack.settings.labels]
    try:
        for picture in _extremes(stills):
            _finds(detector, picture, hazards)
        for picture in chain(stills, pictures(given)):
            seen += 1
            found += _finds(detector, picture, hazards)
        times = {
            size: _ms_per_picture(detector, stills, size) for size in pack.settings.batch_sizes
        }
    except DetectorError as error:
        raise PackNetworkError(f"{pack.path}: {error}") from error
    return Figures(
        load_ms=load_ms,
        ms_per_picture=times,
        pictures=seen,
        with_hazard=found,
        outputs=dict(detector.output_shapes),
    )


def _drawn() -> tuple[Pixels, ...]:
    rng = np.random.default_rng(SEED)
    return tuple(draw_still(rng, *STILL_SIZE_PX)[0] for _ in range(STILLS))


def _extremes(stills: Sequence[Pixels]) -> Iterator[Pixels]:
    """Yield what cameras show at times: a covered lens, a headlight, a night."""
    yield np.zeros_like(stills[0])
    yield np.full_like(stills[0], 255)
    for still in stills:
        yield (still * NIGHT).astype(np.uint8)


def _batch(
    detector: Detector, shown: Sequence[Pixels], size: int
) -> tuple[BatchPixels, list[Letterbox]]:
    settings = detector.settings
    height_px, width_px = settings.input_height_px, settings.input_width_px
    pixels = np.full((size, height_px, width_px, 3), PAD_VALUE, np.uint8)
    letterboxes = []
    for row, picture in zip(pixels, shown, strict=False):
        box = fit((picture.shape[1], picture.shape[0]), height_px, width_px)
        content_px = (box.content_width_px, box.content_height_px)
        row[: content_px[1], : content_px[0]] = cv2.resize(
            picture, content_px, interpolation=cv2.INTER_AREA
        )
        letterboxes.append(box)
    return pixels, letterboxes


def _finds(detector: Detector, picture: Pixels, hazards: Sequence[bool]) -> bool:
    detections, _ = detector(*_batch(detector, [picture], detector.settings.batch_sizes[0]))
    return any(hazards[label] for label in detections.label)


def _ms_per_picture(detector: Detector, stills: Sequence[Pixels], size: int) -> float:
    shown = [stills[number % len(stills)] for number in range(size)]
    pixels, letterboxes = _batch(detector, shown, size)
    times_s: list[float] = []
    while len(times_s) < ROUNDS and (len(times_s) < 2 or sum(times_s) < BUDGET_S):
        started_s = time.perf_counter()
        detector(pixels, letterboxes)
        times_s.append(time.perf_counter() - started_s)
    return median(times_s) / size * 1000


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
