"""Until masked evidence exists, no picture leaves a worker: nothing in the code could make one."""

import ast

import msgspec

from pipelines import messages
from tests.repo.test_house_rules import sources
from tests.support.media import REPOSITORY

WRITERS = {"imwrite", "imencode", "imencodemulti", "VideoWriter", "tofile", "tobytes", "save"}
ALLOWED = {
    "pipelines/drills/server.py",  # a still of a drawn scene
    "pipelines/drills/encoder.py",  # drawn scenes
    "vision/drawing/stills.py",  # drawn stills, worn by JPEG
}


def test_nothing_that_leaves_a_worker_can_hold_a_picture() -> None:
    for kind in vars(messages).values():
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            types = {str(field.type) for field in msgspec.structs.fields(kind)}
            assert not [one for one in types if "bytes" in one or "ndarray" in one], kind
    for path in sources():
        relative = str(path.relative_to(REPOSITORY))
        if relative.startswith(("tests/", "models/training/")) or relative in ALLOWED:
            continue
        names = {
            node.attr if isinstance(node, ast.Attribute) else node.id
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Attribute | ast.Name)
        }
        if relative.startswith(("vision/", "pipelines/")):
            assert not names & WRITERS, f"{relative} uses {names & WRITERS}"
