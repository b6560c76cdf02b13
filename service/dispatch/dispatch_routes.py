"""Where orders go, over HTTP: routes, their dry run, policies, targets."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from sqlalchemy import Connection

from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.database import Database
from service.dispatch import deciding, listing, own_rows, policies, routes_store
from service.dispatch.models import TargetsOut, TriedRoute, TriedTarget, TryIn, TryOut
from service.dispatch.policies import PoliciesIn, PoliciesOut
from service.dispatch.routes_store import RouteBody, RoutesIn, RoutesOut
from service.dispatch.routing import Asked, Route, places_around, route
from service.dispatch.targets import TargetBook
from service.places import store as places
from service.places.errors import UnknownPlaceError
from service.problems import responses
from service.revisions import IfMatch, etag


def dispatch_router(
    *,
    database: Database,
    gate: Gate,
    book: TargetBook,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> APIRouter:
    """Return the routes of routes, policies and targets."""
    router = APIRouter(prefix="/api/dispatch", tags=["dispatch"])
    Reader = Annotated[Principal, Depends(gate.allows(Permission.ORDER_READ))]  # noqa: N806
    may = Permission.DISPATCH_WRITE
    Writer = Annotated[Principal, Depends(gate.allows(may))]  # noqa: N806

    @router.get("/targets", responses=responses(401, 403))
    def dispatch_targets(who: Reader) -> TargetsOut:  # noqa: ARG001 - let in or not
        """List the targets, what waits for each, and whether it is left alone because it fails.

        The counts are the whole installation's: targets are everybody's.
        """
        with database.reading() as connection:
            return listing.targets(connection, book)

    @router.get("/routes", responses=responses(401, 403))
    def get_dispatch_routes(who: Reader, response: Response) -> RoutesOut:
        """List the routes of one's places in their order."""
        with database.reading() as connection:
            found = routes_store.shown(connection, who)
        response.headers["ETag"] = etag(found.revision)
        return found

    @router.put("/routes", responses=responses(401, 403, 412, 422, 428))
    def put_dispatch_routes(
        who: Writer, given: RoutesIn, if_match: IfMatch, response: Response
    ) -> RoutesOut:
        """Put these routes in place of those of one's places."""
        with gate.writing(who, may) as (connection, actor):
            found = routes_store.replace(
                connection, actor, book, given, if_match=if_match, now=clock()
            )
        response.headers["ETag"] = etag(found.revision)
        return found

    @router.post("/routes/try", responses=responses(401, 403, 422))
    def try_dispatch_routes(who: Reader, given: TryIn) -> TryOut:
        """Show where an order would go by the routes, and why; nothing is sent."""
        with database.reading() as connection:
            return _tried(connection, who, book, given, clock())

    @router.get("/policies", responses=responses(401, 403))
    def get_dispatch_policies(who: Reader, response: Response) -> PoliciesOut:
        """List what is said of one's places about sending without a person."""
        with database.reading() as connection:
            found = policies.shown(connection, who)
        response.headers["ETag"] = etag(found.revision)
        return found

    @router.put("/policies", responses=responses(401, 403, 412, 422, 428))
    def put_dispatch_policies(
        who: Writer, given: PoliciesIn, if_match: IfMatch, response: Response
    ) -> PoliciesOut:
        """Put these policies in place of those of one's places."""
        with gate.writing(who, may) as (connection, actor):
            found = policies.replace(connection, actor, given, if_match, clock())
        response.headers["ETag"] = etag(found.revision)
        return found

    return router


def _tried(
    connection: Connection, who: Principal, book: TargetBook, given: TryIn, now: datetime
) -> TryOut:
    code = given.place_code
    if code is not None and places.visible(connection, who, code) is None:
        raise UnknownPlaceError(code, "place_code")
    asked = Asked(
        hazard=given.hazard,
        severity=given.severity,
        places=places_around([] if code is None else [code]),
        at=given.at or now,
        drill=given.drill,
    )
    routed = route(asked, routes_store.routes(connection), deciding.takes_of(book), book.zone)
    mine = {one.route_id for one in routes_store.shown(connection, who).routes}
    return TryOut(
        at=asked.at,
        targets=[
            TriedTarget(
                target=one.target,
                ordered=one.ordered,
                why=one.why,
                route=None if one.route is None else one.route.name,
            )
            for one in routed.targets
        ],
        # A route of another's places decides nothing here, and is nobody else's business.
        routes=[
            TriedRoute(**_said(one.route), why=one.why)
            for one in routed.routes
            if own_rows.concerns(one.route.place_code, asked.places) or one.route.route_id in mine
        ],
        unconfirmed=given.drill
        or policies.unconfirmed(policies.known(connection), asked.hazard, asked.places),
    )


def _said(one: Route) -> dict[str, Any]:
    values = {name: getattr(one, name) for name in RouteBody.model_fields}
    lists = ("hazards", "severities", "weekdays")
    return {
        **values,
        **{name: sorted(values[name]) for name in lists},
        "targets": list(one.targets),
        "route_id": one.route_id,
    }
