"""No log line, error, page or metric is given a picture or where people are."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.repo.test_house_rules import sources
from tests.support.media import REPOSITORY

HOLDS_PICTURES = re.compile(
    r"(?:^|_)(?:pixels?|regions?|frames?|batch|arena|canvas|thumbnails?|patch(?:es)?|mosaic|masked|"
    r"jpeg|mp4|content|image|images|still|clip|strip|leaf|album|covered|xyxy|boxes|memory|people|"
    r"person|lingered|detections?|look|looks)$"
)
"""What variables are called that hold pictures, their bytes, or where something was found."""

SCALARS = re.compile(r"_(?:s|ns|ms|px|bytes|id|name|path)$|^[A-Z_]+$")
"""Durations, sizes, names, constants."""

LOGS = frozenset({"debug", "info", "warning", "error", "exception", "critical", "msg"})
TELLING = frozenset({"vision", "models", "pipelines", "service"})

NOT_CAMERAS = (
    "models/training/", "models/adding/", "pipelines/bench/", "pipelines/plan/",
    "pipelines/evaluate/", "pipelines/drills/", "vision/drawing/",
)  # fmt: skip
"""What sees files that somebody names, and drawn pictures, in commands of its own."""


def told(text: str) -> Iterator[str]:
    """Yield the names in a module that log calls, exceptions and standard error are given whole.

    What only a length, a shape or a type is taken of isn't told: that is a call's argument.
    """
    for node in ast.walk(ast.parse(text)):
        parts: list[ast.expr] = []
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            is_log = "." in name and name.rpartition(".")[2] in LOGS and "log" in name.lower()
            if is_log or name in {"print", "sys.stderr.write", "sys.stdout.write"}:
                parts = [*node.args, *(one.value for one in node.keywords)]
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            parts = [*node.exc.args, *(one.value for one in node.exc.keywords)]
        for part in parts:
            yield from _whole(part)


def _whole(part: ast.expr) -> Iterator[str]:
    if isinstance(part, ast.Name):
        yield part.id
    elif isinstance(part, ast.Attribute):
        yield part.attr
    for one in _inner(part):
        yield from _whole(one)


def _inner(part: ast.expr) -> list[ast.expr]:
    """Return what of an expression ends in its text."""
    if isinstance(part, ast.JoinedStr):
        return [one.value for one in part.values if isinstance(one, ast.FormattedValue)]
    if isinstance(part, ast.BinOp):
        return [part.left, part.right]
    if isinstance(part, ast.Call):
        is_text = ast.unparse(part.func) in {"str", "repr", "bytes", "list"}
        return part.args if is_text else []
    if isinstance(part, ast.Subscript):
        return [part.value]
    if isinstance(part, ast.Tuple | ast.List | ast.Set):
        return part.elts
    return part.values if isinstance(part, ast.Dict) else []


def pictures_told(text: str) -> set[str]:
    return {name for name in told(text) if HOLDS_PICTURES.search(name) and not SCALARS.search(name)}


def test_no_log_line_and_no_error_is_given_a_picture_or_a_region() -> None:
    found = {
        f"{path}: {name}"
        for file in sources()
        if (path := str(file.relative_to(REPOSITORY))).split("/")[0] in TELLING
        and not path.startswith(NOT_CAMERAS)
        for name in pictures_told(file.read_text("utf-8"))
    }
    assert not found


@pytest.mark.parametrize(
    "line",
    [
        "log.warning('masker_failed', regions=regions)",
        "log.info('still', picture=frame.pixels)",
        "self._log.error('x', what=[found.regions])",
        "raise ValueError(f'odd picture {pixels!r}')",
        "raise EvidenceStoreError('refused ' + str(content))",
        "sys.stderr.write(f'{look.detections}')",
        "log.exception('failed', why=repr(batch.pixels[0]))",
    ],
)
def test_the_check_sees_one(line: str) -> None:
    assert pictures_told(line)


@pytest.mark.parametrize(
    "line",
    [
        "log.info('still', took_s=took_s, bytes=len(content))",
        "raise ValueError(f'{pixels.shape} is odd')",
        "log.warning('zone_disabled', camera=judge.camera.camera_id)",
    ],
)
def test_sizes_and_names_may_be_told(line: str) -> None:
    assert not pictures_told(line)
