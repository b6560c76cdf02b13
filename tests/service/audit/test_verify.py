"""The command ``fengsui audit verify`` on real databases that were tampered with."""

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from service.audit import verify
from service.audit.heads import HeadsExporter
from service.database import Database
from service.metrics import ServiceMetrics
from tests.service.audit.entries import add, run, without_triggers
from tests.service.helpers import migrated
from tests.service.process import ROOT


def exported(database: Database, path: Path) -> Path:
    HeadsExporter(
        path=path,
        database=database,
        metrics=ServiceMetrics(CollectorRegistry()),
        stopping=threading.Event(),
        every_s=0.0,
    ).export()
    return path


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "fengsui.py", "audit", "verify", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def verdict(capsys: pytest.CaptureFixture[str], url: str, path: Path) -> tuple[int, Any]:
    """The same in this process, which is faster."""
    code = verify.main(["verify", "--database", url, "--heads", str(path), "--json"], {})
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture
def heads(database: Database, tmp_path: Path) -> Path:
    """Twelve entries, the first three and ten of them exported, then the protection taken off."""
    path = tmp_path / "heads.log"
    for count in (3, 7):
        add(database, count)
        exported(database, path)
    add(database, 2)
    without_triggers(database)
    return path


def test_the_command_tells_whole_from_tampered(
    database: Database, database_url: str, heads: Path
) -> None:
    whole = command("--database", database_url, "--heads", str(heads))
    assert (whole.returncode, whole.stderr) == (0, "")
    assert "审计完整：共 12 条" in whole.stdout
    assert "heads exported up to 10" in whole.stdout
    run(database, "UPDATE audit SET actor = 'li' WHERE seq = 5")
    tampered = command("--database", database_url, "--heads", str(heads))
    assert (tampered.returncode, tampered.stderr) == (1, "")
    assert "审计不完整：第 5 条" in tampered.stdout
    assert "entry 5 says something else in actor" in tampered.stdout
    assert "Entries up to 3" in tampered.stdout
    machine = command("--database", database_url, "--heads", str(heads), "--json")
    assert machine.returncode == 1
    said = json.loads(machine.stdout)
    assert (said["whole"], said["fault"]["kind"], said["fault"]["seq"]) == (False, "columns", 5)
    assert (said["exported"]["seq"], said["heads"]) == (3, 1)


@pytest.mark.parametrize(
    ("change", "kind", "seq"),
    [
        ("UPDATE audit SET body = replace(body, '甲', '丙') WHERE seq = 12", "altered", 12),
        ("UPDATE audit SET hash = substr(hash, 2) WHERE seq = 1", "altered", 1),
        ("UPDATE audit SET place_code = '330106' WHERE seq = 2", "columns", 2),
        ("UPDATE audit SET at = '2020-01-01 00:00:00.000000' WHERE seq = 2", "columns", 2),
        ("UPDATE audit SET seq = 13 WHERE seq = 4", "missing", 4),
        ("DELETE FROM audit WHERE seq IN (6, 7)", "missing", 6),
        ("DELETE FROM audit WHERE seq = 1", "missing", 1),
        ("DELETE FROM audit WHERE seq > 9", "cut", 10),
        ("DELETE FROM audit", "cut", 1),
    ],
)
def test_what_raw_sql_does_is_found(  # noqa: PLR0917
    database: Database,
    database_url: str,
    heads: Path,
    capsys: pytest.CaptureFixture[str],
    change: str,
    kind: str,
    seq: int,
) -> None:
    assert verdict(capsys, database_url, heads)[0] == 0
    run(database, change)
    code, said = verdict(capsys, database_url, heads)
    assert (code, said["fault"]["kind"], said["fault"]["seq"]) == (1, kind, seq)


def test_a_cut_above_the_last_head_is_not_found(
    database: Database, database_url: str, heads: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not claimed, on the real thing."""
    run(database, "DELETE FROM audit WHERE seq > 10")
    code, said = verdict(capsys, database_url, heads)
    assert (code, said["entries"]) == (0, 10)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit SET body = CAST(x'ff80' AS TEXT) WHERE seq = 5",
        "UPDATE audit SET body = x'ff80' WHERE seq = 5",
        "UPDATE audit SET actor = CAST(x'ff80' AS TEXT) WHERE seq = 5",
        "UPDATE audit SET at = 'yesterday' WHERE seq = 5",
        "UPDATE audit SET at = at || '+08:00' WHERE seq = 5",
        "UPDATE audit SET at = 7 WHERE seq = 5",
        "UPDATE audit SET seq = 'five' WHERE seq = 5",
        "UPDATE audit SET seq = 5.5 WHERE seq = 5",
    ],
)
def test_what_no_writer_of_ours_leaves_in_a_file_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    with migrated(tmp_path) as database:
        add(database, 9)
        path = exported(database, tmp_path / "heads.log")
        without_triggers(database)
        run(database, change)
        code, said = verdict(capsys, str(tmp_path / "fengsui.db"), path)
    assert (code, said["fault"]["seq"]) == (1, 5)


def test_a_copy_is_read_without_a_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with migrated(tmp_path) as database:
        add(database, 3)
        exported(database, tmp_path / "audit-heads.log")
    folder = tmp_path / "a copy #1 of 100%"
    folder.mkdir()
    for name in ("fengsui.db", "audit-heads.log"):
        shutil.copy(tmp_path / name, folder / name)
    before = (folder / "fengsui.db").read_bytes()
    folder.chmod(0o500)
    try:
        assert verify.main(["verify", "--database", str(folder / "fengsui.db")], {}) == 0
    finally:
        folder.chmod(0o700)
    assert "共 3 条" in capsys.readouterr().out
    assert {one.name for one in folder.iterdir()} == {"fengsui.db", "audit-heads.log"}
    assert (folder / "fengsui.db").read_bytes() == before


def test_a_running_service_s_database_is_read_with_what_is_only_in_its_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with migrated(tmp_path) as database:
        add(database, 3)
        path = exported(database, tmp_path / "heads.log")
        assert (tmp_path / "fengsui.db-wal").stat().st_size > 0
        code, said = verdict(capsys, str(tmp_path / "fengsui.db"), path)
        assert (code, said["entries"]) == (0, 3)


def test_replicas_heads_are_read_as_one_and_torn_lines_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = tmp_path / "one.log", tmp_path / "other.log"
    with migrated(tmp_path) as database:
        for path in (one, other, one):
            add(database)
            exported(database, path)
    with other.open("a") as file:
        file.write("7 0123")
    words = ["verify", "--database", str(tmp_path / "fengsui.db"), "--json"]
    assert verify.main([*words, "--heads", str(one), "--heads", str(other)], {}) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["heads"], said["exported"]["seq"], said["torn_heads"]) == (3, 3, 1)


@pytest.mark.parametrize(
    ("database", "advice"),
    [
        ("absent.db", "give --database the service's"),
        ("heads.log", "not a database"),
        ("empty.db", "no such table: audit"),
        ("postgresql://me:hunter2@127.0.0.1:1/x", "onnection refused"),
        ("mysql://me:hunter2@127.0.0.1:1/x", "postgresql://user:password@host:port/name"),
        ("postgresql://me:hunter2@127.0.0.1:hunter2/x", "postgresql://user:password"),
        ("sqlite://", "give --database"),
    ],
)
def test_what_cant_be_read_is_one_line_and_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], database: str, advice: str
) -> None:
    (tmp_path / "heads.log").write_text("x" * 5000)
    (tmp_path / "empty.db").touch()
    path = database if "://" in database else str(tmp_path / database)
    words = ["verify", "--database", path, "--heads", str(tmp_path / "heads.log")]
    assert verify.main(words, {}) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert advice in said.err
    assert "hunter2" not in said.err


def test_without_heads_nothing_is_verified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with migrated(tmp_path):
        assert verify.main(["verify"], {"FENGSUI_DATABASE": str(tmp_path / "fengsui.db")}) == 2
    assert "a cut could not be found" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "\n", "12 0123"])
def test_an_emptied_file_of_heads_proves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    path = tmp_path / "heads.log"
    path.write_text(content)
    words = ["verify", "--database", str(tmp_path / "fengsui.db"), "--heads", str(path)]
    with migrated(tmp_path) as database:
        assert verify.main(words, {}) == 2  # an audit that was emptied looks the same
        assert "holds no head, the audit 0 entries" in capsys.readouterr().err
        add(database, 3)
        assert verify.main([*words, "--json"], {}) == 2
        said = capsys.readouterr()
        assert (said.out, said.err.count("\n")) == ("", 1)
        assert "holds no head, the audit 3 entries" in said.err
        without_triggers(database)
        run(database, "DELETE FROM audit WHERE seq = 1")
        assert verify.main(words, {}) == 1
