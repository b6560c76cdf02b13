"""Many live feeds at once: how late events come to them, and what that costs.

``python -m tests.service.feed.crowd`` measures 200 feeds of 20 accounts at 10 events a second.
"""

import argparse
import asyncio
import json
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipelines import streams
from service.database import Database
from service.feed import log
from tests.service.dispatch.answers import incident, now
from tests.service.helpers import alert, settings_for
from tests.service.process import ServiceProcess, database_of
from tests.service.signing_in import make_account, token
from tests.support.redis_server import RedisServer

HISTORY_MB = 12


@dataclass
class Crowd:
    """What some feeds were told, and when."""

    due: dict[str, float] = field(default_factory=dict)
    """When each alert went into Redis, by its camera."""
    late_s: list[float] = field(default_factory=list)
    """How much later each feed heard of each."""
    heard: list[set[str]] = field(default_factory=list)
    """Of which cameras each feed heard."""
    listening: int = 0


def logins(database: Database, accounts: int, feeds_each: int) -> list[str]:
    """Return a token for each feed; each account has some."""
    made = [make_account(database, "admin") for _ in range(accounts)]
    return [token(database, one) for one in made for _ in range(feeds_each)]


@contextmanager
def one_that_reads_nothing(url: str, secret: str, database: Database) -> Iterator[socket.socket]:
    """A feed with more to take than any buffer holds, and whose client takes none of it."""
    about = incident(database)
    with database.writing() as connection:
        for _ in range(HISTORY_MB):
            log.append(connection, log.FeedKind.UPDATED, about, {"pad": "x" * 1_000_000}, now())
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        slow.connect((host, int(port)))
        head = f"GET /api/feed?after=0 HTTP/1.1\r\nHost: {host}\r\n"
        slow.sendall(f"{head}Authorization: Bearer {secret}\r\n\r\n".encode())
        yield slow


async def listen(url: str, secret: str, crowd: Crowd, feed: int) -> None:
    """Be one feed until cancelled."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 20)
    request = (
        f"GET /api/feed HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {secret}\r\n\r\n"
    )
    writer.write(request.encode())
    status = await reader.readline()
    if b" 200 " not in status:
        raise AssertionError(status)
    crowd.listening += 1
    kind = b""
    try:
        while line := await reader.readline():
            if line.startswith(b"event:"):
                kind = line[6:].strip()
            elif line.startswith(b"data:") and kind == b"incident.opened":
                camera = json.loads(line[5:])["camera_id"]
                crowd.late_s.append(time.monotonic() - crowd.due[camera])
                crowd.heard[feed].add(camera)
    finally:
        writer.close()


async def gather(
    url: str, secrets: Sequence[str], client: streams.Client, *, events: int, per_s: float
) -> Crowd:
    """Let all listen while alerts come, and until all have heard of all, or for 10 s more."""
    crowd = Crowd(heard=[set() for _ in secrets])
    feeds = [asyncio.create_task(listen(url, one, crowd, n)) for n, one in enumerate(secrets)]
    await _until(lambda: crowd.listening == len(secrets) or any(one.done() for one in feeds))
    await asyncio.sleep(0.3)
    for number in range(events):
        camera = f"crowd-{number}"
        one = alert(float(number), camera_id=camera)
        crowd.due[camera] = time.monotonic()
        await asyncio.to_thread(streams.add, client, streams.alert_stream(one.hazard), one)
        await asyncio.sleep(1 / per_s)
    await _until(lambda: all(len(one) == events for one in crowd.heard), limit_s=10)
    for listening in feeds:
        listening.cancel()
    for ended in await asyncio.gather(*feeds, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended
    return crowd


async def _until(done: Any, limit_s: float = 30.0) -> None:
    end_s = time.monotonic() + limit_s
    while not done() and time.monotonic() < end_s:  # noqa: ASYNC110 - no event tells
        await asyncio.sleep(0.02)


def share(numbers: Sequence[float], part: float) -> float:
    return sorted(numbers)[max(0, int(part * len(numbers)) - 1)]


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=20)
    parser.add_argument("--feeds-each", type=int, default=10)
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--per-s", type=float, default=10.0)
    given = parser.parse_args()
    with (
        TemporaryDirectory() as folder,
        RedisServer() as redis,
        ServiceProcess(redis.url, Path(folder)) as service,
        database_of(settings_for(redis.url, Path(folder))) as database,
    ):
        secrets = logins(database, given.accounts, given.feeds_each)
        client = streams.connect(redis.url)
        began_s, cpu_s = time.monotonic(), _cpu_s(service.pid)
        crowd = asyncio.run(
            gather(service.url, secrets, client, events=given.events, per_s=given.per_s)
        )
        took_s = time.monotonic() - began_s
        told = {
            "feeds": len(secrets),
            "events": given.events,
            "missed": sum(given.events - len(one) for one in crowd.heard),
            "p50_s": round(share(crowd.late_s, 0.5), 3),
            "p95_s": round(share(crowd.late_s, 0.95), 3),
            "most_s": round(max(crowd.late_s), 3),
            "cores": round((_cpu_s(service.pid) - cpu_s) / took_s, 2),
        }
        print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main()
