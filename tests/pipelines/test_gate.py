"""The gate: what changes goes to the detector, what stands still waits a while."""

from dataclasses import replace

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from models.packs import DEFAULT_PACK, load_pack
from pipelines.batcher import Batcher
from pipelines.believing import Persistence
from pipelines.detection import Found
from pipelines.flow import Flow
from pipelines.frames import Closeup, Frame, FrameBatch
from pipelines.gate import FORCED_S, Gate
from pipelines.judge import Judge
from pipelines.messages import Camera
from pipelines.metrics import WorkerMetrics
from pipelines.rules.moment import Columns
from pipelines.zones import zones_of
from tests.support.builders import FIRE_BOX, at, detections, frame, look
from vision.hazards import Hazard
from vision.motion import CHANGED_LEVELS, changed, grid, thumbnail
from vision.roles import Label, Role

INPUT = (256, 448)


def seen(
    pixels: np.ndarray,
    seconds: float = 0.0,
    camera_id: str = "camera-1",
    size_px: tuple[int, int] = INPUT,
) -> Frame:
    whole = frame(camera_id)
    ref = replace(whole.ref, captured_at=at(seconds))
    return Frame(ref=ref, pixels=pixels, thumbnail=thumbnail(pixels, grid(size_px)))


def street(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(40, 90, (252, 448, 3), np.uint8)


def quiet_gate(first: Frame) -> Gate:
    gate = Gate(INPUT)
    assert gate.wants([first]).tolist() == [True]
    gate.saw(first)
    gate.judged(first.ref, quiet=True)
    return gate


def test_what_stands_still_is_not_looked_at_again_until_it_must() -> None:
    gate = quiet_gate(seen(street()))
    assert gate.wants([seen(street(), FORCED_S - 0.1)]).tolist() == [False]
    assert gate.wants([seen(street(), FORCED_S)]).tolist() == [True]
    assert gate.wants([seen(street(), -FORCED_S)]).tolist() == [True], "the clock was set back"


def test_a_sensor_s_noise_is_no_change_and_a_small_flame_is() -> None:
    rng = np.random.default_rng(3)
    night = np.full((252, 448, 3), 20.0)
    first, second = (
        np.clip(night + rng.normal(0, 5, night.shape), 0, 255).astype(np.uint8) for _ in range(2)
    )
    gate = quiet_gate(seen(first))
    assert gate.wants([seen(second, 2)]).tolist() == [False]
    second[100:106, 200:206] = (60, 190, 250)
    assert gate.wants([seen(second, 2)]).tolist() == [True]


def test_slow_growth_adds_up() -> None:
    """Each look differs from the one before by less than is noticed, not so from the last seen."""
    gate = quiet_gate(seen(street()))
    wanted = []
    for step in range(1, 4):
        picture = street().astype(int)
        picture[:100, :200] += step * (CHANGED_LEVELS - 1)
        wanted += gate.wants([seen(picture.astype(np.uint8), step)]).tolist()
    assert wanted == [False, True, True]


def test_where_a_hazard_shows_every_look_is_seen() -> None:
    gate = quiet_gate(seen(street()))
    gate.saw(seen(street(), 2))
    assert gate.wants([seen(street(), 4)]).tolist() == [True], "not judged yet"
    gate.judged(seen(street()).ref, quiet=False)
    assert gate.wants([seen(street(), 4)]).tolist() == [True]


def test_cameras_are_told_apart_and_one_that_left_is_forgotten() -> None:
    gate = Gate(INPUT)
    names = [f"camera-{n}" for n in range(40)]
    for n, name in enumerate(names):
        one = seen(street(n), camera_id=name)
        gate.saw(one)
        gate.judged(one.ref, quiet=True)
    looks = [seen(street(n), 1, name) for n, name in enumerate(names)]
    looks[7] = seen(street(99), 1, names[7])
    assert np.flatnonzero(gate.wants(looks)).tolist() == [7]
    gate.forget(names[3])
    assert gate.wants([looks[3]]).tolist() == [True]
    newcomer = seen(street(3), 1, "newcomer")
    assert gate.wants([newcomer]).tolist() == [True], "a place that was left is no memory"
    gate.saw(newcomer)
    assert gate.wants([newcomer]).tolist() == [True]


def test_the_batcher_passes_on_what_is_new_and_tells_of_the_rest() -> None:
    gate = Gate(INPUT)
    waiting = Batcher(INPUT, (1, 2, 4), WorkerMetrics(CollectorRegistry()), gate)
    for second in (0, 1):
        for name in ("a", "b"):
            moved = street(second) if name == "b" else street()
            waiting.offer(seen(moved, second, name))
        batch = waiting.take(0.1)
        assert batch is not None
        for ref in batch.frames:
            gate.judged(ref, quiet=True)
    assert [one.camera_id for one in batch.frames] == ["b"]
    assert [one.ref.camera_id for one in batch.unchanged] == ["a"]
    assert len(batch.pixels) == 1
    waiting.offer(seen(street(), 2, "a"))
    batch = waiting.take(0.1)
    assert batch is not None
    assert (batch.frames, len(batch.pixels), len(batch.unchanged)) == ((), 0, 1)


@pytest.mark.parametrize("size", [(16, 16), (17, 40), (252, 448), (2, 2), (256, 144)])
def test_a_picture_of_any_size_has_a_thumbnail_of_one_size(size: tuple[int, int]) -> None:
    small = thumbnail(np.full((*size, 3), 200, np.uint8), grid(INPUT))
    assert small.shape == (16, 28)
    rows, columns = -(-size[0] // 16), -(-size[1] // 16)
    assert (small[:rows, :columns] == 200).all()
    assert int(small.astype(int).sum()) == 200 * rows * columns


def test_a_change_is_the_largest_of_any_cell() -> None:
    one = np.full((2, 3, 3), 100, np.uint8)
    other = one.copy()
    other[0, 2, 2] -= CHANGED_LEVELS
    other[1, 0, 0] += CHANGED_LEVELS + 1
    assert changed(one, other).tolist() == [False, True]
    assert changed(one[:0], other[:0]).tolist() == []


def test_a_deep_red_flame_on_grey_and_the_picture_s_edge_are_seen() -> None:
    for size in ((252, 448), (251, 439)):
        grey = np.full((*size, 3), 95, np.uint8)
        for where in (np.s_[100:116, 200:216], np.s_[size[0] - 6 :, 40:60], np.s_[40:60, -6:]):
            red = grey.copy()
            red[where] = (40, 95, 230)
            gate = quiet_gate(seen(grey))
            assert gate.wants([seen(red, 2)]).tolist() == [True]


def test_a_fire_that_one_look_misses_is_not_over() -> None:
    """A look that the gate skips is no miss while anything is on or was seen lately."""
    camera = Camera(camera_id="camera-1", url="rtsp://192.0.2.1/x", hazards=(Hazard.FIRE,))
    fire = Label(name="fire", role=Role.HAZARD, hazard=Hazard.FIRE, threshold=0.5)
    rules = Judge(camera, zones_of(camera), Columns(labels=(fire,)))
    assert rules.is_calm
    for second in range(4):
        rules.see(look(second, (FIRE_BOX, 0.9, 0)))
        assert not rules.is_calm
    for second in range(4, 8):
        rules.see(look(second))
        assert not rules.is_calm, "it is on"
    rules.see(look(8))
    assert rules.is_calm, "it has ended"


def test_the_flow_skips_no_look_while_a_weak_sign_still_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing moves: the first look shows a sign, and the rule keeps it for five more."""
    pack = load_pack(DEFAULT_PACK)
    labels = pack.settings.labels
    smoke = [label.hazard for label in labels].index(Hazard.SMOKE)
    sign = (FIRE_BOX, labels[smoke].weak_threshold, smoke)
    flow = Flow(pack=pack, drills=frozenset(), epoch=1, metrics=WorkerMetrics(CollectorRegistry()))
    asked: list[int] = []

    def detect(batch: FrameBatch) -> list[Found]:
        found = detections() if asked else detections(sign)
        asked.append(second)
        return [
            Found(ref=ref, row=row, detections=found, regions=None, picture=row)
            for row, ref in enumerate(batch.frames)
        ]

    flow.watch(Camera(camera_id="camera-1", url="rtsp://192.0.2.1/x", hazards=(Hazard.SMOKE,)))
    monkeypatch.setattr(
        type(flow._seeing._detection), "__call__", lambda _, batch: iter(detect(batch))
    )
    looks = Persistence().looks
    for second in range(looks + 3):
        flow.batcher.offer(seen(street(), second, size_px=flow.input_size_px))
        assert list(flow.step(0.1)) == [], "a weak sign alone is no alert"
        assert flow.is_calm("camera-1") == (second >= looks)
    assert asked == list(range(looks + 1))


@pytest.mark.parametrize("is_asked", [True, False])
def test_a_look_that_an_alert_waits_for_is_always_seen(is_asked: bool) -> None:
    """A stopped vehicle changes nothing, and without the masker's word there is no picture."""
    gate = quiet_gate(seen(street()))
    closeup = Closeup(pixels=street(), privacy=(), is_asked=is_asked)
    asked = replace(seen(street(), 2), evidence=closeup)
    assert gate.wants([asked]).tolist() == [is_asked]
