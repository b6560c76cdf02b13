"""Lists of labels as people have them: a line of words, or a file."""

import re
from itertools import takewhile
from pathlib import Path
from typing import Final

from models.files import FileError, read_file
from models.labels import LabelError, Meaning, meaning

MAX_BYTES: Final = 1 << 20
"""A file of labels has some hundred bytes."""

SUFFIXES: Final = frozenset({".txt", ".names", ".yaml", ".yml"})
YAML: Final = frozenset({".yaml", ".yml"})

ENTRY: Final = re.compile(
    r"( *)(?:-|(0|[1-9][0-9]{0,3}):) +"
    r"""('[^'\s][^']*'|"[^"\s\\][^"\\]*"|[^\W_](?:[^'"\[\]{}:]|:(?=\S))*)"""
)
"""A line of a plain block of YAML, without its remark: indent, number if it has one, name."""

Labels = tuple[tuple[str, Meaning], ...]


def labels_of(text: str) -> Labels:
    """Return names and meanings; ``text`` is a list, or names a file. Raises ``LabelError``."""
    path = _file(text)
    if path is None:
        parts, where = text.split(","), "--labels"
    else:
        content = _content(path)
        is_yaml = path.suffix.lower() in YAML
        parts, where = _from_yaml(content, path) if is_yaml else content.splitlines(), str(path)
    parts = [part.strip() for part in parts]
    while parts and not parts[-1]:
        parts.pop()
    if not any(parts):
        raise LabelError(f"{where} is empty: give every class of the network in its order")
    if "" in parts:
        raise LabelError(
            f"{where}: entry {parts.index('') + 1} is empty, and the order counts: name every "
            "class of the network"
        )
    return tuple(meaning(part) for part in parts)


def _file(text: str) -> Path | None:
    """Return the file that a text names, if it names one: what looks like a file's name does."""
    path = Path(text)
    try:
        if path.is_file():
            return path
    except (OSError, ValueError):  # a list longer than a name may be, or with a NUL in it
        return None
    listed = "," in text or "=" in text
    looks_like_one = "/" in text or path.suffix.lower() in SUFFIXES
    return path if looks_like_one and not listed else None


def _content(path: Path) -> str:
    try:
        return read_file(path, MAX_BYTES).decode("utf-8-sig")
    except FileError as error:
        raise LabelError(f"{path}: the labels can't be read: {error}") from error
    except UnicodeDecodeError as error:
        raise LabelError(f"{path}: the labels can't be read: save them as UTF-8") from error


def _from_yaml(text: str, path: Path) -> list[str]:
    """Return ``names``: a list on one line, or a plain block, one a line; no other form is read."""
    parts = re.split(r"^names *:", text, flags=re.MULTILINE)
    said = parts[1] if len(parts) == 2 else ""
    first, *rest = [re.sub(r"(^|\s)#.*", "", line).rstrip() for line in said.split("\n")]
    items = [] if first else _from_block(rest, path)
    if listed := re.fullmatch(r"\s*\[(.*)\]", first):
        items = listed[1].split(",")
    bare = [re.sub(r"^(['\"])(.*)\1$", r"\2", item.strip()) for item in items]
    if not bare or any(re.search(r"['\"\[\]{}]", item) for item in bare):
        raise LabelError(
            f"{path}: `names` can't be read: write it on one line, `names: [fire, smoke]`, or give "
            "a text file with one class a line"
        )
    return bare


def _from_block(lines: list[str], path: Path) -> list[str]:
    """Return names of lines ``0: fire`` or ``- fire``, in order; none if a line is another."""
    ours = takewhile(re.compile(r"\s|-").match, filter(None, lines))  # what follows: the next key
    entries = [ENTRY.fullmatch(line) for line in ours]
    found = [entry.groups() for entry in entries if entry]
    if len(found) < len(entries) or len({(indent, one is None) for indent, one, _ in found}) != 1:
        return []
    if found[0][1] is None:
        return [name for _, _, name in found]
    names = {int(number): name for _, number, name in found}
    if sorted(names) != list(range(len(found))):
        raise LabelError(
            f"{path}: the lines of `names` must be numbered 0 to {len(found) - 1}, each once: "
            "number them as the network does"
        )
    return [names[number] for number in range(len(found))]
