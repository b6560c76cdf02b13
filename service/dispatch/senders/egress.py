"""Where a target may be: names resolved once, the address checked, and that one connected to."""

import socket
import ssl
import threading
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from service.dispatch.sending import UnreachableError

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network

CONNECT_S: Final = 3.0
"""The longest wait for a name, and for one connection."""

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
"""No target is there, whatever the file says. The list is that of pipelines/rtsp/networks.py."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How a target proves who it is, and this service to it."""

    ca_file: Path | None = None
    """Who is believed about it, instead of the public authorities."""
    certificate: Path | None = None
    """This service's own, for targets that ask."""
    key: Path | None = None
    """The certificate's private key, if it isn't in the same file."""

    def context(self) -> ssl.SSLContext:
        """Return a context that checks names. Raises ``OSError``."""
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key, _no_passphrase)
        return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """The networks in which one target may be."""

    allowed: tuple[IpNetwork, ...] = ()
    """Those that the file lists; without any, public ones. Who speaks no TLS must list some."""

    def admits(self, address: IpAddress) -> bool:
        """Say whether a target may be there."""
        address = _plain(address)
        may = _lies_in(address, self.allowed) if self.allowed else address.is_global
        return may and not _lies_in(address, NEVER)

    def connect(self, host: str, port: int, ends_s: float) -> socket.socket:
        """Return a connection to an address that was checked, still without TLS.

        ``ends_s`` is monotonic. Raises ``UnreachableError``: who lists the network, or corrects
        the name, gets the order sent.
        """
        addresses = _looked_up(host, port, min(CONNECT_S, _left_s(ends_s)))
        usable = [one for one in addresses if self.admits(one)]
        if not usable:
            raise UnreachableError(
                f"{_named(host, addresses[0])} is in no network that this target may be in: "
                "list its network in allowed_networks"
            )
        return _first_of(usable, port, ends_s)


def wrapped(plain: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    """Return a connection under TLS, the certificate checked against the name."""
    with ExitStack() as undo:
        undo.callback(plain.close)
        safe = context.wrap_socket(plain, server_hostname=host)
        undo.pop_all()
    return safe


def faults_words(error: Exception) -> str:
    """Return a network fault in words that hold nothing of what was sent."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message}): name who is in ca_file"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "it refuses connections"
    return f"no connection ({type(error).__name__.removesuffix('Error')})"


def _first_of(addresses: list[IpAddress], port: int, ends_s: float) -> socket.socket:
    fault: OSError = TimeoutError()
    for address in addresses:
        try:
            left_s = min(CONNECT_S, _left_s(ends_s))
            return socket.create_connection((str(address), port), left_s)
        except OSError as error:
            fault = error
    raise UnreachableError(faults_words(fault))


def _looked_up(host: str, port: int, timeout_s: float) -> list[IpAddress]:
    """Ask the system's resolver, which knows no end, in a thread that ends with it."""
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
        raise UnreachableError(f"the name {host} was not found in time") from None
    if not addresses:
        raise UnreachableError(f"the name {host} is not known")
    return addresses


def _plain(address: IpAddress) -> IpAddress:
    """Return an IPv4 address in IPv6's clothes as what it is."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _lies_in(address: IpAddress, networks: Iterable[IpNetwork]) -> bool:
    return any(address in one for one in networks)


def _named(host: str, address: IpAddress) -> str:
    return host if host == str(address) else f"{host} ({address})"


def _left_s(ends_s: float) -> float:
    left_s = ends_s - time.monotonic()
    if left_s <= 0:
        raise UnreachableError("no answer in time")
    return left_s


def _no_passphrase() -> str:
    # Without it, OpenSSL asks whoever sits at the terminal.
    raise ValueError("the key has a passphrase: give one without")
