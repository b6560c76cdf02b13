"""Alarms for a WVP platform, through a real Redis."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from pipelines.messages import OrderKind
from service.dispatch.senders import wvp
from service.dispatch.senders.wvp import ALARM_TYPES
from service.dispatch.sending import RefusedError, UnreachableError
from tests.service.dispatch.parcels import LOOPBACK, order, parcel, sender
from tests.support.receiver import Answer, Receiver, dripping
from tests.support.redis_server import RedisServer
from vision.hazards import Hazard


def table(port: int, *lines: str) -> str:
    url = f'url = "redis://127.0.0.1:{port}"'
    return "\n".join(["[targets.centre]", 'kind = "wvp"', url, LOOPBACK, *lines])


@pytest.fixture
def listening(shared_redis: RedisServer) -> Iterator[redis.client.PubSub]:
    with (
        closing(redis.Redis(port=shared_redis.port)) as client,
        closing(client.pubsub()) as found,
    ):
        found.subscribe("alarm_receive")
        assert found.get_message(timeout=5)
        yield found


@pytest.mark.parametrize("hazard", Hazard)
def test_an_alarm_as_the_platform_reads_it(
    shared_redis: RedisServer, listening: redis.client.PubSub, tmp_path: Path, hazard: Hazard
) -> None:
    to = sender(tmp_path, table(shared_redis.port, "alarm_types = { smoke = 7 }"))
    sent = parcel(order(hazard=hazard))
    assert to.send(sent) == "1 heard it"
    heard = listening.get_message(timeout=5)
    alarm = json.loads(heard["data"])
    assert set(alarm) == {"gbId", "alarmSn", "alarmType", "alarmDescription"}
    assert alarm["gbId"] == "34020000001320000001"
    assert alarm["alarmSn"] == 5
    assert alarm["alarmType"] == (7 if hazard is Hazard.SMOKE else ALARM_TYPES[hazard])
    assert str(sent.order_id) in alarm["alarmDescription"]
    assert "文三路口" in alarm["alarmDescription"]


def test_nobody_there_is_again_later(shared_redis: RedisServer, tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="nobody listens on alarm_receive"):
        sender(tmp_path, table(shared_redis.port)).send(parcel(order()))
    with pytest.raises(UnreachableError, match="refuses connections"):
        sender(tmp_path, table(1)).send(parcel(order()))
    outside = table(shared_redis.port).replace("127.0.0.0/8", "10.0.0.0/8")
    with pytest.raises(UnreachableError, match="list its network"):
        sender(tmp_path, outside).send(parcel(order()))


def test_what_no_alarm_can_say_is_refused(shared_redis: RedisServer, tmp_path: Path) -> None:
    to = sender(tmp_path, table(shared_redis.port))
    with pytest.raises(RefusedError, match="camera-1 has no GB id: register it"):
        to.send(parcel(order(gb_id=None)))
    for changes in ({"drill": True}, {"kind": OrderKind.CANCEL}, {"kind": OrderKind.UPDATE}):
        with pytest.raises(RefusedError, match="neither be a drill"):
            to.send(parcel(order(**changes)))


def test_a_password(tmp_path: Path) -> None:
    with RedisServer() as server, closing(redis.Redis(port=server.port)) as client:
        client.config_set("requirepass", "geheim-1234")
        good = table(server.port, 'username = "default"', 'password_env = "P"')
        with pytest.raises(UnreachableError, match="nobody listens"):
            sender(tmp_path, good, P="geheim-1234").send(parcel(order()))
        with pytest.raises(UnreachableError, match="no such user") as caught:
            sender(tmp_path, good, P="falsch-1234").send(parcel(order()))
        assert "1234" not in str(caught.value)


def flooding(head: bytes, rest: bytes) -> Answer:
    def flood(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(head)
        while True:
            sock.sendall(rest)

    return flood


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (dripping(b"+", 0.1), "in time"),
        (flooding(b"+", b"a" * 65536), "passes 65536 bytes"),
        (flooding(b"$1500000000\r\n", b"a" * 65536), "passes 65536 bytes"),
        (flooding(b"*1000000000\r\n", b":1\r\n" * 9999), "passes 65536 bytes"),
        (flooding(b"", b"*1\r\n" * 9999), "no Redis|passes"),
        (lambda sock: (sock.recv(65536), sock.sendall(b":one\r\n")), "no Redis"),
        (lambda sock: (sock.recv(65536), sock.sendall(b"$one\r\n")), "no Redis"),
    ],
)  # fmt: skip
def test_one_that_lies_holds_nobody(tmp_path: Path, answer: Answer, says: str) -> None:
    with Receiver() as liar:
        liar.hasty, liar.answer = True, answer
        began_s = time.monotonic()
        with pytest.raises(UnreachableError, match=says):
            sender(tmp_path, table(liar.port, "timeout_s = 1")).send(parcel(order()))
        assert time.monotonic() - began_s < 2.5


def test_one_that_never_pauses_comes_to_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wvp, "LARGEST_ANSWER_BYTES", 2**40)
    with Receiver() as liar:
        liar.hasty, liar.answer = True, flooding(b"*1000000000\r\n", b":1\r\n" * 20)
        with pytest.raises(UnreachableError, match="in time"):
            sender(tmp_path, table(liar.port, "timeout_s = 1")).send(parcel(order()))
