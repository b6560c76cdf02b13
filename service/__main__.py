"""``python -m service``: parse the settings, listen, say where, run until SIGTERM.

``accounts`` and ``drills`` as the first word are for whoever has this machine's shell.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from pipelines import logs
from pipelines.secrets import Secret
from pipelines.streams import connect
from service.accounts.directory import FIRST_LOGIN, first_admin
from service.accounts.oidc import is_safe
from service.app import create_app
from service.database import Database
from service.errors import BadSettingError, ServiceError
from service.host import COMMANDS
from service.listening import Server, config_of, listen, require_safe, say
from service.settings import USUAL_TIMEZONE, OidcSettings, ServiceSettings, sqlite_url

REDIS_URL_VARIABLE = "FENGSUI_REDIS_URL"
"""Takes an address with a password: arguments are visible to everybody on the machine."""

DATABASE_VARIABLE = "FENGSUI_DATABASE"
"""The same for the database."""

EVIDENCE_VARIABLE = "FENGSUI_EVIDENCE"
"""The evidence store; its credentials are the ``AWS_*`` environment's."""


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the service or a command; returns the exit code."""
    logs.configure()
    try:
        if arguments and arguments[0] in COMMANDS:
            return COMMANDS[arguments[0]](arguments[1:], environment)
        settings = parse(arguments, environment)
        # Held to the end: what the log shows has the values of living secrets taken out.
        _secrets = (Secret(settings.redis_url), Secret(settings.database_url))
        require_safe(settings)
        _require_redis_url(settings.redis_url)
        with ExitStack() as undo:
            listener = undo.enter_context(listen(settings.host, settings.port))
            app = create_app(settings)
            _make_first_admin(app.state.database)
            undo.pop_all()
    except (ServiceError, ValueError, OSError) as error:
        sys.stderr.write(f"service: {' '.join(str(error).split())}\n")  # one line, whatever
        return 2
    Server(config_of(app, settings), settings.host).run(sockets=[listener])
    return 0


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> ServiceSettings:
    """Return the settings of a command line and environment. Exits on unknown arguments."""
    given = _parser(environment).parse_args(arguments)
    database = given.database if "://" in given.database else sqlite_url(Path(given.database))
    return ServiceSettings(
        redis_url=given.redis_url,
        database_url=database,
        host=given.host,
        port=given.port,
        tls_certificate=given.tls_certificate,
        tls_key=given.tls_key,
        behind_proxy=",".join(given.behind_proxy or ()) or None,
        public_url=given.public_url,
        worker_key=given.worker_key,
        audit_heads=given.audit_heads,
        evidence=given.evidence,
        oidc=oidc_of(environment),
        targets=given.targets,
        consumer=given.consumer,
        timezone=given.timezone,
        probe_subnet_per_s=given.probe_subnet_per_s,
        probe_platform_pulls=given.probe_platform_pulls,
        probe_pulls=given.probe_pulls,
    )


def oidc_of(environment: Mapping[str, str]) -> OidcSettings | None:
    """Return the identity provider's settings, if the environment names one."""
    given = {
        name: environment[f"FENGSUI_OIDC_{name}"]
        for name in ("ISSUER", "CLIENT_ID", "NAME", "LOGIN_CLAIM")
        if environment.get(f"FENGSUI_OIDC_{name}")
    }
    secret = _secret_of(environment, "FENGSUI_OIDC_CLIENT_SECRET")
    if not given and secret is None:
        return None
    if not {"ISSUER", "CLIENT_ID"} <= set(given):
        raise BadSettingError("OIDC needs FENGSUI_OIDC_ISSUER and FENGSUI_OIDC_CLIENT_ID")
    if not is_safe(given["ISSUER"]):
        raise BadSettingError(
            "FENGSUI_OIDC_ISSUER is no https address: give it as the provider's ID tokens have it"
        )
    return OidcSettings(**{k.lower(): v for k, v in given.items()}, client_secret=secret)


def _secret_of(environment: Mapping[str, str], name: str) -> Secret | None:
    if text := environment.get(name):
        return Secret(text)
    if file := environment.get(f"{name}_FILE"):
        return Secret(Path(file).read_text().strip())
    return None


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fengsui serve",
        description="Incidents, orders, the live feed and the console, until SIGTERM. Single "
        "sign-on is set in the environment: docs/accounts.md.",
    )
    parser.add_argument(
        "--redis-url",
        default=environment.get(REDIS_URL_VARIABLE, "redis://127.0.0.1:6379/0"),
        help=f"where Redis is; one with a password belongs into {REDIS_URL_VARIABLE}",
    )
    parser.add_argument(
        "--database",
        default=environment.get(DATABASE_VARIABLE, "fengsui.db"),
        help="SQLite file, or SQLAlchemy URL; one with a password belongs into "
        f"{DATABASE_VARIABLE}",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (loopback)")
    parser.add_argument("--port", type=int, default=8600, help="port; 0 picks a free one")
    for name, words in (
        ("tls-certificate", "speak TLS: the certificate and what it was signed by, PEM"),
        ("tls-key", "the certificate's key, PEM"),
        ("worker-key", "the workers' public key; made if absent (default: worker.key.pub)"),
        ("audit-heads", "where the audit's heads go (default: audit-heads.log)"),
        ("targets", "where orders go besides the stream dispatch, TOML (docs/dispatch.md)"),
    ):
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=words)
    parser.add_argument(
        "--behind-proxy",
        metavar="ADDRESS",
        action="append",
        help="IP address of the proxy that speaks TLS, once for each; its X-Forwarded-For and "
        "-Proto count",
    )
    parser.add_argument(
        "--public-url", metavar="https://NAME", help="what browsers open, if not this machine"
    )
    parser.add_argument(
        "--evidence",
        metavar="DIR|s3://…",
        default=environment.get(EVIDENCE_VARIABLE, "evidence"),
        help="the workers' evidence store, a directory or s3://bucket/prefix (evidence)",
    )
    parser.add_argument("--consumer", default="service-1", help="name in the consumer group")
    parser.add_argument(
        "--timezone",
        default=USUAL_TIMEZONE,
        metavar="AREA/CITY",
        help=f"whose clock rosters and routes go by ({USUAL_TIMEZONE})",
    )
    _add_probe_limits(parser)
    return parser


def _add_probe_limits(parser: argparse.ArgumentParser) -> None:
    for name, usual, words in (
        ("probe-subnet-per-s", 4, "probes that may start a second in one /24"),
        ("probe-platform-pulls", 8, "probes at a time of one platform's streams"),
        ("probe-pulls", 200, "probes at a time in all"),
    ):
        parser.add_argument(
            f"--{name}", type=_at_least_one, default=usual, metavar="N", help=f"{words} ({usual})"
        )


def _at_least_one(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("give a whole number from 1 on")
    return number


def _make_first_admin(database: Database) -> None:
    """Say the one-time password, once, on standard output: it's in no log."""
    password = first_admin(database)
    if password is not None:
        say({"event": "first_admin", "login": FIRST_LOGIN, "one_time_password": password})


def _require_redis_url(url: str) -> None:
    try:
        connect(url).close()  # sends nothing
    except ValueError:
        # Nothing of the cause is repeated: it can hold a piece of the password.
        raise BadSettingError(
            "the Redis address is none: give redis://host:port/0, rediss:// or unix:// as "
            f"--redis-url, or as {REDIS_URL_VARIABLE} if it has a password"
        ) from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
