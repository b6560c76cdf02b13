"""CAP 1.2: every message is held to the standard's schema, and to what the schema can't say."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from lxml import etree

from pipelines.messages import CameraFault, OrderKind
from service.dispatch.senders.cap import CATEGORIES, message
from service.dispatch.senders.words import LANGUAGES, words
from service.dispatch.sending import Outgoing, RefusedError
from service.dispatch.targets_file import read_targets
from service.incidents.lifecycle import OVER, IncidentState
from tests.service.dispatch.parcels import (
    AT,
    LOOPBACK,
    around,
    cap,
    order,
    parcel,
    sender,
    written,
)
from tests.support.media import SHARED
from tests.support.receiver import Receiver
from vision.hazards import Hazard

pytestmark = pytest.mark.shared
NS = {"c": "urn:oasis:names:tc:emergency:cap:1.2"}


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    path = SHARED / "conformance" / "CAP-v1.2-schema.xsd"
    if not path.exists():
        pytest.skip(f"needs {path}")
    return etree.XMLSchema(etree.parse(str(path)))


def settings(folder: Path, *lines: str, zone: str = "Asia/Shanghai", text: str = "") -> Any:
    file = written(folder, text or cap("https://centre.example/cap", *lines))
    (one,), _ = read_targets(file, around(zone=zone))
    return one.settings


def said(outgoing: Outgoing, by: Any, schema: etree.XMLSchema) -> etree._Element:
    root = etree.fromstring(message(outgoing, by, AT))
    schema.assertValid(root)
    return root


def text(root: etree._Element, path: str) -> list[str]:
    return [one.text for one in root.findall(path, NS)]


@pytest.mark.parametrize("hazard", Hazard)
@pytest.mark.parametrize("kind", OrderKind)
@pytest.mark.parametrize("drill", [False, True])
def test_every_message_is_valid(
    tmp_path: Path, schema: etree.XMLSchema, hazard: Hazard, kind: OrderKind, drill: bool
) -> None:
    earlier = [(uuid4(), AT)]
    sent = parcel(order(hazard=hazard, kind=kind, drill=drill), earlier=earlier)
    root = said(sent, settings(tmp_path), schema)
    assert text(root, "c:status") == ["Exercise" if drill else "Actual"]
    assert text(root, "c:identifier") == [str(sent.order_id)]
    assert text(root, "c:sent") == ["2026-05-04T11:02:01+08:00"]
    named = {"order": "Alert", "update": "Update", "cancel": "Cancel"}
    assert text(root, "c:msgType") == [named[kind]]
    reference = [f"fengsui.example,{earlier[0][0]},2026-05-04T11:02:01+08:00"]
    assert text(root, "c:references") == ([] if kind is OrderKind.ORDER else reference)
    assert text(root, "c:info/c:language") == list(LANGUAGES)
    assert text(root, "c:info/c:severity") == [sent.order.severity.value.capitalize()] * 2
    for headline in text(root, "c:info/c:headline"):
        assert headline.startswith(("【演练】", "[EXERCISE] ")) is drill
    assert text(root, "c:info/c:area/c:circle") == ["30.270000,120.130000 0.5"] * 2
    assert text(root, "c:info/c:area/c:geocode/c:value") == ["330106"] * 2
    assert text(root, "c:info/c:area/c:areaDesc") == ["浙江省 杭州市 西湖区"] * 2
    assert root.findall(".//c:resource", NS) == []


def test_two_languages_say_the_same_thing(tmp_path: Path, schema: etree.XMLSchema) -> None:
    chinese, english = said(parcel(order()), settings(tmp_path), schema).findall("c:info", NS)
    assert (text(chinese, "c:event"), text(english, "c:event")) == (["火情"], ["Fire"])
    assert "文三路口 & <北>" in text(chinese, "c:description")[0]
    assert "2026-05-04T11:02:01+08:00" in text(english, "c:description")[0]
    assert text(chinese, "c:urgency") == text(english, "c:urgency") == ["Immediate"]
    only = said(parcel(order()), settings(tmp_path, 'languages = ["en-US"]'), schema)
    assert text(only, "c:info/c:language") == ["en-US"]


@pytest.mark.parametrize(
    ("changes", "certainty"),
    [({}, "Observed"), ({"decided_by": "policy:unconfirmed"}, "Likely"),
     ({"decided_by": "policy:drill", "drill": True}, "Likely"),
     ({"state": "false", "kind": OrderKind.CANCEL}, "Unlikely")],
)  # fmt: skip
def test_it_says_how_sure_it_is(
    tmp_path: Path, schema: etree.XMLSchema, changes: dict[str, Any], certainty: str
) -> None:
    root = said(parcel(order(**changes), earlier=[(uuid4(), AT)]), settings(tmp_path), schema)
    assert text(root, "c:info/c:certainty") == [certainty] * 2


def test_updates_name_all_that_went_before(tmp_path: Path, schema: etree.XMLSchema) -> None:
    by = settings(tmp_path)
    earlier = [(uuid4(), AT), (uuid4(), AT)]
    root = said(parcel(order(kind=OrderKind.CANCEL), earlier=earlier), by, schema)
    (references,) = text(root, "c:references")
    assert [one.split(",")[1] for one in references.split(" ")] == [str(one) for one, _ in earlier]
    assert text(root, "c:info/c:responseType") == ["AllClear"] * 2
    lone = said(parcel(order(kind=OrderKind.UPDATE)), by, schema)
    assert text(lone, "c:msgType") == ["Alert"]  # an Update must name what it updates
    with pytest.raises(RefusedError, match="nothing was sent"):
        message(parcel(order(kind=OrderKind.CANCEL)), by, AT)


@pytest.mark.parametrize("state", sorted(OVER))
@pytest.mark.parametrize("kind", [OrderKind.UPDATE, OrderKind.CANCEL])
def test_what_is_over_sends_nobody(
    tmp_path: Path, schema: etree.XMLSchema, state: str, kind: OrderKind
) -> None:
    by, earlier = settings(tmp_path), [(uuid4(), AT)]
    over = said(parcel(order(kind=kind, state=state), earlier=earlier), by, schema)
    going = said(parcel(order(kind=OrderKind.UPDATE, state="on_site"), earlier=earlier), by, schema)
    for root, expected in (
        (over, (["AllClear"] * 2, ["Past"] * 2, 0)),
        (going, (["Execute"] * 2, ["Immediate"] * 2, 2)),
    ):
        found = (text(root, "c:info/c:responseType"), text(root, "c:info/c:urgency"))
        assert (*found, len(text(root, "c:info/c:instruction"))) == expected


def test_one_that_waited_for_its_target_still_holds(
    tmp_path: Path, schema: etree.XMLSchema
) -> None:
    by, sent = settings(tmp_path), parcel(order())
    for at, until in (
        (AT, "2026-05-04T12:02:01+08:00"),
        (AT - timedelta(hours=1), "2026-05-04T12:02:01+08:00"),
        (AT + timedelta(hours=8), "2026-05-04T20:02:01+08:00"),
    ):
        root = etree.fromstring(message(sent, by, at))
        schema.assertValid(root)
        assert text(root, "c:info/c:expires") == [until] * 2
        assert text(root, "c:sent") == ["2026-05-04T11:02:01+08:00"]


def test_scopes(tmp_path: Path, schema: etree.XMLSchema) -> None:
    head = cap("https://c.example").replace('restriction = "应急单位"', "")
    for lines, found in (
        ('scope = "Public"', ([], [])),
        (
            'scope = "Private"\naddresses = ["a@b.example", "two words"]',
            ([], ['a@b.example "two words"']),
        ),
        ('restriction = "crews"', (["crews"], [])),
    ):
        root = said(parcel(order()), settings(tmp_path, text=f"{head}\n{lines}"), schema)
        assert (text(root, "c:restriction"), text(root, "c:addresses")) == found


def test_areas(tmp_path: Path, schema: etree.XMLSchema) -> None:
    ring = "[[30.2, 120.1], [30.3, 120.1], [30.3, 120.2]]"
    far = "[[1, 1], [2, 1], [2, 2], [1, 1]]"
    by = settings(tmp_path, f'polygons = {{ "3301" = {far}, "330106" = {ring} }}')
    (first, *_) = text(said(parcel(order()), by, schema), "c:info/c:area/c:polygon")
    assert first.split(" ")[0] == first.split(" ")[-1] == "30.200000,120.100000"
    assert len(first.split(" ")) == 4
    county = said(parcel(order(place_code="330102")), by, schema)
    assert text(county, "c:info/c:area/c:polygon")[0].startswith("1.0")
    by = settings(tmp_path, f'polygons = {{ "330000" = {ring}, "330100" = {far} }}')
    for place in ("330106", "330106002001", "330100"):
        inside = said(parcel(order(place_code=place)), by, schema)
        assert text(inside, "c:info/c:area/c:polygon")[0].startswith("1.0"), place
    beside = said(parcel(order(place_code="330200")), by, schema)
    assert text(beside, "c:info/c:area/c:polygon")[0].startswith("30.2")
    away = said(parcel(order(place_code="110000")), by, schema)
    assert text(away, "c:info/c:area/c:polygon") == []
    assert len(text(away, "c:info/c:area/c:circle")) == 2
    bare = order(place_code=None, place_names=(), wgs84_latitude=None, wgs84_longitude=None)
    root = said(parcel(bare), by, schema)
    assert text(root, "c:info/c:area/c:areaDesc") == ["未知地点", "unknown place"]
    assert root.findall(".//c:circle", NS) + root.findall(".//c:geocode", NS) == []


def test_times_are_never_z_and_odd_letters_no_fault(
    tmp_path: Path, schema: etree.XMLSchema
) -> None:
    odd = order(camera_name="a\ufffe\uffffb")
    root = said(parcel(odd), settings(tmp_path, zone="UTC"), schema)
    assert text(root, "c:sent") == ["2026-05-04T03:02:01-00:00"]
    assert "a\ufffd\ufffdb" in text(root, "c:info/c:description")[0]


def test_it_is_posted(tmp_path: Path) -> None:
    with Receiver() as receiver:
        to = sender(tmp_path, cap(receiver.url, LOOPBACK, 'token_env = "T"'), T="tok-1234567")
        sent = parcel(order())
        to.send(sent)
        to.send(sent)
    first, again = receiver.requests
    first_said, again_said = (
        re.sub(rb"<expires>.*?</expires>", b"", one.body) for one in (first, again)
    )
    assert first_said == again_said
    assert first.headers["content-type"].startswith("application/cap+xml")
    assert first.headers["authorization"] == "Bearer tok-1234567"


def test_the_words_are_whole() -> None:
    """Closed lists: whoever adds a hazard, a fault or a state finds it missing here."""
    assert set(CATEGORIES) == set(Hazard)
    assert tuple(words()) == LANGUAGES
    chinese = words()["zh-CN"]
    for one in words().values():
        assert set(one.hazards) == set(Hazard)
        assert set(one.states) == {state.value for state in IncidentState}
        assert set(one.headlines) == {kind.value for kind in OrderKind}
        assert set(one.faults) == set(chinese.faults)
        assert set(one.lines) == set(chinese.lines)
    assert set(chinese.faults) == set(CameraFault)
