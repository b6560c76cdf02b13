"""Loading a model pack: ``pack.toml`` beside ``model.onnx``, checked before anything runs.

```
PackError                 the pack can't be used
├── PackMissingError      no such pack, or a file of it is absent
├── PackHashError         the weights are not those that pack.toml names
└── PackRefusedError      a label without an allowed role, or a format we don't read
    └── PackNetworkError  the weights aren't a network that we run
        └── PackTrialError  the trial of a new pack didn't come to its end
```
"""

import hashlib
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from models.files import FileError, TooLargeError, read_file
from models.labels import LabelError, refuse_name
from vision.decoders import DecoderName
from vision.detector import Detector, DetectorError, DetectorSettings
from vision.hazards import DETECTABLE, Hazard
from vision.masker import PINNED_SHA256
from vision.roles import Label, Role

DEFAULT_PACK = Path(__file__).parent / "hazard_nano"
"""The product's own pack."""

MAX_WEIGHTS_BYTES = 128 * 1024 * 1024
"""Room for the smallest RF-DETR, 30 M parameters; what is bigger can't keep up on a CPU."""

MAX_LABELS = 100
"""COCO's 80 and a little."""


class PackError(Exception):
    """The pack can't be used. ``code`` names the fault for machines, the text says what to do."""

    code = "pack"


class PackMissingError(PackError):
    """No such pack, or a file of it is absent."""

    code = "pack_missing"


class PackHashError(PackError):
    """The weights are not those that ``pack.toml`` names."""

    code = "pack_hash"


class PackRefusedError(PackError):
    """A label without an allowed role, or a format we don't read."""

    code = "pack_refused"


class PackNetworkError(PackRefusedError):
    """The weights aren't a network that we run. The text names the file and what to do."""

    code = "pack_network"


class PackTrialError(PackNetworkError):
    """The trial of a new pack didn't come to its end: it took too long or too much, or crashed."""

    code = "pack_trial"


Threshold = Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)]
InputSide = Annotated[int, msgspec.Meta(ge=64, le=2048, multiple_of=2)]
BatchSize = Annotated[int, msgspec.Meta(ge=1, le=64)]


class _Label(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    role: Role
    hazard: Hazard | None = None
    threshold: Threshold


class _Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    file: Annotated[str, msgspec.Meta(pattern=r"^[\w.-]+\.onnx$")]
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    decoder: DecoderName
    input_height_px: InputSide
    input_width_px: InputSide
    channels: Literal["bgr"]
    pad_value: Literal[114]
    batch_sizes: Annotated[tuple[BatchSize, ...], msgspec.Meta(min_length=1, max_length=8)]


class _Suppression(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    iou: Threshold


class _Provenance(msgspec.Struct, frozen=True, kw_only=True):
    command: str
    trained_on: tuple[str, ...]
    base_weights: str
    given_sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")] | None = None
    """Of the file that ``model add`` was given."""


class PackFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``pack.toml``, format 1."""

    format: Literal[1]
    name: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]{1,40}$")]
    version: Annotated[str, msgspec.Meta(pattern=r"^\d+\.\d+\.\d+$")]
    model: _Model
    suppression: _Suppression
    labels: Annotated[tuple[_Label, ...], msgspec.Meta(min_length=1, max_length=MAX_LABELS)]
    provenance: _Provenance
    licences: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A pack whose weights have the hash that it names."""

    name: str
    """What alerts call it, with the version: ``hazard_nano@0.1.0``."""
    path: Path
    """Where its weights lie: what is said about them names it."""
    settings: DetectorSettings
    """What its network needs."""
    sha256: str
    """Of the weights."""
    weights: bytes
    """The ONNX file, as hashed: nothing can change it between check and use."""

    def detector(self, threads: int = 1, *, covering: bool = False) -> Detector:
        """Return a detector of this pack, having run it once. Raises ``PackNetworkError``."""
        try:
            settings = replace(self.settings, threads=threads)
            return Detector(self.weights, settings, covering=covering)
        except DetectorError as error:
            raise PackNetworkError(f"{self.path} ({self.name}): {error}") from error


def load_pack(directory: Path = DEFAULT_PACK) -> Pack:
    """Return the pack in a directory. Raises ``PackError``; nothing of it has run by then."""
    described = _describe(directory / "pack.toml")
    path = directory / described.model.file
    weights = _read(path, MAX_WEIGHTS_BYTES)
    found = hashlib.sha256(weights).hexdigest()
    if found != described.model.sha256:
        raise PackHashError(
            f"{path} has SHA-256 {found}, pack.toml names {described.model.sha256}: "
            "install the pack again, or write a new pack for changed weights"
        )
    labels = tuple(_label(one, directory) for one in described.labels)
    if not any(label.role is Role.HAZARD for label in labels):
        raise PackRefusedError(f"{directory}: no label has the role `hazard`: nothing to watch for")
    pack = Pack(
        name=f"{described.name}@{described.version}",
        path=path,
        weights=weights,
        sha256=found,
        settings=DetectorSettings(
            decoder=described.model.decoder,
            labels=labels,
            input_height_px=described.model.input_height_px,
            input_width_px=described.model.input_width_px,
            batch_sizes=tuple(sorted(set(described.model.batch_sizes))),
            iou_limit=described.suppression.iou,
        ),
    )
    if found != PINNED_SHA256:
        # Weights that we made ourselves need no reading; and reading costs 0.2 s of a start.
        from models.graphs import GraphError, check_pack  # noqa: PLC0415

        try:
            check_pack(pack.weights, pack.settings)
        except GraphError as error:
            raise PackNetworkError(f"{path}: {error}") from error
    return pack


def load_masker(directory: Path = DEFAULT_PACK, *, covering: bool = False) -> Detector:
    """Return the pinned masker: to run beside another pack, or to cover evidence.

    Raises ``PackError``.
    """
    masker = load_pack(directory).detector(covering=covering)
    if not masker.masks:
        raise PackRefusedError(
            f"{directory}: these are not the masker's weights, and without it no other pack "
            "watches: install the product again"
        )
    return masker


def _describe(path: Path) -> PackFile:
    try:
        return msgspec.convert(tomllib.loads(_read(path, 1 << 20).decode()), PackFile)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise PackRefusedError(f"{path}: {error}") from error


def _read(path: Path, limit_bytes: int) -> bytes:
    try:
        return read_file(path, limit_bytes)
    except TooLargeError as error:
        raise PackRefusedError(
            f"{path} is larger than {limit_bytes} bytes: export a smaller variant, or quantise it"
        ) from error
    except FileError as error:
        raise PackMissingError(f"{path}: {error}: give a pack's directory") from error


def _label(label: _Label, directory: Path) -> Label:
    if (label.role is Role.HAZARD) != (label.hazard is not None):
        raise PackRefusedError(
            f"{directory}: label {label.name!r} has the role {label.role}: "
            "a hazard's label names its hazard, and no other label does"
        )
    if label.hazard is not None and label.hazard not in DETECTABLE:
        raise PackRefusedError(
            f"{directory}: label {label.name!r}: no detector sees {label.hazard}, rules find it: "
            f"a label may name {', '.join(sorted(DETECTABLE))}"
        )
    try:
        refuse_name(label.name, label.role)
    except LabelError as error:
        raise PackRefusedError(f"{directory}: {error}") from error
    return Label(name=label.name, role=label.role, hazard=label.hazard, threshold=label.threshold)
