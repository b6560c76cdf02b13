"""Orders as alarms of a GB/T 28181 platform: the Redis channel of wvp-GB28181-pro.

Read in its source (``AlarmChannelMessage`` and ``RedisAlarmMsgListener``, the 2.7.4 line): it takes
``gbId`` (the channel's code), ``alarmSn`` and ``alarmType`` (whole numbers) and
``alarmDescription`` (text) as JSON, and tells the platforms above that share the channel. What it
calls ``alarmSn`` goes into GB/T 28181's AlarmMethod, so it says how the alarm was found.
"""

import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from pipelines.messages import OrderKind
from pipelines.secrets import Secret
from service.dispatch.senders import telling
from service.dispatch.senders.egress import Egress, Tls, faults_words, wrapped
from service.dispatch.senders.words import words
from service.dispatch.sending import Outgoing, RefusedError, UnreachableError
from vision.hazards import Hazard

CHANNEL: Final = "alarm_receive"

BY_VIDEO: Final = 5
"""AlarmMethod of GB/T 28181: 视频报警."""

ALARM_TYPES: Final[Mapping[Hazard, int]] = {
    Hazard.WRONG_WAY: 7,  # 逆行检测报警
    Hazard.CAMERA_FAULT: 11,  # 视频异常检测报警
    Hazard.DEBRIS: 3,  # 遗留物检测报警
    Hazard.OBSTRUCTION: 3,
    Hazard.STOPPED_VEHICLE: 3,
    # The standard has no number for these: agree on one with the platform above.
    Hazard.FIRE: 101,
    Hazard.SMOKE: 102,
    Hazard.WATER_OVER_LINE: 103,
}
"""AlarmType of GB/T 28181 under that method."""

LANGUAGE: Final = "zh-CN"

LARGEST_ANSWER_BYTES: Final = 64 * 1024
"""Of one attempt; honest ones take a hundred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WvpSettings:
    """The Redis of one platform."""

    host: str
    """Its name."""
    port: int
    """Its port."""
    tls: Tls | None
    """None: without TLS."""
    egress: Egress
    """The networks it may be in."""
    username: str | None
    """How it knows this service."""
    password: Secret | None
    """And believes it."""
    channel: str
    """The channel that the platform listens on."""
    alarm_types: Mapping[Hazard, int]
    """What it calls hazards."""
    zone: ZoneInfo
    """Whose times are written."""
    timeout_s: float
    """The longest that one attempt takes."""


class WvpSender:
    """Publishes each order as one alarm."""

    def __init__(self, settings: WvpSettings) -> None:
        self._settings = settings

    def send(self, outgoing: Outgoing) -> str:
        """Return how many heard it. A channel keeps nothing: nobody there means again later."""
        body = alarm(outgoing, self._settings)
        ends_s = time.monotonic() + self._settings.timeout_s
        connection: Any = _Pinned(self._settings, ends_s)
        try:
            connection.send_command("PUBLISH", self._settings.channel, body)
            heard = connection.read_response()
        except redis.AuthenticationError:
            raise UnreachableError("its Redis takes no such user and password") from None
        except redis.TimeoutError:
            raise UnreachableError("no answer in time") from None
        except (redis.RedisError, OSError) as error:
            raise UnreachableError(f"its Redis: {error}") from None
        except (ValueError, RecursionError):  # numbers that are none, lists within lists
            raise UnreachableError("its answer is no Redis'") from None
        finally:
            connection.disconnect()
        if not isinstance(heard, int) or heard < 1:
            raise UnreachableError(
                f"nobody listens on {self._settings.channel}: is the platform running?"
            )
        return f"{heard} heard it"

    def close(self) -> None:
        """Do nothing: no connection is kept."""


def alarm(outgoing: Outgoing, settings: WvpSettings) -> str:
    """Return an order's alarm. Raises ``RefusedError`` for what the platform has no words for."""
    order = outgoing.order
    if order.drill or order.kind is not OrderKind.ORDER:
        raise RefusedError("an alarm upward can neither be a drill nor be changed or taken back")
    if order.gb_id is None:
        raise RefusedError(
            f"camera {order.camera_id} has no GB id: register it, then replay the order"
        )
    return json.dumps(
        {
            "gbId": order.gb_id,
            "alarmSn": BY_VIDEO,
            "alarmType": settings.alarm_types[order.hazard],
            "alarmDescription": telling.description(words()[LANGUAGE], order, settings.zone),
        },
        ensure_ascii=False,
    )


class _Pinned(redis.Connection):
    """Connects to the address that was checked; the certificate is checked against the name."""

    def __init__(self, settings: WvpSettings, ends_s: float) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            host=settings.host,
            port=settings.port,
            username=settings.username,
            password=None if settings.password is None else settings.password.reveal(),
            socket_timeout=settings.timeout_s,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,
        )
        self._settings, self._ends_s = settings, ends_s

    def _connect(self) -> Any:
        found = self._settings
        plain = found.egress.connect(found.host, found.port, self._ends_s)
        return _Hurried(self._safe(plain), self._ends_s)

    def _safe(self, plain: socket.socket) -> socket.socket:
        if self._settings.tls is None:
            return plain
        plain.settimeout(max(0.001, self._ends_s - time.monotonic()))
        try:
            return wrapped(plain, self._settings.tls.context(), self._settings.host)
        except (OSError, ValueError) as error:
            plain.close()
            raise UnreachableError(faults_words(error)) from None


class _Hurried:
    """A socket whose every wait ends when the attempt does, and that reads so many bytes."""

    def __init__(self, sock: socket.socket, ends_s: float) -> None:
        self._sock, self._ends_s = sock, ends_s
        self._left_bytes = LARGEST_ANSWER_BYTES

    def __getattr__(self, name: str) -> Any:
        self._sock.settimeout(max(0.001, self._ends_s - time.monotonic()))
        return getattr(self._sock, name)

    def recv(self, size: int) -> bytes:
        """Read some; also one that never pauses comes to an end."""
        left_s = self._ends_s - time.monotonic()
        if left_s <= 0:
            raise UnreachableError("no answer in time")
        self._sock.settimeout(left_s)
        read = self._sock.recv(size)
        self._left_bytes -= len(read)
        if self._left_bytes < 0:
            raise UnreachableError(f"its answer passes {LARGEST_ANSWER_BYTES} bytes")
        return read

    def recv_into(self, buffer: Any) -> int:
        """Read some, for the parser in C."""
        read = self.recv(len(buffer))
        buffer[: len(read)] = read
        return len(read)

    def settimeout(self, _timeout_s: float | None) -> None:
        """Keep the attempt's own end."""
