"""Where a target may be: names resolved once, the address checked, and that one connected to."""

import socket
import ssl
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipelines.lookup import (
    NEVER,
    IpAddress,
    IpNetwork,
    NameLookupError,
    lies_in,
    look_up,
    plain,
)
from service.dispatch.sending import UnreachableError

CONNECT_S: Final = 3.0
"""The longest wait for a name, and for one connection."""


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
        address = plain(address)
        may = lies_in(address, self.allowed) if self.allowed else address.is_global
        return may and not lies_in(address, NEVER)

    def connect(self, host: str, port: int, ends_s: float) -> socket.socket:
        """Return a connection to an address that was checked, still without TLS.

        ``ends_s`` is monotonic. Raises ``UnreachableError``: who lists the network, or corrects
        the name, gets the order sent.
        """
        try:
            addresses = look_up(host, port, min(CONNECT_S, _left_s(ends_s)))
        except NameLookupError as error:
            raise UnreachableError(f"{host}: {error}") from None
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
