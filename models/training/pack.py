"""Writing the pack: the network as one ONNX file, and ``pack.toml`` that names its hash."""

import copy
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from jaxtyping import Float32, UInt8
from onnx.reference import ReferenceEvaluator

from models.training.classes import INPUT_HEIGHT_PX, INPUT_WIDTH_PX, LABELS, PAD_VALUE, SETS
from models.training.network import Exported, HazardNet

OPSET = 17
LARGEST_BYTES = 4_000_000
TOLERANCE = 1e-2
"""On raw box columns, whose values reach tens; seen differences are near 1e-4."""
ROLES = {
    "fire": 'role = "hazard"\nhazard = "fire"',
    "smoke": 'role = "hazard"\nhazard = "smoke"',
    "rock": 'role = "hazard"\nhazard = "debris"',
    "person": 'role = "mask"',
}
"""Every other label is a vehicle."""


class ExportError(Exception):
    """The exported file does not do what the network does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackText:
    """What ``pack.toml`` says beside the format."""

    name: str
    """Of the pack."""
    version: str
    """Of the pack."""
    thresholds: tuple[float, ...]
    """One a label, 0-1."""
    command: str
    """What trained it."""
    trained_on: tuple[str, ...]
    """Sets, and generators of drawn scenes."""


def write_pack(content: bytes, text: PackText, folder: Path) -> None:
    """Replace the pack in ``folder``: the weights first, then the file that names them.

    Raises ``ExportError`` for weights that are too large to ship.
    """
    if len(content) > LARGEST_BYTES:
        raise ExportError(f"the ONNX file has {len(content)} bytes, {LARGEST_BYTES} are allowed")
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(content).hexdigest()
    _replace(folder / "model.onnx", content)
    _replace(folder / "pack.toml", _toml(text, digest).encode())


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


def exported(network: HazardNet, thresholds: tuple[float, ...]) -> bytes:
    """Return the ONNX file, checked against the network on noise. Raises ``ExportError``.

    ``thresholds`` are the hazards' own, which come to lie at 0.5.
    """
    noise = np.random.default_rng(0).integers(0, 256, (2, INPUT_HEIGHT_PX, INPUT_WIDTH_PX, 3))
    pixels = torch.from_numpy(noise.astype(np.uint8))
    model = Exported(copy.deepcopy(network.float()), thresholds).eval()
    model = model.to(memory_format=torch.contiguous_format)
    with torch.inference_mode():
        expected = model(pixels[:1]).numpy()
    model.network.backbone.join_stem()
    buffer = io.BytesIO()
    torch.onnx.export(
        model,
        (pixels,),
        buffer,
        input_names=["pixels"],
        output_names=["predictions"],
        dynamic_axes={"pixels": {0: "b"}, "predictions": {0: "b"}},
        opset_version=OPSET,
        dynamo=False,
    )
    content = _tidied(buffer.getvalue())
    _check(expected, pixels[:1].numpy(), content)
    return content


def _tidied(content: bytes) -> bytes:
    """Drop what names the machine or the traced modules; check the graph."""
    graph = onnx.load_from_string(content)
    for node in graph.graph.node:
        node.doc_string = ""
    onnx.checker.check_model(graph, full_check=True)
    return graph.SerializeToString()


def _check(
    expected: Float32[np.ndarray, "1 a c"], pixels: UInt8[np.ndarray, "1 h w 3"], content: bytes
) -> None:
    (found,) = ReferenceEvaluator(onnx.load_from_string(content)).run(None, {"pixels": pixels})
    difference = float(np.abs(expected - found).max())
    if expected.shape != found.shape or difference > TOLERANCE:
        raise ExportError(f"the ONNX file differs from the network by {difference}")


def _toml(text: PackText, digest: str) -> str:
    head = f"""format = 1
name = "{text.name}"
version = "{text.version}"

[model]
file = "model.onnx"
sha256 = "{digest}"
decoder = "yolox"
input_height_px = {INPUT_HEIGHT_PX}
input_width_px = {INPUT_WIDTH_PX}
channels = "bgr"
pad_value = {PAD_VALUE}
batch_sizes = [1, 2, 4]

[suppression]
iou = 0.5
"""
    labels = "".join(
        f'\n[[labels]]\nname = "{name}"\n{ROLES.get(name, "role = " + _quoted("vehicle"))}\n'
        f"threshold = {threshold:.3f}\n"
        for name, threshold in zip(LABELS, text.thresholds, strict=True)
    )
    trained_on = ", ".join(_quoted(name) for name in text.trained_on)
    licences = "".join(f"{each.name} = {_quoted(each.licence)}\n" for each in SETS)
    return f"""{head}{labels}
[provenance]
command = {_quoted(text.command)}
trained_on = [{trained_on}]
base_weights = "YOLOX-nano COCO (Megvii), Apache-2.0"

[licences]
base_weights = "Apache-2.0"
{licences}"""


def _quoted(text: str) -> str:
    return f'"{text}"'
