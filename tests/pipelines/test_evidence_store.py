"""Where evidence lies: a directory and a real S3 server hold, list and forget it alike."""

import os
import secrets
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.evidence_store import EvidenceStore, EvidenceStoreError
from pipelines.messages import EvidencePart
from tests.support.s3_server import KEY_ID, SECRET, s3_server

STILL, CLIP, STRIP, _PLACE = EvidencePart


def new_ref() -> str:
    return secrets.token_urlsafe(24)


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    with s3_server() as environment:
        yield environment


@pytest.fixture(params=["directory", "bucket", "prefix"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "directory":
        return str(tmp_path / "below" / "evidence")
    for name, value in request.getfixturevalue("s3").items():
        monkeypatch.setenv(name, value)
    return "s3://evidence" if request.param == "bucket" else "s3://evidence/of/a-city"


def test_what_is_put_is_there_until_it_is_deleted(url: str) -> None:
    store, other = EvidenceStore(url), EvidenceStore(url)
    ref, second = new_ref(), new_ref()
    assert store.get(ref, STILL) is None
    assert store.parts(ref) == ()
    store.delete(ref)
    store.put(ref, CLIP, b"a clip")
    store.put(ref, STILL, b"a still")
    store.put(second, STRIP, bytes(300_000))
    store.put(ref, STILL, b"another still")
    assert other.get(ref, STILL) == b"another still"
    assert other.get(ref, STRIP) is None
    assert other.parts(ref) == (STILL, CLIP)
    assert other.get(second, STRIP) == bytes(300_000)
    found = dict(other.refs())
    assert {ref, second} <= set(found)
    assert all(abs(datetime.now(UTC) - at) < timedelta(minutes=1) for at in found.values())
    for one in (ref, ref, second):
        other.delete(one)
    assert store.parts(ref) == ()
    assert store.get(ref, CLIP) is None
    assert not {ref, second} & {name for name, _ in store.refs()}


@pytest.mark.parametrize(
    "ref", ["", "..", "../" + "a" * 29, "a" * 31, "a" * 33, "a" * 32 + "\n", "/" * 32, "é" * 32]
)
def test_no_name_leads_out_of_the_store(url: str, ref: str) -> None:
    store = EvidenceStore(url)
    attempts = [
        lambda: store.put(ref, STILL, b""),
        lambda: store.get(ref, STILL),
        lambda: store.parts(ref),
        lambda: store.delete(ref),
    ]
    for attempt in attempts:
        with pytest.raises(EvidenceStoreError, match="that is no"):
            attempt()


def test_no_part_leads_out_of_the_store(tmp_path: Path) -> None:
    """Without the tests' own check of types, as it runs in the product."""
    code = (
        "import sys; from pipelines.evidence_store import EvidenceStore, EvidenceStoreError\n"
        "store = EvidenceStore(sys.argv[1])\n"
        "for part in ('../x', '../../etc/passwd', 'still.png', '', None):\n"
        "    ref, get, put = 'a' * 32, store.get, store.put\n"
        "    for attempt in (lambda: put(ref, part, b''), lambda: get(ref, part)):\n"
        "        try: attempt()\n"
        "        except EvidenceStoreError: continue\n"
        "        sys.exit(repr(part))\n"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True)
    assert list(tmp_path.iterdir()) == []


def test_what_others_laid_there_is_neither_listed_nor_read(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "still.jpg").write_bytes(b"x")
    (tmp_path / "still.jpg").write_bytes(b"x")
    ref = new_ref()
    store = EvidenceStore(str(tmp_path))
    store.put(ref, STILL, b"x")
    (tmp_path / ref / "other.txt").write_bytes(b"x")
    assert [name for name, _ in store.refs()] == [ref]
    assert store.parts(ref) == (STILL,)


def test_nobody_else_may_read_a_directory_s_files(tmp_path: Path) -> None:
    store, ref = EvidenceStore(str(tmp_path / "evidence")), new_ref()
    before = os.umask(0)
    try:
        store.put(ref, STILL, b"x")
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert set(modes.values()) == {0o700, 0o600}
    assert modes[tmp_path / "evidence" / ref / STILL] == 0o600


def test_what_is_written_by_halves_is_never_seen(tmp_path: Path) -> None:
    store, ref = EvidenceStore(str(tmp_path)), new_ref()
    contents = (b"a" * 8_000_000, b"b" * 8_000_000)
    store.put(ref, CLIP, contents[0])
    done = threading.Event()

    def write() -> None:
        for turn in range(40):
            store.put(ref, CLIP, contents[turn % 2])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    reads = 0
    while not done.is_set():
        assert store.get(ref, CLIP) in contents
        assert store.parts(ref) == (CLIP,)
        reads += 1
    writer.join()
    assert reads > 3


def test_what_a_killed_writer_left_is_not_shown_but_deleted(tmp_path: Path) -> None:
    store, ref = EvidenceStore(str(tmp_path)), new_ref()
    (tmp_path / ref).mkdir()
    (tmp_path / ref / "still.jpg#1").write_bytes(b"half")
    assert store.parts(ref) == ()
    assert store.get(ref, STILL) is None
    assert [name for name, _ in store.refs()] == [ref], "or nobody would ever delete it"
    store.delete(ref)
    assert list(tmp_path.iterdir()) == []


@contextmanager
def small_disk(path: Path) -> Iterator[Path]:
    if os.geteuid():
        pytest.skip("only root can mount a small disk: run the tests as root")
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)


def test_a_full_disk_is_refused_in_words_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        store, ref, other = EvidenceStore(str(disk / "evidence")), new_ref(), new_ref()
        store.put(ref, STILL, b"x" * 1000)
        for one in (ref, other):
            with pytest.raises(EvidenceStoreError, match="No space left on device: check its disk"):
                store.put(one, CLIP, bytes(200_000))
        assert store.parts(ref) == (STILL,)
        assert [path.name for path in disk.rglob("*")] == ["evidence", ref, "still.jpg"]
        store.put(other, STILL, b"x" * 1000)


def test_a_directory_that_can_t_be_made_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = EvidenceStore(str(tmp_path / "file" / "evidence"))
    with pytest.raises(EvidenceStoreError, match="refuses to write: Not a directory"):
        store.put(new_ref(), STILL, b"")
    assert store.get(new_ref(), STILL) is None
    assert list(store.refs()) == []


def test_a_bucket_that_isn_t_there_is_said(
    s3: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    store = EvidenceStore("s3://none-of-ours")
    for attempt in (
        lambda: store.put(new_ref(), STILL, b"x"),
        lambda: store.get(new_ref(), STILL),
        lambda: store.parts(new_ref()),
    ):
        with pytest.raises(EvidenceStoreError, match="NoSuchBucket, HTTP 404: check bucket"):
            attempt()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "it can't be reached"),
        ({"AWS_ALLOW_HTTP": "false"}, "needs AWS_ALLOW_HTTP=true"),
        ({"AWS_ENDPOINT_URL": f"http://{KEY_ID}:{SECRET}@127.0.0.1:9"}, "it can't be reached"),
    ],
)
def test_a_store_that_refuses_says_so_soon_and_no_text_holds_a_credential(
    s3: dict[str, str], monkeypatch: pytest.MonkeyPatch, change: dict[str, str], words: str
) -> None:
    for name, value in {**s3, **change}.items():
        monkeypatch.setenv(name, value)
    began_s = time.monotonic()
    with pytest.raises(EvidenceStoreError, match=words) as caught:
        EvidenceStore("s3://evidence").put(new_ref(), STILL, b"x")
    assert time.monotonic() - began_s < 8
    assert caught.value.__cause__ is None
    assert SECRET not in str(caught.value)
    assert KEY_ID not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a\0b",
        "http://host/bucket",
        "s3://",
        "s3://B",
        f"s3://{KEY_ID}:{SECRET}@bucket/x",
        f"s3://bucket/x?key={SECRET}",
        "s3://bucket/../x",
        "s3://bucket/a b",
        "s3://bucket:80/x",
    ],
)
def test_an_address_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(EvidenceStoreError, match=r"s3://bucket/prefix") as caught:
        EvidenceStore(url)
    assert SECRET not in str(caught.value)


def test_it_is_light_to_import() -> None:
    """The service imports it: no picture code, and no time."""
    code = (
        "import sys, time, pipelines.messages; began = time.perf_counter();"
        "import pipelines.evidence_store; print(time.perf_counter() - began);"
        "print({'numpy', 'cv2', 'av', 'onnxruntime'} & set(sys.modules) or 'none')"
    )
    best_s = 9.0
    for _ in range(3):
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        seconds, heavy = said.stdout.decode().splitlines()
        assert heavy == "none"
        best_s = min(best_s, float(seconds))
    assert best_s < 0.05
