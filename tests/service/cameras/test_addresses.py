import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cameras.addresses import AddressError, stream_address
from service.cameras.place_types import REFUSED, PlaceType, PlaceTypeError, allowed_place_type
from service.refusals import Refusal

SECRET = "canary-7Qx"


@pytest.mark.parametrize(
    ("text", "url", "user", "password", "host"),
    [
        ("rtsp://192.0.2.1/a", "rtsp://192.0.2.1/a", None, None, "192.0.2.1:554"),
        ("rtsps://cam.example:322/a?b=1", "rtsps://cam.example:322/a?b=1", None, None,
         "rtsps://cam.example:322"),
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
        f"rtsp://192.0.2.1/a?x=1;password={SECRET}",
        f"rtsp://192.0.2.1/user:admin:{SECRET}/ch",
        f"rtsp://192.0.2.1/a?loginuse=admin&loginpas={SECRET}",
        f"rtsp://192.0.2.1/a?pas={SECRET}",
        f"rtsp://192.0.2.1/a?u=admin&p={SECRET}",
        f"rtsp://192.0.2.1/a?P={SECRET};U=admin",
        f"rtsp://192.0.2.1/a?user_name=1&userpwd={SECRET}",
        f"rtsp://192.0.2.1/a?adminpwd={SECRET}",
        f"rtsp://192.0.2.1/a?passphrase={SECRET}",
        f"rtsp://192.0.2.1/a?x%3Fpassword={SECRET}",
        f"rtsp://192.0.2.1/a?x%253Fpass%2577ord={SECRET}",
        f"rtsp://192.0.2.1/a?x%26password%3D{SECRET}",
        f"rtsp://192.0.2.1/a?password%20={SECRET}",
        f"rtsp://192.0.2.1/a?psw={SECRET}",
        f"rtsp://192.0.2.1/a?access_token={SECRET}",
        f"rtsp://192.0.2.1/a?api-key={SECRET}",
        f"rtsp://192.0.2.1/a?sign={SECRET}",
        f"rtsp://192.0.2.1/a?auth={SECRET}",
        f"rtsp://admin:12345/{SECRET}@192.0.2.1/ch1",
        f"rtsp://admin:/{SECRET}@192.0.2.1/ch1",
        f"rtsp://admin:12?{SECRET}@192.0.2.1/ch",
        f"rtsp://admin:12#{SECRET}@192.0.2.1/ch",
        f"rtsp://admin:12/{SECRET}%40192.0.2.1/ch",
        f"rtsp://192.0.2.1/admin:{SECRET}/ch1",
        f"rtsp://192.0.2.1/admin:{SECRET}",
        f"rtsp://192.0.2.1/888888:{SECRET}/ch1",
        f"rtsp://192.0.2.1/admin%3A{SECRET}/ch1",
        f"rtsp://192.0.2.1/a?admin:{SECRET}",
        f"rtsp://192.0.2.1/admin:{SECRET}@ch1",
        f"rtsp://192.0.2.1/http://admin:{SECRET}@10.0.0.9/ch",
        f"rtsp://192.0.2.1/a?id=admin&pw={SECRET}",
        f"rtsp://192.0.2.1/a?credential={SECRET}",
        f"rtsp://192.0.2.1/a?credentials={SECRET}",
        f"rtsp://192.0.2.1/a?jwt={SECRET}",
        f"rtsp://192.0.2.1/a?tk={SECRET}",
        f"rtsp://192.0.2.1/a?verifycode={SECRET}",
        f"rtsp://192.0.2.1/a?verify_code={SECRET}",
        f"rtsp://192.0.2.1/a?authorization=Basic%20{SECRET}",
        f"rtsp://192.0.2.1/a?id=admin:{SECRET}",
        f"rtsp://192.0.2.1/a=admin:{SECRET}/1",
        f"rtsp://192.0.2.1/ch=1,pwd={SECRET}",
        f"rtsp://admin:{SECRET}%E4@192.0.2.1/a",
        f"rtsp://admin:{SECRET}%D6%D0abc@192.0.2.1/a",
        f"rtsp://%D6%D0:{SECRET}@192.0.2.1/a",
    ],
)
def test_what_is_refused_says_what_to_do_and_repeats_nothing(text: str) -> None:
    with pytest.raises(AddressError) as refused:
        stream_address(text)
    assert SECRET not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize("password", ["pw%E4ss", "%D6%D0abc"])
def test_a_password_in_another_encoding_than_utf_8_is_not_altered_but_refused(
    password: str,
) -> None:
    with pytest.raises(AddressError, match="apart") as refused:
        stream_address(f"rtsp://admin:{password}@192.0.2.1/a")
    assert refused.value.code == "address_encoding"


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


@pytest.mark.parametrize(
    "path",
    [
        "Streaming/Channels/101",  # Hikvision
        "Streaming/tracks/101?transportmode=unicast&profile=Profile_1",
        "h264/ch1/main/av_stream",  # Hikvision of old, EZVIZ
        "cam/realmonitor?channel=1&subtype=0&unicast=true&proto=Onvif",  # Dahua, Amcrest
        "media/video1",  # Uniview, Sony
        "unicast/c1/s0/live",
        "LiveMedia/ch1/Media1",  # Huawei
        "h264Preview_01_main",  # Reolink
        "axis-media/media.amp?videocodec=h264&resolution=1280x720&camera=1",  # Axis
        "rtsp_tunnel?h26x=4&line=1&inst=1",  # Bosch
        "profile2/media.smp",  # Hanwha
        "live.sdp",  # Vivotek
        "stream1",  # TP-Link, Pelco
        "videoMain",  # Foscam
        "MediaInput/h264/stream_1",  # Panasonic
        "onvif-media/media.amp?profile=profile_1_h264&sessiontimeout=60&streamtype=unicast",
        "defaultPrimary?streamType=u",  # Avigilon
        "mobotix.h264",
        "PSIA/Streaming/channels/1?videoCodecType=H.264",
        "play1.sdp",  # D-Link
        "1/1",  # Tiandy
        "live/ch00_0",  # Wansview, Kedacom
        "rtp/34020000001320000001_34020000001320000002?originTypeStr=rtp_push",  # ZLMediaKit
        "live/stream?vhost=__defaultVhost__",  # SRS
        "dss/monitor/param?cameraid=1000001%240&substream=1",  # Dahua's platform
        "live/author1",
        "live?p=1&w=2",
        "live?u=&p=720",
        "Streaming/Channels/101?transportmode=unicast",  # Hikvision
        "Streaming/tracks/101?starttime=20261122T101010Z&endtime=20261122T102010Z",
        "cam/playback?channel=1&starttime=2026_11_22_10_10_10&endtime=2026_11_22_10_20_10",  # Dahua
        "playback/2026-11-22T10:10:10Z/ch1",
        "playback?start=2026-11-22T10:10:10Z&end=2026-11-22T10:20:10%2B08:00",
        "c1/b1763777410/e1763778010/replay/s0",  # Uniview
        "axis-media/media.amp?videocodec=h264",
        "rtp/34020000001320000001_34020000001320000001",  # WVP
        "stream:34020000001110000001:34020000001320000001",  # LiveGBS
        "live?pwm=1&tkid=7&pitch=3",
        "live?bypass=1&compass=1&passive=1",
        "live/mp4:gate",  # Wowza
        "vod/_definst_/smil:gate.smil",
        "pag://192.0.2.1:7302:001074:0:MAIN:TCP?cnid=4",  # Hikvision's platform
        "00:11:22:33:44:55/ch1",
        "rtp/34020000001320000001:1",
        "cam/16:9",
    ],
)
def test_the_usual_addresses_carry_no_login(path: str) -> None:
    url = f"rtsp://192.0.2.1:554/{path}"
    assert stream_address(url).url == url


@pytest.mark.parametrize(
    "host",
    ["10.1", "0x0a000001", "167772161", "012.0.0.1", "10.0.0.256", "１０.0.0.1", "10.0.0.0x1"],
)
def test_a_number_that_systems_read_differently_is_refused(host: str) -> None:
    with pytest.raises(AddressError) as refused:
        stream_address(f"rtsp://{host}/a")
    assert refused.value.code is Refusal.ADDRESS_NUMBERS


@pytest.mark.parametrize("host", ["10.0.0.1", "10.0.0.1.", "10.cam", "cam.1a", "[::ffff:10.0.0.1]"])
def test_what_is_no_odd_number_stays(host: str) -> None:
    assert stream_address(f"rtsp://{host}/a").url == f"rtsp://{host}/a"


@pytest.mark.parametrize(
    "text", ["http://192.0.2.1/a", "http://[::1/a", "http://", "192.0.2.1/a", "rtsp:///a"]
)
def test_another_scheme_is_said_before_all_else(text: str) -> None:
    with pytest.raises(AddressError) as refused:
        stream_address(text)
    assert refused.value.code is Refusal.ADDRESS_SCHEME
