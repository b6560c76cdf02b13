"""What ``model add`` writes beside the weights: ``pack.toml`` and a card."""

import json
from dataclasses import dataclass
from typing import Final

from models.labels import Meaning
from models.trial import Figures
from models.wrapping import Preparation
from vision.decoders import DecoderName
from vision.letterbox import PAD_VALUE
from vision.masker import PERSON_THRESHOLD
from vision.roles import Role

VERSION: Final = "0.1.0"

Labels = tuple[tuple[str, Meaning], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TomlFacts:
    """What ``pack.toml`` says of somebody's network."""

    name: str
    """The pack's."""
    sha256: str
    """Of the pack's weights."""
    decoder: DecoderName
    """How its outputs are read."""
    size_px: tuple[int, int]
    """``h`` and ``w``."""
    batch_sizes: tuple[int, ...]
    """What is ever run."""
    iou: float
    """Of suppression."""
    labels: Labels
    """In the network's order."""
    threshold: float
    """Of hazards and vehicles."""
    given: str
    """Name of the file that was given."""
    given_sha256: str
    """Its hash."""
    licence: str
    """Of the weights."""


def toml(facts: TomlFacts) -> str:
    """Return ``pack.toml``."""
    head = f"""format = 1
name = {_quoted(facts.name)}
version = {_quoted(VERSION)}

[model]
file = "model.onnx"
sha256 = "{facts.sha256}"
decoder = "{facts.decoder}"
input_height_px = {facts.size_px[0]}
input_width_px = {facts.size_px[1]}
channels = "bgr"
pad_value = {PAD_VALUE}
batch_sizes = {list(facts.batch_sizes)}

[suppression]
iou = {facts.iou}
"""
    labels = "".join(_label(name, meaning, facts.threshold) for name, meaning in facts.labels)
    return f"""{head}{labels}
[provenance]
command = "fengsui model add"
trained_on = []
base_weights = {_quoted(facts.given)}
given_sha256 = "{facts.given_sha256}"

[licences]
weights = {_quoted(facts.licence)}
"""


def _label(name: str, meaning: Meaning, threshold: float) -> str:
    hazard = f'hazard = "{meaning.hazard}"\n' if meaning.hazard else ""
    own = PERSON_THRESHOLD if meaning.role is Role.MASK else threshold
    return (
        f'\n[[labels]]\nname = {_quoted(name)}\nrole = "{meaning.role}"\n{hazard}'
        f"threshold = {own:.3f}\n"
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # TOML's basic strings have JSON's escapes


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """What the card says."""

    name: str
    """The pack's."""
    given: str
    """Name of the file that was given."""
    given_sha256: str
    """Its hash."""
    decoder: DecoderName
    """How its outputs are read."""
    guessed: bool
    """Whether nobody said so."""
    preparation: Preparation | None
    """What its graph does to a picture first."""
    labels: Labels
    """In the network's order."""
    licence: str
    """Of the weights."""
    figures: Figures
    """Measured."""


def prepared(how: Preparation | None) -> str:
    """Say in words what is done to a picture."""
    if how is None:
        return "nothing: the network takes uint8 BGR"
    text = f"{how.channels.upper()}, divided by {how.scale:g}"
    if any(how.mean):
        text += f", less {', '.join(f'{one:g}' for one in how.mean)}"
    if how.std != (1.0, 1.0, 1.0):
        text += f", by {', '.join(f'{one:g}' for one in how.std)}"
    return text


def card(facts: CardFacts) -> str:
    """Return ``CARD.md``."""
    rows = "".join(
        f"| {name} | {meaning.role}{f': {meaning.hazard}' if meaning.hazard else ''} |\n"
        for name, meaning in facts.labels
    )
    times = "".join(f"| {size} | {ms:.1f} |\n" for size, ms in facts.figures.ms_per_picture.items())
    return f"""# {facts.name}

Made by `fengsui model add` from `{facts.given}`, SHA-256 `{facts.given_sha256}`.
Licence of the weights, as declared: {facts.licence}.

Decoder `{facts.decoder}`{" (guessed)" if facts.guessed else ""}. Done to a picture first, in the \
graph: {prepared(facts.preparation)}. Pictures come shrunk whole into the top left of the input, \
the rest grey: a network that was trained on stretched pictures may do worse here.

| label | may become |
|---|---|
{rows}
Where people are is said by the product's own masker, which runs beside this pack; labels of the \
role `mask` add nothing to it.

Measured where the pack was made, one thread: loaded in {facts.figures.load_ms:.0f} ms.

| pictures at a time | ms a picture |
|---|---|
{times}
How well it finds anything was **not** measured, and its thresholds are nobody's choice but a \
default: judge it on pictures that it never saw, then edit them in `pack.toml`.
"""
