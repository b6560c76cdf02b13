"""How long: the most specific rule, changed by who sees everything, moving what is not gone."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from pipelines.messages import EvidencePart
from service import tables
from service.accounts.roles import Role
from service.evidence.models import DEFAULT_DAYS, MOST_DAYS, MOST_RULES, Rule
from service.evidence.retention import Rules
from tests.service.cameras.kit import HERE
from tests.service.evidence.kit import Scene, keeper, one_row, scene
from tests.service.helpers import Parts, opened, settings_for, sqlite_copy
from tests.service.process import serving
from tests.service.signing_in import bearer, make_account, signed_in
from vision.hazards import Hazard

PATH = "/api/evidence/retention"


def rule(days: int, place_code: str | None = None, hazard: str | None = None) -> dict[str, Any]:
    return {"hazard": hazard, "place_code": place_code, "days": days}


RULES = Rules(
    Rule.model_validate(one)
    for one in (
        rule(90, None, "fire"),
        rule(60),
        rule(20, "330100"),
        rule(10, "330100", "smoke"),
        rule(5, HERE, "debris"),
        rule(7, "310000"),
    )
)


@pytest.mark.parametrize(
    ("hazard", "place_code", "days"),
    [
        (Hazard.FIRE, None, 90),
        (Hazard.SMOKE, None, 60),
        (Hazard.FIRE, "330100", 20),  # the nearer place, though only that of any hazard
        (Hazard.SMOKE, HERE, 10),
        (Hazard.DEBRIS, HERE, 5),
        (Hazard.FIRE, HERE, 20),
        (Hazard.DEBRIS, "330106005001", 20),
        (Hazard.FIRE, "330200", 90),
        (Hazard.FIRE, "310115", 7),
        (Hazard.SMOKE, "0", 60),
        (Hazard.SMOKE, "no code", 60),
    ],
)
def test_the_nearest_place_wins_and_there_the_hazard(
    hazard: Hazard, place_code: str | None, days: int
) -> None:
    assert RULES.days(hazard, place_code) == days


def test_without_a_rule_it_is_the_default() -> None:
    assert Rules([]).days(Hazard.FIRE, HERE) == DEFAULT_DAYS == 30
    assert Rules([Rule(hazard=Hazard.SMOKE, days=3)]).days(Hazard.FIRE, HERE) == DEFAULT_DAYS


@pytest.fixture
def there(given: Parts) -> Iterator[Scene]:
    with scene(given) as made:
        yield made


def kept_days(there: Scene, one: Any) -> float:
    row = one_row(there.given, one)
    return float((row["expires_at"] - row["made_at"]) / timedelta(days=1))


def test_rules_hold_for_what_comes_and_move_what_is_there(there: Scene) -> None:
    old, foreign = there.seen(), there.seen(camera_id="there")
    assert there.admin.get(PATH).json() == {"rules": [], "default_days": 30}
    rules = [rule(3, HERE), rule(9, "0", "fire")]
    answer = there.admin.put(PATH, json={"rules": rules})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"rules": [rule(3, HERE), rule(9, None, "fire")], "default_days": 30}
    assert there.admin.get(PATH).json() == answer.json()
    assert (kept_days(there, old), kept_days(there, foreign)) == (3, 9)
    assert kept_days(there, there.seen(onset_s=5.0)) == 3
    entry = there.given.rows(tables.audit)[-1]
    assert entry["action"] == "evidence.retention_changed"
    detail = json.loads(entry["body"])["detail"]
    assert (detail["old"], detail["moved"]) == ([], 2)
    assert detail["new"] == answer.json()["rules"]
    before = len(there.given.rows(tables.audit))
    there.admin.put(PATH, json={"rules": rules}).raise_for_status()  # the same: nothing to note
    assert len(there.given.rows(tables.audit)) == before
    there.admin.put(PATH, json={"rules": []}).raise_for_status()
    assert (kept_days(there, old), kept_days(there, foreign)) == (30, 30)


def test_a_shorter_rule_hides_at_once_and_a_longer_one_revives_nothing(given: Parts) -> None:
    with scene(given, evidence_every_s=3600.0) as there:  # no keeper comes by meanwhile
        one = there.seen()
        ref = one.evidence_ref or ""
        there.clock.ahead = timedelta(days=2)
        there.admin.put(PATH, json={"rules": [rule(1)]}).raise_for_status()
        assert there.viewer.get(there.path(one)).status_code == 404
        assert there.listed(one)["evidence"] == []
        there.admin.put(PATH, json={"rules": [rule(180)]}).raise_for_status()
        assert there.viewer.get(there.path(one)).status_code == 404
        assert one_row(given, one)["removing_at"] is None
        made = keeper(given, there.clock)
        made.mark()
        there.admin.put(PATH, json={"rules": [rule(90)]}).raise_for_status()
        assert there.viewer.get(there.path(one)).status_code == 404
        made.delete()
        there.store.put(ref, EvidencePart.STILL, b"late")
        assert there.viewer.get(there.path(one)).status_code == 404
        assert given.rows(tables.evidence) == []


@pytest.mark.parametrize(
    ("rules", "field", "code"),
    [
        ([rule(1, "330199999")], "rules.0.place_code", "unknown_place"),
        ([rule(1), rule(1, "nowhere")], "rules.1.place_code", "unknown_place"),
        ([rule(1, "'; --")], "rules.0.place_code", "unknown_place"),
        ([rule(1, "a\u202eb")], "rules.0.place_code", "hostile_text"),
        ([rule(1, "9" * 200)], "rules.0.place_code", "string_too_long"),
        ([rule(1, None, "earthquake")], "rules.0.hazard", "enum"),
        ([rule(0)], "rules.0.days", "greater_than_equal"),
        ([rule(MOST_DAYS + 1)], "rules.0.days", "less_than_equal"),
        ([rule(1.5)], "rules.0.days", "int_type"),  # type: ignore[arg-type]
        ([rule("soon")], "rules.0.days", "int_type"),  # type: ignore[arg-type]
        ([rule(True)], "rules.0.days", "int_type"),  # not one day
        ([rule("5")], "rules.0.days", "int_type"),  # type: ignore[arg-type]
        ([{"days": 1, "camera_id": "x"}], "rules.0.camera_id", "extra_forbidden"),
        ([{}], "rules.0.days", "missing"),
        ([rule(1), rule(2)], "", "retention_twice"),
        ([rule(1, "0", "fire"), rule(2, None, "fire")], "", "retention_twice"),
        ([rule(1)] * (MOST_RULES + 1), "rules", "too_long"),
        ("many", "rules", "list_type"),
    ],
)
def test_bad_rules_are_one_clear_error_each(
    office: httpx.Client, rules: Any, field: str, code: str
) -> None:
    answer = office.put(PATH, json={"rules": rules})
    assert answer.status_code == 422, answer.text
    told = answer.json()
    (error,) = told["errors"]
    assert (error["field"], error["code"]) == (field, code), told
    assert office.get(PATH).json()["rules"] == []


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """An administrator's browser at a service with nothing in it."""
    folder = tmp_path_factory.mktemp("office")
    chosen = settings_for("redis://127.0.0.1:1/0", folder, database_url=sqlite_copy(folder))
    with opened(chosen.database_url) as database, serving(chosen) as url:
        account = make_account(database, Role.ADMIN)
        with signed_in(url, account) as client:
            yield client


def test_rules_are_for_a_person_who_sees_everything(there: Scene) -> None:
    part = make_account(there.given.database, Role.ADMIN, [HERE])
    with signed_in(there.url, part) as client:
        for answer in (client.get(PATH), client.put(PATH, json={"rules": []})):
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    token = bearer(there.given.database, Role.ADMIN)
    assert httpx.get(there.url + PATH, headers=token).json()["code"] == "session_needed"
