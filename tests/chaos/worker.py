"""A worker without video: the product's spool and publisher, and alerts by plan.

It writes a byte into its journal once a step's alerts are on its disk, and goes on from there if
it was killed: what it put twice is the same.
"""

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry

from pipelines import logs
from pipelines.metrics import WorkerMetrics
from pipelines.publisher import Publisher
from pipelines.spool import Spool
from pipelines.streams import connect
from tests.chaos.planned import Plan

AHEAD = 2000
"""Unconfirmed revisions in the spool: more would only wait, and a full one might drop."""

JOURNAL, SPOOL = "journal", "spool.db"


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_args(arguments)
    logs.configure()
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    metrics = WorkerMetrics(CollectorRegistry())
    spool = Spool(given.folder / SPOOL, metrics)
    publisher = Publisher(connect(given.redis_url), spool, metrics)
    publisher.start()
    try:
        _raise_alerts(plan_of(given.plan), given, spool, stopping)
        stopping.wait()
    finally:
        publisher.stop()
        spool.close()
    return 0


def plan_of(text: str) -> Plan:
    """Return the plan that ``plan_words`` wrote."""
    words = json.loads(text)
    return Plan(**{**words, "starts_at": datetime.fromisoformat(words["starts_at"])})


def plan_words(plan: Plan) -> str:
    """Return a plan as one argument."""
    names = ("seed", "alerts", "workers", "cameras")
    words = {name: getattr(plan, name) for name in names}
    return json.dumps(words | {"starts_at": plan.starts_at.isoformat()})


def steps_done(folder: Path) -> int:
    """Return how many steps' alerts are on a worker's disk."""
    journal = folder / JOURNAL
    return journal.stat().st_size if journal.exists() else 0


def _raise_alerts(
    plan: Plan, given: argparse.Namespace, spool: Spool, stopping: threading.Event
) -> None:
    journal = os.open(given.folder / JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    pause_s = 1.0 / given.per_s if given.per_s else 0.0
    for number in range(steps_done(given.folder), plan.steps(given.number)):
        while len(spool) > AHEAD and not stopping.wait(0.05):
            pass
        if stopping.wait(pause_s) if pause_s else stopping.is_set():
            break
        for alert in plan.step(given.number, number):
            spool.put(alert)
        os.write(journal, b".")
    os.close(journal)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--redis-url", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--number", type=int, required=True)
    parser.add_argument("--plan", required=True)
    parser.add_argument("--per-s", type=float, default=0.0)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
