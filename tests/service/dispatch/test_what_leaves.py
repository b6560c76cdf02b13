"""What leaves the installation with an order: each sender's bytes against a list of fields.

A picture's name, its absence, a score or a model's name is on none of the lists; nor is anything on
people but the login that decided and the number on the camera's sign.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from lxml import etree

from pipelines.messages import DispatchOrder, OrderKind
from pipelines.streams import connect
from service.dispatch.senders.stream import StreamSender
from tests.service.dispatch.parcels import LOOPBACK, cap, order, parcel, sender, webhook
from tests.service.dispatch.test_mqtt import subscribed
from tests.service.dispatch.test_mqtt import table as mqtt
from tests.service.dispatch.test_wvp import table as wvp
from tests.support.mosquitto import Broker
from tests.support.receiver import Receiver, Request
from tests.support.redis_server import RedisServer
from vision.hazards import Hazard

ORDER = {
    "schema_version", "order_id", "incident_id", "decision_id", "decided_by", "decided_at",
    "target", "hazard", "severity", "camera_id", "zone_id", "first_seen_at", "box", "drill",
    "trace_id", "kind", "state", "reason", "place_code", "place_names", "camera_name", "gb_id",
    "contact_number", "wgs84_longitude", "wgs84_latitude", "detail", "detail.fault",
    "detail.water_level",
}  # fmt: skip
"""Of the message; ``box`` is where in the camera's picture, in shares of it."""

CLOUD_EVENT = {
    "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "traceparent",
    "drill", "data", *(f"data.{name}" for name in ORDER),
}  # fmt: skip

CAP = {
    "alert", "identifier", "sender", "sent", "status", "msgType", "scope", "restriction",
    "references", "incidents", "info", "language", "category", "event", "responseType", "urgency",
    "severity", "certainty", "onset", "expires", "headline", "description", "instruction",
    "contact", "area", "areaDesc", "polygon", "circle", "geocode", "valueName", "value",
}  # fmt: skip

WVP = {"gbId", "alarmSn", "alarmType", "alarmDescription"}

USER_PROPERTIES = {"order_id", "kind", "drill", "traceparent"}

NOT_SAID_UPWARD = ("wang", "0.1234", "0af7651916cd43dd8448eb211c80319c")
"""Who decided, the box and the trace: nothing that crews or a public warning need."""


def named(value: Any, within: str = "") -> Iterator[str]:
    """The fields of a JSON document, with what they lie in."""
    if isinstance(value, dict):
        for name, more in value.items():
            yield f"{within}{name}"
            yield from named(more, f"{within}{name}.")
    elif isinstance(value, list | tuple):
        for one in value:
            yield from named(one, within)


HEADERS = {
    "host", "accept-encoding", "content-length", "content-type", "user-agent", "connection",
}  # fmt: skip
SIGNED = {"webhook-id", "webhook-timestamp", "webhook-signature"}

ORDERS = [
    order(hazard=hazard, kind=kind, reason="handled") for hazard in Hazard for kind in OrderKind
]


def sent_by(folder: Path, text: str) -> list[Request]:
    """Every sort of order, as a receiver of the file's one target gets them."""
    with Receiver() as receiver:
        to = sender(folder, text.replace("URL", receiver.url))
        for one in ORDERS:
            to.send(parcel(one, earlier=[(one.decision_id, one.decided_at)]))
    assert len(receiver.requests) == len(ORDERS)
    return receiver.requests


def test_the_message() -> None:
    found = {name for one in ORDERS for name in named(json.loads(parcel(one).body))}
    assert found <= ORDER
    assert {one.name for one in msgspec.structs.fields(DispatchOrder)} <= ORDER


def test_an_event_for_a_webhook(tmp_path: Path) -> None:
    for request in sent_by(tmp_path, webhook("URL", LOOPBACK)):
        assert set(named(json.loads(request.body))) <= CLOUD_EVENT
        assert set(request.headers) == HEADERS | SIGNED


def test_a_warning_in_cap(tmp_path: Path) -> None:
    for request in sent_by(tmp_path, cap("URL", LOOPBACK)):
        root = etree.fromstring(request.body)
        assert {etree.QName(part).localname for part in root.iter()} <= CAP
        assert not any(part.attrib for part in root.iter())
        assert not [said for said in NOT_SAID_UPWARD if said in "".join(root.itertext())]
        assert set(request.headers) == HEADERS


def test_an_entry_of_a_stream(shared_redis: RedisServer) -> None:
    with closing(connect(shared_redis.url)) as client:
        client.flushall()
        to = StreamSender(client, "dispatch")
        for one in ORDERS:
            to.send(parcel(one))
        found = [fields for _, fields in client.xrange("dispatch")]
    assert found == [{b"body": parcel(one).body} for one in ORDERS]


@pytest.mark.system("mosquitto")
def test_an_mqtt_message(tmp_path: Path) -> None:
    with Broker(tmp_path) as broker:
        to = sender(tmp_path, mqtt(broker.port))
        with subscribed(broker.port) as heard:
            for one in ORDERS:
                to.send(parcel(one))
                message: Any = heard.get(timeout=10)
                assert message.payload == parcel(one).body
                assert {name for name, _ in message.properties.UserProperty} == USER_PROPERTIES
        to.close()


def test_an_alarm_for_a_platform(shared_redis: RedisServer, tmp_path: Path) -> None:
    to = sender(tmp_path, wvp(shared_redis.port))
    with closing(connect(shared_redis.url)) as client, closing(client.pubsub()) as heard:
        heard.subscribe("alarm_receive")
        assert heard.get_message(timeout=5)
        for hazard in Hazard:
            to.send(parcel(order(hazard=hazard)))
            alarm = heard.get_message(timeout=5)["data"].decode()
            assert set(named(json.loads(alarm))) == WVP
            assert not [said for said in NOT_SAID_UPWARD if said in alarm]
