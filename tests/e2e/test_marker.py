"""A pattern that a camera shows beside a hazard turns up in nothing that the product wrote or sent.

Everything is gathered (files, Redis, every byte on loopback but the camera's own, logs), everything
in it that is a picture or a clip is decoded, and none of these holds the pattern where it stood.
"""

import base64
import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import redis

from models.packs import load_masker
from pipelines.drills.clip import Clip
from pipelines.drills.encoder import encode
from pipelines.drills.rtsp import Mount
from pipelines.drills.scenes import SCENES, SIZE_PX, Cast, DrillScene
from pipelines.evidence_desk import CLIP_FRAMES
from tests.pipelines.drills.live import served
from tests.service.process import ServiceProcess
from tests.support.canary import everything_in, everything_under
from tests.support.media import REPOSITORY
from tests.support.overheard import Overheard
from tests.support.redis_server import RedisServer
from tests.support.waiting import until
from vision.arrays import Pixels
from vision.drawing.backdrops import Backdrop
from vision.evidence import EvidenceFrame, EvidenceMaker
from vision.hazards import Hazard
from vision.masker import NO_BOXES, MaskRegions

pytestmark = pytest.mark.alone

SIDE_PX, BLOCK_PX = 96, 4
PLACES = ((4, 24), (SIZE_PX[0] - 100, 4), (SIZE_PX[0] - 100, SIZE_PX[1] - 100))
"""Rows and columns, far from the fire: no box of it reaches there."""

PATTERN = (
    np.kron(
        np.random.default_rng(11).integers(0, 2, (SIDE_PX // BLOCK_PX, SIDE_PX // BLOCK_PX)),
        np.ones((BLOCK_PX, BLOCK_PX), np.int64),
    ).astype(np.uint8)
    * 200
    + 20
)

KNOWN = 0.6
"""A camera's own picture correlates with it by .9 and more, a mosaic of 64 cells by .4."""

BARE = 0.95
"""Numbers by chance, hundreds in a row, are never so alike."""

CHUNK = 1 << 20


def marked(scene: DrillScene) -> DrillScene:
    """Return a scene that shows the pattern all the time."""

    def cast(of: DrillScene, backdrop: Backdrop, rng: np.random.Generator) -> Cast:
        played = scene.cast(of, backdrop, rng)
        return replace(played, hazard_above=(*played.hazard_above, paint))

    return replace(scene, cast=cast)


def paint(picture: Pixels, _t_s: float) -> None:
    for row, column in PLACES:
        picture[row : row + SIDE_PX, column : column + SIDE_PX] = PATTERN[:, :, None]


def likeness(picture: Pixels) -> float:
    """Return how much a picture, or a tile of it, looks like the pattern where that stood."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    found = 0.0
    for tiles in (1, 2):
        for part in (
            half for rows in np.array_split(grey, tiles) for half in np.array_split(rows, tiles, 1)
        ):
            whole = cv2.resize(part, SIZE_PX[::-1], interpolation=cv2.INTER_LINEAR).astype(
                np.float32
            )
            for row, column in PLACES:
                about = whole[
                    max(0, row - 6) : row + SIDE_PX + 6, max(0, column - 6) : column + SIDE_PX + 6
                ]
                match = cv2.matchTemplate(about, PATTERN.astype(np.float32), cv2.TM_CCOEFF_NORMED)
                found = max(found, float(np.nan_to_num(match).max()))
    return found


def pictures_in(blob: bytes) -> Iterator[Pixels]:
    """Decode every picture and every clip that begins anywhere in a blob."""
    for start in re.finditer(
        rb"\xff\xd8\xff|\x89PNG\r\n|RIFF....WEBP|BM....\0\0\0\0", blob, re.DOTALL
    ):
        found = cv2.imdecode(np.frombuffer(blob[start.start() :], np.uint8), cv2.IMREAD_COLOR)
        if found is not None:
            yield np.asarray(found)
    begins = [one.start() - 4 for one in re.finditer(rb"ftyp", blob)]
    begins += [one.start() for one in re.finditer(rb"\0\0\0?\x01[\x67\x27]", blob)]
    for begin in begins:
        with (
            contextlib.suppress(av.FFmpegError, ValueError),
            av.open(io.BytesIO(blob[max(0, begin) :]), mode="r") as container,
        ):
            for frame in container.decode(video=0):
                yield frame.to_ndarray(format="bgr24")


def unpacked(blob: bytes) -> Iterator[bytes]:
    """Yield a blob, what is compressed in it, and what stands in it as base64 or hexadecimal."""
    yield blob
    for start in re.finditer(rb"\x1f\x8b\x08|\x78[\x01\x9c\xda]", blob):
        with contextlib.suppress(zlib.error):
            yield zlib.decompressobj(47).decompress(blob[start.start() :])
    for text in re.findall(rb"[A-Za-z0-9+/_-]{400,}", blob):
        plain = text.replace(b"-", b"+").replace(b"_", b"/")
        with contextlib.suppress(ValueError):
            yield base64.b64decode(plain + b"=" * (-len(plain) % 4))
        if re.fullmatch(rb"[0-9a-fA-F]+", text):
            yield bytes.fromhex(text[: len(text) // 2 * 2].decode())


def bare(blob: bytes) -> bool:
    """Say whether a row of the pattern stands in a blob as plain numbers, in grey or in colour."""
    row = PATTERN[SIDE_PX // 2]
    for template in (row, np.repeat(row, 3)):
        for start in range(0, len(blob), CHUNK):
            piece = np.frombuffer(blob[start : start + CHUNK + len(template)], np.uint8)[None]
            if piece.shape[1] < len(template):
                continue
            match = cv2.matchTemplate(piece, template[None], cv2.TM_CCOEFF_NORMED)
            if np.nan_to_num(match).max() > BARE:
                return True
    return False


def search(blobs: Iterable[tuple[str, bytes]]) -> tuple[int, list[str]]:
    """Return how many pictures there are, and where one shows the pattern."""
    count, shown = 0, []
    for name, blob in blobs:
        for plain in unpacked(blob):
            if bare(plain):
                shown.append(f"{name}: bare")
            for picture in pictures_in(plain):
                count += 1
                if (alike := likeness(picture)) > KNOWN:
                    shown.append(f"{name}: {alike:.2f}")
    return count, shown


@pytest.fixture(scope="module")
def clip() -> Clip:
    scene = replace(SCENES["street_fire"], loop_s=40.0, onset_s=6.0, clear_s=36.0)
    return encode(marked(scene), lambda _done, _of: None)


@contextlib.contextmanager
def worker(directory: Path, redis_url: str, camera_url: str) -> Iterator[None]:
    cameras = directory / "cameras.toml"
    cameras.write_text(f'[[cameras]]\ncamera_id = "gate"\nurl = "{camera_url}"\n')
    command: list[str | Path] = [Path(sys.executable).parent / "fengsui", "worker", "--id", "w-1"]
    command += ["--cameras", cameras, "--networks", "127.0.0.0/8", "--metrics-port", "0"]
    command += ["--spool", directory / "spool", "--evidence", directory / "evidence"]
    with (directory / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env={**os.environ, "FENGSUI_REDIS_URL": redis_url},
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def test_what_stands_beside_the_hazard_is_in_nothing_that_is_written_or_sent(
    clip: Clip, tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("listening on loopback needs root")
    with (
        Overheard() as overheard,
        served([Mount(name="gate", clip=clip)]) as (_, port),
        RedisServer() as server,
        ServiceProcess(server.url, tmp_path) as service,
        worker(tmp_path, server.url, f"rtsp://127.0.0.1:{port}/gate"),
    ):

        def evidence() -> list[str]:
            for incident in service.get("/api/incidents")["incidents"]:
                if incident["hazard"] == "fire":
                    found = service.get(f"/api/incidents/{incident['incident_id']}/evidence")
                    for one in found["evidence"]:
                        if {"still.jpg", "clip.mp4"} <= set(one["parts"]):
                            return [f"{one['ref']}/{part}" for part in one["parts"]]
            return []

        until(lambda: bool(evidence()), "a still and a clip", limit_s=90)
        for path in evidence():
            service.ask(f"/api/evidence/{path}?why=verify").raise_for_status()
        with redis.Redis.from_url(server.url) as client:
            told = list(everything_in(client))
    count, shown = search([*told, *everything_under(tmp_path), *overheard.said(but_from=port)])
    assert not shown
    # Each of both in the store, and sent by the service: whoever looks does see them.
    assert count >= 2 * (1 + CLIP_FRAMES)


def test_the_search_finds_the_pattern_wherever_it_is(clip: Clip) -> None:
    stage = marked(SCENES["street_fire"]).stage()
    picture = stage.frame(1.0)
    _, small = cv2.imencode(".jpg", cv2.resize(picture, (320, 180)))
    _, large = cv2.imencode(".png", picture)
    stream = b"".join(unit.data for unit in clip.units[:20])
    for blob in (
        b"head" + small.tobytes() + b"tail",
        large.tobytes(),
        zlib.compress(small.tobytes()),
        b'{"picture": "' + base64.b64encode(small.tobytes()) + b'"}',
        small.tobytes().hex().encode(),
        stream,
        picture.tobytes(),
    ):
        assert search([("blob", blob)])[1], blob[:20]
    assert not search([("nothing", b"no picture at all")])[1]


def test_a_mosaic_of_the_pattern_is_not_taken_for_it() -> None:
    stage = marked(SCENES["street_fire"]).stage()
    nobody = MaskRegions(np.zeros(0, np.int64), NO_BOXES)
    frame = EvidenceFrame(
        pixels=stage.frame(20.0), regions=nobody, picture=0, vehicles=NO_BOXES, at_s=0.0
    )
    made = EvidenceMaker(load_masker(covering=True)).still(
        [frame], (0.4, 0.4, 0.6, 0.6), Hazard.FIRE
    )
    assert likeness(next(made.pictures())) < KNOWN - 0.1
