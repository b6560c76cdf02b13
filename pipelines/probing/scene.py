"""Whether two streams show one scene, told from a few hundred grey points of each."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from jaxtyping import Float64

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

POINTS_PX: Final = (32, 18)
"""Width and height: a person is less than a point."""

ALIKE: Final = 0.8
"""Correlation of one scene's points, at least. Tests' clips: a street from before it burns until
after has 0.93, one moment in another size or far fewer bits 0.99; different drills have up to 0.21.
Nearer the former, since real scenes have sky above and ground below in common."""

LEAST_CONTRAST: Final = 2.0
"""Of 255 grey levels, their standard deviation: dithering alone makes half of one."""

NARROWER: Final = 0.03
"""By so much proportions may differ: sizes are whole blocks of 16 pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is kept of a picture for one comparison, in memory alone."""

    size_px: tuple[int, int]
    """Width and height of the picture."""
    points: Float64[np.ndarray, "18 32"]
    """Grey, their mean 0 and their length 1; all 0 of a picture without contrast."""

    def __repr__(self) -> str:
        return "Scene(...)"

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("what a camera shows stays in the worker's memory: it can't be pickled")


def scene_of(picture: "VideoFrame") -> Scene:
    """Return a picture's scene."""
    width_px, height_px = POINTS_PX
    small = VideoReformatter().reformat(
        picture,
        width=width_px,
        height=height_px,
        format="gray",
        interpolation=Interpolation.AREA,
        threads=1,
    )
    points = small.to_ndarray().astype(np.float64)
    points -= points.mean()
    has_contrast = float(points.std()) >= LEAST_CONTRAST
    return Scene(
        size_px=(picture.width, picture.height),
        points=points / np.linalg.norm(points) if has_contrast else np.zeros_like(points),
    )


def is_one_scene(one: Scene, other: Scene) -> bool:
    """Say whether both are of one camera; where nothing can be seen, they aren't."""
    a, b = (scene.size_px[0] / scene.size_px[1] for scene in (one, other))
    has_proportions = abs(a / b - 1.0) <= NARROWER
    return has_proportions and float(np.vdot(one.points, other.points)) >= ALIKE
