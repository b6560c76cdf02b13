"""What comes back is taken once, and only from where it was asked for."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import sqlalchemy as sa

from pipelines import streams
from pipelines.evidence_store import EvidenceStore
from pipelines.messages import (
    Advice,
    FoundBy,
    FoundStream,
    PlaceAbsence,
    ProbeJob,
    ProbeResult,
    Zone,
    encode,
    private_parts,
)
from pipelines.streams import PROBE_JOBS, PROBE_RESULTS
from service import tables
from service.probes import queue
from tests.service.cameras.kit import HERE
from tests.service.estate import Things, add_evidence, fill
from tests.service.evidence.kit import new_ref
from tests.service.helpers import Parts
from tests.service.probes.kit import (
    add_cameras,
    answer,
    asked,
    consumer,
    dispatcher,
    jobs,
    result_of,
    set_all,
    states,
)


@pytest.fixture
def things(given: Parts) -> Things:
    return fill(given.database)[HERE]


@pytest.fixture
def job(given: Parts, things: Things) -> ProbeJob:
    """One that was sent, with a place picture."""
    asked(given, add_cameras(given, 1), place_pictures=True)
    assert dispatcher(given).send() == 1
    return jobs(given)[0]


def taken(given: Parts, *results: ProbeResult) -> None:
    answer(given, *results)
    consumer(given).step()
    assert given.pending(PROBE_RESULTS) == 0


def outcomes(given: Parts, outcome: str) -> float:
    return given.count("fengsui_messages_total", stream="probe.results", outcome=outcome)


def dead(given: Parts) -> list[str]:
    entries: Any = given.client.xrange(PROBE_RESULTS.dead)
    return [json.loads(entry[b"body"])["reason"] for _, entry in entries]


def test_a_result_is_what_is_known_of_the_camera(given: Parts, job: ProbeJob) -> None:
    found = FoundStream(
        url="rtsp://10.0.0.1:554/sub", found_by=FoundBy.ONVIF, width_px=640, height_px=360
    )
    ref = new_ref()
    result = result_of(
        job, substream=found, advice=(Advice.USE_SUBSTREAM, Advice.SET_CLOCK), place_ref=ref
    )
    taken(given, result)
    (probe,) = given.rows(tables.probes)
    (known,) = given.rows(tables.probed)
    (picture,) = given.rows(tables.place_pictures)
    assert probe["state"] == "done"
    assert probe["result"] == known["result"]
    assert known["result"]["substream"]["url"] == "rtsp://10.0.0.1:554/sub"
    assert known["result"]["advice"] == ["use_substream", "set_clock"]
    assert known["result"]["stream"]["codec"] == "h264"
    assert ref not in str(known["result"]), "nothing that is shown holds the picture's name"
    assert (picture["ref"], picture["asked_by"]) == (ref, "integrator")
    assert picture["removing_at"] is None
    assert outcomes(given, "stored") == 1


def test_the_same_again_changes_nothing(given: Parts, job: ProbeJob) -> None:
    ref = new_ref()
    first = result_of(job, place_ref=ref)
    taken(given, first, first)
    before = [given.rows(table) for table in (tables.probes, tables.probed, tables.place_pictures)]
    again = result_of(job, fault="unreachable", stream=None)
    taken(given, again)
    taken(given, first)
    assert before == [
        given.rows(table) for table in (tables.probes, tables.probed, tables.place_pictures)
    ]
    assert outcomes(given, "duplicate") == 3


def test_a_second_picture_of_the_same_job_goes_at_once(given: Parts, job: ProbeJob) -> None:
    first, second = new_ref(), new_ref()
    taken(given, result_of(job, place_ref=first), result_of(job, place_ref=second))
    marks = {row["ref"]: row["removing_at"] for row in given.rows(tables.place_pictures)}
    assert marks[first] is None
    assert marks[second] is not None


def test_a_picture_of_what_has_become_private_meanwhile_goes_at_once(
    given: Parts, job: ProbeJob
) -> None:
    window = [[0.1, 0.1], [0.3, 0.1], [0.3, 0.3]]
    zone = {"zone_id": "窗", "kind": "privacy", "polygon": window}
    with given.database.writing() as connection:
        connection.execute(sa.update(tables.cameras).values(zones=[zone]))
    taken(given, result_of(job, place_ref=new_ref()))
    (picture,) = given.rows(tables.place_pictures)
    assert picture["removing_at"] is not None


def test_a_picture_in_which_all_is_black_that_is_private_is_shown(
    given: Parts, job: ProbeJob
) -> None:
    window = [[0, 0.1], [0.3, 0.1], [0.3, 1]]
    zone = {"zone_id": "窗", "kind": "privacy", "polygon": window}
    road = {"zone_id": "路", "kind": "road", "polygon": window}
    with given.database.writing() as connection:
        connection.execute(sa.update(tables.cameras).values(zones=[road, zone]))
    seen = msgspec.json.decode(msgspec.json.encode([zone]), type=list[Zone])
    taken(given, result_of(job, place_ref=new_ref(), place_private=private_parts(seen)))
    (picture,) = given.rows(tables.place_pictures)
    assert picture["removing_at"] is None


def test_a_result_of_no_job_of_ours_is_passed_over(given: Parts, job: ProbeJob) -> None:
    taken(given, msgspec.structs.replace(result_of(job, place_ref=new_ref()), job_id=uuid4()))
    assert states(given) == {"sent": 1}
    assert given.rows(tables.probed) == given.rows(tables.place_pictures) == []
    assert outcomes(given, "unknown") == 1


def tomorrow(result: ProbeResult) -> bytes:
    late = datetime.now(UTC) + timedelta(days=1)
    return encode(msgspec.structs.replace(result, finished_at=late))


def of_another_camera(result: ProbeResult) -> bytes:
    return encode(msgspec.structs.replace(result, camera_id="another"))


BROKEN: dict[str, Callable[[ProbeResult], bytes]] = {
    "no JSON": lambda _good: b"{",
    "of a later version": lambda _good: b'{"schema_version": 7}',
    "too large": lambda _good: b" " * (streams.MAX_BODY_BYTES + 1),
    "with a NUL": lambda good: encode(good).replace(b'"h264"', b'"h2\\u000064"'),
    "of tomorrow": tomorrow,
    "of another camera": of_another_camera,
}


def test_what_cannot_be_taken_is_a_dead_letter_and_holds_up_nothing(
    given: Parts, job: ProbeJob
) -> None:
    good = result_of(job)
    for broken in BROKEN.values():
        given.client.xadd(PROBE_RESULTS.name, {"body": broken(good)})
    consumer(given).step()
    assert given.pending(PROBE_RESULTS) == 0
    reasons = ["malformed", "unknown_version", "malformed", "malformed", "future", "foreign_camera"]
    assert dead(given) == reasons
    assert states(given) == {"sent": 1}
    assert given.rows(tables.probed) == []
    for broken in BROKEN.values():
        given.client.xadd(PROBE_RESULTS.name, {"body": broken(good)})
    taken(given, good)
    assert states(given) == {"done": 1}
    assert outcomes(given, "dead") == 12
    labels = {"stream": "probe.results", "reason": "future"}
    assert given.count("fengsui_dead_letters_total", **labels) == 2


def test_a_ref_of_an_alert_s_evidence_is_no_place_picture(
    given: Parts, things: Things, job: ProbeJob
) -> None:
    add_evidence(given.database, EvidenceStore(given.settings.evidence), things)
    taken(given, result_of(job, place_ref=things.ref))
    assert dead(given) == ["evidence_taken"]
    assert given.rows(tables.place_pictures) == []
    assert states(given) == {"sent": 1}


def test_a_worker_s_clock_that_is_behind_dates_nothing_before_it_was_sent(
    given: Parts, job: ProbeJob
) -> None:
    long_ago = datetime(1970, 1, 2, tzinfo=UTC)
    taken(given, result_of(job, place_ref=new_ref(), finished_at=long_ago))
    (probe,), (picture,) = given.rows(tables.probes), given.rows(tables.place_pictures)
    assert probe["finished_at"] == picture["made_at"] == probe["sent_at"]


def test_an_answer_after_its_time_is_taken_for_it_is_true(given: Parts, job: ProbeJob) -> None:
    set_all(given, sent_at=datetime.now(UTC) - queue.ANSWER_LIMIT - timedelta(seconds=1))
    dispatcher(given).settle()
    assert states(given) == {"expired": 1}
    taken(given, result_of(job))
    assert states(given) == {"done": 1}


def test_a_late_answer_is_no_news_after_a_newer_one(given: Parts, job: ProbeJob) -> None:
    set_all(given, state="expired")
    asked(given, [job.camera.camera_id])
    assert dispatcher(given).send() == 1
    newer = jobs(given)[1]
    taken(given, result_of(newer, fault="unauthorized", stream=None))
    early = datetime.now(UTC) - timedelta(seconds=200)
    with given.database.writing() as connection:
        ours = tables.probes.c.probe_id == job.job_id
        connection.execute(sa.update(tables.probes).where(ours).values(sent_at=early))
    taken(given, result_of(job, finished_at=early))
    (known,) = given.rows(tables.probed)
    assert (known["probe_id"], known["fault"]) == (newer.job_id, "unauthorized")


SUBSTREAMS = {
    "rtsp://10.0.0.1/sub": "rtsp://10.0.0.1/sub",
    "rtsp://admin:canary-Xy7@10.0.0.1/sub": "rtsp://10.0.0.1/sub",
    "rtsp://10.6.6.6/sub": None,
    "http://10.0.0.1/sub": None,
    "rtsp://10.0.0.1/sub?password=canary-Xy7": None,
}


def test_a_substream_is_at_the_camera_s_host_and_holds_no_login(
    given: Parts, things: Things
) -> None:
    cameras = add_cameras(given, len(SUBSTREAMS), main_url="rtsp://10.0.0.1/main")
    asked(given, cameras)
    assert dispatcher(given, probe_subnet_per_s=9).send() == len(SUBSTREAMS)
    found = {
        job.camera.camera_id: FoundStream(url=url, found_by=FoundBy.ONVIF)
        for job, url in zip(jobs(given), SUBSTREAMS, strict=True)
    }
    taken(
        given,
        *(result_of(job, substream=found[job.camera.camera_id]) for job in jobs(given)),
    )
    kept = {row["camera_id"]: row["result"]["substream"] for row in given.rows(tables.probed)}
    for camera, stream in found.items():
        assert (kept[camera] and kept[camera]["url"]) == SUBSTREAMS[stream.url], stream.url
    assert "canary" not in str(given.rows(tables.probes)) + str(kept)


def test_a_newer_picture_takes_the_older_one_s_place(given: Parts, job: ProbeJob) -> None:
    old, new = new_ref(), new_ref()
    taken(given, result_of(job, place_ref=old))
    yesterday = datetime.now(UTC) - timedelta(days=1)
    with given.database.writing() as connection:
        connection.execute(sa.update(tables.place_pictures).values(made_at=yesterday))
    asked(given, [job.camera.camera_id], place_pictures=True)
    assert dispatcher(given).send() == 1
    taken(given, result_of(jobs(given)[1], place_ref=new))
    marks = {row["ref"]: row["removing_at"] for row in given.rows(tables.place_pictures)}
    assert marks[old] is not None
    assert marks[new] is None


@pytest.mark.parametrize("late_first", [True, False])
def test_of_two_pictures_of_a_day_the_one_that_comes_later_goes_at_once(
    given: Parts, job: ProbeJob, late_first: bool
) -> None:
    set_all(given, state="expired")
    asked(given, [job.camera.camera_id], place_pictures=True)
    assert dispatcher(given).send() == 1
    first, second = (job, jobs(given)[1]) if late_first else (jobs(given)[1], job)
    shown, gone = new_ref(), new_ref()
    taken(given, result_of(first, place_ref=shown))
    taken(given, result_of(second, place_ref=gone))
    marks = {row["ref"]: row["removing_at"] for row in given.rows(tables.place_pictures)}
    assert marks[shown] is None
    assert marks[gone] is not None


def test_a_picture_that_nobody_asked_for_is_not_kept(given: Parts, job: ProbeJob) -> None:
    set_all(given, wants_place_picture=False)
    taken(given, result_of(job, place_ref=new_ref()))
    (picture,) = given.rows(tables.place_pictures)
    assert picture["removing_at"] is not None


def test_of_a_camera_that_is_gone_nothing_is_kept(given: Parts, job: ProbeJob) -> None:
    with given.database.writing() as connection:
        ours = tables.cameras.c.camera_id == job.camera.camera_id
        connection.execute(sa.delete(tables.cameras).where(ours))
    taken(given, result_of(job, place_ref=new_ref()))
    assert given.rows(tables.probed) == []
    (picture,) = given.rows(tables.place_pictures)
    assert picture["removing_at"] is not None
    assert states(given) == {"done": 1}


def test_a_crash_after_the_commit_takes_it_again_and_changes_nothing(
    given: Parts, job: ProbeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(given, result_of(job, place_absence=PlaceAbsence.NO_MASKER))
    first = consumer(given)
    with monkeypatch.context() as patch:
        patch.setattr(given.client, "xack", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            first.step()
    assert states(given) == {"done": 1}
    assert given.pending(PROBE_RESULTS) == 1
    consumer(given).step()
    assert given.pending(PROBE_RESULTS) == 0
    assert outcomes(given, "duplicate") == 1


def test_finished_jobs_and_results_are_trimmed(given: Parts, job: ProbeJob) -> None:
    streams.create_group(given.client, PROBE_JOBS)
    read: Any = given.client.xreadgroup("workers", "w", {PROBE_JOBS.name: ">"})
    taken(given, result_of(job))
    given.client.xack(PROBE_JOBS.name, "workers", read[0][1][0][0])
    for stream in (PROBE_JOBS, PROBE_RESULTS):
        streams.trim(given.client, stream)
        assert given.client.xlen(stream.name) <= 1
