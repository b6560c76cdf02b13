"""``python -m service``: parse the settings, listen, say where, run until SIGTERM."""

import argparse
import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import uvicorn

from pipelines.streams import connect
from service import logs
from service.app import create_app
from service.errors import BadSettingError, ServiceError
from service.settings import ServiceSettings, require_loopback, require_port, sqlite_url

REDIS_URL_VARIABLE = "FENGSUI_REDIS_URL"
"""Takes an address with a password: arguments are visible to everybody on the machine."""

CLOSING_LIMIT_S = 5
"""How long open requests may take at the end."""


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the service; returns the exit code."""
    logs.configure()
    try:
        settings = parse(arguments, environment)
        require_loopback(settings.host)
        require_port(settings.port)
        _require_redis_url(settings.redis_url)
        with ExitStack() as undo:
            listener = undo.enter_context(_listen(settings.host, settings.port))
            app = create_app(settings)
            undo.pop_all()
    except (ServiceError, ValueError, OSError) as error:
        sys.stderr.write(f"service: {' '.join(str(error).split())}\n")  # one line, whatever
        return 2
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        ws="none",
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=CLOSING_LIMIT_S,
    )
    _Server(config, settings.host).run(sockets=[listener])
    return 0


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> ServiceSettings:
    """Return the settings of a command line and environment. Exits on unknown arguments."""
    parser = argparse.ArgumentParser(prog="python -m service", description=__doc__)
    parser.add_argument(
        "--redis-url",
        default=environment.get(REDIS_URL_VARIABLE, "redis://127.0.0.1:6379/0"),
        help=f"where Redis is; one with a password belongs into {REDIS_URL_VARIABLE}",
    )
    parser.add_argument("--database", default="fengsui.db", help="SQLite file or SQLAlchemy URL")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (loopback)")
    parser.add_argument("--port", type=int, default=8600, help="port; 0 picks a free one")
    parser.add_argument("--consumer", default="service-1", help="name in the consumer group")
    given = parser.parse_args(arguments)
    database = given.database if "://" in given.database else sqlite_url(Path(given.database))
    return ServiceSettings(
        redis_url=given.redis_url,
        database_url=database,
        host=given.host,
        port=given.port,
        consumer=given.consumer,
    )


def _require_redis_url(url: str) -> None:
    try:
        connect(url).close()  # sends nothing
    except ValueError:
        # Nothing of the cause is repeated: it can hold a piece of the password.
        raise BadSettingError(
            "the Redis address is none: give redis://host:port/0, rediss:// or unix:// as "
            f"--redis-url, or as {REDIS_URL_VARIABLE} if it has a password"
        ) from None


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except OSError as error:
        raise OSError(
            f"can't listen on {host} port {port}: {error.strerror}; another service may hold it: "
            "stop that one or use --port 0"
        ) from error


class _Server(uvicorn.Server):
    """Says where it listens, ends the feeds at the end, and exits with 0 after SIGTERM."""

    def __init__(self, config: uvicorn.Config, host: str) -> None:
        super().__init__(config)
        self._host = f"[{host}]" if ":" in host else host

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        port = (sockets or [])[0].getsockname()[1]
        line = json.dumps({"event": "listening", "url": f"http://{self._host}:{port}"})
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.config.app.state.bell.close()  # type: ignore[union-attr]
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.should_exit = True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
