"""A camera to draw on, for the console's tests: a real service, Redis, store and browser.

Probes are answered by a stand-in for a worker, and what it calls a place picture is drawn here.
"""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import sqlalchemy as sa
from playwright.sync_api import Browser, Page, expect

from pipelines import streams
from pipelines.evidence_store import EvidenceStore
from pipelines.messages import (
    CameraFigure,
    CameraFigures,
    CameraState,
    EvidencePart,
    ProbeJob,
    WatchState,
    decode,
)
from pipelines.streams import CAMERA_FIGURES, CAMERA_STATES, HEARTBEATS, PROBE_JOBS, PROBE_RESULTS
from service import tables
from service.database import Database
from service.settings import ServiceSettings
from tests.service.estate import OWN, camera_row, fill
from tests.service.helpers import migrated, settings_for
from tests.service.probes.kit import heartbeat, result_of
from tests.service.process import database_of, serving
from tests.service.signing_in import Account, make_account, signed_in
from tests.service.web.evidence_parts import SIZES, Seen
from tests.support.redis_server import RedisServer
from tests.support.waiting import until
from vision.drawing.stills import draw_still

BEAT_S = 0.5
STEP_S = 0.03


@dataclass(kw_only=True)
class StandIn:
    """Lives as a worker, and answers probes."""

    client: streams.Client
    store: EvidenceStore
    findings: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What a probe finds, by camera, where that isn't the usual."""
    jobs: list[ProbeJob] = field(default_factory=list)
    """What was asked for so far."""
    free: threading.Event = field(default_factory=threading.Event)
    """While clear, jobs are left lying."""
    waiting: int = 0
    """Cameras that it has no room for."""
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def working(self) -> Iterator[None]:
        self.free.set()
        thread = threading.Thread(target=self._work)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _work(self) -> None:
        after, beats = "-", 0
        while not self._over.wait(STEP_S):
            if beats % round(BEAT_S / STEP_S) == 0:
                beat = msgspec.structs.replace(heartbeat(), cameras_waiting=self.waiting)
                streams.add(self.client, HEARTBEATS, beat)
            beats += 1
            entries: Any = self.client.xrange(PROBE_JOBS.name, after) if self.free.is_set() else []
            for entry_id, entry in entries:
                after = f"({entry_id.decode()}"
                self._answer(decode(streams.body(entry), ProbeJob))

    def _answer(self, job: ProbeJob) -> None:
        found = dict(self.findings.get(job.camera.camera_id, {}))
        if job.wants_place_picture and "place_absence" not in found:
            ref = secrets.token_urlsafe(24)
            self.store.put(ref, EvidencePart.PLACE, place_picture())
            found["place_ref"] = ref
        streams.add(self.client, PROBE_RESULTS, result_of(job, **found))
        self.jobs.append(job)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A service that runs, and what stands around it."""

    url: str
    settings: ServiceSettings
    database: Database
    client: streams.Client
    worker: StandIn
    admin: Account
    kept: dict[str, Any] = field(default_factory=dict)
    """The browser's storage once somebody has logged in: a login takes as long as a test."""

    def camera(self, name: str, **columns: Any) -> str:
        """Register a camera; returns its id."""
        camera_id = f"cam-{secrets.token_hex(4)}"
        with self.database.writing() as connection:
            row = {**camera_row(camera_id, OWN), "name": name, "sealed_credentials": None}
            connection.execute(sa.insert(tables.cameras).values(**{**row, **columns}))
        return camera_id

    def found(self, camera_id: str) -> dict[str, Any]:
        """Return the camera as the service tells of it."""
        with signed_in(self.url, self.admin) as client:
            found: dict[str, Any] = client.get(f"/api/cameras/{camera_id}").json()
            return found

    def edit(self, camera_id: str, **changes: Any) -> None:
        """Change the camera as somebody else would."""
        with signed_in(self.url, self.admin) as client:
            path = f"/api/cameras/{camera_id}"
            header = {"If-Match": client.get(path).headers["etag"]}
            answer = client.patch(path, json=changes, headers=header)
            assert answer.status_code == 200, answer.text

    def probe(self, *ids: str) -> None:
        """Probe cameras, and wait for what comes of it."""
        with signed_in(self.url, self.admin) as client:
            body = {"selection": {"camera_ids": ids}}
            assert client.post("/api/probes", json=body).status_code == 201
        until(lambda: all(self.found(one)["probe"] for one in ids), "the probes' results")

    def tell(self, camera_id: str, state: WatchState, fault: str | None = None) -> None:
        """Let the worker say how it stands with a camera."""
        message = CameraState(
            camera_id=camera_id, worker_id="worker-1", epoch=heartbeat().epoch, state=state,
            fault=fault, revision=1, at=datetime.now(UTC),
        )  # fmt: skip
        streams.add(self.client, CAMERA_STATES, message)

    def cost(self, camera_id: str, *, looks: int, core_ms: int, received_bytes: int) -> None:
        """Let the worker say what a camera had and cost within a minute."""
        figure = CameraFigure(
            camera_id=camera_id, looks=looks, core_ms=core_ms, received_bytes=received_bytes
        )
        message = CameraFigures(
            worker_id="worker-1", epoch=heartbeat().epoch, at=datetime.now(UTC), over_s=60.0,
            cameras=(figure,),
        )  # fmt: skip
        streams.add(self.client, CAMERA_FIGURES, message)

    def stood(self, camera_id: str, *changes: tuple[float, str, str | None]) -> None:
        """Write into the record how it stood so many days ago."""
        now = datetime.now(UTC)
        with self.database.writing() as connection:
            for days, state, fault in changes:
                connection.execute(
                    sa.insert(tables.camera_health).values(
                        camera_id=camera_id,
                        at=now - timedelta(days=days),
                        worker_id="worker-1",
                        state=state,
                        fault=fault,
                    )
                )


@contextmanager
def world(directory: Path) -> Iterator[World]:
    with RedisServer() as redis:
        settings = settings_for(redis.url, directory)
        with migrated(directory) as database:
            fill(database)
            admin = make_account(database, "admin", login="watch")
        client = streams.connect(redis.url)
        worker = StandIn(client=client, store=EvidenceStore(str(settings.evidence)))
        with serving(settings) as url, database_of(settings) as database, worker.working():
            yield World(
                url=url,
                settings=settings,
                database=database,
                client=client,
                worker=worker,
                admin=admin,
            )
        client.close()


@contextmanager
def at_camera(
    browser: Browser, given: World, path: str, *, width_px: int = 1366, looks: str = "dark-zh"
) -> Iterator[Page]:
    """Give a camera's page with the administrator logged in; a phone has a thumb, no mouse."""
    theme, language = looks.split("-")
    context = browser.new_context(
        viewport={"width": width_px, "height": SIZES[width_px]},
        color_scheme="light" if theme == "light" else "dark",
        has_touch=width_px < 700,
        is_mobile=width_px < 700,
        storage_state=given.kept.get("state"),
    )
    context.add_init_script(f"localStorage['fengsui.language'] = '{language}'")
    page = context.new_page()
    seen = Seen(given.url)
    seen.watch(page)
    page.goto(f"{given.url}/cameras/{path}")
    if not given.kept:
        page.fill("[name=login]", given.admin.login)
        page.fill("[name=password]", given.admin.password)
        page.press("[name=password]", "Enter")
        expect(page.locator("[name=password]")).to_have_count(0)
        given.kept["state"] = context.storage_state()
    expect(page.locator("#main h1")).to_be_visible()
    try:
        yield page
    finally:
        context.close()
    seen.none()


def place_picture(width_px: int = 1280, height_px: int = 720) -> bytes:
    """A drawn road, as JPEG."""
    picture, _, _ = draw_still(np.random.default_rng(7), height_px, width_px)
    return cv2.imencode(".jpg", picture)[1].tobytes()
