"""What ``model add`` writes beside the weights: ``pack.toml`` and a card."""

import hashlib
import json
from typing import Final

from models.adding.request import Draft, Request
from models.adding.trial import Figures
from models.adding.wrapping import Preparation
from models.labels import Meaning
from vision.droptest import FOREIGN
from vision.hazards import DETECTABLE
from vision.letterbox import PAD_VALUE
from vision.masker import PERSON_THRESHOLD
from vision.roles import Role

VERSION: Final = "0.1.0"


def toml(request: Request, draft: Draft) -> str:
    """Return ``pack.toml``."""
    head = f"""format = 1
name = {_quoted(request.name)}
version = {_quoted(VERSION)}

[model]
file = "model.onnx"
sha256 = "{hashlib.sha256(draft.weights).hexdigest()}"
decoder = "{draft.decoder}"
input_height_px = {draft.size_px[0]}
input_width_px = {draft.size_px[1]}
channels = "bgr"
pad_value = {PAD_VALUE}
batch_sizes = {list(draft.batch_sizes)}

[suppression]
iou = {request.iou}
"""
    labels = "".join(_label(name, meaning, request.threshold) for name, meaning in request.labels)
    return f"""{head}{labels}
[provenance]
command = "fengsui model add"
trained_on = []
base_weights = {_quoted(request.file.name)}
given_sha256 = "{draft.given_sha256}"

[licences]
weights = {_quoted(request.licence)}
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


RAISES: Final = (
    f"A pack that isn't the product's own raises {' and '.join(sorted(FOREIGN.raises))} alone, and "
    "those only where the product's own masker could look and no person stands; its "
    f"{' and '.join(sorted(DETECTABLE - FOREIGN.raises))} and vehicles are measured by "
    "`fengsui eval images` and raise nothing"
)


def card(request: Request, draft: Draft, figures: Figures) -> str:
    """Return ``CARD.md``."""
    rows = "".join(
        f"| {name} | {meaning.role}{f': {meaning.hazard}' if meaning.hazard else ''} |\n"
        for name, meaning in request.labels
    )
    times = "".join(f"| {size} | {ms:.1f} |\n" for size, ms in figures.ms_per_picture.items())
    guessed = " (guessed)" if request.decoder is None else ""
    return f"""# {request.name}

Made by `fengsui model add` from `{request.file.name}`, SHA-256 `{draft.given_sha256}`.
Licence of the weights, as declared: {request.licence}.

Decoder `{draft.decoder}`{guessed}. Done to a picture first, in the \
graph: {prepared(draft.preparation)}. Pictures come shrunk whole into the top left of the input, \
the rest grey: a network that was trained on stretched pictures may do worse here.

| label | may become |
|---|---|
{rows}
{RAISES}. Where people are is said by the product's own masker, which runs beside this pack; \
boxes of the role `mask` are added to its regions, and never take one away.

Measured where the pack was made, one thread: loaded in {figures.load_ms:.0f} ms.

| pictures at a time | ms a picture |
|---|---|
{times}
How well it finds anything was **not** measured, and its thresholds are nobody's choice but a \
default: judge it on pictures that it never saw, then edit them in `pack.toml`.
"""
