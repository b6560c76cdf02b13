"""Every family of decoder through the detector itself: known boxes in, the same boxes out."""

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.networks import SIZE_PX, answering, pixels
from vision.decoders import DECODERS, DecoderName, yolox
from vision.decoders.detr import detr
from vision.decoders.yolo import yolov8, yolox_decoded
from vision.detector import Detector, DetectorError, DetectorSettings
from vision.hazards import Hazard
from vision.letterbox import fit
from vision.roles import Label, Role

HEIGHT_PX, WIDTH_PX = SIZE_PX
ANCHORS = 12 * 8 + 6 * 4 + 3 * 2
LABELS = (
    Label(name="fire", role=Role.HAZARD, hazard=Hazard.FIRE, threshold=0.5),
    Label(name="smoke", role=Role.HAZARD, hazard=Hazard.SMOKE, threshold=0.25),
    Label(name="car", role=Role.VEHICLE, hazard=None, threshold=0.5),
    Label(name="person", role=Role.MASK, hazard=None, threshold=0.1),
)
FIRE, SMOKE, CAR, PERSON = range(4)
TRUE = [  # corners 0-1 of the input, label, score
    ((0.25, 0.25, 0.5, 0.75), FIRE, 0.9),
    ((0.0, 0.5, 0.25, 1.0), SMOKE, 0.2),  # over its own weak threshold only
    ((0.5, 0.0, 1.0, 0.5), CAR, 0.6),
]
SEEN_BUT_WEAK = [((0.5, 0.5, 0.75, 0.75), FIRE, 0.2), ((0.1, 0.1, 0.3, 0.3), CAR, 0.45)]
A_PERSON = [((0.6, 0.6, 0.7, 0.9), PERSON, 0.95)]
ROWS = TRUE + SEEN_BUT_WEAK + A_PERSON
SIZES = np.array([WIDTH_PX, HEIGHT_PX] * 2)


def centred(corners: tuple[float, ...]) -> np.ndarray:
    x0, y0, x1, y1 = corners
    return np.array([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0])


def logit(score: float) -> float:
    return float(np.log(score / (1 - score)))


def yolo_rows(*, decoded: bool) -> np.ndarray:
    """YOLOX's table: each thing in an anchor of the first level, the rest silent."""
    table = np.zeros((ANCHORS, 5 + len(LABELS)), np.float32)
    table[:, :4] = [WIDTH_PX / 2, HEIGHT_PX / 2, 1, 1] if decoded else [0, 0, 0, 0]
    for anchor, (box, label, score) in enumerate(ROWS):
        cx, cy, w, h = centred(box) * SIZES
        raw = [cx / 8 - anchor, cy / 8, np.log(w / 8), np.log(h / 8)]
        table[anchor, :4] = [cx, cy, w, h] if decoded else raw
        table[anchor, 4] = 0.96
        table[anchor, 5 + label] = score / 0.96
    return table


def yolov8_rows() -> np.ndarray:
    table = np.zeros((4 + len(LABELS), ANCHORS), np.float32)
    for anchor, (box, label, score) in enumerate(ROWS):
        table[:4, anchor] = centred(box) * SIZES
        table[4 + label, anchor] = score
    return table


def queries(columns: int) -> tuple[np.ndarray, np.ndarray]:
    boxes = np.full((20, 4), 0.5, np.float32)
    logits = np.full((20, columns), -8.0, np.float32)
    for query, (box, label, score) in enumerate(ROWS):
        boxes[query] = centred(box)
        logits[query, label] = logit(score)
    return boxes, logits


def deployed() -> dict[str, np.ndarray]:
    boxes = np.array([np.array(box) * SIZES for box, _, _ in ROWS], np.float32)
    labels = np.array([label for _, label, _ in ROWS], np.int64)
    return {
        "labels": labels,
        "boxes": boxes,
        "scores": np.array([score for _, _, score in ROWS], np.float32),
    }


def answers(decoder: DecoderName) -> dict[str, np.ndarray]:
    match decoder:
        case DecoderName.YOLOX:
            return {"output": yolo_rows(decoded=False)}
        case DecoderName.YOLOX_DECODED:
            return {"output": yolo_rows(decoded=True)}
        case DecoderName.YOLOV8:
            return {"output0": yolov8_rows()}
        case DecoderName.DETR:
            boxes, logits = queries(len(LABELS))
            return {"pred_logits": logits, "pred_boxes": boxes}
        case DecoderName.RF_DETR:
            boxes, logits = queries(len(LABELS) + 1)
            logits[:, -1] = 9.0  # nothing, very surely
            return {"dets": boxes, "labels": logits}
        case DecoderName.DETR_DEPLOYED:
            return deployed()


def detector(decoder: DecoderName, made: onnx.ModelProto, **other: Any) -> Detector:
    given = {
        "decoder": decoder,
        "labels": LABELS,
        "input_height_px": HEIGHT_PX,
        "input_width_px": WIDTH_PX,
        "batch_sizes": (1, 2),
        "iou_limit": 0.5,
    }
    return Detector(made.SerializeToString(), DetectorSettings(**{**given, **other}))


def black(pictures: int) -> np.ndarray:
    return np.zeros((pictures, HEIGHT_PX, WIDTH_PX, 3), np.uint8)


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("decoder", list(DecoderName))
def test_known_boxes_come_out_of_every_picture(decoder: DecoderName, *, declared: bool) -> None:
    network = detector(decoder, answering(answers(decoder), declared=declared))
    found, regions = network(black(2), [fit((960, 640), *SIZE_PX)] * 2)
    assert regions is None, "no foreign network says where people are"
    for picture in range(2):
        mine = found.where(found.frame_index == picture)
        order = np.argsort(mine.label)
        assert mine.label[order].tolist() == [label for _, label, _ in TRUE]
        np.testing.assert_allclose(mine.xyxy[order], [box for box, _, _ in TRUE], atol=1e-5)
        np.testing.assert_allclose(mine.score[order], [score for _, _, score in TRUE], rtol=1e-5)


@pytest.mark.parametrize("decoder", list(DecoderName))
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_each_output_must_be_finite(decoder: DecoderName, wrong: float) -> None:
    for name, answer in answers(decoder).items():
        if answer.dtype == np.float32:
            broken = answers(decoder)
            broken[name].flat[3] = wrong
            with pytest.raises(DetectorError, match="not finite"):
                detector(decoder, answering(broken))


@pytest.mark.parametrize("decoder", list(DecoderName))
def test_labels_that_the_columns_do_not_fit_are_refused(decoder: DecoderName) -> None:
    if decoder is DecoderName.DETR_DEPLOYED:
        network = detector(decoder, answering(answers(decoder)), labels=LABELS[:2])
        with pytest.raises(DetectorError, match="names label 3, the pack has 2"):
            network(black(1), [fit((960, 640), *SIZE_PX)])
        return
    for declared in (True, False):
        with pytest.raises(DetectorError, match="the labels need"):
            detector(decoder, answering(answers(decoder), declared=declared), labels=LABELS[:2])


def test_a_padding_query_with_no_label_is_nothing() -> None:
    made = deployed()
    made["labels"][1], made["scores"][1] = -1, 0.0
    network = detector(DecoderName.DETR_DEPLOYED, answering(made))
    found, _ = network(black(1), [fit((960, 640), *SIZE_PX)])
    assert found.label.tolist() == [FIRE, CAR]


def test_four_columns_of_logits_are_told_from_boxes_by_name() -> None:
    shapes = {"labels": (1, 300, 4), "dets": (1, 300, 4)}
    assert DECODERS[DecoderName.RF_DETR].fits(shapes, 3, *SIZE_PX) == ("dets", "labels")
    with pytest.raises(ValueError, match="can't be told"):
        DECODERS[DecoderName.DETR].fits({"a": (1, 300, 4), "b": (1, 300, 4)}, 4, *SIZE_PX)
    shapes = {"a": (1, 300, 7), "b": (1, 300, 4)}
    assert DECODERS[DecoderName.DETR].fits(shapes, 7, *SIZE_PX) == ("b", "a")


def test_only_what_looks_like_a_family_is_guessed_to_be_it() -> None:
    eight, rf_detr = DECODERS[DecoderName.YOLOV8], DECODERS[DecoderName.RF_DETR]
    detr = DECODERS[DecoderName.DETR]
    for anchors in (8400, 34000, 8500, None):  # as it is, -p2, -p6, left open
        assert eight.likely({"output0": (1, 7, anchors)}, 640, 640)
    assert not eight.likely({"embedding": (1, 7, 512)}, 112, 112)
    assert not eight.likely({"output0": (1, 7, 8400)}, 640, 384)
    assert rf_detr.likely({"dets": (1, 300, 4), "labels": (1, 300, 4)}, 384, 384)
    assert not rf_detr.likely({"pred_boxes": (1, 100, 4), "logits": (1, 100, 4)}, 640, 640)
    assert detr.likely({"pred_boxes": (1, 100, 4), "logits": (1, 100, 4)}, 640, 640)
    assert not detr.likely({"dets": (1, 300, 4), "labels": (1, 300, 4)}, 384, 384)


@pytest.mark.parametrize(
    ("decoder", "of", "words"),
    [
        (DecoderName.YOLOX, DecoderName.YOLOX_DECODED, "`yolox_decoded`"),
        (DecoderName.YOLOX_DECODED, DecoderName.YOLOX, "`yolox`"),
        (DecoderName.DETR, DecoderName.YOLOV8, "two outputs"),
        (DecoderName.DETR_DEPLOYED, DecoderName.DETR, "three outputs"),
        (DecoderName.YOLOV8, DecoderName.YOLOX, "the labels need 8 rows"),
    ],
)
def test_another_family_s_decoder_is_refused(
    decoder: DecoderName, of: DecoderName, words: str
) -> None:
    with pytest.raises(DetectorError, match=words):
        detector(decoder, answering(answers(of)))


def test_boxes_in_another_unit_and_scores_that_are_none_are_refused() -> None:
    shares = yolov8_rows()
    shares[:4] /= WIDTH_PX
    with pytest.raises(DetectorError, match="pixels of the input"):
        detector(DecoderName.YOLOV8, answering({"output0": shares}))
    boxes, logits = queries(len(LABELS))
    with pytest.raises(DetectorError, match="in pixels"):
        detector(DecoderName.DETR, answering({"boxes": boxes * 90, "logits": logits}))
    small = deployed()
    small["boxes"] = small["boxes"] / SIZES.astype(np.float32)
    with pytest.raises(DetectorError, match="not pixels of the input"):
        detector(DecoderName.DETR_DEPLOYED, answering(small))
    logit_scores = yolov8_rows()
    logit_scores[4:] *= 9
    network = detector(DecoderName.YOLOV8, answering({"output0": logit_scores}))
    with pytest.raises(DetectorError, match="lacks its sigmoid"):
        network(black(1), [fit((960, 640), *SIZE_PX)])


def test_outputs_of_another_type_are_refused() -> None:
    made = deployed()
    made["labels"] = made["labels"].astype(np.float32)
    with pytest.raises(DetectorError, match="`labels` is"):
        detector(DecoderName.DETR_DEPLOYED, answering(made))


def test_a_network_that_can_t_do_its_batch_is_refused() -> None:
    made = answering(answers(DecoderName.YOLOV8))
    one = next(node for node in made.graph.node if node.op_type == "Expand")
    one.input[1] = "output0_one"
    made.graph.initializer.append(
        onnx.numpy_helper.from_array(np.array([1, 8, ANCHORS], np.int64), "output0_one")
    )
    with pytest.raises(DetectorError, match="batch size"):
        detector(DecoderName.YOLOV8, made)
    assert detector(DecoderName.YOLOV8, made, batch_sizes=(1,))


def test_answers_whose_shape_depends_on_the_picture_are_refused_when_they_come() -> None:
    """Fifty anchors on grey, none on black: an output that the file declares as open."""
    made = answering(answers(DecoderName.YOLOV8), declared=False)
    made.graph.output[0].name = "some"
    nodes = onnx.helper.make_node
    made.graph.node.extend(
        [
            nodes("Cast", ["pixels"], ["light"], to=onnx.TensorProto.FLOAT),
            nodes("ReduceMax", ["light"], ["most"], keepdims=0),
            nodes("Cast", ["most"], ["bright"], to=onnx.TensorProto.BOOL),
            nodes("If", ["bright"], ["some"], then_branch=whole(), else_branch=scalar()),
        ]
    )
    network = detector(DecoderName.YOLOV8, made)
    with pytest.raises(DetectorError, match="can't do"):
        network(black(1), [fit((960, 640), *SIZE_PX)])


def whole() -> onnx.GraphProto:
    out = onnx.helper.make_tensor_value_info("yes", onnx.TensorProto.FLOAT, None)
    return onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["output0"], ["yes"])], "a", [], [out]
    )


def scalar() -> onnx.GraphProto:
    out = onnx.helper.make_tensor_value_info("no", onnx.TensorProto.FLOAT, None)
    return onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["most"], ["no"])], "b", [], [out]
    )


def test_an_input_of_another_size_is_refused() -> None:
    with pytest.raises(DetectorError, match="the pack says"):
        detector(DecoderName.YOLOV8, answering(answers(DecoderName.YOLOV8), pixels("b", (64, 64))))


boxes_px = st.tuples(*[st.floats(1, 90, width=32)] * 4)
scores = st.floats(0, 1, width=32)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(boxes_px, st.lists(scores, min_size=3, max_size=3)), max_size=30))
def test_families_of_yolo_agree_on_the_same_boxes(rows: list[Any]) -> None:
    """One thing written in three ways is the same thing."""
    limits = np.array([0.2, 0.5, 0.7], np.float32)
    table = np.zeros((1, ANCHORS, 8), np.float32)
    table[..., 2:4] = 1.0
    for anchor, (box, classes) in enumerate(rows):
        table[0, anchor] = [*box, 1.0, *classes]
    decoded = yolox_decoded(table, limits, *SIZE_PX)
    turned = np.ascontiguousarray(np.delete(table, 4, axis=2).transpose(0, 2, 1))
    eight = yolov8(turned, limits, *SIZE_PX)
    raw = table.copy()
    raw[0, :, :2] = raw[0, :, :2] / 8 - [[n % 12, n // 12] for n in range(ANCHORS)]
    raw[..., 2:4] = np.log(raw[..., 2:4] / 8)
    own = yolox(raw, limits, *SIZE_PX)
    first = np.lexsort((eight.label, np.round(eight.xyxy[:, 0], 4))) if len(eight.score) else []
    assert len(own.score) == len(eight.score) == len(decoded.score) == len(first)
    if len(rows) <= 96:  # all in the first level
        np.testing.assert_allclose(own.xyxy, decoded.xyxy, rtol=1e-3, atol=1e-4)
        np.testing.assert_array_equal(own.label, decoded.label)
    assert sorted(eight.score.tolist()) == sorted(decoded.score.tolist())


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-50, 50, width=32), min_size=3, max_size=60))
def test_a_logit_passes_exactly_where_its_score_does(values: list[float]) -> None:
    logits = np.array(values[: len(values) // 3 * 3], np.float32).reshape(1, -1, 3)
    limits = np.array([0.1, 0.5, 0.9], np.float32)
    boxes = np.full((1, logits.shape[1], 4), 0.5, np.float32)
    found = detr(boxes, logits, limits)
    every = 1 / (1 + np.exp(-logits.astype(np.float64)))
    sure = np.abs(every - limits) > 1e-5
    passed = np.zeros(logits.shape, bool)
    for label in range(3):
        passed[0, :, label] = every[0, :, label] >= limits[label]
    assert abs(len(found.score) - passed.sum()) <= (~sure).sum()
    assert (found.score >= limits[found.label] - 1e-5).all()
    assert (found.score <= 1).all()
