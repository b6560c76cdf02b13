"""A picture is shown to who may see it, after the audit knows, and else to nobody in no way."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import service.database
from pipelines.messages import EvidenceAbsence, EvidencePart
from service import tables
from service.app import create_app
from service.evidence.rows import digest
from tests.service.evidence.kit import (
    CLIP,
    STILL,
    Scene,
    holds_any_of,
    named_in,
    new_ref,
    raw,
    scene,
    viewed,
)
from tests.service.helpers import ON_SQLITE, Parts, alert
from tests.service.signing_in import bearer
from tests.support.waiting import until


@pytest.fixture
def there(given: Parts) -> Iterator[Scene]:
    with scene(given) as made:
        yield made


def test_a_picture_is_shown_and_the_audit_says_to_whom_and_what_for(there: Scene) -> None:
    one = there.seen()
    (listed,) = there.listed(one)["evidence"]
    assert listed["ref"] == one.evidence_ref
    assert listed["alert_id"] == str(one.alert_id)
    assert listed["parts"] == ["still.jpg", "clip.mp4"]
    assert listed["hold"] is None
    still = there.viewer.get(f"/api/evidence/{one.evidence_ref}/still.jpg?why=dispatch")
    clip = there.viewer.get(f"/api/evidence/{one.evidence_ref}/clip.mp4?why=complaint")
    assert (still.content, clip.content) == (STILL, CLIP)
    assert (still.headers["content-type"], clip.headers["content-type"]) == (
        "image/jpeg",
        "video/mp4",
    )
    for answer in (still, clip):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-disposition"] == "inline"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["accept-ranges"] == "none"
        assert "etag" not in answer.headers
    first, second = viewed(there.given)
    assert first["actor"].startswith("viewer-")
    assert (first["object_kind"], first["object_id"]) == (
        "incident",
        there.incident(one).rpartition("/")[2],
    )
    details = [json.loads(row["body"])["detail"] for row in (first, second)]
    common = {"evidence": digest(one.evidence_ref or ""), "camera_id": "here", "hazard": "fire"}
    assert details == [
        common | {"part": "still.jpg", "why": "dispatch"},
        common | {"part": "clip.mp4", "why": "complaint"},
    ]
    assert "audit" not in named_in(there.given, one.evidence_ref or "")


@ON_SQLITE
def test_head_and_ranges_are_no_way_around(there: Scene) -> None:
    one = there.seen()
    for method in ("HEAD", "OPTIONS", "POST", "PUT", "TRACE"):
        found = raw(there.viewer, method, there.path(one), "X-CSRF-Token: none")
        assert b" 405 " in found or b" 403 " in found or b" 400 " in found, found[:80]
        assert not holds_any_of(found, STILL)
    assert viewed(there.given) == []
    found = raw(there.viewer, "GET", there.path(one), "Range: bytes=0-99", 'If-Range: "x"')
    assert found.startswith(b"HTTP/1.1 200")
    assert b"content-range" not in found.lower()
    assert found.endswith(STILL)
    assert len(viewed(there.given)) == 1
    again = there.viewer.get(
        there.path(one), headers={"If-None-Match": "*", "Accept-Encoding": "gzip"}
    )
    assert (again.status_code, again.content) == (200, STILL)
    assert "content-encoding" not in again.headers
    assert len(viewed(there.given)) == 2


def test_what_is_not_there_and_what_is_not_yours_is_one_answer(there: Scene) -> None:
    one = there.seen()
    answers = [
        there.stranger.get(there.path(one)),
        there.viewer.get(f"/api/evidence/{new_ref()}/still.jpg?why=verify"),
        there.viewer.get(there.path(one, "strip.jpg")),
    ]
    there.store.delete(one.evidence_ref or "")
    answers.append(there.viewer.get(there.path(one)))
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].json()["code"] == "unknown_evidence"
    assert there.stranger.get(f"{there.incident(one)}/evidence").json()["code"] == (
        "unknown_incident"
    )
    assert viewed(there.given) == []


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/evidence/{ref}/still.jpg", 422, "invalid_request"),
        ("/api/evidence/{ref}/still.jpg?why=curiosity", 422, "invalid_request"),
        ("/api/evidence/{ref}/still.jpg?why=", 422, "invalid_request"),
        ("/api/evidence/{ref}/still.png?why=verify", 422, "invalid_request"),
        ("/api/evidence/{ref}/still.jpg%00?why=verify", 422, "invalid_request"),
        ("/api/evidence/short/still.jpg?why=verify", 422, "invalid_request"),
        ("/api/evidence/%2e%2e/still.jpg?why=verify", 422, "invalid_request"),
        ("/api/evidence/{ref}%0a/still.jpg?why=verify", 422, "invalid_request"),
        ("/api/evidence/..%2f..%2f..%2fetc%2fpasswd?why=verify", 404, "http_error"),
        ("/api/evidence/{ref}/..%2f{ref}%2fstill.jpg?why=verify", 404, "http_error"),
        ("/api/evidence/{ref}%00/still.jpg?why=verify", 422, "invalid_request"),
    ],
)
def test_bad_names_and_reasons_are_refused_clearly(
    quiet: httpx.Client, path: str, status: int, code: str
) -> None:
    found = raw_bearer(quiet, path.format(ref=new_ref()))
    head, _, body = found.partition(b"\r\n\r\n")
    problem = json.loads(body)
    assert head.split()[1] == str(status).encode()
    assert problem["code"] == code
    assert len(problem.get("errors") or ["one"]) == 1
    assert "passwd" not in problem["detail"]


def raw_bearer(client: httpx.Client, path: str) -> bytes:
    return raw(client, "GET", path, f"Authorization: {client.headers['authorization']}")


REFUSING = {
    "sqlite": [
        (
            "CREATE TRIGGER full_disk BEFORE INSERT ON audit "
            "BEGIN SELECT RAISE(ABORT, 'no space left'); END"
        )
    ],
    "postgresql": [
        (
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'no space left'; END $$"
        ),
        "CREATE TRIGGER full_disk BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION full_disk()",
    ],
}
AT_COMMIT = [
    (
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'no space left'; END $$"
    ),
    (
        "CREATE CONSTRAINT TRIGGER full_disk AFTER INSERT ON audit "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION full_disk()"
    ),
]


def test_an_audit_that_refuses_lets_no_byte_leave(there: Scene) -> None:
    one = there.seen()
    kind = there.given.database.engine.dialect.name
    with there.given.database.writing() as connection:
        for statement in REFUSING[kind]:
            connection.exec_driver_sql(statement)
    assert_nothing_leaves(there, one)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_audit_that_refuses_at_the_commit_lets_no_byte_leave(there: Scene) -> None:
    one = there.seen()
    with there.given.database.writing() as connection:
        for statement in AT_COMMIT:
            connection.exec_driver_sql(statement)
    assert_nothing_leaves(there, one)


def test_a_database_that_others_hold_lets_no_byte_leave(
    given: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.database, "BUSY_TIMEOUT_MS", 200)
    with scene(given) as there:
        one = there.seen()
        with given.database.writing():
            assert_nothing_leaves(there, one)
        assert there.viewer.get(there.path(one)).content == STILL


def assert_nothing_leaves(there: Scene, one: Any) -> None:
    for part, picture in (("still.jpg", STILL), ("clip.mp4", CLIP)):
        for header in ("Accept: */*", "Range: bytes=0-99"):
            found = raw(there.viewer, "GET", there.path(one, part), header)
            assert found.startswith(b"HTTP/1.1 503"), found[:200]
            problem = json.loads(found.partition(b"\r\n\r\n")[2])
            assert problem["code"] == "audit"
            assert b"retry-after" in found.lower()
            assert not holds_any_of(found, picture)
    assert viewed(there.given) == []


def test_the_entry_is_committed_before_the_answer_begins(given: Parts) -> None:
    """As another connection sees it, at the first byte."""
    with scene(given) as there:
        one = there.seen()
        headers = bearer(given.database, "viewer")
    app = create_app(given.settings)
    at_start: list[int] = []

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        async def noted(message: Any) -> None:
            at_start.append(len(viewed(given)))
            await send(message)

        await app(scope, receive, noted)

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(watched)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(there.path(one), headers=headers)

    assert asyncio.run(asked()).content == STILL
    assert set(at_start) == {1}
    (row,) = viewed(given)
    assert json.loads(row["body"])["detail"]["token_id"]
    app.state.database.close()


@ON_SQLITE
def test_views_and_refusals_are_counted(there: Scene) -> None:
    one = there.seen()
    there.viewer.get(there.path(one))
    there.stranger.get(there.path(one))
    told = there.admin.get("/metrics").text
    assert 'fengsui_evidence_views_total{part="still.jpg",why="verify"} 1.0' in told
    assert 'fengsui_evidence_refused_total{code="unknown_evidence"} 1.0' in told
    assert (one.evidence_ref or "") not in told


def test_the_latest_picture_is_shown_while_the_next_is_being_made(there: Scene) -> None:
    one = there.seen()
    there.given.send(alert(5.0, camera_id="here", evidence_absent=EvidenceAbsence.PENDING))
    until(lambda: len(there.given.rows(tables.alerts)) == 2, "the alert")
    view = there.viewer.get(there.incident(one)).json()
    assert (view["evidence_ref"], view["evidence_absent"]) == (one.evidence_ref, None)
    listed = there.listed(one)
    assert listed["absent"] == "pending"
    assert [found["ref"] for found in listed["evidence"]] == [one.evidence_ref]
    newer = there.seen(onset_s=9.0)
    assert there.viewer.get(there.incident(one)).json()["evidence_ref"] == newer.evidence_ref
    listed = there.listed(one)
    assert [found["ref"] for found in listed["evidence"]] == [newer.evidence_ref, one.evidence_ref]
    assert listed["absent"] is None


def test_an_incident_without_evidence_says_why(there: Scene) -> None:
    one = alert(camera_id="here", evidence_absent=EvidenceAbsence.HOURLY_CAP)
    there.given.send(one)
    until(lambda: there.given.rows(tables.alerts), "the alert")
    answer = there.viewer.get(f"{there.incident(one)}/evidence")
    assert answer.json() == {"evidence": [], "absent": "hourly_cap", "hold": None}


@ON_SQLITE
def test_parts_are_those_that_the_store_has(there: Scene) -> None:
    one = there.seen()
    there.store.delete(one.evidence_ref or "")
    assert there.listed(one)["evidence"][0]["parts"] == []
    there.store.put(one.evidence_ref or "", EvidencePart.STRIP, STILL)
    assert there.listed(one)["evidence"][0]["parts"] == ["strip.jpg"]
