from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from pipelines.drills.clip import PPS, SPS, TICKS_PER_S, Clip, nal_units
from pipelines.drills.encoder import BIT_RATE, cache_key, cached_clip, load_h264
from pipelines.drills.scenes import FPS, DrillScene


def decode(clip: Clip) -> list[np.ndarray]:
    context = av.CodecContext.create("h264", "r")
    frames = [f for unit in clip.units for f in context.decode(av.Packet(unit.data))]
    frames += context.decode(None)
    return [frame.to_ndarray(format="bgr24") for frame in frames]


def test_a_keyframe_with_its_headers_begins_every_second(short_clip: Clip) -> None:
    assert len(short_clip.units) == 20
    assert [unit.key for unit in short_clip.units] == ([True] + [False] * 9) * 2
    for unit in short_clip.units[::10]:
        kinds = [nal[0] & 0x1F for nal in nal_units(unit.data)]
        assert kinds[:2] == [SPS, PPS]
        assert kinds[-1] == 5
    assert short_clip.parameter_set(SPS)[0] & 0x1F == SPS


def test_frames_are_sent_in_the_order_they_are_shown(short_clip: Clip) -> None:
    ticks = [unit.send_ticks for unit in short_clip.units]
    assert ticks == [unit.show_ticks for unit in short_clip.units]
    assert set(np.diff(ticks)) == {TICKS_PER_S // FPS}
    assert short_clip.duration_s == 2.0


def test_what_is_decoded_is_what_was_drawn(short_clip: Clip, short_scene: DrillScene) -> None:
    frames = decode(short_clip)
    stage = short_scene.stage()
    assert len(frames) == 20
    for number in (0, 7, 12, 19):
        drawn = stage.frame(number / FPS)
        assert np.abs(frames[number].astype(np.int16) - drawn).mean() < 5.0


def test_a_second_start_finds_the_loop_on_disk(short_scene: DrillScene, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []

    def progress(done: int, of: int) -> None:
        calls.append((done, of))

    first = cached_clip(short_scene, tmp_path, progress)
    assert calls == [(0, 20), (20, 20)]
    assert cached_clip(short_scene, tmp_path, progress) == first
    assert len(calls) == 2
    (file,) = tmp_path.iterdir()
    assert file.stat().st_size < 2.5 * BIT_RATE / 8 + 10_000


def test_a_loop_that_cannot_be_kept_is_served_nevertheless(
    short_scene: DrillScene, short_clip: Clip, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no directory")
    told: list[OSError] = []
    found = cached_clip(short_scene, tmp_path / "file", lambda _done, _of: None, told.append)
    assert found == short_clip
    assert len(told) == 1


def test_the_first_keyframe_from_a_moment(short_clip: Clip) -> None:
    assert [short_clip.keyframe_from(ticks) for ticks in (0, 1, TICKS_PER_S)] == [0, 10, 10]
    with pytest.raises(ValueError, match="no keyframe"):
        short_clip.keyframe_from(TICKS_PER_S + 1)


def test_a_damaged_file_is_made_anew(short_clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / "loop.clip"
    assert Clip.load(path) is None
    short_clip.save(path)
    whole = path.read_bytes()
    assert Clip.load(path) == short_clip
    for damaged in (b"", b"FSCLIP1\n{", whole[:-5], b"X" + whole[1:]):
        path.write_bytes(damaged)
        assert Clip.load(path) is None


def test_another_script_is_another_file(short_scene: DrillScene) -> None:
    assert cache_key(short_scene) == cache_key(replace(short_scene))
    assert cache_key(short_scene) != cache_key(replace(short_scene, seed=1))
    assert cache_key(short_scene) != cache_key(replace(short_scene, onset_s=0.6))


def write_mp4(path: Path, codec: str, frames: int = 24) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=12)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = Fraction(1, 12)
        if codec == "libx264":
            stream.options = {"x264-params": "keyint=12:bframes=2:b-adapt=0"}
        for number in range(frames):
            pixels = np.full((48, 64, 3), number * 10, np.uint8)
            container.mux(stream.encode(VideoFrame.from_ndarray(pixels, format="bgr24")))
        container.mux(stream.encode(None))


def test_a_file_is_served_as_it_is_with_its_reordered_frames(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_mp4(path, "libx264")
    clip = load_h264(path)
    assert len(clip.units) == 24
    assert clip.units[0].key
    assert clip.duration_s == pytest.approx(2.0)
    assert clip.units[0].send_ticks == 0
    assert any(unit.send_ticks != unit.show_ticks for unit in clip.units)
    shown = sorted(unit.show_ticks for unit in clip.units)
    assert set(np.diff(shown)) == {TICKS_PER_S // 12}
    assert [round(float(frame.mean()) / 10) for frame in decode(clip)] == list(range(24))


def test_a_file_of_another_codec_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_mp4(path, "mpeg4", frames=3)
    with pytest.raises(ValueError, match=r"only H\.264"):
        load_h264(path)
