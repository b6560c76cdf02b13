"""Incidents with orders that were sent, and answers to them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from pipelines import streams
from pipelines.messages import Receipt, ReceiptKind
from pipelines.streams import RECEIPTS
from service import tables
from service.database import Database
from tests.service.estate import OWN

TARGET = "township"


def now() -> datetime:
    return datetime.now(UTC)


def incident(database: Database, **values: Any) -> UUID:
    """A fire that was dispatched."""
    one, at = uuid4(), now() - timedelta(minutes=10)
    row = {
        "incident_id": one, "camera_id": "camera-1", "place_code": OWN, "hazard": "fire",
        "zone_id": "all", "drill": False, "severity": "extreme", "state": "dispatched",
        "opened_at": at, "first_seen_at": at, "last_seen_at": at, "waiting_from": at,
        "seen_at": at, "confirmed_at": at, "dispatched_at": at, "sent_at": at, "score": 0.8,
    }  # fmt: skip
    with database.writing() as connection:
        connection.execute(sa.insert(tables.incidents).values(**row | values))
    return one


def order(database: Database, about: UUID, **values: Any) -> UUID:
    """An order that was sent."""
    one, at = uuid4(), now() - timedelta(minutes=9)
    row = {
        "order_id": one, "incident_id": about, "decision_id": uuid4(), "target": TARGET,
        "drill": False, "state": "sent", "decided_by": "test", "decided_at": at, "body": "{}",
        "attempts": 1, "sent_at": at,
    }  # fmt: skip
    with database.writing() as connection:
        connection.execute(sa.insert(tables.orders).values(**row | values))
    return one


def receipt(about: UUID, kind: ReceiptKind | str = ReceiptKind.ACCEPTED, **values: Any) -> Receipt:
    said: dict[str, Any] = {"receipt_id": uuid4(), "target": TARGET, "at": now(), **values}
    return Receipt(order_id=about, kind=ReceiptKind(kind), **said)


def send(client: streams.Client, *receipts: Receipt) -> None:
    for one in receipts:
        streams.add(client, RECEIPTS, one)


def row(database: Database, table: sa.Table, key: UUID) -> dict[str, Any]:
    column = next(iter(table.primary_key))
    with database.reading() as connection:
        found = connection.execute(sa.select(table).where(column == key)).mappings().one()
    return dict(found)


def state(database: Database, order_id: UUID) -> str:
    return str(row(database, tables.orders, order_id)["state"])


def stands(database: Database, incident_id: UUID) -> str:
    return str(row(database, tables.incidents, incident_id)["state"])


def steps(database: Database, incident_id: UUID) -> list[str]:
    """What happened to an incident, oldest first; deadlines, which a service tends, left out."""
    steps = tables.incident_steps
    query = sa.select(steps.c.action).where(steps.c.incident_id == incident_id).order_by(steps.c.id)
    with database.reading() as connection:
        found = [str(one) for one in connection.execute(query).scalars()]
    return [one for one in found if one not in {"breached", "escalated"}]
