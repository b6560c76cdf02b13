"""Incidents that somebody dispatches, targets that are real receivers, and replicas."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from service import tables
from service.accounts.principal import ROOT_PATH, Principal
from service.accounts.roles import Permission, Role
from service.dispatch.deciding import decide
from service.dispatch.outbox import Outbox
from service.dispatch.targets import TargetBook
from service.incidents import changing
from service.incidents.action_models import Action, IncidentAction
from service.incidents.actions import act
from service.incidents.desk import Desk
from service.incidents.history import Step
from service.incidents.lifecycle import StepKind
from tests.service.dispatch import answers
from tests.service.dispatch.parcels import LOOPBACK, SECRET, written
from tests.service.helpers import Parts


def now() -> datetime:
    return datetime.now(UTC)


def confirmed(parts: Parts, **values: Any) -> UUID:
    """A fire that somebody has confirmed."""
    nothing = dict.fromkeys(("dispatched_at", "sent_at"))
    return answers.incident(parts.database, **{"state": "confirmed", **nothing, **values})


def dispatch(
    parts: Parts,
    incident_id: UUID,
    targets: Sequence[str] | None = None,
    book: TargetBook | None = None,
    **more: Any,
) -> list[UUID]:
    with parts.database.writing() as connection:
        row = changing.existing(connection, incident_id)
        return decide(
            connection, book or parts.book, row, by="wang", at=now(), targets=targets, **more
        )


def step(parts: Parts, incident_id: UUID, kind: StepKind, actor: str = "wang", **more: Any) -> None:
    with parts.database.writing() as connection:
        changing.take(connection, incident_id, Step(kind=kind, actor=actor, at=now(), **more))


def merge(parts: Parts, left: UUID, into: UUID) -> None:
    """Let somebody who sees everything make one incident part of another."""
    who = Principal(
        account_id=uuid4(),
        login="chief",
        role=Role.ADMIN,
        permissions=frozenset(Permission),
        paths=(ROOT_PATH,),
    )
    with parts.database.writing() as connection:
        row = changing.existing(connection, left)
        asked = IncidentAction(action=Action.MERGE, into=into, version=row["version"])
        act(Desk(connection=connection, who=who, book=parts.book, now=now()), left, asked)


def webhooks(folder: Path, urls: Mapping[str, str], *lines: str) -> Path:
    """A file of targets that are webhooks on loopback."""
    tables_ = [
        "\n".join(
            [
                f'[targets."{name}"]', 'kind = "webhook"', f'url = "{url}"',
                f'secret = "{SECRET}"', LOOPBACK, *lines,
            ]
        )
        for name, url in urls.items()
    ]  # fmt: skip
    return written(folder, "\n".join(tables_))


@contextmanager
def book_of(parts: Parts, path: Path | None) -> Iterator[TargetBook]:
    book = TargetBook(path, client=parts.client, metrics=parts.metrics)
    assert book.problem is None
    try:
        yield book
    finally:
        book.close()


def replica(
    parts: Parts, name: str = "service-1", book: TargetBook | None = None, **settings: Any
) -> Outbox:
    return Outbox(
        database=parts.database,
        settings=replace(parts.settings, consumer=name, **settings),
        metrics=parts.metrics,
        book=book or parts.book,
        committed=lambda: None,
    )


def order(parts: Parts, order_id: UUID) -> dict[str, Any]:
    return answers.row(parts.database, tables.orders, order_id)


def of_incident(parts: Parts, incident_id: UUID) -> list[dict[str, Any]]:
    """Its orders in their order."""
    query = (
        sa.select(tables.orders)
        .where(tables.orders.c.incident_id == incident_id)
        .order_by(tables.orders.c.decided_at)
    )
    with parts.database.reading() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def soon(parts: Parts, *order_ids: UUID) -> None:
    """Let what waits for its next attempt be due."""
    with parts.database.writing() as connection:
        connection.execute(
            sa.update(tables.orders)
            .where(tables.orders.c.order_id.in_(order_ids))
            .values(next_attempt_at=now())
        )
