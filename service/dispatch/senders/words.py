"""What hazards are called in messages that people read, from ``words.json``."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from pipelines.messages import CameraFault
from vision.hazards import Hazard

LANGUAGES: Final = ("zh-CN", "en-US")


class HazardWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One hazard in one language."""

    event: str
    """Its name."""
    instruction: str
    """What who comes should mind."""


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One language."""

    hazards: dict[Hazard, HazardWords]
    """Every one."""
    faults: dict[CameraFault, str]
    """What ails a camera."""
    states: dict[str, str]
    """Where an incident stands."""
    drill: str
    """Before everything that is said of a drill."""
    headlines: dict[str, str]
    """By the order's kind, with ``{event}`` and ``{place}``."""
    lines: dict[str, str]
    """The description's sentences, by what they tell."""
    nowhere: str
    """Stands for a place that isn't known."""


@cache
def words() -> Mapping[str, Words]:
    """Return the words by language."""
    text = Path(__file__).with_name("words.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, Words])
