"""Drawn streets for the bench's streams: vehicles that cross, or nothing but the sensor's noise.

Nothing in them is a hazard; what counts is what they cost to code, to decode and to look at.
"""

from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
from jaxtyping import Int16, UInt8

from pipelines.bench.kinds import FPS, LONGEST_WAIT_S, Kind, Size
from vision.arrays import Pixels
from vision.drawing.backdrops import Backdrop, street
from vision.drawing.light import Hour
from vision.drawing.paint import Colour
from vision.drawing.vehicles import Body, Vehicle, draw_vehicle, make_body, random_paint

SEED: Final = 1
GRAIN_SIGMA: Final = 1.4
"""Sensor noise: seen by the encoder, not by people."""

GRAIN_FIELDS: Final = 5
"""More noise fields than the eye, or an encoder with one reference, can follow."""

CARS: Final = 3
DISTANCE_M: Final = (13.0, 18.0, 26.0)
"""Near enough that each covers a twentieth of the picture's width and more."""

Yuv = UInt8[np.ndarray, "rows columns"]
"""A picture as I420: luma, then both chroma planes, in rows as wide as the picture."""


def pictures(kind: Kind, size: Size, frames: int) -> Iterator[Yuv]:
    """Yield a loop's pictures; in a moving one every vehicle crosses once."""
    rng = np.random.default_rng(SEED)
    size_px = (size.height_px, size.width_px)
    backdrop = street(rng, size_px, Hour.DAY)
    empty = backdrop.light.on(backdrop.painted)
    looks = [(make_body(rng, "car"), random_paint(rng)) for _ in range(CARS)]
    grain = [
        np.round(rng.normal(0.0, GRAIN_SIGMA, size_px)).astype(np.int16)
        for _ in range(GRAIN_FIELDS)
    ]
    quiet = _i420(empty)
    for number in range(frames):
        if kind.moving:
            picture = empty.copy()
            for car in range(CARS):
                # A third of a loop apart: whenever one is looked at, one is in the middle.
                share = (number / frames + car / CARS) % 1.0
                _cross(picture, backdrop, looks[car], DISTANCE_M[car], share)
            drawn = _i420(picture)
        else:
            drawn = quiet.copy()
        _add_grain(drawn[: size.height_px], grain[number % GRAIN_FIELDS])
        yield drawn


def frames_of(kind: Kind, size: Size) -> int:
    """Return how long a loop is: whole keyframe intervals, two at least where they are short."""
    fewest = 1 if kind.keyframe_s > LONGEST_WAIT_S else 2
    keyframes = max(fewest, -(-size.loop_s // kind.keyframe_s))
    return keyframes * kind.keyframe_s * FPS


def _cross(
    picture: Pixels,
    backdrop: Backdrop,
    looks: tuple[Body, Colour],
    distance_m: float,
    share: float,
) -> None:
    view = backdrop.view
    half_m = view.width_px / 2 / view.px_per_m(distance_m) + 3.0
    middle_m = (view.width_px / 2 - view.vanish_x_px) / view.px_per_m(distance_m)
    body, paint = looks
    vehicle = Vehicle(
        body=body,
        paint=paint,
        x_m=middle_m + half_m * (2.0 * share - 1.0),
        z_m=distance_m,
        heading_rad=float(np.pi / 2),
    )
    draw_vehicle(picture, view, vehicle)


def _i420(picture: Pixels) -> Yuv:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420))


def _add_grain(luma: Yuv, grain: Int16[np.ndarray, "rows columns"]) -> None:
    cv2.add(luma, grain, dst=luma, dtype=cv2.CV_8U)
