"""Where cameras may be: networks allowed, names resolved once, the address pinned."""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from pipelines.faults import NetworkRefusedError, UnreachableError

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network

PRIVATE: Final = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)
"""Where video networks are (RFC 1918, 6598, 4193). Public ones must be named."""

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
        ),
    )
)
"""No camera is there, whatever is allowed."""


class NetworksError(ValueError):
    """Networks that can't be read. The text says what to do."""


@dataclass(frozen=True, slots=True)
class Networks:
    """The networks in which cameras may be."""

    allowed: tuple[IpNetwork, ...] = PRIVATE
    """``NEVER`` is taken out of them."""

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "Networks":
        """Return the networks written as ``10.0.0.0/8``, a single address or ``private``.

        Raises ``NetworksError``.
        """
        found: list[IpNetwork] = []
        for text in texts:
            if text.strip() == "private":
                found += PRIVATE
                continue
            try:
                network = ip_network(text.strip())
            except ValueError:
                raise NetworksError(
                    f"{text.strip()!r} is no network: write private, or one as 10.20.0.0/16"
                ) from None
            found.append(network)
        return cls(tuple(found))

    def admits(self, address: IpAddress) -> bool:
        """Say whether a camera may be there."""
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in one for one in self.allowed) and not any(
            address in one for one in NEVER
        )

    def resolve(self, host: str, port: int, shown: str) -> tuple[IpAddress, int]:
        """Look a name up once; return the first of its addresses that is allowed, to connect to.

        Raises ``NetworkRefusedError`` if none is, ``UnreachableError`` if there is none.
        """
        try:
            known = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise UnreachableError(shown, "its name is not known") from None
        addresses = [ip_address(str(one[4][0]).partition("%")[0]) for one in known]
        for address in addresses:
            if self.admits(address):
                return address, port
        named = "" if host == str(addresses[0]) else f" ({addresses[0]})"
        raise NetworkRefusedError(shown, f"{host}{named} is in no network that is allowed here")


LOOPBACK: Final = Networks.parse(("127.0.0.0/8", "::1/128"))
"""Where drill cameras are."""

EVERYWHERE: Final = Networks.parse(("0.0.0.0/0", "::/0"))
"""Where a camera may be that somebody names at the command line."""
