"""Whatever a camera says, the client's parsers answer in their own words, or wait for more."""

import itertools
import time
from dataclasses import replace

import pytest
from hypothesis import given
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


@given(
    st.binary(max_size=400), st.sampled_from([b"", b"RTSP/1.0 200 OK\r\n", b"OPTIONS * RTSP/1.0"])
)
def test_a_reply_is_read_waited_for_or_refused(noise: bytes, start: bytes) -> None:
    try:
        said = text.read(start + noise)
    except text.NoRtspError:
        return
    assert said is None or 0 < said.size <= len(start + noise)


@given(st.lists(LINES | st.text(max_size=60), max_size=40), st.sampled_from(["\r\n", "\n"]))
def test_a_description_names_a_stream_or_what_is_missing(lines: list[str], end: str) -> None:
    try:
        stream = description.read(end.join(lines).encode("utf-8", "replace"))
    except (description.NoVideoStreamError, description.UnknownCodecError):
        return
    assert stream.codec in ASSEMBLERS
    assert stream.clock_hz > 0


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


def whole(n: int, *, first: bool = True) -> bytes:
    """A slice of a keyframe: that of the first macroblock, or a later one."""
    return bytes((0x65, 0x88 if first else 0x11)) + bytes((n,)) * 50


def test_slices_that_are_each_marked_make_one_picture_from_the_second_on() -> None:
    assembler = h264()
    done = []
    number = 0
    for picture in range(3):
        for part in range(4):
            data = whole(part, first=part == 0)
            head = (0x80, 0x80 | 96, number, 3600 * picture, 7)
            done += assembler.packet(data, 0, len(data), head)
            number += 1
    [second] = [unit for unit in done if unit.ticks - done[0].ticks == 3600]
    assert second.is_whole
    assert all(whole(part, first=part == 0) in second.data for part in range(4))
    assert [unit.is_whole for unit in done[1:-1]] == [False] * (len(done) - 2)


def test_stamps_that_stand_still_are_pictures_all_the_same() -> None:
    assembler = h264()
    done = []
    for number in range(5):
        done += assembler.packet(whole(1), 0, 52, (0x80, 0x80 | 96, number, 1, 7))
    assert [unit.is_whole for unit in done] == [True] * 5


def test_what_was_lost_before_a_keyframe_is_not_the_keyframe_s() -> None:
    for data, is_whole in ((whole(1), True), (whole(1, first=False), False)):
        assembler = h264()
        assembler.packet(b"\x41\x80", 0, 2, (0x80, 0x80 | 96, 1, 0, 7))
        [unit] = assembler.packet(data, 0, len(data), (0x80, 0x80 | 96, 3, 9, 7))
        assert unit.is_whole is is_whole


def test_order_numbers_stand_where_a_unit_of_h265_begins() -> None:
    stream = replace(STREAM, codec="hevc", has_order_numbers=True)
    assembler = ASSEMBLERS["hevc"](stream)
    parts = ((0x93, b"\0\1AAAA"), (0x13, b"BBBB"), (0x53, b"CCCC"))
    done = ()
    for number, (inner, rest) in enumerate(parts):
        data = bytes((0x62, 0x01, inner)) + rest
        done += assembler.packet(data, 0, len(data), (0x80, 96 | (number == 2) << 7, number, 1, 7))
    assert done[0].data.endswith(b"AAAABBBBCCCC")


def test_tiny_parts_count_for_what_they_cost() -> None:
    assembler = h264()
    part = bytes((0x7C, 0x05, 0x00))
    for number in range(LARGEST_UNIT_BYTES // 64 + 10):
        assembler.packet(part, 0, 3, (0x80, 96, number & 0xFFFF, 1, 7))
    [unit] = assembler.packet(part, 0, 3, (0x80, 96 | 0x80, (number + 1) & 0xFFFF, 1, 7))
    assert not unit.is_whole


def test_who_offered_digest_once_gets_no_password_in_the_clear() -> None:
    login = Login("u", Secret("pa55-of-the-camera"))
    digest = 'Digest realm="r", nonce="n"'
    assert login.hear([f'Basic realm="a", {digest}'])
    assert login.header("OPTIONS", "rtsp://x")["Authorization"].startswith("Digest")
    assert not login.hear(['Basic realm="a"'])
    assert login.header("OPTIONS", "rtsp://x") == {}
    assert not Login("u", Secret("p")).hear([f'{digest}, qop="auth-int"'])
    assert Login("u", Secret("p")).hear([f'{digest}, algorithm=""'])


def test_a_challenge_of_noise_takes_no_time() -> None:
    """A quadratic reading of 16 KB took 2.5 s, with every other camera waiting."""
    began_s = time.thread_time()
    for noise in ("a" * 16000, "a " * 8000, "a=" * 8000, 'a="' * 5000, "Digest a," * 1700):
        Login("u", Secret("p")).hear([f"Digest {noise}"] * 8)
    assert time.thread_time() - began_s < 0.5


def test_a_reply_may_come_after_line_breaks_and_has_few_lines() -> None:
    said = text.read(b"\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n")
    assert said is not None
    assert (said.status, said.size) == (200, 4 + 17 + 9 + 2)
    with pytest.raises(text.NoRtspError, match="lines"):
        text.read(b"RTSP/1.0 200 OK\r\n" + b":\r\n" * 5000 + b"\r\n")


def test_a_session_s_own_control_is_what_streams_are_below() -> None:
    lines = ("a=control:rtsp://10.0.0.5/session/42/", "m=video 0 RTP/AVP 96")
    found = description.read("\r\n".join((*lines, "a=rtpmap:96 H264/90000")).encode())
    assert found.session_control == "rtsp://10.0.0.5/session/42/"
    for odd in ("rtsp://[x", "file:///etc/passwd", "http://other/", "*", ""):
        assert description.control_url("rtsp://a/b", odd).startswith("rtsp://a/b")
    assert description.control_url("rtsp://a/b/", "trackID=1") == "rtsp://a/b/trackID=1"
    assert description.control_url("rtsp://a/b", "/c?x=1") == "rtsp://a/c?x=1"
