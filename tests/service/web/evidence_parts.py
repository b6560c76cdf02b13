"""Incidents with pictures, for the console's tests: a real service, Redis, store and browser."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import av
import cv2
import msgspec
import numpy as np
import sqlalchemy as sa
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, expect

from pipelines import streams
from pipelines.evidence_store import EvidenceStore
from pipelines.messages import Alert, EvidenceAbsence, EvidencePart, incident_id
from service import tables
from service.database import Database
from service.settings import ServiceSettings
from tests.service.estate import OWN, camera_row, fill
from tests.service.helpers import alert, at, migrated, settings_for
from tests.service.process import database_of, serving
from tests.service.signing_in import Account, make_account
from tests.support.browser import Faults
from tests.support.redis_server import RedisServer
from vision.arrays import Pixels
from vision.drawing.stills import draw_still
from vision.hazards import Hazard

SIZES = {1920: 1080, 1366: 768, 390: 844}


def just_now_s() -> float:
    """Return an onset a moment ago: the tests' alerts began half an hour before their start."""
    return (datetime.now(UTC) - at(0.0)).total_seconds() - 10.0


COUNT_URLS = """
window.urls = new Set();
const [make, drop] = [URL.createObjectURL, URL.revokeObjectURL];
URL.createObjectURL = (one) => { const url = make(one); window.urls.add(url); return url; };
URL.revokeObjectURL = (url) => { window.urls.delete(url); drop(url); };
"""


@dataclass
class Seen(Faults):
    """Also lets pass what the store and the audit refuse, and the page's own blobs."""

    pictures: list[str] = field(default_factory=list)
    """Every request for a picture, or for the list of them."""

    def _asked(self, request: Request) -> None:
        if "/evidence" in request.url.removeprefix(self.origin):
            self.pictures.append(request.url.removeprefix(self.origin))
        if not request.url.startswith(f"blob:{self.origin}/"):
            super()._asked(request)

    def _said(self, message: ConsoleMessage) -> None:
        if "responded with a status of 503" not in message.text:
            super()._said(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A service that runs, and what stands around it."""

    url: str
    settings: ServiceSettings
    database: Database
    client: streams.Client
    store: EvidenceStore
    directory: Path
    """Of the store."""
    people: dict[str, Account]
    """One of each role that may be at the console."""

    def send(self, one: Alert) -> None:
        streams.add(self.client, streams.alert_stream(one.hazard), one)

    def camera(self, name: str) -> str:
        """Register a camera far from all others, so that none sees the same; returns its id."""
        camera_id = f"cam-{secrets.token_hex(4)}"
        with self.database.writing() as connection:
            counted = sa.select(sa.func.count()).select_from(tables.cameras)
            longitude = 119.0 + 0.05 * connection.execute(counted).scalar_one()
            row = {**camera_row(camera_id, OWN), "name": name, "wgs84_longitude": longitude}
            connection.execute(sa.insert(tables.cameras).values(**row))
        return camera_id

    def pictured(
        self, name: str, *, onset_s: float = 0.0, clip: str = "", hazard: Hazard = Hazard.FIRE
    ) -> Alert:
        """Raise an incident with a still and, asked for, a ``clip`` or a ``strip``."""
        ref = self.picture(clip)
        one = with_ref(alert(onset_s, camera_id=self.camera(name), hazard=hazard), ref)
        self.send(one)
        return one

    def picture(self, clip: str = "") -> str:
        """Put pictures into the store; returns their ref."""
        ref = secrets.token_urlsafe(24)
        self.store.put(ref, EvidencePart.STILL, still())
        if clip == "clip":
            self.store.put(ref, EvidencePart.CLIP, film())
        elif clip == "strip":
            self.store.put(ref, EvidencePart.STRIP, strip())
        return ref

    def audited(self, one: Alert, action: str) -> list[dict[str, Any]]:
        """The rows of the audit about an alert's incident, oldest first."""
        query = (
            sa.select(tables.audit.c.body)
            .where(tables.audit.c.action == action)
            .where(tables.audit.c.object_id == str(incident_id(one.alert_id)))
            .order_by(tables.audit.c.seq)
        )
        with self.database.reading() as connection:
            return [json.loads(body) for body in connection.execute(query).scalars()]

    @contextmanager
    def store_away(self, one: Alert) -> Iterator[None]:
        """Let the store refuse what is asked of an alert's evidence: its folder leads nowhere."""
        folder = self.directory / str(one.evidence_ref)
        aside = folder.rename(self.directory.with_name("aside"))
        folder.symlink_to(folder.name)
        try:
            yield
        finally:
            folder.unlink()
            aside.rename(folder)

    @contextmanager
    def audit_away(self) -> Iterator[None]:
        """Let the audit take no entry."""
        refusal = "BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END"
        self._run(f"CREATE TRIGGER no_audit {refusal}")
        try:
            yield
        finally:
            self._run("DROP TRIGGER no_audit")

    def _run(self, statement: str) -> None:
        with self.database.writing() as connection:
            connection.execute(sa.text(statement))


@contextmanager
def world(directory: Path) -> Iterator[World]:
    store = directory / "evidence"
    with RedisServer() as redis:
        settings = settings_for(redis.url, directory, evidence=str(store))
        with migrated(directory) as database:
            fill(database)
            roles = ("admin", "operator", "viewer")
            people = {role: make_account(database, role, login=role) for role in roles}
        client = streams.connect(redis.url)
        with serving(settings) as url, database_of(settings) as database:
            yield World(
                url=url,
                settings=settings,
                database=database,
                client=client,
                store=EvidenceStore(str(store)),
                directory=store,
                people=people,
            )
        client.close()


@contextmanager
def at_console(
    browser: Browser,
    given: World,
    role: str = "operator",
    *,
    width_px: int = 1366,
    looks: str = "dark-zh",
) -> Iterator[tuple[Page, Seen]]:
    """Give the live page with somebody logged in; at the end nothing forbidden has happened."""
    theme, language = looks.split("-")
    context = browser.new_context(
        viewport={"width": width_px, "height": SIZES[width_px]},
        color_scheme="light" if theme == "light" else "dark",
    )
    context.add_init_script(f"localStorage['fengsui.language'] = '{language}'")
    context.add_init_script(COUNT_URLS)
    page = context.new_page()
    seen = Seen(given.url)
    seen.watch(page)
    page.goto(given.url)
    log_in(page, given.people[role])
    try:
        yield page, seen
    finally:
        context.close()
    seen.none()


def log_in(page: Page, who: Account) -> None:
    page.fill("[name=login]", who.login)
    page.fill("[name=password]", who.password)
    page.press("[name=password]", "Enter")
    expect(page.locator("#link")).to_have_attribute("data-state", "live")


def card(page: Page, name: str) -> Locator:
    """The incident of the camera of this name."""
    return page.locator(".incident").filter(has=page.locator(".where bdi", has_text=name))


def with_ref(one: Alert, ref: str) -> Alert:
    return msgspec.structs.replace(one, evidence_ref=ref, evidence_absent=None)


def without(one: Alert, why: EvidenceAbsence) -> Alert:
    return msgspec.structs.replace(one, evidence_ref=None, evidence_absent=why)


def revised(one: Alert) -> Alert:
    return msgspec.structs.replace(one, revision=one.revision + 1)


def incident_of(one: Alert) -> UUID:
    return incident_id(one.alert_id)


def drawn(seed: int = 7) -> Pixels:
    """A drawn road, mosaic but for a box: as pictures of evidence look."""
    picture, _, _ = draw_still(np.random.default_rng(seed), 360, 640)
    coarse = cv2.resize(picture, (64, 36), interpolation=cv2.INTER_AREA)
    masked = cv2.resize(coarse, (640, 360), interpolation=cv2.INTER_NEAREST)
    masked[120:280, 220:420] = picture[120:280, 220:420]
    return masked


def still() -> bytes:
    return cv2.imencode(".jpg", drawn())[1].tobytes()


def strip() -> bytes:
    return cv2.imencode(".jpg", np.hstack([drawn(seed)[::2, ::2] for seed in (7, 8, 9)]))[
        1
    ].tobytes()


def film() -> bytes:
    file = BytesIO()
    with av.open(file, "w", format="mp4") as made:
        stream = made.add_stream("libx264", rate=5, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number in range(10):
            pixels = np.roll(drawn(), 4 * number, axis=1)
            made.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
        made.mux(stream.encode())
    return file.getvalue()
