"""One flat list of routes.

FastAPI's ``include_router`` keeps the tree that it is given: each route is built again at every
level of it, and once more at the first request, and a request is matched twice at each level.
"""

from fastapi import APIRouter
from fastapi.routing import APIRoute

from service.openapi import operation_id


def take(into: APIRouter, other: APIRouter) -> None:
    """Give a router the routes of another, as they are but for its tags."""
    for route in other.routes:
        if into.prefix or not isinstance(route, APIRoute):
            raise TypeError(f"{route} would have to be built again")
        route.tags = [*into.tags, *route.tags]
        route.unique_id = operation_id(route)
        into.routes.append(route)
