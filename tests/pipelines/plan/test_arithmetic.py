"""Sums and quotients: what must hold of any plan."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pipelines.plan.arithmetic import SPARES, Estate, Server, kinds, need, split
from pipelines.plan.figures import Measured, Row
from pipelines.plan.plot import svg, ticks
from pipelines.plan.ranges import Range, sure

shares = some.floats(0.0, 1.0)
counts = some.integers(1, 1_000_000)


def measured(
    size: int, ours: float, *, spread: list[float] | None = None, capacity: int | None = None
) -> Measured:
    return Measured(
        size=size,
        core_percent_per_stream={"ours": ours},
        spread={"ours": spread},
        streams_at_capacity=capacity,
        memory_mb_per_stream=5.0 if size == 360 else 20.0,
        by_stream=[
            Row(codec="h264", keyframe_s=4, core_percent=ours / 2),
            Row(codec="h264", keyframe_s=15, core_percent=ours * 3),
        ],
    )


BOTH = {
    360: measured(360, 1.0, spread=[0.9, 1.2]),
    1080: measured(1080, 3.0, spread=[2.7, 3.3]),
}


@given(channels=counts, share=shares)
def test_a_share_and_the_rest_are_the_whole(channels: int, share: float) -> None:
    part, rest = split(channels, share)
    assert part + rest == channels
    assert part >= 0
    assert rest >= 0
    assert abs(part - channels * share) <= 0.5


@given(channels=counts, sub=shares, smart=shares, steady=some.booleans())
def test_kinds_add_up_and_low_is_lowest(
    channels: int, sub: float, smart: float, steady: bool
) -> None:
    estate = Estate(channels=channels, substream_share=sub, smart_share=smart, steady=steady)
    assert sum(kind.channels for kind in kinds(estate, BOTH)) == channels
    needed = need(estate, Server(), BOTH)
    for level in (needed.cores, needed.workers, needed.memory_gb, needed.servers):
        assert 0.0 < level.low <= level.median <= level.high


@given(channels=counts, more=some.integers(1, 1000), sub=shares, smart=shares)
def test_more_channels_never_need_less(channels: int, more: int, sub: float, smart: float) -> None:
    estate = Estate(channels=channels, substream_share=sub, smart_share=smart)
    few = need(estate, Server(), BOTH)
    many = need(replace(estate, channels=channels + more), Server(), BOTH)
    for name in ("low", "median", "high"):
        assert getattr(few.cores, name) <= getattr(many.cores, name)
        assert getattr(few.servers, name) <= getattr(many.servers, name)
        assert getattr(few.memory_gb, name) <= getattr(many.memory_gb, name)
    assert few.network_mbit_s < many.network_mbit_s


@given(channels=counts, spread=some.sampled_from([None, [1.0, 1.0]]))
def test_without_spread_there_is_no_error_bar(channels: int, spread: list[float] | None) -> None:
    figures = {360: measured(360, 1.0, spread=spread)}
    needed = need(Estate(channels=channels, substream_share=1.0), Server(), figures)
    for level in (needed.cores, needed.workers, needed.memory_gb, needed.servers):
        assert level.low == level.median == level.high


def test_an_estate_by_hand() -> None:
    """1000 channels: 720 and 80 small, 180 and 20 main; half of each core stays free."""
    estate = Estate(channels=1000)
    server = Server(cores=10, memory_gb=64.0, headroom=0.5, worker_mb=100.0)
    needed = need(estate, server, BOTH)
    assert [kind.channels for kind in needed.kinds] == [720, 80, 180, 20]
    # 7.2 + 2.4 + 5.4 + 1.8 = 16.8 cores, twice that with headroom
    assert needed.cores.median == pytest.approx(33.6)
    assert needed.cores.low == pytest.approx(2 * (9.6 * 0.9 + 7.2 * 0.9))
    assert needed.cores.high == pytest.approx(2 * (9.6 * 1.2 + 7.2 * 1.1))
    assert needed.workers.median == 34
    assert needed.memory_gb.median == pytest.approx(3.4 + 800 * 0.005 + 200 * 0.020)
    assert needed.network_mbit_s == pytest.approx(800 * 0.5 + 200 * 4)
    assert {name: count.median for name, count in needed.servers_for.items()} == {
        "cores": 4,
        "memory": 1,
        "network": 2,
    }
    assert needed.servers.median == 4 + SPARES
    assert needed.binds == "cores"


def test_long_keyframe_intervals_cost_what_every_frame_costs_and_steady_looks_more() -> None:
    estate = Estate(channels=1000, substream_share=1.0, smart_share=0.0)
    plain, smart, steady = (
        need(one, Server(), BOTH).cores.median
        for one in (estate, replace(estate, smart_share=1.0), replace(estate, steady=True))
    )
    assert smart == pytest.approx(3 * plain)
    assert steady > smart


def test_another_interval_has_the_headline_s_spread_in_proportion() -> None:
    cost = BOTH[360].core_percent("h264", 4)
    assert (cost.low, cost.median, cost.high) == pytest.approx((0.45, 0.5, 0.6))


def test_a_worker_that_bears_less_than_a_core_makes_more_of_them() -> None:
    estate = Estate(channels=1000, substream_share=1.0, smart_share=0.0)
    server = Server(headroom=0.0)
    for capacity, workers in ((None, 10), (200, 10), (50, 20)):
        figures = {360: measured(360, 1.0, capacity=capacity)}
        assert need(estate, server, figures).workers.median == workers


def test_what_rounding_left_over_is_no_server() -> None:
    assert sure(0.1 * 3 / 0.3).whole().median == 1
    assert sure(1.001).whole().median == 2


@given(end=some.floats(1e-3, 1e8))
def test_ticks_are_few_and_inside(end: float) -> None:
    found = list(ticks(end))
    assert 3 <= len(found) <= 9
    assert found[0] == 0
    assert found[-1] <= end * (1 + 1e-9)


def test_a_plot_of_one_camera_can_be_drawn() -> None:
    assert "<polygon" in svg([(1, Range(low=0.01, median=0.02, high=0.03))])
