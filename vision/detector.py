"""One pass over a batch: hazards and vehicles on one side, opaque mask regions on the other."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime
from jaxtyping import Float32

from vision import decoders
from vision.arrays import BatchPixels, Detections
from vision.letterbox import Letterbox, shares
from vision.masker import PERSON_THRESHOLD, MaskRegions, is_pinned
from vision.roles import Label, Role
from vision.suppression import suppress

MAX_CANDIDATES = 300
"""Strongest candidates of a picture that suppression sees, people not among them. A street at
rush hour gives some 200; damaged weights give 20,000, and suppression grows with the square."""


class DetectorError(Exception):
    """The weights can't be used as a detector. The text says which part does not fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorSettings:
    """What a pack says of its network."""

    labels: tuple[Label, ...]
    """In the order of the network's class columns."""
    input_height_px: int
    """``h``."""
    input_width_px: int
    """``w``."""
    batch_sizes: tuple[int, ...]
    """The only batches that are ever run, ascending: ONNX Runtime's memory grows with each."""
    iou_limit: float
    """Overlap above which the weaker of two boxes of one label goes."""
    threads: int = 1
    """Threads of one inference."""


class Detector:
    """A detector of hazards. Not thread-safe: one per inference loop."""

    def __init__(self, weights: bytes, settings: DetectorSettings) -> None:
        self.settings = settings
        try:
            self.masks = is_pinned(hashlib.sha256(weights).hexdigest(), settings.labels)
            """Whether the weights are the pinned masker's: theirs alone say where people are."""
        except ValueError as error:
            raise DetectorError(str(error)) from error
        self._is_mask = np.array([label.role is Role.MASK for label in settings.labels])
        self._thresholds = np.array([label.weak_threshold for label in settings.labels], np.float32)
        if self.masks:  # a constant: no pack can raise it
            self._thresholds[self._is_mask] = PERSON_THRESHOLD
        self._session = _session(weights, settings.threads)
        _check(self._session, settings)

    def __call__(
        self, pixels: BatchPixels, letterboxes: Sequence[Letterbox]
    ) -> tuple[Detections, MaskRegions | None]:
        """Return what is in the pictures and, apart, where people are.

        ``pixels`` may hold more rows than there are ``letterboxes``: a batch padded to one of
        the fixed sizes; what is found in the padding is ignored. Mask regions are ``None``
        where the weights are not the pinned masker's: the drop test then lets pass only what
        may be reported without a masker. Raises ``DetectorError`` for output that isn't finite.
        """
        settings = self.settings
        output = _run(self._session, pixels)
        output = output[: len(letterboxes)]
        if not np.isfinite(output).all():
            raise DetectorError("the network's output is not finite: the weights are damaged")
        found = decoders.yolox(
            output, self._thresholds, settings.input_height_px, settings.input_width_px
        )
        is_mask = self._is_mask[found.label]
        things = self._suppressed(found.where(~is_mask), settings.iou_limit)
        if not self.masks:
            return _to_source(things, letterboxes), None
        # Every box, unsuppressed: what is covered is a union, and no limit may lose a person.
        where = _to_source(found.where(is_mask), letterboxes)
        return _to_source(things, letterboxes), MaskRegions(where.frame_index, where.xyxy)

    def _suppressed(self, found: decoders.Candidates, iou_limit: float) -> decoders.Candidates:
        found = found.strongest(MAX_CANDIDATES)
        group = found.frame_index * len(self.settings.labels) + found.label
        return found.where(suppress(found.xyxy, found.score, group, iou_limit))


def _run(session: onnxruntime.InferenceSession, pixels: BatchPixels) -> Float32[np.ndarray, "..."]:
    try:
        output: Float32[np.ndarray, "..."] = session.run(None, {"pixels": pixels})[0]
    except Exception as error:  # ONNX Runtime's errors have no common root
        raise DetectorError(f"the network does not run: {error}") from error
    return output


def _to_source(found: decoders.Candidates, letterboxes: Sequence[Letterbox]) -> Detections:
    whole: Float32[np.ndarray, "b 4"] = shares(list(letterboxes))
    return Detections(
        frame_index=found.frame_index,
        xyxy=np.clip(found.xyxy / whole[found.frame_index], 0.0, 1.0).astype(np.float32),
        score=found.score.astype(np.float32),
        label=found.label,
    )


def _session(weights: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads burn the core that the decoders need; the arena keeps each shape's peak.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors have no common root
        raise DetectorError(f"ONNX Runtime can't load the weights: {error}") from error


def _check(session: onnxruntime.InferenceSession, settings: DetectorSettings) -> None:
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if [one.name for one in inputs] != ["pixels"] or inputs[0].type != "tensor(uint8)":
        raise DetectorError("the network must have one input, uint8 `pixels` [b h w 3]")
    expected = [settings.input_height_px, settings.input_width_px, 3]
    if list(inputs[0].shape[1:]) != expected:
        raise DetectorError(f"the input is {inputs[0].shape}, the pack says [b, *{expected}]")
    if len(outputs) != 1:
        raise DetectorError(f"one output (boxes, scores, classes) is allowed, not {len(outputs)}")
    # Declared output shapes are often symbolic: what grey pictures give is what counts. Every
    # batch size is run once, so that none is slow the first time.
    columns = 5 + len(settings.labels)
    for size in settings.batch_sizes:
        grey = np.full((size, *expected), 114, np.uint8)
        output = _run(session, grey)
        if output.ndim != 3 or (output.shape[0], output.shape[2]) != (size, columns):
            raise DetectorError(f"the output is {output.shape}, the labels need {columns} columns")
