"""What is due goes, from everywhere, whatever happens on the way; what is held stays."""

import threading
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from pipelines.evidence_store import EvidenceStore
from pipelines.messages import EvidencePart
from service import tables
from service.evidence import expiry
from service.evidence.keeper import EvidenceKeeper
from service.metrics import ServiceMetrics
from tests.service.evidence.kit import (
    STILL,
    Clock,
    aged,
    block,
    keeper,
    month_later,
    named_in,
    new_ref,
    on_disk,
    one_row,
    put,
    rows_of,
    scene,
    taken,
    townships,
    viewed,
)
from tests.service.helpers import Parts, alert
from tests.support.waiting import until

SECOND = timedelta(seconds=1)

sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_visible_at_t_minus_one_and_gone_everywhere_at_t_plus_one(given: Parts) -> None:
    with scene(given, clock := Clock()) as there:
        one = there.seen()
        ref = one.evidence_ref or ""
        expires_at = one_row(given, one)["expires_at"]
        assert expires_at == one.first_seen_at + timedelta(days=30)
        clock.go_to(expires_at - 5 * SECOND)
        there.given.send(alert(-9000.0, camera_id="there"))  # the keeper has been round since
        until(lambda: len(given.rows(tables.incidents)) == 2, "another alert")
        assert there.viewer.get(there.path(one)).content == STILL
        assert ref in str(there.listed(one))
        assert ref in on_disk(given)
        assert set(named_in(given, ref)) == {"alerts", "evidence", "feed"}

        clock.go_to(expires_at + SECOND)
        assert there.viewer.get(there.path(one)).status_code == 404  # before anything is deleted
        until(lambda: not rows_of(given, ref), "the row to go")
        assert named_in(given, ref) == []
        assert on_disk(given) == set()
        assert there.listed(one) == {"evidence": [], "absent": "expired", "hold": None}
        for path in ("/api/incidents", there.incident(one), "/api/incidents?drill=false"):
            text = there.viewer.get(path).text
            assert ref not in text
            assert "expired" in text
        for query in ("", f"?object_id={ref}", "?action=evidence.viewed"):
            assert ref not in there.admin.get(f"/api/audit{query}").text.replace(query, "")
        assert len(viewed(given)) == 1  # that it was viewed stays
        told = [row["payload"] for row in given.rows(tables.feed)]
        own = [payload for payload in told if payload["camera_id"] == one.camera_id]
        assert "expired" in {payload["evidence_absent"] for payload in own}
        metrics = there.admin.get("/metrics").text
        assert 'fengsui_evidence_deleted_total{reason="expired"} 1.0' in metrics


class PowerCutError(Exception):
    """The process ends here."""


@pytest.mark.parametrize("where", ["marked", "deleted", "forgotten"])
def test_a_crash_at_any_point_is_finished_by_the_next(
    given: Parts, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    (ref,) = put(given)

    def cut(*_: object) -> None:
        raise PowerCutError

    first = keeper(given, month_later())
    with monkeypatch.context() as patch:
        if where == "marked":
            patch.setattr(first._store, "delete", cut)
        else:
            patch.setattr(expiry, "forget" if where == "deleted" else "waiting", cut)
        with pytest.raises(PowerCutError):
            first.step()
    assert given.rows(tables.alerts)[0]["evidence_absent"] == "expired"
    assert (ref in on_disk(given)) == (where == "marked")
    assert bool(rows_of(given, ref)) == (where != "forgotten")
    stopping = threading.Event()
    again = keeper(given, month_later(), stopping=stopping)  # nothing is left in memory
    again.mark()
    again.delete()
    assert named_in(given, ref) == []
    assert on_disk(given) == set()
    assert given.count("fengsui_evidence_deleted_total", reason="expired") == 1


def test_a_store_that_refuses_is_asked_again_and_nothing_is_shown_meanwhile(given: Parts) -> None:
    with scene(given, clock := Clock()) as there:
        one = there.seen()
        ref = one.evidence_ref or ""
        in_the_way = block(given, ref)
        clock.go_to(one_row(given, one)["expires_at"] + SECOND)
        until(lambda: one_row(given, one)["removing_at"] is not None, "the mark")
        refused = 'fengsui_evidence_store_errors_total{call="delete"}'
        until(lambda: refused in there.admin.get("/metrics").text, "a refusal")
        assert there.viewer.get(there.path(one)).json()["code"] == "unknown_evidence"
        assert there.viewer.get(there.path(one, "clip.mp4")).status_code == 404
        assert there.listed(one)["evidence"] == []
        assert named_in(given, ref) == ["evidence"]
        assert "fengsui_evidence_waiting 1.0" in there.admin.get("/metrics").text
        assert there.admin.get("/api/status").json()["evidence_store_reachable"] in {True, False}
        clock.ahead = timedelta(0)  # nor does turning the clock back bring it back
        assert there.viewer.get(there.path(one)).status_code == 404
        in_the_way.rmdir()
        until(lambda: not rows_of(given, ref), "the row to go")
        assert named_in(given, ref) == []
        assert on_disk(given) == set()


def test_replicas_at_once_neither_fail_nor_count_twice(given: Parts) -> None:
    refs = put(given, 40)
    orphans = [new_ref() for _ in range(20)]
    store = EvidenceStore(given.settings.evidence)
    for ref in orphans:
        store.put(ref, EvidencePart.STILL, STILL)
    metrics = [ServiceMetrics(CollectorRegistry()) for _ in range(4)]
    start, faults = threading.Barrier(4), []

    def run(own: ServiceMetrics) -> None:
        stopping = threading.Event()
        made = EvidenceKeeper(
            store=EvidenceStore(given.settings.evidence),
            database=given.database,
            settings=given.settings,
            metrics=own,
            stopping=stopping,
            clock=month_later(),
            changed=lambda: None,
        )
        start.wait()
        try:
            for _ in range(3):
                made.mark()
                made.delete()
                made.sweep()
        except Exception as error:  # noqa: BLE001 - told to the test
            faults.append(error)

    threads = [threading.Thread(target=run, args=(own,)) for own in metrics]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert on_disk(given) == set()
    assert given.rows(tables.evidence) == []
    assert len(given.rows(tables.evidence_gone)) == len(refs) + len(orphans)

    def counted(reason: str) -> float:
        name = "fengsui_evidence_deleted_total"
        return sum(own.registry.get_sample_value(name, {"reason": reason}) or 0 for own in metrics)

    assert (counted("expired"), counted("orphan")) == (len(refs), len(orphans))
    events = [row for row in given.rows(tables.feed) if row["kind"] == "incident.updated"]
    assert len(events) == 1


def test_what_no_alert_told_of_for_a_week_is_deleted_and_counted(given: Parts) -> None:
    (known,) = put(given)
    old, young = aged(given, 7.01), aged(given, 6.99)
    made = keeper(given, Clock())
    assert made.sweep()
    assert on_disk(given) == {known, young}
    assert given.count("fengsui_evidence_deleted_total", reason="orphan") == 1
    assert named_in(given, old) == []
    taken(given, alert(100.0, camera_id="slow", evidence_ref=old))  # its spool was cut off
    assert rows_of(given, old) == []
    row = next(row for row in given.rows(tables.alerts) if row["camera_id"] == "slow")
    assert (row["evidence_ref"], row["evidence_absent"]) == (None, "expired")
    made.sweep()
    assert given.count("fengsui_evidence_deleted_total", reason="orphan") == 1


@sqlite_only
def test_hashes_are_forgotten_when_no_alert_can_ask(given: Parts) -> None:
    put(given)
    first = keeper(given, month_later())
    first.mark()
    first.delete()
    assert len(given.rows(tables.evidence_gone)) == 1
    keeper(given, Clock(timedelta(days=31) + expiry.REMEMBERED - 60 * SECOND)).sweep()
    assert len(given.rows(tables.evidence_gone)) == 1
    keeper(given, Clock(timedelta(days=31) + expiry.REMEMBERED + 60 * SECOND)).sweep()
    assert given.rows(tables.evidence_gone) == []


@sqlite_only
def test_more_than_a_batch_goes_in_one_round(given: Parts) -> None:
    put(given, 150)
    made = keeper(given, month_later())
    made.mark()
    made.delete()
    assert given.rows(tables.evidence) == []
    assert on_disk(given) == set()
    assert given.count("fengsui_evidence_deleted_total", reason="expired") == 150
    assert given.count("fengsui_evidence_waiting") == 0


def test_events_of_a_drill_that_was_overruled_name_nothing_either(given: Parts) -> None:
    townships(given)
    ref = new_ref()
    taken(given, alert(camera_id="here", drill=True, evidence_ref=ref))
    taken(given, alert(camera_id="here", revision=2, seen_s=3.0, evidence_ref=ref))
    drill = next(row for row in given.rows(tables.incidents) if row["drill"])
    left = [r for r in given.rows(tables.feed) if r["incident_id"] == drill["incident_id"]]
    assert {row["payload"]["evidence_ref"] for row in left} == {None}
    made = keeper(given, month_later())
    made.mark()
    made.delete()
    assert named_in(given, ref) == []
