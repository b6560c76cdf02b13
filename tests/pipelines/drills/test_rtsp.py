import threading
import time
from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest
from av.error import FFmpegError

from pipelines.drills.clip import Clip, nal_units
from pipelines.drills.rtsp import Limits, Login, Mount
from pipelines.drills.rtsp_text import LARGEST_HEAD_BYTES
from tests.pipelines.drills.live import Plain, play, served


@pytest.fixture
def street(short_clip: Clip) -> Mount:
    return Mount(name="street", clip=short_clip)


def test_it_plays_from_a_keyframe_and_time_goes_on_when_the_loop_ends(street: Mount) -> None:
    with served([street]) as (server, port):
        seen = play(f"rtsp://127.0.0.1:{port}/street", 22)
        assert server.counters.clients == 1
    assert seen[0].key
    assert [one.key for one in seen] == ([True] + [False] * 9) * 2 + [True, False]
    assert set(np.diff([one.pts or 0 for one in seen[1:]])) == {
        9000
    }  # FFmpeg leaves the first unset
    assert seen[20].nals == seen[0].nals
    assert seen[21].at_s - seen[0].at_s == pytest.approx(2.1, abs=0.3)


def test_opencv_plays_it(street: Mount, monkeypatch: pytest.MonkeyPatch) -> None:
    options = "rtsp_transport;tcp|probesize;32|analyzeduration;0"
    monkeypatch.setenv("OPENCV_FFMPEG_CAPTURE_OPTIONS", options)
    with served([street]) as (_, port):
        video = cv2.VideoCapture(f"rtsp://127.0.0.1:{port}/street", cv2.CAP_FFMPEG)
        try:
            worked, picture = video.read()
        finally:
            video.release()
    assert worked
    assert picture.shape == (360, 640, 3)
    assert 10 < picture.mean() < 240


def test_two_clients_see_the_same_moment(street: Mount) -> None:
    views: dict[str, list[tuple[float, tuple[bytes, ...]]]] = {}
    with served([street]) as (_, port):

        def watch(name: str, packets: int) -> None:
            seen = play(f"rtsp://127.0.0.1:{port}/street", packets)
            views[name] = [(one.at_s, one.nals) for one in seen]

        early = threading.Thread(target=watch, args=("early", 19))
        early.start()
        time.sleep(0.65)
        late = threading.Thread(target=watch, args=("late", 18))
        late.start()
        early.join(10)
        late.join(10)
    first = {nals: at_s for at_s, nals in views["early"]}
    both = [(first[nals], at_s) for at_s, nals in views["late"] if nals in first]
    assert len(both) >= 4
    assert np.abs(np.diff(both[-8:], axis=1)).max() < 0.4  # not a second apart, as two starts are
    assert views["late"][0][1] in {views["early"][0][1], views["early"][10][1]}  # a keyframe


def test_a_mount_can_begin_anew_for_each_client(short_clip: Clip) -> None:
    mount = Mount(name="clip", clip=short_clip, restart_per_client=True)
    first = tuple(nal_units(short_clip.units[0].data))
    with served([mount]) as (_, port):
        for pause_s in (0.0, 0.3):
            time.sleep(pause_s)
            seen = play(f"rtsp://127.0.0.1:{port}/clip", 3)
            assert seen[0].nals == first


def test_a_stream_with_counted_turns_ends(short_clip: Clip) -> None:
    mount = Mount(name="once", clip=short_clip, cycles=1, restart_per_client=True)
    with served([mount]) as (_, port):
        assert len(play(f"rtsp://127.0.0.1:{port}/once", 1000)) == 20


def test_the_right_password_opens_and_a_wrong_one_is_counted(street: Mount) -> None:
    login = Login(user="guard", password="rain or shine".replace(" ", "-"))
    with served([street], login=login, limits=Limits(logins=2)) as (server, port):
        assert play(f"rtsp://guard:rain-or-shine@127.0.0.1:{port}/street", 2)[0].key
        assert server.counters.failed_logins == 0
        for url in (f"guard:rain@127.0.0.1:{port}", f"127.0.0.1:{port}"):
            with pytest.raises(FFmpegError):
                play(f"rtsp://{url}/street", 1)
        assert server.counters.failed_logins >= 1
        with Plain(port) as client:
            assert client.ask("OPTIONS", "street")[0] == 200
            status, text = client.ask("DESCRIBE", "street")
            assert status == 401
            assert 'WWW-Authenticate: Digest realm="' in text
            for _ in range(3):
                client.ask("DESCRIBE", "street", Authorization='Digest username="guard"')
            assert client.closed()


def test_an_unknown_mount_is_not_found(street: Mount) -> None:
    with served([street]) as (_, port):
        with pytest.raises(FFmpegError, match="404"):
            play(f"rtsp://127.0.0.1:{port}/elsewhere", 1)
        with Plain(port) as client:
            assert client.ask("SETUP", "elsewhere/trackID=0", Transport="RTP/AVP/TCP")[0] == 404


def test_udp_is_refused_and_counted(street: Mount) -> None:
    with served([street]) as (server, port), Plain(port) as client:
        udp = "RTP/AVP;unicast;client_port=5000-5001"
        assert client.ask("SETUP", "street/trackID=0", Transport=udp)[0] == 461
        assert server.counters.refused_transports == 1


def test_requests_out_of_order_are_refused(street: Mount) -> None:
    with served([street]) as (_, port), Plain(port) as client:
        assert client.ask("PLAY", "street")[0] == 455
        assert client.ask("PLAY", "street", Session="abc")[0] == 454
        assert client.ask("RECORD", "street")[0] == 405
        transport = "RTP/AVP/TCP;unicast;interleaved=4-5"
        status, text = client.ask("SETUP", "street/trackID=0", Transport=transport)
        assert status == 200
        assert "interleaved=4-5" in text
        assert client.ask("SETUP", "street/trackID=0", Transport=transport)[0] == 455
        assert client.ask("GET_PARAMETER", "street")[0] == 200
        assert client.ask("TEARDOWN", "street", Session="wrong")[0] == 454
        name = text.partition("Session: ")[2].partition(";")[0]
        assert client.ask("TEARDOWN", "street", Session=name)[0] == 200
        assert client.closed()


@pytest.mark.parametrize(
    "sent", [b"nonsense\r\n\r\n", b"X" * (LARGEST_HEAD_BYTES + 1), b"A B RTSP/1.0\r\nx\r\n\r\n"]
)
def test_what_is_no_rtsp_ends_the_connection(street: Mount, sent: bytes) -> None:
    with served([street]) as (server, port), Plain(port) as client:
        client.sock.sendall(sent)
        assert client.closed()
        assert server.counters.bad_requests == 1


def test_what_a_client_sends_on_rtp_channels_is_skipped(street: Mount) -> None:
    with served([street]) as (server, port), Plain(port) as client:
        client.sock.sendall(b"$\x01\x00\x05hello$\x01\x00\x00$\x01")
        client.sock.sendall(b"\x00\x02hi")
        assert client.ask("OPTIONS", "street")[0] == 200
        assert server.counters.bad_requests == 0


def test_a_client_that_does_not_read_is_cut_and_delays_nobody(street: Mount) -> None:
    limits = Limits(buffer_bytes=12_000, kernel_buffer_bytes=4096)
    with served([street], limits=limits) as (server, port):
        with Plain(port, receive_bytes=2048) as stuck:
            stuck.start("street")
            seen = play(f"rtsp://127.0.0.1:{port}/street", 22)
            assert server.counters.slow_clients == 1
        steps = np.diff([one.at_s for one in seen if one.at_s > seen[0].at_s + 0.05])
        assert steps.max() < 0.3


def test_a_silent_session_expires(street: Mount) -> None:
    with served([street], limits=Limits(session_s=0.3)) as (server, port), Plain(port) as client:
        client.start("street")
        assert client.closed()
        assert server.counters.expired_sessions == 1


def test_connections_beyond_the_limit_are_refused(street: Mount) -> None:
    with served([street], limits=Limits(clients=1)) as (server, port), Plain(port) as one:
        assert one.ask("OPTIONS", "street")[0] == 200
        with Plain(port) as two:
            assert two.closed()
        assert server.counters.refused_clients == 1


@dataclass
class Ear:
    """Hears what is due and what has left."""

    heard: list[tuple[str, str, int, float]] = field(default_factory=list)

    def due(self, mount: str, cycle: int, at_s: float) -> None:
        self.heard.append(("due", mount, cycle, round(at_s, 3)))

    def left(self, mount: str, cycle: int, at_s: float) -> None:
        self.heard.append(("left", mount, cycle, round(at_s, 3)))


def test_the_watcher_hears_what_is_due_and_then_that_it_left(street: Mount) -> None:
    ear = Ear()
    with served([street], watcher=ear) as (server, port):
        assert server.connections == set()
        assert ear.heard == []  # the clock waits for the first client
        play(f"rtsp://127.0.0.1:{port}/street", 4)
        time.sleep(0.3)
    due = [one[1:] for one in ear.heard if one[0] == "due"]
    left = [one[1:] for one in ear.heard if one[0] == "left"]
    assert due[:5] == [("street", 0, round(k / 10, 3)) for k in range(5)]
    assert left == due[: len(left)]
    assert 4 <= len(left) < len(due)
    for event in left:
        assert ear.heard.index(("due", *event)) < ear.heard.index(("left", *event))
