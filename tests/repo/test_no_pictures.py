"""Two kinds of picture and no others: masked evidence, and the place picture zones are drawn on.

Both are made by ``vision/evidence.py``. Nothing else in the code could write one that a camera
took, and whoever writes takes nothing else.
"""

import ast
import inspect
import typing
from functools import cache
from pathlib import Path

import msgspec

from pipelines import clip, evidence, evidence_store
from pipelines.probing import place
from tests.repo.test_house_rules import sources
from tests.support.media import REPOSITORY
from tests.support.wire import structs
from vision.evidence import Evidence, PlacePicture

WRITERS = {"imwrite", "imencode", "imencodemulti", "VideoWriter", "tofile", "tobytes", "tostring"}
WRITERS |= {"mux", "mux_one", "add_stream", "add_stream_from_template", "write_bytes", "b64encode"}
CAMERA_PICTURES = {
    "vision/evidence.py": {"imencode", "tobytes"},  # masks, then codes
    "pipelines/clip.py": {"mux", "add_stream"},  # of `Evidence` alone
}
"""The writers of what cameras showed, and by what."""

ALLOWED = {
    "pipelines/drills/server.py",  # a still of a drawn scene
    "pipelines/drills/encoder.py",  # drawn scenes
    "pipelines/bench/packets.py",  # parameter sets of drawn streets, for `bench`
    "pipelines/drills/rtsp_text.py",  # parameter sets of drawn scenes
    "pipelines/drills/clip.py",  # encoded drawn scenes on disk
    "pipelines/rtsp/login.py",  # a user and password, for the camera they belong to
    "pipelines/evaluate/rehearsal.py",  # drawn plays, worn by JPEG
    "pipelines/evaluate/drills_cache.py",  # what drawn plays gave, for `eval drills`
    "vision/drawing/stills.py",  # drawn stills, worn by JPEG
    "models/adding/add.py",  # the weights of a pack that somebody adds
    "pipelines/evaluate/covered.py",  # `eval --report`: people and vehicles filled, and no worker
}


def writers_in(text: str) -> set[str]:
    """Names in a module's code that could write a picture or open a container to write."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute | ast.Name):
            found.add(node.attr if isinstance(node, ast.Attribute) else node.id)
        is_open = isinstance(node, ast.Call) and ast.unparse(node.func) == "av.open"
        if is_open and any(
            isinstance(part, ast.Constant) and part.value == "w" for part in ast.walk(node)
        ):
            found.add("mux")
    return found & WRITERS


def test_nothing_that_leaves_a_worker_can_hold_a_picture() -> None:
    for kind in structs():
        types = {str(field.type) for field in msgspec.structs.fields(kind)}
        assert not [one for one in types if "bytes" in one or "ndarray" in one], kind
    for path in sources():
        relative = str(path.relative_to(REPOSITORY))
        if relative.startswith(("tests/", "models/training/")) or relative in ALLOWED:
            continue
        found = writers_in(path.read_text("utf-8")) - CAMERA_PICTURES.get(relative, set())
        assert not found, f"{relative} uses {found}"


@cache
def product() -> list[tuple[str, ast.Module]]:
    """Every module of ours but the tests, read."""
    named = [(str(path.relative_to(REPOSITORY)), path) for path in sources()]
    return [
        (name, ast.parse(path.read_text("utf-8")))
        for name, path in named
        if not name.startswith("tests/")
    ]


def calls(tree: ast.Module) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def puts(tree: ast.Module, whose: str) -> bool:
    """Whether a module calls ``put`` of what is named so, whatever it is an attribute of."""
    return any(
        isinstance(call.func, ast.Attribute)
        and call.func.attr in {"put", "put_async"}
        and ast.unparse(call.func.value).rpartition(".")[2].lstrip("_") == whose
        for call in calls(tree)
    )


def modules_named_in(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{one.name}" for one in node.names}
    return found


def test_one_module_knows_the_store_and_one_puts_into_it() -> None:
    importing = {
        name
        for name, tree in product()
        if any(one.split(".")[0] == "obstore" for one in modules_named_in(tree))
    }
    assert importing == {"pipelines/evidence_store.py"}
    putting = {name for name, tree in product() if puts(tree, "store") or puts(tree, "obstore")}
    assert putting == {
        "pipelines/evidence_store.py",
        "pipelines/evidence.py",
        "pipelines/probing/place.py",
    }
    holding = {
        name
        for name, tree in product()
        if "pipelines.evidence_store.EvidenceStore" in modules_named_in(tree)
    }
    of_workers = {name for name in holding if name.startswith("pipelines/")}
    assert of_workers == {
        "pipelines/evidence.py",
        "pipelines/evidence_desk.py",
        "pipelines/probing/place.py",
        "pipelines/probing/room.py",
    }
    for name, tree in product():
        if name in holding - {"pipelines/evidence.py", "pipelines/probing/place.py"}:
            assert not any(
                isinstance(call.func, ast.Attribute) and call.func.attr == "put"
                for call in calls(tree)
                if "store" in ast.unparse(call.func).lower()
            ), f"{name} puts into the store"


def test_the_writers_take_evidence_and_nothing_else() -> None:
    for writer, position in ((clip.clip_of, 0), (evidence.written, 0)):
        plain = inspect.unwrap(writer)
        name = list(inspect.signature(plain).parameters)[position]
        assert typing.get_type_hints(plain)[name] is Evidence
        refuses = [
            node
            for node in ast.walk(ast.parse(inspect.getsource(plain)))
            if isinstance(node, ast.Compare)
            and ast.unparse(node) == "type(evidence) is not Evidence"
        ]
        assert refuses, f"{plain.__name__} would take what only looks like evidence"
    (put,) = [
        call
        for call in calls(ast.parse(Path(evidence.__file__).read_text("utf-8")))
        if ast.unparse(call.func) == "self._store.put"
    ]
    assert ast.unparse(put.args[2]) == "content"
    contents = [
        ast.unparse(node.value)
        for node in ast.walk(ast.parse(Path(evidence.__file__).read_text("utf-8")))
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "content"
    ]
    assert contents == ["written(self._masked(self._maker, job), job.part)"]
    assert inspect.getmodule(evidence_store.EvidenceStore.put) is evidence_store


def test_a_place_picture_is_put_by_one_module_and_is_nothing_else() -> None:
    """``EvidenceMaker.place`` makes it, ``written`` takes its type alone, one line puts it."""
    plain = inspect.unwrap(place.written)
    (name,) = inspect.signature(plain).parameters
    assert typing.get_type_hints(plain)[name] is PlacePicture
    assert [
        node
        for node in ast.walk(ast.parse(inspect.getsource(plain)))
        if isinstance(node, ast.Compare)
        and ast.unparse(node) == "type(picture) is not PlacePicture"
    ]
    tree = ast.parse(Path(place.__file__).read_text("utf-8"))
    (put,) = [call for call in calls(tree) if ast.unparse(call.func) == "self._store.put"]
    assert [ast.unparse(one) for one in put.args] == ["ref", "EvidencePart.PLACE", "content"]
    contents = [
        ast.unparse(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and "content" in map(ast.unparse, node.targets)
    ]
    assert contents == ["written(picture)"]
    making = {
        name
        for name, tree in product()
        for call in calls(tree)
        if isinstance(call.func, ast.Attribute)
        and call.func.attr == "place"
        and "EvidenceMaker" in ast.unparse(call.func.value)
    }
    assert making == {"pipelines/probing/place.py"}
    holding = {
        name for name, tree in product() if "vision.evidence.PlacePicture" in modules_named_in(tree)
    }
    assert holding == {"pipelines/probing/place.py"}


def test_no_field_of_what_waits_for_its_masker_is_on_the_wire() -> None:
    """Unmasked frames can't be pickled, and their types are known to the worker alone."""
    for name, tree in product():
        if name.startswith(("service/", "pipelines/messages/")):
            foreign = {
                "vision.evidence",
                "pipelines.album",
                "pipelines.frames",
                "pipelines.evidence",
                "pipelines.probing.looking",
                "pipelines.probing.place",
            }
            assert not foreign & modules_named_in(tree), name


def test_no_worker_and_no_service_knows_of_what_makes_the_report_s_pictures() -> None:
    """They are made of files that a user names, by a command of its own."""
    for path in sources():
        relative = str(path.relative_to(REPOSITORY))
        if not relative.startswith(("tests/", "pipelines/evaluate/")) and relative != "fengsui.py":
            assert "pipelines.evaluate" not in path.read_text("utf-8"), relative
    makers = {
        str(path.relative_to(REPOSITORY))
        for path in sources()
        if path.is_relative_to(REPOSITORY / "pipelines" / "evaluate")
        and "small_picture" in path.read_text("utf-8")
    }
    assert makers == {"pipelines/evaluate/covered.py", "pipelines/evaluate/report.py"}


def test_the_check_sees_a_store_under_another_name() -> None:
    for line in (
        "self._store.put(ref, part, pixels)",
        "desk.darkroom._store.put(ref, part, pixels)",
        "obstore.put(place, name, pixels)",
        "store.put_async(ref, part, pixels)",
    ):
        assert puts(ast.parse(line), "store") or puts(ast.parse(line), "obstore"), line
    assert not puts(ast.parse("self._spool.put(alert)"), "store")


def test_the_check_sees_a_recorder() -> None:
    for line in (
        'out = av.open(path, "w")',
        "out.mux(packet)",
        "Path(name).write_bytes(pixels)",
        "client.set('live', base64.b64encode(pixels))",
        "cv2.imwrite(name, pixels)",
    ):
        assert writers_in(line), line
