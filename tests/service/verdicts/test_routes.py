"""Verdicts and proposals over HTTP: who may, what is refused, and that only a yes changes."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa

from pipelines.messages import BoxShares, Candidates
from service import tables
from service.accounts.roles import Role
from service.database import Database
from service.verdicts import accepting, kept
from tests.service.estate import FOREIGN, OWN, Things, camera_row, fill
from tests.service.helpers import Parts, opened, settings_for, sqlite_copy
from tests.service.process import serving
from tests.service.signing_in import bearer
from tests.service.verdicts.kit import FIELD, LAMP, candidates

ROLES = (Role.OPERATOR, Role.INTEGRATOR, Role.VIEWER, Role.ADMIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """An app with two townships; clients of the own one."""

    database: Database
    own: Things
    foreign: Things
    by: dict[Role, httpx.Client]
    second: httpx.Client
    """Another operator."""

    @property
    def verdict(self) -> str:
        return f"/api/incidents/{self.own.incident_id}/verdict"

    @property
    def proposals(self) -> str:
        return f"/api/cameras/{self.own.camera_id}/proposals"

    def judge(self, said: dict[str, Any], incident: UUID | None = None) -> httpx.Response:
        path = f"/api/incidents/{incident or self.own.incident_id}/verdict"
        return self.by[Role.OPERATOR].post(path, json=said)

    def asked(self, role: Role = Role.OPERATOR) -> dict[str, Any]:
        answer = self.by[role].get(self.proposals)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def accept(self, revision: int, **yes: Any) -> httpx.Response:
        headers = {"If-Match": f'"{revision}"'}
        client = self.by[Role.INTEGRATOR]
        return client.post(f"{self.proposals}/accept", json=yes, headers=headers)

    def yes(self, kind: str = "raise_threshold") -> dict[str, Any]:
        """Say yes to what is proposed just now."""
        (found,) = (one for one in self.asked()["proposals"] if one["kind"] == kind)
        return {
            name: found[name] for name in ("kind", "hazard", "zone_id", "digest") if name in found
        }

    def camera(self) -> dict[str, Any]:
        found: dict[str, Any] = (
            self.by[Role.INTEGRATOR].get(f"/api/cameras/{self.own.camera_id}").json()
        )
        return found

    def audit(self, action: str) -> list[dict[str, Any]]:
        own = (self.own.camera_id, str(self.own.incident_id))
        with self.database.reading() as connection:
            query = sa.select(tables.audit.c.body).where(
                tables.audit.c.action == action, tables.audit.c.object_id.in_(own)
            )
            bodies = connection.execute(query.order_by(tables.audit.c.seq)).scalars()
            return [json.loads(body)["detail"] for body in bodies]


@contextmanager
def clients(database: Database, url: str, own: Things, foreign: Things) -> Iterator[Running]:
    with ExitStack() as undo:

        def client(role: Role) -> httpx.Client:
            headers = bearer(database, role, [OWN])
            return undo.enter_context(httpx.Client(base_url=url, headers=headers, timeout=30))

        yield Running(
            database=database,
            own=own,
            foreign=foreign,
            by={role: client(role) for role in ROLES},
            second=client(Role.OPERATOR),
        )


@pytest.fixture
def on_both(given: Parts) -> Iterator[Running]:
    """On each kind of database: for what asks and stores."""
    things = fill(given.database)
    with (
        serving(given.settings, redis_url="redis://127.0.0.1:1/0") as url,
        clients(given.database, url, things[OWN], things[FOREIGN]) as made,
    ):
        yield made


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("verdicts")
    settings = settings_for("redis://127.0.0.1:1/0", directory, database_url=sqlite_copy(directory))
    with opened(settings.database_url) as database:
        things = fill(database)
        with (
            serving(settings) as url,
            clients(database, url, things[OWN], things[FOREIGN]) as made,
        ):
            yield made


@pytest.fixture
def running(served: Running) -> Running:
    """On SQLite, with a camera and an incident of the test's own."""
    camera_id, incident_id = str(uuid4()), uuid4()
    own = replace(served.own, camera_id=camera_id, incident_id=incident_id)
    with served.database.writing() as connection:
        connection.execute(sa.insert(tables.cameras).values(**camera_row(camera_id, OWN)))
        query = sa.select(tables.incidents).where(
            tables.incidents.c.incident_id == served.own.incident_id
        )
        row = dict(connection.execute(query).mappings().one())
        row |= {"incident_id": incident_id, "camera_id": camera_id}
        connection.execute(sa.insert(tables.incidents).values(**row))
    return replace(served, own=own)


FALSE = {"verdict": "false", "reason": "lamp", "note": "夜里的路灯"}


@contextmanager
def changed(running: Running, **values: Any) -> Iterator[None]:
    with running.database.writing() as connection:
        own = tables.incidents.c.incident_id == running.own.incident_id
        connection.execute(sa.update(tables.incidents).where(own).values(**values))
    yield


def shown(running: Running, score: float = 0.7, box: BoxShares = LAMP, first: int = 0) -> datetime:
    """Keep four moments of the own camera; returns when the first was."""
    start = datetime.now(UTC) - timedelta(hours=1)
    found = candidates([(first + n, score) for n in range(4)], box, start=start)
    message = Candidates(
        camera_id=running.own.camera_id, worker_id="w1", epoch=1, candidates=tuple(found)
    )
    with running.database.writing() as connection:
        kept.insert(connection, [message])
    return found[0].at


def happened(running: Running) -> None:
    """Let the own incident be what the scores show."""
    start = shown(running)
    with changed(running, first_seen_at=start, last_seen_at=start + timedelta(seconds=6)):
        pass


def test_a_verdict_is_one_an_account_and_can_be_changed(on_both: Running) -> None:
    said = on_both.judge(FALSE)
    assert said.status_code == 200, said.text
    on_both.judge(FALSE)  # again: nothing new
    on_both.judge({"verdict": "real"})
    on_both.second.post(on_both.verdict, json={"verdict": "false", "reason": "sunset"})
    found = on_both.by[Role.VIEWER].get(on_both.verdict).json()
    assert [(one["verdict"], one["reason"], one["note"]) for one in found["verdicts"]] == [
        ("real", None, None), ("false", "sunset", None),
    ]  # fmt: skip
    first, second, third = on_both.audit("verdict.given")
    assert (first["verdict"], first["reason"], first["note"]) == ("false", "lamp", "given")
    assert second["before"] == {"verdict": "false", "reason": "lamp"}
    assert "before" not in third
    assert "路灯" not in json.dumps([first, second, third], ensure_ascii=False)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"verdict": "false"}, "verdict_reason"),
        ({"verdict": "real", "reason": "lamp"}, "verdict_reason_of_real"),
        ({"verdict": "perhaps"}, "enum"),
        ({"verdict": "false", "reason": "a person"}, "enum"),
        ({**FALSE, "note": "x" * 501}, "string_too_long"),
        ({**FALSE, "note": "a\u202eb"}, "hostile_text"),
    ],
)
def test_what_is_no_verdict(running: Running, said: dict[str, Any], code: str) -> None:
    answer = running.judge(said)
    assert answer.status_code == 422
    assert [one["code"] for one in answer.json()["errors"]] == [code]


def test_drills_old_ones_and_foreign_ones_are_not_judged(running: Running) -> None:
    assert running.judge(FALSE, running.foreign.incident_id).status_code == 404
    with changed(running, drill=True):
        assert running.judge(FALSE).json()["code"] == "drill_incident"
    old = datetime.now(UTC) - kept.KEPT - timedelta(minutes=1)
    with changed(running, drill=False, last_seen_at=old):
        assert running.judge(FALSE).json()["code"] == "verdict_too_late"
    assert running.audit("verdict.given") == []


def test_a_proposal_changes_nothing_before_a_yes(running: Running) -> None:
    happened(running)
    before = running.camera()
    assert running.asked()["proposals"] == []
    running.judge(FALSE)
    found = running.asked()
    raised, cut = found["proposals"]
    assert (raised["kind"], raised["hazard"], raised["now"], raised["value"]) == (
        "raise_threshold", "fire", 0.6, 0.71,
    )  # fmt: skip
    assert raised["effect"]["silenced"] == {"count": 1, "ids": [str(running.own.incident_id)]}
    assert (raised["effect"]["onsets_now"], raised["effect"]["onsets_then"]) == (1, 0)
    assert (cut["kind"], cut["zone_id"]) == ("cut_zone", "all")
    assert len(cut["rest"]) == 4
    assert found["camera_revision"] == before["revision"]
    assert running.camera() == before


def test_a_yes_raises_the_threshold_and_the_audit_says_why(on_both: Running) -> None:
    happened(on_both)
    on_both.judge(FALSE)
    yes = on_both.yes()
    assert on_both.accept(1, **yes).status_code == 204
    assert on_both.camera()["thresholds"]["fire"] == 0.71
    (why,) = on_both.audit("camera.proposal_accepted")
    assert (why["old"], why["new"], why["silenced"]) == (
        0.6, 0.71, [str(on_both.own.incident_id)],
    )  # fmt: skip
    assert on_both.audit("camera.changed")[0]["thresholds"] == {"old": {}, "new": {"fire": 0.71}}
    assert on_both.accept(2, **yes).json()["code"] == "not_proposed"  # done
    assert on_both.asked()["proposals"] == []


def test_a_yes_cuts_the_zone(running: Running) -> None:
    happened(running)
    running.judge(FALSE)
    assert running.accept(1, **running.yes("cut_zone")).status_code == 204
    assert [one["zone_id"] for one in running.camera()["zones"]] == [
        "all-1", "all-2", "all-3", "all-4",
    ]  # fmt: skip
    (why,) = running.audit("camera.proposal_accepted")
    assert why["zone_id"] == "all"


DIGEST = "0" * 64


@pytest.mark.parametrize(
    ("yes", "code"),
    [
        ({"kind": "raise_threshold", "hazard": "fire", "digest": DIGEST}, "not_proposed"),
        ({"kind": "raise_threshold", "hazard": "smoke", "digest": DIGEST}, "not_proposed"),
        ({"kind": "raise_threshold", "digest": DIGEST}, "not_proposed"),
        ({"kind": "cut_zone", "zone_id": "all", "digest": DIGEST}, "not_proposed"),
        ({"kind": "cut_zone", "zone_id": "other", "digest": DIGEST}, "not_proposed"),
        ({"kind": "cut_zone", "digest": DIGEST}, "not_proposed"),
        ({"kind": "cut_zone", "zone_id": "all"}, "invalid_request"),
        ({"kind": "cut_zone", "zone_id": "all", "digest": "0"}, "invalid_request"),
    ],
)
def test_what_is_not_proposed_is_not_done(running: Running, yes: dict[str, Any], code: str) -> None:
    happened(running)
    running.judge(FALSE)
    before = running.camera()
    assert running.accept(1, **yes).json()["code"] == code
    assert running.camera() == before
    assert running.audit("camera.proposal_accepted") == []


def test_a_yes_to_what_has_changed_meanwhile_is_refused(running: Running) -> None:
    happened(running)
    running.judge(FALSE)
    yes = running.yes()
    assert running.accept(7, **yes).status_code == 412
    running.second.post(running.verdict, json={"verdict": "real"})  # one says that it was real
    assert running.accept(1, **yes).json()["code"] == "not_proposed"
    assert running.camera()["revision"] == 1


def another(running: Running, score: float, box: BoxShares) -> UUID:
    """Let a second incident be, and what the scores show of it; returns its id."""
    start = shown(running, score, box, first=400)
    incident_id = uuid4()
    with running.database.writing() as connection:
        own = tables.incidents.c.incident_id == running.own.incident_id
        row = dict(connection.execute(sa.select(tables.incidents).where(own)).mappings().one())
        row |= {"incident_id": incident_id, "first_seen_at": start}
        row |= {"last_seen_at": start + timedelta(seconds=6)}
        connection.execute(sa.insert(tables.incidents).values(**row))
    return incident_id


def said_of(running: Running, incident_id: UUID, said: dict[str, Any]) -> None:
    answer = running.second.post(f"/api/incidents/{incident_id}/verdict", json=said)
    assert answer.status_code == 200, answer.text


def test_a_yes_to_a_small_cut_makes_no_larger_one(running: Running) -> None:
    happened(running)
    running.judge(FALSE)
    yes = running.yes("cut_zone")
    said_of(running, another(running, 0.8, (0.3, 0.2, 0.75, 0.6)), FALSE)  # another place, far off
    answer = running.accept(1, **yes)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_proposed")
    assert "36.3%" in answer.json()["detail"]
    assert running.camera()["revision"] == 1
    assert running.accept(1, **running.yes("cut_zone")).status_code == 204


def test_a_yes_to_a_raise_that_missed_nothing_makes_none_that_misses(running: Running) -> None:
    happened(running)
    incident_id = another(running, 0.65, FIELD)
    running.judge(FALSE)
    yes = running.yes()
    said_of(running, incident_id, {"verdict": "real"})
    answer = running.accept(1, **yes)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_proposed")
    assert "it would raise the threshold of fire to 0.71" in answer.json()["detail"]
    assert "miss 1 judged real" in answer.json()["detail"]
    assert running.camera()["thresholds"] == {}


def test_a_verdict_between_the_look_and_the_change_stops_it(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened(running)
    incident_id = another(running, 0.65, FIELD)
    running.judge(FALSE)
    yes, agreed = running.yes(), accepting.agreed

    def and_then(*known: Any) -> accepting.Yes:
        found = agreed(*known)
        said_of(running, incident_id, {"verdict": "real"})
        return found

    monkeypatch.setattr(accepting, "agreed", and_then)
    assert "it rests on other verdicts" in running.accept(1, **yes).json()["detail"]
    assert running.camera()["revision"] == 1


def test_a_digest_is_the_same_for_all_who_look(running: Running) -> None:
    happened(running)
    running.judge(FALSE)
    per_role = [[one["digest"] for one in running.asked(role)["proposals"]] for role in ROLES]
    assert len(per_role[0]) == 2
    assert all(one == per_role[0] for one in per_role)


def test_what_a_window_would_have_kept_back_raises_nothing(running: Running) -> None:
    happened(running)
    running.judge({"verdict": "false", "reason": "planned_burn"})
    found = running.asked()
    assert found["proposals"] == []
    assert found["windows_instead"] == {"count": 1, "ids": [str(running.own.incident_id)]}


def test_incidents_are_not_named_to_whoever_may_not_see_them(running: Running) -> None:
    happened(running)
    running.judge(FALSE)
    found = running.asked(Role.INTEGRATOR)
    assert found["proposals"][0]["effect"]["silenced"] == {"count": 1, "ids": []}
    assert str(running.own.incident_id) not in json.dumps(found)


def test_scores_of_another_place_in_the_picture_are_kept_by_a_cut(running: Running) -> None:
    happened(running)
    shown(running, 0.8, FIELD, first=500)
    running.judge(FALSE)
    raised, cut = running.asked()["proposals"]
    assert cut["effect"]["onsets_then"] == 1
    assert raised["effect"]["onsets_then"] == 1
    assert cut["effect"]["unjudged"] == 0
