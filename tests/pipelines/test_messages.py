from datetime import timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import messages, streams
from pipelines.messages import (
    Alert,
    Count,
    MessageError,
    Name,
    TraceId,
    UnknownVersionError,
    alert_id,
    decode,
    encode,
)
from tests.support.builders import alert, at
from tests.support.wire import structs
from vision.hazards import Hazard


def test_an_alert_comes_back_as_it_was_sent() -> None:
    assert decode(encode(alert()), Alert) == alert()


def test_the_onset_s_offset_from_utc_does_not_change_the_identity() -> None:
    shanghai = at(0).astimezone(timezone(timedelta(hours=8)))
    assert alert_id("c", Hazard.FIRE, "z", shanghai) == alert_id("c", Hazard.FIRE, "z", at(0))


@given(st.lists(st.text(max_size=5), min_size=3, max_size=3, unique=True))
def test_no_two_places_share_an_identity(names: list[str]) -> None:
    a, b, c = names
    ids = {
        alert_id(a, Hazard.FIRE, b, at(0)),
        alert_id(b, Hazard.FIRE, a, at(0)),
        alert_id(a, Hazard.FIRE, c, at(0)),
        alert_id(a, Hazard.SMOKE, b, at(0)),
        alert_id(a, Hazard.FIRE, b, at(1)),
    }
    assert len(ids) == 5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"score": 1.5}, "score"),
        ({"hazard": "person"}, "hazard"),
        ({"box": [0, 0, 2, 1]}, "box"),
        ({"first_seen_at": "2026-11-22T04:00:00"}, "timezone"),
        ({"evidence_absent": None}, "exactly one"),
        ({"evidence_ref": "x" * 32}, "exactly one"),
        ({"evidence_ref": "x", "evidence_absent": None}, "evidence_ref"),
        ({"evidence_ref": "../" + "x" * 29, "evidence_absent": None}, "evidence_ref"),
        ({"evidence_absent": "too_ugly"}, "evidence_absent"),
        ({"camera_id": "other"}, "alert_id is not that"),
        ({"camera_id": "c" * 129}, "camera_id"),
        ({"last_seen_at": "2020-01-01T00:00:00Z"}, "before"),
        ({"trace_id": "<script>"}, "trace_id"),
        ({"revision": 0}, "revision"),
        ({"first_seen_at": "0001-01-01T00:00:00+14:00"}, "Alert"),
        ({"camera_id": "a\u001fb"}, "camera_id"),
    ],
)
def test_a_forged_alert_is_refused_with_the_reason(change, words) -> None:  # type: ignore[no-untyped-def]
    body = msgspec.json.encode(msgspec.to_builtins(alert()) | change)
    with pytest.raises(MessageError, match=words):
        decode(body, Alert)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"schema_version": "1"}',
        b"null",
        b'{"schema_version":1,"x":' + b"[" * 30_000,
    ],
)
def test_garbage_is_malformed(body: bytes) -> None:
    with pytest.raises(MessageError):
        decode(body, Alert)


def test_an_unknown_version_is_told_apart_and_a_new_field_is_borne() -> None:
    newer = msgspec.to_builtins(alert()) | {"schema_version": 2}
    with pytest.raises(UnknownVersionError, match="upgrade"):
        decode(msgspec.json.encode(newer), Alert)
    wider = msgspec.to_builtins(alert()) | {"added_later": 1}
    assert decode(msgspec.json.encode(wider), Alert) == alert()


def test_every_message_travels_on_exactly_one_stream_or_says_why_not() -> None:
    travelling = {stream.message for stream in streams.STREAMS.values()}
    kinds = {kind for kind in structs() if issubclass(kind, messages.Message)}
    assert kinds - travelling == {messages.Message, messages.DeadLetter}


def test_no_message_has_a_field_about_people_or_vehicles() -> None:
    words = {"person", "people", "face", "plate", "gender", "age", "colour", "color", "speed"}
    words |= {"vehicle", "track", "embedding", "crowd", "count_of", "pedestrian"}
    for kind in structs():
        fields = set(kind.__struct_fields__)
        assert not {f for f in fields for word in words if word in f.split("_")}, kind


def test_every_message_is_imported_from_the_package_itself() -> None:
    public = {kind.__name__ for kind in structs() if not kind.__name__.startswith("_")}
    assert public <= set(messages.__all__)


def test_no_registration_holds_a_drill_flag() -> None:
    assert "drill" not in messages.Camera.__struct_fields__
    assert "drill" not in messages.CameraChange.__struct_fields__


def test_a_name_ends_where_it_ends() -> None:
    for kind in (Name, TraceId):
        name = "a" * 32
        assert msgspec.convert(name, kind) == name
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(name + "\n", kind)


def test_no_count_is_larger_than_a_database_takes() -> None:
    assert msgspec.convert(2**63 - 1, Count) == 2**63 - 1
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(2**63, Count)
