"""The console's page. A closed list of files: no path from a request reaches the disk."""

from pathlib import Path

from fastapi import APIRouter, Response

FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/app.js": ("app.js", "text/javascript; charset=utf-8"),
    "/words.js": ("words.js", "text/javascript; charset=utf-8"),
    "/app.css": ("app.css", "text/css; charset=utf-8"),
}


def web_router() -> APIRouter:
    """Return a route a file; the files are read once."""
    router = APIRouter(include_in_schema=False)
    for path, (name, media_type) in FILES.items():
        _serve(router, path, (Path(__file__).parent / name).read_bytes(), media_type)
    router.add_api_route("/favicon.ico", _no_icon)
    return router


def _no_icon() -> Response:
    return Response(status_code=204)


def _serve(router: APIRouter, path: str, content: bytes, media_type: str) -> None:
    @router.get(path)
    def file() -> Response:
        # Asked for each time, so that a new version of the service is seen at once.
        return Response(content, media_type=media_type, headers={"Cache-Control": "no-cache"})
