"""The queue of probes in the database, as dispatchers of all replicas share it.

waiting ─claim─► sending ─tick off─► sent ─result─► done
   ▲                │                 └── no answer ─► expired
   └─── given back ─┘
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from service.probes.limits import Limits, Load, Waiting, spent, startable
from service.probes.store import Stage
from service.tables import probes

ANSWER_LIMIT: Final = timedelta(seconds=300)
"""Nobody waits longer for a probe that was sent."""

CLAIM_LIMIT: Final = timedelta(seconds=30)
"""Who has not ticked off a claim by then has died over it."""

A_SECOND: Final = timedelta(seconds=1)

LOOKED_AT: Final = 400
"""Probes that are looked at for a place: more never start at once."""

AT_ONCE: Final = 500
"""Rows of a transaction: an alert waits behind it."""

_RUNNING: Final = probes.c.state.in_((Stage.SENDING.value, Stage.SENT.value))
_WAITING: Final = probes.c.state == Stage.WAITING.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A probe that this dispatcher is to send."""

    probe_id: UUID
    """What the job is called."""
    camera_id: str
    """Whose stream."""
    subnet: str
    """Where it was when it was asked for."""
    platform: str
    """Who gave it then."""
    wants_place_picture: bool
    """Whether one is to be made."""
    asked_at: datetime
    """When somebody asked."""
    sent_at: datetime
    """When it was claimed: what the limits count, and the time of answering runs from."""


def now_of(connection: Connection) -> datetime:
    """Return the time by the one clock that all who use the database share.

    SQLite is used by one machine alone.
    """
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    found: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    return found.astimezone(UTC)


def waiting(connection: Connection) -> int:
    """Return how many probes wait."""
    return connection.execute(sa.select(sa.func.count()).where(_WAITING)).scalar_one()


def load(connection: Connection, now: datetime) -> Load:
    """Return what runs, and what began within a second. What is far in the future began not so."""
    number = sa.func.count()
    running = sa.select(probes.c.platform, number).where(_RUNNING).group_by(probes.c.platform)
    lately = probes.c.sent_at.between(now - A_SECOND, now + A_SECOND)
    started = sa.select(probes.c.subnet, number).where(lately).group_by(probes.c.subnet)
    return Load(
        by_platform={row[0]: row[1] for row in connection.execute(running)},
        started={row[0]: row[1] for row in connection.execute(started)},
    )


def candidates(connection: Connection, limits: Limits) -> list[UUID]:
    """Return those waiting that could start, each for itself, in their turn; for ``claim``.

    Read beforehand, so that the writer's lock isn't held while thousands are gone through. The
    first of them always starts: what is full is left out, so nothing stands in another's way.
    """
    subnets, platforms = spent(load(connection, now_of(connection)), limits)
    place = sa.func.row_number().over(partition_by=probes.c.subnet, order_by=probes.c.probe_id)
    ranked = (
        sa.select(probes.c.probe_id, place.label("place"))
        .where(_WAITING, probes.c.subnet.not_in(subnets), probes.c.platform.not_in(platforms))
        .subquery()
    )
    query = (
        sa.select(ranked.c.probe_id)
        .where(ranked.c.place <= limits.subnet_per_s)
        .order_by(ranked.c.probe_id)
        .limit(LOOKED_AT)
    )
    return list(connection.execute(query).scalars())


def claim(
    connection: Connection, ids: Collection[UUID], limits: Limits, most: int
) -> list[Claimed]:
    """Claim up to ``most`` of these that wait still and may start, in ``Database.writing``."""
    now = now_of(connection)
    columns = [probes.c[name] for name in ("probe_id", "subnet", "platform")]
    query = sa.select(*columns).where(probes.c.probe_id.in_(ids), _WAITING)
    found = [Waiting(**row) for row in connection.execute(query).mappings()]
    chosen = startable(found, load(connection, now), limits)[:most]
    if not chosen:
        return []
    ours = probes.c.probe_id.in_(chosen)
    values = {"state": Stage.SENDING.value, "sent_at": now}
    connection.execute(sa.update(probes).where(ours).values(values))
    wanted = [probes.c[name] for name in Claimed.__slots__]
    rows = connection.execute(sa.select(*wanted).where(ours).order_by(probes.c.probe_id))
    return [Claimed(**row) for row in rows.mappings()]


def tick_off(connection: Connection, claimed: Sequence[Claimed]) -> None:
    """Note that Redis has these, but for those that are answered already."""
    _move(connection, claimed, {"state": Stage.SENT.value})


def give_back(connection: Connection, claimed: Sequence[Claimed]) -> None:
    """Let these wait again: Redis did not take them, or nobody knows that it did."""
    _move(connection, claimed, {"state": Stage.WAITING.value, "sent_at": None})


def cancel(connection: Connection, claimed: Sequence[Claimed]) -> None:
    """End these, which can't be sent."""
    now = now_of(connection)
    _move(connection, claimed, {"state": Stage.CANCELLED.value, "finished_at": now})


def move_to(connection: Connection, moved: Mapping[Claimed, tuple[str, str]]) -> None:
    """Let these wait again where their cameras are by now: their addresses changed."""
    for one, (subnet, platform) in moved.items():
        values = {"state": Stage.WAITING.value, "subnet": subnet, "platform": platform}
        _move(connection, [one], values | {"sent_at": None})


def _move(connection: Connection, claimed: Sequence[Claimed], values: dict[str, Any]) -> None:
    if not claimed:
        return
    connection.execute(
        sa.update(probes)
        .where(
            probes.c.probe_id.in_([one.probe_id for one in claimed]),
            probes.c.state == Stage.SENDING.value,
            probes.c.sent_at == claimed[0].sent_at,
        )
        .values(values)
    )


def is_overdue(connection: Connection) -> bool:
    """Tell whether a claim or an answer is overdue."""
    overdue = sa.or_(*_overdue(now_of(connection)))
    return (
        connection.execute(sa.select(probes.c.probe_id).where(overdue).limit(1)).first() is not None
    )


def settle(connection: Connection) -> int:
    """Let overdue claims wait again, and give up on overdue answers; returns how many of these."""
    now = now_of(connection)
    unticked, unanswered = _overdue(now)
    for overdue, values in (
        (unticked, {"state": Stage.WAITING.value, "sent_at": None}),
        (unanswered, {"state": Stage.EXPIRED.value, "finished_at": now}),
    ):
        some = sa.select(probes.c.probe_id).where(overdue).limit(AT_ONCE)
        done = connection.execute(
            sa.update(probes).where(probes.c.probe_id.in_(some)).values(values)
        )
    return done.rowcount


def _overdue(now: datetime) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    """Return what is overdue. A time far in the future is one of a clock that was set back."""

    def older(limit: timedelta) -> sa.ColumnElement[bool]:
        return sa.not_(probes.c.sent_at.between(now - limit, now + limit))

    return (
        sa.and_(probes.c.state == Stage.SENDING.value, older(CLAIM_LIMIT)),
        sa.and_(probes.c.state == Stage.SENT.value, older(ANSWER_LIMIT)),
    )
