"""ONVIF through its package, with a transport of ours: one address, one port, bounded answers.

The package alone would follow redirects, connect to whatever host a camera names, read answers of
any size and let libxml2 lift its limits. Here every connection is checked as it is made, redirects
and compressed answers are refused, and what an answer may be is counted before it is parsed.
"""

import asyncio
import re
import socket
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn, Self
from urllib.parse import urlsplit

import aiohttp
import onvif
from aiohttp.abc import AbstractResolver
from onvif.client import ONVIFService
from onvif.exceptions import ONVIFError
from onvif.util import is_auth_error
from onvif.zeep_aiohttp import AIOHTTPTransport
from zeep.exceptions import Error as ZeepError
from zeep.exceptions import Fault
from zeep.settings import Settings
from zeep.wsdl.utils import etree_to_string

from pipelines.probing.clock import skew_of_time
from pipelines.secrets import Secret

CALL_S: Final = 4.0
"""Of one question: slow cameras take two."""

LARGEST_BYTES: Final = 512 << 10
"""Of an answer: a recorder's profiles of 32 channels have some 300 kB."""

MOST_MARKS: Final = 30_000
"""Of ``<`` in an answer. zeep takes some 20 us for each."""

MOST_ATTRIBUTES: Final = 8_000
"""Of ``=`` in an answer: 40,000 attributes of one element took four seconds. A profile has ten."""

DEVICE: Final = "/onvif/device_service"
"""Where every ONVIF camera answers (ONVIF Core, 5.1.1)."""

MEDIA: Final = "/onvif/media_service"
"""Where most do, for those that don't say."""

_WSDL: Final = Path(onvif.__file__).parent / "wsdl"
"""The package's own copies: nothing is fetched."""

_NAMESPACE: Final = {
    "devicemgmt": "http://www.onvif.org/ver10/device/wsdl",
    "media": "http://www.onvif.org/ver10/media/wsdl",
}
_BINDING: Final = {"devicemgmt": "DeviceBinding", "media": "MediaBinding"}

_DECLARES: Final = re.compile(rb"<!(?!--|\[CDATA\[)")
"""A document type, and so entities: no SOAP message has one."""

_STREAM: Final = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}


class OnvifError(Exception):
    """What answers there is no ONVIF that can be used."""


class RefusedError(OnvifError):
    """It wants another user or password."""


FAULTS: Final = (OnvifError, ONVIFError, ZeepError, aiohttp.ClientError, OSError, ValueError)
"""What asking may end in; a time-out is an ``OSError``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One of a camera's streams."""

    token: str
    """Its name in requests."""
    size_px: tuple[int, int]
    """Width and height."""


class Transport(AIOHTTPTransport):  # type: ignore[misc] # the package has no types
    """Posts to one address and port, and to no other."""

    def __init__(self, session: aiohttp.ClientSession, origin: tuple[str, int]) -> None:
        super().__init__(session=session)
        self._origin = origin

    async def post_xml(self, address: str, envelope: Any, headers: dict[str, str]) -> "Reply":
        """Return the answer, once it is known to be bounded and plain."""
        return await self.post(address, etree_to_string(envelope), headers)  # type: ignore[no-untyped-call]

    async def post(self, address: str, message: str | bytes, headers: dict[str, str]) -> "Reply":
        """As ``post_xml`` does."""
        parts = urlsplit(address)
        if (parts.scheme, parts.hostname, parts.port) != ("http", *self._origin):
            raise OnvifError("a question for another host")
        async with self.session.post(
            address,
            data=message,
            headers={"Content-Type": 'text/xml; charset="utf-8"', **(headers or {})},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=CALL_S),
        ) as answer:
            if answer.status in {401, 403}:
                raise RefusedError
            if 300 <= answer.status < 400:
                raise OnvifError("it sends elsewhere")
            return Reply(status_code=answer.status, content=await _bounded(answer.content))

    async def get(self, *_: object, **__: object) -> NoReturn:
        """Refuse: there is nothing that we get."""
        raise OnvifError("nothing is fetched")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer as zeep reads one: plain XML, whatever its headers said."""

    status_code: int
    """HTTP's."""
    content: bytes
    """The XML."""
    encoding: str = "utf-8"
    """Not used for XML, which names its own."""

    @property
    def headers(self) -> dict[str, str]:
        """No camera's own: they could make zeep read attachments."""
        return {"Content-Type": "text/xml"}


async def _bounded(stream: aiohttp.StreamReader) -> bytes:
    content = b""
    while chunk := await stream.read(1 << 16):
        content += chunk
        if len(content) > LARGEST_BYTES:
            raise OnvifError(f"an answer of more than {LARGEST_BYTES} bytes")
    too_much = content.count(b"<") > MOST_MARKS or content.count(b"=") > MOST_ATTRIBUTES
    if too_much or b"\0" in content or _DECLARES.search(content):
        raise OnvifError("an answer that no camera gives")
    return content


class _Nowhere(AbstractResolver):
    """Knows no name: who is asked has an address."""

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> NoReturn:  # noqa: ARG002
        raise OSError(f"{host!r}:{port}: no name is looked up here")

    async def close(self) -> None:
        pass


def session_to(peer: str, port: int) -> aiohttp.ClientSession:
    """Return a session that can connect to one address and port alone."""

    def made(found: Any) -> socket.socket:
        family, kind, protocol, _, target = found
        if ip_address(target[0]) != ip_address(peer) or target[1] != port:
            raise OSError("a connection to another host")
        return socket.socket(family, kind, protocol)

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            resolver=_Nowhere(), socket_factory=made, limit=2, force_close=True, use_dns_cache=False
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        headers={"Accept-Encoding": "identity"},
        timeout=aiohttp.ClientTimeout(total=CALL_S),
        max_line_size=8190,
        max_field_size=8190,
        read_bufsize=1 << 16,
    )


async def found_port(peer: str, ports: tuple[int, ...]) -> int | None:
    """Return the first port at which a camera answers ONVIF; without a login, all at once."""

    async def answers(port: int) -> bool:
        try:
            async with Client(peer, port, None) as client:
                await client.tell_time()
        except RefusedError:
            return True
        except FAULTS:
            return False
        return True

    found = await asyncio.gather(*map(answers, ports))
    return next((port for port, is_there in zip(ports, found, strict=True) if is_there), None)


class Client:
    """One camera's services, while it is entered. Raises ``OnvifError`` and the packages' own."""

    def __init__(self, peer: str, port: int, login: tuple[str, Secret] | None) -> None:
        self._peer, self._port, self._login = peer, port, login
        self._undo = AsyncExitStack()
        self._ahead: timedelta | None = None
        self.skew_s: float | None = None
        """The camera's clock less ours, once it has told its time."""

    async def __aenter__(self) -> Self:
        self._session = await self._undo.enter_async_context(session_to(self._peer, self._port))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._undo.aclose()

    async def tell_time(self) -> None:
        """Learn the camera's clock, by which it judges our digests."""
        try:
            said = await self._call("devicemgmt", DEVICE, "GetSystemDateAndTime", plainly=True)
        except (RefusedError, Fault):
            if self._login is None:
                raise
            said = await self._call("devicemgmt", DEVICE, "GetSystemDateAndTime")
        with suppress(AttributeError, TypeError, ValueError, OverflowError):
            day, hour = said.UTCDateTime.Date, said.UTCDateTime.Time
            at = datetime(
                day.Year, day.Month, day.Day, hour.Hour, hour.Minute, min(hour.Second, 59),
                tzinfo=UTC,
            )  # fmt: skip
            self.skew_s = skew_of_time(at, time.time())
            if self.skew_s is not None:
                self._ahead = timedelta(seconds=self.skew_s)

    async def profiles(self) -> list[Profile]:
        """Return the streams of which the camera tells the size."""
        self._media = await self._media_path()
        said = await self._call("media", self._media, "GetProfiles")
        found = []
        for one in said or []:
            with suppress(AttributeError, TypeError, ValueError):
                size = one.VideoEncoderConfiguration.Resolution
                found.append(
                    Profile(token=str(one.token), size_px=(int(size.Width), int(size.Height)))
                )
        return found

    async def uri(self, profile: Profile) -> str:
        """Return where a profile's stream is, as the camera says; not checked yet."""
        asked = {"StreamSetup": _STREAM, "ProfileToken": profile.token}
        said = await self._call("media", self._media, "GetStreamUri", asked)
        return str(getattr(said, "Uri", None) or "")

    async def _media_path(self) -> str:
        """Return the path of the media service; its host and port are known."""
        with suppress(Fault):
            asked = {"IncludeCapability": False}
            for one in await self._call("devicemgmt", DEVICE, "GetServices", asked) or []:
                if getattr(one, "Namespace", None) == _NAMESPACE["media"]:
                    return _path(one.XAddr)
        with suppress(Fault):
            said = await self._call("devicemgmt", DEVICE, "GetCapabilities", {"Category": "Media"})
            return _path(getattr(getattr(said, "Media", None), "XAddr", None))
        return MEDIA

    async def _call(
        self,
        service: str,
        path: str,
        name: str,
        asked: dict[str, Any] | None = None,
        *,
        plainly: bool = False,
    ) -> Any:
        """Return what an operation answers, asked with the login unless ``plainly``."""
        host = f"[{self._peer}]" if ":" in self._peer else self._peer
        user, password = self._login or (None, None)
        caller = ONVIFService(
            f"http://{host}:{self._port}{path}",
            user,
            None if password is None else password.reveal(),
            str(_WSDL / f"{service}.wsdl"),
            no_cache=True,
            dt_diff=self._ahead,
            binding_name=f"{{{_NAMESPACE[service]}}}{_BINDING[service]}",
        )
        try:
            caller.transport = Transport(self._session, (self._peer, self._port))
            await caller.setup()
            for client in (caller.zeep_client, caller.zeep_client_authless):
                client.settings = Settings(strict=False, forbid_dtd=True, forbid_external=True)
            prefix = "authless_" if plainly or self._login is None else ""
            return await getattr(caller, prefix + name)(asked)
        except Fault as fault:
            if is_auth_error(fault):
                raise RefusedError from None
            raise
        finally:
            await caller.close()


def _path(xaddr: object) -> str:
    """Return the path of a service's address; of none, the usual one."""
    try:
        path = urlsplit(str(xaddr or "")).path
    except ValueError:
        return MEDIA
    is_plain = re.fullmatch(r"/[\w./~-]{1,255}", path, re.ASCII) is not None
    return path if is_plain else MEDIA
