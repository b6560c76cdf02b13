"""A tree of five levels, incidents that wait, rosters, and a watcher in the test's own time."""

import threading
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from prometheus_client import CollectorRegistry

from service import tables
from service.database import Database
from service.duty.watching import ClockWatcher
from service.incidents import changing
from service.incidents.history import Step
from service.incidents.lifecycle import StepKind
from service.metrics import ServiceMetrics
from tests.service.estate import OWN, fill

VILLAGE, CELL = "330106004001", "33010600400101"
COUNTY, CITY = "330106", "330100"
START = datetime(2026, 5, 4, 2, 0, tzinfo=UTC)
"""A Monday, 10 o'clock in Shanghai."""

EVERY_DAY = [1, 2, 3, 4, 5, 6, 7]


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@dataclass
class World:
    """A filled database and a watcher that looks when it is told to."""

    database: Database
    now: datetime = START
    metrics: ServiceMetrics = field(default_factory=lambda: ServiceMetrics(CollectorRegistry()))
    told: int = 0
    timezone: str = "Asia/Shanghai"

    def __post_init__(self) -> None:
        fill(self.database)
        path = f"/0/{CITY}/{COUNTY}/{OWN}/{VILLAGE}/"
        with self.database.writing() as connection:
            # The estate's own things are over.
            connection.execute(sa.update(tables.incidents).values(state="closed"))
            connection.execute(sa.delete(tables.handovers))
            for code, parent, level, here in (
                (VILLAGE, OWN, "village", path),
                (CELL, VILLAGE, "cell", f"{path}{CELL}/"),
            ):
                row = {"code": code, "parent_code": parent, "level": level, "path": here}
                connection.execute(sa.insert(tables.places).values(**row, name=f"{level} {code}"))
        self.watcher = self.another()

    def another(self, database: Database | None = None) -> ClockWatcher:
        """A replica's."""
        return ClockWatcher(
            database=database or self.database,
            metrics=self.metrics,
            stopping=threading.Event(),
            clock=lambda: self.now,
            zone=ZoneInfo(self.timezone),
            committed=self._committed,
        )

    def _committed(self) -> None:
        self.told += 1

    def look(self, seconds: float) -> int:
        """Look at all that is due so many seconds after the start; returns how many that was."""
        self.now = after(seconds)
        self.watcher.follow_rules()
        looked = 0
        while some := self.watcher.look_once():
            looked += some
        return looked

    def opened(self, seconds: float = 0.0, *, place: str | None = CELL, **changes: Any) -> UUID:
        """An incident that waits from then on."""
        incident_id, moment = uuid4(), after(seconds)
        values = {
            "incident_id": incident_id,
            "camera_id": "camera-1",
            "place_code": place,
            "hazard": "fire",
            "zone_id": "all",
            "drill": False,
            "severity": "extreme",
            "state": "new",
            "opened_at": moment,
            "first_seen_at": moment,
            "last_seen_at": moment,
            "waiting_from": moment,
            "due_at": moment,
            "score": 0.8,
            **changes,
        }
        with self.database.writing() as connection:
            connection.execute(sa.insert(tables.incidents).values(**values))
        return incident_id

    def take(self, incident_id: UUID, kind: StepKind, seconds: float, **more: Any) -> None:
        step = Step(kind=kind, **{"actor": "li.wei", "at": after(seconds), **more})
        with self.database.writing() as connection:
            changing.take(connection, incident_id, step)

    def row(self, incident_id: UUID) -> dict[str, Any]:
        with self.database.reading() as connection:
            return dict(changing.existing(connection, incident_id))

    def rows(self, table: sa.Table, *order: str) -> list[dict[str, Any]]:
        query = sa.select(table).order_by(*(table.c[name] for name in order))
        with self.database.reading() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def steps(self, kind: StepKind) -> list[dict[str, Any]]:
        found = self.rows(tables.incident_steps, "id")
        return [one for one in found if one["action"] == kind.value]

    def breaches(self) -> list[tuple[str, datetime]]:
        found = self.rows(tables.incident_breaches, "incident_id", "due_at")
        return [(one["clock"], one["due_at"]) for one in found]

    def levels(self) -> list[str]:
        """The levels that were told, in their order."""
        return [one["detail"]["level"] for one in self.steps(StepKind.ESCALATED)]

    def add_shift(self, place: str, **changes: Any) -> None:
        values = {
            "shift_id": uuid4(),
            "place_code": place,
            "account_id": None,
            "name": "王芳",
            "number": "13800000000",
            "weekdays": EVERY_DAY,
            "from_minute": 0,
            "to_minute": 1440,
            "updated_at": START,
            "updated_by": "test",
            **changes,
        }
        with self.database.writing() as connection:
            connection.execute(sa.insert(tables.duty_shifts).values(**values))

    def add_rule(self, **changes: Any) -> None:
        values = {
            "rule_id": uuid4(),
            "hazard": None,
            "place_code": None,
            "seen_s": None,
            "sent_s": None,
            "report_s": None,
            "updated_at": self.now,
            "updated_by": "test",
            **changes,
        }
        with self.database.writing() as connection:
            connection.execute(sa.insert(tables.clock_rules).values(**values))

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


def at_night(**changes: Any) -> dict[str, Any]:
    """A shift that nobody of is there at ``START``."""
    return {"from_minute": 1200, "to_minute": 360, **changes}


LAST_YEAR = date(2025, 12, 31)
