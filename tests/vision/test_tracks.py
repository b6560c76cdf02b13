"""Boxes followed from look to look."""

from itertools import pairwise

import numpy as np
import pytest

from vision.tracks import NO_TRACKS, TRAIL, Tracks, follow

CAR = np.array([0.40, 0.50, 0.48, 0.56], np.float32)


def boxes(*rows) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


def followed(looks, every_s: float = 2.0, tracks: Tracks = NO_TRACKS, from_s: float = 0.0):
    """Feed looks, each an array of boxes."""
    for index, shown in enumerate(looks):
        tracks = follow(
            tracks, shown, np.full(len(shown), 0.8, np.float32), from_s + index * every_s
        )
    return tracks


def moved(box: np.ndarray, x: float = 0.0, y: float = 0.0) -> np.ndarray:
    return box + np.array([x, y, x, y], np.float32)


def shaken(box: np.ndarray, rng: np.random.Generator, share: float = 0.04) -> np.ndarray:
    sides = np.tile(box[2:] - box[:2], 2)
    return (box + rng.normal(0, share, 4) * sides).astype(np.float32)


def test_nothing_seen_is_nothing_followed() -> None:
    assert len(followed([boxes(), boxes()])) == 0


def test_what_stands_keeps_its_id_and_its_time_while_its_box_jitters() -> None:
    rng = np.random.default_rng(1)
    tracks = followed([boxes(shaken(CAR, rng)) for _ in range(30)])
    assert tracks.ids.tolist() == [1]
    assert tracks.stood_s[0] >= 50.0


def test_what_drives_never_stands_when_looks_are_seconds_apart() -> None:
    tracks = NO_TRACKS
    for index in range(8):
        tracks = followed([boxes(moved(CAR, x=-0.3 + 0.1 * index))], 2.0, tracks, 2.0 * index)
        assert tracks.stood_s.max() == 0.0


def test_what_drives_keeps_its_id_when_looks_come_five_a_second() -> None:
    tracks = followed([boxes(moved(CAR, x=-0.35 + 0.04 * step)) for step in range(20)], 0.2)
    assert tracks.ids.tolist() == [1]
    assert tracks.stood_s[0] < 0.5


def test_a_fast_car_is_found_where_its_last_steps_lead() -> None:
    starts = [moved(CAR, x=-0.35 + 0.012 * step**1.5) for step in range(14)]
    assert followed([boxes(start) for start in starts], 0.2).ids.tolist() == [1]


def test_cars_that_cross_keep_their_ids() -> None:
    looks = [
        boxes(moved(CAR, x=-0.2 + 0.03 * step), moved(CAR, x=0.2 - 0.03 * step, y=0.05))
        for step in range(14)
    ]
    tracks = followed(looks, 0.2)
    right = tracks.ids[tracks.xyxy[:, 0].argmax()]
    assert (len(tracks), right) == (2, 1)


def test_a_follower_is_not_taken_for_the_car_before_it() -> None:
    """Wheels turn backwards in films; cars two lengths apart at 90 km/h mustn't."""
    tracks = NO_TRACKS
    for step in range(12):
        shown = [moved(CAR, x=0.09 * step - 0.24 * car) for car in range(4)]
        on = boxes(*[box for box in shown if box[0] > 0.0 and box[2] < 1.0])
        tracks = followed([on], 0.2, tracks, 0.2 * step)
        for trail in tracks.trail:
            known = trail[np.isfinite(trail[:, 0]), 0]
            assert (np.diff(known) > 0).all()


def test_a_standing_car_survives_flicker() -> None:
    rng = np.random.default_rng(2)
    looks = [boxes(shaken(CAR, rng)) if index % 3 else boxes() for index in range(1, 30)]
    tracks = followed(looks)
    assert tracks.ids.tolist() == [1]
    assert tracks.stood_s[0] >= 50.0


def test_a_lorry_before_a_car_that_stood_for_long_hides_it_for_half_a_minute() -> None:
    lorry = np.array([0.35, 0.40, 0.60, 0.62], np.float32)
    looks = [boxes(CAR)] * 30 + [boxes(lorry)] * 13 + [boxes(CAR)]
    tracks = followed(looks)
    car = int(np.abs(tracks.xyxy - CAR).sum(axis=1).argmin())
    assert (tracks.ids[car], tracks.standing_since_s[car]) == (1, 0.0)


def test_an_empty_place_ends_a_stand_within_ten_seconds() -> None:
    tracks = followed([boxes(CAR)] * 30 + [boxes()] * 5)
    assert len(tracks) == 0


def test_the_next_car_at_a_stop_line_begins_a_stand_of_its_own() -> None:
    passing = boxes(moved(CAR, x=0.04))
    tracks = followed([boxes(CAR)] * 20 + [passing, boxes(), passing, boxes()] + [boxes(CAR)] * 3)
    here = int(np.abs(tracks.anchor - CAR).sum(axis=1).argmin())
    assert tracks.stood_s[here] < 10.0


def test_half_of_a_standing_car_hidden_moves_nothing() -> None:
    half = CAR.copy()
    half[0] += 0.035
    tracks = followed([boxes(CAR)] * 5 + [boxes(half)] * 3 + [boxes(CAR)] * 2)
    assert (tracks.ids.tolist(), tracks.stood_s.tolist()) == ([1], [18.0])
    assert np.allclose(tracks.anchor[0], CAR)


def test_driving_off_ends_the_stand_and_is_remembered() -> None:
    looks = [boxes(CAR)] * 25 + [boxes(moved(CAR, x=0.02 * step)) for step in range(1, 16)]
    tracks = followed(looks, 0.2)
    last = int(tracks.xyxy[:, 0].argmax())
    assert tracks.stood_s[last] < 1.0
    assert tracks.rested_s[last] > 4.0


def test_a_creeping_car_does_not_stand() -> None:
    looks = [boxes(moved(CAR, x=0.002 * step)) for step in range(100)]
    tracks = followed(looks, 0.2)
    assert tracks.stood_s[0] < 3.0


def test_a_box_that_grows_in_place_comes_nearer_and_does_not_stand() -> None:
    looks = [
        boxes([0.44 - 0.04 * scale, 0.56 - 0.06 * scale, 0.44 + 0.04 * scale, 0.56])
        for scale in np.linspace(1, 3, 20)
    ]
    assert followed(looks, 0.5).stood_s.max() < 5.0


def test_ids_are_never_used_twice() -> None:
    given: list[int] = []
    tracks = NO_TRACKS
    for index in range(6):
        tracks = followed([boxes(moved(CAR, x=0.1 * index - 0.3))], 20.0, tracks, 20.0 * index)
        given += tracks.ids.tolist()
    assert all(later > earlier for earlier, later in pairwise(given))


@pytest.mark.parametrize("every_s", [0.1, 0.2, 2.0])
def test_the_trail_keeps_the_last_places_in_order(every_s: float) -> None:
    tracks = followed([boxes(CAR)] * 80, every_s)
    times = tracks.trail_s[0]
    assert tracks.trail.shape == (1, TRAIL, 4)
    assert (np.diff(times) >= 0.17).all()
    assert times[-1] >= 79 * every_s - 0.2
