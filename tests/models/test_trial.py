"""What a training is judged by, on answers worked out by hand."""

import numpy as np
import pytest

from models.scoring import Found
from models.training import ablation, card, trial
from models.training.classes import HAZARDS, LABELS
from models.training.place import letterboxed
from models.training.records import Record, known_mask

FIRE, SMOKE, ROCK = HAZARDS
SIZE_PX = (96, 160)
BOX = (10.0, 10.0, 60.0, 60.0)


def picture(source: str, label: int | None = None) -> Record:
    labelled = [] if label is None else [label]
    return Record(
        source=source,
        stem="",
        pixels=np.zeros((96, 160, 3), np.uint8),
        boxes=np.array([BOX for _ in labelled], np.float32).reshape(-1, 4),
        labels=np.array(labelled, np.int64),
        known=known_mask(tuple(range(len(LABELS)))),
    )


def judged(rows: list[tuple[Record, dict[int, float]]]) -> trial.Judged:
    """Each picture with the scores of what was found in its box."""
    return trial.Judged(
        records=[record for record, _ in rows],
        samples=[letterboxed(record, SIZE_PX) for record, _ in rows],
        found=[
            Found(
                boxes=np.array([BOX for _ in scores], np.float32).reshape(-1, 4),
                labels=np.array(list(scores), np.int64),
                scores=np.array(list(scores.values()), np.float32),
            )
            for _, scores in rows
        ],
    )


@pytest.fixture(scope="module")
def sets() -> list[trial.SetFigures]:
    roads = [(picture("road"), {FIRE: 0.3, SMOKE: 0.05}) for _ in range(199)]
    loud = [(picture("road"), {FIRE: 0.8})]
    burning = [
        (picture("indoor_fire", FIRE), {FIRE: 0.9}),
        (picture("indoor_fire", FIRE), {FIRE: 0.35}),
        (picture("indoor_fire", FIRE), {FIRE: 0.2}),
        (picture("indoor_fire", SMOKE), {SMOKE: 0.2}),
    ]
    away = [
        (picture("cctv_fire", SMOKE), {SMOKE: 0.2}),
        (picture("cctv_fire", FIRE), {FIRE: 0.31}),
        (picture("cctv_fire"), {FIRE: 0.85}),
        (picture("cctv_fire"), {}),
    ]
    drawn = [(picture("drawn", FIRE), {FIRE: 0.01})]
    return trial.figures(judged([*roads, *loud, *burning, *drawn]), judged(away))


def by_name(sets: list[trial.SetFigures], name: str) -> trial.SetFigures:
    return next(each for each in sets if each.name == name)


def test_each_hazard_has_its_own_threshold_at_one_per_cent_of_roads(sets):
    # Two of 200 roads may alarm. Fire's threshold must shut out 0.3; smoke's only 0.05.
    whole = by_name(sets, "all")
    assert (whole.pictures, whole.with_hazard) == (204, 4)
    assert whole.found == pytest.approx(3 / 4)
    assert whole.alarms == 1


def test_one_threshold_for_all_hazards_finds_less(sets):
    assert by_name(sets, "all").found_by_one == pytest.approx(1 / 2)


def test_sets_kept_away_are_judged_at_the_thresholds_of_the_others_roads(sets):
    away = by_name(sets, "cctv_fire")
    assert not away.seen
    assert (away.found, away.alarms) == (1.0, 1)
    assert away.f1_iou30["smoke"] == 1.0
    assert away.f1_iou30["fire"] == pytest.approx(2 / 3, abs=1e-3)  # 0.85 on nothing comes first


def test_drawn_stills_stand_apart_and_move_no_threshold(sets):
    assert by_name(sets, "drawn").found == 0.0
    assert by_name(sets, "all").pictures == 204


def test_the_table_has_a_row_for_each_training_and_columns_of_unseen_sets_alone(sets):
    rows = trial.as_rows(sets)
    lines = ablation.bought({"everything": rows, "without drawn": rows}).splitlines()
    assert len(lines) == 4
    assert "cctv_fire: found" in lines[0]
    assert "indoor_fire" not in lines[0]
    assert lines[2] == "| everything | 0.750 | 1.000 | 1 of 2 | 0.667 | 1.000 |"


def test_every_ingredient_has_a_row_that_leaves_it_out():
    rows = ablation.rows()
    assert rows[ablation.EVERYTHING] == ()
    for name in (*ablation.INGREDIENTS, ablation.TEACHER):
        assert rows[f"without {name}"] == (name,)
    assert set(rows[ablation.NOTHING]) == set(ablation.INGREDIENTS)


def test_the_card_s_tables_hold_what_eval_prints_and_a_dash_where_there_is_nothing():
    one = {"precision": 0.5, "recall": 0.25, "f1": 1 / 3, "f1_iou30": 0.4, "ap50": 0.1}
    none = dict.fromkeys((*one, "best_f1_iou30"))
    eval_says = {
        "hazard_images": 3,
        "picture_recall_at_1pct": 2 / 3,
        "at_pack_thresholds": {"recall": 1.0},
        "classes": {
            "fire": {"boxes": 4, "best_f1_iou30": 0.456, **one},
            "smoke": {"boxes": 0, **none},
            "rock": {"boxes": 0, **none},
        },
        "vehicles": {
            "precision_at_recall_70": 0.9,
            "ap50": 0.8,
            "masked": {"labelled": 8, "covered": 0.75},
        },
        "people_covered": None,
    }
    sets = {"indoor_fire": eval_says, "road": eval_says}
    assert card.hazard_pictures(sets).splitlines()[2:] == [
        "| `indoor_fire` | 3 | 67 % | 100 % | 0.46 | – | – |"
    ]
    assert card.classes({"indoor_fire": eval_says}).splitlines()[2:] == [
        "| `indoor_fire` | fire | 4 | 0.50 | 0.25 | 0.33 | 0.40 | 0.10 |"
    ]
    assert card.vehicles(sets).splitlines()[2:] == ["| `road` | 0.90 | 0.80 | 75 % of 8 | – |"]
