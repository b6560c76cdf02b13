"""Whoever reads the streams ``dispatch`` and ``dispatch.drill``, and how orders are answered."""

import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any, Final
from uuid import NAMESPACE_OID, UUID, uuid5

import httpx
import redis

from pipelines import streams
from pipelines.messages import DispatchOrder, OrderKind, Receipt, ReceiptKind, decode
from pipelines.streams import DISPATCH, DISPATCH_DRILL, RECEIPTS
from tests.chaos.estate import Person

AGAIN_S: Final = 0.3
API_LIMIT_S: Final = 60.0
COURSES: Final = (
    (ReceiptKind.ACCEPTED,),
    (ReceiptKind.ACCEPTED, ReceiptKind.ON_SITE),
    (ReceiptKind.ACCEPTED, ReceiptKind.ON_SITE, ReceiptKind.REPORT),
    (ReceiptKind.ACCEPTED, ReceiptKind.ON_SITE, ReceiptKind.REPORT, ReceiptKind.CLOSED),
    (ReceiptKind.REFUSED,),
)
"""What a crew may answer, one after the other."""


def receipts_of(order_id: UUID, target: str) -> Iterator[Receipt]:
    """Yield an order's receipts: which follows from its id, so that each teller tells the same."""
    course = random.Random(str(order_id)).choice(COURSES)  # noqa: S311
    for kind in course:
        yield Receipt(
            receipt_id=uuid5(NAMESPACE_OID, f"{order_id}/{kind}"),
            order_id=order_id,
            target=target,
            kind=kind,
            at=datetime.now(UTC),
            text=f"{kind} 已收到",
        )


@dataclass(slots=True, kw_only=True)
class Entries:
    """What stood in a stream."""

    by_order: defaultdict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    """The entries of each order: two are one too many."""


class StreamReader:
    """Reads ``dispatch`` as its group, answers by ``receipts``, acknowledges then."""

    def __init__(self, redis_url: str) -> None:
        self.entries = Entries()
        self.answered = 0
        self._url = redis_url
        self._from: bytes | str = "0"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="centre", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(20)

    def _run(self) -> None:
        with closing(streams.connect(self._url)) as client:
            while not self._stopping.is_set():
                try:
                    self._step(client)
                except redis.RedisError:
                    self._from = "0"
                    time.sleep(AGAIN_S)

    def _step(self, client: streams.Client) -> None:
        if self._from == "0":
            streams.create_group(client, DISPATCH)
        group = str(DISPATCH.group)
        wanted: dict[Any, Any] = {DISPATCH.name: self._from}
        reply: Any = client.xreadgroup(group, "chaos", wanted, count=50, block=500)
        entries = reply[0][1] if reply else []
        for entry_id, entry in entries:
            order = decode(streams.body(entry), DispatchOrder)
            self.entries.by_order[str(order.order_id)].add(entry_id)
            if order.kind is OrderKind.ORDER:
                self._answer(client, order)
            client.xack(DISPATCH.name, group, entry_id)
        if self._from != ">" and not entries:
            self._from = ">"

    def _answer(self, client: streams.Client, order: DispatchOrder) -> None:
        for receipt in receipts_of(order.order_id, order.target):
            for _ in range(1 + (receipt.receipt_id.int % 5 == 0)):  # some say it twice
                streams.add(client, RECEIPTS, receipt)
        self.answered += 1


def drills_of(redis_url: str) -> Entries:
    """Return everything that stands in ``dispatch.drill``, where nothing is trimmed for days."""
    found = Entries()
    with closing(streams.connect(redis_url)) as client:
        rows: Any = client.xrange(DISPATCH_DRILL.name)
    for entry_id, entry in rows:
        order = decode(streams.body(entry), DispatchOrder)
        found.by_order[str(order.order_id)].add(entry_id)
    return found


class Answering:
    """Tells the service by its API what a crew does, until it has heard it."""

    def __init__(self, person: Person, urls: Sequence[str], target: str) -> None:
        self.unheard: list[str] = []
        self.heard: set[str] = set()
        self._person, self._urls, self._target = person, urls, target
        self._waiting: SimpleQueue[UUID] = SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="answering", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Tell what there is still to tell, then end."""
        self._stopping.set()
        self._thread.join(2 * API_LIMIT_S)

    def taken(self, event: dict[str, Any]) -> None:
        """Let an order be answered; updates and cancels aren't."""
        if event["data"]["kind"] == OrderKind.ORDER:
            self._waiting.put(UUID(event["id"]))

    def _run(self) -> None:
        with httpx.Client(headers=self._person.headers, timeout=10, trust_env=False) as client:
            while True:
                try:
                    order_id = self._waiting.get(timeout=0.2)
                except Empty:
                    if self._stopping.is_set():
                        return
                    continue
                for receipt in receipts_of(order_id, self._target):
                    self._tell(client, receipt)

    def _tell(self, client: httpx.Client, receipt: Receipt) -> None:
        ends_s = time.monotonic() + API_LIMIT_S
        words = {
            "receipt_id": str(receipt.receipt_id),
            "kind": receipt.kind.value,
            "at": receipt.at.isoformat(),
            "text": receipt.text,
        }
        said = "nothing"
        while time.monotonic() < ends_s:
            url = random.choice(self._urls)  # noqa: S311
            try:
                answer = client.post(f"{url}/api/orders/{receipt.order_id}/receipts", json=words)
            except httpx.TransportError as error:
                said = type(error).__name__
            else:
                if answer.is_success:
                    self.heard.add(str(receipt.receipt_id))
                    return
                said = f"{answer.status_code} {answer.text[:200]}"
                if answer.status_code < 500:
                    break
            time.sleep(AGAIN_S)
        self.unheard.append(f"receipt {receipt.kind} of {receipt.order_id}: {said}")
