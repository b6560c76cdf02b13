"""Platforms give out RTSP addresses that expire; here a worker asks for another, and not too often.

A camera's platform is asked once in a while, and more and more rarely while it has none to give;
meanwhile what it said last holds. A platform that doesn't answer is asked by nobody for a moment.
What it gives is looked at before anybody connects to it: RTSP, and where this camera may be.
"""

import random
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from pipelines.address import camera_address
from pipelines.faults import (
    BadAddressError,
    PlatformAddressError,
    PlatformBusyError,
    PlatformChannelError,
    PlatformError,
    PlatformRefusedError,
    PlatformUnreachableError,
    SourceError,
)
from pipelines.jurisdictions import NO_JURISDICTIONS, Jurisdictions
from pipelines.messages import Camera
from pipelines.metrics import WorkerMetrics
from pipelines.platform_http import PlatformHttp
from pipelines.platforms_file import PlatformSettings
from pipelines.rtsp.networks import Networks
from pipelines.sealing import PORTS
from pipelines.wvp import KEY_HEADER, Wvp

AGAIN_S: Final = 30.0
"""So long a platform is not asked for the same camera again."""

LONGEST_AGAIN_S: Final = 600.0
"""While it has no address to give: a camera that is back is seen in ten minutes."""

CLOSED_S: Final = 5.0
LONGEST_CLOSED_S: Final = 60.0
"""While it doesn't answer, or takes no key: then for any camera."""

PATIENCE_S: Final = 2.0
"""Who wants an address waits so long for a turn."""

BUSY_TRIES: Final = 3
"""Then is told that too many do."""

BUSY_S: Final = 1.0
"""Between two of them, more or less: that doesn't count as a failure, which would keep a camera
away for half a minute."""

LOOKUP_TIMEOUT_S: Final = 5.0
"""For the name of the host in what it gave."""

LONGEST_URL: Final = 2048

REMEMBERED: Final = 4096
"""Answers; above it the expired ones are forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Last:
    """What came of asking for a camera."""

    given: str | SourceError
    """The address, or why there is none."""
    again_s: float
    """When the platform is asked anew."""
    failures: int = 0
    """In a row."""


class Platforms:
    """The platforms that this worker may ask; any thread may call it."""

    def __init__(
        self,
        settings: Iterable[PlatformSettings],
        metrics: WorkerMetrics,
        networks: Networks,
        jurisdictions: Jurisdictions = NO_JURISDICTIONS,
    ) -> None:
        """``networks`` are where platforms may be, and cameras; ``jurisdictions`` narrow these."""
        self._networks, self._jurisdictions = networks, jurisdictions
        self._desks = {one.name: _Desk(one, metrics, networks) for one in settings}

    def fresh_url(self, camera: Camera) -> str | None:
        """Return an address of a camera's stream that works now, to be shown to nobody.

        ``None`` if its ``upstream`` is no platform that was configured. Raises ``PlatformError``.
        """
        desk = self._desks.get(camera.upstream or "")
        if desk is None:
            return None
        where = f"platform {camera.upstream}"
        if not camera.gb_id:
            raise PlatformChannelError(where, f"{camera.camera_id} is registered without a GB id")
        url = desk.address(camera.camera_id, camera.gb_id)
        self._require_allowed(url, camera, where)
        return url

    def _require_allowed(self, url: str, camera: Camera, where: str) -> None:
        try:
            camera_address(url)
            parts = urlsplit(url)
        except (BadAddressError, ValueError):
            raise PlatformAddressError(where, "it gave what is no RTSP address") from None
        if "@" in parts.netloc or len(url) > LONGEST_URL or not url.isprintable():
            raise PlatformAddressError(where, "it gave an address that none may have")
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        try:
            networks = self._jurisdictions.narrow(self._networks, camera)
            networks.resolve(host, port, where, LOOKUP_TIMEOUT_S)
        except SourceError as error:
            raise PlatformAddressError(where, f"it gave an address where {error.what}") from None


class _Desk:
    """One platform: who asks, when, and what it said."""

    def __init__(
        self, settings: PlatformSettings, metrics: WorkerMetrics, networks: Networks
    ) -> None:
        self._where = f"platform {settings.name}"
        self._metrics = metrics
        headers = {KEY_HEADER: settings.key}
        self._platform = Wvp(
            settings.name, PlatformHttp(settings.name, settings.url, headers, networks)
        )
        self._turns = threading.BoundedSemaphore(settings.pulls)
        self._changed = threading.Condition()
        self._asking: set[tuple[str, str]] = set()
        self._last: dict[tuple[str, str], _Last] = {}
        self._closed = _Last(given="", again_s=0.0)

    def address(self, camera_id: str, gb_id: str) -> str:
        """Return what the platform gives, or gave a moment ago. Raises ``PlatformError``."""
        wanted = camera_id, gb_id
        with self._changed:
            self._changed.wait_for(lambda: wanted not in self._asking, PATIENCE_S)
            if wanted in self._asking:
                raise self._busy()
            known = self._known(wanted)
            if known is not None:
                return _told(known.given)
            self._asking.add(wanted)
        try:
            return self._asked(wanted)
        finally:
            with self._changed:
                self._asking.discard(wanted)
                self._changed.notify_all()

    def _known(self, wanted: tuple[str, str]) -> _Last | None:
        """Return what holds still for a camera, or for all of them."""
        now_s = time.monotonic()
        last = self._last.get(wanted)
        for known in (last, self._closed):
            if known is not None and now_s < known.again_s:
                return known
        return None

    def _asked(self, wanted: tuple[str, str]) -> str:
        known = self._turn(wanted)
        if known is not None:
            return _told(known.given)
        try:
            given: str | SourceError = self._platform.address(wanted[1])
        except PlatformError as error:
            given = error
        finally:
            self._turns.release()
        self._metrics.platform_request("renewed" if isinstance(given, str) else given.code)
        with self._changed:
            self._note(wanted, given)
        return _told(given)

    def _turn(self, wanted: tuple[str, str]) -> _Last | None:
        """Take a turn, or return what was learnt while waiting for one, and take none."""
        for tries in range(BUSY_TRIES):
            if tries:
                time.sleep(BUSY_S * random.uniform(0.5, 1.5))  # noqa: S311
            has_turn = self._turns.acquire(timeout=PATIENCE_S)
            with self._changed:
                known = self._known(wanted)
            if known is not None and has_turn:
                self._turns.release()
            if known is not None or has_turn:
                return known
        raise self._busy()

    def _note(self, wanted: tuple[str, str], given: str | SourceError) -> None:
        now_s = time.monotonic()
        last = self._last.get(wanted)
        failures = 0 if isinstance(given, str) else 1 + (0 if last is None else last.failures)
        wait_s = min(LONGEST_AGAIN_S, AGAIN_S * 2 ** max(0, failures - 1))
        if len(self._last) >= REMEMBERED:
            self._last = {
                one: known
                for one, known in self._last.items()
                if now_s < known.again_s + LONGEST_AGAIN_S
            }
        self._last[wanted] = _Last(given=given, again_s=now_s + wait_s, failures=failures)
        if not isinstance(given, PlatformUnreachableError | PlatformRefusedError):
            self._closed = _Last(given="", again_s=0.0)
            return
        times = self._closed.failures
        closed_s = min(LONGEST_CLOSED_S, CLOSED_S * 2**times)
        self._closed = _Last(given=given, again_s=now_s + closed_s, failures=times + 1)

    def _busy(self) -> PlatformBusyError:
        self._metrics.platform_request(PlatformBusyError.code)
        return PlatformBusyError(self._where, "too many addresses are being asked for")


def _told(given: str | SourceError) -> str:
    if isinstance(given, SourceError):
        raise type(given)(given.where, given.what)  # anew: several threads may tell of one
    return given
