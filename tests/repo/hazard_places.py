"""Finds every place in the product that lists hazards, in whatever language it is written."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.repo.test_house_rules import tracked
from tests.support.media import REPOSITORY
from vision.hazards import Hazard

WORDS: Final = frozenset(one.value for one in Hazard)
NAMES: Final = {one.name: one.value for one in Hazard}
LISTED: Final = 2
"""So many hazards beside one another are a list."""

TEXTS: Final = frozenset(
    {".ts", ".vue", ".js", ".json", ".toml", ".yaml", ".yml", ".html", ".css", ".sh", ".sql",
     ".cfg", ".ini", ".service", ".mako"}
)  # fmt: skip
"""Files that could list them, besides Python's and the documents."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A list of hazards."""

    where: str
    """``path::name``: what it is assigned to, or the function that it stands in."""
    hazards: tuple[str, ...]
    """Which, in the order of the alphabet."""


def product() -> list[Path]:
    """Every file of the product: no tests, nothing that is built."""
    return [one for one in tracked() if one.relative_to(REPOSITORY).parts[0] != "tests"]


def in_python(text: str, path: str) -> Iterator[Place]:
    """Yield collections and enums that hold two hazards, and functions that compare with two."""
    yield from _in_scope(ast.parse(text), path, ())


def _in_scope(tree: ast.AST, path: str, scope: tuple[str, ...]) -> Iterator[Place]:
    compared = set[str]()
    for node in ast.iter_child_nodes(tree):
        inner = (*scope, name) if (name := _named(node)) else scope
        if len(found := _listed(node)) >= LISTED:
            yield Place(f"{path}::{'.'.join(inner)}", tuple(sorted(found)))
        yield from _in_scope(node, path, inner)
    if isinstance(tree, ast.FunctionDef):
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare | ast.MatchValue):
                compared |= {one for part in ast.walk(node) if (one := _as_text(part)) in WORDS}
        if len(compared) >= LISTED:
            yield Place(f"{path}::{'.'.join(scope)}", tuple(sorted(compared)))


def _named(node: ast.AST) -> str | None:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0])
    return ast.unparse(node.target) if isinstance(node, ast.AnnAssign) else None


def _listed(node: ast.AST) -> set[str]:
    """Return the hazards that a node holds itself, as text or as members of ``Hazard``."""
    parts: list[ast.AST] = []
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        parts = list(node.elts)
    elif isinstance(node, ast.Dict):
        parts = [one for one in (*node.keys, *node.values) if one is not None]
    elif isinstance(node, ast.Call):
        parts = [one.value for one in node.keywords]
    elif isinstance(node, ast.ClassDef):
        parts = [one.value for one in node.body if isinstance(one, ast.Assign)]
    inner = [one for part in parts if isinstance(part, ast.Tuple | ast.List) for one in part.elts]
    return {word for one in (*parts, *inner) if (word := _member(one) or _as_text(one)) in WORDS}


def _as_text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _member(node: ast.AST) -> str | None:
    text = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
    found = re.fullmatch(r"(?:\w+\.)*Hazard\.(\w+)(?:\.value)?", text)
    return NAMES.get(found[1]) if found else None


def in_text(text: str, path: str) -> Iterator[Place]:
    """Yield a file in which two hazards stand in quotation marks or as keys."""
    listed = "|".join(sorted(WORDS))
    quoted = re.findall(rf"""["'`](?:hazard\.)?({listed})["'`]|\b({listed})\b *:""", text)
    found = {word for pair in quoted for word in pair if word}
    if len(found) >= LISTED:
        yield Place(path, tuple(sorted(found)))


def in_document(text: str, path: str) -> Iterator[Place]:
    """Yield a document whose tables have two hazards in their first columns."""
    found = set[str]()
    for line in text.splitlines():
        first = line.split("|")[1] if line.startswith("|") and line.count("|") > 1 else ""
        found |= set(re.findall(r"`(\w+)`", first)) & WORDS
    if len(found) >= LISTED:
        yield Place(path, tuple(sorted(found)))


def places() -> set[Place]:
    """Return every list of hazards in the product."""
    found = set[Place]()
    for file in product():
        path = str(file.relative_to(REPOSITORY))
        if file.suffix not in {".py", ".md", *TEXTS} or "package-lock" in path:
            continue
        text = file.read_text("utf-8")
        if file.suffix == ".py":
            found |= set(in_python(text, path))
        else:
            read = in_document if file.suffix == ".md" else in_text
            found |= set(read(text, path))
    return found


def free_strings(text: str, path: str) -> Iterator[str]:
    """Yield arguments and fields called after hazards that take any text."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.arg):
            name, kind = node.arg, node.annotation
        elif isinstance(node, ast.AnnAssign):
            name, kind = ast.unparse(node.target), node.annotation
        else:
            continue
        takes = ast.unparse(kind) if kind is not None else ""
        if "hazard" in name.lower() and re.search(r"\b(str|object|Any)\b", takes):
            yield f"{path}::{name}"


def described(schema: Any, definitions: dict[str, Any]) -> set[str] | None:
    """Return the words that a JSON schema lets through; ``None``: any, or none in particular."""
    if not isinstance(schema, dict):
        return None
    if "$ref" in schema:
        return described(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "enum" in schema:
        return {one for one in schema["enum"] if one is not None}
    inner = [schema.get("items"), schema.get("propertyNames"), *schema.get("anyOf", ())]
    found = [words for one in inner if one and (words := described(one, definitions)) is not None]
    if found:
        return set().union(*found)
    properties = schema.get("properties")
    return set(properties) if properties and set(properties) <= WORDS else None


def of_api(text: str) -> Iterator[tuple[str, set[str] | None]]:
    """Yield what ``openapi.json`` lets through wherever it speaks of hazards, and every enum."""
    whole = json.loads(text)
    definitions = whole["components"]["schemas"]

    def walk(part: Any, path: str) -> Iterator[tuple[str, set[str] | None]]:
        if isinstance(part, list):
            for row, one in enumerate(part):
                yield from walk(one, f"{path}/{row}")
        if not isinstance(part, dict):
            return
        if "hazard" in str(part.get("name", "")).lower() and "schema" in part:
            yield path, described(part["schema"], definitions)
        if set(part.get("enum", ()) or ()) & WORDS:
            yield f"{path}/enum", set(part["enum"])
        for name, one in part.items():
            is_property = path.endswith("/properties")
            if is_property and ("hazard" in name.lower() or name == "thresholds"):
                yield f"{path}/{name}", described(one, definitions)
            yield from walk(one, f"{path}/{name}")

    yield from walk(whole, "")
