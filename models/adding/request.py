"""What ``model add`` is asked, and what it made."""

from dataclasses import dataclass
from pathlib import Path

from models.adding.label_lists import Labels
from models.adding.trial import Figures
from models.adding.wrapping import Preparation
from vision.decoders import DecoderName


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What ``model add`` was asked."""

    file: Path
    """The ONNX file."""
    labels: Labels
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
    """``None``: 1, 2 and 4, or 1, as the network can."""
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
class Draft:
    """A pack as it is to be tried."""

    decoder: DecoderName
    """How its outputs are read."""
    preparation: Preparation | None
    """What its graph does to a picture first; ``None``: the file was a pack's already."""
    size_px: tuple[int, int]
    """``h`` and ``w``."""
    batch_sizes: tuple[int, ...]
    """What is ever run."""
    weights: bytes
    """The pack's own file."""
    given_sha256: str
    """Of the file that was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """A pack that was written, and what it was seen to do."""

    directory: Path
    """Where it is."""
    guessed: bool
    """Whether nobody named the decoder."""
    draft: Draft
    """What was written."""
    figures: Figures
    """Measured."""
