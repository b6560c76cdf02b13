"""Network addresses: which are never connected to, and names looked up within a time."""

import socket
import threading
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from queue import Empty, SimpleQueue
from typing import Final

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network

NEVER: Final = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",  # this host, by another name
            "169.254.0.0/16",  # link-local: clouds answer there with their machines' secrets
            "100.100.100.200/32",  # Alibaba Cloud's metadata
            "192.0.0.0/24",  # special purpose; Oracle's metadata
            "224.0.0.0/4",
            "240.0.0.0/4",
            "::/128",
            "fe80::/10",
            "fd00:ec2::254/128",  # Amazon's metadata
            "fd20:ce::254/128",  # Google's metadata
            "ff00::/8",
            "64:ff9b::/96",  # carries an IPv4 address that these lists wouldn't see
            "64:ff9b:1::/48",
            "2001::/32",
            "2002::/16",
            "::ffff:0:0:0/96",
            "fec0::/10",  # link-local's older sister
        ),
    )
) + tuple(IPv6Network("::/96").address_exclude(IPv6Network("::1/128")))
"""No camera and no target is there, whatever is allowed. The last ones are IPv4 addresses written
as IPv6 of old, but for ``::1``, which is this host's by its usual name."""


class NameLookupError(OSError):
    """A name leads nowhere. The text says how that was found."""


def look_up(host: str, port: int, timeout_s: float) -> list[IpAddress]:
    """Return a name's addresses, at least one. Raises ``NameLookupError``.

    The system's resolver knows no end: it is asked in a thread, which ends with it.
    """
    found: SimpleQueue[list[IpAddress]] = SimpleQueue()

    def ask() -> None:
        try:
            known = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            known = []
        found.put([ip_address(str(one[4][0]).partition("%")[0]) for one in known])

    threading.Thread(target=ask, name="resolver", daemon=True).start()
    try:
        addresses = found.get(timeout=timeout_s)
    except Empty:
        raise NameLookupError("its name was not found in time") from None
    if not addresses:
        raise NameLookupError("its name is not known")
    return addresses


def plain(address: IpAddress) -> IpAddress:
    """Return an IPv4 address in IPv6's clothes as what it is."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def lies_in(address: IpAddress, networks: Iterable[IpNetwork]) -> bool:
    """Say whether an address is in one of them."""
    address = plain(address)
    return any(address in one for one in networks)
