"""The whole: a real camera burns, a real worker tells of it, and its pictures can be looked at."""

import dataclasses
import io
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from pipelines import evidence as evidence_module
from pipelines import streams
from pipelines import worker as worker_module
from pipelines.drills.encoder import encode
from pipelines.drills.rtsp import Mount
from pipelines.drills.scenes import SCENES
from pipelines.evidence_store import EvidenceStore
from pipelines.messages import Alert, Camera, EvidenceAbsence, EvidencePart, decode
from pipelines.rtsp.networks import LOOPBACK
from pipelines.secrets import Secret
from pipelines.worker import Worker
from pipelines.worker_settings import WorkerSettings
from tests.pipelines.drills.live import served
from tests.pipelines.test_evidence import broken, slow
from tests.pipelines.test_evidence_store import small_disk
from tests.support.media import REPOSITORY
from tests.support.redis_server import RedisServer
from tests.support.waiting import until
from vision.evidence import EvidenceMaker
from vision.hazards import Hazard

STILL, CLIP, STRIP, _PLACE = EvidencePart


class Watching:
    """A worker with a store of its own."""

    def __init__(self, name: str, redis_url: str, url: str, directory: Path, store: str) -> None:
        self.name, self.store = name, store
        self._client = streams.connect(redis_url)
        camera = Camera(camera_id=name, url=url, hazards=(Hazard.FIRE,))
        self.worker = Worker(
            WorkerSettings(
                worker_id=name,
                redis_url=Secret(redis_url),
                spool_dir=directory / "spool",
                cameras=(camera,),
                evidence=store,
                networks=LOOPBACK,
            )
        )
        self._thread = threading.Thread(target=self.worker.run)

    def start(self, made: Callable[[], EvidenceMaker] | None = None) -> None:
        desk = self.worker._flow._desk
        assert desk is not None
        if made is not None:
            desk.darkroom._load = made
        self._thread.start()

    def alerts(self) -> list[Alert]:
        """Its first alert's revisions, as the service gets them."""
        entries = self._client.xrange(streams.ALERTS_PRIORITY.name)
        found = [decode(streams.body(entry), Alert) for _, entry in entries]
        ours = [one for one in found if one.camera_id == self.name]
        return [one for one in ours if one.alert_id == ours[0].alert_id]

    def told(self) -> Alert | None:
        """The first revision that says what became of the picture."""
        after = [one for one in self.alerts() if one.evidence_absent != EvidenceAbsence.PENDING]
        return after[0] if after else None

    def stop(self) -> None:
        self.worker.stop()
        self._thread.join(30)
        assert not self._thread.is_alive()
        self._client.close()


@pytest.fixture(scope="module")
def burning() -> Iterator[str]:
    """A street that burns from the first second on, but for a moment each ten."""
    scene = dataclasses.replace(SCENES["street_fire"], onset_s=0.5, clear_s=9.5, loop_s=10.0)
    mount = Mount(name="clip", clip=encode(scene, lambda _done, _of: None), restart_per_client=True)
    with served([mount]) as (_, port):
        yield f"rtsp://127.0.0.1:{port}/clip"


@pytest.fixture(scope="module")
def watched(
    burning: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Watching]]:
    """Five workers at the same time, of which one can make pictures."""
    tmp_path = tmp_path_factory.mktemp("evidence")
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.MonkeyPatch.context() as patch,
        RedisServer() as redis,
        small_disk(tmp_path / "disk") as disk,
    ):
        (disk / "ballast").write_bytes(bytes(60_000))
        patch.setattr(evidence_module, "STORE_PAUSES_S", (0.0, 0.2, 0.4))
        stores = {
            "good": str(tmp_path / "good"),
            "broken": str(tmp_path / "broken"),
            "slow": str(tmp_path / "slow"),
            "refused": str(tmp_path / "file" / "evidence"),
            "full": str(disk / "evidence"),
        }
        made = {
            name: Watching(name, redis.url, burning, tmp_path, store)
            for name, store in stores.items()
        }
        for name, one in made.items():
            one.start({"broken": broken, "slow": lambda: slow(11.0)}.get(name))
        with closing(streams.connect(redis.url)):
            yield made
        for one in made.values():
            one.stop()


def test_an_alert_comes_at_once_and_then_its_pictures(watched: dict[str, Watching]) -> None:
    good = watched["good"]
    told = until(good.told, "a picture", limit_s=40)
    first = good.alerts()[0]
    assert (first.revision, first.evidence_absent) == (1, EvidenceAbsence.PENDING)
    assert told.evidence_ref is not None
    store = EvidenceStore(good.store)
    content = store.get(told.evidence_ref, STILL)
    assert content is not None
    still = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert still is not None
    assert still.shape == (360, 640, 3)
    until(lambda: CLIP in store.parts(told.evidence_ref or ""), "a clip", limit_s=40)
    content = store.get(told.evidence_ref, CLIP)
    assert content is not None
    with av.open(io.BytesIO(content)) as clip:
        times_s = [one.time for one in clip.decode(video=0)]
    assert len(times_s) >= 10
    assert 2.0 <= (times_s[-1] or 0.0) <= 8.0
    later = until(
        lambda: [one for one in good.alerts() if one.revision > told.revision], limit_s=20
    )
    assert {one.evidence_ref for one in later} == {told.evidence_ref}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("broken", EvidenceAbsence.MASKER_FAILED),
        ("refused", EvidenceAbsence.STORE_FAILED),
        ("full", EvidenceAbsence.STORE_FAILED),
        ("slow", EvidenceAbsence.MASKER_SLOW),
    ],
)
def test_without_a_picture_the_alert_goes_all_the_same_and_says_why(
    watched: dict[str, Watching], name: str, reason: EvidenceAbsence
) -> None:
    one = watched[name]
    told = until(one.told, "the reason", limit_s=60)
    assert (told.evidence_ref, told.evidence_absent) == (None, reason)
    assert one.alerts()[0].evidence_absent == EvidenceAbsence.PENDING
    assert list(EvidenceStore(one.store).refs()) == []


def test_a_worker_that_ends_in_the_middle_says_what_became_of_it(
    burning: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "END_PATIENCE_S", 1.0)
    with RedisServer() as redis:
        one = Watching("ending", redis.url, burning, tmp_path, str(tmp_path / "store"))
        one.start(lambda: slow(4.0))
        until(one.alerts, "an alert", limit_s=40)
        began_s = time.monotonic()
        client = one._client
        one.worker.stop()
        one._thread.join(30)
        assert time.monotonic() - began_s < 15
        told = one.told()
        client.close()
    assert told is not None
    assert told.evidence_absent is EvidenceAbsence.MASKER_SLOW


ENDING = """
import sys, threading
from pathlib import Path
import numpy as np
import pipelines.worker
from pipelines import evidence
from pipelines.messages import Camera
from pipelines.rtsp.networks import LOOPBACK
from pipelines.secrets import Secret
from pipelines.worker import Worker, run_until_signalled
from pipelines.worker_settings import WorkerSettings
from tests.support.pictures import maker
from vision.letterbox import fit

store, redis_url = sys.argv[1:]
camera = Camera(camera_id="a", url="rtsp://127.0.0.1:1/x")
worker = Worker(WorkerSettings(
    worker_id="w", redis_url=Secret(redis_url), spool_dir=Path(store) / "spool",
    cameras=(camera,), evidence=store, networks=LOOPBACK,
))
masker = maker()._masker

def hangs():
    while True:
        masker.with_regions(np.zeros((1, *masker.input_size_px, 3), np.uint8), [BOX])

BOX = fit((512, 288), *masker.input_size_px)
worker._flow._desk.darkroom._load = hangs
worker._flow._desk.darkroom.warm()
pipelines.worker.END_PATIENCE_S = 0.5
threading.Timer(0.5, worker.stop).start()
run_until_signalled(worker)
"""


def test_a_worker_whose_masker_never_ends_ends_all_the_same(tmp_path: Path) -> None:
    """In good order: a thread in C++ makes Python's own end abort, and a parent call it dead."""
    with RedisServer() as redis:
        done = subprocess.run(
            [sys.executable, "-c", ENDING, tmp_path, redis.url],
            cwd=REPOSITORY, capture_output=True, timeout=60, check=False,
        )  # fmt: skip
    assert (done.returncode, b"Fatal" in done.stderr) == (0, False), done.stderr
