"""Where the service listens, and by what: TLS, or a proxy that speaks it."""

import json
import socket
import ssl
from collections.abc import Mapping
from ipaddress import ip_address
from types import FrameType
from typing import Final
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI

from pipelines.terminal import show
from service.connections import BACKLOG, connection_type, open_at_most
from service.errors import BadSettingError, NotLoopbackError
from service.settings import ServiceSettings, require_port

CLOSING_LIMIT_S: Final = 5
"""How long open requests may take at the end."""


def require_safe(settings: ServiceSettings) -> None:
    """Raise ``BadSettingError`` or ``NotLoopbackError`` where a password could be overheard."""
    require_port(settings.port)
    _require_certificate(settings)
    _require_proxy(settings)
    if settings.public_url is not None:
        _require_origin(settings.public_url)
        if not settings.secure:
            raise BadSettingError(
                "--public-url needs --tls-certificate with --tls-key, or --behind-proxy"
            )
    if _is_loopback(settings.host):
        return
    if not settings.secure:
        raise NotLoopbackError(
            f"refusing to listen on {settings.host!r}: passwords would cross the network in clear; "
            "give --tls-certificate and --tls-key, or --behind-proxy with the address of a proxy "
            "that speaks TLS, or use --host 127.0.0.1"
        )
    if settings.public_url is None:
        raise BadSettingError(
            f"listening on {settings.host!r} needs --public-url, the address that browsers open, "
            "such as https://fengsui.example: requests under other names are refused"
        )


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises ``OSError`` in words."""
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except OSError as error:
        raise OSError(
            f"can't listen on {host} port {port}: {error.strerror}; another service may hold it: "
            "stop that one or use --port 0"
        ) from error


def config_of(app: FastAPI, settings: ServiceSettings) -> uvicorn.Config:
    """Return how uvicorn has to serve the app."""
    return uvicorn.Config(
        app,
        http=connection_type(open_at_most()),
        backlog=BACKLOG,
        log_config=None,
        access_log=False,
        ws="none",
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=CLOSING_LIMIT_S,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        # Anybody else's word on where a request comes from would undo the limit on logins.
        proxy_headers=settings.behind_proxy is not None,
        forwarded_allow_ips=settings.behind_proxy or "",
    )


def say(event: Mapping[str, str]) -> None:
    """Tell whoever started the service something, as a line of JSON."""
    show(json.dumps(event))


class Server(uvicorn.Server):
    """Says where it listens, ends the feeds at the end, and exits with 0 after SIGTERM."""

    def __init__(self, config: uvicorn.Config, host: str) -> None:
        super().__init__(config)
        self._host = f"[{host}]" if ":" in host else host

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say where."""
        await super().startup(sockets)
        port = (sockets or [])[0].getsockname()[1]
        scheme = "https" if self.config.is_ssl else "http"
        say({"event": "listening", "url": f"{scheme}://{self._host}:{port}"})

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the feeds, which would go on for ever, then stop."""
        self.config.app.state.bell.close()  # type: ignore[union-attr]
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Take any such signal as the wish to end well."""
        self.should_exit = True


def _require_certificate(settings: ServiceSettings) -> None:
    certificate, key = settings.tls_certificate, settings.tls_key
    if (certificate is None) != (key is None):
        raise BadSettingError("TLS needs both: --tls-certificate FILE and --tls-key FILE")
    if certificate is None:
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise BadSettingError(
            f"TLS can't be spoken with {certificate} and {key}: {error}; give a certificate and "
            "its own key, both PEM, the key without a password, readable for the service"
        ) from error


def _require_proxy(settings: ServiceSettings) -> None:
    if settings.behind_proxy is None:
        return
    for proxy in settings.behind_proxy.split(","):
        try:
            ip_address(proxy.strip())
        except ValueError as error:
            raise BadSettingError(
                f"{proxy!r} is no proxy's address: give --behind-proxy the IP address that the "
                "proxy's requests come from, once for each proxy. A network is none: whoever is in "
                "it could choose an address of his own"
            ) from error
    if settings.public_url is None:
        raise BadSettingError("--behind-proxy needs --public-url, the address that browsers open")


def _require_origin(url: str) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port
        good = url == f"https://{parts.netloc}" and parts.hostname and "@" not in parts.netloc
    except ValueError:
        good = False
    if not good or url != url.lower():
        raise BadSettingError(
            f"{url!r} is no public address: give https:// and the name, in small letters, without "
            "a path or slash at the end"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
