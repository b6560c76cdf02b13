"""Cameras to be probed, and a stand-in for workers: it reads the jobs and writes results."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from pipelines import streams
from pipelines.messages import Heartbeat, ProbeJob, ProbeResult, StreamFacts, decode
from pipelines.streams import HEARTBEATS, PROBE_JOBS, PROBE_RESULTS
from service import tables
from service.accounts.principal import ROOT_PATH, Principal
from service.accounts.roles import PERMISSIONS, Role
from service.intake import Intake
from service.probes import store
from service.probes.dispatcher import ProbeDispatcher
from service.probes.results import ResultKeeper
from service.probes.store import Asking
from tests.service.cameras.kit import HERE
from tests.service.estate import camera_row
from tests.service.helpers import Parts

LIVE = {"worker-1": 1}

ADMIN = Principal(
    account_id=uuid4(),
    login="integrator",
    role=Role.ADMIN,
    permissions=PERMISSIONS[Role.ADMIN],
    paths=(ROOT_PATH,),
)


def add_cameras(
    given: Parts, count: int, code: str = HERE, *, a_subnet: int = 1, **changes: Any
) -> list[str]:
    """Register cameras in the order of their ids, so many in each /24."""
    rows = [
        {
            **camera_row(f"{number:06}-{uuid4()}", code),
            "main_url": address(number // a_subnet, number % a_subnet),
            "sub_url": None,
            "sealed_credentials": None,
            "upstream": None,
            **changes,
        }
        for number in range(count)
    ]
    with given.database.writing() as connection:
        connection.execute(sa.insert(tables.cameras), rows)
    return [str(row["camera_id"]) for row in rows]


def address(subnet: int, number: int = 0) -> str:
    return f"rtsp://10.{subnet // 250}.{subnet % 250}.{number + 1}/main"


def asked(
    given: Parts, ids: list[str], *, place_pictures: bool = False, at: datetime | None = None
) -> UUID:
    """Put cameras into the queue; returns the batch."""
    asking = Asking(
        batch_id=uuid4(),
        asked_by="integrator",
        asked_at=at or datetime.now(UTC),
        place_pictures=place_pictures,
    )
    with given.database.writing() as connection:
        store.ask(connection, ADMIN, ids, asking, first=0, without_picture=())
    return asking.batch_id


def dispatcher(given: Parts, live: dict[str, int] | None = None, **limits: int) -> ProbeDispatcher:
    return ProbeDispatcher(
        client=given.client,
        database=given.database,
        settings=replace(given.settings, **limits),
        metrics=given.metrics,
        live_workers=lambda: LIVE if live is None else live,
    )


def consumer(given: Parts) -> Intake:
    return Intake(
        PROBE_RESULTS,
        ResultKeeper(given.metrics),
        client=given.client,
        database=given.database,
        settings=given.settings,
        metrics=given.metrics,
    )


def jobs(given: Parts) -> list[ProbeJob]:
    entries: Any = given.client.xrange(PROBE_JOBS.name)
    return [decode(streams.body(entry), ProbeJob) for _, entry in entries]


def result_of(job: ProbeJob, **changes: Any) -> ProbeResult:
    return ProbeResult(
        **{
            "job_id": job.job_id,
            "camera_id": job.camera.camera_id,
            "worker_id": "worker-1",
            "finished_at": datetime.now(UTC),
            "stream": StreamFacts(codec="h264", width_px=1920, height_px=1080),
            **changes,
        }
    )


def answer(given: Parts, *results: ProbeResult) -> None:
    for one in results:
        streams.add(given.client, PROBE_RESULTS, one)


def beat(given: Parts) -> None:
    """Let a worker be heard."""
    streams.add(given.client, HEARTBEATS, heartbeat())


def heartbeat() -> Heartbeat:
    return Heartbeat(
        worker_id="worker-1",
        epoch=1,
        at=datetime.now(UTC),
        cameras=0,
        cameras_connected=0,
        cameras_waiting=0,
        frames_received=0,
        frames_decoded=0,
        frames_analysed=0,
        drops={},
        alerts=0,
        spool_entries=0,
    )


def states(given: Parts) -> dict[str, int]:
    """How many probes are in which state."""
    found: dict[str, int] = {}
    for row in given.rows(tables.probes):
        found[row["state"]] = found.get(row["state"], 0) + 1
    return found


def set_all(given: Parts, **values: Any) -> None:
    """Change all probes behind everybody's back."""
    with given.database.writing() as connection:
        connection.execute(sa.update(tables.probes).values(**values))
