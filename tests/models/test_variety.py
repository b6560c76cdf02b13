"""What the training adds to its pictures: pastes, look-alikes and the faults of cameras."""

from dataclasses import replace

import numpy as np
import pytest

from models.training import composite, lookalikes, looks, mixing
from models.training.classes import VEHICLES
from models.training.emptied import emptied
from models.training.mattes import flame_matte
from models.training.mixing import MIXED, Mixer
from models.training.records import Record, ignored, known_mask
from models.training.variety import FULL, INGREDIENTS, PLAIN
from vision.drawing.paint import fractal

FIRE, SMOKE, ROCK = composite.FIRE, composite.SMOKE, composite.ROCK
CAR = VEHICLES[0]
ONLY_PASTES = replace(FULL, decoys=0.0, night=0.0)


def generator(*seed):
    return np.random.default_rng(seed)


def street(*, level=90, boxes=(), labels=(), source="road", known=(0, 1, 2)):
    """Return a grey, slightly uneven picture."""
    uneven = fractal(generator(5), 240, 400, 40.0)[..., None] * 40 + level
    return Record(
        source=source,
        stem="picture",
        pixels=np.repeat(uneven, 3, axis=2).astype(np.uint8),
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        labels=np.array(labels, np.int64),
        known=known_mask(known),
    )


def flame():
    """Return a warm disc on black: what a flame's cut-out is at its simplest."""
    y, x = np.ogrid[-1:1:80j, -1:1:60j]
    piece = np.zeros((80, 60, 3), np.uint8)
    piece[np.hypot(y, x) < 0.7] = (20, 130, 250)
    return piece


def cutouts(**changes):
    pools = {"fire": [flame()], "smoke": [np.full((60, 60, 3), 225, np.uint8)]}
    return composite.Cutouts(**{**pools, "decoys": [street(level=60).pixels], **changes})


def same(first, second):
    return (
        np.array_equal(first.pixels, second.pixels)
        and np.array_equal(first.boxes, second.boxes)
        and np.array_equal(first.labels, second.labels)
    )


class TestPastes:
    def test_the_same_seed_gives_the_same_picture(self):
        for seed in range(8):
            first, second = (
                composite.with_hazards(generator(seed), street(), cutouts()) for _ in range(2)
            )
            assert same(first, second)

    def test_boxes_lie_inside_and_are_tight(self):
        seen = set()
        for seed in range(60):
            road = street(level=20)
            result = composite.with_hazards(generator(seed), road, cutouts(), ONLY_PASTES)
            seen |= set(result.labels.tolist())
            assert (result.boxes >= 0).all()
            assert (result.boxes <= (400, 240, 400, 240)).all()
            if result.labels.tolist() != [SMOKE]:
                continue
            change = np.abs(result.pixels.astype(int) - road.pixels).max(axis=2) > 12
            ys, xs = np.nonzero(change)
            (box,) = result.boxes
            slack = 0.25 * (box[2:] - box[:2]).max() + 3
            around = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
            assert (np.abs(around - box) <= slack).all()
        assert seen == {FIRE, SMOKE, ROCK}

    def test_a_visible_box_is_where_the_change_is(self):
        before = np.full((50, 60, 3), 40, np.uint8)
        after, matte = before.copy(), np.zeros((50, 60), np.float32)
        after[10:30, 20:45], matte[10:30, 20:45] = 200, 1.0
        after[45, 3], matte[45, 3] = 200, 1.0  # one stray pixel makes no box wider
        box = composite.visible_box(before, after, matte, FIRE)
        assert box is not None
        assert box.tolist() == [20, 10, 45, 30]

    def test_what_is_far_from_a_flame_stays_as_it_is(self):
        road = street()
        foot, side_px = (200.0, 150.0), 30.0
        for seed in range(10):
            pixels = road.pixels.copy()
            box = composite._paste_fire(generator(seed), pixels, cutouts(), PLAIN, (foot, side_px))
            assert box is not None
            ys, xs = np.nonzero((pixels != road.pixels).any(axis=2))
            assert np.abs(xs - foot[0]).max() < 3.5 * side_px
            assert np.abs(ys - foot[1]).max() < 4.5 * side_px

    def test_what_nobody_could_see_is_taken_back(self):
        road, cold = street(), cutouts(fire=[np.zeros((60, 60, 3), np.uint8)])
        for seed in range(10):
            pixels = road.pixels.copy()
            at = ((200.0, 150.0), 40.0)
            assert composite._paste_fire(generator(seed), pixels, cold, PLAIN, at) is None
            assert np.array_equal(pixels, road.pixels)

    @pytest.mark.parametrize("label", [FIRE, SMOKE])
    def test_a_faint_change_has_no_box(self, label):
        least, matte = composite.LEAST_DIFFERENCE[label], np.ones((40, 40), np.float32)
        before = np.full((40, 40, 3), 90, np.uint8)
        faint, plain = (before + np.uint8(least + more) for more in (-1, 1))
        assert composite.visible_box(before, faint, matte, label) is None
        assert composite.visible_box(before, plain, matte, label) is not None

    def test_smoke_stands_above_the_flame_of_a_pair(self):
        pairs = 0
        for seed in range(60):
            always = replace(ONLY_PASTES, pairs=1.0, drawn_pastes=0.0)
            result = composite.with_hazards(generator(seed), street(level=20), cutouts(), always)
            if result.labels.tolist() == [SMOKE, FIRE]:
                pairs += 1
                smoke, fire = result.boxes
                assert smoke[1] < fire[3]
                assert smoke[1] + smoke[3] < fire[1] + fire[3] + 0.5 * (fire[3] - fire[1])
        assert pairs > 3

    def test_the_warm_part_alone_is_flame(self):
        matte = flame_matte(flame().astype(np.float32))
        assert matte[40, 30] > 0.9
        assert matte[:4].max() == 0
        blue = flame()[..., ::-1].astype(np.float32)
        assert flame_matte(blue).max() < 0.05


class TestBackgrounds:
    def test_are_pictures_known_to_show_neither_fire_nor_smoke(self):
        assert composite.is_background(street())
        assert composite.is_background(street(source="fire_smoke_mixed", known=(FIRE, SMOKE)))
        assert not composite.is_background(street(source="indoor_fire", known=(FIRE,)))
        assert not composite.is_background(street(source="road", known=(FIRE, ROCK)))
        burning = street(source="cctv_fire", boxes=[(0, 0, 9, 9)], labels=[SMOKE])
        assert not composite.is_background(burning)

    def test_no_rock_is_put_where_rocks_are_unknown(self):
        calm = street(source="cctv_fire", known=(FIRE, SMOKE))
        for seed in range(20):
            result = composite.with_hazards(generator(seed), calm, cutouts())
            assert ROCK not in result.labels


class TestLookalikes:
    @pytest.mark.parametrize("level", [15, 110])
    def test_add_no_label_and_change_the_picture(self, level):
        changed = 0
        for seed in range(25):
            road = street(level=level)
            before = road.pixels.copy()
            result = lookalikes.with_lookalikes(generator(seed), road)
            assert np.array_equal(road.pixels, before)
            assert len(result.boxes) == len(result.labels) == 0
            assert (result.pixels.shape, result.pixels.dtype) == (before.shape, before.dtype)
            changed += not np.array_equal(result.pixels, before)
            assert same(result, lookalikes.with_lookalikes(generator(seed), road))
        assert changed > 20

    def test_hide_no_labelled_box(self):
        boxes = [(20, 30, 90, 120), (150, 100, 180, 125), (220, 60, 390, 230)]
        burning = street(boxes=boxes, labels=[FIRE, SMOKE, FIRE])
        for seed in range(30):
            result = lookalikes.with_lookalikes(generator(seed), burning)
            assert np.array_equal(result.boxes, burning.boxes)
            for x0, y0, x1, y1 in boxes:
                window = np.s_[y0:y1, x0:x1]
                change = np.abs(result.pixels[window].astype(int) - burning.pixels[window])
                share = (change.max(axis=2) > 4 * lookalikes.CHANGED).mean()
                assert share <= 4 * lookalikes.COVERED_AT_MOST  # four of them at most

    def test_a_box_is_covered_beyond_a_fifth_only(self):
        before = np.zeros((50, 50, 3), np.uint8)
        box = np.array([[10, 10, 30, 30]], np.float32)
        for rows, covered in ((4, False), (5, True)):
            after = before.copy()
            after[10 : 10 + rows, 10:30] = 255
            assert lookalikes.covers(before, after, box) is covered

    @pytest.mark.parametrize("sprite", [*lookalikes.LIGHTS, *lookalikes.DAYLIGHT])
    @pytest.mark.parametrize("size", [(96, 120), (360, 640)])
    def test_each_paints_a_picture_of_any_size(self, sprite, size):
        for seed in range(3):
            pixels = np.full((*size, 3), 70, np.uint8)
            sprite(generator(seed), pixels)


class TestLooks:
    @pytest.mark.parametrize("fault", [fault for _, fault in looks.FAULTS])
    @pytest.mark.parametrize("size", [(64, 96), (256, 448)])
    def test_each_keeps_shape_type_and_original(self, fault, size):
        pixels = generator(1).integers(0, 256, (*size, 3), dtype=np.uint8)
        before = pixels.copy()
        seen = fault(generator(2), pixels)
        assert (seen.shape, seen.dtype) == (pixels.shape, np.uint8)
        assert np.array_equal(pixels, before)
        assert np.array_equal(seen, fault(generator(2), pixels))

    @pytest.mark.parametrize("fault", [fault for _, fault in looks.FAULTS])
    def test_none_puts_a_flame_out(self, fault):
        pixels = np.full((256, 448, 3), 50, np.uint8)
        pixels[100:130, 200:225] = (30, 150, 250)
        for seed in range(10):
            seen = fault(generator(seed), pixels).max(axis=2).astype(float)
            assert seen[105:125, 205:220].mean() > seen[140:170, 200:225].mean() + 30

    def test_infrared_is_grey(self):
        seen = looks.infrared(generator(3), street().pixels)
        assert (seen[..., 0] == seen[..., 2]).all()


class TestEmptied:
    def test_no_part_of_a_hazard_is_left_and_the_rest_keeps_its_boxes(self):
        burning = street(
            source="cctv_fire",
            known=(FIRE, SMOKE),
            boxes=[(10, 60, 40, 110), (0, 40, 60, 60), (180, 40, 240, 90)],
            labels=[FIRE, ignored(np.int64(SMOKE)), CAR],
        )
        height_px, width_px = burning.pixels.shape[:2]
        seen = set()
        for seed in range(20):
            part = emptied(generator(seed), burning)
            side_px = part.pixels.shape[:2]
            seen.add(side_px)
            assert side_px[0] * side_px[1] >= 0.25 * height_px * width_px
            assert not np.isin(part.labels, (FIRE, SMOKE, ROCK, -1 - FIRE, -1 - SMOKE)).any()
            if CAR in part.labels:
                (x0, y0, x1, y1) = part.boxes[list(part.labels).index(CAR)].astype(int)
                corner = part.pixels[y0:y1, x0:x1]
                whole = burning.pixels[40:90, 180:240]
                assert np.array_equal(corner, whole[: corner.shape[0], : corner.shape[1]])
        assert len(seen) > 1

    def test_where_a_hazard_fills_the_picture_it_stays(self):
        all_of_it = street(source="cctv_fire", boxes=[(5, 5, 300, 190)], labels=[FIRE])
        assert emptied(generator(1), all_of_it) is all_of_it


class TestMixer:
    records = (
        street(),
        street(source="cctv_fire", known=(FIRE, SMOKE), boxes=[(50, 50, 90, 90)], labels=[FIRE]),
    )

    def mixer(self, variety):
        return Mixer(list(self.records), 3, [street(source="drawn")], variety)

    def test_the_same_numbers_give_the_same_sample(self):
        first, second = (self.mixer(FULL).sample(1, 2, MIXED) for _ in range(2))
        assert same(first, second)

    def test_the_ingredients_are_all_there_is_to_leave_out(self):
        off = {field: 0.0 for fields in INGREDIENTS.values() for field in fields}
        assert replace(FULL, **off) == PLAIN

    def test_what_is_off_is_not_called(self, monkeypatch):
        def called(*_):
            raise AssertionError

        monkeypatch.setattr(composite, "with_hazards", called)
        monkeypatch.setattr(mixing, "with_lookalikes", called)
        monkeypatch.setattr(mixing, "emptied", called)
        monkeypatch.setattr(looks, "poor_camera", called)
        mixer = self.mixer(PLAIN)
        for index in range(20):
            mixer.sample(0, index, MIXED)
            assert mixer._pick(generator(index)) in self.records

    @pytest.mark.parametrize("ingredient", ["lookalikes", "camera_look", "pasted", "emptied"])
    def test_what_is_on_is_called(self, ingredient, monkeypatch):
        calls = []

        def noted(name, index):
            return lambda *given: calls.append(name) or given[index]

        monkeypatch.setattr(composite, "with_hazards", noted("pasted", 1))
        monkeypatch.setattr(mixing, "with_lookalikes", noted("lookalikes", 1))
        monkeypatch.setattr(mixing, "emptied", noted("emptied", 1))
        monkeypatch.setattr(looks, "poor_camera", noted("camera_look", 1))
        for index in range(10):
            self.mixer(replace(PLAIN, **{ingredient: 1.0})).sample(0, index, MIXED)
        assert set(calls) == {ingredient}
