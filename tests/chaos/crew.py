"""A crew's webhook: it takes an order once by its id, and is as unreliable as the world.

Every event is checked as Standard Webhooks say. What it took it answers by receipts over the API.
"""

import json
import random
import secrets
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from pipelines.messages import OrderKind

FAULTS: Final = {
    "500 before": 3,
    "500 after": 3,
    "silent after": 1,
    "cut before": 2,
    "cut after": 3,
    "late": 2,
}
"""What goes wrong how often, where something does; "after" is after the order was taken."""

LATE_S: Final = 0.3


def unreliable(seed: int, share: float) -> Callable[[], str]:
    """Return what chooses a fault for that share of requests."""
    chance = random.Random(f"{seed}/crew")  # noqa: S311
    names, weights = [*FAULTS], [*FAULTS.values()]
    return lambda: chance.choices(names, weights)[0] if chance.random() < share else ""


@dataclass(slots=True, kw_only=True)
class Got:
    """What came to a receiver."""

    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The first body of each id that was taken."""
    at_s: dict[str, float] = field(default_factory=dict)
    """When each was taken, by the wall clock."""
    times: Counter[str] = field(default_factory=Counter)
    """How often each id came."""
    changed: list[str] = field(default_factory=list)
    """Ids that came again with another body."""
    forged: int = 0
    """Bodies that nobody signed, or that were signed as another order."""

    def second_orders(self) -> dict[str, int]:
        """Return the decisions of which more than one order was taken, and how many were."""
        decisions = Counter(
            event["data"]["decision_id"]
            for event in self.events.values()
            if event["data"]["kind"] == OrderKind.ORDER
        )
        return {one: n for one, n in decisions.items() if n > 1}


class Crew:
    """A webhook target on the loopback interface."""

    def __init__(self, fault: Callable[[], str], *, silent_s: float) -> None:
        """``fault`` says what goes wrong with a request; mostly nothing should."""
        self.secret = f"whsec_{b64encode(secrets.token_bytes(24)).decode()}"
        self.got = Got()
        self._webhook = Webhook(self.secret)
        self.fault = fault
        self._silent_s = silent_s
        self._over = threading.Event()
        self.taken: Callable[[dict[str, Any]], None] = lambda _: None
        """Called once for each order, in a thread of the server's."""
        self._lock = threading.Lock()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}/orders"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def take(self, headers: dict[str, str], body: bytes) -> None:
        """Take an event, unless it was taken before. Raises ``WebhookVerificationError``."""
        event: dict[str, Any] = json.loads(body)
        try:
            self._webhook.verify(body, headers)
        except WebhookVerificationError:
            self.got.forged += 1
            raise
        self.got.forged += headers["webhook-id"] != event["id"]
        with self._lock:
            self.got.times[event["id"]] += 1
            before = self.got.events.setdefault(event["id"], event)
            if before is not event:
                if before != event:
                    self.got.changed.append(event["id"])
                return
            self.got.at_s[event["id"]] = time.time()
        self.taken(event)

    def wait(self, fault: str) -> None:
        """Let time pass before an answer, if that is the fault."""
        silent_s = self._silent_s if fault.startswith("silent") else 0.0
        self._over.wait(LATE_S if fault == "late" else silent_s)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    lies = 0

    def __init__(self, crew: Crew) -> None:
        self.crew = crew
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever was killed while it asked is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        crew = self.server.crew
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        fault = crew.fault()
        if fault in _BEFORE:
            crew.wait(fault)
            _BEFORE[fault](self)
            return
        try:
            crew.take({name.lower(): value for name, value in self.headers.items()}, body)
        except WebhookVerificationError:
            self._answer(401)
            return
        crew.wait(fault)
        if fault == "lie":
            self._lie()
        elif fault not in {"cut after", "silent after"}:
            self._answer(500 if fault == "500 after" else 204)

    def _cut(self) -> None:
        """Say nothing: the connection ends as the handler does."""

    def _lie(self) -> None:
        """Promise a text and end, or send what nobody can read; the status says yes."""
        self.server.lies += 1
        self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\n")
        self.wfile.write(b"\xff\x00<" * (self.server.lies % 2))

    def _fail(self) -> None:
        self._answer(500)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Say nothing."""


_BEFORE: Final[dict[str, Callable[[_Handler], None]]] = {
    "cut before": _Handler._cut,
    "silent before": _Handler._cut,
    "500 before": _Handler._fail,
}
"""What goes wrong before an order is taken."""
