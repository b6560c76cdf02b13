"""``fengsui bench``: what a camera costs on this machine, and what others would cost."""

import argparse
import json
import resource
import shlex
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pipelines.bench import growth, kernel
from pipelines.bench.capacity import MOST_STREAMS, Search, missed
from pipelines.bench.faults import BenchError
from pipelines.bench.figures import NAMES, Bench, Row
from pipelines.bench.kinds import CODECS, HEADLINE, INTERVALS_S, SIZES, half_moving
from pipelines.bench.measure import Load, Reading, measure
from pipelines.bench.spec import NEED_FFMPEG, OURS, Name
from pipelines.terminal import show, tell

DONE, FAILED, INTERRUPTED = 0, 1, 130

ROUNDS: Final = 2
ORDER: Final[tuple[Name, ...]] = (
    "ours", "opencv", "ours_gate_off", "ffmpeg", "ours", "ffmpeg_detect", "ours_gate_off", "demux",
)  # fmt: skip
"""Of a round: the product between the others, so that a machine that changes shows."""

QUICK_STREAMS: Final = 4
LATE_S: Final = 0.1
"""A server that sends later than this measures itself."""

DESCRIPTION: Final = """\
Serves live RTSP streams on this machine and measures, each in a process of its own, this product,
what people write first with OpenCV, an ffmpeg process a camera, and FFmpeg's demuxer alone: percent
of a core a stream. Half of the streams change at every look. Takes about a quarter of an hour;
nothing else should run. The baselines with ffmpeg need its program (Debian package ffmpeg).
"""


def main(words: Sequence[str]) -> int:
    """Run ``bench``; returns 0 when done, 1 if it can't be measured, 130 if interrupted."""
    given = _parser().parse_args(words)
    _allow_many_files()
    try:
        if given.growth or given.soak:
            return _told(_over_time(given))
        bench = _run(given)
        bench.date = datetime.now(UTC).date().isoformat()
        bench.command = shlex.join(["fengsui", "bench", *words])
    except BenchError as error:
        tell(f"fengsui: {error}")
        return FAILED
    except KeyboardInterrupt:
        tell("\nfengsui: interrupted")
        return INTERRUPTED
    text = json.dumps(bench.described(), allow_nan=False) if given.json else bench.table()
    show(text)
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fengsui bench",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--streams",
        type=_count,
        metavar="N",
        help="measure with N streams (the baselines with as many as they can bear), and don't "
        "search for the capacity",
    )
    parser.add_argument(
        "--size", type=int, choices=tuple(SIZES), default=360, help="of the streams"
    )
    parser.add_argument(
        "--seconds", type=_seconds, default=10.0, metavar="S", help="each measurement's window"
    )
    parser.add_argument(
        "--growth",
        action="store_true",
        help="only the product's cost a stream at 10, 50, 100 and 200 streams",
    )
    parser.add_argument(
        "--soak",
        type=_minutes,
        metavar="M",
        help="only M minutes of the product at --streams, with reconnects: does anything grow?",
    )
    parser.add_argument("--json", action="store_true", help="one object on the last line")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="everything at once, a few streams each: shows that it runs, not what it costs",
    )
    return parser


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MOST_STREAMS:
        raise argparse.ArgumentTypeError(f"1 to {MOST_STREAMS}")
    return number


def _minutes(text: str) -> float:
    number = float(text)
    if not 0 < number <= 24 * 60:
        raise argparse.ArgumentTypeError("minutes, at most a day's")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 2 <= number <= 3600:  # a look each 2 s
        raise argparse.ArgumentTypeError("2 to 3600")
    return number


def _over_time(given: argparse.Namespace) -> dict[str, Any]:
    """Return how cost grows with streams, and what grows with time."""
    size = SIZES[given.size]
    found: dict[str, Any] = {"size": size.height_px, "machine": kernel.machine()}
    with Load(size, HEADLINE, tell) as load:
        if given.growth:
            found["growth"] = growth.described(growth.grow(load, size, given.seconds, tell))
        if given.soak:
            count = given.streams or size.streams
            found["soak"] = growth.soak(load, size, count, given.soak, tell)
    return found


def _told(found: dict[str, Any]) -> int:
    show(json.dumps(found, allow_nan=False))
    return DONE


def _run(given: argparse.Namespace) -> Bench:
    size = SIZES[given.size]
    bench = Bench(size=size, machine=kernel.machine())
    names = set(NAMES)
    if shutil.which("ffmpeg") is None:
        names -= NEED_FFMPEG
        bench.notes.append("no program ffmpeg here, so no figures of it: apt-get install ffmpeg")
        tell(bench.notes[-1])
    with Load(size, HEADLINE, tell) as load:
        if given.quick:
            _quick(bench, load, names, given)
        else:
            _rounds(bench, load, names, given)
            if given.streams is None:
                search = Search(load=load, size=size, seconds=given.seconds, tell=tell)
                bench.capacity = search.run()
                bench.server.append(load.stats())
    if not given.quick:
        _rows(bench, given.seconds)
    _doubt(bench)
    return bench


def _quick(bench: Bench, load: Load, names: set[Name], given: argparse.Namespace) -> None:
    count = given.streams or QUICK_STREAMS
    tell(f"everything at once, {count} streams each …")
    wanted = [name for name in NAMES if name in names]
    bench.readings = measure(load, wanted, lambda _: count, given.seconds, bench.size)
    bench.server.append(load.stats())
    bench.notes.append("--quick: measured at once, so rough; without it, one after the other")


def _rounds(bench: Bench, load: Load, names: set[Name], given: argparse.Namespace) -> None:
    order = [name for _ in range(ROUNDS) for name in ORDER if name in names]
    ours = given.streams or bench.size.streams

    def count(name: Name) -> int:
        return ours if name in OURS else min(ours, bench.size.baseline_streams)

    for number, name in enumerate(order, 1):
        (reading,) = measure(load, [name], count, given.seconds, bench.size)
        tell(f"{number}/{len(order)} {name}: {_said(reading)}")
        bench.readings.append(reading)
        bench.server.append(load.stats())


def _rows(bench: Bench, seconds: float) -> None:
    """Measure the product on each codec and keyframe interval."""
    count = bench.size.baseline_streams
    for codec in CODECS:
        for keyframe_s in INTERVALS_S:
            with Load(bench.size, half_moving(codec, keyframe_s), tell) as load:
                window_s = max(seconds, float(keyframe_s))
                (reading,) = measure(load, ["ours"], lambda _: count, window_s, bench.size)
            tell(f"{codec}, keyframes {keyframe_s} s apart: {_said(reading)}")
            bench.rows.append(Row(codec=codec, keyframe_s=keyframe_s, reading=reading))


def _doubt(bench: Bench) -> None:
    """Note what makes the figures worth less."""
    if faults := sorted({fault for reading in bench.of(*OURS) for fault in missed(reading)}):
        bench.notes.append(f"the product did not keep up ({', '.join(faults)}): fewer --streams")
    late = {r.name for r in bench.readings if r.name not in OURS and r.behind_s > 2.0}
    if late:
        bench.notes.append(f"read late, so understated: {', '.join(sorted(late))}")
    if max((one["late_p95_s"] for one in bench.server), default=0.0) > LATE_S:
        bench.notes.append("the server itself sent late: the machine has too little left for it")


def _said(reading: Reading) -> str:
    return f"{reading.core_percent:.2f} % of a core a stream, {reading.streams} streams"


def _allow_many_files() -> None:
    """Let the children, which inherit it, hold as many connections as the system allows."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
