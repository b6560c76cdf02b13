"""Never over a limit, nobody starved, batches side by side: played through, by hypothesis."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.probes.limits import (
    PACE,
    Limits,
    Load,
    Waiting,
    keys_of,
    spent,
    startable,
    turns,
)

THEN = datetime(2026, 11, 23, 12, tzinfo=UTC)

NAMES = st.sampled_from("abcd")
FEW = st.integers(1, 5)
LIMITS = st.builds(Limits, subnet_per_s=FEW, platform_pulls=FEW, pulls=st.integers(1, 12))
COUNTS = st.dictionaries(NAMES, st.integers(0, 8))
LOADS = st.builds(Load, by_platform=COUNTS, started=COUNTS)
QUEUES = st.lists(st.tuples(NAMES, NAMES), max_size=40).map(
    lambda places: [
        Waiting(probe_id=probe_id, subnet=subnet, platform=platform)
        for probe_id, (subnet, platform) in zip(turns(THEN, 0, len(places)), places, strict=True)
    ]
)


@given(QUEUES, LOADS, LIMITS)
def test_no_limit_is_ever_passed_and_nothing_startable_is_left(
    queue: list[Waiting], load: Load, limits: Limits
) -> None:
    chosen = startable(queue, load, limits)
    by_id = {one.probe_id: one for one in queue}
    started = Counter(load.started) + Counter(by_id[one].subnet for one in chosen)
    running = Counter(load.by_platform) + Counter(by_id[one].platform for one in chosen)
    assert len(set(chosen)) == len(chosen)
    assert load.in_flight + len(chosen) <= max(limits.pulls, load.in_flight)
    for one in chosen:
        assert started[by_id[one].subnet] <= limits.subnet_per_s
        assert running[by_id[one].platform] <= limits.platform_pulls
    if load.in_flight + len(chosen) < limits.pulls:
        for one in queue:
            assert (
                one.probe_id in chosen
                or started[one.subnet] >= limits.subnet_per_s
                or running[one.platform] >= limits.platform_pulls
            ), "it could have started"


@given(QUEUES, LOADS, LIMITS)
def test_what_is_left_out_beforehand_could_not_start(
    queue: list[Waiting], load: Load, limits: Limits
) -> None:
    subnets, platforms = spent(load, limits)
    left = [one for one in queue if one.subnet not in subnets and one.platform not in platforms]
    assert startable(left, load, limits) == startable(queue, load, limits)
    if left and load.in_flight < limits.pulls:
        assert left[0].probe_id in startable(queue, load, limits), "the first always starts"


def played(arrivals: list[tuple[int, int]], limits: Limits, seconds: int) -> dict[UUID, int]:
    """Play batches of (second, size) in one subnet of one platform; returns when each started.

    A probe takes a second. Whatever comes later in the list is asked for later.
    """
    waiting: dict[UUID, Waiting] = {}
    began: dict[UUID, int] = {}
    for second in range(seconds):
        for at, size in arrivals:
            if at == second:
                for probe_id in turns(THEN + timedelta(seconds=at), 0, size):
                    waiting[probe_id] = Waiting(probe_id=probe_id, subnet="s", platform="p")
        nothing = Load(by_platform={}, started={})
        for probe_id in startable(waiting.values(), nothing, limits):
            began[probe_id] = second
            del waiting[probe_id]
    return began


ONE_A_SECOND = Limits(subnet_per_s=1, platform_pulls=1, pulls=1)


@given(st.lists(st.integers(1, 3), min_size=60, max_size=60))
def test_nobody_starves_however_many_ask_later(sizes: list[int]) -> None:
    """One a second starts while one to three a second are asked for, for ever."""
    arrivals = [(0, 8), *((second, size) for second, size in enumerate(sizes, 1))]
    first = set(range(8))
    began = played(arrivals, ONE_A_SECOND, 60)
    # Its last turn is 8 * PACE = 2 s after it was asked: at most those of two seconds pass.
    ours = sorted(began.values())[: len(first)]
    before = sum(size for second, size in arrivals if 0 < second <= 8 * PACE.total_seconds())
    assert ours[-1] <= 8 + before


def test_two_estates_share_and_a_single_camera_passes_both() -> None:
    limits = Limits(subnet_per_s=4, platform_pulls=4, pulls=4)
    large = turns(THEN, 0, 600)
    other = turns(THEN + timedelta(seconds=1), 0, 600)
    (single,) = turns(THEN + timedelta(seconds=60), 0, 1)
    waiting = {
        one: Waiting(probe_id=one, subnet="s", platform="p") for one in (*large, *other, single)
    }
    nothing = Load(by_platform={}, started={})
    order: list[UUID] = []
    for _ in range(140):
        chosen = startable(waiting.values(), nothing, limits)
        order += chosen
        for one in chosen:
            del waiting[one]
    assert abs(len({*large} & {*order}) - len({*other} & {*order})) <= 8
    assert order.index(single) < 500, "behind two minutes' worth, not behind both estates"


def test_turns_go_on_over_transactions_and_are_those_of_the_batch() -> None:
    whole = [*turns(THEN, 0, 500), *turns(THEN, 500, 500)]
    assert whole == sorted(whole)
    assert [str(one) for one in whole] == sorted(str(one) for one in whole)
    assert whole[-1] < turns(THEN + 1000 * PACE, 0, 1)[0]


@pytest.mark.parametrize(
    ("url", "upstream", "keys"),
    [
        ("rtsp://10.1.2.3/a", None, ("10.1.2.0/24", "10.1.2.3:554")),
        ("rtsp://10.1.2.9:8554/a", "海康平台", ("10.1.2.0/24", "海康平台")),
        ("rtsps://[2001:db8::1]/a", None, ("2001:db8::/64", "2001:db8::1:322")),
        ("rtsp://NVR.example:554/a", None, ("nvr.example", "nvr.example:554")),
        (f"rtsp://{'a' * 60}.{'b' * 60}.{'c' * 60}/a", None, None),
    ],
)
def test_what_a_stream_is_limited_by(
    url: str, upstream: str | None, keys: tuple[str, str] | None
) -> None:
    found = keys_of(url, upstream)
    assert keys is None or found == keys
    assert all(len(one) <= 128 for one in found)


@pytest.mark.parametrize(
    "host",
    [
        "10.1", "0x0a000001", "167772161", "012.0.0.1", "10.0.0.1.", "[::ffff:10.0.0.1]",
        "[::ffff:a00:1]", "１０.0.0.1", "10。0。0。1",
    ],
)  # fmt: skip
def test_a_host_has_one_limit_however_it_is_spelt(host: str) -> None:
    assert keys_of(f"rtsp://{host}/a", None) == keys_of("rtsp://10.0.0.1:554/b", None)


@pytest.mark.parametrize("host", ["cam.lan.", "CAM.lan", "ｃａｍ.lan", "cam.lan。"])
def test_a_name_has_one_limit_however_it_is_spelt(host: str) -> None:
    assert keys_of(f"rtsp://{host}/a", None) == ("cam.lan", "cam.lan:554")


@pytest.mark.parametrize("upstream", ["nvr-1", " NVR-1 ", "ＮＶＲ-1"])
def test_a_platform_has_one_limit_however_it_is_spelt(upstream: str) -> None:
    assert keys_of("rtsp://a/1", upstream) == keys_of("rtsp://a/1", "NVR-1")
    assert keys_of("rtsp://a/1", "  ") == keys_of("rtsp://a/1", None)
