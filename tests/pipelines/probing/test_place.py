"""Place pictures of real streams: nobody, nothing private, nothing live, one a day, or none."""

import inspect
import pickle
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID, uuid4

import cv2
import numpy as np
import pytest

from models.packs import PackRefusedError, load_masker
from pipelines import streams
from pipelines.address import Address, camera_address
from pipelines.drills.rtsp import Mount
from pipelines.evidence_store import EvidenceStore
from pipelines.messages import Camera, EvidencePart, PlaceAbsence, StreamFacts
from pipelines.messages.zones import Zone, ZoneKind
from pipelines.probing import looking
from pipelines.probing.days import DAY_S, key_of
from pipelines.probing.looking import PlaceLook
from pipelines.probing.place import PlaceJob, written
from pipelines.rtsp import connection
from pipelines.rtsp.networks import LOOPBACK
from tests.pipelines.drills.live import served
from tests.pipelines.probing.kit import Kit, camera, clip, job, kit
from tests.support.redis_server import RedisServer
from vision.detector import Detector, DetectorError
from vision.evidence import Evidence
from vision.letterbox import fit

PRIVATE = Zone(
    zone_id="private",
    kind=ZoneKind.PRIVACY,
    polygon=((0.0, 0.0), (0.25, 0.0), (0.25, 1.0), (0.0, 1.0)),
)


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="module")
def masker() -> Detector:
    return load_masker(covering=True)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A square that walks over a slope; a keyframe twelve times a second."""
    with served([Mount(name="place", clip=clip(keyint=2, frames=60))]) as (_, port):
        yield f"rtsp://127.0.0.1:{port}/place"


@pytest.fixture
def making(
    redis_server: RedisServer, tmp_path: Path, masker: Detector, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Kit]:
    monkeypatch.setattr(looking, "APART_S", 0.05)
    monkeypatch.setattr(connection, "NAP_S", 0.02)
    client = streams.connect(redis_server.url)
    client.flushall()
    with kit(tmp_path, client=client, store=EvidenceStore(str(tmp_path / "evidence"))) as made:
        made.place._load = lambda: masker
        yield made
    client.close()


def picture(
    making: Kit, url: str, left_s: float = 60.0, name: str = "camera-1", job_id: UUID | None = None
) -> tuple[str | None, PlaceAbsence | None]:
    """What a probe gets of a stream that it has measured."""
    return making.place.picture(
        PlaceJob(
            job_id=job_id or uuid4(),
            camera=Camera(camera_id=name, url=url),
            address=camera_address(url),
            networks=LOOPBACK,
            stream=StreamFacts(codec="h264", keyframe_interval_s=1.0),
            ends_s=time.monotonic() + left_s,
        )
    )


def stored(making: Kit) -> list[str]:
    assert making.place._store is not None
    return [ref for ref, _ in making.place._store.refs()]


def test_the_picture_shows_the_place_and_neither_what_moves_nor_what_is_private(
    making: Kit, url: str
) -> None:
    result = making.probe.result(job(camera(url, zones=(PRIVATE,)), wants_place_picture=True))
    assert (result.fault, result.place_absence) == (None, None)
    assert result.place_ref is not None
    store = making.place._store
    assert store is not None
    assert stored(making) == [result.place_ref]
    assert store.parts(result.place_ref) == (EvidencePart.PLACE,)
    content = store.get(result.place_ref, EvidencePart.PLACE)
    assert content is not None
    shown_px = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert shown_px is not None
    assert shown_px.shape == (360, 640, 3)
    assert shown_px[:, :150].max() < 12, "black, but for JPEG's rounding"
    shown = shown_px[:, 170:].astype(int)
    assert shown.max() < 160, "the square that walks is bright"
    assert shown[10, 450].mean() > shown[10, 20].mean() + 15, "the slope is there"
    assert making.count("fengsui_place_pictures_total", "stored") == 1


def test_one_a_camera_and_day_whoever_asks(making: Kit, url: str) -> None:
    ref, _ = picture(making, url)
    assert ref is not None
    assert picture(making, url) == (None, PlaceAbsence.DAILY_CAP)
    assert stored(making) == [ref]
    left_s = making.client.ttl(key_of("camera-1"))
    assert DAY_S - 60 < left_s <= DAY_S


def test_a_job_that_a_dead_worker_began_has_its_own_day_and_name_again(
    making: Kit, url: str
) -> None:
    job_id, ref = uuid4(), "r" * 32
    making.client.set(key_of("camera-1"), f"{job_id} {ref}")
    assert picture(making, url, job_id=job_id) == (ref, None)
    assert stored(making) == [ref]


def failing(error: Exception) -> Callable[..., None]:
    def with_regions(*_: object) -> None:
        raise error

    return with_regions


@pytest.mark.parametrize(
    "why", ["no_masker", "masker_failed", "no_frames", "no_stream", "store_failed", "stopped"]
)
def test_whatever_goes_wrong_there_is_no_picture_and_the_day_is_given_back(  # noqa: PLR0917
    making: Kit, url: str, why: str, tmp_path: Path, masker: Detector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    left_s = 60.0
    absence = PlaceAbsence.NO_FRAMES if why == "stopped" else PlaceAbsence(why)
    if why == "no_masker":

        def refused() -> Detector:
            raise PackRefusedError("other weights")

        making.place._load = refused
    elif why == "masker_failed":
        monkeypatch.setattr(masker, "with_regions", failing(DetectorError("not finite")))
    elif why == "no_frames":
        left_s = 1.0
        monkeypatch.setattr(looking, "APART_S", 1.0)
    elif why == "store_failed":
        (tmp_path / "file").write_bytes(b"")
        making.place._store = EvidenceStore(str(tmp_path / "file" / "evidence"))
    elif why == "no_stream":
        opened = looking.Connection
        monkeypatch.setattr(
            looking, "Connection", lambda address, *rest: opened(_elsewhere(address), *rest)
        )
    elif why == "stopped":
        real = masker.with_regions
        monkeypatch.setattr(
            masker, "with_regions", lambda *given: (making.stopping.set(), real(*given))[1]
        )
    assert picture(making, url, left_s) == (None, absence)
    assert making.count("fengsui_place_pictures_total", absence) == 1
    assert making.client.keys("place.picture:*") == []
    assert why == "store_failed" or stored(making) == []


def test_a_probe_whose_picture_fails_in_an_unforeseen_way_still_tells_of_the_stream(
    making: Kit, url: str, masker: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(masker, "with_regions", failing(RuntimeError("computes wrongly")))
    result = making.probe.result(job(camera(url), wants_place_picture=True))
    assert (result.place_ref, result.place_absence) == (None, PlaceAbsence.MASKER_FAILED)
    assert result.stream is not None
    assert result.fault is None


def _elsewhere(address: Address) -> Address:
    return camera_address(address.url.reveal() + "-gone")


def test_without_a_store_or_redis_none_is_made(making: Kit, url: str) -> None:
    making.place._store = None
    assert picture(making, url) == (None, PlaceAbsence.NO_STORE)


def test_several_at_once_share_one_masker(making: Kit, url: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        made = pool.map(lambda n: picture(making, url, name=f"camera-{n}"), range(3))
        refs = {ref for ref, _ in made}
    assert None not in refs
    assert len(refs) == 3


def test_only_a_place_picture_is_written() -> None:
    for other in (b"", np.zeros((2, 2, 3), np.uint8), object.__new__(Evidence)):
        with pytest.raises(TypeError, match="only a PlacePicture"):
            inspect.unwrap(written)(other)  # type: ignore[arg-type]


def test_a_look_is_neither_shown_nor_pickled() -> None:
    batch = np.zeros((1, 288, 512, 3), np.uint8)
    look = PlaceLook(pixels=batch[0], batch=batch, letterbox=fit((512, 288), 288, 512))
    assert repr(look) == "PlaceLook(...)"
    with pytest.raises(TypeError, match="stay in the worker's memory"):
        pickle.dumps(look)
