"""``python -m tests.chaos``: kills, a flood, or sick targets; ends with one line of JSON."""

import argparse
import json
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp
from types import FrameType
from typing import Any

from tests.chaos import campaign, load, sick
from tests.chaos.checking import EXAMPLES
from tests.chaos.saying import say


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _as_interrupt)
    folder = Path(mkdtemp(prefix="chaos-"))
    try:
        figures, is_good = _run(given, folder)
    except BaseException:
        say(f"what they left is in {folder}")
        raise
    if is_good:
        shutil.rmtree(folder)
    else:
        say(f"what they left is in {folder}")
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0 if is_good else 1


def _run(given: argparse.Namespace, folder: Path) -> tuple[dict[str, Any], bool]:
    """Return the figures, and whether they are as promised."""
    url = given.database
    if given.load:
        flood = load.Flood(
            per_s=given.per_s, for_s=given.for_s, fsync=given.fsync, database_url=url
        )
        figures = load.run(flood, folder)
        return figures, load.is_good(flood, figures)
    if given.sick:
        figures = sick.run(sick.Ward(orders=given.orders, database_url=url), folder)
        return figures, sick.is_good(figures)
    size = campaign.Size(
        alerts=given.alerts,
        kills=given.kills,
        seed=given.seed,
        cameras=given.cameras,
        database_url=url,
    )
    verdict = campaign.run(size, folder)
    for figure, found in verdict.faults.items():
        for words in found[:EXAMPLES]:
            say(f"{figure}: {words}")
    return verdict.figures(), verdict.good


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--database", metavar="URL", help="an empty PostgreSQL (usual: SQLite)")
    for name, usual, words in (
        ("alerts", 100_000, "how many"),
        ("kills", 50, "how many kill -9 of workers, service, forwarder and Redis"),
        ("seed", 1, "of what chance does"),
        ("cameras", 48, "registered, a multiple of two"),
        ("per-s", 5000, "of --load: alerts a second"),
        ("for-s", 60, "of --load: seconds"),
        ("orders", 300, "of --sick: decisions of each part"),
    ):
        parser.add_argument(f"--{name}", type=int, default=usual, help=f"{words} ({usual})")
    parser.add_argument(
        "--fsync", choices=("always", "everysec"), default="always", help="of --load: Redis' rule"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--load", action="store_true", help="a flood instead of kills")
    which.add_argument("--sick", action="store_true", help="sick targets beside a healthy one")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
