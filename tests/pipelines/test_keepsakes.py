"""What rules remember of places outlasts a restart: a chimney stays old, a fire stays new."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from pipelines import streams, worker
from pipelines.frames import Look
from pipelines.judge import Judge
from pipelines.keepsakes import Keepsakes, read, written
from pipelines.messages import Camera
from pipelines.metrics import WorkerMetrics
from pipelines.registry import Part
from pipelines.rtsp.networks import LOOPBACK
from pipelines.rules import debris
from pipelines.rules.events import Change
from pipelines.rules.moment import Columns
from pipelines.secrets import Secret
from pipelines.spool import Spool
from pipelines.worker import Worker
from pipelines.worker_settings import WorkerSettings
from pipelines.zones import zones_of
from tests.support.builders import at, look
from tests.support.redis_server import RedisServer
from tests.support.registrar import Registrar
from tests.support.waiting import until
from vision.hazards import Hazard
from vision.roles import Label, Role

CAMERA = Camera(camera_id="gate", url="rtsp://192.0.2.1/x", hazards=(Hazard.SMOKE,))
LABELS = (Label(name="smoke", role=Role.HAZARD, hazard=Hazard.SMOKE, threshold=0.5),)
NOWHERE = "rtsp://127.0.0.1:1/x"
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


def test_a_road_on_which_vehicles_were_seen_stays_one() -> None:
    kept = written({("road", Hazard.DEBRIS): debris.State(began_at=at(0), shown=3)})
    assert read(kept)["road", Hazard.DEBRIS].shown == 3


def test_what_another_version_kept_is_nothing() -> None:
    assert read("[{}]") == read("x") == {}


def test_what_no_rule_here_remembers_is_left_out_and_the_rest_is_read() -> None:
    watching = judge()
    begins(watching, *range(0, 20, 2))
    one = json.loads(written(watching.states))[0]
    foreign = {**one, "hazard": "water_over_line"}
    assert read(json.dumps([foreign, one])).keys() == watching.states.keys()


@pytest.mark.parametrize("field", ["began_at", "first_at", "last_at", "counted_at"])
def test_a_time_without_a_zone_is_none(field: str) -> None:
    watching = judge()
    begins(watching, *range(0, 20, 2))
    (one,) = json.loads(written(watching.states))
    holder = one if field == "began_at" else one["places"][0]
    holder[field] = "2026-11-22T04:00:00Z"
    assert read(json.dumps([one])) != {}
    holder[field] = "2026-11-22T04:00:00"
    assert read(json.dumps([one])) == {}


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


def test_a_camera_that_was_removed_and_is_registered_again_begins_anew(tmp_path: Path) -> None:
    watching, kept = judge(), spool(tmp_path)
    watching.see(smoking(0))
    keepsakes = Keepsakes(kept)
    keepsakes.keep([("gate", watching.states), ("yard", watching.states)])
    keepsakes.drop("gate")
    assert keepsakes.of("gate") == {}, "also before it is off the disk"
    keepsakes.keep([("yard", watching.states)])
    assert Keepsakes(kept).cameras() == ("yard",)
    keepsakes.drop("yard")
    keepsakes.keep([("yard", watching.states)])
    assert kept.recall("habits:yard") == written(watching.states), "it is back, as it was"
    kept.close()


def test_what_the_disk_would_not_forget_is_forgotten_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = spool(tmp_path)
    kept.remember("habits:gate", "[]")
    keepsakes = Keepsakes(kept)
    keepsakes.drop("gate")
    with monkeypatch.context() as broken:
        broken.setattr(kept, "remember_all", refuse)
        with pytest.raises(sqlite3.Error):
            keepsakes.keep([])
    assert keepsakes.of("gate") == {}
    keepsakes.keep([])
    assert keepsakes.cameras() == ()
    kept.close()


def refuse(*_: object) -> None:
    raise sqlite3.OperationalError("database or disk is full")


class Rig:
    """The worker of the first of two shares, on a registry and a disk of its own."""

    def __init__(self, url: str, directory: Path) -> None:
        self._path = directory / "w.sqlite"
        self.worker = Worker(
            WorkerSettings(
                worker_id="w",
                redis_url=Secret(url),
                spool_dir=directory,
                share=Part(parts=2),
                worker_key=directory / "worker.key",
                networks=LOOPBACK,
            )
        )
        self._thread = threading.Thread(target=self.worker.run)
        self._thread.start()

    def kept(self) -> set[str]:
        with closing(sqlite3.connect(self._path)) as database:
            rows = database.execute("SELECT name FROM state WHERE name LIKE 'habits:%'")
            return {name.removeprefix("habits:") for (name,) in rows}

    def count(self, outcome: str) -> float:
        name, label = "fengsui_registry_changes_total", {"outcome": outcome}
        return self.worker._metrics.registry.get_sample_value(name, label) or 0

    def close(self) -> None:
        self.worker.stop()
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture
def registrar() -> Iterator[Registrar]:
    """A registry of two cameras of the first of two shares, and of one of the second."""
    assert [Part(parts=2).holds(name) for name in ("gate", "yard", "tower")] == [True, True, False]
    with RedisServer() as server, closing(streams.connect(server.url)) as client:
        made = Registrar(client)
        made.upsert(*(Camera(camera_id=name, url=NOWHERE) for name in ("gate", "yard", "tower")))
        yield made


def test_what_was_learnt_goes_with_a_camera_s_registration_and_with_nothing_else(
    registrar: Registrar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "KEEP_EVERY_S", 0.05)
    before = spool(tmp_path)
    before.remember_all({f"habits:{name}": "[]" for name in ("gate", "yard", "tower", "old")})
    before.close()
    port = registrar.client.get_connection_kwargs()["port"]
    rig = Rig(f"redis://127.0.0.1:{port}/0", tmp_path)
    try:
        until(lambda: rig.count("added") == 2)
        time.sleep(0.2)
        assert rig.kept() == {"gate", "yard", "tower", "old"}, "nobody said that this is all"
        registrar.whole()
        until(lambda: rig.kept() == {"gate", "yard", "tower"}, "old was removed meanwhile")
        registrar.remove("yard")
        until(lambda: rig.kept() == {"gate", "tower"}, "yard was removed")
        registrar.upsert(Camera(camera_id="gate", url="nonsense"))
        until(lambda: rig.count("unusable") == 1)
    finally:
        rig.close()
    assert rig.kept() == {"gate", "tower"}, "one can't be used now, one is another worker's"
