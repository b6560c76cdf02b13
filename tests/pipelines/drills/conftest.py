from dataclasses import replace

import pytest

from pipelines.drills.clip import Clip
from pipelines.drills.encoder import encode
from pipelines.drills.scenes import SCENES, DrillScene


@pytest.fixture(scope="session")
def short_scene() -> DrillScene:
    """The burning street in two seconds."""
    return replace(SCENES["street_fire"], onset_s=0.5, clear_s=1.5, loop_s=2.0)


@pytest.fixture(scope="session")
def short_clip(short_scene: DrillScene) -> Clip:
    return encode(short_scene, lambda _done, _of: None)
