"""What is sent in fewer bytes to whoever takes it: the console's files and the API's long lists."""

from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipResponder, IdentityResponder
from starlette.types import ASGIApp, Receive, Scope, Send

SMALLEST: Final = 1024
"""In bytes. Less fits into one packet either way."""

LEVEL: Final = 6
"""Of 9: beyond it an answer takes half as long again for hardly a byte."""

LONG_LISTS: Final = frozenset(
    {
        "/api/accounts",
        "/api/audit",
        "/api/cameras",
        "/api/incidents",
        "/api/openapi.json",
        "/api/places",
    }
)
"""Answers that grow. A closed list: how far bytes shrink tells what is among them (BREACH), so
nothing that holds a secret belongs here, such as /api/session with the page's own token; nor does
what has an ETag, which stands for these very bytes, nor a feed."""


class Compression:
    """Compresses the long lists."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its answer back in fewer bytes if it's a long one."""
        app = self._app
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"] in LONG_LISTS:
            app = (
                GZipResponder(self._app, SMALLEST, LEVEL)
                if takes_gzip(Headers(scope=scope))
                else IdentityResponder(self._app, SMALLEST)
            )
        await app(scope, receive, send)


def takes_gzip(headers: Headers) -> bool:
    """Tell whether a client takes gzip, and rather than nothing (RFC 9110, 12.5.3)."""
    said: dict[str, float] = {}
    for one in ",".join(headers.getlist("accept-encoding")).split(","):
        coding, _, parameters = one.partition(";")
        said[coding.strip().lower()] = _weight(parameters)
    gzip = said.get("gzip", said.get("x-gzip", said.get("*", 0.0)))
    return gzip > 0 and gzip >= said.get("identity", 0.0)


def _weight(parameters: str) -> float:
    name, _, value = parameters.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
