"""Making a pack of somebody's ONNX file: guessed, wrapped, tried, measured, written whole."""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import onnx

from models.adding.guessing import decoders, known_as, refuse_unlikely
from models.adding.pack_text import card, toml
from models.adding.request import Added, Draft, Request
from models.adding.trial import Figures, UnreadError, tried
from models.adding.wrapping import Picture, Preparation, is_ours, picture_of, wrapped
from models.files import FileError, TooLargeError, read_file
from models.graphs import GraphError, output_shapes, read
from models.metadata import MetadataError, check_metadata
from models.packs import (
    DEFAULT_PACK,
    MAX_LABELS,
    MAX_WEIGHTS_BYTES,
    PackError,
    PackMissingError,
    PackNetworkError,
    PackRefusedError,
    PackTrialError,
)
from vision.decoders import DecoderName
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

OPEN_BATCH: Final = ((1, 2, 4), (1,))
"""What is tried where a file leaves the batch open: some do, and have one picture inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """The file, read."""

    content: bytes
    """As it was given."""
    model: onnx.ModelProto
    """What it holds."""
    picture: Picture
    """Its input."""
    ours: bool
    """Whether that is the product's own: its bytes stay as they are."""
    decoders: tuple[DecoderName, ...]
    """What may read it."""


def add(request: Request) -> Added:
    """Write a pack, or nothing. Raises ``PackError``, whose text names the file."""
    target = request.packs / request.name
    _refuse_target(request, target)
    _refuse_labels(request)
    try:
        given = _given(request)
    except GraphError as error:
        raise PackNetworkError(f"{request.file}: {error}") from error
    try:
        request.packs.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".adding-", dir=request.packs) as part:
            place = Path(part) / request.name
            place.mkdir(mode=0o755)
            draft, figures = _first_that_works(request, given, place)
            (place / "CARD.md").write_text(card(request, draft, figures), "utf-8")
            with _alone(request.packs):
                _refuse_target(request, target)
                _put(place, target, Path(part) / "older")
    except OSError as error:
        raise PackMissingError(f"{target}: {error.strerror}: give --packs a directory") from error
    return Added(directory=target, guessed=request.decoder is None, draft=draft, figures=figures)


def _refuse_target(request: Request, target: Path) -> None:
    if request.name == DEFAULT_PACK.name:
        raise PackRefusedError(f"{request.name} is the product's own pack: give --name another")
    if target.exists() and not request.replace:
        raise PackRefusedError(f"{target} is there: give --name another, or --replace")
    if target.exists() and not (target / "pack.toml").is_file():
        raise PackRefusedError(f"{target} is no pack, and is left alone: give --name another")


def _refuse_labels(request: Request) -> None:
    if len(request.labels) > MAX_LABELS:
        raise PackRefusedError(
            f"{request.file}: {len(request.labels)} labels are given, and a pack has at most "
            f"{MAX_LABELS}: train the network with fewer classes"
        )
    if not any(meaning.role is Role.HAZARD for _, meaning in request.labels):
        raise PackRefusedError(f"{request.file}: no label is a hazard: nothing to watch for")


def _given(request: Request) -> _Given:
    content = _content(request.file)
    model = read(content)
    try:
        check_metadata(model, request.labels)
    except MetadataError as error:
        raise GraphError(str(error)) from error
    picture = picture_of(model.graph, request.size_px)
    ours = is_ours(model.graph, picture)
    numbers = request.scale or request.mean or request.std
    if numbers and picture.kind == onnx.TensorProto.UINT8:
        raise GraphError("its input is uint8: --scale, --mean and --std have nothing to do")
    if request.channels and ours:
        raise GraphError("its input is a pack's already, BGR: leave --channels out")
    names = decoders(
        output_shapes(model.graph), len(request.labels), picture.size_px, request.decoder
    )
    return _Given(content=content, model=model, picture=picture, ours=ours, decoders=names)


def _content(path: Path) -> bytes:
    try:
        return read_file(path, MAX_WEIGHTS_BYTES)
    except TooLargeError as error:
        raise PackNetworkError(
            f"{path} is larger than {MAX_WEIGHTS_BYTES} bytes, and too slow to watch with: export "
            "a smaller variant, or quantise it"
        ) from error
    except FileError as error:
        raise PackMissingError(f"{path}: {error}: give an ONNX file") from error


def _first_that_works(request: Request, given: _Given, place: Path) -> tuple[Draft, Figures]:
    """Write the draft of a pack with the first decoder that its network bears out."""
    refusals: list[PackError] = []
    for draft in _drafts(request, given):
        (place / "model.onnx").write_bytes(draft.weights)
        (place / "pack.toml").write_text(toml(request, draft), "utf-8")
        try:
            return draft, _tried(request, draft, place)
        except (PackMissingError, PackTrialError):  # a picture to try it on; no end
            raise
        except PackError as error:
            refusals.append(error)
    texts = [*_known(request, given, refusals), *map(str, refusals)]
    if request.size_px and any(side % 32 for side in request.size_px):
        height_px, width_px = request.size_px
        texts.append(f"--input {height_px}x{width_px}: try a multiple of 32")
    raise PackNetworkError("; ".join(dict.fromkeys(texts)))


def _known(request: Request, given: _Given, refusals: Sequence[PackError]) -> Iterator[str]:
    """Yield what is known of outputs that came out, where the file left their shapes open."""
    for refusal in refusals:
        if isinstance(refusal, UnreadError):
            text = known_as(refusal.outputs, len(request.labels), given.picture.size_px)
            if text:
                yield f"{request.file}: {text}"


def _drafts(request: Request, given: _Given) -> Iterator[Draft]:
    batches: Sequence[tuple[int, ...]] = OPEN_BATCH
    if request.batch_sizes is not None:
        batches = (request.batch_sizes,)
    elif given.picture.batch is not None:
        batches = ((given.picture.batch,),)
    for name in given.decoders:
        how = None if given.ours else _preparation(request, name)
        try:
            weights = given.content if how is None else wrapped(given.model, given.picture, how)
        except GraphError as error:
            raise PackNetworkError(f"{request.file}: {error}") from error
        for sizes in batches:
            yield Draft(
                decoder=name,
                preparation=how,
                size_px=given.picture.size_px,
                batch_sizes=sizes,
                weights=weights,
                given_sha256=hashlib.sha256(given.content).hexdigest(),
            )


def _tried(request: Request, draft: Draft, place: Path) -> Figures:
    """Return what a draft does. Raises ``PackError`` in which the given file stands for it."""
    try:
        figures = tried(place, request.pictures)
        if request.decoder is None:
            refuse_unlikely(draft.decoder, figures.outputs, draft.size_px)
    except GraphError as error:
        raise PackNetworkError(f"{request.file}: {error}") from error
    except PackError as error:
        text = str(error)
        for name in ("model.onnx", "pack.toml"):
            text = text.replace(str((place / name).absolute()), str(request.file))
        error.args = (text,)
        raise
    return figures


def _preparation(request: Request, decoder: DecoderName) -> Preparation:
    usual = USUAL[decoder]
    return Preparation(
        channels=request.channels or usual.channels,
        scale=request.scale or usual.scale,
        mean=request.mean or usual.mean,
        std=request.std or usual.std,
    )


@contextmanager
def _alone(packs: Path) -> Iterator[None]:
    """Hold a directory of packs: of two that add at once one comes second, and sees the first."""
    held = os.open(packs, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _put(place: Path, target: Path, older: Path) -> None:
    """Move the whole draft to its place; what was there goes with the temporary directory."""
    if target.exists():
        target.rename(older)
    try:
        place.rename(target)
    except OSError:
        if older.exists():
            older.rename(target)
        raise
