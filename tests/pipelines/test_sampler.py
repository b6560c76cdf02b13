import itertools

import pytest

from pipelines.sampler import Sampler, Speed


def looks_of(sampler: Sampler, packets: list[tuple[float, bool]]) -> list[float]:
    """Times of the looks; every packet the decoder gets becomes a picture."""
    return [
        time_s
        for time_s, is_keyframe in packets
        if sampler.wants_packet(is_keyframe=is_keyframe, time_s=time_s)
        and sampler.wants_look(time_s)
    ]


def stream(seconds: float, fps: float, keyframe_every_s: float, start_s: float = 0.0):  # type: ignore[no-untyped-def]
    gop = round(keyframe_every_s * fps)
    return [(start_s + i / fps, i % gop == 0) for i in range(int(seconds * fps))]


@pytest.mark.parametrize("interval_s", [1.0, 2.0, 4.0])
def test_frequent_keyframes_are_all_that_is_decoded(interval_s: float) -> None:
    sampler = Sampler()
    packets = stream(40, 25, interval_s)
    looks = looks_of(sampler, packets)
    assert sampler.speed is Speed.SENTRY
    keyframes = {time_s for time_s, key in packets if key}
    assert {one for one in looks if one > interval_s} == {k for k in keyframes if k > interval_s}


@pytest.mark.parametrize("interval_s", [4.8, 10.0, 30.0])
def test_rare_keyframes_do_not_starve_the_rules(interval_s: float) -> None:
    looks = looks_of(Sampler(), stream(90, 10, interval_s))
    gaps = [b - a for a, b in itertools.pairwise(looks)]
    assert max(gaps) <= 2.5


def test_a_codec_that_stretches_keyframes_is_followed_from_the_next_one() -> None:
    sampler = Sampler()
    calm = stream(20, 10, 2.0)
    stretched = stream(60, 10, 20.0, start_s=20.0)
    looks = looks_of(sampler, calm + stretched)
    assert sampler.speed is Speed.FLOW
    late = [one for one in looks if one > 42.0]
    assert max(b - a for a, b in itertools.pairwise(late)) <= 2.5


def test_all_keyframes_are_not_all_looked_at() -> None:
    looks = looks_of(Sampler(), [(i / 25, True) for i in range(25 * 20)])
    assert 18 <= len(looks) <= 24


def test_nothing_before_the_first_keyframe_is_decoded() -> None:
    sampler = Sampler()
    assert looks_of(sampler, [(0.0, False), (0.1, False)]) == []
    assert not sampler.started


def test_time_that_jumps_back_or_far_ahead_costs_no_look() -> None:
    for jump_s in (-5000.0, 5000.0):
        packets = stream(10, 10, 2.0, 6000.0) + stream(10, 10, 2.0, 6000.0 + jump_s)
        looks = looks_of(Sampler(), packets)
        after = [one for one in looks if abs(one - 6000 - jump_s) <= 10]
        assert len(after) >= 4


def test_a_stream_that_is_too_much_keeps_to_its_keyframes_however_rare() -> None:
    sampler = Sampler()
    packets = stream(60, 10, 15.0)
    before = looks_of(sampler, packets[:20])
    sampler.keep_to_keyframes()
    after = looks_of(sampler, packets[20:])
    assert len(before) >= 1
    assert after == [15.0, 30.0, 45.0]
    assert sampler.speed is Speed.SENTRY


def test_a_steady_camera_is_looked_at_five_times_a_second_from_its_first_keyframe() -> None:
    sampler = Sampler(steady=True)
    looks = looks_of(sampler, stream(20, 25, 2.0))
    assert sampler.speed is Speed.BURST
    assert 4.5 <= len(looks) / 20 <= 5.1
    assert max(b - a for a, b in itertools.pairwise(looks)) <= 0.25


def test_a_steady_camera_that_is_too_heavy_goes_by_its_keyframes() -> None:
    sampler = Sampler(steady=True)
    looks_of(sampler, stream(4, 25, 2.0))
    sampler.keep_to_keyframes()
    assert not sampler.is_steady
    looks = looks_of(sampler, stream(20, 25, 2.0, start_s=4.0))
    assert len(looks) <= 11
