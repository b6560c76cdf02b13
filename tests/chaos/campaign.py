"""One run: start everybody, let them work and die, wait until all is done, look what is there."""

import contextlib
import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.streams import DISPATCH
from service.database import Database
from service.settings import sqlite_url
from tests.chaos import centre
from tests.chaos.centre import Answering, Entries, StreamReader
from tests.chaos.checking import CREW, Outside, Verdict, faults
from tests.chaos.crew import Crew, unreliable
from tests.chaos.estate import fill, person
from tests.chaos.killing import Killer
from tests.chaos.operators import Operator
from tests.chaos.planned import Plan
from tests.chaos.processes import Victim, WorkerProcess
from tests.chaos.saying import say
from tests.chaos.targets_file import Webhook, write_targets
from tests.chaos.watching import Watch, looking
from tests.service.process import ServiceProcess
from tests.support.redis_server import RedisServer

FAULT_SHARE = 0.15
"""Of the requests to the crew's webhook."""
TIMEOUT_S = 2.0
DRAINED_LIMIT_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a run is."""

    alerts: int
    """Each with up to three revisions."""
    kills: int
    """Over workers, service, forwarder and Redis."""
    seed: int
    """Of what chance does."""
    workers: int = 2
    """Processes that raise alerts."""
    cameras: int = 48
    """Of all workers together."""
    operators: int = 3
    """People who decide."""
    decisions: int | None = None
    """Dispatches that there must be at least; ``None``: one for fifty alerts."""
    database_url: str | None = None
    """An empty PostgreSQL database; ``None``: SQLite in the run's folder."""

    @property
    def wanted(self) -> int:
        """How many dispatches there must be."""
        return self.alerts // 50 if self.decisions is None else self.decisions


def run(size: Size, folder: Path) -> Verdict:
    """Run once in an empty folder; everything that was started is ended."""
    plan = Plan(
        seed=size.seed,
        alerts=size.alerts,
        workers=size.workers,
        cameras=size.cameras,
        starts_at=datetime.now(UTC),
    )
    began_s = time.monotonic()
    url = size.database_url or sqlite_url(folder / "fengsui.db")
    with ExitStack() as stack:
        redis, services, crew = _started(stack, size, folder, url)
        database = stack.enter_context(contextlib.closing(Database(url)))
        fill(database, size.cameras)
        urls = [service.url for service in services]
        people = _people(database, urls, size, redis.url)
        crew.taken = people.answering.taken
        workers = [
            stack.enter_context(WorkerProcess(plan, number, redis.url, folder / f"worker-{number}"))
            for number in range(size.workers)
        ]
        watch = stack.enter_context(
            looking(Watch(database, plan, workers, people.operators, size.wanted))
        )
        killer = Killer(_victims(redis, services, workers), size.kills, size.seed, watch.progress)
        stack.callback(killer.stop)
        for part in (*people.operators, people.answering, people.reader, killer):
            part.start()
        other = _worked(size, watch, killer, people.operators)
        people.answering.stop()
        people.reader.stop()
        outside = _outside(people, crew, centre.drills_of(redis.url), other)
        _say_what_happened(outside)
    return Verdict(
        alerts=plan.alerts,
        kills=killer.kills,
        seconds=time.monotonic() - began_s,
        faults=faults(url, plan, outside),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _People:
    operators: list[Operator]
    answering: Answering
    reader: StreamReader


def _people(database: Database, urls: list[str], size: Size, redis_url: str) -> _People:
    return _People(
        operators=[
            Operator(person(database, f"operator-{n}"), urls, size.seed, [DISPATCH.name, CREW])
            for n in range(size.operators)
        ],
        answering=Answering(person(database, "crew"), urls, CREW),
        reader=StreamReader(redis_url),
    )


def _outside(people: _People, crew: Crew, drills: Entries, other: list[str]) -> Outside:
    return Outside(
        operators=people.operators,
        crew=crew.got,
        stream=people.reader.entries,
        drills=drills,
        heard=frozenset(people.answering.heard),
        other=[*other, *people.answering.unheard],
    )


def _started(
    stack: ExitStack, size: Size, folder: Path, url: str
) -> tuple[RedisServer, list[ServiceProcess], Crew]:
    (folder / "redis").mkdir()
    redis = stack.enter_context(RedisServer(folder / "redis"))
    crew = stack.enter_context(Crew(unreliable(size.seed, FAULT_SHARE), silent_s=TIMEOUT_S + 1))
    webhook = Webhook(
        name=CREW, url=crew.url, secret=crew.secret, timeout_s=TIMEOUT_S, updates=True
    )
    targets = write_targets(folder, [webhook])
    services = [
        stack.enter_context(
            ServiceProcess(
                redis.url, folder, "--consumer", name, "--targets", targets, database_url=url
            )
        )
        for name in ("service", "forwarder")
    ]
    return redis, services, crew


def _victims(
    redis: RedisServer, services: list[ServiceProcess], workers: list[WorkerProcess]
) -> list[Victim]:
    service, forwarder = services
    return [
        Victim(name="service", kill=lambda: _kill(service), start=service.start),
        Victim(name="forwarder", kill=lambda: _kill(forwarder), start=forwarder.start),
        Victim(name="redis", kill=redis.kill, start=redis.start),
        *(_of_worker(f"worker-{number}", one) for number, one in enumerate(workers)),
    ]


def _kill(service: ServiceProcess) -> None:
    service.end(signal.SIGKILL)


def _of_worker(name: str, worker: WorkerProcess) -> Victim:
    return Victim(name=name, kill=lambda: worker.end(signal.SIGKILL), start=worker.start)


def _worked(size: Size, watch: Watch, killer: Killer, operators: list[Operator]) -> list[str]:
    """Wait until everything is stored, decided and sent; return what didn't come about."""
    missing = []
    limit_s = 600.0 + size.alerts / 20
    decided = watch.until(
        lambda: watch.stored and watch.decided >= size.wanted and killer.done, killer, limit_s
    )
    if not watch.stored:
        missing.append("the alerts were not all stored and confirmed in time")
    if watch.decided < size.wanted:
        missing.append(f"{watch.decided} dispatches, {size.wanted} were to be made")
    if not killer.done:
        missing.append(f"{killer.kills} kills, {size.kills} were to be made")
    say("alerts stored, dispatches made" if decided else "; ".join(missing))
    for operator in operators:
        operator.stop()
    if decided and not watch.until(lambda: watch.sent, killer, DRAINED_LIMIT_S):
        missing.append("orders still wait")
    say("orders sent")
    return missing


def _say_what_happened(outside: Outside) -> None:
    told = [operator.told for operator in outside.operators]
    say(
        f"{sum(sum(one.done.values()) for one in told)} decisions hold, "
        f"{sum(one.faster for one in told)} were too late, "
        f"{sum(one.again for one in told)} questions were asked again; "
        f"{len(outside.stream.by_order)} orders by stream, {len(outside.drills.by_order)} drills', "
        f"{len(outside.crew.events)} by webhook in {sum(outside.crew.times.values())} deliveries, "
        f"{len(outside.heard)} receipts heard by the API"
    )
