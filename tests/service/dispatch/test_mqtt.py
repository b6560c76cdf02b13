"""MQTT 5 against Debian's broker, killed and started again, hung, and with users."""

import queue
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from pipelines.messages import DispatchOrder, decode
from service.dispatch.senders.mqtt import client_id_of, topic_fault
from service.dispatch.sending import RefusedError, UnreachableError
from tests.service.accounts.test_start import certificate
from tests.service.dispatch.parcels import LOOPBACK, order, parcel, sender
from tests.support.mosquitto import Broker
from tests.support.receiver import Answer, Receiver
from tests.support.waiting import until

pytestmark = pytest.mark.system("mosquitto")


def table(port: int, *lines: str, scheme: str = "mqtt") -> str:
    fixed = [f'url = "{scheme}://127.0.0.1:{port}"', 'topic = "fengsui/{place_code}/{hazard}"']
    return "\n".join(["[targets.centre]", 'kind = "mqtt"', *fixed, LOOPBACK, *lines])


@contextmanager
def subscribed(port: int, **more: Any) -> Iterator["queue.Queue[paho.MQTTMessage]"]:
    heard: queue.Queue[paho.MQTTMessage] = queue.Queue()
    ready: queue.Queue[bool] = queue.Queue()
    client = paho.Client(
        CallbackAPIVersion.VERSION2, client_id="crew", protocol=MQTTProtocolVersion.MQTTv5
    )
    if more:
        client.username_pw_set(**more)
    client.on_message = lambda _client, _data, message: heard.put(message)
    client.on_connect = lambda one, *_: one.subscribe("fengsui/#", qos=1)
    client.on_subscribe = lambda *_: ready.put(True)
    client.reconnect_delay_set(0.05, 0.1)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        assert ready.get(timeout=10)
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


def test_an_order_arrives_acknowledged(tmp_path: Path) -> None:
    with Broker(tmp_path) as broker:
        to = sender(tmp_path, table(broker.port, "expiry_s = 600"))
        sent = parcel(order())
        assert "nobody has subscribed" in to.send(sent)
        with subscribed(broker.port) as heard:
            assert to.send(sent) == "acknowledged"
            message = heard.get(timeout=10)
        assert (message.topic, message.qos, message.retain) == ("fengsui/330106/fire", 1, False)
        assert decode(message.payload, DispatchOrder) == sent.order
        properties: Any = message.properties
        assert properties.ContentType == "application/json"
        assert 0 < properties.MessageExpiryInterval <= 600
        named = dict(properties.UserProperty)
        assert named["order_id"] == str(sent.order_id)
        assert named["kind"] == "order"
        assert named["traceparent"].split("-")[1] == sent.order.trace_id
        to.close()


def test_a_broker_that_dies_and_comes_back(tmp_path: Path) -> None:
    """What was not acknowledged comes again, recognisable by its id; nothing else does."""
    with Broker(tmp_path) as broker:
        to = sender(tmp_path, table(broker.port, "timeout_s = 1"))
        orders = [parcel(order()) for _ in range(3)]
        with subscribed(broker.port) as heard:
            to.send(orders[0])
            broker.kill()
            with pytest.raises(UnreachableError):
                to.send(orders[1])
            broker.start()
            until(lambda: "acknowledged" in to.send(orders[1]), "a subscriber again", 10)
            broker.hang()  # it takes the order, and its word comes too late
            began_s = time.monotonic()
            with pytest.raises(UnreachableError, match="in time"):
                to.send(orders[2])
            assert time.monotonic() - began_s < 2.0
            assert to._link is None, "paho would send by itself what the outbox repeats"  # type: ignore[attr-defined]
            broker.resume()
            until(lambda: _sent(to, orders[2]), "the repetition", 10)
            until(lambda: heard.qsize() >= 3, "all three", 10)
            ids = [
                dict(heard.get().properties.UserProperty)["order_id"] for _ in range(heard.qsize())
            ]
        assert list(dict.fromkeys(ids)) == [str(one.order_id) for one in orders]
        to.close()


def _sent(to: Any, outgoing: Any) -> bool:
    try:
        return bool(to.send(outgoing))
    except UnreachableError:
        return False


def test_who_may_and_who_may_not(tmp_path: Path) -> None:
    with Broker(tmp_path, users={"fengsui": "geheim-1"}) as broker:
        as_user = ('username = "fengsui"', 'password_env = "P"')
        text = table(broker.port, *as_user)
        to = sender(tmp_path, text, P="geheim-1")
        assert "nobody has subscribed" in to.send(parcel(order()))
        other = sender(tmp_path, text.replace("fengsui/{", "others/{"), P="geheim-1")
        with pytest.raises(RefusedError, match=r"Not authorized \(0x87\)"):
            other.send(parcel(order()))
        for wrong in (sender(tmp_path, text, P="falsch-1"), sender(tmp_path, table(broker.port))):
            with pytest.raises(UnreachableError, match="lets nobody in"):
                wrong.send(parcel(order()))
        to.close()
        other.close()


def test_one_connection_is_kept_and_a_new_one_ends_it(tmp_path: Path) -> None:
    with Broker(tmp_path) as broker:
        to, twin = (sender(tmp_path, table(broker.port)) for _ in range(2))
        for _ in range(3):
            to.send(parcel(order()))
        connected = "New client connected from"
        assert (tmp_path / "mosquitto.log").read_text().count(connected) == 1
        twin.send(parcel(order()))  # the same replica, started anew
        until(to._link.lost.is_set, "the takeover", 5)  # type: ignore[attr-defined]
        to.send(parcel(order()))
        to.close()
        twin.close()
    assert client_id_of("service-1", "a") != client_id_of("service-2", "a")
    assert client_id_of("service-1", "a") == client_id_of("service-1", "a")


def test_tls(tmp_path: Path) -> None:
    files = certificate(tmp_path)
    with Broker(tmp_path, tls=files) as broker:
        text = table(broker.port, f'ca_file = "{files[0].name}"', scheme="mqtts")
        to = sender(tmp_path, text)
        assert "accepted" in to.send(parcel(order()))
        to.close()
        with pytest.raises(UnreachableError, match="not trusted"):
            sender(tmp_path, table(broker.port, scheme="mqtts")).send(parcel(order()))
        named = text.replace("127.0.0.1:", "localhost:")
        with pytest.raises(UnreachableError, match="not trusted"):
            sender(tmp_path, named).send(parcel(order()))


CONNACK = b"\x20\x03\x00\x00\x00"


def after_hello(first: bytes, then: bytes = b"", times: int = 1) -> Answer:
    def answer(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(CONNACK + first)
        sock.recv(65536)
        for _ in range(times):
            sock.sendall(then)
        while sock.recv(65536):
            pass

    return answer


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (after_hello(b"".join(b"\x40\x02\x00" + bytes([i]) for i in range(1, 9))), "in time"),
        (after_hello(b"", b"\x30\xff\xff\xff\x7f\x00\x01a\x00" + b"a" * 65536, 99), "lost"),
        (after_hello(b"", b"\x34\x06\x00\x01a\x00\x01\x00", 99), "lost"),  # QoS 2: kept till freed
    ],
    ids=["acknowledges beforehand", "a packet of 256 MB", "sends what nobody asked for"],
)
def test_a_broker_that_lies(tmp_path: Path, answer: Answer, says: str) -> None:
    with Receiver() as liar:
        liar.hasty, liar.answer = True, answer
        to = sender(tmp_path, table(liar.port, "timeout_s = 1"))
        began_s = time.monotonic()
        with pytest.raises(UnreachableError, match=says):
            to.send(parcel(order()))
        assert time.monotonic() - began_s < 2.5
        to.close()


def test_the_broker_is_told_how_much_it_may_say(tmp_path: Path) -> None:
    heard: queue.Queue[bytes] = queue.Queue()
    with Receiver() as broker:
        broker.hasty, broker.answer = True, lambda sock: heard.put(sock.recv(65536))
        with pytest.raises(UnreachableError):
            sender(tmp_path, table(broker.port, "timeout_s = 1")).send(parcel(order()))
    assert b"\x27\x00\x01\x00\x00" in heard.get(timeout=5)  # Maximum Packet Size


@pytest.mark.parametrize(
    ("topic", "fault"),
    [
        ("fengsui/{place_code}/{hazard}", None), ("单位/{severity}-{kind}", None),
        ("a/#", "wildcards"), ("a/+/b", "wildcards"), ("a/{camera_id}", "may hold"),
        ("a/{0}", "may hold"), ("a/{}", "may hold"), ("a/{hazard.name}", "may hold"),
        ("a/{hazard!r}", "may hold"), ("a/{hazard:>9}", "may hold"), ("a/{", "brace"),
        ("", "empty"), ("$SYS/a", "begins"), ("/a", "begins"), ("a\x00", "control"),
        ("a" * 257, "passes"),
    ],
)  # fmt: skip
def test_topics(topic: str, fault: str | None) -> None:
    found = topic_fault(topic)
    assert found is None if fault is None else fault in (found or "")
