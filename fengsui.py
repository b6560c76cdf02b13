"""The one door: every command of the product. Each imports what it needs when it runs."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.worker_settings import WorkerSettings

DEFAULT_REDIS_URL = "redis://127.0.0.1:6379/0"
REDIS_URL_VARIABLE = "FENGSUI_REDIS_URL"
NETWORKS_VARIABLE = "FENGSUI_NETWORKS"
EVIDENCE_VARIABLE = "FENGSUI_EVIDENCE"
CAMERA_LOGIN_VARIABLE = "FENGSUI_CAMERA_LOGIN"


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit code: 0 done, 1 it can't go on, 2 wrong arguments."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] in (["serve"], ["accounts"], ["openapi"]):
        # Their arguments are the service's own, which is slow to import.
        from service.__main__ import main as service

        return service(words[words[0] == "serve" :], os.environ)
    if words[:1] == ["audit"]:
        from service.audit.verify import main as audit

        return audit(words[1:], os.environ)
    if (tool := _tool(words[:1])) is not None:
        return tool(words[1:])
    given = _parser().parse_args(words, argparse.Namespace(words=words))
    exit_code: int = given.run(given)
    return exit_code


def _tool(name: list[str]) -> Callable[[Sequence[str]], int] | None:
    """Return a command that reads its own arguments and needs no environment, if it is one."""
    if name == ["model"]:
        from models.adding.command import main as model

        return model
    if name == ["bench"]:
        from pipelines.bench.command import main as bench

        return bench
    if name == ["plan"]:
        from pipelines.plan.command import main as plan

        return plan
    if name == ["eval"]:
        from pipelines.evaluate.command import main as evaluate

        return evaluate
    if name == ["cameras"]:
        from service.cli.command import main as cameras

        return cameras
    return _orders if name == ["orders"] else None


def _orders(words: Sequence[str]) -> int:
    from service.cli.orders import main as orders

    return orders(words)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fengsui", description="烽燧 watches public cameras for hazards, never people."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_demo(commands.add_parser("demo", help="everything on this machine, with drill cameras"))
    _add_watch(commands.add_parser("watch", help="one stream or file, alerts as they happen"))
    _add_worker(commands.add_parser("worker", help="watch registered cameras, alerts to Redis"))
    commands.add_parser("serve", help="incidents, orders and the live feed (serve --help)")
    commands.add_parser("openapi", help="print the description of the API")
    commands.add_parser("accounts", help="the way in from this machine (accounts --help)")
    commands.add_parser("cameras", help="estates from and to files, probes (cameras --help)")
    commands.add_parser("orders", help="where orders are, dead letters again (orders --help)")
    commands.add_parser("model", help="other people's networks as packs (model --help)")
    commands.add_parser("eval", help="a pack on your pictures, the rules in drills (eval --help)")
    commands.add_parser("bench", help="what a camera costs on this machine (bench --help)")
    commands.add_parser("plan", help="the servers that an estate needs (plan --help)")
    commands.add_parser("audit", help="verify that nobody edited or cut it (audit --help)")
    return parser


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--for",
        dest="run_for_s",
        type=float,
        metavar="SECONDS",
        help="stop by itself and print the figures",
    )
    parser.add_argument("--json", action="store_true", help="figures as one object on stdout")
    parser.add_argument("--port", type=int, default=8600, help="the console's (or the next free)")
    parser.add_argument(
        "--state",
        type=Path,
        default=Path(".fengsui"),
        help="where encoded drills are kept (default: %(default)s)",
    )
    parser.set_defaults(run=_demo)


def _add_watch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        metavar="URL_OR_FILE",
        help="rtsp://… or a file here; a camera's login goes as user:password into "
        f"{CAMERA_LOGIN_VARIABLE}, or give rtsp://user@… and be asked for the password",
    )
    parser.add_argument("--json", action="store_true", help="one alert a line, as on the wire")
    _add_evidence(parser, "where masked pictures of its alerts are stored (default: nowhere)")
    _add_pack(parser)
    parser.set_defaults(run=_watch)


def _add_worker(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cameras",
        type=Path,
        metavar="FILE.toml",
        help="[[cameras]] with camera_id and url, instead of the registry's",
    )
    parser.add_argument(
        "--part", metavar="K/N", help="the K-th of N shares of the registry's or file's cameras"
    )
    parser.add_argument(
        "--processes",
        metavar="N|auto",
        help="so many workers, which share the cameras and are started again if they die or hang;"
        " auto: as many as cores and memory bear (default: this process alone)",
    )
    parser.add_argument("--pulse", type=int, help=argparse.SUPPRESS)  # of a parent's child
    parser.add_argument(
        "--worker-key",
        type=Path,
        metavar="FILE",
        help="opens the registry's passwords; made if absent (default: worker.key)",
    )
    parser.add_argument(
        "--networks",
        default=os.environ.get(NETWORKS_VARIABLE, "private"),
        metavar="NET,NET",
        help=f"where cameras may be: private, 203.0.113.0/24; or {NETWORKS_VARIABLE}"
        " (default: private)",
    )
    parser.add_argument(
        "--networks-of",
        type=Path,
        metavar="FILE.toml",
        help='where the cameras of a place may be, inside --networks: "654300" = ["10.43.0.0/16"],'
        " a place a line; below it the nearest line counts (docs/networks.md)",
    )
    parser.add_argument(
        "--platforms",
        type=Path,
        metavar="FILE.toml",
        help="GB/T 28181 platforms that are asked for another address where a camera's expired"
        " (docs/platforms.md)",
    )
    parser.add_argument(
        "--probes",
        type=int,
        default=16,
        metavar="N",
        help="streams that it looks at once at a time when the service asks; 0: none"
        " (default: %(default)s)",
    )
    parser.add_argument(
        "--onvif-ports",
        default="80,8000,8080,8899",
        metavar="PORT,PORT",
        help="where a probe asks the camera for its smaller streams; empty: nowhere"
        " (default: %(default)s)",
    )
    parser.add_argument("--id", default="worker-1", help="the same after a restart")
    parser.add_argument(
        "--spool", type=Path, default=Path("spool"), help="where alerts wait for their confirmation"
    )
    text = "where masked pictures of alerts are stored, as the service's; s3:// by the AWS_*"
    _add_evidence(parser, f"{text} environment; or {EVIDENCE_VARIABLE} (default: evidence)")
    parser.set_defaults(evidence=os.environ.get(EVIDENCE_VARIABLE, "evidence"))
    parser.add_argument(
        "--metrics-port",
        type=int,
        metavar="PORT",
        help="the first of several, each has the next (default: 9600 or, if taken, a free one)",
    )
    _add_pack(parser)
    _add_redis(parser)
    parser.set_defaults(run=_worker)


def _add_evidence(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--evidence", metavar="DIR|s3://…", help=text)


def _add_pack(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pack", type=Path, metavar="DIR", help="another model pack")


def _add_redis(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--redis-url",
        default=os.environ.get(REDIS_URL_VARIABLE, DEFAULT_REDIS_URL),
        help=f"or {REDIS_URL_VARIABLE}, where a password stays out of the process list",
    )


def _demo(given: argparse.Namespace) -> int:
    from pipelines import logs
    from pipelines.drills.demo import Demo, DemoError, DemoSettings
    from pipelines.terminal import show

    logs.configure()
    demo = Demo(
        DemoSettings(
            run_for_s=given.run_for_s,
            state_dir=given.state,
            console_port=given.port,
            tell=_say,
        )
    )
    _on_stop(demo.stop)
    try:
        figures = demo.run()
    except DemoError as error:
        return _fail(str(error))
    if given.json:
        show(json.dumps(figures))
    else:
        _say("\n".join(f"{name}: {value}" for name, value in figures.items()))
    return 0


def _watch(given: argparse.Namespace) -> int:
    from models.packs import DEFAULT_PACK, PackError
    from pipelines import logs
    from pipelines.asked_address import LoginError, asked_address
    from pipelines.evidence_store import EvidenceStoreError
    from pipelines.faults import SourceError
    from pipelines.memory import keep_private
    from pipelines.messages import Alert, encode
    from pipelines.terminal import show
    from pipelines.watch import Watch

    def line(alert: Alert) -> str:
        if given.json:
            return encode(alert).decode()
        state = "ended" if alert.ended_at else "onset" if alert.revision == 1 else "goes on"
        return (
            f"{alert.last_seen_at:%H:%M:%S}  {alert.hazard:<8} {state:<8}"
            f" score {alert.score:.2f}  severity {alert.severity}"
        )

    keep_private()
    logs.configure()
    try:
        watch = Watch(
            asked_address(given.source, CAMERA_LOGIN_VARIABLE),
            given.pack or DEFAULT_PACK,
            given.evidence,
        )
        _on_stop(watch.stop)
        for alert in watch.alerts():
            if not show(line(alert)):
                return 0
    except (SourceError, PackError, LoginError, EvidenceStoreError) as error:
        return _fail(str(error))
    except (EOFError, KeyboardInterrupt):
        return _fail("no password was given")
    counted = ("fengsui_frames_analysed_total", "fengsui_looks_unchanged_total")
    looks = sum(map(watch.metrics.total, counted))
    _say(f"{looks} looks, {watch.metrics.alert_total} alerts, drops {watch.metrics.drops}")
    return 0


def _worker(given: argparse.Namespace) -> int:
    from pipelines import logs
    from pipelines.cameras_file import CamerasFileError
    from pipelines.evidence_store import EvidenceStoreError
    from pipelines.faults import SourceError
    from pipelines.memory import keep_private
    from pipelines.platforms_file import PlatformsFileError
    from pipelines.probing.onvif import PortsError
    from pipelines.registry import PartError
    from pipelines.rtsp.networks import NetworksError
    from pipelines.worker import run_until_signalled, worker_of_good_pack
    from pipelines.worker_settings import WorkerError, settings_given
    from pipelines.zones import ZoneError

    keep_private()
    is_child = given.pulse is not None
    logs.configure(given.id if is_child else None)
    if _shows_password(given.redis_url):
        return _fail(
            "--redis-url holds a password, and arguments are seen by everybody on this machine: "
            f"put it into {REDIS_URL_VARIABLE}"
        )
    if given.cameras and given.worker_key:
        return _fail("--worker-key belongs to the registry: leave it or --cameras out")
    try:
        settings = settings_given(given)
        if given.processes is None or is_child:
            run_until_signalled(worker_of_good_pack(settings))
        else:
            _run_fleet(given, settings)
    except (
        CamerasFileError,
        EvidenceStoreError,
        SourceError,
        WorkerError,
        ZoneError,
        PartError,
        PlatformsFileError,
        PortsError,
        NetworksError,
    ) as error:
        return _fail(str(error))
    return 0


def _run_fleet(given: argparse.Namespace, settings: "WorkerSettings") -> None:
    """Run several workers until SIGTERM or SIGINT. Raises what a worker does, before any starts."""
    from dataclasses import replace

    from pipelines.fleet import Fleet, FleetSettings, processes, tell_left_behind, worker_name
    from pipelines.worker import check

    count = processes(given.processes)
    fleet = Fleet(
        FleetSettings(
            processes=count,
            worker_id=given.id,
            command=[sys.executable, __file__, *given.words],
            share=settings.share,
            metrics_port=given.metrics_port,
        )
    )
    check(replace(settings, worker_id=worker_name(given.id, count)))
    tell_left_behind(given.spool, given.id, count)
    _on_stop(fleet.stop)
    fleet.run()


def _shows_password(redis_url: str) -> bool:
    """Say whether an address that was given as an argument holds what may be a password."""
    from_environment = redis_url == os.environ.get(REDIS_URL_VARIABLE)
    return not from_environment and ("@" in redis_url or "password" in redis_url)


def _on_stop(stop: Callable[[], None]) -> None:
    def handle(_signal: int, _frame: FrameType | None) -> None:
        stop()

    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGTERM, handle)


def _say(text: str) -> None:
    from pipelines.secrets import redact
    from pipelines.terminal import tell

    tell(redact(text))


def _fail(text: str) -> int:
    _say(f"fengsui: {text}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
