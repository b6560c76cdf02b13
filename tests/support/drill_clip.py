"""A drawn stream of four seconds, for tests that need any at all: half a second to encode."""

import dataclasses
import functools

from pipelines.drills.clip import Clip
from pipelines.drills.encoder import encode
from pipelines.drills.scenes import SCENES


@functools.cache
def short_drill() -> Clip:
    """Return the street, burning for most of it; a keyframe a second."""
    scene = dataclasses.replace(SCENES["street_fire"], onset_s=0.5, clear_s=3.5, loop_s=4.0)
    return encode(scene, lambda _done, _of: None)
