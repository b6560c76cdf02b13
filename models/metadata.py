"""What an ONNX file says of itself: names of classes and the task, as exporters write them."""

import ast
import json
import re
from collections.abc import Sequence
from typing import Any, Final

import onnx

from models.labels import LabelError, Meaning, known, refuse_name
from vision.roles import Role

NAMES: Final = frozenset({"names", "classes", "class_names", "labels", "label_names", "id2label"})
"""Ultralytics' key, and those of others."""

TASKS: Final = frozenset({"detect", "detection", "object-detection", "object_detection"})

LONGEST: Final = 20_000
"""Longer texts are no list of at most a hundred names."""

KEPT: Final = NAMES | {"task"}
"""What a pack keeps of it; the rest holds its maker's paths."""


class MetadataError(ValueError):
    """The file contradicts what it is given for. The text says what to do."""


def check_metadata(model: onnx.ModelProto, labels: Sequence[tuple[str, Meaning]]) -> None:
    """Hold what the file says against the labels. Raises ``MetadataError``."""
    for entry in model.metadata_props:
        key, value = entry.key.strip().lower(), entry.value.strip()
        if key == "task" and value.lower() not in TASKS:
            raise MetadataError(f"it says that its task is {value[:40]!r}: only detectors are run")
        if key in NAMES and value:
            _check_names(_listed(value), labels)


def keep_what_is_checked(model: onnx.ModelProto) -> None:
    """Take out of a network what it says besides: there stand its maker's paths."""
    kept = [one for one in model.metadata_props if one.key.strip().lower() in KEPT]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)


def _check_names(names: list[str], labels: Sequence[tuple[str, Meaning]]) -> None:
    if len(names) != len(labels):
        raise MetadataError(
            f"it names {len(names)} classes ({', '.join(names)[:200]}), {len(labels)} labels are "
            "given: give all of them, in its order"
        )
    for name, (label, given) in zip(names, labels, strict=True):
        try:
            refuse_name(name, given.role)
        except LabelError as error:
            raise MetadataError(f"it names its classes itself: {error}") from error
        if _contradicts(known(name), known(label), given):
            raise MetadataError(
                f"it calls {name!r} what the labels call {label!r} "
                f"({given.hazard or given.role}): give the labels in its order"
            )


def _contradicts(own: Meaning | None, called: Meaning | None, given: Meaning) -> bool:
    """Say whether a well-known name is given as something else; anything may be covered."""
    if own is None:
        return False
    return (given.role is not Role.MASK and given != own) or (called is not None and called != own)


def _listed(value: str) -> list[str]:
    """Return names out of a Python literal, JSON, or words between commas or lines."""
    parsed: Any = None
    for read in (ast.literal_eval, json.loads):
        try:
            parsed = read(value[:LONGEST])
            break
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    if isinstance(parsed, dict):
        numbered = all(str(key).isdecimal() for key in parsed)
        keys = sorted(parsed, key=int) if numbered else list(parsed)
        return [str(parsed[key]) for key in keys]
    if isinstance(parsed, list | tuple):
        return [str(name) for name in parsed]
    return [word.strip() for word in re.split(r"[,;\n]", value[:LONGEST])]
