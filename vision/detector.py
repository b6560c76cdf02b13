"""One pass over a batch: hazards and vehicles on one side, opaque mask regions on the other."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime
from jaxtyping import Float32

from vision.arrays import BatchPixels, Detections
from vision.decoders import DECODERS, OUTPUT_TYPES, Candidates, DecoderName, Shape
from vision.letterbox import PAD_VALUE, Letterbox, shares
from vision.masker import (
    COVERING_PERSON,
    COVERING_VEHICLE,
    PERSON_THRESHOLD,
    PINNED_DECODER,
    MaskRegions,
    is_pinned,
)
from vision.roles import Label, Role
from vision.suppression import suppress

MAX_CANDIDATES = 300
"""Strongest candidates of a picture that suppression sees, people not among them. A street at
rush hour gives some 200; damaged weights give 20,000, and suppression grows with the square."""

LARGEST_SCORE = 1.01
"""What rounding in sixteen bits may make of 1."""


class DetectorError(Exception):
    """The weights can't be used as a detector. The text says which part does not fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorSettings:
    """What a pack says of its network."""

    decoder: DecoderName
    """How its outputs are read."""
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

    def __init__(
        self, weights: bytes, settings: DetectorSettings, *, covering: bool = False
    ) -> None:
        """``covering``: it sees what evidence must cover, down to lower scores than rules go by."""
        self.settings = settings
        self.covering = covering
        """Whether it was made for covering."""
        try:
            self.masks = is_pinned(hashlib.sha256(weights).hexdigest(), settings.labels)
            """Whether the weights are the pinned masker's: theirs alone say where people are."""
        except ValueError as error:
            raise DetectorError(str(error)) from error
        self._is_mask = np.array([label.role is Role.MASK for label in settings.labels])
        self._is_hazard = np.array([label.role is Role.HAZARD for label in settings.labels])
        self.is_vehicle = np.array([label.role is Role.VEHICLE for label in settings.labels])
        """Which labels are vehicles."""
        self._thresholds = np.array([label.weak_threshold for label in settings.labels], np.float32)
        if self.masks and settings.decoder != PINNED_DECODER:
            raise DetectorError(f"the product's own weights are read by `{PINNED_DECODER}`")
        if self.masks:  # a constant: no pack can raise it
            self._thresholds[self._is_mask] = COVERING_PERSON if covering else PERSON_THRESHOLD
        if self.masks and covering:
            self._thresholds[self.is_vehicle] = COVERING_VEHICLE
        self._session = _session(weights, settings.threads)
        self._decoder = DECODERS[settings.decoder]
        self._outputs = _outputs(self._session, settings)
        self.output_shapes: dict[str, tuple[int, ...]] = {}
        """What came out for the smallest batch: files may leave sizes open."""
        for size in reversed(settings.batch_sizes):  # each once: none is slow the first time
            self._try(size)

    @property
    def input_size_px(self) -> tuple[int, int]:
        """Height and width of the pictures it takes."""
        return self.settings.input_height_px, self.settings.input_width_px

    def __call__(
        self, pixels: BatchPixels, letterboxes: Sequence[Letterbox]
    ) -> tuple[Detections, MaskRegions | None]:
        """Return what is in the pictures and, apart, where people are.

        Mask regions are ``None`` where the weights are not the pinned masker's: the drop test
        then lets pass only what may be reported without a masker. Otherwise as ``with_regions``.
        """
        things, regions = self.with_regions(pixels, letterboxes)
        return things, regions if self.masks else None

    def with_regions(
        self, pixels: BatchPixels, letterboxes: Sequence[Letterbox]
    ) -> tuple[Detections, MaskRegions]:
        """Return what is in the pictures and, apart, what the network itself would cover.

        Weights that are not the pinned masker's add these regions to its own, and say nothing
        without it. ``pixels`` may hold more rows than there are ``letterboxes``: a batch padded
        to one of the fixed sizes; what is found in the padding is ignored. Raises
        ``DetectorError`` for output that isn't finite.
        """
        settings = self.settings
        outputs = self._run(pixels, len(letterboxes))
        try:
            found = self._decoder.decode(
                outputs, self._thresholds, settings.input_height_px, settings.input_width_px
            )
        except (ValueError, IndexError) as error:  # IndexError: outputs of different lengths
            raise DetectorError(str(error)) from error
        if found.score.max(initial=0.0) > LARGEST_SCORE:
            raise DetectorError(
                "scores are not 0-1: the decoder is another, or the export lacks its sigmoid"
            )
        is_mask = self._is_mask[found.label]
        things = self._suppressed(found.where(~is_mask), settings.iou_limit)
        # Every box, unsuppressed: what is covered is a union, and no limit may lose a person.
        people = found.where(is_mask)
        if not self.masks:  # these only add, and damaged weights give 20,000
            people = people.strongest(MAX_CANDIDATES)
        where = _to_source(people, letterboxes)
        return _to_source(things, letterboxes), MaskRegions(
            where.frame_index, where.xyxy, where.score
        )

    def _suppressed(self, found: Candidates, iou_limit: float) -> Candidates:
        found = found.strongest(MAX_CANDIDATES)
        group = found.frame_index * len(self.settings.labels) + found.label
        in_parts = self._is_hazard[found.label]
        return found.where(suppress(found.xyxy, found.score, group, iou_limit, in_parts))

    def _run(self, pixels: BatchPixels, pictures: int) -> list[np.ndarray]:
        """Return the outputs of the first ``pictures``, all of them finite."""
        try:
            outputs: list[np.ndarray] = self._session.run(self._outputs, {"pixels": pixels})
        except Exception as error:  # ONNX Runtime's errors have no common root
            raise DetectorError(f"the network does not run: {error}") from error
        # Every time: what comes out may depend on what is seen.
        shapes = dict(zip(self._outputs, map(np.shape, outputs), strict=True))
        if any(shape[:1] != (len(pixels),) for shape in shapes.values()):
            raise DetectorError(
                f"{len(pixels)} pictures give answers of {list(shapes.values())}: "
                "the network can't do this batch size"
            )
        try:
            self._decoder.fits(shapes, len(self.settings.labels), *self.input_size_px)
        except ValueError as error:
            raise DetectorError(str(error)) from error
        outputs = [output[:pictures] for output in outputs]
        if not all(np.isfinite(output).all() for output in outputs):
            raise DetectorError("the network's output is not finite: the weights are damaged")
        return outputs

    def _try(self, size: int) -> None:
        """Look at grey: declared shapes are often symbolic, what comes out is what counts."""
        grey = np.full((size, *self.input_size_px, 3), PAD_VALUE, np.uint8)
        outputs = self._run(grey, size)
        shapes = map(np.shape, outputs)
        self.output_shapes = dict(zip(self._outputs, shapes, strict=True))
        if doubt := self._decoder.doubt(outputs):
            raise DetectorError(doubt)


def _to_source(found: Candidates, letterboxes: Sequence[Letterbox]) -> Detections:
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
    options.log_severity_level = 4  # every error comes as an exception, too
    try:
        return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors have no common root
        raise DetectorError(f"ONNX Runtime can't load the weights: {error}") from error


def _outputs(session: onnxruntime.InferenceSession, settings: DetectorSettings) -> tuple[str, ...]:
    """Return the outputs' names in the decoder's order, as far as the file declares them."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if [one.name for one in inputs] != ["pixels"] or inputs[0].type != "tensor(uint8)":
        raise DetectorError("the network must have one input, uint8 `pixels` [b h w 3]")
    height_px, width_px = settings.input_height_px, settings.input_width_px
    if list(inputs[0].shape[1:]) != [height_px, width_px, 3]:
        raise DetectorError(
            f"the input is {inputs[0].shape}, the pack says [b, {height_px}, {width_px}, 3]"
        )
    shapes = {one.name: _declared(one.shape) for one in outputs}
    try:
        names = DECODERS[settings.decoder].fits(shapes, len(settings.labels), height_px, width_px)
    except ValueError as error:
        raise DetectorError(str(error)) from error
    types = {one.name: one.type for one in outputs}
    for name, expected in zip(names, OUTPUT_TYPES, strict=False):
        if types[name] != expected:
            raise DetectorError(f"output `{name}` is {types[name]}, not {expected}")
    return names


def _declared(shape: Sequence[int | str | None]) -> Shape:
    # ONNX Runtime writes an unknown number of sizes as none at all.
    return tuple(size if isinstance(size, int) else None for size in shape) or None
