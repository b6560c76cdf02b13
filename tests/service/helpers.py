"""What the service's tests share: alerts, a database, the parts around a real Redis."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import sqlalchemy as sa
from prometheus_client import CollectorRegistry

from pipelines import streams
from pipelines.messages import Alert, AlertDetail, EvidenceAbsence, alert_id, decode
from pipelines.streams import connect
from service.database import Database, migrate
from service.dispatch.outbox import Outbox
from service.dispatch.targets import TargetBook
from service.incidents.consumer import AlertConsumer
from service.metrics import ServiceMetrics
from service.settings import ServiceSettings, sqlite_url
from vision.hazards import SEVERITY, Hazard

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)
"""The tests' events happened around this moment: in the past, so that none is refused."""

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For a test in whose fact the kind of database has no part."""


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def alert(
    onset_s: float = 0.0,
    *,
    seen_s: float | None = None,
    ended: bool = False,
    revision: int = 1,
    camera_id: str = "camera-1",
    hazard: Hazard = Hazard.FIRE,
    zone_id: str = "all",
    drill: bool = False,
    score: float = 0.8,
    detail: AlertDetail | None = None,
    evidence_ref: str | None = None,
    evidence_absent: EvidenceAbsence = EvidenceAbsence.NO_MASKER,
) -> Alert:
    last = at(onset_s if seen_s is None else seen_s)
    return Alert(
        alert_id=alert_id(camera_id, hazard, zone_id, at(onset_s)),
        revision=revision,
        camera_id=camera_id,
        hazard=hazard,
        zone_id=zone_id,
        severity=SEVERITY[hazard],
        first_seen_at=at(onset_s),
        last_seen_at=last,
        ended_at=last if ended else None,
        score=score,
        box=(0.1, 0.2, 0.3, 0.4),
        detail=detail,
        model="test@1",
        evidence_ref=evidence_ref,
        evidence_absent=None if evidence_ref else evidence_absent,
        drill=drill,
        epoch=1,
        trace_id="0" * 32,
    )


def settings_for(redis_url: str, directory: Path, **changes: Any) -> ServiceSettings:
    """Impatient ones."""
    settings = ServiceSettings(
        redis_url=redis_url,
        database_url=sqlite_url(directory / "fengsui.db"),
        audit_heads=directory / "audit-heads.log",
        worker_key=directory / "worker.key.pub",
        evidence=str(directory / "evidence"),
        evidence_every_s=0.2,  # with 0.05, looking took a tenth of these tests
        port=0,
        block_s=0.05,
        claim_idle_s=0.2,
        watch_every_s=0.05,
        trim_every_s=0.5,  # with 0.1, too
        retry_floor_s=0.02,
        retry_ceiling_s=0.1,
        order_retry_floor_s=0.02,
        order_retry_ceiling_s=0.1,
        breaker_open_s=0.2,
    )
    return replace(settings, **changes)


@cache
def template() -> bytes:
    """A migrated, empty database: migrating takes longer than most tests."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        with opened(sqlite_url(path)) as database:
            migrate(database.engine)
        return path.read_bytes()


def sqlite_copy(directory: Path) -> str:
    """The address of a new migrated, empty SQLite database."""
    path = directory / "fengsui.db"
    path.write_bytes(template())
    return sqlite_url(path)


@contextmanager
def opened(url: str) -> Iterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        database.close()


def migrated(directory: Path) -> AbstractContextManager[Database]:
    """One on SQLite, for what has nothing to do with the kind of database."""
    return opened(sqlite_copy(directory))


@dataclass
class Parts:
    """The consumer and outbox, to be stepped by hand."""

    settings: ServiceSettings
    database: Database
    client: streams.Client
    metrics: ServiceMetrics
    consumer: AlertConsumer
    book: TargetBook
    outbox: Outbox

    def send(self, *alerts: Alert) -> None:
        for one in alerts:
            streams.add(self.client, streams.alert_stream(one.hazard), one)

    def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        with self.database.reading() as connection:
            return [dict(row) for row in connection.execute(sa.select(table)).mappings()]

    def orders_sent(self) -> list[Any]:
        return drill_orders(self.client)

    def forward(self) -> None:
        send_due(self.outbox)

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    def pending(self, stream: streams.Stream) -> int:
        return int(self.client.xpending(stream.name, str(stream.group))["pending"])


@contextmanager
def parts(settings: ServiceSettings) -> Iterator[Parts]:
    client = connect(settings.redis_url)
    metrics = ServiceMetrics(CollectorRegistry())
    try:
        with opened(settings.database_url) as database:
            book = TargetBook(None, client=client, metrics=metrics)
            yield Parts(
                settings=settings,
                database=database,
                client=client,
                metrics=metrics,
                consumer=AlertConsumer(
                    client=client,
                    database=database,
                    settings=settings,
                    metrics=metrics,
                    book=book,
                    committed=lambda: None,
                ),
                book=book,
                outbox=Outbox(
                    database=database,
                    settings=settings,
                    metrics=metrics,
                    book=book,
                    committed=lambda: None,
                ),
            )
    finally:
        client.close()


def send_due(outbox: Outbox) -> None:
    """Let an outbox do what its threads do: send all that is due now, here and one by one."""
    outbox._start()
    names = outbox._parts["book"].names()
    for name in names:
        outbox._sender(name).send_due()
    outbox._keeper.count(names)


def drill_orders(client: streams.Client) -> list[Any]:
    stream = streams.DISPATCH_DRILL
    return [decode(streams.body(entry), stream.message) for _, entry in client.xrange(stream.name)]


def confirmed(client: streams.Client) -> list[tuple[str, int]]:
    stream = streams.ALERTS_CONFIRMED
    notes: list[Any] = [
        decode(streams.body(entry), stream.message) for _, entry in client.xrange(stream.name)
    ]
    return [(str(note.alert_id), note.revision) for note in notes]
