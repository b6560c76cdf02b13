"""``fengsui watch`` as a user runs it: a process, real RTSP, real clips, the pack that ships."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.evidence_store import EvidenceStore
from pipelines.messages import Alert, EvidencePart, decode
from tests.support.forked import Forking
from tests.support.media import REPOSITORY, clip, vtest
from tests.support.rtsp import gst_server
from vision.hazards import Hazard

FENGSUI = Path(sys.executable).parent / "fengsui"


@contextlib.contextmanager
def process(*command: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is killed after half a minute, so that no read waits for ever."""
    running = subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    timer = threading.Timer(30, running.kill)
    timer.start()
    try:
        yield running
    finally:
        timer.cancel()
        running.terminate()
        running.communicate(timeout=15)


def watch(*arguments: str | Path, login: str = "") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [FENGSUI, "watch", *arguments], cwd=REPOSITORY, capture_output=True, timeout=120,
        check=False, stdin=subprocess.DEVNULL,
        env={**os.environ, **({"FENGSUI_CAMERA_LOGIN": login} if login else {})},
    )  # fmt: skip


@pytest.fixture(scope="module")
def fengsui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forking]:
    with Forking(tmp_path_factory.mktemp("fengsui") / "said") as made:
        yield made


AUDIO = "( audiotestsrc ! alawenc ! rtppcmapay name=pay0 pt=8 )"


@pytest.fixture(scope="module")
def mute() -> Iterator[str]:
    """A camera that lets one in and then has no video: enough to tell a right password."""
    with gst_server({"/a": {"launch": AUDIO, "user": "u", "password": "r:ght/@"}}) as address:
        yield address


def test_a_street_with_people_and_parked_cars_raises_nothing() -> None:
    done = watch("--json", vtest())
    assert done.returncode == 0
    assert done.stdout == b""
    assert b"0 alerts" in done.stderr
    looks = int(done.stderr.split(b" looks")[0].split()[-1])
    assert looks >= 35, "a keyframe each 25 s must not starve the rules"


def test_a_car_park_from_above_raises_nothing() -> None:
    done = watch("--json", clip("car_park_topdown.mp4"))
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"16 looks, 0 alerts" in done.stderr


def test_a_file_s_alerts_come_as_wire_objects() -> None:
    lines = watch("--json", clip("fire_street.mp4")).stdout.splitlines()
    alerts = [decode(line, Alert) for line in lines]
    fires = [one for one in alerts if one.hazard is Hazard.FIRE]
    assert fires[0].revision == 1
    assert (fires[0].last_seen_at - fires[0].first_seen_at).total_seconds() < 10
    for one in {one.alert_id for one in alerts}:
        revisions = [alert.revision for alert in alerts if alert.alert_id == one]
        assert revisions == list(range(1, len(revisions) + 1))


def test_a_file_s_alerts_have_pictures_too(tmp_path: Path) -> None:
    store = EvidenceStore(str(tmp_path / "evidence"))
    lines = watch(
        "--json", "--evidence", tmp_path / "evidence", clip("fire_street.mp4")
    ).stdout.splitlines()
    alerts = [decode(line, Alert) for line in lines]
    assert {one.evidence_absent for one in alerts if one.revision == 1} == {"pending"}
    refs = {one.evidence_ref for one in alerts if one.evidence_ref is not None}
    assert refs == {name for name, _ in store.refs()}
    assert len(refs) == len({one.alert_id for one in alerts})
    assert all(EvidencePart.STILL in store.parts(ref) for ref in refs)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("rtsp://127.0.0.1:1/x", b"check address, port"),
        ("http://127.0.0.1/x", b"give rtsp://"),
        ("nowhere.mp4", b"not a file"),
        (str(REPOSITORY), b"not a file"),
        ("/dev/zero", b"not a file"),
    ],
)
def test_bad_input_is_one_line_that_says_what_to_do(
    fengsui: Forking, source: str, words: bytes
) -> None:
    status, said = fengsui("watch", source)
    assert status == 1
    assert words in said
    assert len(said.strip().splitlines()) == 1


def test_a_file_that_is_no_video_is_one_line_and_no_alert() -> None:
    done = watch(REPOSITORY / "README.md")
    assert done.returncode == 1
    assert done.stdout == b""
    assert b"no video that can be read" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_wrong_password_is_told_without_it(fengsui: Forking, mute: str) -> None:
    status, said = fengsui("watch", f"rtsp://u:wr0ng-one@{mute}/a")
    assert status == 1
    assert b"user name and password" in said
    assert b"wr0ng-one" not in said


@pytest.mark.parametrize("user", ["", "u@"])
def test_a_login_may_come_from_the_environment(mute: str, user: str) -> None:
    done = watch(f"rtsp://{user}{mute}/a", login="u:r:ght/@")
    assert b"no video" in done.stderr, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("login", "words"),
    [
        ("u:wr0ng-one", b"user name and password"),
        ("no-colon", b"write user:password"),
        ("another:user", b"write user:password"),
    ],
)
def test_a_login_of_the_environment_that_is_wrong_is_told_without_it(
    mute: str, login: str, words: bytes
) -> None:
    said = watch(f"rtsp://u@{mute}/a", login=login).stderr
    assert words in said
    assert b"wr0ng-one" not in said


def test_a_password_that_everybody_can_read_is_told(fengsui: Forking) -> None:
    _, said = fengsui("watch", "rtsp://u:wr0ng-one@127.0.0.1:1/a")
    warned, failed = said.strip().splitlines()
    assert b"event=password_in_arguments" in warned
    assert b"FENGSUI_CAMERA_LOGIN" in warned
    assert b"check address, port" in failed
    assert b"wr0ng-one" not in said


AT_A_TERMINAL = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"


def test_a_user_at_a_terminal_is_asked_for_the_password(mute: str) -> None:
    with process(
        sys.executable, "-c", AT_A_TERMINAL, FENGSUI, "watch", f"rtsp://u@{mute}/a"
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        asked = f"password of u at rtsp://{mute}/a: ".encode()
        assert running.stdout.read(len(asked)) == asked
        running.stdin.write(b"r:ght/@\n")
        running.stdin.flush()
        assert b"no video" in running.stdout.read()
        assert running.wait() == 1


def test_a_pack_whose_hash_differs_is_refused(fengsui: Forking, tmp_path: Path) -> None:
    pack = REPOSITORY / "models" / "hazard_nano"
    (tmp_path / "pack.toml").write_bytes((pack / "pack.toml").read_bytes())
    (tmp_path / "model.onnx").write_bytes((pack / "model.onnx").read_bytes() + b"\0")
    status, said = fengsui("watch", "--pack", tmp_path, vtest())
    assert status == 1
    assert b"install the pack again" in said
