"""A legal hold is explicit and audited: nothing goes while it lasts, and all when it's over."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from service import tables
from service.accounts.roles import Role
from tests.service.cameras.kit import HERE, THERE
from tests.service.evidence.kit import STILL, Scene, named_in, on_disk, one_row, rows_of, scene
from tests.service.helpers import Parts
from tests.service.signing_in import make_account, signed_in
from tests.support.waiting import until


@pytest.fixture
def there(given: Parts) -> Iterator[Scene]:
    with scene(given) as made:
        yield made


def hold(client: httpx.Client, path: str, reason: Any = "case 7 / 案件七") -> httpx.Response:
    return client.put(f"{path}/evidence/hold", json={"reason": reason})


def release(client: httpx.Client, path: str, reason: Any = "closed") -> httpx.Response:
    return client.request("DELETE", f"{path}/evidence/hold", json={"reason": reason})


def entries(there: Scene) -> list[tuple[str, dict[str, Any]]]:
    return [
        (row["action"], json.loads(row["body"])["detail"])
        for row in there.given.rows(tables.audit)
        if row["action"] in {"evidence.held", "evidence.released"}
    ]


def rounds(there: Scene) -> None:
    """Wait until the keeper has been round: what is not held goes."""
    other = there.seen(camera_id="there", onset_s=-40 * 24 * 3600.0)
    until(lambda: not rows_of(there.given, other.evidence_ref or ""), "the other's end")


def test_held_evidence_survives_its_time_and_goes_after_the_release(there: Scene) -> None:
    one = there.seen()
    answer = hold(there.admin, there.incident(one))
    assert answer.status_code == 200, answer.text
    assert answer.json()["reason"] == "case 7 / 案件七"
    listed = there.listed(one)
    assert listed["hold"] == listed["evidence"][0]["hold"] == answer.json()
    there.clock.go_to(one_row(there.given, one)["expires_at"] + timedelta(seconds=1))
    rounds(there)
    assert there.viewer.get(there.path(one)).content == STILL
    coming = there.seen(onset_s=3.0)  # due already, and held with the others
    assert there.viewer.get(there.path(coming)).content == STILL
    assert release(there.admin, there.incident(one)).status_code == 204
    assert there.viewer.get(there.path(one)).status_code == 404
    until(lambda: not there.given.rows(tables.evidence), "the rows to go")
    assert on_disk(there.given) == set()
    assert named_in(there.given, one.evidence_ref or "") == []
    held, released = entries(there)
    admin = answer.json()["by"]
    assert held == (
        "evidence.held",
        {"camera_id": "here", "hazard": "fire", "reason": "case 7 / 案件七"},
    )
    assert released[0] == "evidence.released"
    assert (released[1]["reason"], released[1]["held_by"]) == ("closed", admin)
    assert there.given.rows(tables.evidence_holds) == []


def test_a_hold_revives_nothing_that_is_due(given: Parts) -> None:
    with scene(given, evidence_every_s=3600.0) as there:  # no keeper comes by meanwhile
        due = there.seen()
        there.clock.go_to(one_row(given, due)["expires_at"] + timedelta(hours=5))
        assert there.viewer.get(there.path(due)).status_code == 404
        assert hold(there.admin, there.incident(due)).status_code == 200
        assert there.viewer.get(there.path(due)).status_code == 404
        assert there.listed(due)["evidence"] == []
        assert one_row(given, due)["removing_at"] is not None
        assert named_in(given, due.evidence_ref or "") == ["evidence"]
        coming = there.seen(onset_s=3.0)
        hold(there.admin, there.incident(due), "again").raise_for_status()
        assert there.viewer.get(there.path(coming)).content == STILL  # held since it came


def test_rules_move_what_is_held_only_once_it_is_released(there: Scene) -> None:
    one = there.seen()
    hold(there.admin, there.incident(one)).raise_for_status()
    before = one_row(there.given, one)["expires_at"]
    rules = {"rules": [{"days": 100}]}
    there.admin.put("/api/evidence/retention", json=rules).raise_for_status()
    assert one_row(there.given, one)["expires_at"] == before
    release(there.admin, there.incident(one)).raise_for_status()
    assert one_row(there.given, one)["expires_at"] == one.first_seen_at + timedelta(days=100)


def test_holding_again_changes_the_reason_and_releasing_twice_nothing(there: Scene) -> None:
    one = there.seen()
    path = there.incident(one)
    for reason in ("first", "first", "second"):
        hold(there.admin, path, reason).raise_for_status()
    for _ in range(2):
        assert release(there.admin, path).status_code == 204
    assert [(action, detail["reason"]) for action, detail in entries(there)] == [
        ("evidence.held", "first"),
        ("evidence.held", "second"),
        ("evidence.released", "closed"),
    ]
    assert entries(there)[1][1]["reason_before"] == "first"


def test_a_hold_needs_the_permission_in_that_place(there: Scene) -> None:
    one = there.seen()
    path = there.incident(one)
    for act in (hold, release):
        assert act(there.viewer, path).status_code == 403
    operator = make_account(there.given.database, Role.OPERATOR, [HERE])
    elsewhere = make_account(there.given.database, Role.ADMIN, [THERE])
    with signed_in(there.url, operator) as client:
        assert hold(client, path).status_code == 403
    with signed_in(there.url, elsewhere) as client:
        for act in (hold, release):
            assert act(client, path).json()["code"] == "unknown_incident"
    assert entries(there) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_bad_reasons_are_one_clear_error_each(there: Scene) -> None:
    path = there.incident(there.seen())
    for reason, code in (
        ("", "string_too_short"),
        (" \n ", "string_too_short"),
        ("长" * 501, "string_too_long"),
        ("case\x007", "hostile_text"),
        ("case\x1b[31m", "hostile_text"),
        ("\u202e7 esac", "hostile_text"),
        (None, "string_type"),
        (["case"], "string_type"),
    ):
        for act in (hold, release):
            answer = act(there.admin, path, reason)
            assert answer.status_code == 422
            (error,) = answer.json()["errors"]
            assert (error["field"], error["code"]) == ("reason", code)
    assert there.admin.put(f"{path}/evidence/hold", json={}).status_code == 422
    assert there.admin.delete(f"{path}/evidence/hold").status_code == 422
    assert entries(there) == []
