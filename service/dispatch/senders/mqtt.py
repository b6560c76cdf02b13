"""Orders over MQTT 5, each acknowledged by the broker (QoS 1) before it counts as sent.

One connection is kept. Whatever goes wrong ends it, with all that paho still held: what comes
again is the outbox's repetition, in its order, with the same order id.
"""

import hashlib
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from pipelines.messages import DispatchOrder
from pipelines.secrets import Secret
from service.dispatch.senders.egress import Egress, Tls, faults_words, wrapped
from service.dispatch.senders.webhook import traceparent
from service.dispatch.sending import Outgoing, RefusedError, UnreachableError

TOPIC_FIELDS: Final = frozenset({"place_code", "hazard", "severity", "kind"})
"""What a topic may be made of: closed words and digits, so no order can leave its topic."""

MAX_TOPIC_BYTES: Final = 256

NOWHERE: Final = "unknown"
"""Stands for the code of a camera without a place."""

KEEPALIVE_S: Final = 30

QOS: Final = 1

LARGEST_PACKET_BYTES: Final = 64 * 1024
"""From the broker, who has acknowledgements to say and no more."""

NO_SUBSCRIBERS: Final = 0x10

FOR_GOOD: Final = frozenset({0x87, 0x90, 0x95, 0x99})
"""Not authorized, topic invalid, packet too large, payload invalid: the same order fares no better.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSettings:
    """One broker and topic."""

    host: str
    """Its name; what its certificate must say."""
    port: int
    """Its port."""
    tls: Tls | None
    """None: without TLS."""
    egress: Egress
    """The networks it may be in."""
    topic: str
    """May hold ``{place_code}`` and the like."""
    client_id: str
    """The same for this process and target over restarts: a new connection ends the old one."""
    username: str | None
    """How it knows this service."""
    password: Secret | None
    """And believes it."""
    expiry_s: int
    """After which the broker forgets what nobody fetched."""
    timeout_s: float
    """The longest that one attempt takes."""


def client_id_of(replica: str, target: str) -> str:
    """Return a name that any broker takes (23 letters and digits), stable over restarts."""
    return f"fengsui{hashlib.sha256(f'{replica} {target}'.encode()).hexdigest()[:16]}"


def topic_fault(template: str) -> str | None:
    """Return what is wrong with a topic's template, if anything is."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError:
        return "has a brace without its other one"
    for _text, name, form, conversion in parts:
        if name is not None and (name not in TOPIC_FIELDS or form or conversion):
            return f"may hold {', '.join(f'{{{one}}}' for one in sorted(TOPIC_FIELDS))} alone"
    plain = "".join(text for text, *_ in parts)
    if any(c in "+#" or not c.isprintable() for c in plain):
        return "holds + or # or a control character: orders go to one topic, without wildcards"
    if not template or template.startswith(("$", "/")) or len(template.encode()) > MAX_TOPIC_BYTES:
        return f"is empty, begins with $ or /, or passes {MAX_TOPIC_BYTES} bytes"
    return None


def topic_of(template: str, order: DispatchOrder) -> str:
    """Return the topic of an order."""
    return template.format(
        place_code=order.place_code or NOWHERE,
        hazard=order.hazard.value,
        severity=order.severity.value,
        kind=order.kind.value,
    )


class MqttSender:
    """Publishes orders to one broker; any thread may."""

    def __init__(self, settings: MqttSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._link: _Link | None = None

    def send(self, outgoing: Outgoing) -> str:
        """Return what the broker acknowledged."""
        ends_s = time.monotonic() + self._settings.timeout_s
        link = self._linked(ends_s)
        try:
            code = link.publish(
                topic_of(self._settings.topic, outgoing.order),
                outgoing.body,
                _properties(outgoing, self._settings.expiry_s),
                ends_s,
            )
        except UnreachableError:
            self._drop(link)
            raise
        if code.value == NO_SUBSCRIBERS:
            return "accepted (0x10), but nobody has subscribed to the topic"
        words = f"{code.getName()} (0x{code.value:02x})"
        if code.value in FOR_GOOD:
            raise RefusedError(words)
        if code.is_failure:
            raise UnreachableError(words)
        return "acknowledged"

    def close(self) -> None:
        """End the connection. A later ``send`` makes a new one."""
        with self._lock:
            link, self._link = self._link, None
        if link is not None:
            link.close()

    def _linked(self, ends_s: float) -> "_Link":
        if not self._lock.acquire(timeout=max(0.0, ends_s - time.monotonic())):
            raise UnreachableError("another order is still waiting for a connection")
        try:
            if self._link is not None and not self._link.lost.is_set():
                return self._link
            if self._link is not None:
                self._link.close()
                self._link = None
            self._link = _Link(self._settings, ends_s)
            return self._link
        finally:
            self._lock.release()

    def _drop(self, link: "_Link") -> None:
        with self._lock:
            if self._link is link:
                self._link = None
        link.close()


class _Pinned(paho.Client):
    """Connects to the address that was checked; TLS is verified against the name all the same."""

    egress: Egress
    ends_s: float
    context: ssl.SSLContext | None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # Nobody can acknowledge beforehand, by guessing, what hasn't been sent.
        self._last_mid = secrets.randbelow(0xFFFF)

    def _sock_recv(self, bufsize: int) -> bytes:
        if bufsize > LARGEST_PACKET_BYTES:
            raise ConnectionError("the packet is too large")
        return super()._sock_recv(bufsize)

    def _handle_publish(self) -> MQTTErrorCode:
        # Nothing is subscribed to, and paho would keep what comes all the same.
        return MQTTErrorCode.MQTT_ERR_PROTOCOL

    def _create_socket_connection(self) -> socket.socket:
        return self.egress.connect(self.host, self.port, self.ends_s)

    def _ssl_wrap_socket(self, tcp_sock: socket.socket) -> ssl.SSLSocket:
        # paho's own leaves the connection open where the handshake fails.
        if self.context is None:
            raise ValueError("this broker is spoken to without TLS")
        tcp_sock.settimeout(max(0.001, self.ends_s - time.monotonic()))
        return wrapped(tcp_sock, self.context, self.host)


class _Link:
    """One connection, from its making to its loss."""

    def __init__(self, settings: MqttSettings, ends_s: float) -> None:
        """Connect and wait for the broker's word. Raises ``UnreachableError``."""
        self.lost = threading.Event()
        self._greeted = threading.Event()
        self._refusal: str | None = None
        self._changed = threading.Condition()
        self._codes: dict[int, ReasonCode] = {}
        self._client = self._made(settings, ends_s)
        try:
            self._client.connect(
                settings.host,
                settings.port,
                keepalive=KEEPALIVE_S,
                clean_start=True,
                properties=_limits(),
            )
        except (OSError, ValueError) as error:
            raise UnreachableError(faults_words(error)) from None
        self._client.loop_start()
        self._greeted.wait(max(0.0, ends_s - time.monotonic()))
        if self._refusal is not None or not self._greeted.is_set():
            self.close()
            raise UnreachableError(self._refusal or "the broker says nothing in time")

    def _made(self, settings: MqttSettings, ends_s: float) -> _Pinned:
        client = _Pinned(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        client.egress, client.ends_s = settings.egress, ends_s
        client.context = None if settings.tls is None else _context(settings.tls)
        if client.context is not None:
            client.tls_set_context(client.context)
        if settings.username is not None:
            password = None if settings.password is None else settings.password.reveal()
            client.username_pw_set(settings.username, password)
        client.on_connect, client.on_disconnect = self._connected, self._disconnected
        client.on_publish = self._published
        return client

    def publish(self, topic: str, body: bytes, properties: Properties, ends_s: float) -> ReasonCode:
        """Return the broker's acknowledgement. Raises ``UnreachableError``."""
        try:
            mid = self._client.publish(topic, body, qos=QOS, properties=properties).mid
        except ValueError as error:  # more waits than may, or the message passes the limits
            raise UnreachableError(str(error)) from None
        with self._changed:
            self._changed.wait_for(
                lambda: mid in self._codes or self.lost.is_set(),
                max(0.0, ends_s - time.monotonic()),
            )
            code = self._codes.pop(mid, None)
        if code is None:
            raise UnreachableError(
                "the connection was lost before the acknowledgement"
                if self.lost.is_set()
                else "no acknowledgement in time"
            )
        return code

    def close(self) -> None:
        """End it; what waits here is told."""
        self._client.disconnect()
        self._client.loop_stop()
        self._lose()

    def _lose(self) -> None:
        with self._changed:
            self.lost.set()
            self._changed.notify_all()

    def _connected(
        self, _client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _more: Any
    ) -> None:
        if code.is_failure:
            self._refusal = f"the broker lets nobody in: {code.getName()} (0x{code.value:02x})"
        self._greeted.set()

    def _disconnected(
        self, _client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _more: Any
    ) -> None:
        if not self._greeted.is_set():
            self._refusal = f"the broker hung up: {code.getName()}"
            self._greeted.set()
        self._lose()

    def _published(
        self, _client: paho.Client, _data: Any, mid: int, code: ReasonCode, _more: Any
    ) -> None:
        with self._changed:
            self._codes[mid] = code
            self._changed.notify_all()


def _context(tls: Tls) -> ssl.SSLContext:
    try:
        return tls.context()
    except (OSError, ValueError) as error:
        raise UnreachableError(f"a certificate file can't be used: {error}") from None


def _limits() -> Properties:
    limits: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    limits.MaximumPacketSize = LARGEST_PACKET_BYTES
    return limits  # type: ignore[no-any-return]


def _properties(outgoing: Outgoing, expiry_s: int) -> Any:
    order = outgoing.order
    said: Mapping[str, str] = {
        "order_id": str(outgoing.order_id),
        "kind": order.kind.value,
        "drill": "true" if order.drill else "false",
        "traceparent": traceparent(order),
    }
    properties: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.ContentType = "application/json"
    properties.PayloadFormatIndicator = 1
    properties.MessageExpiryInterval = expiry_s
    properties.UserProperty = list(said.items())
    return properties
