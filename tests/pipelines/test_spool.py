import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from pipelines.messages import Alert, Confirmation, decode
from pipelines.metrics import WorkerMetrics
from pipelines.spool import Spool
from tests.support.builders import alert
from vision.hazards import Hazard


def opened(path: Path, capacity: int = 100) -> tuple[Spool, WorkerMetrics]:
    metrics = WorkerMetrics(CollectorRegistry())
    return Spool(path / "worker.sqlite", metrics, capacity), metrics


def kept(spool: Spool) -> list[tuple[Hazard, int]]:
    return [
        (one.hazard, one.revision) for _, body in spool.due(999) if (one := decode(body, Alert))
    ]


def confirmation(one: Alert) -> Confirmation:
    return Confirmation(alert_id=one.alert_id, revision=one.revision)


def test_only_a_confirmation_empties_it(tmp_path: Path) -> None:
    spool, metrics = opened(tmp_path)
    first, second = alert(), alert(revision=2)
    spool.put(first)
    spool.put(first)  # the same revision once
    spool.put(second)
    spool.sent([ordinal for ordinal, _ in spool.due(10)])
    assert len(spool) == 2
    assert spool.due(10) == []
    spool.confirm([confirmation(first)], "5-0")
    assert len(spool) == 1
    assert spool.recall("confirmed") == "5-0"
    assert metrics.total("fengsui_alerts_confirmed_total") == 1
    assert metrics.total("fengsui_spool_entries") == 1
    spool.all_due()
    assert kept(spool) == [(Hazard.FIRE, 2)]
    spool.close()


def test_what_was_sent_but_not_confirmed_is_due_after_a_restart(tmp_path: Path) -> None:
    spool, _ = opened(tmp_path)
    spool.put(alert())
    spool.sent([ordinal for ordinal, _ in spool.due(10)])
    spool.close()
    again, metrics = opened(tmp_path)
    assert kept(again) == [(Hazard.FIRE, 1)]
    assert metrics.total("fengsui_spool_entries") == 1
    again.close()


def test_what_nobody_confirms_is_sent_again_later_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1000.0
    monkeypatch.setattr("pipelines.spool.time.monotonic", lambda: now_s)
    spool, _ = opened(tmp_path)
    spool.put(alert())
    waits = []
    for _ in range(10):
        spool.sent([ordinal for ordinal, _ in spool.due(10)])
        waits.append(next(wait for wait in range(4000) if due_after(spool, now_s + wait)))
        now_s += waits[-1]
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    spool.close()


def due_after(spool: Spool, moment_s: float) -> bool:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.spool.time.monotonic", lambda: moment_s)
        return bool(spool.due(1))


def test_an_epoch_is_never_used_twice(tmp_path: Path) -> None:
    epochs = []
    for _ in range(3):
        spool, _ = opened(tmp_path)
        epochs.append(spool.next_epoch())
        spool.close()
    assert epochs == [1, 2, 3]


def test_a_full_spool_drops_the_oldest_lowest_revision_and_never_an_onset(tmp_path: Path) -> None:
    spool, metrics = opened(tmp_path, capacity=4)
    spool.put(alert(0, hazard=Hazard.FIRE, revision=2))
    spool.put(alert(0, hazard=Hazard.CAMERA_FAULT, revision=1))
    spool.put(alert(0, hazard=Hazard.CAMERA_FAULT, revision=2))
    spool.put(alert(0, hazard=Hazard.CAMERA_FAULT, revision=3))
    spool.put(alert(1, hazard=Hazard.SMOKE))
    spool.put(alert(2, hazard=Hazard.SMOKE))
    spool.put(alert(3, hazard=Hazard.SMOKE))
    spool.put(alert(4, hazard=Hazard.SMOKE))  # only onsets are left: it grows
    assert kept(spool) == [(Hazard.CAMERA_FAULT, 1)] + [(Hazard.SMOKE, 1)] * 4
    dropped = metrics.registry.get_sample_value
    assert dropped("fengsui_spool_dropped_total", {"severity": "minor"}) == 2
    assert dropped("fengsui_spool_dropped_total", {"severity": "extreme"}) == 1
    spool.close()


WRITER = """
import os, signal, sys
from pathlib import Path
from tests.pipelines.test_spool import opened
from tests.support.builders import alert
spool, _ = opened(Path(sys.argv[1]))
for second in range(20):
    spool.put(alert(second))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_kill_9_right_after_put_loses_nothing(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", WRITER, str(tmp_path)], check=False)
    assert done.returncode == -9
    spool, _ = opened(tmp_path)
    assert len(spool) == 20
    spool.close()


@pytest.mark.parametrize("content", [b"not a database, but long enough to be taken for one" * 50])
def test_a_damaged_file_is_told_at_once(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "worker.sqlite").write_bytes(content)
    with pytest.raises(Exception, match="not a database"):
        opened(tmp_path)


def test_nobody_else_reads_the_spool(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        spool, _ = opened(tmp_path / "spool")
        spool.put(alert())
        modes = {one.name: one.stat().st_mode & 0o777 for one in (tmp_path / "spool").iterdir()}
        assert len(modes) > 1
        assert set(modes.values()) == {0o600}
        assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
        spool.close()
    finally:
        os.umask(before)
