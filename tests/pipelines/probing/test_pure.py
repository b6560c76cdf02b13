"""What is told from figures and names alone: advice, clocks, names of substreams."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.messages import Advice, FoundBy, FoundStream, StreamFacts
from pipelines.probing.advice import advise
from pipelines.probing.clock import NTP_TO_UNIX_S, skew_of_date, skew_of_report
from pipelines.probing.naming import MOST, guesses
from pipelines.probing.onvif import PortsError, at_camera, ports
from pipelines.probing.substream import is_worth

GOOD = {"codec": "h264", "width_px": 1280, "height_px": 720, "frame_rate_hz": 25.0}
SUBSTREAM = FoundStream(url="rtsp://10.0.0.1/2", found_by=FoundBy.NAMING)


@pytest.mark.parametrize(
    ("more", "substream", "skew_s", "advice"),
    [
        ({"keyframe_interval_s": 2.0, "bit_rate_bps": 2_000_000}, None, 0.5, []),
        ({"keyframe_interval_s": 4.0}, None, -10.0, []),
        ({"keyframe_interval_s": 4.1}, None, None, [Advice.SHORTER_KEYFRAMES]),
        ({"keyframe_interval_s": 9.9}, None, None, [Advice.SHORTER_KEYFRAMES]),
        ({"keyframe_interval_s": 10.0}, None, None, [Advice.SMART_CODEC]),
        ({"codec": "mjpeg"}, None, None, [Advice.OTHER_CODEC]),
        ({"width_px": 2560, "height_px": 1440}, None, None, [Advice.SMALLER_PICTURE]),
        ({"width_px": 2560, "height_px": 1440}, SUBSTREAM, None, [Advice.USE_SUBSTREAM]),
        ({"bit_rate_bps": 6_000_000}, None, None, [Advice.LOWER_BIT_RATE]),
        ({"bit_rate_bps": 6_000_000}, SUBSTREAM, None, [Advice.USE_SUBSTREAM]),
        ({}, None, -28_800.0, [Advice.SET_CLOCK]),
        ({"width_px": None, "height_px": None}, None, None, []),
    ],
)
def test_what_is_advised(
    more: dict[str, object], substream: FoundStream | None, skew_s: float | None, advice: list[str]
) -> None:
    stream = StreamFacts(**{**GOOD, **more})  # type: ignore[arg-type]
    assert list(advise(stream, substream, skew_s)) == advice


NOW = datetime(2026, 11, 23, 9, 0, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("date", "skew_s"),
    [
        ("Mon, 23 Nov 2026 09:00:07 GMT", 7.0),
        ("Mon, Nov 23 2026 08:58:00 GMT", -120.0),
        ("23 Nov 2026 09:00:00 GMT", 0.0),
        ("Sat, 01 Jan 2000 00:05:00 GMT", pytest.approx(-848_825_700, abs=100_000)),
        ("Mon, 23 Nov 2026 17:00:03 GMT", None),  # China's time that says GMT
        ("Mon, 23 Nov 2026 17:02:00 GMT", 28_920.0),
        ("Thu, 01 Jan 1970 00:05:00 GMT", None),
        ("Mon, 31 Feb 2026 09:00:00 GMT", None),
        ("Mon, 23 Nov 9999 09:00:00 GMT", None),
        ("now", None),
        ("", None),
        ("23 " * 10_000, None),
    ],
)
def test_what_a_date_says(date: str, skew_s: float | None) -> None:
    assert skew_of_date(date, NOW) == skew_s


def test_what_a_report_says() -> None:
    def report(at_s: float) -> tuple[int, float]:
        return int((at_s + NTP_TO_UNIX_S) * 2**32), NOW

    assert skew_of_report(report(NOW + 3.5)) == 3.5
    assert skew_of_report((12345 << 32, NOW)) is None, "seconds since its start"
    assert skew_of_report(report(300.0)) is None, "and those since 1970"
    assert skew_of_report(None) is None


@given(st.text(max_size=80), st.floats(0, 4e9))
def test_no_date_of_a_camera_raises(date: str, at_s: float) -> None:
    skew_of_date(date, at_s)


@pytest.mark.parametrize(
    ("main", "sub"),
    [
        ("/Streaming/Channels/101", "/Streaming/Channels/102"),
        ("/Streaming/Channels/1601?transportmode=unicast",
         "/Streaming/Channels/1602?transportmode=unicast"),
        ("/Streaming/Channels/1", "/Streaming/Channels/2"),
        ("/h264/ch1/main/av_stream", "/h264/ch1/sub/av_stream"),
        ("/cam/realmonitor?channel=1&subtype=0", "/cam/realmonitor?channel=1&subtype=1"),
        ("/cam/realmonitor?channel=3", "/cam/realmonitor?channel=3&subtype=1"),
        ("/unicast/c1/s0/live", "/unicast/c1/s1/live"),
        ("/media/video1", "/media/video2"),
        ("/stream1", "/stream2"),
        ("/axis-media/media.amp", "/axis-media/media.amp?resolution=640x360"),
        ("/LiveMedia/ch1/Media1", "/LiveMedia/ch1/Media2"),
        ("/h264Preview_01_main", "/h264Preview_01_sub"),
        ("/ch0_0.264", "/ch0_1.264"),
        ("/1/1", "/1/2"),
        ("/11", "/12"),
        ("/live/main", "/live/sub"),
    ],
)  # fmt: skip
def test_where_makers_put_the_substream(main: str, sub: str) -> None:
    assert f"rtsp://10.0.0.1:554{sub}" in guesses(f"rtsp://10.0.0.1:554{main}")


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "/Streaming/Channels/102", "/cam/realmonitor?channel=1&subtype=1", "/stream2",
        "/rtp/34020000001320000001_34020000001320000001", "/mainstreet", "/domain/cam",
        "/user=admin_password=tlJwpbo6_channel=1_stream=0.sdp",
    ],
)  # fmt: skip
def test_what_is_no_main_stream_by_its_name_is_left_alone(path: str) -> None:
    assert guesses(f"rtsp://10.0.0.1{path}") == ()


@given(st.from_regex(r"/[A-Za-z0-9/_.=&?-]{0,60}", fullmatch=True))
def test_a_guess_is_always_at_the_same_host_and_port(path: str) -> None:
    found = guesses(f"rtsp://10.0.0.1:1554{path}")
    assert len(found) <= MOST
    assert all(one.startswith("rtsp://10.0.0.1:1554/") for one in found)


def test_a_substream_is_half_as_large_at_most_and_not_a_stamp() -> None:
    full = 1920 * 1080
    assert is_worth((640, 360), full)
    assert is_worth((360, 640), full), "upright, too"
    assert is_worth((1280, 720), full)
    assert not is_worth((1920, 1080), full), "it is the same"
    assert not is_worth((1600, 900), full)
    assert not is_worth((176, 144), full)
    assert not is_worth((640, 360), 640 * 360)


REGISTERED = "rtsp://cam.example:1554/main"


@pytest.mark.parametrize(
    ("said", "url"),
    [
        ("rtsp://cam.example:1554/sub", "rtsp://cam.example:1554/sub"),
        ("rtsp://10.0.0.1:554/sub?a=1&b=2", "rtsp://cam.example:1554/sub?a=1&b=2"),
        ("RTSP://CAM.example/sub", "rtsp://cam.example:1554/sub"),
        ("rtsp://admin:12345@10.0.0.1/sub", "rtsp://cam.example:1554/sub"),
        ("rtsp://10.0.0.2:554/sub", None),
        ("rtsp://cam.example@10.0.0.2/sub", None),
        ("rtsp://evil.example/sub", None),
        ("http://10.0.0.1/sub", None),
        ("file:///etc/passwd", None),
        ("rtsp://10.0.0.1/user=admin_password=x_stream=1", None),
        ("rtsp://10.0.0.1/sub?token=abc", None),
        ("rtsp://10.0.0.1/su b", None),
        ("rtsp://10.0.0.1/su\r\nb", None),
        ("rtsp://[::1/sub", None),
        ("rtsp://10.0.0.1/" + "x" * 5000, None),
        ("", None),
    ],
)
def test_a_stream_counts_only_at_the_camera_itself(said: str, url: str | None) -> None:
    assert at_camera(said, REGISTERED, "10.0.0.1") == url


def test_ports_are_few_and_ports() -> None:
    assert ports("80, 8000") == (80, 8000)
    assert ports("") == ()
    for text in ("http", "0", "65536", "80;81", "1,2,3,4,5,6,7,8,9"):
        with pytest.raises(PortsError, match="write up to"):
            ports(text)
