"""One change of many cameras: what it does, what it refuses, and that a rehearsal says the same."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from pipelines.secrets import Secret
from service import tables
from service.accounts.principal import Principal
from service.cameras import bulk
from service.cameras.bulk import BulkAnswer, BulkEdit, BulkPatch, Transactions
from service.cameras.errors import UnknownCameraError
from service.cameras.many import ManyCameras
from service.cameras.sealer import Sealer
from service.cameras.selecting import selected
from service.database import Database
from service.places.errors import UnknownPlaceError
from tests.service.cameras.crowd import COUNTY, add, plant, principal, probe
from tests.service.cameras.kit import HERE, LANE, ROAD, SCALE, THERE, registered, townships
from tests.service.helpers import Parts

WIDE = {"codec": "h264", "width_px": 1920, "height_px": 1080}
NARROW = {"codec": "h264", "width_px": 1280, "height_px": 960}
NEARLY = {"codec": "h264", "width_px": 704, "height_px": 400}


@pytest.fixture
def sealer(tmp_path: Path) -> Sealer:
    return Sealer(tmp_path / "worker.key.pub")


class Bulk:
    """A bulk edit without HTTP; asks until nothing is left."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self.database = database
        self.sealer = sealer
        self.transactions = 0

    def __call__(self, who: Principal, given: BulkEdit) -> BulkAnswer:
        with self.database.reading() as connection:
            ids = selected(connection, who, given.selection, {})
        part = bulk.part_of(ids, given.after)
        return bulk.run(part, given, self.transactions_of(who, writes=not given.dry_run))

    def transactions_of(self, who: Principal, *, writes: bool) -> Transactions:
        @contextmanager
        def begun(ids: Sequence[str]) -> Iterator[ManyCameras]:
            self.transactions += 1
            begin = self.database.writing if writes else self.database.reading
            with begin() as connection:
                yield ManyCameras(connection, who, self.sealer, ids)

        return begun

    def both(self, patch: dict[str, Any], who: Principal | None = None) -> BulkAnswer:
        """Rehearse a change of everything, then do it: they have to agree."""
        who = who or principal(COUNTY)
        given = {"selection": {"filter": {}}, "patch": patch}
        before = self.rows(tables.cameras)
        rehearsed = self(who, BulkEdit.model_validate(given))
        assert self.rows(tables.cameras) == before
        assert self.rows(tables.audit) == []
        done = self(who, BulkEdit.model_validate({**given, "dry_run": False}))
        assert rehearsed == done
        return done

    def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        with self.database.reading() as connection:
            return [dict(row) for row in connection.execute(sa.select(table)).mappings()]

    def column(self, name: str) -> dict[str, Any]:
        return {row["camera_id"]: row[name] for row in self.rows(tables.cameras)}

    def audited(self) -> list[dict[str, Any]]:
        return [json.loads(row["body"]) for row in self.rows(tables.audit)]


@pytest.fixture
def many(database: Database, sealer: Sealer) -> Bulk:
    plant(database)
    return Bulk(database, sealer)


def codes(answer: BulkAnswer) -> dict[str, str]:
    return {one.camera_id: one.code for one in answer.refused}


def test_a_change_is_each_camera_s_own_and_nobody_else_s(many: Bulk) -> None:
    for name in "abc":
        add(many.database, name, owner="new" if name == "b" else "old")
    add(many.database, "elsewhere", THERE, owner="old")
    add(many.database, "drill", drill=True, owner="old")
    done = many.both({"owner": "new", "enabled": True, "upstream": None})
    assert (done.total, done.done, done.changed, done.unchanged) == (3, 3, 2, 1)
    assert (done.refused, done.next) == ([], None)
    assert many.column("owner") == {
        "a": "new", "b": "new", "c": "new", "elsewhere": "old", "drill": "old",
    }  # fmt: skip
    assert {row["camera_id"]: row["revision"] for row in many.rows(tables.cameras)} == {
        "a": 2, "b": 1, "c": 2, "elsewhere": 1, "drill": 1,
    }  # fmt: skip
    assert [(one["object_id"], one["action"], one["detail"]) for one in many.audited()] == [
        (name, "camera.changed", {"owner": {"old": "old", "new": "new"}}) for name in "ac"
    ]


def test_a_refusal_is_one_camera_s(many: Bulk) -> None:
    add(many.database, "a", zones=[LANE])
    add(many.database, "b", name="没有画区域")
    done = many.both({"hazards": ["obstruction", "fire"]})
    assert (done.changed, codes(done)) == (1, {"b": "needs_lane"})
    assert done.refused[0].name == "没有画区域"
    assert many.column("hazards") == {"a": ["fire", "obstruction"], "b": ["fire"]}


def test_what_is_drawn_fits_pictures_of_the_same_proportions(many: Bulk) -> None:
    for name, stream in {"a": WIDE, "b": NARROW, "c": NEARLY, "e": None}.items():
        add(many.database, name)
        probe(many.database, name, stream=stream)
    add(many.database, "d")
    done = many.both({"zones": [ROAD], "water": SCALE, "like": "a"})
    assert (done.changed, codes(done)) == (4, {"b": "picture_proportions"})
    assert done.refused[0].params == {"own": 1.33, "drawn": 1.78}
    assert [zone["zone_id"] for zone in many.column("zones")["c"]] == ["主路"]
    assert many.column("zones")["b"] == []


def test_a_picture_that_nobody_measured_hinders_nothing(many: Bulk) -> None:
    add(many.database, "a")
    add(many.database, "b")
    probe(many.database, "b", stream=NARROW)
    assert many.both({"zones": [LANE], "like": "a"}).changed == 2


def test_a_substream_that_was_found_is_taken_over(many: Bulk) -> None:
    hosts = ["192.0.2.1:554"]
    good = many.sealer.seal("bound", hosts, "u", Secret("p"))
    found = "rtsp://192.0.2.1/sub"
    for name, changes, url in (
        ("taken", {}, found),
        ("bound", {"sealed_credentials": good}, found),
        ("foreign", {"sealed_credentials": good}, "rtsp://192.0.2.1:8554/sub"),
        ("has", {"sub_url": "rtsp://192.0.2.1/own"}, found),
        ("moved", {"main_url": "rtsp://192.0.2.9/main"}, found),
        ("hostile", {}, "rtsp://u:p@192.0.2.1/sub?password=x"),
    ):
        add(many.database, name, **changes)
        probe(many.database, name, substream={"url": url, "found_by": "onvif"})
    add(many.database, "none")
    probe(many.database, "none")
    add(many.database, "never")
    done = many.both({"use_found_substream": True})
    assert (done.changed, done.unchanged) == (2, 1)
    assert codes(done) == {
        "foreign": "credentials_needed",
        "moved": "substream_elsewhere",
        "hostile": "address_login",
        "none": "substream_not_found",
        "never": "substream_not_found",
    }
    taken = {name: url for name, url in many.column("sub_url").items() if url is not None}
    assert taken == {"taken": found, "bound": found, "has": "rtsp://192.0.2.1/own"}
    assert many.column("sealed_credentials")["bound"] == good


def test_a_move_is_told_on_both_sides_and_never_goes_elsewhere(many: Bulk) -> None:
    add(many.database, "a")
    done = many.both({"place_code": "330106"})
    assert done.changed == 1
    assert [(one["action"], one["place_code"]) for one in many.audited()] == [
        ("camera.moved_out", HERE),
        ("camera.moved_in", "330106"),
    ]
    for code in (THERE, "999999", "0"):
        with pytest.raises(UnknownPlaceError):
            many.both({"place_code": code})


def test_like_a_camera_elsewhere_is_like_none(many: Bulk) -> None:
    add(many.database, "a")
    add(many.database, "z", THERE)
    for name in ("z", "none"):
        with pytest.raises(UnknownCameraError):
            many.both({"zones": [LANE], "like": name})


def test_what_leaves_one_s_places_meanwhile_is_refused(many: Bulk) -> None:
    add(many.database, "a", THERE)
    part = bulk.Part(ids=["a", "gone"], total=2, is_last=True)
    for dry_run in (True, False):
        given = BulkEdit.model_validate(
            {"selection": {"camera_ids": []}, "patch": {"owner": "x"}, "dry_run": dry_run}
        )
        done = bulk.run(part, given, many.transactions_of(principal(COUNTY), writes=True))
        assert codes(done) == {"a": "unknown_camera", "gone": "unknown_camera"}
        assert {one.name for one in done.refused} == {""}
    assert many.column("owner") == {"a": "village"}


def test_a_request_does_a_part_and_says_where_the_next_begins(
    many: Bulk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "A_REQUEST", 5)
    monkeypatch.setattr(bulk, "A_TRANSACTION", 2)
    names = [add(many.database, f"c{number:02}") for number in range(11)]
    seen, after = 0, None
    for expected in ("c04", "c09", None):
        given = {"selection": {"camera_ids": names}, "patch": {"owner": "x"}, "dry_run": False}
        answer = many(principal(COUNTY), BulkEdit.model_validate({**given, "after": after}))
        assert (answer.total, answer.next) == (11, expected)
        seen, after = seen + answer.changed, answer.next
    assert (seen, many.transactions) == (11, 3 + 3 + 1)


def test_a_slow_database_gets_shorter_transactions(
    many: Bulk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "A_TRANSACTION_S", -1.0)
    for number in range(3):
        add(many.database, f"c{number}")
    given = {"selection": {"filter": {}}, "patch": {"owner": "x"}, "dry_run": False}
    answer = many(principal(COUNTY), BulkEdit.model_validate(given))
    assert (answer.changed, many.transactions) == (3, 3)


@pytest.mark.parametrize(
    "patch",
    [
        {},
        {"like": "a"},
        {"name": "x"},
        {"gb_id": "33010600001320000001"},
        {"main_url": "rtsp://192.0.2.1/main"},
        {"sub_url": "rtsp://192.0.2.1/sub"},
        {"credentials": {"user": "u", "password": "p"}},
        {"sign_confirmed": True},
        {"place_type": "road"},
        {"position": {"longitude": 120.1, "latitude": 30.2, "coordinate_system": "wgs84"}},
        {"use_found_substream": False},
        {"owner": None},
        {"hazards": []},
    ],
)
def test_what_is_each_camera_s_own_is_not_for_many(patch: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BulkPatch.model_validate(patch)


def test_over_http_it_is_a_rehearsal_unless_told_otherwise(given: Parts) -> None:
    with townships(given) as (own, foreign, _):
        mine, theirs = registered(own), registered(foreign, place_code=THERE)
        both = [mine["camera_id"], theirs["camera_id"]]
        asked = {"selection": {"camera_ids": both}, "patch": {"enabled": False}}
        rehearsed = own.post("/api/cameras/bulk", json=asked)
        assert rehearsed.status_code == 200, rehearsed.text
        assert (rehearsed.json()["total"], rehearsed.json()["changed"]) == (1, 1)
        assert own.get(f"/api/cameras/{both[0]}").json()["enabled"]
        done = own.post("/api/cameras/bulk", json={**asked, "dry_run": False}).json()
        assert done == rehearsed.json()
        assert not own.get(f"/api/cameras/{both[0]}").json()["enabled"]
        assert foreign.get(f"/api/cameras/{both[1]}").json()["enabled"]
        nothing = own.post("/api/cameras/bulk", json={**asked, "patch": {}})
        assert nothing.json()["errors"][0]["code"] == "bulk_empty"
        neither = own.post("/api/cameras/bulk", json={**asked, "selection": {}})
        assert neither.json()["errors"][0]["code"] == "selection_one_way"
        elsewhere = {**asked, "patch": {"place_code": THERE}}
        assert own.post("/api/cameras/bulk", json=elsewhere).json()["code"] == "unknown_place"
