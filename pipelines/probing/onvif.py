"""Asks a camera by ONVIF where its smaller streams are: at its own address, and nowhere else.

One thread with an event loop of its own serves all probes of a worker; the package and its WSDL
are loaded when the first camera is asked. What a camera answers is held to its own host: an XAddr
gives a path, a stream's address counts only if it names the camera.
"""

import asyncio
import math
import os
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

import structlog

from pipelines.address import SCHEMES
from pipelines.messages import Onvif
from pipelines.secrets import SECRET_IN_PATH, Secret

if TYPE_CHECKING:
    from pipelines.probing.onvif_client import Profile

PORTS: Final = (80, 8000, 8080, 8899)
"""Where cameras answer ONVIF: most, Hikvision's older ones, some behind their web page, XM's."""

MOST_PORTS: Final = 8
"""More would be a scan."""

LONGEST_S: Final = 10.0
"""Of one camera, however many questions."""

MOST_URIS: Final = 2
"""Of profiles whose stream's address is asked for: the largest that are small enough."""

LONGEST_URI: Final = 2048

NICENESS: Final = 10

log = structlog.get_logger()


class PortsError(ValueError):
    """What was given are no ports. The text says what to do."""


def ports(text: str) -> tuple[int, ...]:
    """Return ports written as ``80,8000``; none for nothing. Raises ``PortsError``."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    found = tuple(int(word) for word in words if word.isascii() and word.isdecimal())
    if len(found) != len(words) or len(found) > MOST_PORTS or not all(0 < n < 65536 for n in found):
        raise PortsError(f"ONVIF ports {text[:40]!r}: write up to {MOST_PORTS}, as 80,8000")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which camera is asked, and for what."""

    peer: str
    """Its address as it was resolved and allowed: an IP address."""
    url: str
    """Where its main stream is, without a login."""
    login: tuple[str, Secret] | None
    """Its user and password."""
    is_wanted: Callable[[tuple[int, int]], bool]
    """Says of a profile's width and height whether its stream would be watched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of it."""

    status: Onvif
    """Whether there was an answer."""
    urls: tuple[str, ...] = ()
    """Of smaller streams at the camera's own host and port, without login; the largest first."""
    skew_s: float | None = None
    """The camera's clock less ours."""


class OnvifDesk:
    """The thread. Any other may ask; each waits for its answer."""

    def __init__(self, ports: tuple[int, ...] = PORTS) -> None:
        """Try these ports; with none, nobody is asked."""
        self._ports = ports
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    def ask(self, question: Question, ends_s: float = math.inf) -> Answer:
        """Return what a camera says, within ``LONGEST_S`` and until ``ends_s``.

        Nothing that it does raises.
        """
        longest_s = min(LONGEST_S, ends_s - time.monotonic())
        if not self._ports or longest_s <= 0:
            return Answer(status=Onvif.NOT_ASKED)
        future = self._begun(_asked(question, self._ports, longest_s))
        if future is None:
            return Answer(status=Onvif.NOT_ASKED)
        try:
            return future.result(longest_s + 2.0)
        except (TimeoutError, CancelledError):
            future.cancel()
            return Answer(status=Onvif.ABSENT)
        except Exception as error:  # noqa: BLE001 - what a camera's XML may do to its readers
            log.warning("onvif", fault=type(error).__name__, next="the camera counts as without it")
            return Answer(status=Onvif.ABSENT)

    def stop(self) -> None:
        """End; whoever waits has its answer at once."""
        with self._lock:
            loop, ending, self._ports = self._loop, self._ending, ()
        if loop is not None and ending is not None:
            with suppress(RuntimeError):  # ended already
                loop.call_soon_threadsafe(ending.set)

    def _begun(self, asked: "Coroutine[None, None, Answer]") -> "Future[Answer] | None":
        with self._lock:
            if self._ports and self._thread is None:
                there = threading.Event()
                self._thread = threading.Thread(
                    target=lambda: asyncio.run(self._serve(there)), name="onvif", daemon=True
                )
                self._thread.start()
                there.wait()
            if self._ports and self._loop is not None:
                return asyncio.run_coroutine_threadsafe(asked, self._loop)
        asked.close()
        return None

    async def _serve(self, there: threading.Event) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        there.set()
        await self._ending.wait()


async def _asked(question: Question, ports: tuple[int, ...], longest_s: float) -> Answer:
    from pipelines.probing import onvif_client as onvif  # noqa: PLC0415 - 48 MB, for who needs it

    skew_s = None
    try:
        async with asyncio.timeout(longest_s):
            port = await onvif.found_port(question.peer, ports)
            if port is None:
                return Answer(status=Onvif.ABSENT)
            async with onvif.Client(question.peer, port, question.login) as client:
                await client.tell_time()
                skew_s = client.skew_s
                urls = await _urls(client.uri, await client.profiles(), question)
                return Answer(status=Onvif.ANSWERED, urls=urls, skew_s=skew_s)
    except onvif.RefusedError:
        return Answer(status=Onvif.REFUSED, skew_s=skew_s)
    except onvif.FAULTS:
        return Answer(status=Onvif.ABSENT, skew_s=skew_s)


async def _urls(
    uri: "Callable[[Profile], Coroutine[None, None, str]]",
    profiles: "list[Profile]",
    question: Question,
) -> tuple[str, ...]:
    wanted = [one for one in profiles if question.is_wanted(one.size_px)]
    wanted.sort(key=lambda one: one.size_px[0] * one.size_px[1], reverse=True)
    found: dict[str, None] = {}
    for one in wanted[:MOST_URIS]:
        url = at_camera(await uri(one), question.url, question.peer)
        if url is not None and url != question.url:
            found[url] = None
    return tuple(found)


def at_camera(uri: str, url: str, peer: str) -> str | None:
    """Return a stream's address as the camera is registered: its host, port and scheme.

    ``None`` for one that names another host, or that holds what may be a login.
    """
    registered = urlsplit(url)
    try:
        parts = urlsplit(uri.strip())
        host = (parts.hostname or "").lower()
    except ValueError:
        return None
    names_it = host == (registered.hostname or "").lower() or _is(host, peer)
    is_plain = len(uri) <= LONGEST_URI and uri.isprintable() and " " not in uri.strip()
    if not (names_it and is_plain and parts.scheme.lower() in SCHEMES):
        return None
    if SECRET_IN_PATH.search(parts.path) or SECRET_IN_PATH.search(parts.query):
        return None
    return urlunsplit((registered.scheme, registered.netloc, parts.path, parts.query, ""))


def _is(host: str, peer: str) -> bool:
    try:
        return ip_address(host) == ip_address(peer)
    except ValueError:
        return False
