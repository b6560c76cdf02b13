"""Orders in lists, and how it is with each target."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from service.accounts.principal import Principal
from service.dispatch import breaker
from service.dispatch.errors import UnknownOrderError
from service.dispatch.models import BreakerOut, OrderPage, OrderRow, TargetOut, TargetsOut
from service.dispatch.targets import TargetBook
from service.incidents import views
from service.incidents.models import OrderSent, OrderState
from service.tables import incidents, orders


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which orders are asked for; what isn't said lets all in."""

    states: Collection[OrderState] = ()
    """In one of these states."""
    target: str | None = None
    """Of this target."""
    incident_id: UUID | None = None
    """About this incident, or what has become part of it."""
    drill: bool | None = None
    """Drills', or real ones."""


def page(
    connection: Connection, who: Principal, wanted: Wanted, limit: int, before: UUID | None
) -> OrderPage:
    """Return the principal's orders, newest first; ``before`` ends the page before."""
    mine = sa.and_(views.within(who), *_tests(wanted))
    if before is not None:
        mine = sa.and_(mine, _older(connection, who, before))
    own = [orders.c[name] for name in OrderSent.model_fields]
    about = [incidents.c[name] for name in ("hazard", "severity", "camera_id", "place_code")]
    query = (
        sa.select(*own, *about, incidents.c.state.label("incident_state"))
        .join(incidents, incidents.c.incident_id == orders.c.incident_id)
        .where(mine)
        .order_by(orders.c.decided_at.desc(), orders.c.order_id.desc())
        .limit(limit + 1)
    )
    rows = connection.execute(query).mappings().all()
    return OrderPage(orders=[OrderRow(**row) for row in rows[:limit]], more=len(rows) > limit)


def targets(connection: Connection, book: TargetBook) -> TargetsOut:
    """Return every target that there is, or that orders wait for.

    Its counts are those of the whole installation: a target is everybody's, and whoever sends there
    must see that it takes nothing. They say nothing of an incident or a place.
    """
    counts: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for state in (
        OrderState.WAITING,
        OrderState.DEAD,
    ):  # each by itself: an index has them in order
        for row in connection.execute(_counted(state)):
            counts[row.target][state.value] = row.number
            if state is OrderState.WAITING:
                counts[row.target]["oldest_waiting_at"] = row.oldest
    names = list(dict.fromkeys([*book.names(), *sorted(counts)]))
    return TargetsOut(
        targets=[_target(connection, book, name, counts.get(name, {})) for name in names],
        problem=book.problem,
    )


def _counted(state: OrderState) -> sa.Select[Any]:
    number, oldest = sa.func.count().label("number"), sa.func.min(orders.c.decided_at)
    query = sa.select(orders.c.target, number, oldest.label("oldest"))
    return query.where(orders.c.state == state.value).group_by(orders.c.target)


def _target(
    connection: Connection, book: TargetBook, name: str, counts: dict[str, Any]
) -> TargetOut:
    target, how = book.get(name), breaker.read(connection, name)
    newest = sa.select(sa.func.max(orders.c.sent_at)).where(orders.c.target == name)
    return TargetOut(
        name=name,
        present=target is not None,
        kind=None if target is None else target.kind,
        label=name if target is None else target.label,
        where=None if target is None else target.where,
        wants_updates=target is not None and target.wants_updates,
        drills=target is not None and target.drills,
        real=target is not None and target.real,
        breaker=BreakerOut(
            state=how.state,
            failures=how.failures,
            open_until=how.open_until,
            last_error=how.last_error,
            at=how.at,
        ),
        waiting=counts.get("waiting", 0),
        dead=counts.get("dead", 0),
        oldest_waiting_at=counts.get("oldest_waiting_at"),
        last_sent_at=connection.execute(newest).scalar_one(),
    )


def _tests(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    tests: list[sa.ColumnElement[bool]] = []
    if wanted.states:
        tests.append(orders.c.state.in_(sorted({one.value for one in wanted.states})))
    if wanted.target is not None:
        # PostgreSQL takes no NUL, and no target is called so.
        known = orders.c.target == wanted.target
        tests.append(sa.false() if "\0" in wanted.target else known)
    if wanted.incident_id is not None:
        family = sa.select(incidents.c.incident_id).where(
            sa.or_(
                incidents.c.incident_id == wanted.incident_id,
                incidents.c.merged_into == wanted.incident_id,
            )
        )
        tests.append(orders.c.incident_id.in_(family.correlate(None)))
    if wanted.drill is not None:
        tests.append(orders.c.drill.is_(wanted.drill))
    return tests


def _older(connection: Connection, who: Principal, before: UUID) -> sa.ColumnElement[bool]:
    query = (
        sa.select(orders.c.decided_at)
        .join(incidents, incidents.c.incident_id == orders.c.incident_id)
        .where(orders.c.order_id == before, views.within(who))
    )
    at = connection.execute(query).scalar_one_or_none()
    if at is None:
        raise UnknownOrderError(before)
    return sa.tuple_(orders.c.decided_at, orders.c.order_id) < sa.tuple_(
        sa.literal(at, orders.c.decided_at.type), sa.literal(before, orders.c.order_id.type)
    )
