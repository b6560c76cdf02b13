"""Nothing can be learnt of people from what leaves the detector, and none becomes a hazard."""

import copy
import pickle

import numpy as np
import pytest

from tests.support.builders import detections
from vision.droptest import FOREIGN, OWN, DropTest
from vision.hazards import REPORTED_WITHOUT_MASKER, Hazard
from vision.masker import (
    PINNED_LABELS,
    PINNED_SHA256,
    MaskRegions,
    apart,
    covered,
    filled,
    is_pinned,
    placed,
)
from vision.roles import Label, Role

BOX = (0.4, 0.4, 0.6, 0.8)
LABELS = (
    *(Label(name=one, role=Role.HAZARD, hazard=one, threshold=0.5) for one in Hazard),
    Label(name="car", role=Role.VEHICLE, hazard=None, threshold=0.5),
)


def regions(*boxes: tuple[float, float, float, float], picture: int = 0) -> MaskRegions:
    return MaskRegions(np.full(len(boxes), picture), np.array(boxes, np.float32).reshape(-1, 4))


def test_regions_say_nothing() -> None:
    one, many = regions(), regions(BOX, BOX)
    assert repr(one) == repr(many) == str(many) == "MaskRegions(...)"
    for ask in (len, iter, pickle.dumps, copy.copy, copy.deepcopy, vars):
        with pytest.raises(TypeError):
            ask(many)
    assert [name for name in dir(many) if not name.startswith("_")] == []


@pytest.mark.parametrize("label", range(len(LABELS)))
def test_a_box_that_is_a_person_is_dropped_unless_time_judges(label: int) -> None:
    kept, dropped = DropTest(LABELS, OWN)(detections((BOX, 0.9, label)), regions(BOX))
    judged_by_time = LABELS[label].hazard in {Hazard.FIRE, Hazard.SMOKE}
    assert len(kept) == int(judged_by_time)
    of_hazard = LABELS[label].hazard is not None
    assert dropped.mostly_person == int(of_hazard and not judged_by_time)


def test_two_people_who_cover_a_box_together_drop_it() -> None:
    rock = detections((BOX, 0.9, list(Hazard).index(Hazard.DEBRIS)))
    left, right = (0.4, 0.4, 0.49, 0.8), (0.5, 0.4, 0.6, 0.8)
    assert len(DropTest(LABELS, OWN)(rock, regions(left))[0]) == 1
    assert len(DropTest(LABELS, OWN)(rock, regions(left, right))[0]) == 0


def test_looks_are_counted_never_people() -> None:
    debris = list(Hazard).index(Hazard.DEBRIS)
    many = detections(*[(BOX, 0.9, debris)] * 7)
    assert DropTest(LABELS, OWN)(many, regions(BOX))[1].mostly_person == 1
    assert DropTest(LABELS, OWN)(many, None)[1].no_masker == 1
    vehicle = detections((BOX, 0.9, len(LABELS) - 1))
    kept, dropped = DropTest(LABELS, OWN)(vehicle, regions(BOX))
    assert (len(kept), dropped.mostly_person) == (0, 0), "dropped, but no rule asked for it"


def test_the_pinned_weights_columns_keep_their_meaning() -> None:
    ours = tuple(
        Label(name=str(n), role=role, hazard=hazard, threshold=0.99)
        for n, (role, hazard) in enumerate(PINNED_LABELS)
    )
    assert is_pinned(PINNED_SHA256, ours)
    assert not is_pinned("0" * 64, ours)
    person = Label(name="rock", role=Role.HAZARD, hazard=Hazard.DEBRIS, threshold=0.5)
    with pytest.raises(ValueError, match="another meaning"):
        is_pinned(PINNED_SHA256, (*ours[:-1], person))


def test_a_person_elsewhere_or_in_another_picture_drops_nothing() -> None:
    rock = detections((BOX, 0.9, list(Hazard).index(Hazard.DEBRIS)))
    for people in (regions((0.0, 0.0, 0.2, 0.3)), regions(BOX, picture=1), regions()):
        kept, dropped = DropTest(LABELS, OWN)(rock, people)
        assert len(kept) == 1
        assert dropped.mostly_person == 0


@pytest.mark.parametrize("label", range(len(LABELS)))
def test_without_a_masker_only_four_hazards_pass(label: int) -> None:
    kept, dropped = DropTest(LABELS, OWN)(detections((BOX, 0.9, label)), None)
    passes = LABELS[label].hazard in REPORTED_WITHOUT_MASKER
    assert (len(kept), dropped.no_masker) == (int(passes), int(not passes))


def test_people_are_filled_in_a_copy_and_a_little_around() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (100, 200, 3), dtype=np.uint8)
    before = picture.copy()
    result = covered(picture, regions(BOX), 0, (9, 8, 7))
    assert (result[40:80, 80:120] == (9, 8, 7)).all()
    assert (result[34:86, 74:126] == (9, 8, 7)).all(), "grown by a tenth of its sides and 2 px"
    assert (result[:, :70] == before[:, :70]).all()
    assert (picture == before).all()


def test_regions_of_another_picture_or_beyond_the_edge_fill_only_what_is_theirs() -> None:
    picture = np.full((50, 50, 3), 255, np.uint8)
    assert (covered(picture, regions(BOX, picture=1), 0, (0, 0, 0)) == 255).all()
    edge = covered(picture, regions((0.9, 0.9, 1.2, 1.2), (-0.2, 0.0, 0.1, 0.1)), 0, (0, 0, 0))
    assert (edge[48:, 48:] == 0).all()
    assert (edge[:3, :3] == 0).all()
    assert (edge[20:30] == 255).all()


@pytest.mark.parametrize("people", [regions(BOX), regions(), None])
@pytest.mark.parametrize("label", range(len(LABELS)))
def test_other_weights_raise_fire_and_smoke_alone_and_only_where_nobody_stands(
    label: int, people: MaskRegions | None
) -> None:
    kept, dropped = DropTest(LABELS, FOREIGN)(detections((BOX, 0.9, label)), people)
    hazard = LABELS[label].hazard
    is_fire = hazard in {Hazard.FIRE, Hazard.SMOKE}
    stands = people is not None and bool(
        DropTest(LABELS, OWN)(detections((BOX, 0.9, list(Hazard).index(Hazard.DEBRIS))), people)[
            1
        ].mostly_person
    )
    assert len(kept) == int(is_fire and people is not None and not stands)
    assert dropped.foreign_pack == int(hazard is not None and not is_fire)
    assert dropped.no_masker == int(is_fire and people is None)
    assert dropped.mostly_person == int(is_fire and stands)


@pytest.mark.parametrize("hazard", [Hazard.FIRE, Hazard.SMOKE])
def test_a_fire_on_a_person_is_a_weak_sign_until_a_burst_has_seen_it(hazard: Hazard) -> None:
    label = list(Hazard).index(hazard)
    burning = detections((BOX, 0.9, label))
    test = DropTest(LABELS, OWN)
    far, _ = test(burning, regions(BOX))
    assert far.score.tolist() == pytest.approx([LABELS[label].weak_threshold])
    close, _ = test(burning, regions(BOX), np.array([True]))
    assert close.score.tolist() == pytest.approx([0.9])
    alone, _ = test(burning, regions((0.8, 0.8, 0.9, 0.9)))
    assert alone.score.tolist() == pytest.approx([0.9])


@pytest.mark.parametrize("close", [False, True])
def test_a_fire_on_a_sure_person_is_in_doubt_in_a_burst_too_and_one_beside_isn_t(
    *, close: bool
) -> None:
    fire, rock = (list(Hazard).index(one) for one in (Hazard.FIRE, Hazard.DEBRIS))
    aside = (0.1, 0.4, 0.3, 0.8)
    found = detections((BOX, 0.9, fire), (BOX, 0.9, rock), (aside, 0.9, fire), (aside, 0.9, rock))
    kept, _ = DropTest(LABELS, OWN)(found, regions(BOX), np.array([close]))
    assert list(zip(kept.xyxy[:, 0].tolist(), kept.doubts.tolist(), strict=True)) == [
        (pytest.approx(0.4), True),
        (pytest.approx(0.1), False),
        (pytest.approx(0.1), False),
    ]
    assert kept.where(kept.label == rock).doubts.tolist() == [False]
    assert not detections((BOX, 0.9, fire)).doubts.any()


def test_what_weakly_is_somebody_and_surely_a_flame_is_parted_and_nobody_sure_is() -> None:
    flame = np.array([[0.2, 0.2, 0.4, 0.6]], np.float32)
    whole = (60, 100)

    def parted(score: float, *xyxy: float) -> tuple[bool, bool]:
        boxes, scores = np.array([xyxy], np.float32), np.array([score], np.float32)
        part = (MaskRegions(np.zeros(1, np.int64), boxes, scores), 0)
        kept, others = apart(part, flame)
        return bool(filled([kept], whole).any()), bool(filled([others], whole).any())

    assert parted(0.1, 0.2, 0.2, 0.4, 0.6) == (False, True)
    assert parted(0.2, 0.2, 0.2, 0.4, 0.6) == (True, False)  # surely somebody
    assert parted(0.1, 0.25, 0.3, 0.3, 0.5) == (False, True)  # a part of it
    assert parted(0.1, 0.37, 0.2, 0.47, 0.6) == (True, False)  # stands beside it
    assert parted(0.1, 0.0, 0.0, 0.9, 0.9) == (False, False)  # vast, and weak
    assert parted(0.3, 0.0, 0.0, 0.9, 0.9) == (True, False)


def test_regions_of_a_window_lie_where_it_was_cut() -> None:
    found = MaskRegions(np.zeros(1, np.int64), np.array([[0.0, 0.5, 1.0, 1.0]], np.float32))
    window = np.array([[0.2, 0.4, 0.6, 0.8]], np.float32)
    where = filled([(placed(found, window), 0)], (100, 100))
    rows, columns = np.nonzero(where)
    assert rows.min() == pytest.approx(56, abs=1)  # grown by a tenth, and two pixels
    assert columns.min() == pytest.approx(14, abs=1)
    assert rows.max() == pytest.approx(83, abs=1)
    assert columns.max() == pytest.approx(65, abs=1)
