"""Which waiting probes may start now: in whose turn, and within which limits. Pure.

A probe's id holds its turn: when it was asked for, and ``PACE`` later for each one before it in its
batch. So a batch of nine thousand lets those pass that come after it, yet none for ever: whatever
is asked for after a probe's turn comes after it.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from secrets import randbits
from socket import inet_aton
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

PACE: Final = timedelta(milliseconds=250)
"""A batch's share: four a second come before what is asked for later."""

LONGEST_KEY: Final = 128
"""What the columns take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much probing may ask of a network and its platforms, by all replicas together."""

    subnet_per_s: int
    """Starts a second in one subnet."""
    platform_pulls: int
    """Probes at a time of one platform's streams."""
    pulls: int
    """Probes at a time in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What runs, and what began within the last second."""

    by_platform: Mapping[str, int]
    """How many run of each platform's streams."""
    started: Mapping[str, int]
    """How many began in each subnet."""

    @property
    def in_flight(self) -> int:
        """How many run in all."""
        return sum(self.by_platform.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A probe that nobody has been sent to do."""

    probe_id: UUID
    """Its turn is in it."""
    subnet: str
    """Where the stream is: starts are limited there."""
    platform: str
    """Who gives it: pulls are limited there."""


def turns(asked_at: datetime, first: int, count: int) -> list[UUID]:
    """Return ids for the ``first`` probe of a batch and those that follow it, in their order.

    As UUIDs of version 7 they begin with milliseconds, here those of the turn.
    """
    return [_id(asked_at + (first + number) * PACE) for number in range(count)]


def _id(turn: datetime) -> UUID:
    milliseconds = int(turn.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | 7 << 76 | randbits(12) << 64 | 2 << 62 | randbits(62))


def startable(waiting: Iterable[Waiting], load: Load, limits: Limits) -> list[UUID]:
    """Return the probes that may start now, those whose turn was first before others.

    One that has to wait for its subnet or platform holds up none of another.
    """
    started, running = Counter(load.started), Counter(load.by_platform)
    room = limits.pulls - load.in_flight
    found: list[UUID] = []
    for one in sorted(waiting, key=lambda one: one.probe_id):
        if len(found) >= room:
            break
        is_free = running[one.platform] < limits.platform_pulls
        if is_free and started[one.subnet] < limits.subnet_per_s:
            running[one.platform] += 1
            started[one.subnet] += 1
            found.append(one.probe_id)
    return found


def spent(load: Load, limits: Limits) -> tuple[list[str], list[str]]:
    """Return the subnets and the platforms of which none may start now."""
    return (
        [name for name, count in load.started.items() if count >= limits.subnet_per_s],
        [name for name, count in load.by_platform.items() if count >= limits.platform_pulls],
    )


def keys_of(url: str, upstream: str | None) -> tuple[str, str]:
    """Return the subnet and the platform that a stream is limited by.

    The subnet is the /24 of IPv4, the /64 of IPv6, or a host's name; the platform is what the
    registry calls the one above, or else host and port, which cameras of one recorder share.
    """
    parts = urlsplit(url)
    name = _one_spelling(parts.hostname or "").replace("\u3002", ".").rstrip(".")
    address = _address(name)
    host = name if address is None else str(address)
    own = f"{host}:{parts.port or ('322' if parts.scheme == 'rtsps' else '554')}"
    platform = _one_spelling(upstream or "") or own
    return _subnet(host, address)[-LONGEST_KEY:], platform[-LONGEST_KEY:]


def _one_spelling(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _address(name: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a host is, however it is spelt; registered ones may be old."""
    try:
        address = ip_address(name.partition("%")[0])
    except ValueError:
        try:
            return IPv4Address(inet_aton(name))
        except (OSError, ValueError):
            return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _subnet(host: str, address: IPv4Address | IPv6Address | None) -> str:
    if address is None:
        return host
    length = 24 if isinstance(address, IPv4Address) else 64
    return str(ip_network((address, length), strict=False))
