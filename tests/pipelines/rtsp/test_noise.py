"""Whatever a camera says, the client's parsers answer in their own words, or wait for more."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.rtsp import description, text
from pipelines.rtsp.login import Login
from pipelines.rtsp.units import ASSEMBLERS, LARGEST_UNIT_BYTES, Assembler
from pipelines.secrets import Secret

STREAM = description.VideoStream(
    codec="h264", payload_type=96, clock_hz=90000, control="", parameter_sets=b""
)
LINES = st.sampled_from(
    [
        *("m=video 0 RTP/AVP 96", "m=video", "m=", "m=audio 0 RTP/AVP 0", "a=rtpmap:96 H264/90000"),
        *("a=rtpmap:96 H265/0", "a=rtpmap:26 JPEG/90000", "m=video 0 RTP/AVP 26", "a=control:*"),
        *("a=fmtp:96 sprop-parameter-sets=====,;config=zz", "a=control:file:///etc/passwd"),
        *("a=fmtp:96 sprop-max-don-diff=x", "a=rtpmap:999 X/9", "=", "a=fmtp:96"),
    ]
)


@settings(deadline=None)
@given(
    st.binary(max_size=400), st.sampled_from([b"", b"RTSP/1.0 200 OK\r\n", b"OPTIONS * RTSP/1.0"])
)
def test_a_reply_is_read_waited_for_or_refused(noise: bytes, start: bytes) -> None:
    try:
        said = text.read(start + noise)
    except text.NoRtspError:
        return
    assert said is None or 0 < said.size <= len(start + noise)


@settings(deadline=None)
@given(st.lists(LINES | st.text(max_size=60), max_size=40), st.sampled_from(["\r\n", "\n"]))
def test_a_description_names_a_stream_or_what_is_missing(lines: list[str], end: str) -> None:
    try:
        stream = description.read(end.join(lines).encode("utf-8", "replace"))
    except (description.NoVideoStreamError, description.UnknownCodecError):
        return
    assert stream.codec in ASSEMBLERS
    assert stream.clock_hz > 0


@settings(deadline=None)
@given(
    st.sampled_from(sorted(ASSEMBLERS)),
    st.lists(st.tuples(st.binary(max_size=60), st.integers(0, 3), st.booleans()), max_size=30),
    st.booleans(),
)
def test_packets_of_noise_make_units_or_nothing(
    codec: str, packets: list[tuple[bytes, int, bool]], only: bool
) -> None:
    assembler = ASSEMBLERS[codec](STREAM)
    assembler.keyframes_only = only
    for number, (payload, stamp, marker) in enumerate(packets):
        assembler.packet(payload, 0, len(payload), (0x80, marker << 7 | 96, number, stamp, 7))
        if number == len(packets) // 2:
            assembler.go_back(0)


def h264() -> Assembler:
    return ASSEMBLERS["h264"](STREAM)


def test_a_picture_without_end_is_dropped_before_it_fills_the_memory() -> None:
    assembler = h264()
    part = bytes((0x7C, 0x05)) + bytes(60_000)
    done = ()
    for number in range(LARGEST_UNIT_BYTES // 60_000 + 50):
        done += assembler.packet(part, 0, len(part), (0x80, 96, number & 0xFFFF, 1, 7))
    done += assembler.packet(part, 0, len(part), (0x80, 96 | 0x80, (number + 1) & 0xFFFF, 1, 7))
    [unit] = done
    assert not unit.is_whole
    assert len(unit.data) < LARGEST_UNIT_BYTES


def test_what_isn_t_wanted_is_not_copied_and_a_lost_packet_is_noticed() -> None:
    assembler = h264()
    assembler.keyframes_only = True
    plain, key = b"\x41" + bytes(99), b"\x65" + bytes(99)
    [skipped] = assembler.packet(plain, 0, 100, (0x80, 0x80 | 96, 1, 10, 7))
    assert (skipped.data, skipped.is_keyframe, skipped.is_whole) == (b"", False, True)
    [kept] = assembler.packet(key, 0, 100, (0x80, 0x80 | 96, 2, 20, 7))
    assert kept.data.endswith(key)
    assert (kept.is_keyframe, kept.is_whole, kept.ticks - skipped.ticks) == (True, True, 10)
    [torn] = assembler.packet(key, 0, 100, (0x80, 0x80 | 96, 4, 30, 7))
    assert not torn.is_whole


@pytest.mark.parametrize("start", [0, 0xFFFFFFF0, 0x7FFFFFFF])
def test_time_goes_on_where_stamps_wrap(start: int) -> None:
    assembler = h264()
    ticks = []
    for n in range(40):
        stamp = (start + 3600 * n) & 0xFFFFFFFF
        [unit] = assembler.packet(b"\x41\x00", 0, 2, (0x80, 0x80 | 96, n, stamp, 7))
        ticks.append(unit.ticks)
    assert {b - a for a, b in itertools.pairwise(ticks)} == {3600}


def test_a_line_break_is_in_no_request() -> None:
    for url, headers in (("rtsp://x/\r\nDESCRIBE y", {}), ("rtsp://x", {"A": "1\r\nB: 2"})):
        with pytest.raises(text.NoRtspError):
            text.request("OPTIONS", url, headers)
    login = Login("u", Secret("p"))
    assert login.hear(['Digest realm="a\r\nX: y", nonce="1"'])
    with pytest.raises(text.NoRtspError):
        text.request("OPTIONS", "rtsp://x", login.header("OPTIONS", "rtsp://x"))


def test_of_several_challenges_the_strongest_is_answered() -> None:
    digest = 'Digest realm="r", nonce="n", algorithm={}'
    login = Login("u", Secret("pa55-of-the-camera"))
    assert login.hear(["Basic realm=r", digest.format("MD5"), digest.format("SHA-256")])
    header = login.header("OPTIONS", "rtsp://x")["Authorization"]
    assert "algorithm=SHA-256" in header
    assert "pa55" not in header
    assert not login.hear(["Negotiate", digest.format("MD4")])
    assert login.header("OPTIONS", "rtsp://x") == {}


def test_the_example_of_the_standard() -> None:
    """RFC 2617, 3.5, without the quality that cameras leave out (RFC 2069's reckoning)."""
    login = Login("Mufasa", Secret("CircleOfLife"))
    nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
    login.hear([f'Digest realm="testrealm@host.com", nonce="{nonce}"'])
    header = login.header("GET", "/dir/index.html")["Authorization"]
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in header
