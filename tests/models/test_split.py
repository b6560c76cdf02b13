"""What is held out: whole scenes, wherever their pictures lie, and nothing of the judging clips."""

import cv2
import numpy as np

from models.training import clips
from models.training.records import (
    LOOK_ALIKE_CORRELATION,
    Record,
    _scene,
    fingerprint,
    held_out_groups,
    known_mask,
    load_sets,
    look_alikes,
    shrunk,
)
from tests.support.media import clip, held_out_road, pictures

MOST_LIKE_A_CLIP = 0.9
"""Of thumbnails. Other hills under other smoke reach 0.89, the same camera minutes later 0.96."""


def record(source, pixels):
    return Record(
        source=source,
        stem="picture",
        pixels=pixels,
        boxes=np.zeros((0, 4), np.float32),
        labels=np.zeros(0, np.int64),
        known=known_mask(()),
    )


def prints(pictures):
    return np.stack([fingerprint(pixels) for pixels in pictures])


class TestSplit:
    groups = tuple(f"g{index // 4}" for index in range(400))
    sources = ("a",) * 400

    def test_is_the_same_each_time_and_in_any_order(self):
        apart = held_out_groups(self.sources, self.groups)
        assert apart == held_out_groups(self.sources, self.groups[::-1])

    def test_holds_out_the_share_of_each_set(self):
        apart = held_out_groups(self.sources, self.groups)
        assert sum(group in apart for group in self.groups) == 48
        two = held_out_groups(("a", "b") * 200, self.groups)
        assert sum(group in two for group in self.groups) == 48

    def test_leaves_a_group_that_is_too_big_for_one_of_its_sets_in_training(self):
        few = [f"few{index}" for index in range(90)]
        groups = ["wide"] * 10 + few + [f"other{index}" for index in range(900)]
        apart = held_out_groups(["a"] * 2 + ["b"] * 8 + ["b"] * 2 + ["a"] * 988, groups)
        assert "wide" not in apart
        assert len(apart) > 100

    def test_look_alikes_are_of_one_scene_in_whatever_set_and_mirrored(self):
        rng = np.random.default_rng(0)
        one, other = (
            cv2.resize(rng.integers(0, 255, (6, 8, 3), np.uint8), (320, 240)) for _ in range(2)
        )
        rows = [
            record(source, pixels)
            for source, pixels in (
                ("road", one),
                ("cctv_fire", other),
                ("indoor_fire", one[:, ::-1]),
                ("fire_video", cv2.convertScaleAbs(other, alpha=0.8)),
            )
        ]
        assert set(look_alikes(rows)) == {(0, 2), (1, 3)}

    def test_frames_of_one_video_are_of_one_scene(self):
        names = ("FireDataOne5005_png_5526b6", "FireDataOne17_png_000000", "images12_png_00")
        scenes = [_scene(name, {name: row}) for row, name in enumerate(names)]
        assert scenes == ["FireDataOne", "FireDataOne", "2"]


class TestSharedSets:
    def test_nothing_held_out_was_seen_and_no_moment_of_the_clips_is_on_any_side(self):
        train, held_out = load_sets(pictures("road").parent)
        assert len(held_out) > 600
        assert [one.stem for one in held_out if one.source == "road"] == held_out_road()
        assert not {each.group for each in train} & {each.group for each in held_out}
        seen, unseen = prints(each.pixels for each in train), prints(o.pixels for o in held_out)
        turned = prints(each.pixels[:, ::-1] for each in held_out)
        assert max((unseen @ seen.T).max(), (turned @ seen.T).max()) <= LOOK_ALIKE_CORRELATION
        looks = [
            shrunk(look)
            for name in ("fire_street.mp4", "fire_b.mp4", "smoke_a.mp4")
            for look in clips.looks(clip(name))
        ]
        clip_prints = prints((*looks, *(look[:, ::-1] for look in looks)))
        assert max((clip_prints @ some.T).max() for some in (seen, unseen)) < MOST_LIKE_A_CLIP
