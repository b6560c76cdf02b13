"""What rules remember of places outlasts a restart: a chimney stays old, a fire stays new."""

from pathlib import Path

from prometheus_client import CollectorRegistry

from pipelines.frames import Look
from pipelines.judge import Judge
from pipelines.keepsakes import Keepsakes, read, written
from pipelines.messages import Camera
from pipelines.metrics import WorkerMetrics
from pipelines.rules.events import Change
from pipelines.rules.moment import Columns
from pipelines.spool import Spool
from pipelines.zones import zones_of
from tests.support.builders import look
from vision.hazards import Hazard
from vision.roles import Label, Role

CAMERA = Camera(camera_id="gate", url="rtsp://192.0.2.1/x", hazards=(Hazard.SMOKE,))
LABELS = (Label(name="smoke", role=Role.HAZARD, hazard=Hazard.SMOKE, threshold=0.5),)
PLUME = (0.4, 0.3, 0.5, 0.5)


def judge() -> Judge:
    return Judge(CAMERA, zones_of(CAMERA), Columns(labels=LABELS))


def smoking(second: float) -> Look:
    left, top, right, bottom = PLUME
    drift, rise = 0.006 * (second // 2 % 3), 0.02 * (second // 2 % 4)  # a wall's outline is fixed
    return look(second, ((left + drift, top - rise, right + drift, bottom), 0.8, 0))


def begins(watching: Judge, *seconds: float) -> bool:
    events = [one for second in seconds for one in watching.see(smoking(second))]
    return any(one.change is Change.BEGAN for one in events)


def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "w.sqlite", WorkerMetrics(CollectorRegistry()))


def after_a_restart(before: Judge, tmp_path: Path) -> Judge:
    """Another process's judge, which finds what the first one left."""
    first = spool(tmp_path)
    Keepsakes(first).keep([("gate", before.states)])
    first.close()
    second = spool(tmp_path)
    again = judge()
    again.recall(Keepsakes(second).of("gate"))
    second.close()
    return again


def test_what_smokes_from_a_camera_s_first_look_stays_old_over_a_restart(tmp_path: Path) -> None:
    watching = judge()
    assert not begins(watching, *range(0, 40, 2))
    assert not begins(after_a_restart(watching, tmp_path), *range(44, 80, 2))


def test_a_plume_that_rose_while_the_worker_was_away_is_new(tmp_path: Path) -> None:
    watching = judge()
    for second in range(0, 40, 2):
        watching.see(look(second))
    assert not begins(judge(), *range(44, 56, 2)), "to one that remembers nothing it is old"
    assert begins(after_a_restart(watching, tmp_path), *range(44, 56, 2))


def test_states_come_back_as_they_were_but_for_their_pictures() -> None:
    watching = judge()
    begins(watching, *range(0, 20, 2))
    again = read(written(watching.states))
    assert written(again) == written(watching.states)
    (key,) = again
    assert again[key].places == watching.states[key].places


def test_what_another_version_kept_is_nothing() -> None:
    assert read("[{}]") == read("x") == {}


def test_only_what_has_changed_is_written(tmp_path: Path) -> None:
    watching, kept = judge(), spool(tmp_path)
    watching.see(smoking(0))
    keepsakes = Keepsakes(kept)
    keepsakes.keep([("gate", watching.states)])
    kept.remember("habits:gate", "[]")
    keepsakes.keep([("gate", watching.states)])
    assert kept.recall("habits:gate") == "[]", "nothing has changed: it was left alone"
    watching.see(smoking(2))
    keepsakes.keep([("gate", watching.states)])
    assert kept.recall("habits:gate") == written(watching.states)
    kept.close()
