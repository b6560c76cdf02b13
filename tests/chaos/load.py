"""A flood: thousands of alerts a second into Redis, while fires must still reach people in time.

The flood is vehicles and camera faults. Fires trickle in meanwhile, and until the backlog is
done; each is timed from before it is written to Redis until an operator's feed shows it.
"""

import json
import math
import statistics
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx
import redis
import sqlalchemy as sa

from pipelines import streams
from pipelines.messages import Confirmation, decode, incident_id
from pipelines.streams import ALERTS, ALERTS_CONFIRMED, ALERTS_PRIORITY, connect
from service.database import Database
from service.settings import sqlite_url
from service.tables import alerts
from tests.chaos.estate import fill
from tests.chaos.flooder import flood_alert
from tests.chaos.planned import lone_fire
from tests.chaos.saying import say
from tests.service.process import ROOT, ServiceProcess
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

PUBLISHERS: Final = 2
"""Of the flood: one that waits for the disk doesn't keep the others waiting."""
FIRES_PER_S: Final = 5.0
FEED_LIMIT_S: Final = 30.0
"""A fire that the feed hasn't shown by then never came."""
PRIORITY_P95_LIMIT_S: Final = 1.0
"""What the product promises of fires while the flood comes in."""
BEFORE: Final = timedelta(hours=4)
"""Where the flood's events lie; the fires' are now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """How large it is."""

    per_s: int = 5000
    """Alerts offered a second."""
    for_s: int = 60
    """For how long."""
    cameras: int = 2000
    """Registered; the flood is shared among them."""
    fsync: str = "always"
    """Redis' ``appendfsync``."""
    drained_limit_s: float = 3600.0
    """How long the backlog may take."""
    database_url: str | None = None
    """An empty PostgreSQL database; ``None``: SQLite."""

    @property
    def alerts(self) -> int:
        """How many in all."""
        return self.per_s * self.for_s


@dataclass(slots=True, kw_only=True)
class Fires:
    """Priority alerts, when they were published and when they were seen."""

    published_s: dict[str, float] = field(default_factory=dict)
    """By the incident that each opens; monotonic."""
    seen_s: dict[str, float] = field(default_factory=dict)
    """When the feed showed it."""

    def delays_s(self, until_s: float) -> list[float]:
        """Return the delays of those published by then, sorted; one never seen took for ever."""
        return sorted(
            self.seen_s.get(one, float("inf")) - at_s
            for one, at_s in self.published_s.items()
            if at_s <= until_s
        )


def run(flood: Flood, folder: Path) -> dict[str, Any]:
    """Run once in an empty folder; return the figures."""
    url = flood.database_url or sqlite_url(folder / "fengsui.db")
    starts_at = datetime.now(UTC) - BEFORE
    fires, stopping = Fires(), threading.Event()
    with ExitStack() as stack:
        (folder / "redis").mkdir()
        server = stack.enter_context(RedisServer(folder / "redis", fsync=flood.fsync))
        service = stack.enter_context(ServiceProcess(server.url, folder, database_url=url))
        database = stack.enter_context(closing(Database(url)))
        fill(database, flood.cameras)
        client = stack.enter_context(closing(connect(server.url)))
        confirmed = Confirmed(server.url, stopping)
        parts = _listening(service, server.url, fires, stopping)
        for part in (*parts, confirmed.thread):
            part.start()
        said = _flooded(flood, server.url, starts_at)
        ended_s = time.monotonic()
        say(f"persisted {said['persisted']} in {said['seconds']:.1f} s; the backlog is worked off")
        until(lambda: _drained(client), "the end of the backlog", flood.drained_limit_s)
        said["drained_s"] = time.monotonic() - ended_s
        stopping.set()
        for part in parts:
            part.join(FEED_LIMIT_S + 5)
        until(lambda: confirmed.all_of(said["persisted"] + len(fires.published_s)), "confirming")
        confirmed.thread.join(10)
        lost = _lost(database, flood, starts_at)
    said |= {"confirmed": confirmed.flood, "lost": lost}
    return _figures(flood, said, fires.delays_s(ended_s), fires.delays_s(float("inf")))


def is_good(flood: Flood, figures: dict[str, Any]) -> bool:
    """Tell whether all was persisted, nothing lost, and fires reached people in time."""
    p95_s = figures["priority_p95_s"]
    in_time = p95_s is not None and p95_s < PRIORITY_P95_LIMIT_S
    return in_time and figures["lost"] == 0 and figures["persisted"] == flood.alerts


def _listening(
    service: ServiceProcess, redis_url: str, fires: Fires, stopping: threading.Event
) -> list[threading.Thread]:
    """Return threads that raise fires, and that see them in the feed from now on."""
    after = str(service.get("/api/incidents?limit=1")["feed_cursor"])
    return [
        threading.Thread(target=_follow, args=(service, after, fires, stopping), daemon=True),
        threading.Thread(target=_trickle, args=(redis_url, fires, stopping), daemon=True),
    ]


def _figures(
    flood: Flood, said: dict[str, Any], during: list[float], whole: list[float]
) -> dict[str, Any]:
    return {
        "offered_per_s": flood.per_s,
        "persisted": said["persisted"],
        "seconds": round(said["seconds"], 1),
        "backlog_drained_s": round(said["drained_s"], 1),
        "confirmed": said["confirmed"],
        "priority_p95_s": share_of(during, 0.95),
        "lost": said["lost"] + sum(delay == float("inf") for delay in whole),
        "priority": len(whole),
        "priority_p50_s": share_of(during, 0.5),
        "priority_max_s": share_of(during, 1.0),
        "priority_p95_until_drained_s": share_of(whole, 0.95),
        "slowest_write_s": round(said["slowest_s"], 3),
        "fsync": flood.fsync,
    }


class Confirmed:
    """Counts the alerts that the service confirmed, as a worker's publisher would hear of them."""

    def __init__(self, redis_url: str, stopping: threading.Event) -> None:
        self._url, self._stopping = redis_url, stopping
        self._known: set[UUID] = set()
        self.thread = threading.Thread(target=self._run, name="confirmed", daemon=True)
        self.flood = 0
        """How many."""

    def all_of(self, number: int) -> bool:
        """Tell whether so many have come."""
        self.flood = len(self._known)
        return self.flood >= number

    def _run(self) -> None:
        position: Any = "0"
        with closing(connect(self._url)) as client:
            while True:
                reply: Any = client.xread({ALERTS_CONFIRMED.name: position}, count=1000, block=500)
                for _, entries in reply or []:
                    position = entries[-1][0]
                    self._known.update(
                        decode(streams.body(entry), Confirmation).alert_id for _, entry in entries
                    )
                if self._stopping.is_set() and not reply:
                    return


def _flooded(flood: Flood, redis_url: str, starts_at: datetime) -> dict[str, Any]:
    """Let all publishers run; return what they said together."""
    words = ["--redis-url", redis_url, "--alerts", str(flood.alerts), "--per-s", str(flood.per_s)]
    words += ["--cameras", str(flood.cameras), "--starts-at", starts_at.isoformat()]
    command = [sys.executable, "-m", "tests.chaos.flooder", *words, "--parts", str(PUBLISHERS)]
    with ExitStack() as stack:
        publishers = [
            stack.enter_context(
                subprocess.Popen([*command, "--part", str(n)], cwd=ROOT, stdout=subprocess.PIPE)
            )
            for n in range(PUBLISHERS)
        ]
        for publisher in publishers:
            stack.callback(publisher.kill)
        limit_s = 10 * flood.for_s + 60
        said = [json.loads(one.communicate(timeout=limit_s)[0]) for one in publishers]
    return {
        "persisted": sum(one["persisted"] for one in said),
        "seconds": max(one["seconds"] for one in said),
        "slowest_s": max(one["slowest_s"] for one in said),
    }


def _trickle(redis_url: str, fires: Fires, stopping: threading.Event) -> None:
    with closing(connect(redis_url)) as client:
        number = 0
        while not stopping.wait(1.0 / FIRES_PER_S):
            fire = lone_fire(number, datetime.now(UTC))
            fires.published_s[str(incident_id(fire.alert_id))] = time.monotonic()
            streams.add(client, ALERTS_PRIORITY, fire)
            number += 1


def _follow(service: ServiceProcess, after: str, fires: Fires, stopping: threading.Event) -> None:
    """Read the feed as an operator's page does, until it has shown every fire."""
    headers = {**service.headers, "Last-Event-ID": after}
    ends_s = float("inf")
    with httpx.stream("GET", f"{service.url}/api/feed", headers=headers, timeout=20) as response:
        kind = ""
        for line in response.iter_lines():
            now_s = time.monotonic()
            if line.startswith("event: "):
                kind = line[7:]
            elif kind == "incident.opened" and line.startswith("data: ") and '"fire"' in line:
                fires.seen_s.setdefault(json.loads(line[6:])["incident_id"], now_s)
            if stopping.is_set():
                ends_s = min(ends_s, now_s + FEED_LIMIT_S)
                if now_s > ends_s or len(fires.seen_s) >= len(fires.published_s):
                    return


def _drained(client: redis.Redis) -> bool:
    info: Any = client.xinfo_groups(ALERTS.name)
    newest: Any = client.xrevrange(ALERTS.name, count=1)
    at_end = not newest or info[0]["last-delivered-id"] == newest[0][0]
    return bool(at_end and info[0]["pending"] == 0)


def _lost(database: Database, flood: Flood, starts_at: datetime) -> int:
    with database.reading() as connection:
        known = set(connection.execute(sa.select(alerts.c.alert_id)).scalars())
    wanted = (flood_alert(n, flood.cameras, starts_at).alert_id for n in range(flood.alerts))
    return sum(one not in known for one in wanted)


def share_of(delays_s: list[float], share: float) -> float | None:
    """Return the delay that a share of them, sorted, doesn't pass; None of none, or for ever."""
    if not delays_s:
        return None
    found_s = delays_s[-1]
    if len(delays_s) > 1 and share < 1.0:
        found_s = statistics.quantiles(delays_s, n=100, method="inclusive")[int(share * 100) - 1]
    return round(found_s, 3) if math.isfinite(found_s) else None
