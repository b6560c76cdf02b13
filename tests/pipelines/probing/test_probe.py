"""A probe of real streams: what it says of good ones, and how it ends with bad ones."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines.faults import PlatformUnreachableError
from pipelines.jurisdictions import Jurisdictions
from pipelines.messages import (
    Advice,
    Camera,
    FoundBy,
    Onvif,
    PlaceAbsence,
    ProbeResult,
    encode,
)
from pipelines.platforms import Platforms
from pipelines.probing import measuring
from pipelines.rtsp.networks import Networks, PlaceNetworks
from tests.pipelines.drills.live import served
from tests.pipelines.probing.kit import (
    KEYINT,
    LOGIN,
    PASSWORD,
    SUB_PX,
    Kit,
    camera,
    clip,
    job,
    kit,
    mounts,
)
from tests.support.zoo import ZOO

HOSTILE = {
    "redirect": "redirected",
    "redirect_loop": "redirected",
    "redirected_mid_stream": "redirected",
    "location_http": "redirected",
    "location_file": "redirected",
    "content_base_elsewhere": None,
    "content_base_http": None,
    "control_elsewhere": None,
    "control_file": None,
    "never_answers": "unreachable",
    "never_answers_play": "unreachable",
    "drips_description": "unreachable",
    "udp_only": "unreachable",
    "endless_sdp": "no_rtsp",
    "endless_headers": "no_rtsp",
    "content_length_huge": "no_rtsp",
    "many_media": "no_rtsp",
    "not_rtsp": "no_rtsp",
    "never_admits": "unauthorized",
    "not_found": "not_found",
    "audio_only": "no_video",
    "unsupported_codec": "unsupported_codec",
    "too_large": "too_large",
    "goes_silent": "stream_lost",
    "silent_after_play": "stream_lost",
    "empty_packets": "stream_lost",
    "no_keyframe_ever": "no_keyframe",
    "flood": None,
    "time_stands_still": None,
    "time_jumps_forwards": None,
    "healthy_mjpeg": None,
}
"""How a probe ends with each."""


@pytest.fixture(scope="module", autouse=True)
def _short_patience() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "OPEN_S", 2.0)
        patch.setattr(measuring, "SILENCE_S", 1.5)
        patch.setattr(measuring, "LONGEST_S", 3.0)
        patch.setattr(measuring, "SHORTEST_S", 1.0)
        yield


@pytest.fixture
def probing(tmp_path: Path) -> Iterator[Kit]:
    with kit(tmp_path) as made:
        yield made


class Ended:
    """What became of a camera of the zoo."""

    def __init__(self, habit: str, directory: Path) -> None:
        with ZOO[habit]() as zoo, kit(directory) as made:
            began_s = time.monotonic()
            host = zoo.url.split("/")[2]
            asked = job(camera(f"rtsp://{host}/live/main"))
            self.result: ProbeResult = made.probe.result(asked)
            self.took_s = time.monotonic() - began_s
            self.connections = zoo.connections
            other = zoo.other
            self.leaked = other is not None and (other.connections > 0 or other.authorizations)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    directory = tmp_path_factory.mktemp("zoo")
    with ThreadPoolExecutor(16) as pool:
        made = pool.map(lambda habit: Ended(habit, directory), HOSTILE)
        return dict(zip(HOSTILE, made, strict=True))


@pytest.mark.parametrize("habit", HOSTILE)
def test_a_bad_camera_is_told_of_in_time_and_sends_nobody_elsewhere(
    ended: dict[str, Ended], habit: str
) -> None:
    found = ended[habit]
    assert found.result.fault == HOSTILE[habit]
    assert found.took_s < 12
    assert not found.leaked
    if found.result.fault is not None:
        assert found.connections == 1
        assert found.result.substream is None
    else:
        assert found.result.stream is not None


def test_a_codec_that_stretches_its_keyframes_is_called_smart(
    probing: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "LONGEST_S", 4.0)
    with ZOO["rare_keyframes"](speed=3.5) as zoo:
        result = probing.probe.result(job(camera(zoo.url)))
    assert result.stream is not None
    assert result.stream.keyframe_interval_s is not None
    assert result.stream.keyframe_interval_s >= 10
    assert Advice.SMART_CODEC in result.advice


def test_what_a_good_stream_is(probing: Kit) -> None:
    with served(mounts("stream1", "stream2"), login=LOGIN) as (server, port):
        one = camera(f"rtsp://127.0.0.1:{port}/stream1", probing.key)
        result = probing.probe.result(job(one))
        assert server.counters.failed_logins == 0
    assert result.fault is None
    stream = result.stream
    assert stream is not None
    assert (stream.codec, stream.width_px, stream.height_px) == ("h264", 1280, 720)
    assert stream.frame_rate_hz == pytest.approx(25, abs=1)
    assert stream.keyframe_interval_s == pytest.approx(0.4, abs=0.05)
    sent = sum(len(unit.data) for unit in clip((720, 1280), KEYINT).units) * 8 / 2
    assert stream.bit_rate_bps == pytest.approx(sent, rel=0.2)
    assert result.onvif is Onvif.NOT_ASKED
    assert result.clock_skew_s is None
    found = result.substream
    assert found is not None
    assert (found.url, found.found_by) == (f"rtsp://127.0.0.1:{port}/stream2", FoundBy.NAMING)
    assert (found.height_px, found.width_px) == SUB_PX
    assert result.advice == (Advice.USE_SUBSTREAM,)
    assert PASSWORD.encode() not in encode(result)
    assert probing.count("fengsui_probes_total", "good") == 1


def test_a_camera_that_answers_any_address_with_its_main_stream_has_no_substream(
    probing: Kit,
) -> None:
    with ZOO["healthy_h264"]() as zoo:
        host = zoo.url.split("/")[2]
        result = probing.probe.result(job(camera(f"rtsp://{host}/stream1")))
        assert any(uri.endswith("/stream2") for uri in zoo.uris), "it was asked"
    assert result.fault is None
    assert result.substream is None


def test_no_other_stream_is_looked_for_where_one_is_registered(probing: Kit) -> None:
    with served(mounts("stream1", "stream2")) as (server, port):
        one = camera(f"rtsp://127.0.0.1:{port}/stream1")
        result = probing.probe.result(job(one, has_substream=True))
        assert server.counters.clients == 1
    assert result.substream is None
    assert result.fault is None


def test_a_wrong_password_is_tried_at_one_address_once(probing: Kit) -> None:
    with served(mounts("stream1", "stream2"), login=LOGIN) as (server, port):
        result = probing.probe.result(job(camera(f"rtsp://127.0.0.1:{port}/stream1")))
        assert server.counters.clients == 1
    assert result.fault == "unauthorized"


def test_an_address_outside_the_allowed_networks_gets_no_connection(tmp_path: Path) -> None:
    with (
        kit(tmp_path, networks=Networks.parse(["10.0.0.0/8"])) as made,
        served(mounts("stream1")) as (server, port),
    ):
        result = made.probe.result(
            job(camera(f"rtsp://127.0.0.1:{port}/stream1"), wants_place_picture=True)
        )
        assert server.counters.clients == 0
    assert result.fault == "network_refused"
    assert result.place_absence is PlaceAbsence.NO_STREAM


def test_what_a_place_s_networks_refuse_gets_no_connection(tmp_path: Path) -> None:
    elsewhere = PlaceNetworks(code="0", allowed=Networks.parse(["10.0.0.0/8"]).allowed)
    with (
        kit(tmp_path, jurisdictions=Jurisdictions({"0": elsewhere})) as made,
        served(mounts("stream1")) as (server, port),
    ):
        for place in ((), ("0", "330106")):
            one = camera(f"rtsp://127.0.0.1:{port}/stream1", place=place)
            assert made.probe.result(job(one)).fault == "network_refused"
        assert server.counters.clients == 0


def test_a_login_that_another_key_sealed_is_a_fault_of_its_own(
    probing: Kit, tmp_path: Path
) -> None:
    one = camera("rtsp://127.0.0.1:9/stream1", tmp_path / "other.key")
    assert probing.probe.result(job(one)).fault == "credentials_key"


class Fresh(Platforms):
    """A platform that gives one address, or nothing."""

    def __init__(self, url: str | None) -> None:
        self.url, self.asked = url, 0

    def fresh_url(self, camera: Camera) -> str | None:
        self.asked += camera.upstream is not None
        if self.url is None:
            raise PlatformUnreachableError("platform p", "it doesn't answer")
        return self.url if camera.upstream else None


def test_an_address_that_expired_is_renewed_once(tmp_path: Path) -> None:
    with served(mounts("live")) as (_, port):
        gone, there = f"rtsp://127.0.0.1:{port}/gone", f"rtsp://127.0.0.1:{port}/live"
        for url, asked, fault, renewed in (
            (there, 1, None, True),
            (gone, 1, "not_found", True),
            (None, 1, "platform_unreachable", False),
        ):
            platforms = Fresh(url)
            with kit(tmp_path, platforms=platforms) as made:
                one = camera(gone, upstream="p", gb_id="34020000001320000001")
                result = made.probe.result(job(one))
            assert (platforms.asked, result.fault, result.renewed) == (asked, fault, renewed)
            assert result.onvif is Onvif.NOT_ASKED


def test_a_camera_s_clock_is_read_from_its_reports(probing: Kit) -> None:
    with ZOO["rtcp_between"]() as zoo:
        result = probing.probe.result(job(camera(zoo.url)))
    assert result.clock_skew_s is not None
    assert result.clock_skew_s < -86400, "the zoo's clock stands at a day in 2026"
    assert Advice.SET_CLOCK in result.advice
