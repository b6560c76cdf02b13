"""A service with evidence in a real directory, two townships, and a clock of the test's own."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from secrets import token_urlsafe
from typing import Any
from urllib.parse import urlsplit

import httpx
import sqlalchemy as sa

from pipelines.evidence_store import EvidenceStore
from pipelines.messages import Alert, EvidencePart, incident_id
from service import tables
from service.accounts.roles import Role
from service.evidence.keeper import EvidenceKeeper
from tests.service.cameras.kit import HERE, THERE
from tests.service.estate import camera_row, fill
from tests.service.helpers import Parts, alert
from tests.service.process import serving
from tests.service.signing_in import make_account, signed_in
from tests.support.waiting import until

STILL = b"\xff\xd8\xff\xe0" + Random(7).randbytes(20_000) + b"\xff\xd9"  # noqa: S311
CLIP = b"\0\0\0\x18ftyp" + Random(8).randbytes(50_000)  # noqa: S311


def new_ref() -> str:
    return token_urlsafe(24)


@dataclass
class Clock:
    """What evidence ages by."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def go_to(self, moment: datetime) -> None:
        self.ahead = moment - datetime.now(UTC)


@dataclass
class Scene:
    """What a test has."""

    given: Parts
    url: str
    store: EvidenceStore
    clock: Clock
    admin: httpx.Client
    viewer: httpx.Client
    """Of HERE."""
    stranger: httpx.Client
    """A viewer of THERE."""
    sent: int = field(default=0)

    def seen(self, *, camera_id: str = "here", ref: str | None = None, **changes: Any) -> Alert:
        """Send an alert with a still and a clip, and wait until the service has it."""
        ref = ref or new_ref()
        self.store.put(ref, EvidencePart.STILL, STILL)
        self.store.put(ref, EvidencePart.CLIP, CLIP)
        one = alert(camera_id=camera_id, evidence_ref=ref, **changes)
        self.given.send(one)
        until(lambda: rows_of(self.given, ref), "the row")
        return one

    def path(self, one: Alert, part: str = "still.jpg") -> str:
        return f"/api/evidence/{one.evidence_ref}/{part}?why=verify"

    def incident(self, one: Alert) -> str:
        return f"/api/incidents/{incident_id(one.alert_id)}"

    def listed(self, one: Alert) -> Any:
        return self.viewer.get(f"{self.incident(one)}/evidence").raise_for_status().json()


@contextmanager
def scene(given: Parts, clock: Clock | None = None, **changes: Any) -> Iterator[Scene]:
    clock = clock or Clock()
    townships(given)
    with ExitStack() as undo:
        url = undo.enter_context(serving(given.settings, clock=clock, **changes))

        def browser(role: Role, place: str) -> httpx.Client:
            account = make_account(given.database, role, [place])
            return undo.enter_context(signed_in(url, account))

        yield Scene(
            given=given,
            url=url,
            store=EvidenceStore(given.settings.evidence),
            clock=clock,
            admin=browser(Role.ADMIN, "0"),
            viewer=browser(Role.VIEWER, HERE),
            stranger=browser(Role.VIEWER, THERE),
        )


def townships(given: Parts) -> None:
    """Register a camera ``here`` and one ``there``."""
    fill(given.database)
    with given.database.writing() as connection:
        connection.execute(sa.delete(tables.orders))
        connection.execute(sa.delete(tables.incidents))
        for name, code in (("here", HERE), ("there", THERE)):
            connection.execute(sa.insert(tables.cameras).values(**camera_row(name, code)))


def keeper(
    given: Parts, clock: Clock, store: EvidenceStore | None = None, *, stopping: Any = None
) -> EvidenceKeeper:
    """A keeper to be stepped by hand."""

    return EvidenceKeeper(
        store=store or EvidenceStore(given.settings.evidence),
        database=given.database,
        settings=given.settings,
        metrics=given.metrics,
        stopping=stopping or threading.Event(),
        clock=clock,
        changed=lambda: None,
    )


def taken(given: Parts, *alerts: Alert) -> None:
    """Let the consumer take alerts now."""
    given.send(*alerts)
    given.consumer.step()


def put(given: Parts, count: int = 1, first_s: float = 0.0) -> list[str]:
    """Take alerts whose stills lie in the store; returns their refs."""
    store, refs = EvidenceStore(given.settings.evidence), [new_ref() for _ in range(count)]
    for ref in refs:
        store.put(ref, EvidencePart.STILL, STILL)
    taken(
        given,
        *(alert(first_s - number, evidence_ref=ref) for number, ref in enumerate(refs)),
    )
    while len(given.rows(tables.evidence)) < count:
        given.consumer.step()  # which reads so many at once
    return refs


def month_later() -> Clock:
    return Clock(timedelta(days=31))


def aged(given: Parts, days: float) -> str:
    """Put a still into the store that no alert tells of; returns its ref."""
    ref = new_ref()
    EvidenceStore(given.settings.evidence).put(ref, EvidencePart.STILL, STILL)
    file = Path(given.settings.evidence) / ref / EvidencePart.STILL
    moment = file.stat().st_mtime - days * 24 * 3600
    os.utime(file, (moment, moment))
    return ref


def block(given: Parts, ref: str) -> Path:
    """Put something in the way that no deleting of files takes away, root's neither."""
    in_the_way = Path(given.settings.evidence) / ref / "lost+found"
    in_the_way.mkdir()
    return in_the_way


def rows_of(given: Parts, ref: str) -> list[dict[str, Any]]:
    return [row for row in given.rows(tables.evidence) if row["ref"] == ref]


def one_row(given: Parts, one: Alert) -> dict[str, Any]:
    assert one.evidence_ref is not None
    (row,) = rows_of(given, one.evidence_ref)
    return row


def named_in(given: Parts, text: str) -> list[str]:
    """Return the tables in which a text stands anywhere."""
    found = []
    with given.database.reading() as connection:
        for table in tables.metadata.sorted_tables:
            rows = connection.execute(sa.select(table)).mappings()
            if any(text in str(dict(row)) for row in rows):
                found.append(table.name)
    return found


def on_disk(given: Parts) -> set[str]:
    """Return the names of the store's directories."""
    folder = Path(given.settings.evidence)
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def viewed(given: Parts) -> list[dict[str, Any]]:
    return [row for row in given.rows(tables.audit) if row["action"] == "evidence.viewed"]


def raw(client: httpx.Client, method: str, path: str, *headers: str) -> bytes:
    """Ask by hand and return every byte that comes back."""
    address = urlsplit(str(client.base_url))
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    lines = (
        f"{method} {path} HTTP/1.1",
        f"Host: {address.netloc}",
        f"Cookie: {cookies}",
        "Connection: close",
        *headers,
        "",
        "",
    )
    with socket.create_connection((address.hostname or "", address.port or 0), 15) as connection:
        connection.sendall("\r\n".join(lines).encode())
        found = b""
        while some := connection.recv(65536):
            found += some
        return found


def holds_any_of(found: bytes, picture: bytes) -> bool:
    """Say whether 16 bytes in a row of a picture are among what was found."""
    return any(picture[start : start + 16] in found for start in range(0, len(picture) - 16, 4))
