"""Where cameras may be: networks allowed, names resolved once, the address pinned."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Final

from pipelines.faults import NetworkRefusedError, PlaceRefusedError, UnreachableError
from pipelines.lookup import NEVER, IpAddress, IpNetwork, NameLookupError, lies_in, look_up

PRIVATE: Final = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)
"""Where video networks are (RFC 1918, 6598, 4193). Public ones must be named."""


class NetworksError(ValueError):
    """Networks that can't be read. The text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceNetworks:
    """The networks in which a place's cameras may be."""

    code: str = field(compare=False)
    """The place that they are written for: the camera's own, or one that this lies in."""
    allowed: tuple[IpNetwork, ...]
    """If there are none, no camera of it is connected to."""


@dataclass(frozen=True, slots=True)
class Networks:
    """The networks in which cameras may be."""

    allowed: tuple[IpNetwork, ...] = PRIVATE
    """The installation's. ``NEVER`` is taken out of them."""
    of_place: PlaceNetworks | None = None
    """What must admit a camera as well."""

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
        narrower = self.of_place
        return self._in_installation(address) and (
            narrower is None or lies_in(address, narrower.allowed)
        )

    def resolve(self, host: str, port: int, shown: str, timeout_s: float) -> tuple[IpAddress, int]:
        """Look a name up once; return the first of its addresses that is allowed, to connect to.

        Raises ``NetworkRefusedError`` if none is, ``UnreachableError`` if there is none.
        """
        try:
            addresses = look_up(host, port, timeout_s)
        except NameLookupError as error:
            raise UnreachableError(shown, str(error)) from None
        for address in addresses:
            if self.admits(address):
                return address, port
        raise self._refusal(host, addresses, shown)

    def _in_installation(self, address: IpAddress) -> bool:
        return lies_in(address, self.allowed) and not lies_in(address, NEVER)

    def _refusal(self, host: str, addresses: list[IpAddress], shown: str) -> NetworkRefusedError:
        """Return the fault that says whose networks refuse all of these addresses."""
        within = [address for address in addresses if self._in_installation(address)]
        first = (within or addresses)[0]
        named = host if host == str(first) else f"{host} ({first})"
        what = f"{named} is in no network that is allowed in"
        if within and self.of_place is not None:
            return PlaceRefusedError(shown, f"{what} place {self.of_place.code}")
        return NetworkRefusedError(shown, f"{what} this installation")


LOOPBACK: Final = Networks.parse(("127.0.0.0/8", "::1/128"))
"""Where drill cameras are."""

EVERYWHERE: Final = Networks.parse(("0.0.0.0/0", "::/0"))
"""Where a camera may be that somebody names at the command line."""
