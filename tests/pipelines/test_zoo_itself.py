"""The camera zoo speaks RTSP as FFmpeg understands it, and its traps catch FFmpeg."""

import re
import socket
import threading
import time
from dataclasses import dataclass, field
from itertools import pairwise

import av
import av.error
import httpx
import pytest

from tests.support.waiting import until
from tests.support.zoo import PASSWORD, USER, ZOO, ZooCamera
from tests.support.zoo.media_habits import JUMP_TICKS, STEP_TICKS
from tests.support.zoo.protocol_habits import logins

SPEED = 20.0
"""Small pictures decode much faster than they would come."""

LOGINS = {name for name, _ in logins()}

UNDERSTOOD_BY_FFMPEG = (
    "tiny_2",
    "tiny_16",
    "rare_keyframes",
    "b_frames",
    "sixty_a_second",
    "time_stands_still",
    "ten_times_too_fast",
    "half_corrupted",
    "packet_loss",
    "lost_starts",
    "every_header_bit",
    "sets_in_sdp_only",
    "sets_in_band_only",
    "aggregated_sets",
    "aggregated_sets_h265",
    "audio_first",
    "other_channels",
    "stray_channel",
    "rtcp_between",
    "replies_between",
    "wrong_sequence",
    "bare_newlines",
    "wants_keepalives",
    "keepalive_by_options",
    "redirected_mid_stream",
    "content_base_elsewhere",
    "control_elsewhere",
    "digest_md5",
    "digest_qop_auth",
    "basic",
    "basic_and_digest",
    "digest_and_basic",
    "stale_nonce",
)

REFUSED_BY_FFMPEG = {
    "never_admits": av.error.HTTPUnauthorizedError,
    "not_found": av.error.HTTPNotFoundError,
    "not_enough_bandwidth": av.error.HTTPOtherClientError,
    "unavailable": av.error.HTTPServerError,
    "content_length_negative": av.error.InvalidDataError,
    "not_rtsp": av.error.InvalidDataError,
    "location_file": av.error.InvalidDataError,
    "location_http": av.error.InvalidDataError,
}

SLOW_TO_ENCODE = {"too_large", "eight_k"}


@dataclass
class Seen:
    """What FFmpeg made of a camera."""

    codec: str = ""
    sizes_px: list[tuple[int, int]] = field(default_factory=list)
    times: list[int] = field(default_factory=list)


def seen(camera: ZooCamera, pictures: int = 30, *, login: bool = False) -> Seen:
    """Open a camera with nothing but TCP asked for, and decode so many pictures."""
    found = Seen()
    url = camera.url_with_login if login else camera.url
    options = {"rtsp_transport": "tcp"}
    with av.open(url, format="rtsp", options=options, timeout=(5, 5)) as container:
        stream = container.streams.video[0]
        found.codec = stream.codec_context.name
        for packet in container.demux(stream):
            if packet.pts is not None:
                found.times.append(packet.pts)
            for picture in stream.codec_context.decode(packet):
                found.sizes_px.append((picture.height, picture.width))
            if len(found.sizes_px) >= pictures:
                break
    return found


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("healthy_h264", "h264"),
        ("healthy_h265", "hevc"),
        ("healthy_mjpeg", "mjpeg"),
        ("healthy_mpeg4", "mpeg4"),
    ],
)
def test_healthy_ones_are_seen(name: str, codec: str) -> None:
    with ZOO[name](speed=SPEED) as camera:
        found = seen(camera)
        assert camera.methods[:4] == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"]
        assert camera.uris[1] == camera.url
        assert camera.connections == 1
        assert camera.bytes_sent > 2000
        assert camera.authorizations == []
    assert found.codec == codec
    assert found.sizes_px == [(360, 640)] * 30
    assert {b - a for a, b in pairwise(found.times)} == {3600}


@pytest.mark.parametrize("name", UNDERSTOOD_BY_FFMPEG)
def test_those_that_ffmpeg_puts_up_with_are_seen(name: str) -> None:
    with ZOO[name](speed=SPEED) as camera:
        assert len(seen(camera, login=name in LOGINS).sizes_px) >= 30
        if name in LOGINS:
            assert camera.authorizations


@pytest.mark.parametrize("name", REFUSED_BY_FFMPEG)
def test_those_that_refuse_are_told_apart(name: str) -> None:
    with ZOO[name](speed=SPEED) as camera, pytest.raises(REFUSED_BY_FFMPEG[name]):
        seen(camera, login=name in LOGINS)


def test_at_its_own_speed_a_camera_keeps_time() -> None:
    with ZOO["healthy_h264"]() as camera:
        started_s = time.monotonic()
        seen(camera, 20)
        assert 0.6 < time.monotonic() - started_s < 2.5


def test_the_size_changes_in_mid_stream() -> None:
    with ZOO["size_changes"](speed=SPEED) as camera:
        assert set(seen(camera, 70).sizes_px) == {(360, 640), (240, 320)}


@pytest.mark.parametrize(
    ("name", "jump"),
    [
        ("time_jumps_forwards", JUMP_TICKS),
        ("time_jumps_backwards", 2**32 - JUMP_TICKS),  # to before the start: taken for a wrap
        ("time_steps_backwards", -STEP_TICKS),
    ],
)
def test_time_jumps_once(name: str, jump: int) -> None:
    with ZOO[name](speed=SPEED) as camera:
        times = seen(camera, 70).times
    assert {b - a for a, b in pairwise(times)} == {3600, 3600 + jump}


def test_time_wraps_and_ffmpeg_does_not_mind() -> None:
    with ZOO["time_wraps"](speed=SPEED) as camera:
        times = seen(camera, 70).times
    assert {b - a for a, b in pairwise(times)} == {3600}


def test_redirects_lead_ffmpeg_and_its_password_elsewhere() -> None:
    with ZOO["redirect"](speed=SPEED) as camera:
        assert camera.other is not None
        seen(camera, 1, login=True)
        assert camera.other.connections == 1
        assert camera.other.authorizations[0].startswith("Basic ")


def test_a_redirect_loop_catches_ffmpeg() -> None:
    with ZOO["redirect_loop"](speed=SPEED) as camera, pytest.raises(av.error.FFmpegError):
        seen(camera)
    assert camera.connections > 100


def dialogue(camera: ZooCamera) -> socket.socket:
    """Return a connection on which PLAY was asked for: a client without any manners."""
    client = socket.create_connection(camera.address, timeout=5)
    transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
    for number, (method, header) in enumerate((("SETUP", transport), ("PLAY", ""))):
        line = f"{method} {camera.url}/trackID=0 RTSP/1.0\r\nCSeq: {number}\r\n{header}\r\n"
        client.sendall(line.encode())
    return client


def drained(client: socket.socket) -> float:
    """Read to the end; return how long it took, in seconds."""
    started_s = time.monotonic()
    while client.recv(65536):
        pass
    return time.monotonic() - started_s


@pytest.mark.parametrize("name", ["digest_md5", "digest_qop_auth", "digest_sha_256"])
def test_digest_is_what_httpx_makes_of_it(name: str) -> None:
    """FFmpeg can't do SHA-256; httpx can, if the address is a path."""
    with ZOO[name]() as camera, socket.create_connection(camera.address, 5) as client:
        client.sendall(b"DESCRIBE /live RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        challenge = re.search(rb"WWW-Authenticate: (.*)\r\n", client.recv(4096))
        assert challenge is not None
        for password, status in (("wrong", b"401"), (PASSWORD, b"200")):
            request = httpx.Request("DESCRIBE", "http://zoo/live")
            flow = httpx.DigestAuth(USER, password).auth_flow(request)
            headers = {"WWW-Authenticate": challenge[1].decode()}
            next(flow)
            proof = flow.send(httpx.Response(401, headers=headers, request=request))
            line = f"Authorization: {proof.headers['authorization']}\r\n"
            client.sendall(f"DESCRIBE /live RTSP/1.0\r\nCSeq: 2\r\n{line}\r\n".encode())
            assert client.recv(4096).split()[1] == status


def test_who_sends_no_keepalives_is_cut_off() -> None:
    with ZOO["wants_keepalives"]() as camera, dialogue(camera) as client:
        assert 2.5 < drained(client) < 4.5


def test_a_reset_is_a_reset() -> None:
    with ZOO["resets"](speed=100.0) as camera, dialogue(camera) as client:
        with pytest.raises(ConnectionResetError):
            drained(client)
        assert until(lambda: camera.open_connections == 0)


def met(camera: ZooCamera) -> None:
    until(lambda: camera.connections == 1, "a connection")


def test_every_camera_ends_with_its_block_whatever_its_client_does() -> None:
    for name in ZOO.keys() - SLOW_TO_ENCODE:
        with ZOO[name](speed=SPEED) as camera, dialogue(camera):
            met(camera)
    assert not [one.name for one in threading.enumerate() if one.name.startswith("zoo-")]
