"""A hundred thousand incidents of ninety days, and how long their statistics take.

``python -m tests.service.statistics.century`` prints it.
"""

import json
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from service import tables
from service.accounts.principal import Principal
from service.accounts.roles import Role
from service.database import Database
from service.statistics.making import Asked, make
from service.statistics.models import By
from tests.service.estate import OWN, fill
from tests.service.helpers import alert, migrated
from vision.hazards import Hazard

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")


def populate(database: Database, number: int, days: int = 90) -> None:
    chance = random.Random(9)  # noqa: S311 - not for secrets
    places = [OWN, "330109102", "330106", "330106004001"]
    states = ["closed"] * 6 + ["false"] * 3 + ["on_site"]
    some: list[dict[str, object]] = []
    seen: list[dict[str, object]] = []
    late: list[dict[str, object]] = []
    # One after the other, as they happen: so they lie on the disk.
    ago_s = sorted((chance.uniform(0, days * 86400) for _ in range(number)), reverse=True)
    for seconds in ago_s:
        at = NOW - timedelta(seconds=seconds)
        waits = [at + timedelta(seconds=chance.expovariate(1 / mean)) for mean in (30, 90, 200)]
        one, hazard = UUID(int=chance.getrandbits(128)), chance.choice(list(Hazard))
        some.append(
            {
                "incident_id": one, "camera_id": f"camera-{chance.randrange(3000)}",
                "place_code": chance.choice(places), "hazard": hazard, "zone_id": "all",
                "drill": False, "severity": "extreme", "state": chance.choice(states),
                "opened_at": at, "first_seen_at": at, "last_seen_at": at, "waiting_from": at,
                "seen_at": waits[0], "confirmed_at": waits[1], "sent_at": waits[1],
                "reported_at": waits[2], "score": 0.8,
            }
        )  # fmt: skip
        seen.append(
            {
                "alert_id": uuid4(), "incident_id": one, "revision": 1, "camera_id": "c",
                "hazard": hazard, "zone_id": "all", "severity": "extreme", "first_seen_at": at,
                "last_seen_at": at, "score": 0.8, "model": f"pack@{1 + (at > NOW - timedelta(9))}",
                "drill": False, "epoch": 1, "trace_id": alert().trace_id, "received_at": at,
            }
        )  # fmt: skip
        if waits[0] - at > timedelta(seconds=60):
            due = at + timedelta(seconds=60)
            late.append(
                {"incident_id": one, "clock": "seen", "due_at": due, "at": due, "hazard": hazard}
            )
    with database.writing() as connection:
        connection.execute(sa.insert(tables.incidents), some)
        connection.execute(sa.insert(tables.alerts), seen)
        connection.execute(sa.insert(tables.incident_breaches), late)


def somebody(*paths: str) -> Principal:
    return Principal(
        account_id=uuid4(), login="t", role=Role.VIEWER, permissions=frozenset(), paths=paths
    )


def main() -> None:
    with TemporaryDirectory() as folder, migrated(Path(folder)) as database:
        fill(database)
        populate(database, 100_000)
        took = {}
        for who, paths in (("all", ("/0/",)), ("county", ("/0/330100/330106/",))):
            for by in By:
                times = []
                for _ in range(3):
                    began_s = time.process_time()
                    with database.reading() as connection:
                        asked = Asked(
                            first=(NOW - timedelta(days=89)).date(), last=None, place=None, by=by
                        )
                        made = make(connection, somebody(*paths), asked, ZONE, NOW)
                    times.append(time.process_time() - began_s)
                took[f"{who} by {by}"] = round(min(times), 2)
        print(json.dumps({"incidents": made.total.incidents, **took}))  # noqa: T201


if __name__ == "__main__":
    main()
