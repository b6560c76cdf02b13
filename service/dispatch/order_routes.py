"""Orders over HTTP: where each is, the trail of one, dead letters anew."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query

from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.database import Database
from service.dispatch import dead, listing
from service.dispatch.listing import Wanted
from service.dispatch.models import OrderPage, OrderTrail, Replayed, ReplayIn
from service.dispatch.trail import Trail, trail
from service.incidents import history
from service.incidents.models import OrderState
from service.metrics import ServiceMetrics
from service.problems import responses
from service.text import NAME_LENGTH

PAGE_LIMIT = 500


def order_router(
    *, database: Database, gate: Gate, metrics: ServiceMetrics, decided: Callable[[], None]
) -> APIRouter:
    """Return the orders' routes; ``decided`` is called when orders may leave."""
    router = APIRouter(prefix="/api/orders", tags=["orders"])
    Reader = Annotated[Principal, Depends(gate.allows(Permission.ORDER_READ))]  # noqa: N806

    @router.get("", responses=responses(401, 403, 404))
    def order_page(
        *,
        who: Reader,
        limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT, description="Orders on a page")] = 100,
        before: Annotated[UUID | None, Query(description="The page before's last id")] = None,
        state: Annotated[
            list[OrderState] | None, Query(description="Only of this state, or of one of these")
        ] = None,
        target: Annotated[
            str | None, Query(max_length=NAME_LENGTH, description="Only of this target")
        ] = None,
        incident_id: Annotated[
            UUID | None,
            Query(description="Only about this incident, or what has become part of it"),
        ] = None,
        drill: Annotated[bool | None, Query(description="Only drills', or only real ones")] = None,
    ) -> OrderPage:
        """List the orders about incidents of one's places, newest first."""
        wanted = Wanted(states=state or (), target=target, incident_id=incident_id, drill=drill)
        with database.reading() as connection:
            return listing.page(connection, who, wanted, limit, before)

    @router.get("/{order_id}", responses=responses(401, 403, 404))
    def order_trail(who: Reader, order_id: UUID) -> OrderTrail:
        """Show everything about one order: from its alerts to the last word of its target."""
        with database.reading() as connection:
            return _trail(trail(connection, who, order_id), who)

    @router.post("/replay", responses=responses(401, 403, 422))
    def replay_orders(
        who: Annotated[Principal, Depends(gate.allows(Permission.ORDER_REPLAY))], given: ReplayIn
    ) -> Replayed:
        """Send dead letters anew, by the same ids; some at a time, so ask until none is replayed.

        Out of date are orders about real incidents that are over, and what a target has been told
        the end of: they stay dead.
        """
        with gate.writing(who, Permission.ORDER_REPLAY) as (connection, actor):
            targets, left = dead.replay(
                connection,
                actor,
                order_ids=given.order_ids,
                target=given.target,
                now=datetime.now(UTC),
            )
        for target in targets:
            metrics.orders_replayed.labels(target).inc()
        if targets:
            decided()
        return Replayed(replayed=len(targets), left=left)

    return router


def _trail(found: Trail, who: Principal) -> OrderTrail:
    (order,), (incident,) = found["order"], found["incident"]
    message: dict[str, Any] = msgspec.json.decode(order.pop("body"))
    if Permission.INCIDENT_READ not in who.permissions:
        for step in found["steps"]:
            step["note"] = None
    if Permission.INCIDENT_HANDLE not in who.permissions:
        for step in found["steps"]:
            history.without_numbers(step)
    parts: dict[str, Any] = {**found, "order": {**order, "message": message}, "incident": incident}
    return OrderTrail.model_validate(parts)
