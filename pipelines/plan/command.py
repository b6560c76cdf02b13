"""``fengsui plan``: what an estate of so many channels needs."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pipelines.bench.kinds import SIZES
from pipelines.plan import text
from pipelines.plan.arithmetic import Estate, Server, at_sizes, need
from pipelines.plan.asked import asked
from pipelines.plan.faults import PlanError, shown
from pipelines.plan.figures import SHIPPED, read
from pipelines.plan.words import notes
from pipelines.terminal import show, tell

DONE, FAILED = 0, 1

PLOTTED_FROM: Final = 100
PLOTTED: Final = 40
"""Points of the plot."""

ROUND: Final = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000)
"""Other numbers of channels that are shown."""

DESCRIPTION: Final = """\
Says how many cores, workers and servers, how much memory and network an estate needs, with error
bars, from what `fengsui bench --json` measured. The product ships with figures of another machine;
use your own, measured on one of the servers that you mean to buy:

  fengsui bench --size 360 --json > bench360.json
  fengsui bench --size 1080 --json > bench1080.json
  fengsui plan --channels 38000 --figures bench360.json bench1080.json
"""


def main(words: Sequence[str]) -> int:
    """Run ``plan``; returns 0 when done, 1 if it can't be planned."""
    try:
        told = _run(_parser().parse_args(words))
    except PlanError as error:
        tell(f"fengsui: {error}")
        return FAILED
    show(told)
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fengsui plan",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--channels", type=int, required=True, metavar="N", help="how many cameras")
    for name, default, unit, words in _assumed():
        told = f"{words} (default: %(default)s)".strip()
        add(name, type=type(default), default=default, metavar=unit, help=told)
    add(
        "--rules",
        nargs="+",
        default=["fire,smoke,debris"],
        metavar="RULE,RULE",
        help="what is looked for (default: fire,smoke,debris)",
    )
    add(
        "--figures",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="your own, as `fengsui bench --json > FILE` writes them, a file a size",
    )
    add("--json", action="store_true", help="one object on the last line")
    add("--report", type=Path, metavar="OUT.html", help="write a page")
    return parser  # fmt: skip


def _assumed() -> tuple[tuple[str, float | str, str, str], ...]:
    """Return what is assumed if nothing is said: option, value, unit and words of each."""
    estate, server = Estate(channels=1), Server()
    small, large = (SIZES[size].bit_rate / 1e6 for size in (360, 1080))
    return (
        ("--substream-share", estate.substream_share, "SHARE",
         "of the channels that give a 640x360 stream, the rest 1920x1080"),
        ("--smart-share", estate.smart_share, "SHARE",
         "of cameras with a smart codec, whose keyframes are 10 s and more apart"),
        ("--keyframes", estate.keyframe_s, "S", "seconds between the others'"),
        ("--codec", estate.codec, "CODEC", "h264 or hevc"),
        ("--cores-per-server", server.cores, "N", ""),
        ("--memory-per-server", server.memory_gb, "GB", ""),
        ("--port-mbit", server.port_mbit_s, "MBIT", "speed of a server's port, filled to 70 %%"),
        ("--sub-mbit", small, "MBIT", "a 640x360 stream's"),
        ("--main-mbit", large, "MBIT", "a 1920x1080 stream's"),
        ("--headroom", server.headroom, "SHARE", "of cores and memory that stays free"),
    )  # fmt: skip


def _run(given: argparse.Namespace) -> str:
    request = asked(given)
    measured = read(request.figures or (SHIPPED,))
    estate, server = request.estate, request.server
    needed = need(estate, server, measured)
    few = at_sizes(
        estate, server, measured, [*(one for one in ROUND if one < estate.channels),
                                   estate.channels],
    )  # fmt: skip
    said = notes(request, needed, measured)
    if given.report:
        from pipelines.plan.report import plan_page  # noqa: PLC0415 - for few

        many = at_sizes(estate, server, measured, _plotted(estate.channels))
        _write(given.report, plan_page(request, needed, measured, said, (few, many)))
    for note in said:
        tell(f"note: {note.english}")
    if given.json:
        return json.dumps(text.as_object(request, needed, measured, said), allow_nan=False)
    return text.as_text(request, needed, measured, few)


def _plotted(channels: int) -> list[int]:
    first = min(PLOTTED_FROM, channels)
    steps = (first + (channels - first) * step // PLOTTED for step in range(PLOTTED + 1))
    return sorted(set(steps))


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, "utf-8")
    except OSError as error:
        raise PlanError(
            f"--report {shown(path)}: it can't be written ({error.strerror}): give another place"
        ) from error
