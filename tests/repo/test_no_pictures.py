"""Until masked evidence exists, no picture leaves a worker: nothing in the code could make one."""

import ast

import msgspec

from tests.repo.test_house_rules import sources
from tests.support.media import REPOSITORY
from tests.support.wire import structs

WRITERS = {"imwrite", "imencode", "imencodemulti", "VideoWriter", "tofile", "tobytes", "tostring"}
WRITERS |= {"mux", "mux_one", "add_stream", "add_stream_from_template", "write_bytes", "b64encode"}
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
        found = writers_in(path.read_text("utf-8"))
        assert not found, f"{relative} uses {found}"


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


def test_the_check_sees_a_recorder() -> None:
    for line in (
        'out = av.open(path, "w")',
        "out.mux(packet)",
        "Path(name).write_bytes(pixels)",
        "client.set('live', base64.b64encode(pixels))",
        "cv2.imwrite(name, pixels)",
    ):
        assert writers_in(line), line
