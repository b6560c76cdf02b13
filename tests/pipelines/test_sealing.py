"""Credentials open for their camera, at their hosts, with their key, and in no other way."""

import base64
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from pipelines import sealing
from pipelines.messages import Camera
from pipelines.sealing import host_of, open_sealed, seal
from pipelines.secrets import Secret

KEY = X25519PrivateKey.generate()
OTHER_KEY = X25519PrivateKey.generate()
HOSTS = ("10.0.0.7:554", "10.0.0.7:8554")
SEALED = seal(KEY.public_key(), "gate-1", HOSTS, "admin", "pa:ss/ö w'ord")


def test_what_is_sealed_opens_for_its_camera_at_each_of_its_hosts() -> None:
    for host in HOSTS:
        user, password = open_sealed([OTHER_KEY, KEY], SEALED, "gate-1", host)
        assert (user, password) == ("admin", Secret("pa:ss/ö w'ord"))
    assert sealing.sealed_hosts(SEALED) == HOSTS
    assert SEALED.startswith(f"v1.{sealing.key_id(KEY.public_key())}.")


def test_whoever_edits_the_address_does_not_get_the_password_sent_to_his_own_machine() -> None:
    for elsewhere in ("10.6.6.6:554", "10.0.0.7:555", "10.0.0.77:554"):
        with pytest.raises(sealing.ElsewhereError, match="given for another host"):
            open_sealed([KEY], SEALED, "gate-1", elsewhere)


@pytest.mark.parametrize(("given", "wanted"), [("rtsps", "rtsp"), ("rtsp", "rtsps")])
def test_what_was_given_for_tls_is_not_sent_in_clear_nor_the_other_way(
    given: str, wanted: str
) -> None:
    sealed = seal(
        KEY.public_key(), "gate-1", [host_of(f"{given}://10.0.0.7:322/x")], "admin", "hidden-1"
    )
    assert open_sealed([KEY], sealed, "gate-1", host_of(f"{given}://10.0.0.7:322/y"))
    with pytest.raises(sealing.ElsewhereError):
        open_sealed([KEY], sealed, "gate-1", host_of(f"{wanted}://10.0.0.7:322/x"))


def test_nor_does_he_by_writing_his_host_into_the_list() -> None:
    version, key_name, body = SEALED.split(".")
    raw = base64.urlsafe_b64decode(body)
    forged = raw.replace(b"10.0.0.7:8554", b"10.6.6.6:8554")
    assert forged != raw
    text = ".".join((version, key_name, base64.urlsafe_b64encode(forged).decode()))
    assert "10.6.6.6:8554" in sealing.sealed_hosts(text)
    for host in ("10.6.6.6:8554", "10.0.0.7:554"):
        with pytest.raises(sealing.SealError, match="damaged"):
            open_sealed([KEY], text, "gate-1", host)


def test_nor_by_moving_it_to_a_camera_of_his_own() -> None:
    with pytest.raises(sealing.SealError, match="not this camera's"):
        open_sealed([KEY], SEALED, "gate-2", HOSTS[0])


def test_another_worker_s_key_is_told_apart() -> None:
    with pytest.raises(sealing.UnknownKeyError, match="another worker key"):
        open_sealed([OTHER_KEY], SEALED, "gate-1", HOSTS[0])


@given(st.integers(0, len(SEALED) - 1), st.sampled_from("Ab3-.=é"))
def test_damage_is_an_error_of_ours(place: int, letter: str) -> None:
    damaged = SEALED[:place] + letter + SEALED[place + 1 :]
    if damaged != SEALED:
        with pytest.raises(sealing.SealError):
            open_sealed([KEY], damaged, "gate-1", HOSTS[0])


@given(st.text(max_size=300))
def test_noise_is_an_error_of_ours(text: str) -> None:
    for one in (text, f"v1.{text}", f"v1.{sealing.key_id(KEY.public_key())}.{text}"):
        with pytest.raises(sealing.SealError):
            open_sealed([KEY], one, "gate-1", HOSTS[0])


def test_two_seals_of_one_password_differ() -> None:
    assert seal(KEY.public_key(), "gate-1", HOSTS, "admin", "x") != seal(
        KEY.public_key(), "gate-1", HOSTS, "admin", "x"
    )


@pytest.mark.parametrize(
    ("user", "password", "why"),
    [
        ("", "x", "give a user"),
        ("a" * 257, "x", "give a user"),
        ("a", "x" * 257, "a password of at most"),
        ("a:b", "x", "holds no"),
        ('a"b', "x", "holds no"),
        ("a", "x\0", "no NUL"),
        ("a", "x\ud800", "half a character"),
    ],
)
def test_what_cannot_be_sent_to_a_camera_is_not_sealed(user: str, password: str, why: str) -> None:
    with pytest.raises(sealing.SealError, match=why):
        seal(KEY.public_key(), "gate-1", HOSTS, user, password)


def test_the_longest_fits_on_the_wire() -> None:
    host = "a" * 253 + ":65535"
    hosts = (f"rtsps://{host}", f"rtsps://b{host[1:]}")
    user = password = "𠮷" * sealing.MAX_LOGIN_CHARS
    sealed = seal(KEY.public_key(), "x" * 128, hosts, user, password)
    camera = Camera(camera_id="x", url="rtsp://x/", sealed_credentials=sealed)
    assert msgspec.json.decode(msgspec.json.encode(camera), type=Camera) == camera


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("rtsp://10.0.0.7/x", "10.0.0.7:554"),
        ("rtsps://CAM.Example./x", "rtsps://cam.example:322"),
        ("rtsp://u:p@10.0.0.7:8554/x", "10.0.0.7:8554"),
        ("rtsp://[::1]/x", "[::1]:554"),
        ("rtsp://[0:0::1]:7/x", "[::1]:7"),
    ],
)
def test_a_host_is_named_in_one_way(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    "url",
    ["", "rtsp://", "rtsp://h:0/", "rtsp://h:99999/", "http://h/", "rtsp://a b/", "rtsp://[x"],
)
def test_an_address_without_a_host_has_none(url: str) -> None:
    with pytest.raises(sealing.SealError):
        host_of(url)


def test_a_key_pair_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "worker.key"
    made = sealing.key_pair(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = sealing.key_pair(path)
    public = sealing.public_key(tmp_path / "keys" / "worker.key.pub")
    assert sealing.key_id(public) == sealing.key_id(made.public_key())
    assert sealing.key_id(again.public_key()) == sealing.key_id(public)
    assert {one.name for one in path.parent.iterdir()} == {"worker.key", "worker.key.pub"}


def test_processes_that_start_together_get_one_key(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from pipelines import sealing as s;"
        "print(s.key_id(s.key_pair(Path(sys.argv[1])).public_key()))"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "worker.key")]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(4)]
    names = {process.communicate(timeout=30)[0] for process in started}
    assert len(names) == 1
    assert names != {b""}


def test_a_key_that_another_process_made_meanwhile_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "worker.key"
    generate = X25519PrivateKey.generate

    def late() -> X25519PrivateKey:
        monkeypatch.setattr(sealing, "X25519PrivateKey", X25519PrivateKey)
        others.append(sealing.key_pair(path))
        return generate()

    class Late(X25519PrivateKey):
        generate = staticmethod(late)

    others: list[X25519PrivateKey] = []
    monkeypatch.setattr(sealing, "X25519PrivateKey", Late)
    mine = sealing.key_pair(path)
    assert sealing.key_id(mine.public_key()) == sealing.key_id(others[0].public_key())


def test_key_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    path = tmp_path / "worker.key"
    sealing.key_pair(path)
    path.chmod(0o640)
    with pytest.raises(sealing.KeyFileError, match="chmod 600"):
        sealing.key_pair(path)
    path.chmod(0o600)
    pem = path.read_text()
    path.write_text("nothing")
    with pytest.raises(sealing.KeyFileError, match="not a private key"):
        sealing.key_pair(path)
    path.unlink()
    with pytest.raises(sealing.KeyFileError, match="is gone"):
        sealing.key_pair(path)
    public = tmp_path / "worker.key.pub"
    public.write_text(pem)
    with pytest.raises(sealing.KeyFileError, match="not a public key"):
        sealing.public_key(public)
    public.unlink()
    sealing.key_pair(tmp_path / "other.key")
    (tmp_path / "other.key.pub").replace(public)
    path.write_text(pem)
    path.chmod(0o600)
    with pytest.raises(sealing.KeyFileError, match="not the public half"):
        sealing.key_pair(path)
    with pytest.raises(sealing.KeyFileError, match="bring the worker's key"):
        sealing.public_key(tmp_path / "absent.pub")


def test_a_key_of_a_kind_that_nobody_knows_is_no_key_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "worker.key"
    key = sealing.key_pair(path)
    public = tmp_path / "worker.key.pub"
    known, unknown = b"\x06\x03\x2b\x65\x6e", b"\x06\x03\x2b\x65\x63"  # 1.3.101.110, .99
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    assert known in der
    path.write_text(pem("PRIVATE KEY", der.replace(known, unknown)))
    with pytest.raises(sealing.KeyFileError, match="not an X25519 key"):
        sealing.key_pair(path)
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    public.write_text(pem("PUBLIC KEY", der.replace(known, unknown)))
    with pytest.raises(sealing.KeyFileError, match="not an X25519 key"):
        sealing.public_key(public)


def pem(name: str, der: bytes) -> str:
    return f"-----BEGIN {name}-----\n{base64.b64encode(der).decode()}\n-----END {name}-----\n"


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_no_key(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "worker.key"
    make(path)
    with pytest.raises(sealing.KeyFileError, match=r"worker\.key: not a file"):
        sealing.key_pair(path)
    with pytest.raises(sealing.KeyFileError, match=r"worker\.key: not a file"):
        sealing.public_key(path)
