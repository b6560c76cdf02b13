from dataclasses import replace

import numpy as np
import pytest

from pipelines.drills.scenes import FPS, SCENES, SIZE_PX, DrillScene, Stage
from vision.arrays import Boxes, Pixels


@pytest.fixture(scope="module", params=SCENES)
def stage(request: pytest.FixtureRequest) -> Stage:
    return SCENES[request.param].stage()


def inside(boxes: Boxes) -> np.ndarray:
    """Mask of the pixels within any of the boxes, two pixels wider."""
    mask = np.zeros(SIZE_PX, bool)
    for box in boxes:
        x0, y0, x1, y1 = (box * np.asarray([*SIZE_PX[::-1], *SIZE_PX[::-1]])).astype(int)
        mask[max(y0 - 2, 0) : y1 + 2, max(x0 - 2, 0) : x1 + 2] = True
    return mask


def difference(one: Pixels, other: Pixels) -> np.ndarray:
    return np.abs(one.astype(np.int16) - other).mean(axis=-1)


@pytest.mark.parametrize("after_s", [0.0, 1.2, 10.0])
def test_the_hazard_is_drawn_in_its_box_and_hardly_outside(stage: Stage, after_s: float) -> None:
    t_s = stage.scene.onset_s + after_s
    boxes = stage.truth(t_s)
    assert len(boxes) >= 1
    changed = difference(stage.frame(t_s), stage.quiet(t_s))
    mask = inside(boxes)
    assert changed[mask].mean() > 12.0
    assert changed[~mask].mean() < 0.1 * changed[mask].mean()


def test_without_the_hazard_frames_are_quiet_and_truth_is_empty(stage: Stage) -> None:
    scene = stage.scene
    for t_s in (0.0, scene.onset_s - 1 / FPS, scene.clear_s, scene.loop_s - 1 / FPS):
        assert len(stage.truth(t_s)) == 0
        assert np.array_equal(stage.frame(t_s), stage.quiet(t_s))


def test_a_hazard_is_large_enough_to_see_a_second_after_its_onset(stage: Stage) -> None:
    box = stage.truth(stage.scene.onset_s + 1.0).T
    sides_px = (box[2:] - box[:2]) * np.asarray([[SIZE_PX[1]], [SIZE_PX[0]]])
    assert sides_px.min(axis=0).max() > 60.0


def test_a_loop_passes_into_itself(stage: Stage) -> None:
    assert np.array_equal(stage.frame(0.3), stage.frame(stage.scene.loop_s + 0.3))
    step = difference(stage.frame(stage.scene.loop_s - 1 / FPS), stage.frame(0.0)).mean()
    assert step < 4.0


def test_a_seed_fixes_every_pixel_and_another_seed_is_another_place() -> None:
    scene = SCENES["road_rock"]
    t_s = scene.onset_s + 0.5
    first, again = scene.stage().frame(t_s), scene.stage().frame(t_s)
    other = replace(scene, seed=scene.seed + 1).stage().frame(t_s)
    assert np.array_equal(first, again)
    assert difference(first, other).mean() > 5.0


def test_cars_pass_while_nothing_happens() -> None:
    stage = SCENES["street_fire"].stage()
    moved = difference(stage.quiet(2.0), stage.quiet(2.5))
    assert (moved > 40).sum() > 100


def test_three_onsets_fall_apart_into_the_first_three_quarters_of_a_minute() -> None:
    scenes = [SCENES[name] for name in ("street_fire", "yard_smoke", "road_rock")]
    onsets = sorted(scene.onset_s for scene in scenes)
    assert np.diff(onsets).min() >= 3.0
    assert onsets[-1] + 5.0 < 45.0
    assert all(scene.loop_s - scene.clear_s >= 10.0 for scene in scenes)
    assert len({scene.hazard for scene in scenes}) == 3


@pytest.mark.parametrize("script", [(5.0, 4.0, 10.0), (2.0, 10.0, 10.0), (-1.0, 4.0, 10.0)])
def test_a_script_that_makes_no_sense_is_refused(script: tuple[float, float, float]) -> None:
    onset_s, clear_s, loop_s = script
    with pytest.raises(ValueError, match="onset_s"):
        replace(SCENES["yard_smoke"], onset_s=onset_s, clear_s=clear_s, loop_s=loop_s)


def test_presence_grows_within_a_second_and_ends_before_the_clear_time() -> None:
    scene: DrillScene = SCENES["yard_smoke"]
    assert scene.presence(scene.onset_s - 0.1) == 0.0
    assert 0.3 < scene.presence(scene.onset_s) < 0.5
    assert scene.presence(scene.onset_s + 1.0) == 1.0
    assert scene.presence(scene.clear_s - 0.1) < 0.2
    assert scene.presence(scene.clear_s) == 0.0
