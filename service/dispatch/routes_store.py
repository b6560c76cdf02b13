"""The routes: kept, shown and replaced as a whole."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from service.accounts.principal import Principal
from service.audit.log import record
from service.cameras.bodies import Body
from service.dispatch import own_rows
from service.dispatch.errors import RouteTimesError, TargetRefusedError, UnknownTargetError
from service.dispatch.routing import MINUTES_A_DAY, Route
from service.dispatch.targets import TargetBook
from service.revisions import require_newest
from service.tables import dispatch_routes
from service.text import NAME_LENGTH, Name
from vision.hazards import Hazard, Severity

MOST_ROUTES: Final = 500
MOST_TARGETS: Final = 20

Minute = Annotated[
    int, Field(ge=0, le=MINUTES_A_DAY, description="Of the day, on the installation's clocks")
]
Weekday = Annotated[int, Field(ge=1, le=7, description="1 is Monday")]
TargetName = Annotated[str, Field(min_length=1, max_length=NAME_LENGTH)]


class RouteBody(Body):
    """Which orders go where."""

    name: Name
    place_code: Annotated[
        str | None, Field(max_length=32, description="There and below; null is everywhere")
    ] = None
    hazards: Annotated[
        list[Hazard],
        Field(default_factory=list, max_length=len(Hazard), description="Only these; none are all"),
    ]
    severities: Annotated[
        list[Severity],
        Field(
            default_factory=list, max_length=len(Severity), description="Only these; none are all"
        ),
    ]
    from_minute: Minute | None = None
    to_minute: Annotated[
        Minute | None, Field(description="Before from_minute it is one of the next day")
    ] = None
    weekdays: Annotated[
        list[Weekday],
        Field(default_factory=list, max_length=7, description="On which it begins; none are all"),
    ]
    targets: Annotated[list[TargetName], Field(min_length=1, max_length=MOST_TARGETS)]
    stop: Annotated[bool, Field(description="Whether no route after it counts")] = False


class RouteIn(RouteBody):
    """A route, a known one if it has its id."""

    route_id: UUID | None = None


class RoutesIn(Body):
    """All routes of the places that one sees, in their order."""

    routes: Annotated[list[RouteIn], Field(max_length=MOST_ROUTES)]


class RouteOut(RouteBody):
    """A route, and who last changed it."""

    route_id: UUID
    updated_at: datetime
    updated_by: str


class RoutesOut(BaseModel):
    """The routes in their order; the nearest place's are looked at first."""

    revision: int
    routes: list[RouteOut]


def routes(connection: Connection) -> list[Route]:
    """Return every route there is."""
    query = sa.select(dispatch_routes).order_by(dispatch_routes.c.position)
    return [
        Route(
            route_id=row["route_id"],
            position=row["position"],
            name=row["name"],
            place_code=row["place_code"],
            hazards=frozenset(map(Hazard, row["hazards"])),
            severities=frozenset(map(Severity, row["severities"])),
            from_minute=row["from_minute"],
            to_minute=row["to_minute"],
            weekdays=frozenset(row["weekdays"]),
            targets=tuple(row["targets"]),
            stop=row["stop"],
        )
        for row in connection.execute(query).mappings()
    ]


def shown(connection: Connection, who: Principal) -> RoutesOut:
    """Return the routes of the principal's places."""
    rows = own_rows.of(connection, who, dispatch_routes, "position", "route_id")
    return RoutesOut(
        revision=own_rows.revision(rows),
        routes=[RouteOut(**{k: v for k, v in row.items() if k != "position"}) for row in rows],
    )


def replace(
    connection: Connection,
    who: Principal,
    book: TargetBook,
    given: RoutesIn,
    *,
    if_match: str,
    now: datetime,
) -> RoutesOut:
    """Put these routes in place of those the principal sees. Raises ``ProblemError``."""
    before = shown(connection, who)
    require_newest(if_match, before.revision)
    old = {one.route_id: one for one in before.routes}
    kept = {name for one in before.routes for name in one.targets}
    for number, one in enumerate(given.routes):
        field = f"routes.{number}"
        own_rows.require_place(connection, who, one.place_code, f"{field}.place_code")
        _require_times(one, field)
        _require_targets(book, one, kept, f"{field}.targets")
    rows = [_row(position, one, old, who, now) for position, one in enumerate(given.routes)]
    if _told(before.routes) == _told(given.routes):
        return before
    own_rows.clear(connection, who, dispatch_routes)
    if rows:
        connection.execute(sa.insert(dispatch_routes), rows)
    record(
        connection,
        actor=who.login,
        action="dispatch.routes_changed",
        object_kind="dispatch",
        object_id="routes",
        place_code=own_rows.place_of(one.place_code for one in (*before.routes, *given.routes)),
        detail={"old": _told(before.routes), "new": _told(given.routes)},
    )
    return shown(connection, who)


def _require_times(one: RouteIn, field: str) -> None:
    times = one.from_minute, one.to_minute
    is_half = (one.from_minute is None) != (one.to_minute is None)
    # Nothing begins at 24:00: a day ends then, and 1440 to 0 would never fit.
    is_none = one.from_minute in {one.to_minute, MINUTES_A_DAY}
    if is_half or (times != (None, None) and is_none):
        raise RouteTimesError(f"{field}.from_minute")


def _require_targets(book: TargetBook, one: RouteIn, kept: set[str], field: str) -> None:
    """Refuse what isn't there, and what no route has to name; one that went may stay."""
    for name in one.targets:
        target = book.get(name)
        if target is None and name not in kept:
            raise UnknownTargetError(name, field)
        if target is not None and not target.real:
            raise TargetRefusedError(name, drill=False, field=field)


def _row(
    position: int, one: RouteIn, old: dict[UUID, RouteOut], who: Principal, now: datetime
) -> dict[str, Any]:
    before = None if one.route_id is None else old.pop(one.route_id, None)
    values = {
        **one.model_dump(mode="json", exclude={"route_id"}),
        "position": position,
        # An id that isn't one's own, or is there twice, makes a new route.
        "route_id": uuid4() if before is None else before.route_id,
    }
    if before is not None and _said(before) == _said(one):
        return {**values, "updated_at": before.updated_at, "updated_by": before.updated_by}
    return {**values, "updated_at": now, "updated_by": who.login}


def _said(one: RouteBody) -> dict[str, Any]:
    return one.model_dump(mode="json", include=set(RouteBody.model_fields))


def _told(listed: Iterable[RouteBody]) -> list[dict[str, Any]]:
    return [_said(one) for one in listed]
