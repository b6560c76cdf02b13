"""Lists of labels as people have them: a line of words, or a file."""

import re
from pathlib import Path
from typing import Final

from models.files import FileError, read_file
from models.labels import LabelError, Meaning, meaning

MAX_BYTES: Final = 1 << 20
"""A file of labels has some hundred bytes."""

SUFFIXES: Final = frozenset({".txt", ".names", ".yaml", ".yml"})
YAML: Final = frozenset({".yaml", ".yml"})

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
    """Return ``names`` where it is a list on one line; the other forms are not guessed at."""
    lines = re.findall(r"^names\s*:\s*\[(.*)\]\s*(?:#.*)?$", text, re.MULTILINE)
    items = [item.strip() for item in lines[0].split(",")] if len(lines) == 1 else []
    bare = [re.sub(r"^(['\"])(.*)\1$", r"\2", item) for item in items]
    if not bare or any(re.search(r"['\"\[\]{}]", item) for item in bare):
        raise LabelError(
            f"{path}: `names` can't be read: write it on one line, `names: [fire, smoke]`, or give "
            "a text file with one class a line"
        )
    return bare
