import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.cameras.addresses import AddressError, stream_address
from service.cameras.place_types import REFUSED, PlaceType, PlaceTypeError, allowed_place_type

SECRET = "canary-7Qx"


@pytest.mark.parametrize(
    ("text", "url", "user", "password", "host"),
    [
        ("rtsp://192.0.2.1/a", "rtsp://192.0.2.1/a", None, None, "192.0.2.1:554"),
        ("rtsps://cam.example:322/a?b=1", "rtsps://cam.example:322/a?b=1", None, None,
         "cam.example:322"),
        (f"rtsp://admin:{SECRET}@192.0.2.1:8554/a", "rtsp://192.0.2.1:8554/a", "admin", SECRET,
         "192.0.2.1:8554"),
        ("rtsp://a%40b:p%3A%2Fx@192.0.2.1/a", "rtsp://192.0.2.1/a", "a@b", "p:/x", "192.0.2.1:554"),
        ("rtsp://admin:p@ss@192.0.2.1/a", "rtsp://192.0.2.1/a", "admin", "p@ss", "192.0.2.1:554"),
        ("rtsp://admin@192.0.2.1/a", "rtsp://192.0.2.1/a", "admin", "", "192.0.2.1:554"),
        ("  rtsp://[2001:db8::1]:554/a ", "rtsp://[2001:db8::1]:554/a", None, None,
         "[2001:db8::1]:554"),
        ("rtsp://192.0.2.1/cam/realmonitor?channel=1&subtype=0",
         "rtsp://192.0.2.1/cam/realmonitor?channel=1&subtype=0", None, None, "192.0.2.1:554"),
    ],
)  # fmt: skip
def test_an_address_and_its_login_part(
    text: str, url: str, user: str | None, password: str | None, host: str
) -> None:
    found = stream_address(text)
    assert (found.url, found.user, found.host) == (url, user, host)
    assert (None if found.password is None else found.password.reveal()) == password
    assert not password or password not in repr(found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "192.0.2.1/a",
        "http://192.0.2.1/a",
        "file:///etc/passwd",
        "rtsp:///a",
        "rtsp://:554/a",
        "rtsp://192.0.2.1:0/a",
        "rtsp://192.0.2.1:65536/a",
        "rtsp://192.0.2.1:x/a",
        "rtsp://[::1/a",
        f"rtsp://:{SECRET}@192.0.2.1/a",
        f"rtsp://admin:{SECRET}#@192.0.2.1/a",
        f"rtsp://admin:{SECRET}/@192.0.2.1/a",
        f"rtsp://192.0.2.1/a#{SECRET}",
        f"rtsp://192.0.2.1/a b{SECRET}",
        f"rtsp://192.0.2.1/a\n{SECRET}",
        f"rtsp://192.0.2.1/a\x00{SECRET}",
        f"rtsp://192.0.2.1/a?password={SECRET}",
        f"rtsp://192.0.2.1/a?x=1&PWD={SECRET}",
        f"rtsp://192.0.2.1/a?authbasic={SECRET}",
        f"rtsp://192.0.2.1/user=admin&password={SECRET}&channel=1&stream=0.sdp?",
        f"rtsp://192.0.2.1/user=admin_password={SECRET}_channel=1",
        f"rtsp://192.0.2.1/%75ser=admin&pass={SECRET}",
        f"rtsp://192.0.2.1/{SECRET}" + "a" * 2048,
    ],
)
def test_what_is_refused_says_what_to_do_and_repeats_nothing(text: str) -> None:
    with pytest.raises(AddressError) as refused:
        stream_address(text)
    assert SECRET not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    for address in (text, f"rtsp://{text}", f"rtsp://192.0.2.1/{text}"):
        try:
            found = stream_address(address)
        except AddressError:
            continue
        assert "@" not in found.url.partition("://")[2].partition("/")[0]
        assert found.host


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_no_home_no_ward_no_temple(name: str) -> None:
    with pytest.raises(PlaceTypeError, match="no setting allows it"):
        allowed_place_type(name)
    assert name not in set(PlaceType)


def test_places_that_are_watched() -> None:
    assert allowed_place_type("fire_lane") is PlaceType.FIRE_LANE
