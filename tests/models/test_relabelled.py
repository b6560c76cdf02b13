"""Weights that call a person a rock, a fire or a car raise nothing: the real path, real pictures.

Of ``../shared/data/road`` every fourth picture with somebody tall; the whole set, some minutes:
``.venv/bin/python -m tests.models.relabelled``.
"""

import functools
from collections.abc import Callable
from dataclasses import replace

import pytest

from models.packs import Pack
from pipelines import detection
from pipelines.frames import Look
from pipelines.voids import Voids
from tests.models.relabelled import (
    LONG,
    LOOKS,
    WEIGHTS,
    Cameras,
    began,
    calling_people,
    on_people,
    pictures,
)
from tests.support.media import pictures as folder
from vision.arrays import Detections
from vision.droptest import FOREIGN, OWN, Dropped, DropTest
from vision.hazards import Hazard

EVERY, MOST = 7, 36
FEW_EVERY, FEW = 4, 4
MISSED = 1
"""Of them, in which people whom the masker misses are told of as another pack's fire."""
MISTAKEN = 4
"""Fires that these pictures may raise elsewhere than on a labelled person. COCO's weights find
people where nobody is, and people far away whom nobody labelled and the masker misses: 3."""


@pytest.fixture(autouse=True)
def shared() -> None:
    folder("road")
    if not WEIGHTS.exists():
        pytest.skip("needs ../shared, which is not beside this clone")


Packs = Callable[..., Pack]


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Packs:
    """Packs in which people are these words, each made once: that is what a pack costs."""
    folder = tmp_path_factory.mktemp("packs")

    @functools.cache
    def made(*words: str) -> Pack:
        return calling_people(words, folder)

    return made


def believe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a foreign pack's rocks and vehicles at its word, which the product never does."""
    believed = replace(FOREIGN, vehicles=True, raises=OWN.raises)
    monkeypatch.setattr(detection, "FOREIGN", believed)


def test_people_called_rocks_raise_nothing_and_called_fires_next_to_nothing(called: Packs) -> None:
    shown = pictures(EVERY, MOST)
    assert len(shown) == MOST
    cameras = Cameras(called("rock", "fire"), shown)
    alerts = began(cameras.watch())
    on_somebody = [
        (one.hazard, cameras.picture(one.camera_id).name)
        for one in alerts
        if on_people(one, cameras.picture(one.camera_id))
    ]
    assert {one.hazard for one in alerts} <= {Hazard.FIRE}
    assert len(on_somebody) <= MISSED
    assert len(alerts) <= MISTAKEN


def test_people_called_cars_raise_nothing(called: Packs) -> None:
    shown = pictures(FEW_EVERY, FEW)
    assert not began(Cameras(called("car"), shown, LONG).watch())


@pytest.mark.parametrize(("word", "looks"), [("rock", LOOKS), ("car", LONG)])
def test_the_drop_test_and_the_voids_hold_what_a_pack_is_believed(
    called: Packs, monkeypatch: pytest.MonkeyPatch, word: str, looks: int
) -> None:
    """Another pack's rocks and vehicles reach no rule; if they did, these two would stop them."""
    believe(monkeypatch)
    cameras = Cameras(called(word), pictures(FEW_EVERY, FEW), looks)
    alerts = began(cameras.watch())
    assert not [one for one in alerts if on_people(one, cameras.picture(one.camera_id))]
    assert Hazard.DEBRIS not in {one.hazard for one in alerts}


@pytest.mark.parametrize(
    ("word", "looks", "expected"),
    [
        ("rock", LOOKS, Hazard.DEBRIS),
        ("fire", LOOKS, Hazard.FIRE),
        ("car", LONG, Hazard.OBSTRUCTION),
    ],
)
def test_the_same_looks_alarm_where_nothing_holds_them(
    called: Packs, monkeypatch: pytest.MonkeyPatch, word: str, looks: int, expected: Hazard
) -> None:
    """So it is no rule's patience that keeps them quiet."""

    def passes(_self: DropTest, found: Detections, *_rest: object) -> tuple[Detections, Dropped]:
        return found, Dropped(mostly_person=0, no_masker=0, foreign_pack=0)

    def keeps(_self: Voids, look: Look) -> Look:
        return look

    believe(monkeypatch)
    monkeypatch.setattr(DropTest, "__call__", passes)
    monkeypatch.setattr(Voids, "cleaned", keeps)
    cameras = Cameras(called(word), pictures(FEW_EVERY, FEW), looks)
    on_somebody = {
        one.camera_id
        for one in began(cameras.watch())
        if one.hazard is expected and on_people(one, cameras.picture(one.camera_id))
    }
    assert len(on_somebody) >= FEW / 2
