"""The file of targets, in TOML: ``[targets."name"]`` tables, one a target (docs/dispatch.md)."""

import base64
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from pipelines.secrets import Secret
from pipelines.streams import DISPATCH, DISPATCH_DRILL
from service.dispatch.senders.cap import CapSender, CapSettings, Ring
from service.dispatch.senders.http import PORTS, HttpPlace
from service.dispatch.senders.mqtt import MqttSender, MqttSettings, client_id_of, topic_fault
from service.dispatch.senders.webhook import WebhookSender, WebhookSettings
from service.dispatch.senders.wvp import ALARM_TYPES, WvpSender, WvpSettings
from service.dispatch.sending import Sender, Target, TargetKind
from service.dispatch.targets_keys import (
    CapKeys,
    ConnectedKeys,
    Keys,
    MqttKeys,
    Point,
    StreamKeys,
    WebhookKeys,
    WvpKeys,
)
from service.dispatch.targets_table import Files, Table

MAX_BYTES: Final = 1024 * 1024

MQTT_PORTS: Final = {"mqtts": 8883, "mqtt": 1883}

REDIS_PORTS: Final = {"rediss": 6379, "redis": 6379}

_NAME: Final = re.compile(r"[^\x00-\x20\x7f/\\](?:[^\x00-\x1f\x7f/\\]{0,62}[^\x00-\x20\x7f/\\])?")
"""Names stand in routes, in steps and in receipts' actors."""

_STREAM: Final = re.compile(r"dispatch\.(?!drill\b)[a-z0-9][a-z0-9_.-]{0,62}")

_SENDER: Final = re.compile(r"[^\s,<&]{1,128}")

_WEBHOOK_SECRET: Final = re.compile(r"whsec_([A-Za-z0-9+/]{32,88}={0,2})")


class TargetsFileError(ValueError):
    """The file can't be used. ``problems`` has a line a mistake, ``files`` what else counts."""

    def __init__(self, *problems: str, files: Files | None = None) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems
        self.files = files or {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """One target of the file, and what makes its sender."""

    target: Target
    """As people may see it."""
    settings: Any
    """Equal to another's if a sender made of it would do the same."""
    make: Callable[[Any], Sender] | None
    """Makes the sender; None: a stream of the installation's Redis, named by ``settings``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a file is read within."""

    environment: Mapping[str, str]
    """Holds secrets that the file names."""
    replica: str
    """This process, the same over restarts."""
    zone: ZoneInfo
    """Whose times are written."""


def read_targets(path: Path, around: Surroundings) -> tuple[tuple[Described, ...], Files]:
    """Return the file's targets, and what else was read. Raises ``TargetsFileError``."""
    found: list[Described] = []
    problems: list[str] = []
    files: Files = {}
    for name, values in _tables(path).items():
        table = Table(path, name, values, around.environment)
        described = _described(table, around)
        problems += table.problems
        files |= table.files
        if described is not None and not table.problems:
            found.append(described)
    if problems:
        raise TargetsFileError(*problems, files=files)
    return tuple(found), files


def _tables(path: Path) -> dict[str, Any]:
    as_what = 'write tables as [targets."指挥中心"]'
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise TargetsFileError(f"{path}: larger than {MAX_BYTES} bytes: {as_what}")
        whole = tomllib.loads(text.decode())
    except OSError as error:
        raise TargetsFileError(f"{path}: {error.strerror}: give --targets a file") from None
    except RecursionError:
        raise TargetsFileError(f"{path}: nested too deeply: {as_what}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TargetsFileError(f"{path}: no TOML ({error}): {as_what}") from None
    if not whole:
        # Most likely somebody is still writing it: it takes nobody out.
        raise TargetsFileError(f"{path}: is empty: {as_what}, or [targets] alone for no target")
    tables = whole.pop("targets", {})
    if whole or not isinstance(tables, dict):
        what = f"[{next(iter(whole))}]" if whole else "targets"
        raise TargetsFileError(f"{path}: {what} is nothing that is known: {as_what}")
    return tables


def _described(table: Table, around: Surroundings) -> Described | None:
    readers: dict[str, Callable[[Table, Surroundings], Described | None]] = {
        TargetKind.STREAM: _stream,
        TargetKind.WEBHOOK: _webhook,
        TargetKind.MQTT: _mqtt,
        TargetKind.CAP: _cap,
        TargetKind.WVP: _wvp,
    }
    is_named_well = _NAME.fullmatch(table.name) is not None
    if not is_named_well or table.name == DISPATCH_DRILL.name:
        table.problems.append(
            f"{table.name!r} can't name a target: choose another of 1 to 64 characters, without / "
            f"and \\, and not {DISPATCH_DRILL.name}"
        )
        return None
    reader = readers.get(table.kind) if isinstance(table.kind, str) else None
    if reader is None:
        table.wrong("kind", "is missing" if table.kind is None else "is not known")
        return None
    if table.name == DISPATCH.name and table.kind != TargetKind.STREAM:
        table.wrong("kind", f"{DISPATCH.name} is built in, a stream: choose another name")
        return None
    return reader(table, around)


def _stream(table: Table, _around: Surroundings) -> Described | None:
    given = table.read(StreamKeys)
    if given is None:
        return None
    is_built_in = table.name == DISPATCH.name
    if is_built_in and given.stream != DISPATCH.name:
        table.wrong("stream", f"the target {DISPATCH.name} writes the stream of that name")
    elif not is_built_in and not _STREAM.fullmatch(given.stream):
        table.wrong("stream", "begins with dispatch. and is not dispatch.drill")
    return Described(
        target=Target(
            name=table.name,
            kind=TargetKind.STREAM,
            label=given.label or table.name,
            where=given.stream,
            wants_updates=given.updates,
            drills=False,
            answers=given.answers,
            receipts_from=frozenset(given.receipts_from),
        ),
        settings=given.stream,
        make=None,
    )


def _webhook(table: Table, _around: Surroundings) -> Described | None:
    given = table.read(WebhookKeys)
    if given is None:
        return None
    secret = table.secret("secret", given, required=True)
    if secret is not None and not _is_webhook_secret(secret):
        table.wrong("secret", "is none of Standard Webhooks: whsec_ and 24 to 64 bytes in base64")
    place = _http_place(table, given)
    if place is None or secret is None:
        return None
    settings = WebhookSettings(place=place, secret=secret, source=given.source)
    return Described(
        target=_target(table, given, place.url, drills=given.drills),
        settings=settings,
        make=WebhookSender,
    )


def _mqtt(table: Table, around: Surroundings) -> Described | None:
    given = table.read(MqttKeys)
    if given is None:
        return None
    if fault := topic_fault(given.topic):
        table.wrong("topic", fault)
    password = table.secret("password", given)
    if password is not None and given.username is None:
        table.wrong("username", "is missing, though a password is there")
    parts = table.url(given.url, MQTT_PORTS, "mqtts://broker.example:8883")
    if parts is None:
        return None
    host, port, tls = parts.hostname or "", parts.port or MQTT_PORTS[parts.scheme], None
    if parts.scheme == "mqtts":
        tls = table.tls(given.ca_file, given.client_certificate, given.client_key)
    settings = MqttSettings(
        host=host,
        port=port,
        tls=tls,
        egress=table.egress(given.allowed_networks, plain=tls is None),
        topic=given.topic,
        client_id=client_id_of(around.replica, table.name),
        username=given.username,
        password=password,
        expiry_s=given.expiry_s,
        timeout_s=given.timeout_s,
    )
    return Described(
        target=_target(table, given, given.url, drills=given.drills, more=f" {given.topic}"),
        settings=settings,
        make=MqttSender,
    )


def _cap(table: Table, around: Surroundings) -> Described | None:
    given = table.read(CapKeys)
    if given is None:
        return None
    _check_cap(table, given)
    token = table.secret("token", given)
    place = _http_place(table, given)
    if place is None:
        return None
    settings = CapSettings(
        place=place,
        token=token,
        sender=given.sender,
        source=given.source,
        scope=given.scope,
        restriction=given.restriction,
        addresses=given.addresses,
        languages=given.languages,
        contact=given.contact,
        radius_km=given.radius_km,
        expires_s=given.expires_min * 60,
        zone=around.zone,
        polygons={code: _closed(points) for code, points in given.polygons.items()},
    )
    return Described(
        target=_target(table, given, place.url, drills=given.drills),
        settings=settings,
        make=CapSender,
    )


def _check_cap(table: Table, given: CapKeys) -> None:
    if not _SENDER.fullmatch(given.sender):
        table.wrong("sender", "may hold no blank, comma, < and &")
    if (given.scope == "Restricted") != (given.restriction is not None):
        table.wrong("restriction", "belongs to scope Restricted (the usual one), and to no other")
    if (given.scope == "Private") != bool(given.addresses):
        table.wrong("addresses", "belongs to scope Private, and to no other")
    if any('"' in one for one in given.addresses):
        table.wrong("addresses", 'may hold no "')
    if any(len(set(points)) < 3 for points in given.polygons.values()):
        table.wrong("polygons", "a polygon has three different corners at least")
    if not given.languages or len(set(given.languages)) < len(given.languages):
        table.wrong("languages", "names each language once, and one at least")


def _wvp(table: Table, around: Surroundings) -> Described | None:
    given = table.read(WvpKeys)
    if given is None:
        return None
    password = table.secret("password", given)
    parts = table.url(given.url, REDIS_PORTS, "redis://10.20.0.5:6379")
    if parts is None:
        return None
    if parts.path not in {"", "/"} or parts.query:
        table.wrong("url", "names no database: channels belong to all of them")
    tls = None
    if parts.scheme == "rediss":
        tls = table.tls(given.ca_file, given.client_certificate, given.client_key)
    settings = WvpSettings(
        host=parts.hostname or "",
        port=parts.port or REDIS_PORTS[parts.scheme],
        tls=tls,
        egress=table.egress(given.allowed_networks, plain=tls is None),
        username=given.username,
        password=password,
        channel=given.channel,
        alarm_types={**ALARM_TYPES, **given.alarm_types},
        zone=around.zone,
        timeout_s=given.timeout_s,
    )
    target = Target(
        name=table.name,
        kind=TargetKind.WVP,
        label=given.label or table.name,
        where=f"{_shown(parts)} {given.channel}",
        wants_updates=False,
        drills=False,
        answers=False,  # an alarm upward has no way back
    )
    return Described(target=target, settings=settings, make=WvpSender)


def _http_place(table: Table, given: ConnectedKeys) -> HttpPlace | None:
    parts = table.url(given.url, PORTS, "https://centre.example/orders")
    if parts is None:
        return None
    return HttpPlace(
        url=given.url,
        egress=table.egress(given.allowed_networks, plain=parts.scheme == "http"),
        tls=table.tls(given.ca_file, given.client_certificate, given.client_key),
        timeout_s=given.timeout_s,
    )


def _target(table: Table, given: Keys, url: str, *, drills: bool, more: str = "") -> Target:
    return Target(
        name=table.name,
        kind=given.kind,
        label=given.label or table.name,
        where=f"{_shown(urlsplit(url))}{more}",
        wants_updates=given.updates,
        drills=drills,
        answers=given.answers,
        receipts_from=frozenset(given.receipts_from),
    )


def _shown(parts: SplitResult) -> str:
    """Return an address for people: its path may be what lets somebody in."""
    return f"{parts.scheme}://{parts.netloc}{'/…' if parts.path.strip('/') else ''}"


def _is_webhook_secret(secret: Secret) -> bool:
    found = _WEBHOOK_SECRET.fullmatch(secret.reveal())
    if found is None:
        return False
    try:
        size = len(base64.b64decode(found[1] + "=" * (-len(found[1]) % 4), validate=True))
    except ValueError:
        return False
    return 24 <= size <= 64


def _closed(points: tuple[Point, ...]) -> Ring:
    return points if points[0] == points[-1] else (*points, points[0])
