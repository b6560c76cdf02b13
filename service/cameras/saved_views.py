"""Lists of cameras that an account comes back to: a name and the list's filters."""

from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from service.accounts.principal import Principal
from service.cameras.bodies import Body
from service.cameras.listing import Sort
from service.cameras.selecting import Filter
from service.errors import ProblemError
from service.tables import saved_views
from service.text import Name

MOST_VIEWS: Final = 50


class UnknownViewError(ProblemError):
    """No such view, or somebody else's."""

    code = "unknown_view"
    status = 404
    title = "No such view"

    def __init__(self, view_id: UUID) -> None:
        super().__init__(f"there is no view {view_id}: GET /api/camera-views lists yours")


class ViewNameTakenError(ProblemError):
    """One's own views are told apart by their names."""

    code = "view_name_taken"
    status = 409
    title = "A view has that name"
    field = "name"

    def __init__(self, name: str) -> None:
        super().__init__(f"you have a view {name}: choose another name, or delete that one first")


class TooManyViewsError(ProblemError):
    """As many as an account may have."""

    code = "too_many_views"
    status = 409
    title = "Too many views"

    def __init__(self) -> None:
        super().__init__(f"you have {MOST_VIEWS} views: delete one that isn't needed")


class ViewQuery(Filter):
    """What a view shows: the list's filters, and its order."""

    sort: Sort = Sort.NAME


class ViewIn(Body):
    """A view to be kept."""

    name: Name
    query: ViewQuery


class _Kept(ViewQuery):
    # What an earlier version kept and this one doesn't know is no reason to fail.
    model_config = ConfigDict(extra="ignore")


class ViewOut(BaseModel):
    """A view."""

    view_id: UUID
    name: str
    query: Annotated[ViewQuery, Field(description="As GET /api/cameras takes it")]


class ViewList(BaseModel):
    """One's own views, by name."""

    views: list[ViewOut]


def listed(connection: Connection, who: Principal) -> ViewList:
    """Return an account's views."""
    query = sa.select(saved_views).where(_own(who)).order_by(saved_views.c.name)
    return ViewList(
        views=[
            ViewOut(
                view_id=row["view_id"], name=row["name"], query=_Kept.model_validate(row["query"])
            )
            for row in connection.execute(query).mappings()
        ]
    )


def keep(connection: Connection, who: Principal, given: ViewIn) -> ViewOut:
    """Keep a view. Raises ``ViewNameTakenError`` and ``TooManyViewsError``."""
    names = set(connection.execute(sa.select(saved_views.c.name).where(_own(who))).scalars())
    if given.name in names:
        raise ViewNameTakenError(given.name)
    if len(names) >= MOST_VIEWS:
        raise TooManyViewsError
    made = ViewOut(view_id=uuid4(), name=given.name, query=given.query)
    connection.execute(
        sa.insert(saved_views).values(
            view_id=made.view_id,
            account_id=who.account_id,
            name=given.name,
            query=given.query.model_dump(mode="json", exclude_defaults=True),
            created_at=datetime.now(UTC),
        )
    )
    return made


def forget(connection: Connection, who: Principal, view_id: UUID) -> None:
    """Delete a view. Raises ``UnknownViewError``."""
    found = sa.delete(saved_views).where(_own(who), saved_views.c.view_id == view_id)
    if connection.execute(found).rowcount == 0:
        raise UnknownViewError(view_id)


def _own(who: Principal) -> sa.ColumnElement[bool]:
    return saved_views.c.account_id == who.account_id
