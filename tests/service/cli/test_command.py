"""``fengsui cameras`` as scripts run it, against the service as a process that may die."""

import csv
import errno
import io
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
import sqlalchemy as sa

from service import tables
from service.cli import client, command, orders, probing
from service.cli.client import Service
from tests.service.estate import OWN, fill
from tests.service.helpers import opened, settings_for, sqlite_copy
from tests.service.imports.kit import PASSWORD, described, table
from tests.service.process import ROOT, ServiceProcess
from tests.service.signing_in import make_account, token
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

MANY = 800


@pytest.fixture(scope="module")
def service(
    shared_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    directory = tmp_path_factory.mktemp("command")
    settings = settings_for(shared_redis.url, directory, database_url=sqlite_copy(directory))
    with opened(settings.database_url) as database:
        fill(database)
    with ServiceProcess(shared_redis.url, directory) as running:
        yield running


@pytest.fixture
def environment(service: ServiceProcess) -> dict[str, str]:
    secret = service.headers["Authorization"].removeprefix("Bearer ")
    return {"FENGSUI_SERVICE": service.url, "FENGSUI_TOKEN": secret}


def begun(words: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "fengsui.py", "cameras", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_an_estate_by_the_command_line(
    service: ServiceProcess, environment: dict[str, str], tmp_path: Path
) -> None:
    rows = [
        described(1),
        described(2, 用户名="admin", 密码=PASSWORD),
        described(3, 场所类型="病房"),
    ]
    (tmp_path / "设备.csv").write_bytes(table(rows).encode("gb18030"))
    names = ["import", str(tmp_path / "设备.csv"), "--annotated", str(tmp_path / "copy.csv")]
    run = begun([*names, "--json", "--language", "zh"], environment)
    out, said = run.communicate(timeout=60)
    assert run.returncode == 0, said
    found = json.loads(out)
    assert list(found)[:4] == ["rows", "good", "bad", "by_reason"]
    assert (found["rows"], found["good"], found["bad"]) == (3, 2, 1)
    assert (found["by_reason"], found["committed"]) == ({"place_type_refused": 1}, 2)
    [bad] = found["bad_rows"]
    assert (bad["row"], bad["gb_id"], bad["name"]) == (4, rows[2]["国标编号"], "灵隐路口 3")
    [why] = bad["reasons"]
    assert (why["column"], why["code"]) == ("place_type", "place_type_refused")
    assert "场所类型：病房" in why["message"]
    assert "病房" in (tmp_path / "copy.csv").read_text("utf-8-sig")
    assert PASSWORD not in out + said + (tmp_path / "copy.csv").read_text("utf-8-sig")
    assert PASSWORD not in service.log.read_text()
    target = tmp_path / "out.csv"
    target.write_text("before")
    target.chmod(0o644)
    run = begun(["export", str(target), "--q", "灵隐路口", "--language", "zh"], environment)
    out, said = run.communicate(timeout=60)
    assert run.returncode == 0, said
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    exported = list(csv.DictReader(io.StringIO(target.read_text("utf-8-sig"))))
    assert [one["国标编号*"] for one in exported] == [one["国标编号"] for one in rows[:2]]
    assert PASSWORD not in target.read_text("utf-8-sig")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["copy.csv", "out.csv", "设备.csv"]


def test_a_service_that_dies_in_the_middle_leaves_nothing_half_and_goes_on(
    service: ServiceProcess, environment: dict[str, str], tmp_path: Path
) -> None:
    rows = [
        described(one, 国标编号=f"33010699001320{one:06d}", 用户名="u", 密码=PASSWORD)
        for one in range(1, MANY + 1)
    ]
    (tmp_path / "many.csv").write_text(table(rows), "utf-8")
    run = begun(["import", str(tmp_path / "many.csv"), "--json"], environment)

    def is_in_the_middle() -> bool:
        newest = service.get("/api/camera-imports")["imports"][0]
        return bool(newest["file_name"] == "many.csv" and 0 < newest["committed"] < MANY)

    # The token's own list: the administrator's that the command uses, too.
    until(is_in_the_middle, "the middle of a commit", 30)
    service.end(signal.SIGKILL)
    directory = Path(service.log).parent
    with opened(f"sqlite:///{directory}/fengsui.db") as database, database.reading() as connection:
        of_file = sa.select(sa.func.count()).where(tables.cameras.c.gb_id.like("33010699%"))
        there = connection.execute(of_file).scalar_one()
        marked = connection.execute(
            sa.select(sa.func.count()).where(tables.camera_import_rows.c.committed_at.is_not(None))
            .where(tables.camera_import_rows.c.cells.cast(sa.Text).like("%33010699%"))
        ).scalar_one()  # fmt: skip
        assert 0 < there == marked < MANY
    service.start()
    out, said = run.communicate(timeout=60)
    assert run.returncode == 0, said
    assert json.loads(out)["committed"] == MANY
    assert "going on" in said
    with opened(f"sqlite:///{directory}/fengsui.db") as database, database.reading() as connection:
        ids = sa.select(tables.cameras.c.gb_id, tables.cameras.c.sealed_credentials).where(
            tables.cameras.c.gb_id.like("33010699%")
        )
        found = connection.execute(ids).all()
        assert sorted(one.gb_id for one in found) == [one["国标编号"] for one in rows]
        assert all(one.sealed_credentials for one in found)
        created = sa.select(sa.func.count()).where(
            tables.audit.c.action == "camera.created", tables.audit.c.body.like("%33010699%")
        )
        assert connection.execute(created).scalar_one() == MANY
    for path in directory.iterdir():
        if path.is_file():
            assert PASSWORD.encode() not in path.read_bytes(), path


def said_by(
    words: list[str], environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    code = command.main(words, environment)
    return code, capsys.readouterr().err


def test_whoever_can_t_go_on_is_told_what_to_do(
    service: ServiceProcess,
    environment: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "one.csv"
    file.write_text(table([described(1)]), "utf-8")
    words = ["import", str(file)]
    directory = Path(service.log).parent
    with opened(f"sqlite:///{directory}/fengsui.db") as database:
        account = make_account(database, "integrator", [OWN])
        expired = token(database, account, lasts=timedelta(seconds=-1))
        viewer = token(database, make_account(database, "viewer", [OWN]))
    for changes, hint in [
        ({"FENGSUI_TOKEN": ""}, "these scopes: camera.read, camera.write;"),
        ({"FENGSUI_TOKEN": "“quoted”"}, "holds no token"),
        ({"FENGSUI_TOKEN": expired}, "has expired"),
        ({"FENGSUI_TOKEN": viewer}, "scopes: camera.read, camera.write;"),
        ({"FENGSUI_SERVICE": "127.0.0.1:8600"}, "lacks http:// or https://"),
        ({"FENGSUI_SERVICE": "localhost:8600"}, "http://localhost:8600"),
        ({"FENGSUI_SERVICE": "ftp://fengsui.example"}, "give --service https://"),
        ({"FENGSUI_SERVICE": "http://fengsui.example"}, "in clear"),
        ({"FENGSUI_SERVICE": "http://127.0.0.1:1"}, "is the service running"),
        ({"FENGSUI_SERVICE": service.url.replace("http:", "https:")}, "TLS"),
    ]:
        code, said = said_by(words, environment | changes, capsys)
        assert (code, hint in said) == (1, True), said
        assert said.count("\n") == 1, said
    assert said_by(["import", str(tmp_path / "absent.csv")], environment, capsys)[0] == 1
    (tmp_path / "not.csv").write_bytes(b"\xff\xfe1\x00")
    code, said = said_by(["import", str(tmp_path / "not.csv")], environment, capsys)
    assert (code, "not.csv: " in said) == (1, True), said
    for wrong in (
        ["import"],
        [*words, "--default", "place_type=road"],
        [*words, "--annotated", "x.txt"],
        ["export", "out.pdf"],
        ["probe"],
        ["probe", "--all", "--place", OWN],
        ["probe", "--all", "--only-changed"],
        ["export", "out.csv", "--state", "foo"],
        ["export", "out.csv", "--fault", "foo"],
        ["export", "out.csv", "--probe-fault", "foo"],
        ["export", "out.csv", "--import-id", "foo"],
        ["switch", "on"],
    ):
        with pytest.raises(SystemExit) as ended:
            command.main(wrong, environment)
        assert ended.value.code == 2
    capsys.readouterr()
    for wrong in (
        ["export", str(tmp_path / "out.csv"), "--place", "999999"],
        ["probe", "--place", "999999"],
        ["switch", "on", "--place", "999999"],
    ):
        code, said = said_by(wrong, environment, capsys)
        assert (code, "--place: there is no such code" in said) == (2, True), said
    code, said = said_by([*words, "--default", "place_code=西湖"], environment, capsys)
    assert (code, "--default place_code: " in said) == (2, True), said
    for wrong_url in ("", "localhost:8600", "ftp://fengsui.example", "http://fengsui.example"):
        code, said = said_by([*words, "--service", wrong_url], environment, capsys)
        assert (code, said.count("\n"), "--service" in said or "http://" in said) == (2, 1, True)
    upstream = ["export", str(tmp_path / "out.csv"), "--upstream", "x" * 999]
    code, said = said_by([*upstream, "--language", "zh"], environment, capsys)
    assert (code, "--upstream：" in said, "characters" in said) == (2, True, False), said


def test_a_copy_that_can_t_be_written_costs_no_counts(
    service: ServiceProcess,
    environment: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "some.csv"
    rows = [described(11), *(described(one, 场所类型="病房") for one in range(12, 16))]
    file.write_text(table(rows), "utf-8")
    words = ["import", str(file), "--annotated"]
    before = service.get("/api/camera-imports")["imports"]
    assert command.main([*words, str(tmp_path / "no" / "a.csv")], environment) == 1
    assert service.get("/api/camera-imports")["imports"] == before, "nothing was sent"

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "", "a.csv")

    monkeypatch.setattr(Service, "download", full)
    capsys.readouterr()
    assert command.main([*words, str(tmp_path / "a.csv"), "--json"], environment) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["committed"], found["bad"]) == (1, 4)
    assert "the disk is full" in found["problem"]["message"]
    assert command.main(["import", str(file), "--dry-run"], environment) == 0
    out = capsys.readouterr().out
    assert "     4  Place never watched (place_type_refused)\nrow 3 灵隐路口 12: Place" in out
    assert "\nrow 4 " in out
    assert "\nrow 5 " not in out
    assert "and 2 more bad rows" in out


def test_probes_without_a_worker_say_so(
    service: ServiceProcess,
    environment: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probing, "NO_WORKER_FOR_S", 0.0)
    monkeypatch.setattr(probing, "ASKED_EVERY_S", 0.05)
    code, said = said_by(["probe", "--place", OWN], environment, capsys)
    assert (code, "no worker lives" in said) == (1, True), said
    code, said = said_by(["probe", "--gb-id", "33010600001320999999"], environment, capsys)
    assert (code, "is it registered?" in said) == (2, True), said


def test_a_question_waits_15_s_for_a_service_that_is_away_and_says_so_at_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: sum(slept), sleep=slept.append)
    monkeypatch.setattr(client, "time", clock)
    away = {"FENGSUI_TOKEN": "fs_x", "FENGSUI_SERVICE": "http://127.0.0.1:1"}
    one = str(uuid4())
    asked = {("list",): 15, ("dead",): 15, ("show", one): 15, ("replay", one): 120}
    for words, limit_s in asked.items():
        slept.clear()
        assert orders.main(words, away) == 1
        first, last = capsys.readouterr().err.splitlines()
        assert f"asking again for up to {limit_s} s" in first
        assert ("is the service running" in last, sum(slept)) == (True, limit_s)


def test_a_question_takes_3_s_for_a_connection_at_most() -> None:
    made = Service(
        "http://127.0.0.1:1", "fs_x", client.Language.EN, scopes=(), patience=client.READS
    )
    with made as service:
        assert service._client.timeout.connect == 3.0
