"""One healthy webhook beside four sick ones: what they cost its orders.

Fires are confirmed and sent at a rate, first to the healthy target alone, then to all five. Its
delay is the time from the decision until it has the order.
"""

import itertools
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import sqlalchemy as sa

from pipelines import streams
from pipelines.messages import Alert, incident_id
from pipelines.streams import ALERTS_PRIORITY, connect
from service.database import Database
from service.settings import sqlite_url
from service.tables import orders
from tests.chaos.crew import Crew, Got
from tests.chaos.estate import fill, person
from tests.chaos.load import share_of
from tests.chaos.planned import lone_fire
from tests.chaos.saying import say
from tests.chaos.targets_file import Webhook, write_targets
from tests.service.process import ServiceProcess
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

HEALTHY: Final = "healthy"
TIMEOUT_S: Final = 3.0
PER_S: Final = 5.0
ARRIVED_LIMIT_S: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ward:
    """How large a run is."""

    orders: int = 300
    """Decisions of each part."""
    database_url: str | None = None
    """An empty PostgreSQL database; ``None``: SQLite."""


def _always(fault: str) -> Callable[[], str]:
    return lambda: fault


def _every_second(fault: str) -> Callable[[], str]:
    turns = itertools.cycle((fault, ""))
    return lambda: next(turns)


ILL: Final[dict[str, Callable[[], Callable[[], str]]]] = {
    HEALTHY: lambda: _always(""),
    "hangs": lambda: _always("silent before"),
    "lies": lambda: _always("lie"),
    "fails": lambda: _always("500 before"),
    "drops every second": lambda: _every_second("cut before"),
}
"""What is wrong with each target."""

GET_THROUGH: Final = (HEALTHY, "lies", "drops every second")
"""Who gets every order all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What was started."""

    redis_url: str
    """Where alerts go."""
    crews: dict[str, Crew]
    """The targets, by name."""
    database: Database
    """The service's."""
    client: httpx.Client
    """An operator's."""


def run(ward: Ward, folder: Path) -> dict[str, Any]:
    """Run once in an empty folder; return the figures."""
    with ExitStack() as stack:
        there = _started(stack, ward, folder)
        fires = [
            lone_fire(number, datetime.now(UTC) - timedelta(minutes=1))
            for number in range(2 * ward.orders)
        ]
        with closing(connect(there.redis_url)) as alerts:
            for fire in fires:
                streams.add(alerts, ALERTS_PRIORITY, fire)
        until(lambda: _is_there(there.client, fires[-1]), "the last fire", 60)
        say("healthy alone")
        alone = _delays_s(there, fires[: ward.orders], [HEALTHY])
        say("healthy among the sick")
        among = _delays_s(there, fires[ward.orders :], [*ILL])
        until(lambda: not _underway(there.database), "orders that get through", ARRIVED_LIMIT_S)
        states = _states(there.database)
        got = {name: crew.got for name, crew in there.crews.items()}
    return {**_delays(alone, among), **_whereabouts(states, got)}


def is_good(figures: dict[str, Any]) -> bool:
    """Tell whether nothing was lost or doubled, and the healthy target waited for no sick one."""
    slowest_s = figures["among_sick_max_s"]
    waited = slowest_s is None or slowest_s >= TIMEOUT_S
    return not waited and figures["lost"] == figures["twice"] == figures["changed"] == 0


def _started(stack: ExitStack, ward: Ward, folder: Path) -> Running:
    url = ward.database_url or sqlite_url(folder / "fengsui.db")
    (folder / "redis").mkdir()
    redis = stack.enter_context(RedisServer(folder / "redis"))
    crews = {
        name: stack.enter_context(Crew(ill(), silent_s=TIMEOUT_S + 1)) for name, ill in ILL.items()
    }
    targets = write_targets(
        folder,
        [
            Webhook(name=name, url=crew.url, secret=crew.secret, timeout_s=TIMEOUT_S, updates=False)
            for name, crew in crews.items()
        ],
    )
    service = stack.enter_context(
        ServiceProcess(redis.url, folder, "--targets", targets, database_url=url)
    )
    database = stack.enter_context(closing(Database(url)))
    fill(database, 0)
    headers = person(database, "operator").headers
    client = stack.enter_context(
        httpx.Client(base_url=service.url, headers=headers, timeout=15, trust_env=False)
    )
    return Running(redis_url=redis.url, crews=crews, database=database, client=client)


def _delays(alone: list[float], among: list[float]) -> dict[str, Any]:
    return {
        "orders": len(alone) + len(among),
        "alone_p50_s": share_of(alone, 0.5),
        "alone_p95_s": share_of(alone, 0.95),
        "among_sick_p50_s": share_of(among, 0.5),
        "among_sick_p95_s": share_of(among, 0.95),
        "among_sick_max_s": share_of(among, 1.0),
    }


def _whereabouts(states: dict[tuple[str, str], int], got: dict[str, Got]) -> dict[str, Any]:
    sent = {name: states.get((name, "sent"), 0) for name in GET_THROUGH}
    return {
        "lost": sum(max(0, sent[name] - len(got[name].events)) for name in GET_THROUGH),
        "twice": sum(len(one.second_orders()) for one in got.values()),
        "changed": sum(len(one.changed) for one in got.values()),
        "waiting_or_dead": {
            name: sum(states.get((name, state), 0) for state in ("waiting", "dead")) for name in ILL
        },
    }


def _delays_s(there: Running, fires: list[Alert], targets: list[str]) -> list[float]:
    """Decide one after the other; return how long each order took to the healthy target."""
    client, got = there.client, there.crews[HEALTHY].got
    before = len(got.events)
    began_s = time.monotonic()
    for number, fire in enumerate(fires):
        time.sleep(max(0.0, began_s + number / PER_S - time.monotonic()))
        path = f"/api/incidents/{incident_id(fire.alert_id)}"
        version = client.get(path).raise_for_status().json()["version"]
        for action, more in (("confirm", {}), ("dispatch", {"targets": targets})):
            asked = {"action": action, "version": version, **more}
            answer = client.post(f"{path}/actions", json=asked).raise_for_status()
            version = answer.json()["version"]
    until(lambda: len(got.events) >= before + len(fires), "the last order", ARRIVED_LIMIT_S)
    ours = {str(incident_id(fire.alert_id)) for fire in fires}
    return sorted(
        got.at_s[order] - datetime.fromisoformat(event["data"]["decided_at"]).timestamp()
        for order, event in [*got.events.items()]
        if event["data"]["incident_id"] in ours and event["data"]["kind"] == "order"
    )


def _is_there(client: httpx.Client, fire: Alert) -> bool:
    return client.get(f"/api/incidents/{incident_id(fire.alert_id)}").is_success


def _underway(database: Database) -> bool:
    states = _states(database)
    return any(states.get((name, "waiting")) for name in GET_THROUGH)


def _states(database: Database) -> dict[tuple[str, str], int]:
    columns = (orders.c.target, orders.c.state)
    query = sa.select(*columns, sa.func.count()).group_by(*columns)
    with database.reading() as connection:
        return {(target, state): n for target, state, n in connection.execute(query)}
