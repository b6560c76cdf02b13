"""The command ``fengsui worker`` that can't start: one line that says what to do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.forked import Forking

WORKER = ("worker", "--networks", "127.0.0.0/8")

CROSSED = """
[[cameras]]
camera_id = 'a'
url = 'rtsp://127.0.0.1/x'
[[cameras.zones]]
zone_id = 'z'
polygon = [[0, 0], [1, 1], [1, 0], [0, 1]]
"""


@pytest.fixture(scope="module")
def fengsui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forking]:
    with Forking(tmp_path_factory.mktemp("fengsui") / "said") as made:
        yield made


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[cameras]]\ncamera_id = "a"\nurl = "http://127.0.0.1/x"', b"give rtsp://"),
        ("[[cameras]]\nurl = 'rtsp://127.0.0.1/x'", b"camera_id"),
        (CROSSED, b"cross"),
    ],
)
@pytest.mark.parametrize("processes", [(), ("--processes", "3")], ids=["one", "several"])
def test_a_worker_says_what_is_wrong_with_its_cameras(
    fengsui: Forking, tmp_path: Path, text: str, words: bytes, processes: tuple[str, ...]
) -> None:
    (tmp_path / "c.toml").write_text(text)
    command = [*WORKER, "--cameras", tmp_path / "c.toml", "--spool", tmp_path / "spool"]
    status, said = fengsui(*command, *processes)
    assert status == 1
    assert words in said
    assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--spool", "{}/c.toml/spool"], b"name a directory"),
        (["--id", "../../escape"], b"use 1 to 64 letters"),
        (["--redis-url", "http://127.0.0.1"], b"write redis://host:port/0"),
        (["--redis-url", "redis://127.0.0.1:99999/0"], b"write redis://host:port/0"),
        (["--metrics-port", "99999"], b"choose another"),
        (["--cameras", "/dev/zero"], b"split it"),
        (["--processes", "0"], b"write a number from 1"),
        (["--evidence", "s3://a/../b"], b"write a directory, or s3://bucket/prefix"),
        (["--part", ""], b"write K/N"),
        (["--worker-key", "{}/worker.key"], b"belongs to the registry"),
        (["--networks-of", "{}/none.toml"], b"name a file for --networks-of"),
        (["--networks-of", "{}/c.toml"], b"c.toml: place 'cameras': no place has this code"),
        (["--networks-of", "{}/n.toml"], b"a: its place is not known"),
        (["--platforms", "{}/none.toml"], b"none.toml: No such file or directory: name a file"),
        (["--platforms", "{}/c.toml"], b'write [platforms."'),
    ],
)
@pytest.mark.parametrize("processes", [(), ("--processes", "3")], ids=["one", "several"])
def test_a_worker_that_can_t_start_says_why_in_one_line(
    fengsui: Forking, tmp_path: Path, arguments: list[str], words: bytes, processes: tuple[str, ...]
) -> None:
    (tmp_path / "c.toml").write_text("[[cameras]]\ncamera_id = 'a'\nurl = 'rtsp://127.0.0.1:1/x'")
    (tmp_path / "n.toml").write_text('"654300" = ["10.43.0.0/16"]')
    command = [*WORKER, "--cameras", tmp_path / "c.toml", "--spool", tmp_path / "spool"]
    wrong = [one.format(tmp_path) for one in arguments]
    status, said = fengsui(*command, *processes, *wrong)
    assert status == 1
    assert words in said
    assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--part", "3/2"], b"write K/N"),
        (["--part", ""], b"write K/N"),
        (["--part", "1/" + "9" * 5000], b"write K/N"),
        (["--worker-key", "{}/key.pem"], b"not a private key"),
        (["--worker-key", "{}/key.pem/key"], b"name a directory"),
    ],
)
@pytest.mark.parametrize("processes", [(), ("--processes", "3")], ids=["one", "several"])
def test_a_worker_that_can_t_follow_the_registry_says_why(
    fengsui: Forking, tmp_path: Path, arguments: list[str], words: bytes, processes: tuple[str, ...]
) -> None:
    (tmp_path / "key.pem").write_text("nothing")
    (tmp_path / "key.pem").chmod(0o600)
    command = [*WORKER, "--spool", tmp_path / "spool"]
    given = [one.format(tmp_path) for one in arguments]
    status, said = fengsui(*command, *processes, *given)
    assert status == 1
    assert words in said
    assert len(said.strip().splitlines()) == 1
