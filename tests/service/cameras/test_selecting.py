"""Which cameras a filter or a list of ids means, for whom."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from service.accounts.principal import Principal
from service.cameras import listing
from service.cameras.listing import Wanted
from service.cameras.selecting import Filter, Selection, selected
from service.database import Database
from service.places.errors import UnknownPlaceError
from service.tables import camera_import_rows, camera_imports, cameras
from tests.service.cameras.crowd import COUNTY, LIVE, add, plant, principal, probe, say
from tests.service.cameras.kit import LANE
from tests.service.estate import FOREIGN
from tests.service.signing_in import make_account

SUBSTREAM = {"url": "rtsp://192.0.2.1/sub", "found_by": "onvif"}


def by(database: Database, who: Principal, **wanted: Any) -> list[str]:
    """Ask both ways, which have to agree."""
    with database.reading() as connection:
        found = selected(connection, who, Selection(filter=Filter(**wanted)), LIVE)
        page = listing.page(connection, who, Wanted(**wanted), LIVE)
    shown = sorted(row.camera_id for row in page.cameras if not row.drill)
    assert (shown, page.total) == (found, len(page.cameras))
    return found


@pytest.fixture
def estate(database: Database) -> Database:
    plant(database)
    add(database, "a", upstream="平台 1", hazards=["fire", "obstruction"], zones=[LANE])
    add(database, "b", sub_url="rtsp://192.0.2.1/sub", place_type="bridge")
    add(database, "c", upstream="平台 1", main_url="rtsp://192.0.2.3/main")
    add(database, "d", enabled=False)
    add(database, "e", drill=True, place_code="0")
    add(database, "z", FOREIGN, upstream="平台 1", hazards=["fire", "obstruction"])
    say(database, "a", "fault", "unreachable")
    say(database, "b", "watching")
    say(database, "c", "fault", "unreachable", epoch=6)  # before its worker began anew
    say(database, "d", "fault", "unreachable")
    say(database, "z", "fault", "unreachable")
    probe(database, "a", "unreachable")
    probe(database, "b", advice=["smart_codec"])
    probe(database, "c", advice=["use_substream"], substream=SUBSTREAM)
    probe(database, "z", substream=SUBSTREAM)
    return database


FILTERS: list[tuple[dict[str, Any], str]] = [
    ({}, "abcd"),
    ({"q": "A"}, "a"),
    ({"place_type": "bridge"}, "b"),
    ({"upstream": "平台 1"}, "ac"),
    ({"hazard": "obstruction"}, "a"),
    ({"hazard": "camera_fault"}, ""),
    ({"state": "fault"}, "a"),
    ({"fault": "unreachable"}, "a"),
    ({"fault": "refused"}, ""),
    ({"probe": "never"}, "d"),
    ({"probe": "good"}, "bc"),
    ({"probe": "fault"}, "a"),
    ({"probe": "advice"}, "bc"),
    ({"substream": "yes"}, "b"),
    ({"substream": "no"}, "acd"),
    ({"substream": "found"}, "c"),
    ({"zones": "yes"}, "a"),
    ({"zones": "no"}, "bcd"),
    ({"place": "330106", "probe": "good", "substream": "found", "zones": "no"}, "c"),
    ({"import_id": str(uuid4())}, ""),
]


def test_a_filter_finds_those_of_one_s_county_alone(estate: Database) -> None:
    found = [(wanted, "".join(by(estate, principal(COUNTY), **wanted))) for wanted, _ in FILTERS]
    assert found == FILTERS


def test_advice_that_is_followed_is_advice_no_more(estate: Database) -> None:
    both = ["use_substream", "smart_codec"]
    probe(estate, "d", advice=both, substream=SUBSTREAM)
    assert by(estate, principal(COUNTY), probe="advice") == ["b", "c", "d"]
    with estate.writing() as connection:
        connection.execute(sa.update(cameras).values(sub_url=SUBSTREAM["url"]))
    assert by(estate, principal(COUNTY), probe="advice") == ["b", "d"]
    with estate.reading() as connection:
        rows = listing.page(connection, principal(COUNTY), Wanted(), LIVE).cameras
    told = {row.camera_id: row.probe.advice for row in rows if row.probe is not None}
    assert told == {"a": [], "b": ["smart_codec"], "c": [], "d": ["smart_codec"]}


def test_whoever_sees_everything_selects_all_but_drills(estate: Database) -> None:
    everyone = principal("/0/")
    with estate.reading() as connection:
        assert selected(connection, everyone, Selection(filter=Filter()), LIVE) == list("abcdz")
        assert listing.page(connection, everyone, Wanted(), LIVE).total == 6
    assert by(estate, everyone, fault="unreachable") == ["a", "z"]
    assert by(estate, principal()) == []


def test_ids_are_each_taken_once_and_foreign_ones_never(estate: Database) -> None:
    ids = ["z", "c", "a", "c", "e", "none", "nul\0", ""]
    with estate.reading() as connection:
        chosen = Selection(camera_ids=ids)
        assert selected(connection, principal(COUNTY), chosen, {}) == ["a", "c"]
        assert selected(connection, principal(COUNTY), Selection(camera_ids=[]), {}) == []
        many = Selection(camera_ids=[*(str(uuid4()) for _ in range(9_999)), "a"])
        assert selected(connection, principal(COUNTY), many, {}) == ["a"]


def test_a_place_elsewhere_is_none(estate: Database) -> None:
    with estate.reading() as connection, pytest.raises(UnknownPlaceError):
        selected(connection, principal(COUNTY), Selection(filter=Filter(place=FOREIGN)), {})


@pytest.mark.parametrize(
    "given",
    [{}, {"camera_ids": ["a"], "filter": {}}, {"filter": {"owner": "x"}}, {"camera_ids": None}],
)
def test_a_selection_is_said_in_one_way(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Selection.model_validate(given)


def test_a_file_names_cameras_to_whoever_brought_it(estate: Database) -> None:
    account = make_account(estate, "integrator", ["330106"])
    import_id, now = uuid4(), datetime.now(UTC)
    with estate.writing() as connection:
        connection.execute(
            sa.insert(camera_imports).values(
                import_id=import_id,
                account_id=account.account_id,
                created_by=account.login,
                created_at=now,
                moved_at=now,
                file_name="x.csv",
                digest="0",
                options={},
                state="done",
                titles=[],
                rows=2,
                checked=2,
                committed=1,
                counts={},
                by_reason={},
            )
        )
        for number, camera_id in enumerate(["c", "z", None]):
            row = {"import_id": import_id, "number": number, "camera_id": camera_id}
            connection.execute(
                sa.insert(camera_import_rows).values(cells=[], verdict="new", reasons=[], **row)
            )
    who = principal(COUNTY)
    assert by(estate, who, import_id=import_id) == []
    own = replace(who, account_id=account.account_id)
    assert by(estate, own, import_id=import_id) == ["c"]


def test_a_row_tells_the_fault_the_platform_and_the_probe(estate: Database) -> None:
    with estate.reading() as connection:
        rows = listing.page(connection, principal(COUNTY), Wanted(), LIVE).cameras
    a, b, c, d = rows
    assert (a.fault, a.upstream, a.has_substream) == ("unreachable", "平台 1", False)
    assert a.model_dump(include={"probe": {"fault", "advice"}}) == {
        "probe": {"fault": "unreachable", "advice": []}
    }
    assert (b.has_substream, b.fault) == (True, None)
    assert b.probe is not None
    assert b.probe.advice == ["smart_codec"]
    assert c.fault is None  # nobody's word counts
    assert (d.fault, d.probe) == (None, None)
