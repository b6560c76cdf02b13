"""The product's own masker runs beside every other pack, on the same picture, or nothing passes."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from models.packs import PackRefusedError, load_masker, load_pack
from pipelines import flow
from pipelines.detection import Detection
from pipelines.flow import Flow
from pipelines.frames import FrameBatch, FrameRef, Look
from pipelines.masking import MaskedDetector
from pipelines.metrics import WorkerMetrics
from tests.models.test_graphs import pack
from tests.support.builders import at
from tests.support.networks import answering, not_for_bright, pixels
from vision.arrays import Detections
from vision.beside import Beside
from vision.decoders import DecoderName
from vision.detector import Detector, DetectorError, DetectorSettings
from vision.hazards import Hazard
from vision.letterbox import PAD_VALUE, Letterbox, fit
from vision.masker import MaskRegions, joined, mostly_covered
from vision.roles import Label, Role

ROCK = Label(name="rock", role=Role.HAZARD, hazard=Hazard.DEBRIS, threshold=0.5)
SMOKE = Label(name="smoke", role=Role.HAZARD, hazard=Hazard.SMOKE, threshold=0.5)
FIRE = Label(name="fire", role=Role.HAZARD, hazard=Hazard.FIRE, threshold=0.5)
CAR = Label(name="car", role=Role.VEHICLE, hazard=None, threshold=0.5)
SOURCE_PX = (640, 360)
BOX = (0.25, 0.25, 0.5, 0.75)
"""Of the source, in every picture."""


def seeing(
    size_px: tuple[int, int],
    label: Label = FIRE,
    column: int = 0,
    *,
    also: tuple[Label, float] = (CAR, 0.0),
    sizes: tuple[int, ...] = (1, 2, 4),
    blind_if_bright: bool = False,
) -> Detector:
    """A foreign detector that finds one thing at ``BOX`` in every picture."""
    wide, high = (
        share * px
        for share, px in zip(fit(SOURCE_PX, *size_px).share_wh, size_px[::-1], strict=True)
    )
    x0, y0, x1, y1 = np.array(BOX) * [wide, high, wide, high]
    rows = np.array([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0, 0, 0], np.float32)
    rows[4 + column], rows[5 - column] = 0.9, also[1]
    made = answering({"output0": rows[:, None]}, pixels("b", size_px))
    if blind_if_bright:
        not_for_bright(made)
    labels = (label, also[0]) if column == 0 else (also[0], label)
    return Detector(
        made.SerializeToString(),
        DetectorSettings(
            decoder=DecoderName.YOLOV8, labels=labels, input_height_px=size_px[0],
            input_width_px=size_px[1], batch_sizes=sizes, iou_limit=0.5,
        ),
    )  # fmt: skip


class Masker(Detector):
    """Stands where the pinned masker stands: says where white is, in pictures of its own size."""

    masks = True

    def __init__(self, size_px: tuple[int, int], *, fails: bool = False) -> None:
        self.settings = DetectorSettings(
            decoder=DecoderName.YOLOX, labels=(ROCK,), input_height_px=size_px[0],
            input_width_px=size_px[1], batch_sizes=(1, 2), iou_limit=0.5,
        )  # fmt: skip
        self.fails = fails
        self.seen: list[int] = []

    def with_regions(
        self, pixels: np.ndarray, letterboxes: Sequence[Letterbox]
    ) -> tuple[Detections, MaskRegions]:
        assert pixels.shape[1:] == (*self.input_size_px, 3)
        assert len(pixels) in self.settings.batch_sizes
        self.seen.append(len(letterboxes))
        if self.fails:
            raise DetectorError("it failed")
        rows, boxes = [], []
        for row, box in enumerate(letterboxes):
            grey = pixels[row, : box.content_height_px, : box.content_width_px, 0]
            beside = pixels[row].astype(int).sum(axis=2)
            beside[: box.content_height_px, : box.content_width_px] = 3 * PAD_VALUE
            assert (beside == 3 * PAD_VALUE).all(), "grey around the picture, whatever was before"
            high, wide = np.nonzero(grey > 200)
            if len(high):
                size = [box.content_width_px, box.content_height_px] * 2
                corners = [wide.min(), high.min(), wide.max() + 1, high.max() + 1]
                rows.append(row)
                boxes.append(np.array(corners) / size)
        nothing = Detections(
            frame_index=np.zeros(0, np.int64), xyxy=np.zeros((0, 4), np.float32),
            score=np.zeros(0, np.float32), label=np.zeros(0, np.int64),
        )  # fmt: skip
        where = np.array(boxes, np.float32).reshape(-1, 4)
        return nothing, MaskRegions(np.array(rows, np.int64), where)


def batch(size_px: tuple[int, int], people: tuple[bool, ...]) -> FrameBatch:
    """Pictures of which some are white where the detector says that a rock lies."""
    canvas = np.full((4, *size_px, 3), PAD_VALUE, np.uint8)
    box = fit(SOURCE_PX, *size_px)
    for row, person in enumerate(people):
        content = canvas[row, : box.content_height_px, : box.content_width_px]
        content[:] = 20
        if person:
            high, wide = content.shape[:2]
            x0, y0, x1, y1 = (np.array(BOX) * [wide, high, wide, high]).astype(int)
            content[y0:y1, x0:x1] = 255
    refs = tuple(
        FrameRef(
            camera_id=f"c{row}", seq=1, source_size_px=SOURCE_PX, letterbox=box,
            captured_at=at(0), received_ns=0,
        )
        for row in range(len(people))
    )  # fmt: skip
    return FrameBatch(pixels=canvas, frames=refs)


def looks(
    detector: Detector, masker: Masker, people: tuple[bool, ...]
) -> tuple[list[Look], WorkerMetrics]:
    metrics = WorkerMetrics(CollectorRegistry())
    beside = MaskedDetector(detector, masker, metrics)
    stage = Detection(beside, metrics)
    return list(stage(batch(beside.input_size_px, people))), metrics


SIZES = [(256, 448), (640, 640), (96, 96), (64, 512), (512, 64)]
"""The masker's own, larger, smaller, lower and wider, higher and narrower."""


@pytest.mark.parametrize("size_px", SIZES)
@pytest.mark.parametrize("masker_px", [(256, 448), (320, 320)])
def test_a_person_taken_for_a_fire_is_dropped_whatever_size_the_pack_has(
    size_px: tuple[int, int], masker_px: tuple[int, int]
) -> None:
    people = (True, False, True)
    seen, metrics = looks(seeing(size_px), Masker(masker_px), people)
    assert [len(look.detections) for look in seen] == [0, 1, 0]
    np.testing.assert_allclose(seen[1].detections.xyxy, [BOX], atol=0.01)
    name = "fengsui_looks_with_drops_total"
    assert metrics.registry.get_sample_value(name, {"reason": "mostly_person"}) == 2


def counted(metrics: WorkerMetrics, reason: str) -> float:
    name = "fengsui_looks_with_drops_total"
    return metrics.registry.get_sample_value(name, {"reason": reason}) or 0.0


@pytest.mark.parametrize("label", [ROCK, CAR, FIRE, SMOKE])
def test_where_the_masker_fails_nothing_of_another_pack_passes(label: Label) -> None:
    masker = Masker((256, 448), fails=True)
    seen, metrics = looks(seeing((256, 448), label), masker, (False,))
    assert len(seen[0].detections) == 0
    assert metrics.total("fengsui_masker_errors_total") == 1
    assert metrics.total("fengsui_detector_errors_total") == 0
    assert counted(metrics, "no_masker") == int(label in {FIRE, SMOKE})


@pytest.mark.parametrize(("label", "passes"), [(ROCK, 0), (CAR, 0), (FIRE, 1), (SMOKE, 1)])
def test_another_pack_raises_fire_and_smoke_alone(label: Label, passes: int) -> None:
    seen, metrics = looks(seeing((256, 448), label), Masker((256, 448)), (False,))
    assert len(seen[0].detections) == passes
    assert counted(metrics, "foreign_pack") == int(label is ROCK)
    assert counted(metrics, "mostly_person") == 0


@pytest.mark.parametrize("size_px", [(256, 448), (96, 96)])
@pytest.mark.parametrize(("score", "passes"), [(0.9, 0), (0.05, 1)])
def test_a_pack_s_own_mask_boxes_join_the_masker_s(
    size_px: tuple[int, int], score: float, passes: int
) -> None:
    """Its own network finds a person where it finds a fire, and the masker finds nobody."""
    person = Label(name="person", role=Role.MASK, hazard=None, threshold=0.1)
    both = seeing(size_px, also=(person, score))
    seen, metrics = looks(both, Masker((256, 448)), (False,))
    assert len(seen[0].detections) == passes
    assert counted(metrics, "mostly_person") == 1 - passes
    assert both(np.zeros((1, *size_px, 3), np.uint8), [fit(SOURCE_PX, *size_px)])[1] is None
    failing, _ = looks(both, Masker((256, 448), fails=True), (False,))
    assert len(failing[0].detections) == 0, "alone they say nothing"


@pytest.mark.parametrize("sizes", [(1, 2, 4), (4,)])
@pytest.mark.parametrize("size_px", [(256, 448), (96, 96)])
def test_one_bad_picture_does_not_blind_its_neighbours(
    sizes: tuple[int, ...], size_px: tuple[int, int]
) -> None:
    """Its answer is not a number where the picture is white."""
    metrics = WorkerMetrics(CollectorRegistry())
    whole = seeing(size_px, sizes=sizes, blind_if_bright=True)
    stage = Detection(MaskedDetector(whole, Masker((256, 448)), metrics), metrics)
    given = batch(stage._detector.input_size_px, (False, False, False, False))
    given.pixels[2] = 255
    seen = list(stage(given))
    assert [look.ref.camera_id for look in seen] == ["c0", "c1", "c3"]
    assert [len(look.detections) for look in seen] == [1, 1, 1]
    assert metrics.drops["detector_error"] == 1
    assert metrics.total("fengsui_detector_errors_total") == 1
    assert metrics.total("fengsui_frames_analysed_total") == 3


def test_the_masker_looks_where_something_was_found_and_nowhere_else() -> None:
    masker = Masker((256, 448))
    looks(seeing((256, 448)), masker, (False, False, False))
    assert masker.seen == [2, 1], "all three looks, in batches of its own sizes"
    masker = Masker((256, 448))
    metrics = WorkerMetrics(CollectorRegistry())
    quiet = seeing((256, 448))
    quiet._thresholds[:] = 2.0
    stage = Detection(MaskedDetector(quiet, masker, metrics), metrics)
    assert [len(look.detections) for look in stage(batch((256, 448), (True,)))] == [0]
    assert masker.seen == []


def test_a_pack_s_own_person_column_says_nothing() -> None:
    person = Label(name="person", role=Role.MASK, hazard=None, threshold=0.1)
    seen, _ = looks(seeing((256, 448), person), Masker((256, 448)), (False,))
    assert len(seen[0].detections) == 0


def test_only_the_pinned_weights_may_stand_beside() -> None:
    foreign = seeing((256, 448))
    with pytest.raises(ValueError, match="pinned"):
        MaskedDetector(foreign, foreign, WorkerMetrics(CollectorRegistry()))


def test_a_flow_with_another_s_pack_has_the_pinned_masker(tmp_path: Path) -> None:
    rows = np.array([[40.0], [30], [9], [9], [0.1], [0.1]], np.float32)
    own = load_pack(pack(tmp_path, answering({"output0": rows})))
    own_flow = Flow(
        pack=own, drills=frozenset(), epoch=0, metrics=WorkerMetrics(CollectorRegistry())
    )
    beside = own_flow._seeing._detection._detector
    assert isinstance(beside, MaskedDetector)
    masker = beside._masker._detector
    assert masker.masks
    assert own_flow.input_size_px == masker.input_size_px, "larger than the pack's 64x96"


def test_no_flow_without_the_pinned_masker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.array([[40.0], [30], [9], [9], [0.1], [0.1]], np.float32)
    own = load_pack(pack(tmp_path, answering({"output0": rows})))
    with pytest.raises(PackRefusedError, match="not the masker's"):
        load_masker(tmp_path)
    monkeypatch.setattr(flow, "load_masker", lambda: load_masker(tmp_path))
    with pytest.raises(PackRefusedError, match="not the masker's"):
        Flow(pack=own, drills=frozenset(), epoch=0, metrics=WorkerMetrics(CollectorRegistry()))


def test_the_masker_sees_beside_another_pack_what_it_sees_alone() -> None:
    """The pinned weights on noise with shapes, in their own input and out of a larger one."""
    masker = load_masker()
    masker._thresholds[masker._is_mask] = 0.001  # noise holds nobody: weak answers do for this
    rng = np.random.default_rng(5)
    coarse = rng.integers(0, 256, (12, 20, 3), np.uint8)
    picture = cv2.resize(coarse, (1280, 720), interpolation=cv2.INTER_CUBIC)
    box = fit((1280, 720), *masker.input_size_px)
    own = np.full((1, *masker.input_size_px, 3), PAD_VALUE, np.uint8)
    content_px = (box.content_width_px, box.content_height_px)
    own[0, : content_px[1], : content_px[0]] = cv2.resize(
        picture, content_px, interpolation=cv2.INTER_AREA
    )
    _, alone = masker(own, [box])
    large = np.full((2, 1280, 1280, 3), PAD_VALUE, np.uint8)
    large[1, :720] = picture
    boxes = [fit((1280, 720), 1280, 1280)] * 2
    _, beside = Beside(masker)(large, boxes, np.array([1]))
    assert alone is not None
    assert beside is not None
    grid = np.stack(np.meshgrid(np.arange(0, 1, 0.1), np.arange(0, 1, 0.1)), -1).reshape(-1, 2)
    cells = np.concatenate([grid, grid + 0.1], axis=1).astype(np.float32)
    for regions, picture_number in ((alone, 0), (beside, 1)):
        probe = Detections(
            frame_index=np.full(100, picture_number), xyxy=cells,
            score=np.ones(100, np.float32), label=np.zeros(100, np.int64),
        )  # fmt: skip
        covered = mostly_covered(probe, regions)
        if picture_number == 0:
            first = covered
    assert first.any(), "the test needs regions"
    assert (first == covered).mean() > 0.97


def test_regions_of_several_passes_keep_their_pictures() -> None:
    one = MaskRegions(np.array([0]), np.array([BOX], np.float32))
    other = MaskRegions(np.array([1, 1]), np.array([BOX, BOX], np.float32))
    both = joined([(one, np.array([3])), (other, np.array([0, 2]))])
    probe = Detections(
        frame_index=np.arange(4), xyxy=np.array([BOX] * 4, np.float32),
        score=np.ones(4, np.float32), label=np.zeros(4, np.int64),
    )  # fmt: skip
    assert mostly_covered(probe, both).tolist() == [False, False, True, True]
    nothing = joined([])
    assert not mostly_covered(probe, nothing).any()
    assert repr(both) == repr(nothing)


def test_the_pinned_weights_are_read_in_one_way_only() -> None:
    own = load_pack()
    settings = dataclasses.replace(own.settings, decoder=DecoderName.YOLOX_DECODED)
    with pytest.raises(DetectorError, match="read by"):
        Detector(own.weights, settings)


def test_what_an_earlier_wider_picture_left_is_grey_again() -> None:
    beside = Beside(Masker((256, 448)))
    for source_px in ((1920, 1080), (720, 1280), (640, 480)):
        canvas = np.full((1, 640, 640, 3), PAD_VALUE, np.uint8)
        box = fit(source_px, 640, 640)
        canvas[0, : box.content_height_px, : box.content_width_px] = 255
        _, regions = beside(canvas, [box], np.array([0]))
        inner = np.array([[0.05, 0.05, 0.95, 0.95]], np.float32)
        probe = Detections(
            frame_index=np.zeros(1, np.int64), xyxy=inner,
            score=np.ones(1, np.float32), label=np.zeros(1, np.int64),
        )  # fmt: skip
        assert regions is not None
        assert mostly_covered(probe, regions).all()


def test_where_the_masker_did_not_look_nobody_knows_who_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also beside a picture of the same batch at which it did."""
    detector = seeing(load_masker().input_size_px, FIRE)
    sees = detector.with_regions

    def first_alone(
        pixels_: np.ndarray, boxes: Sequence[Letterbox]
    ) -> tuple[Detections, MaskRegions]:
        things, regions = sees(pixels_, boxes)
        return things.where(things.frame_index == 0), regions

    monkeypatch.setattr(detector, "with_regions", first_alone)
    masked = MaskedDetector(detector, load_masker(), WorkerMetrics(CollectorRegistry()))
    height_px, width_px = masked.input_size_px
    box = fit(SOURCE_PX, height_px, width_px)
    batch = np.zeros((2, height_px, width_px, 3), np.uint8)
    refs = tuple(
        FrameRef(
            camera_id=name,
            seq=1,
            source_size_px=SOURCE_PX,
            letterbox=box,
            captured_at=at(0),
            received_ns=0,
        )
        for name in "ab"
    )
    detection = Detection(masked, WorkerMetrics(CollectorRegistry()))
    found = list(detection(FrameBatch(pixels=batch, frames=refs)))
    assert [len(one.detections) for one in found] == [1, 0]
    assert [one.regions is None for one in found] == [False, True]
