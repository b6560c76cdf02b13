"""What every request and answer passes: checks of host, origin and size, the browser's rules."""

import asyncio
import re
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import NOT_SENT, answer
from service.settings import LOCAL_NAMES, ServiceSettings

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob:; media-src blob:; "  # evidence: fetched once, shown from memory
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types vue"
)

BROWSER_RULES = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Change nothing, whoever asks."""

OWN_SITES: Final = frozenset({"same-origin", "none"})
"""What browsers say of a request by our own page, or by a person's own hand."""

LARGEST_BODY: Final = 1024 * 1024
LARGEST_BODIES: Final = {"/api/session": 16 * 1024, "/api/places/import": 32 * 1024 * 1024}
"""In bytes. Bodies are read before anybody is asked who they are."""

ARRIVES_WITHIN_S: Final = 20.0
"""For a whole body, however its pieces come."""

OWN_TIMES: Final = frozenset({"/api/places/import"})
"""Whose routes have a time of their own: large files, of those who may send one."""

_CAMERA_FILE: Final = re.compile(r"/api/camera-imports/[^/]+/file")
LARGEST_CAMERA_FILE: Final = 32 * 1024 * 1024
"""Also with a time of its own."""

HEALTH: Final = "/healthz"

_HOST: Final = re.compile(r"[A-Za-z0-9_.:\[\]-]+")
"""Names, addresses and ports; neither users nor paths."""

HSTS: Final = "max-age=31536000"
"""A year, the least that browsers' makers ask for."""


class HostGuard:
    """Refuses requests for any name but this machine's and the public one, or around TLS.

    Without it a page elsewhere could point its own name at 127.0.0.1 and read the service
    through the browser of whoever looks at that page (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, settings: ServiceSettings) -> None:
        self._app = app
        public = urlsplit(settings.public_url or "").hostname
        self._secure = settings.secure
        self._names = LOCAL_NAMES | ({public} if public else set())
        self._open_as = settings.public_url or "http://127.0.0.1 or http://localhost with its port"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 421."""
        # The scheme is what the proxy says, and no client may say it instead. Probes come plain.
        plain = self._secure and scope.get("scheme") != "https" and scope.get("path") != HEALTH
        known = scope["type"] == "lifespan" or self._ours(Headers(scope=scope).get("host", ""))
        if known and (scope["type"] == "lifespan" or not plain):
            await self._app(scope, receive, send)
            return
        refusal = answer(
            421, "foreign_host", "Not this service's name", f"open the service as {self._open_as}"
        )
        await refusal(scope, receive, send)

    def _ours(self, host: str) -> bool:
        if not _HOST.fullmatch(host):
            return False  # what urlsplit passes over, the next reader of the header may not
        try:
            return urlsplit(f"//{host}").hostname in self._names
        except ValueError:
            return False


class OriginGuard:
    """Refuses changes that a page of somebody else asks for, logging in included.

    Tools send neither header; browsers send the one or the other with every change.
    """

    def __init__(self, app: ASGIApp, settings: ServiceSettings) -> None:
        self._app = app
        self._scheme = "https" if settings.secure else "http"
        self._public = settings.public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403."""
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS or self._ours(scope):
            await self._app(scope, receive, send)
            return
        refusal = answer(
            403,
            "foreign_origin",
            "Asked for by another site's page",
            "do it in the service's own page",
        )
        await refusal(scope, receive, send)

    def _ours(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        # The host has passed the HostGuard, so it is one of our names.
        own = {f"{self._scheme}://{headers.get('host')}".lower(), self._public}
        return own.issuperset(headers.getlist("origin")) and OWN_SITES.issuperset(
            headers.getlist("sec-fetch-site")
        )


class BodyLimit:
    """Refuses bodies that no route has a use for: too large ones, and those that don't arrive."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer 413 or 408 as soon as it's known to be refused."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_file = _CAMERA_FILE.fullmatch(scope["path"]) is not None
        largest = LARGEST_BODIES.get(scope["path"], LARGEST_BODY)
        if is_file:
            largest = LARGEST_CAMERA_FILE
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isdecimal() or int(announced) > largest:
            await _too_large(largest)(scope, receive, send)
            return
        has_own_time = is_file or scope["path"] in OWN_TIMES
        body = _Body(largest, None if has_own_time else ARRIVES_WITHIN_S)

        async def read() -> Message:
            try:
                return await body.read(receive)
            except _RefusedBodyError:
                scope[NOT_SENT] = True
                raise

        async def send_if_taken(message: Message) -> None:
            if body.refusal is None:  # the framework may have made another error of ours
                await send(message)

        with suppress(_RefusedBodyError):
            await self._app(scope, read, send_if_taken)
        if body.refusal is not None:
            del scope[NOT_SENT]
            await body.refusal(scope, receive, send)


class _Body:
    """A body as it comes in."""

    def __init__(self, largest: int, within_s: float | None) -> None:
        self.refusal: ASGIApp | None = None
        """What to answer once it is refused."""
        self._largest = largest
        now_s = asyncio.get_running_loop().time()
        self._until_s = None if within_s is None else now_s + within_s
        self._received = 0

    async def read(self, receive: Receive) -> Message:
        """Return the next piece; raises ``_RefusedBodyError``."""
        try:
            async with asyncio.timeout_at(self._until_s):
                message = await receive()
        except TimeoutError:
            raise self._refused(_too_slow()) from None
        if not message.get("more_body", False):
            self._until_s = None  # what is read from now on is only that the client has gone
        self._received += len(message.get("body", b""))
        if self._received > self._largest:
            raise self._refused(_too_large(self._largest))
        return message

    def _refused(self, refusal: ASGIApp) -> "_RefusedBodyError":
        self.refusal = refusal
        return _RefusedBodyError()


class BrowserRules:
    """Sets the browser's rules on every answer."""

    def __init__(self, app: ASGIApp, settings: ServiceSettings) -> None:
        self._app = app
        secure = settings.secure and settings.public_url is not None
        self._rules = {**BROWSER_RULES, **({"strict-transport-security": HSTS} if secure else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers as the answer starts."""

        async def send_with_rules(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._rules.items():
                    headers[name] = value
                if scope["path"].startswith("/api/"):
                    # For one account's eyes: no cache on the way or in the browser may keep it.
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_rules)


class _RefusedBodyError(Exception):
    """The body goes on after one of its limits."""


def _too_slow() -> ASGIApp:
    return answer(
        408,
        "too_slow",
        "The body took too long",
        f"send it within {ARRIVES_WITHIN_S:.0f} s",
        headers={"Connection": "close"},
    )


def _too_large(largest: int) -> ASGIApp:
    return answer(
        413, "too_large", "The body is too large", f"send at most {largest} bytes at once"
    )
