"""What every request and every answer passes: the host check and the browser's rules."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import answer
from service.settings import LOCAL_NAMES

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)

BROWSER_RULES = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class HostGuard:
    """Refuses requests for any name but this machine's.

    Without it a page elsewhere could point its own name at 127.0.0.1 and read the service
    through the browser of whoever looks at that page (DNS rebinding).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 421."""
        if scope["type"] == "lifespan" or _named_locally(Headers(scope=scope).get("host", "")):
            await self._app(scope, receive, send)
            return
        refusal = answer(
            421,
            "foreign_host",
            "Not this service's name",
            "open the service as http://127.0.0.1 or http://localhost with its port",
        )
        await refusal(scope, receive, send)


class BrowserRules:
    """Sets the browser's rules on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers as the answer starts."""

        async def send_with_rules(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in BROWSER_RULES.items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, send_with_rules)


def _named_locally(host: str) -> bool:
    try:
        return urlsplit(f"//{host}").hostname in LOCAL_NAMES
    except ValueError:
        return False
