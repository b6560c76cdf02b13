"""Figures of classes and pictures, worked out by hand."""

import pytest

from pipelines.evaluate.alarms import alarm_figures, alarms
from pipelines.evaluate.figures import (
    class_figures,
    known_labels,
    masked_vehicles,
    people_figures,
    vehicle_figures,
)
from pipelines.evaluate.names import PERSON, VEHICLE
from pipelines.evaluate.worst import false_alarms, misses
from tests.pipelines.evaluate.sets import CAR, FIRE, LABELS, LOOKER, SMOKE, TRUCK, case

SURE = 0.99
T = {label: LABELS[label].threshold for label in (FIRE, SMOKE, CAR, TRUCK)}
BOX, OTHER, SMALL = (0, 0, 100, 50), (200, 0, 260, 40), (300, 0, 320, 20)


def weak(label: int) -> float:
    return T[label] * 0.9


class TestClasses:
    cases = (
        case([(BOX, FIRE, SURE), (OTHER, FIRE, SURE - 0.01)], [(BOX, FIRE), (SMALL, FIRE)]),
        case([(SMALL, FIRE, weak(FIRE))], [(SMALL, FIRE)]),
        case([(BOX, SMOKE, SURE)], []),
    )

    def test_at_the_pack_s_threshold_and_over_all(self) -> None:
        own = class_figures(self.cases, frozenset({FIRE}), LOOKER)[LABELS[FIRE].name]
        assert own["boxes"] == 3
        assert (own["precision"], own["recall"], own["f1"]) == (0.5, 0.3333, 0.4)
        assert own["ap50"] == pytest.approx(1 / 3 + 2 / 3 / 3, abs=1e-4)
        all_right = {"boxes": 1, "precision": 1.0, "recall": 1.0, "f1": 1.0, "ap50": 1.0}
        assert own["sizes"]["large"] == all_right
        assert own["sizes"]["small"]["recall"] == 0.0
        assert own["sizes"]["small"]["ap50"] == 0.5
        assert own["sizes"]["medium"]["recall"] is None, "nothing labelled has no recall"

    def test_only_classes_with_a_box_are_known_unless_said(self) -> None:
        assert known_labels(self.cases) == {FIRE}
        own = class_figures(self.cases, frozenset({SMOKE}), LOOKER)[LABELS[SMOKE].name]
        assert (own["boxes"], own["recall"], own["ap50"]) == (0, None, None)


class TestVehicles:
    def test_kinds_do_not_matter_and_two_boxes_on_one_are_one(self) -> None:
        one = case(
            [(BOX, TRUCK, SURE), (BOX, CAR, SURE - 0.01), (OTHER, CAR, SURE - 0.02)],
            [(BOX, CAR), (OTHER, VEHICLE)],
        )
        own = vehicle_figures([one], LOOKER)
        assert own is not None
        assert (own["boxes"], own["precision"], own["recall"], own["ap50"]) == (2, 1.0, 1.0, 1.0)
        assert own["precision_at_recall_70"] == 1.0
        assert vehicle_figures([case([(BOX, CAR, SURE)], [])], LOOKER) is None

    def test_masking_takes_weak_boxes_and_a_union(self) -> None:
        left, right = (0, 0, 30, 50), (30, 0, 60, 50)
        one = case(
            [(left, CAR, 0.06), (right, CAR, 0.06), (OTHER, CAR, 0.04)],
            [(BOX, CAR), (OTHER, CAR), (SMALL, CAR)],
        )
        assert masked_vehicles([one], LOOKER) == {
            "labelled": 2,  # smaller than 32 px isn't judged
            "covered": 0.5,
            "sizes": {
                "medium": {"labelled": 1, "covered": 0.0},
                "large": {"labelled": 1, "covered": 1.0},
            },
        }


class TestPeople:
    def test_only_the_share_of_labelled_people_is_told(self) -> None:
        one = case([], [(BOX, PERSON), (OTHER, PERSON), (SMALL, PERSON)], [True, False, True])
        assert people_figures([one]) == {
            "labelled": 2,
            "covered": 0.5,
            "sizes": {
                "medium": {"labelled": 1, "covered": 0.0},
                "large": {"labelled": 1, "covered": 1.0},
            },
        }
        assert people_figures([case([], [(BOX, PERSON)])]) is None


class TestAlarms:
    def test_recall_and_alarms_at_the_pack_s_thresholds(self) -> None:
        own = alarm_figures(
            alarms(
                [
                    case([(BOX, FIRE, SURE)], [(BOX, FIRE)]),
                    case([(BOX, FIRE, weak(FIRE))], [(BOX, FIRE)]),
                    case([(BOX, FIRE, SURE)], []),
                    case([(BOX, SMOKE, SURE)], []),
                ],
                [case([(BOX, SMOKE, SURE)], []), case([], [])],
                frozenset({FIRE}),
                LOOKER,
            )
        )
        assert own["false_positive_images"] == 2, "smoke isn't labelled in the set"
        assert own["hazard_free_images"] == 4
        assert own["at_pack_thresholds"]["recall"] == 0.5
        assert own["at_pack_thresholds"]["recall_95"] == [0.0945, 0.9055]

    def test_recall_at_one_per_cent_takes_one_score_for_all_hazards(self) -> None:
        negatives = [case([(BOX, SMOKE, 0.3)], [])] + [case([(BOX, FIRE, 0.2)], [])] * 99
        found = [case([(BOX, FIRE, score)], [(BOX, FIRE)]) for score in (0.1, 0.2, 0.25, 0.4)]
        own = alarm_figures(alarms(found, negatives, frozenset({FIRE}), LOOKER))
        assert own["picture_recall_at_1pct"] == 0.5, "one of 100 may alarm, 0.2 is reached by 99"
        assert own["picture_threshold_at_1pct"] == 0.2
        few = alarm_figures(alarms(found, negatives[:50], frozenset({FIRE}), LOOKER))
        assert few["picture_recall_at_1pct"] == 0.25, "of 50 none may"

    def test_any_hazard_counts_on_both_sides_whatever_the_set_labels(self) -> None:
        negatives = [case([(BOX, SMOKE, 0.3)], [])]
        found = [
            case([(OTHER, SMOKE, 0.4)], [(BOX, FIRE)]),
            case([(BOX, FIRE, 0.2)], [(BOX, FIRE)]),
        ]
        own = alarm_figures(alarms(found, negatives, frozenset({FIRE}), LOOKER))
        assert own["picture_recall_at_1pct"] == 0.5
        other = alarm_figures(alarms(found, negatives, frozenset({SMOKE}), LOOKER))
        assert other["picture_recall_at_1pct"] == 0.5, "what --known says is of boxes"

    def test_without_negatives_there_is_none(self) -> None:
        found = [case([(BOX, FIRE, SURE)], [(BOX, FIRE)])]
        own = alarm_figures(alarms(found, [], frozenset({FIRE}), LOOKER))
        assert own["picture_recall_at_1pct"] is None

    def test_a_set_without_any_hazard_counts_as_free_of_all(self) -> None:
        cars = [case([(BOX, SMOKE, SURE)], [(BOX, CAR)])]
        own = alarm_figures(alarms(cars, [], frozenset({CAR}), LOOKER))
        assert (own["false_positive_images"], own["hazard_free_images"]) == (1, 1)


class TestWorst:
    def test_silent_pictures_first_then_the_larger_box(self) -> None:
        cases = [
            case([(BOX, FIRE, SURE)], [(BOX, FIRE), (OTHER, FIRE)]),
            case([], [(SMALL, FIRE)]),
            case([(BOX, FIRE, weak(FIRE))], [(BOX, FIRE)]),
            case([(BOX, FIRE, SURE)], [(BOX, FIRE)]),
        ]
        found = misses(alarms(cases, [], frozenset({FIRE}), LOOKER), LOOKER)
        assert [one.box.tolist() for one in found] == [list(BOX), list(SMALL), list(OTHER)]
        assert found[0].score == pytest.approx(weak(FIRE))

    def test_false_alarms_where_nothing_is_labelled_come_first(self) -> None:
        cases = [
            case([(OTHER, FIRE, SURE), (BOX, FIRE, SURE)], [(BOX, FIRE)]),
            case([(BOX, FIRE, T[FIRE])], []),
            case([(BOX, SMOKE, SURE)], []),
        ]
        negatives = [case([(BOX, SMOKE, SURE)], [])]
        sorted_out = alarms(cases, negatives, frozenset({FIRE}), LOOKER)
        found = false_alarms(sorted_out, LOOKER)
        assert [one.alone for one in found] == [True, True, False]
        assert found[0].case is negatives[0]
