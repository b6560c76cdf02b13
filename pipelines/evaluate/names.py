"""What the numbers in label files mean: the set's class list, and the pack's label of each."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models.labels import KNOWN, PEOPLE
from pipelines.evaluate.faults import EvaluationError, shown
from vision.roles import Label, Role

PERSON: Final = -2
"""A labelled person: covered or not, nothing else."""

VEHICLE: Final = -3
"""A labelled vehicle of a kind that the list does not tell."""

UNKNOWN: Final = -1
"""A class that the pack has no label for: its boxes say nothing."""

MAX_BYTES: Final = 1 << 20

_ITEM: Final = re.compile(
    r"\s*((?:['\"]?\d+['\"]?\s*:\s*)?(?:'[^']*'|\"[^\"]*\"|[^,'\"]+))\s*(?:,|$)"
)
"""One of a list or mapping on one line."""

_PEOPLE: Final = frozenset(PEOPLE.split())

KINDS: Final = {
    "motorbike": "motorcycle", "lorry": "truck", "汽车": "car", "客车": "bus", "卡车": "truck",
    "货车": "truck", "摩托车": "motorcycle",
}  # fmt: skip
"""Other words for a kind of vehicle. For hazards and people `models.labels` has them."""


def meaning(name: str, labels: tuple[Label, ...]) -> int:
    """Return the pack's label of a class name, or ``PERSON``, ``VEHICLE`` or ``UNKNOWN``.

    People first: whatever a pack calls them, they get no precision and no recall.
    """
    word = name.strip().lower()
    known = KNOWN.get(word)
    if (known and known.role is Role.MASK) or set(re.split(r"[^a-z]+", word)) & _PEOPLE:
        return PERSON
    usable = [(k, one) for k, one in enumerate(labels) if one.role is not Role.MASK]
    for wanted in (word, KINDS.get(word)):
        for index, label in usable:
            if label.name.lower() == wanted:
                return index
    if known is None or known.role is Role.VEHICLE:
        return UNKNOWN if known is None else VEHICLE
    return next((k for k, one in usable if one.hazard is known.hazard), UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassList:
    """A set's classes."""

    names: tuple[str, ...]
    """By number."""
    origin: str
    """Where the list was found, for people."""
    meanings: tuple[int, ...]
    """By number: the pack's label, or ``PERSON``, ``VEHICLE``, ``UNKNOWN``."""


def class_list(
    given: str | None, folder: Path, labels: tuple[Label, ...], *, hazard_free: bool = False
) -> ClassList:
    """Return a set's class list. Raises ``EvaluationError`` if there is one that doesn't fit.

    A hazard-free set may name nothing that the pack knows.
    """
    names, origin = _names(given, folder, labels)
    words = [name.strip().lower() for name in names]
    if not names or not all(words) or len(set(words)) < len(words):
        raise EvaluationError(
            f"{origin}: the class list {list(names)} is empty or names a class twice: "
            "give --names with one name a class, in the order of their numbers"
        )
    meanings = tuple(meaning(name, labels) for name in names)
    if not hazard_free and all(one == UNKNOWN for one in meanings):
        raise EvaluationError(
            f"{origin}: the class list does not fit: the pack knows none of {', '.join(names)}; "
            f"it knows {', '.join(one.name for one in labels if one.role is not Role.MASK)}"
        )
    return ClassList(names=tuple(names), origin=origin, meanings=meanings)


def _names(given: str | None, folder: Path, labels: tuple[Label, ...]) -> tuple[list[str], str]:
    if given is not None:
        path = Path(given)
        if "," not in given and path.is_file():
            return _from_file(path), shown(path)
        return [one.strip() for one in given.split(",")], "--names"
    for where in (folder, folder.parent):
        for name in ("data.yaml", "data.yml", "dataset.yaml"):
            if (where / name).is_file():
                return _from_file(where / name), shown(where / name)
    for where in (folder, folder / "labels"):
        for name in ("classes.txt", "obj.names"):
            if (where / name).is_file():
                return _from_file(where / name), shown(where / name)
    return [one.name for one in labels], "the pack's own labels"


def _from_file(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES)
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(
            f"{shown(path)}: the class list can't be read ({type(error).__name__}): "
            "save it as UTF-8, or give --names fire,smoke,…"
        ) from error
    if path.suffix.lower() in {".yaml", ".yml"}:
        return _from_yaml(text, path)
    return [line.strip() for line in text.splitlines() if line.strip()]


def _from_yaml(text: str, path: Path) -> list[str]:
    """Read ``names`` out of a data.yaml, in the four forms that tools write.

    A list or a mapping, on one line or a line each. Whatever else is refused, never guessed.
    """
    lines = [line.rstrip() for line in text.splitlines() if not line.lstrip().startswith("#")]
    starts = [k for k, line in enumerate(lines) if re.match(r"names\s*:", line)]
    if len(starts) != 1:
        raise _unread(path)
    first = re.sub(r"\s#.*$", "", lines[starts[0]].partition(":")[2]).strip()
    items = _one_line(first, path) if first else _block(lines[starts[0] + 1 :], path)
    count = re.search(r"^nc\s*:\s*(\d+)\s*(#.*)?$", text, re.MULTILINE)
    if count and int(count[1]) != len(items):
        raise EvaluationError(
            f"{shown(path)}: nc is {count[1]}, names has {len(items)}: correct one of them"
        )
    return items


def _one_line(text: str, path: Path) -> list[str]:
    inside = re.fullmatch(r"\[(.*)\]|\{(.*)\}", text)
    if not inside:
        raise _unread(path)
    is_list = inside[1] is not None
    rest, items = (inside[1] if is_list else inside[2]).strip().removesuffix(","), []
    while rest:
        item = _ITEM.match(rest)
        if not item:
            raise _unread(path)
        items.append(item[1].strip())
        rest = rest[item.end() :]
    return [_unquoted(item, path) for item in items] if is_list else _numbered(items, path)


def _block(lines: list[str], path: Path) -> list[str]:
    dashed, numbered = [], []
    for line in lines:
        bare = re.sub(r"\s#.*$", "", line).strip()
        if not bare:
            continue
        if bare.startswith("- "):
            dashed.append(_unquoted(bare[2:], path))
        elif line[:1].isspace() and re.match(r"['\"]?\d+['\"]?\s*:", bare):
            numbered.append(bare)
        else:
            break
    if bool(dashed) == bool(numbered):
        raise _unread(path)
    return dashed or _numbered(numbered, path)


def _numbered(items: list[str], path: Path) -> list[str]:
    named: dict[int, str] = {}
    for item in items:
        number, _, name = item.partition(":")
        bare = number.strip().strip("'\"")
        if not bare.isdecimal() or int(bare) in named:
            raise _unread(path)
        named[int(bare)] = _unquoted(name, path)
    if sorted(named) != list(range(len(named))):
        raise _unread(path)
    return [named[number] for number in range(len(named))]


def _unquoted(text: str, path: Path) -> str:
    bare = text.strip()
    if bare[:1] in {"'", '"'}:
        if len(bare) < 2 or bare[-1] != bare[0]:
            raise _unread(path)
        return bare[1:-1] if bare[0] == "'" else _escaped(bare, path)
    if not bare or bare[0] in "[]{}&*!|>%@`":
        raise _unread(path)
    return bare


def _escaped(quoted: str, path: Path) -> str:
    try:
        return str(json.loads(quoted))
    except ValueError:
        raise _unread(path) from None


def _unread(path: Path) -> EvaluationError:
    return EvaluationError(
        f"{shown(path)}: `names` can't be read: write `names: [fire, smoke]`, or give "
        "--names fire,smoke,… in the order of the class numbers"
    )
