"""``fengsui demo``: everything on one machine, from drawn cameras to orders, and counted.

The parent starts Redis, the drill cameras, the service and a worker, and starts again what
dies. It counts from outside: onsets from the drills' script, orders from the queue itself.
"""

import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import httpx
import msgspec
import redis

from pipelines import streams
from pipelines.drills.console import Console
from pipelines.drills.tally import Tally
from pipelines.drills.worker_process import DrillWorker
from pipelines.embedded_redis import redis_child
from pipelines.messages import Camera, DispatchOrder, Heartbeat, decode
from pipelines.supervisor import Child, Supervisor
from vision.hazards import Hazard

TICK_S: Final = 0.1
LAST_PORT: Final = 65535
START_PATIENCE_S: Final = 180.0
"""A first start draws and encodes the drills; on a slow machine that is a minute."""

QUIET_FIRST_S: Final = 15.0
"""How drill cameras that were started again begin. No scene shows its hazard in the first 8 s of
its loop, so whatever was seen before lies further back than the 20 s (``DRILL_MERGE_GAP_S`` of the
service) within which a drill would join the one before."""

LAST_ORDERS_S: Final = 8.0
"""After the time is up, onsets that were counted may still become orders for so long."""


class DemoError(Exception):
    """The demo can't go on. The text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSettings:
    """How the demo runs."""

    run_for_s: float | None
    """How long it counts; ``None``: until ``stop``."""
    state_dir: Path
    """Where encoded drills are kept; everything else is thrown away at the end."""
    console_port: int
    """The console's port, or the next free one."""
    tell: Callable[[str], None]
    """Takes lines for people."""


class Demo:
    """One run of the demo."""

    def __init__(self, settings: DemoSettings) -> None:
        self._settings = settings
        self._supervisor = Supervisor()
        self._tally = Tally()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._listening: dict[str, Any] | None = None
        self._first_login: dict[str, Any] | None = None
        self._positions = {streams.DISPATCH_DRILL.name: "0", streams.HEARTBEATS.name: "0"}

    def run(self) -> dict[str, Any]:
        """Run until the time is up or ``stop``; return the figures. Raises ``DemoError``."""
        if not 0 <= self._settings.console_port <= LAST_PORT:
            raise DemoError(
                f"there is no port {self._settings.console_port}: give --port 0 to {LAST_PORT}"
            )
        with tempfile.TemporaryDirectory(prefix="fengsui-demo-") as scratch:
            try:
                cameras = self._start(Path(scratch))
                self._count()
                return self._finish(cameras)
            finally:
                self._supervisor.stop()
                self._console.close()
                self._client.close()

    def stop(self) -> None:
        """Ask ``run`` to finish. Safe in a signal handler."""
        self._stopping.set()

    def _start(self, scratch: Path) -> int:
        tell = self._settings.tell
        redis_port, worker_port = free_port(), free_port()
        redis_url = f"redis://127.0.0.1:{redis_port}/0"
        self._client = streams.connect(redis_url)
        store = self._supervisor.add(redis_child(redis_port, scratch / "redis"))
        self._wait("Redis", self._redis_answers)
        drills, cameras = self._start_drills()
        service, address = self._start_service(redis_url, scratch)
        worker = _python("worker", ["-m", "pipelines.drills.worker_process"])
        worker.stdin = msgspec.json.encode(
            DrillWorker(
                worker_id="demo-1",
                redis_url=redis_url,
                spool_dir=str(scratch / "spool"),
                metrics_port=worker_port,
                evidence=_kept_in(scratch)["evidence"],
                cameras=cameras,
            )
        )
        self._supervisor.add(worker)
        registered = self._supervisor.add(_registry_worker(redis_url, scratch))
        self._wait("the worker", self._worker_beats)
        tell(f"控制台 Console      {address}/")
        tell(f"登录 Login          {self._login()}")
        tell(f"指标 Metrics        {address}/metrics  http://127.0.0.1:{worker_port}/metrics")
        tell(
            f"进程 Processes      redis {store.pid}, service {service.pid}, worker {worker.pid},"
            f" drills {drills.pid}, worker of cameras that you register {registered.pid}"
            " (kill -9 one: it comes back under another id, and no order is lost)"
        )
        kept = _kept_in(scratch)
        tell(
            f"审计 Audit          fengsui audit verify --database {kept['database']}"
            f" --heads {kept['audit-heads']}"
        )
        return len(cameras)

    def _start_service(self, redis_url: str, scratch: Path) -> tuple[Child, str]:
        wanted = self._settings.console_port
        port = free_port(wanted)
        if wanted not in (0, port):
            self._settings.tell(f"port {wanted} can't be had here, so the console takes {port}")
        address = f"http://127.0.0.1:{port}"
        self._console = Console(address)
        self._register_drills(scratch)
        options = {"redis-url": redis_url, "port": str(port), **_kept_in(scratch)}
        service = _python("service", ["-m", "service", *_arguments(options)])
        service.on_line = self._on_service
        self._supervisor.add(service)
        self._wait("the service", self._console.healthy)
        return service, address

    def _login(self) -> str:
        """Return how to log in; the one-time password is used up by that."""
        self._wait("the first account", lambda: self._first_login is not None)
        first = cast("dict[str, Any]", self._first_login)
        try:
            password = self._console.settle(first["login"], first["one_time_password"])
        except httpx.HTTPError as error:
            raise DemoError(f"the service refuses its first login: {error}") from error
        return f"{first['login']}  {password}"

    def _on_service(self, event: dict[str, Any]) -> None:
        """Take a line of the service; runs in its reader's thread."""
        if event.get("event") == "first_admin":
            self._first_login = event

    def _register_drills(self, scratch: Path) -> None:
        """Put the drill cameras into the registry, where they get a name and a page."""
        described = cast("dict[str, Any]", self._listening)["cameras"]
        rows = [
            {name: one[name] for name in ("camera_id", "name", "url", "hazard")}
            for one in described
        ]
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "service",
                "drills",
                "--database",
                _kept_in(scratch)["database"],
            ],
            input=msgspec.json.encode(rows),
            stderr=subprocess.PIPE,
            check=False,
        )
        if done.returncode:
            raise DemoError(f"the drill cameras can't be registered: {done.stderr.decode()[-500:]}")

    def _start_drills(self) -> tuple[Child, tuple[Camera, ...]]:
        port = free_port()
        cache = self._settings.state_dir / "drills"
        drills = _python(
            "drills",
            ["-m", "pipelines.drills.server", "--cache", str(cache), "--port", str(port)],
        )
        drills.on_line = self._on_script
        self._supervisor.add(drills)
        self._wait("the drill cameras", lambda: self._listening is not None)
        drills.command = [*drills.command, "--quiet-first", str(QUIET_FIRST_S)]  # from now on
        described = cast("dict[str, Any]", self._listening)["cameras"]
        for one in described:
            self._settings.tell(f"演练摄像机 Drill camera  {one['url']}  ({one['hazard']})")
        return drills, tuple(
            Camera(camera_id=one["camera_id"], url=one["url"], hazards=(Hazard(one["hazard"]),))
            for one in described
        )

    def _on_script(self, event: dict[str, Any]) -> None:
        """Take a line of the drill server; runs in its reader's thread."""
        if event.get("event") == "encoding":
            if event["done"] in (0, event["of"]):
                self._settings.tell(f"drawing {event['scene']}: {event['done']}/{event['of']}")
        elif event.get("event") == "not_kept":
            self._settings.tell(
                f"{event['scene']} can't be kept and is drawn at each start ({event['error']}): "
                "give --state a directory that can be written"
            )
        elif event.get("event") == "listening":
            self._listening = event
        else:
            with self._lock:
                self._tally.script(event)

    def _count(self) -> None:
        limit_s = self._settings.run_for_s
        ends_s = time.monotonic() + limit_s if limit_s is not None else float("inf")
        while time.monotonic() < ends_s and not self._stopping.is_set():
            self._tick()
        with self._lock:
            self._tally.closed = True
        ends_s = time.monotonic() + (LAST_ORDERS_S if limit_s is not None else 0)
        while time.monotonic() < ends_s and not self._tally.answered:
            self._tick()

    def _finish(self, cameras: int) -> dict[str, Any]:
        totals = self._console.totals()
        if totals is None:
            raise DemoError("the service does not answer at the end: see its log above")
        for _ in range(2):  # the last heartbeats of the workers bring the final counts
            self._supervisor.children.pop().stop()
        self._read()
        return self._tally.report(
            cameras=cameras, alerts=totals["alerts"], incidents=totals["incidents"]
        )

    def _wait(self, what: str, ready: Callable[[], object]) -> None:
        ends_s = time.monotonic() + START_PATIENCE_S
        while not ready():
            if time.monotonic() > ends_s:
                raise DemoError(f"{what} did not start in {START_PATIENCE_S:.0f} s: see above")
            if self._stopping.is_set():
                raise DemoError("stopped before it had started")
            self._supervisor.check()
            time.sleep(TICK_S)

    def _tick(self) -> None:
        self._supervisor.check()
        self._read()
        time.sleep(TICK_S)

    def _read(self) -> None:
        """Read what is new in the queue and the heartbeats; Redis may be away."""
        try:
            reply = self._client.xread(cast("Any", self._positions), count=1000)
        except redis.RedisError:
            return
        for name, entries in cast("list[Any]", reply or []):
            stream = name.decode()
            for entry_id, entry in entries:
                self._positions[stream] = entry_id.decode()
                try:
                    self._take(stream, entry_id, streams.body(entry))
                except (ValueError, RecursionError, OverflowError) as error:
                    self._skip(stream, entry_id, error)

    def _skip(self, stream: str, entry_id: bytes, error: Exception) -> None:
        """Count an entry that isn't one of ours; only the first is told, there may be many."""
        self._tally.unreadable += 1
        if self._tally.unreadable == 1:
            self._settings.tell(
                f"entry {entry_id.decode()} of {stream} can't be read and is skipped, as further "
                f"ones are: {type(error).__name__}: {error}"
            )

    def _take(self, stream: str, entry_id: bytes, body: bytes) -> None:
        if stream == streams.HEARTBEATS.name:
            self._tally.heartbeat(decode(body, Heartbeat))
            return
        order = decode(body, DispatchOrder)
        queued_at = datetime.fromtimestamp(int(entry_id.split(b"-")[0]) / 1000, UTC)
        with self._lock:
            onset = self._tally.order(order, queued_at)
        seconds = (queued_at - (onset.left_at or onset.at)).total_seconds() if onset else None
        after = f"after {seconds:.1f} s" if seconds is not None else "WITHOUT AN ONSET"
        self._settings.tell(
            f"{queued_at:%H:%M:%S} 演练派单 drill order {str(order.order_id)[:8]}:"
            f" {order.hazard} at {order.camera_id}, {after}"
        )

    def _worker_beats(self) -> bool:
        self._read()
        return self._tally.beating

    def _redis_answers(self) -> bool:
        try:
            return bool(self._client.ping())
        except redis.RedisError:
            return False


def free_port(wanted: int = 0) -> int:
    """Return a free port on loopback: the wanted one if it is free.

    As for the real server, connections that have ended and only wait (TIME_WAIT) don't hold it.
    """
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _python(name: str, arguments: list[str]) -> Child:
    return Child(name=name, command=[sys.executable, *arguments])


def _registry_worker(redis_url: str, scratch: Path) -> Child:
    """Return the worker of what is registered in the console, as anywhere else."""
    options = {
        "id": "demo-2",
        "redis-url": redis_url,
        "worker-key": str(scratch / "worker.key"),
        "networks": "private,127.0.0.0/8,::1",
        "spool": str(scratch / "spool"),
        "metrics-port": "0",
        "evidence": _kept_in(scratch)["evidence"],
    }
    return _python("registry worker", ["-m", "fengsui", "worker", *_arguments(options)])


def _kept_in(scratch: Path) -> dict[str, str]:
    """Return the options of the service that name files."""
    return {
        "database": str(scratch / "fengsui.sqlite"),
        "worker-key": str(scratch / "worker.key.pub"),
        "audit-heads": str(scratch / "audit-heads.log"),
        "evidence": str(scratch / "evidence"),
    }


def _arguments(options: dict[str, str]) -> list[str]:
    return [word for name, value in options.items() for word in (f"--{name}", value)]
