"""The file of heads: appended, never ahead, shared, and no reason to stop for anything."""

import os
import stat
import threading
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from service.audit import heads
from service.audit.chain import Head, parse_head, verify
from service.audit.heads import HeadsExporter, HeadsFile
from service.database import Database
from service.metrics import ServiceMetrics
from tests.service.audit.entries import add, rows, run, without_triggers
from tests.service.helpers import settings_for
from tests.service.process import serving
from tests.support.waiting import until


class Exporting:
    def __init__(self, database: Database, path: Path) -> None:
        self.path = path
        self.metrics = ServiceMetrics(CollectorRegistry())
        self.exporter = HeadsExporter(
            path=path,
            database=database,
            metrics=self.metrics,
            stopping=threading.Event(),
            every_s=0.0,
        )

    def lines(self) -> list[Head]:
        found = [parse_head(line) for line in self.path.read_text().splitlines(keepends=True)]
        return [one for one in found if one is not None]

    def count(self, name: str) -> float:
        return self.metrics.registry.get_sample_value(f"fengsui_audit_{name}") or 0.0


@pytest.fixture
def exporting(database: Database, tmp_path: Path) -> Exporting:
    return Exporting(database, tmp_path / "heads.log")


def test_a_head_is_added_when_there_is_a_newer_entry(
    exporting: Exporting, database: Database, database_url: str
) -> None:
    exporting.exporter.export()
    assert exporting.lines() == []  # nothing was recorded yet
    for count in (1, 3):
        add(database, count)
        for _ in range(3):
            exporting.exporter.export()
    found = rows(database_url)
    assert [(h.seq, h.hash) for h in exporting.lines()] == [(n, found[n - 1].hash) for n in (1, 4)]
    assert exporting.exporter.exported == exporting.lines()[-1]
    assert (exporting.count("entries"), exporting.count("exported_entries")) == (4, 4)
    assert stat.S_IMODE(exporting.path.stat().st_mode) & 0o137 == 0
    assert verify(found, exporting.lines()).heads == 2


def test_an_earlier_file_is_gone_on_with_and_a_torn_line_left_behind(
    exporting: Exporting, database: Database
) -> None:
    add(database)
    exporting.exporter.export()
    with exporting.path.open("a") as file:
        file.write("2 0123")  # the disk was full just then
    before = exporting.path.read_text()
    add(database)
    Exporting(database, exporting.path).exporter.export()
    assert exporting.path.read_text().startswith(before + "\n2 ")
    assert [head.seq for head in exporting.lines()] == [1, 2]


def test_several_replicas_share_one_file(exporting: Exporting, database: Database) -> None:
    others = [Exporting(database, exporting.path) for _ in range(4)]

    def work(one: Exporting) -> None:
        for _ in range(5):
            add(database)
            one.exporter.export()

    threads = [threading.Thread(target=work, args=(one,)) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    seqs = [head.seq for head in exporting.lines()]
    assert seqs == sorted(set(seqs))
    assert seqs[-1] == 20
    assert sum(one.count("export_errors_total") for one in others) == 0


def test_a_full_disk_is_counted_and_said_and_over_when_there_is_space(
    exporting: Exporting, database: Database, tmp_path: Path
) -> None:
    add(database)
    full = Exporting(database, Path("/dev/full"))
    with capture_logs() as said:
        full.exporter.export()
        full.exporter.export()
    assert full.count("export_errors_total") == 2
    assert [line["log_level"] for line in said] == ["error"]  # once a period
    assert "make space" in said[0]["next"]
    assert full.exporter.exported is None
    folder = tmp_path / "absent"
    late = Exporting(database, folder / "heads.log")
    late.exporter.export()
    folder.mkdir()
    late.exporter.export()
    assert late.count("export_errors_total") == 1
    assert [head.seq for head in late.lines()] == [1]


def test_a_replica_that_holds_the_file_for_ever_is_not_waited_for(
    exporting: Exporting, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "LOCK_LIMIT_S", 0.05)
    add(database)
    with HeadsFile(exporting.path).held():
        exporting.exporter.export()
    assert exporting.count("export_errors_total") == 1
    exporting.exporter.export()
    assert [head.seq for head in exporting.lines()] == [1]


@pytest.mark.parametrize(
    "change",
    ["DELETE FROM audit WHERE seq > 2", "UPDATE audit SET hash = 'x' WHERE seq = 3"],
    ids=["cut", "rewritten"],
)
def test_a_database_that_does_not_fit_is_said_once_and_not_exported(
    exporting: Exporting, database: Database, change: str
) -> None:
    add(database, 3)
    exporting.exporter.export()
    without_triggers(database)
    run(database, change)
    with capture_logs() as said:
        for _ in range(3):
            exporting.exporter.export()
            add(database)  # as many as were cut, and more
    assert len([line for line in said if "contradicts its file of heads" in line["event"]]) == 1
    assert exporting.count("contradicted") == 1
    assert [head.seq for head in exporting.lines()] == [3]
    os.rename(exporting.path, exporting.path.with_suffix(".kept"))  # noqa: PTH104
    exporting.exporter.export()
    assert exporting.count("contradicted") == 0
    assert len(exporting.lines()) == 1


def test_the_service_exports_at_its_start_and_at_its_end(
    exporting: Exporting, database: Database, database_url: str, tmp_path: Path
) -> None:
    add(database)
    settings = settings_for(
        "redis://127.0.0.1:1/0", tmp_path, database_url=database_url, audit_heads=exporting.path
    )
    with serving(settings):
        until(lambda: exporting.path.exists() and len(exporting.lines()) == 1, "the first head")
        add(database)  # a minute is not over
        assert len(exporting.lines()) == 1
    assert [head.seq for head in exporting.lines()] == [1, 2]
