"""The console's built files: a closed list, read at start. No request's path reaches the disk."""

import gzip
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.routing import Match
from starlette.types import Scope

from service.compression import takes_gzip
from service.problems import answer

BUILT: Final = Path(__file__).parent / "dist"
"""What ``python -m service.web.build`` makes of ``console/``."""

PAGES: Final = (
    "/",
    "/login",
    "/live",
    "/incidents/{incident_id}",
    "/orders",
    "/orders/{order_id}",
    "/statistics",
    "/dispatch",
    "/duty",
    "/cameras",
    "/cameras/{camera_id}",
    "/cameras/{camera_id}/edit",
    "/cameras/{camera_id}/zones",
    "/cameras/import/{import_id}",
    "/places",
    "/accounts",
    "/audit",
    "/status",
    "/retention",
    "/me/password",
    "/me/tokens",
)
"""What the console shows under addresses of its own: each of them is ``index.html``."""

MEDIA_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".html": "text/html; charset=utf-8",
}

FOR_EVER: Final = "public, max-age=31536000, immutable"
"""For names that hold a hash of what is in them."""

ASKED_EACH_TIME: Final = "no-cache"
"""So that a new version of the service is seen at once."""


NOT_PAGES: Final = ("/api", "/metrics", "/healthz", "/assets")
"""Where programs ask: what isn't there is told them as problem details, whatever they accept."""


class _UnknownPage(APIRoute):
    """Takes only what a person typed: to every other request it isn't there."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or not _is_typed(scope):
            return Match.NONE, {}
        return super().matches(scope)


def _is_typed(scope: Scope) -> bool:
    path: str = scope["path"]
    if scope["method"] not in {"GET", "HEAD"} or path.endswith("/"):
        return False  # with a slash too many it is first asked for again without
    if any(path == one or path.startswith(f"{one}/") for one in NOT_PAGES):
        return False
    accepted = Headers(scope=scope).get("accept", "")
    return any(one.partition(";")[0].strip().lower() == "text/html" for one in accepted.split(","))


def web_router(built: Path = BUILT) -> APIRouter:
    """Return a route a file and a page; without a built console all pages say what to do."""
    router = APIRouter(include_in_schema=False)
    start = built / "index.html"
    if not start.is_file():
        for page in PAGES:
            router.add_api_route(page, _not_built)
        return router
    for path in sorted(built.rglob("*")):
        if path.suffix in MEDIA_TYPES and path != start:
            url = f"/{path.relative_to(built).as_posix()}"
            caching = FOR_EVER if url.startswith("/assets/") else ASKED_EACH_TIME
            router.add_api_route(url, _File(path, caching).shown, methods=["GET", "HEAD"])
    index = _File(start, ASKED_EACH_TIME)
    for page in PAGES:
        router.add_api_route(page, index.shown, methods=["GET", "HEAD"])
    router.add_api_route("/favicon.ico", _no_icon)
    router.add_api_route(
        "/{unknown:path}",
        index.shown_instead,
        methods=["GET", "HEAD"],
        route_class_override=_UnknownPage,
    )
    return router


class _File:
    """A file in memory, as it is and compressed, where that is smaller."""

    def __init__(self, path: Path, caching: str) -> None:
        self._content = path.read_bytes()
        self._zipped = gzip.compress(self._content, mtime=0)
        self._media_type = MEDIA_TYPES[path.suffix]
        self._headers = {"Cache-Control": caching, "Vary": "Accept-Encoding"}

    def shown(self, request: Request) -> Response:
        return self._response(request, 200)

    def shown_instead(self, request: Request) -> Response:
        """Answer with the console, which says in its words that there is no such page."""
        return self._response(request, 404)

    def _response(self, request: Request, status: int) -> Response:
        content, headers = self._content, self._headers
        if len(self._zipped) < len(content) and takes_gzip(request.headers):
            content, headers = self._zipped, {**headers, "Content-Encoding": "gzip"}
        return Response(content, status, media_type=self._media_type, headers=headers)


def _no_icon() -> Response:
    return Response(status_code=204)


def _not_built() -> Response:
    return answer(
        503,
        "console_not_built",
        "The console is not built",
        "run `make setup` (or `python -m service.web.build`), then start the service again",
    )
