"""Making a pack of somebody's ONNX file: guessed, wrapped, tried, measured, written whole."""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import onnx

from models.graphs import GraphError, output_shapes, read
from models.labels import Meaning
from models.pack_text import CardFacts, TomlFacts, card, toml
from models.packs import (
    DEFAULT_PACK,
    MAX_WEIGHTS_BYTES,
    PackError,
    PackMissingError,
    PackNetworkError,
    PackRefusedError,
)
from models.trial import Figures, tried
from models.wrapping import Picture, Preparation, is_ours, picture_of, wrapped
from vision.decoders import DECODERS, DecoderName
from vision.decoders.candidates import written
from vision.roles import Role

PLAIN: Final = (0.0, 0.0, 0.0)
ONES: Final = (1.0, 1.0, 1.0)

USUAL: Final = {
    DecoderName.YOLOX: Preparation(channels="bgr", scale=1.0, mean=PLAIN, std=ONES),
    DecoderName.YOLOX_DECODED: Preparation(channels="bgr", scale=1.0, mean=PLAIN, std=ONES),
    DecoderName.YOLOV8: Preparation(channels="rgb", scale=255.0, mean=PLAIN, std=ONES),
    DecoderName.DETR: Preparation(channels="rgb", scale=255.0, mean=PLAIN, std=ONES),
    DecoderName.DETR_DEPLOYED: Preparation(channels="rgb", scale=255.0, mean=PLAIN, std=ONES),
    DecoderName.RF_DETR: Preparation(
        channels="rgb", scale=255.0, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
    ),
}
"""What each family's own programs do to a picture; RF-DETR's `deploy/export.py` has ImageNet's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What ``model add`` was asked."""

    file: Path
    """The ONNX file."""
    labels: tuple[tuple[str, Meaning], ...]
    """Every class of the network, in its order."""
    name: str
    """The pack's."""
    packs: Path
    """The directory that gets it."""
    decoder: DecoderName | None
    """``None``: to be guessed."""
    size_px: tuple[int, int] | None
    """Height and width, for a network that leaves them open."""
    channels: str | None
    """``rgb`` or ``bgr``; ``None``, here and below: as the family does."""
    scale: float | None
    """Divides values 0-255."""
    mean: tuple[float, float, float] | None
    """Taken off."""
    std: tuple[float, float, float] | None
    """Divides at the end."""
    batch_sizes: tuple[int, ...] | None
    """``None``: 1, 2 and 4 where the network leaves the batch open."""
    threshold: float
    """Of every hazard and vehicle."""
    iou: float
    """Of suppression."""
    licence: str
    """Of the weights, in its owner's words."""
    replace: bool
    """Whether an older pack of the name may go."""
    pictures: tuple[Path, ...]
    """Tried besides the drawn ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """A pack that was written, and what it was seen to do."""

    directory: Path
    """Where it is."""
    decoder: DecoderName
    """How its outputs are read."""
    guessed: bool
    """Whether nobody said so."""
    preparation: Preparation | None
    """What its graph does to a picture first; ``None``: the file was a pack's already."""
    given_sha256: str
    """Of the file that was given."""
    figures: Figures
    """Measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """The file, read."""

    content: bytes
    """As it was given."""
    model: onnx.ModelProto
    """What it holds."""
    picture: Picture
    """Its input."""


def add(request: Request) -> Added:
    """Write a pack, or nothing. Raises ``PackError``, whose text names the file."""
    target = request.packs / request.name
    if request.name == DEFAULT_PACK.name:
        raise PackRefusedError(f"{request.name} is the product's own pack: give --name another")
    if target.exists() and not request.replace:
        raise PackRefusedError(f"{target} is there: give --name another, or --replace")
    if target.exists() and not (target / "pack.toml").is_file():
        raise PackRefusedError(f"{target} is no pack, and is left alone: give --name another")
    if not any(meaning.role is Role.HAZARD for _, meaning in request.labels):
        raise PackRefusedError(f"{request.file}: no label is a hazard: nothing to watch for")
    content = _content(request.file)
    try:
        model = read(content)
        picture = picture_of(model.graph, request.size_px)
        _refuse_useless(request, model.graph, picture)
        names = _decoders(model.graph, request, picture)
    except GraphError as error:
        raise PackNetworkError(f"{request.file}: {error}") from error
    given = _Given(content=content, model=model, picture=picture)
    try:
        request.packs.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".adding-", dir=request.packs) as part:
            draft = Path(part) / request.name
            draft.mkdir(mode=0o755)
            added = _first_that_works(request, given, names, draft)
            _put(draft, target, Path(part) / "older")
    except OSError as error:
        raise PackMissingError(f"{target}: {error.strerror}: give --packs a directory") from error
    return added


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_WEIGHTS_BYTES + 1)
    except OSError as error:
        raise PackMissingError(f"{path}: {error.strerror}: give an ONNX file") from error
    if len(content) > MAX_WEIGHTS_BYTES:
        raise PackNetworkError(
            f"{path} is larger than {MAX_WEIGHTS_BYTES} bytes, and too slow to watch with: export "
            "a smaller variant, or quantise it"
        )
    return content


def _refuse_useless(request: Request, graph: onnx.GraphProto, picture: Picture) -> None:
    numbers = request.scale or request.mean or request.std
    if numbers and picture.kind == onnx.TensorProto.UINT8:
        raise GraphError("its input is uint8: --scale, --mean and --std have nothing to do")
    if request.channels and is_ours(graph, picture):
        raise GraphError("its input is a pack's already, BGR: leave --channels out")


def _decoders(
    graph: onnx.GraphProto, request: Request, picture: Picture
) -> tuple[DecoderName, ...]:
    """Return the decoders that the declared outputs allow: one, or some to be tried."""
    shapes, count = output_shapes(graph), len(request.labels)
    reasons = {}
    for name in [request.decoder] if request.decoder else DecoderName:
        try:
            DECODERS[name].fits(shapes, count, picture.height_px, picture.width_px)
        except ValueError as error:
            reasons[name] = str(error)
    names = tuple(DecoderName) if request.decoder is None else (request.decoder,)
    names = tuple(name for name in names if name not in reasons)
    if not names and request.decoder:
        raise GraphError(f"{reasons[request.decoder]}; labels are all classes, in their order")
    if not names:
        there = ", ".join(f"{name} {written(shape)}" for name, shape in shapes.items())
        raise GraphError(
            f"its outputs are {there}; a pack gives boxes, scores and classes alone (no masks, no "
            f"poses, no embeddings), and {count} labels need one of: a row of {5 + count} for each "
            f"anchor (yolox), {4 + count} rows (yolov8), boxes [b, q, 4] and logits [b, q, {count}]"
            f" (detr) or [b, q, {count + 1}] (rf_detr), or boxes, scores and labels (detr_deployed)"
        )
    return names


def _first_that_works(
    request: Request, given: _Given, names: Sequence[DecoderName], draft: Path
) -> Added:
    """Write the draft of a pack with the first decoder that its network bears out."""
    refusals = []
    for name in names:
        ours = is_ours(given.model.graph, given.picture)
        how = None if ours else _preparation(request, name)
        try:
            weights = wrapped(given.model, given.picture, how) if how else given.content
        except GraphError as error:
            raise PackNetworkError(f"{request.file}: {error}") from error
        (draft / "model.onnx").write_bytes(weights)
        (draft / "pack.toml").write_text(_toml(request, name, given, weights), "utf-8")
        try:
            figures = tried(draft, request.pictures)
        except PackMissingError:  # a picture to try it on
            raise
        except PackError as error:
            text = str(error).replace(str(draft / "model.onnx"), str(request.file))
            refusals.append(text.replace(str(draft / "pack.toml"), str(request.file)))
            continue
        added = Added(
            directory=request.packs / request.name,
            decoder=name,
            guessed=request.decoder is None,
            preparation=how,
            given_sha256=hashlib.sha256(given.content).hexdigest(),
            figures=figures,
        )
        (draft / "CARD.md").write_text(_card(request, added), "utf-8")
        return added
    raise PackNetworkError("; ".join(refusals))


def _preparation(request: Request, decoder: DecoderName) -> Preparation:
    usual = USUAL[decoder]
    return Preparation(
        channels=request.channels or usual.channels,
        scale=request.scale or usual.scale,
        mean=request.mean or usual.mean,
        std=request.std or usual.std,
    )


def _toml(request: Request, decoder: DecoderName, given: _Given, weights: bytes) -> str:
    picture = given.picture
    fixed = None if picture.batch is None else (picture.batch,)
    return toml(
        TomlFacts(
            name=request.name,
            sha256=hashlib.sha256(weights).hexdigest(),
            decoder=decoder,
            size_px=(picture.height_px, picture.width_px),
            batch_sizes=request.batch_sizes or fixed or (1, 2, 4),
            iou=request.iou,
            labels=request.labels,
            threshold=request.threshold,
            given=request.file.name,
            given_sha256=hashlib.sha256(given.content).hexdigest(),
            licence=request.licence,
        )
    )


def _card(request: Request, added: Added) -> str:
    return card(
        CardFacts(
            name=request.name,
            given=request.file.name,
            given_sha256=added.given_sha256,
            decoder=added.decoder,
            guessed=added.guessed,
            preparation=added.preparation,
            labels=request.labels,
            licence=request.licence,
            figures=added.figures,
        )
    )


def _put(draft: Path, target: Path, older: Path) -> None:
    """Move the whole draft to its place; what was there goes with the temporary directory."""
    if target.exists():
        target.rename(older)
    try:
        draft.rename(target)
    except OSError:
        if older.exists():
            older.rename(target)
        raise
