from datetime import datetime, timedelta
from typing import Any

import pytest

from pipelines.drills.tally import Tally, percentile
from pipelines.messages import DispatchOrder, Heartbeat, decision_id, incident_id, order_id
from tests.support.builders import alert, at
from vision.hazards import SEVERITY, Hazard


def told(kind: str, seconds: float, cycle: int = 0, run: str = "a") -> dict[str, Any]:
    return {
        "run": run,
        "event": kind,
        "camera_id": "drill-street-fire",
        "hazard": "fire",
        "cycle": cycle,
        "at": at(seconds).isoformat(),
    }


def order(seconds: float, camera_id: str = "drill-street-fire") -> DispatchOrder:
    incident = incident_id(alert(seconds, camera_id=camera_id).alert_id)
    decision = decision_id(incident, "policy:drill", 1)
    return DispatchOrder(
        order_id=order_id(incident, "dispatch.drill", decision),
        incident_id=incident,
        decision_id=decision,
        decided_by="policy:drill",
        decided_at=at(seconds),
        target="dispatch.drill",
        hazard=Hazard.FIRE,
        severity=SEVERITY[Hazard.FIRE],
        camera_id=camera_id,
        zone_id="all",
        first_seen_at=at(seconds),
        drill=True,
        trace_id="0" * 32,
    )


def report(tally: Tally) -> dict[str, Any]:
    return tally.report(cameras=1, alerts=0, incidents=0)


def queued(seconds: float) -> datetime:
    return at(seconds)


def test_an_order_answers_the_onset_before_it_and_its_latency_counts_from_the_camera() -> None:
    tally = Tally()
    for cycle in (0, 1):
        tally.script(told("onset", 60 * cycle, cycle))
        tally.script(told("hazard_left", 60 * cycle + 0.5, cycle))
        tally.order(order(60 * cycle + 1), queued(60 * cycle + 3.5))
    figures = report(tally)
    assert (figures["orders"], figures["onsets"], figures["onsets_without_order"]) == (2, 2, 0)
    assert (figures["latency_p50_s"], figures["latency_p95_s"]) == (3.0, 3.0)
    assert figures["orders_by_hazard"] == {"fire": 2}
    assert tally.answered


def test_what_goes_wrong_shows() -> None:
    tally = Tally()
    tally.order(order(-30), queued(-29))  # before any onset
    tally.script(told("onset", 0))
    tally.order(order(1), queued(3))
    tally.order(order(1), queued(4))  # the same entry once more
    tally.order(order(9), queued(12))  # another order of the same onset
    tally.order(order(1, "drill-else"), queued(3))
    tally.script(told("onset", 60, 1))
    figures = report(tally)
    assert figures["orders_without_onset"] == 2
    assert figures["orders_sent_twice"] == 1
    assert figures["onsets_with_more_orders"] == 1
    assert figures["onsets_without_order"] == 1
    assert figures["orders"] == 4
    assert not tally.answered


def test_onsets_after_the_end_of_counting_are_not_counted() -> None:
    tally = Tally()
    tally.closed = True
    tally.script(told("onset", 0))
    assert report(tally)["onsets"] == 0


def test_an_order_of_an_uncounted_onset_is_none_of_the_onset_before() -> None:
    tally = Tally()
    tally.script(told("onset", 0))
    tally.order(order(1), queued(3))
    before = report(tally)
    tally.closed = True
    tally.script(told("onset", 60, 1))
    assert tally.answered
    for _ in range(2):
        assert tally.order(order(61), queued(63)) is tally.all_onsets[-1]
    assert report(tally) == before
    assert (before["onsets"], before["orders"], before["onsets_with_more_orders"]) == (1, 1, 0)


def test_drill_cameras_that_start_again_count_from_0_and_change_nothing_of_before() -> None:
    tally = Tally()
    for run, start in (("a", 0), ("b", 40)):
        tally.script(told("onset", start, 0, run))
        tally.script(told("hazard_left", start + 0.5, 0, run))
        tally.order(order(start + 1), queued(start + 2.5))
    figures = report(tally)
    assert (figures["onsets"], figures["orders"]) == (2, 2)
    assert (figures["latency_p50_s"], figures["latency_p95_s"]) == (2.0, 2.0)


def test_a_restarted_worker_s_counts_are_added_and_a_later_beat_replaces() -> None:
    tally = Tally()
    assert not tally.beating
    for epoch, analysed, overload in ((1, 5, 1), (1, 9, 1), (2, 4, 2)):
        tally.heartbeat(
            Heartbeat(
                worker_id="w", epoch=epoch, at=at(0), cameras=3, cameras_connected=3,
                frames_received=0, frames_decoded=0, frames_analysed=analysed,
                drops={"overload": overload}, alerts=0, spool_entries=0,
            )
        )  # fmt: skip
    figures = report(tally)
    assert (figures["frames_analysed"], figures["drops"]) == (13, {"overload": 3})
    assert tally.beating


def test_without_an_order_there_is_no_latency() -> None:
    figures = report(Tally())
    assert figures["latency_p95_s"] is None
    assert figures["drops"] == {"overload": 0}


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, None), ([1.0], 0.95, 1.0), (list(map(float, range(1, 101))), 0.95, 95.0)],
)
def test_percentile_is_the_nearest_rank(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected
    assert timedelta(0) == timedelta()
