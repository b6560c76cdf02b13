"""The data side of training: what is known, what is held out, where boxes go. No torch here."""

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models import training
from models.scoring import Found, hazard_thresholds
from models.training import clips, composite
from models.training.classes import COCO_ROWS, INPUT_SIZE_PX, LABELS, PERSON, SETS
from models.training.evaluate import curve
from models.training.mixing import mirrored
from models.training.place import (
    Sample,
    anchor_centres,
    cut,
    known_by_window,
    known_everywhere,
    letterboxed,
    presence,
)
from models.training.records import Record, ignored, known_mask

FIRE, SMOKE, ROCK = composite.FIRE, composite.SMOKE, composite.ROCK
HEIGHT, WIDTH = INPUT_SIZE_PX
MIDDLE = WIDTH // 2


def record(*, source="road", height_px=200, width_px=400, boxes=(), labels=(), known=(0, 1, 2)):
    rng = np.random.default_rng(7)
    return Record(
        source=source,
        stem="picture",
        pixels=rng.integers(0, 256, (height_px, width_px, 3), dtype=np.uint8),
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        labels=np.array(labels, np.int64),
        known=known_mask(known),
    )


def found(boxes, labels, scores):
    return Found(
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        labels=np.array(labels, np.int64),
        scores=np.array(scores, np.float32),
    )


class TestTables:
    def test_every_label_has_a_start(self):
        assert len(COCO_ROWS) == len(LABELS)
        assert LABELS[PERSON] == "person"

    def test_fire_only_sets_do_not_know_smoke(self):
        known = {each.name: each.known for each in SETS}
        assert known["indoor_fire"] == (FIRE,)
        assert known["fire_video"] == (FIRE,)
        assert SMOKE in known["road"]

    def test_clips_are_no_set(self):
        assert not any("media" in each.name for each in SETS)


class TestKnowledge:
    def test_each_tile_keeps_its_own(self):
        first, second = known_mask((FIRE, SMOKE)), known_mask((FIRE,))
        tiles = [(0, 0, MIDDLE, HEIGHT), (MIDDLE, 0, WIDTH, HEIGHT)]
        known = known_by_window(tiles, [first, second])
        left = anchor_centres()[:, 0] < MIDDLE
        assert known[left, SMOKE].all()
        assert not known[~left, SMOKE].any()
        assert known[:, FIRE].all()

    def test_nothing_is_known_outside_of_the_tiles(self):
        known = known_by_window([(0, 0, 8, 8)], [known_mask((FIRE,))])
        assert known.sum() == 1

    def test_mirrors_with_the_picture(self):
        known = known_by_window([(0, 0, MIDDLE, HEIGHT)], [known_mask((FIRE,))])
        right = anchor_centres()[:, 0] > MIDDLE
        assert np.array_equal(mirrored(known)[:, FIRE], right)


class TestPresence:
    """What the picture as a whole is taught: partial labels stay partial there too."""

    def told(self, **given):
        there, known = presence(letterboxed(record(**given)))
        return there.tolist(), known.tolist()

    def test_a_labelled_hazard_is_there(self):
        there, known = self.told(boxes=[(0, 0, 50, 50)], labels=[FIRE], known=(FIRE, SMOKE, ROCK))
        assert (there, known) == ([True, False, False], [True, True, True])

    def test_smoke_over_a_fire_in_a_set_without_smoke_is_not_taught_to_be_absent(self):
        there, known = self.told(boxes=[(0, 0, 50, 50)], labels=[FIRE], known=(FIRE,))
        assert (there, known) == ([True, False, False], [True, False, False])

    def test_a_flame_cut_to_its_rim_is_neither_there_nor_absent(self):
        rim = ignored(np.array([FIRE]))
        there, known = self.told(boxes=[(0, 0, 50, 50)], labels=rim, known=(FIRE, SMOKE, ROCK))
        assert (there, known) == ([False, False, False], [False, True, True])

    def test_what_may_be_a_person_says_nothing_of_hazards(self):
        maybe = ignored(np.array([PERSON]))
        _, known = self.told(boxes=[(0, 0, 50, 50)], labels=maybe, known=(FIRE, SMOKE, ROCK))
        assert known == [True, True, True]

    def test_one_tile_without_knowledge_makes_the_whole_unknown(self):
        tiles = [(0, 0, MIDDLE, HEIGHT), (MIDDLE, 0, WIDTH, HEIGHT)]
        known = known_by_window(tiles, [known_mask((FIRE, SMOKE)), known_mask((FIRE,))])
        sample = replace(letterboxed(record()), known=known)
        assert presence(sample)[1].tolist() == [True, False, False]


class TestPlace:
    def test_letterbox_is_top_left_and_keeps_proportions(self):
        sample = letterboxed(record(boxes=[(0, 0, 400, 200)], labels=[FIRE]))
        assert np.allclose(sample.boxes, [[0, 0, WIDTH, MIDDLE]])
        assert (sample.pixels[MIDDLE:] == 114).all()

    def test_a_box_mostly_cut_off_counts_neither_way(self):
        boxes = np.array([[-90, 0, 10, 50], [10, 10, 60, 60]], np.float32)
        inside, labels = cut(boxes, np.array([FIRE, FIRE]), (0, 0, 100, 100))
        assert labels.tolist() == [ignored(FIRE), FIRE]
        assert inside[0].tolist() == [0, 0, 10, 50]

    def test_a_box_outside_is_gone(self):
        boxes, labels = cut(
            np.array([[200, 0, 220, 50]], np.float32), np.array([FIRE]), (0, 0, 100, 100)
        )
        assert len(boxes) == len(labels) == 0


class TestComposite:
    flame = np.full((60, 40, 3), (20, 120, 250), np.uint8)
    road = record()

    def pasted(self, seed):
        cutouts = composite.Cutouts(
            fire=[self.flame],
            smoke=[np.full((50, 50, 3), 190, np.uint8)],
            decoys=[self.road.pixels],
        )
        return composite.with_hazards(np.random.default_rng(seed), self.road, cutouts)

    def test_boxes_lie_inside_and_hold_the_change(self):
        seen = set()
        for seed in range(40):
            result = self.pasted(seed)
            seen |= set(result.labels.tolist())
            assert (result.boxes >= 0).all()
            assert (result.boxes <= (400, 200, 400, 200)).all()
            for x0, y0, x1, y1 in result.boxes.astype(int):
                window = np.s_[y0:y1, x0:x1]
                assert not np.array_equal(result.pixels[window], self.road.pixels[window])
        assert seen == {FIRE, SMOKE, ROCK}

    def test_leaves_the_road_itself_alone(self):
        before = self.road.pixels.copy()
        self.pasted(3)
        assert np.array_equal(before, self.road.pixels)

    def test_takes_no_smoke_that_holds_fire(self):
        both = record(
            source="cctv_fire",
            boxes=[(0, 0, 100, 100), (50, 50, 150, 150), (200, 20, 300, 120)],
            labels=[SMOKE, FIRE, SMOKE],
        )
        cutouts = composite.collect([both])
        assert (len(cutouts.fire), len(cutouts.smoke), len(cutouts.decoys)) == (1, 1, 0)


class TestFigures:
    def truth(self, boxes, known=(FIRE,)):
        return Sample(
            pixels=np.zeros((HEIGHT, WIDTH, 3), np.uint8),
            boxes=np.array(boxes, np.float32).reshape(-1, 4),
            labels=np.zeros(len(boxes), np.int64),
            known=known_everywhere(known_mask(known)),
        )

    def test_all_found_is_one(self):
        result = curve(
            [found([(0, 0, 10, 10)], [FIRE], [0.9])], [self.truth([(0, 0, 10, 10)])], FIRE, 0.5
        )
        assert result is not None
        assert (result.average_precision, result.best_f1) == (1.0, 1.0)

    def test_a_second_box_on_one_label_is_wrong(self):
        twice = found([(0, 0, 10, 10), (0, 0, 10, 9)], [FIRE, FIRE], [0.9, 0.8])
        result = curve([twice], [self.truth([(0, 0, 10, 10), (50, 50, 60, 60)])], FIRE, 0.5)
        assert result is not None
        assert result.average_precision == 0.5

    def test_pictures_that_do_not_know_the_class_are_left_out(self):
        assert curve([found([], [], [])], [self.truth([(0, 0, 9, 9)], ())], FIRE, 0.5) is None

    def test_thresholds_keep_road_alarms_under_the_share(self):
        rng = np.random.default_rng(1)
        roads, hazards = rng.random((2, 200, 3)).astype(np.float32)
        thresholds = hazard_thresholds(roads, hazards, 0.01, (0.3, 0.3, 0.3))
        assert (roads >= thresholds).any(axis=1).sum() <= 2
        assert (thresholds >= 0.3).all()

    def test_an_allowed_alarm_goes_where_it_finds_most(self):
        roads = np.zeros((100, 3), np.float32)
        roads[0] = (0.9, 0.2, 0.9)
        roads[1] = (0.4, 0.2, 0.8)
        hazards = np.array([(0.5, 0, 0), (0.6, 0, 0), (0, 0, 0.85)], np.float32)
        fire, _, rock = hazard_thresholds(roads, hazards, 0.01, (0.3, 0.3, 0.3))
        assert fire < 0.5
        assert rock < 0.85

    def test_three_of_five_persist(self):
        assert clips.persistent(np.array([1, 0, 1, 0, 1], bool))
        assert not clips.persistent(np.array([1, 0, 0, 1, 0, 0, 1], bool))


class TestImports:
    """Torch isn't installed here, so nothing imports these files: what they take must exist."""

    @staticmethod
    def defined(path: Path) -> set[str]:
        names: set[str] = set()
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                names |= {each.asname or each.name for each in node.names}
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                named = ast.walk(node)
                names |= {each.id for each in named if isinstance(each, ast.Name)}
        return names

    @pytest.mark.parametrize(
        "path", sorted(Path(training.__file__).parent.glob("*.py")), ids=lambda path: path.stem
    )
    def test_every_name_that_a_file_takes_from_another_is_defined_there(self, path):
        root = Path(training.__file__).parents[2]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("models."):
                source = root / (node.module or "").replace(".", "/")
                file = source.with_suffix(".py")
                for each in node.names:
                    submodule = (source / each.name).with_suffix(".py").exists()
                    assert submodule or each.name in self.defined(file), (path.name, each.name)
