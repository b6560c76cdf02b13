"""Files of places: whole or not at all, from any spreadsheet, inside one's own places only."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from service import tables
from service.audit.log import newest, record
from service.places import import_routes, importer, store
from service.places.codes import Level
from tests.service.audit.entries import add
from tests.service.cameras.kit import count
from tests.service.estate import TREE, fill
from tests.service.helpers import Parts
from tests.service.process import serving
from tests.service.signing_in import Account, bearer, make_account, token

BEFORE = 1 + len(TREE)


@pytest.fixture
def admin(given: Parts) -> Iterator[httpx.Client]:
    fill(given.database)
    headers = bearer(given.database)
    with (
        serving(given.settings) as url,
        httpx.Client(base_url=url, headers=headers, timeout=60) as client,
    ):
        yield client


def send(client: httpx.Client, text: str | bytes, *, dry: bool = False) -> httpx.Response:
    body = text if isinstance(text, bytes) else text.encode()
    return client.post(f"/api/places/import?dry_run={str(dry).lower()}", content=body)


@pytest.mark.parametrize(
    ("database_url", "encoding"),
    [
        ("sqlite", "utf-8"),
        ("sqlite", "utf-8-sig"),
        pytest.param("postgresql", "gb18030", marks=pytest.mark.system("postgresql")),
    ],
    indirect=["database_url"],
)
def test_parents_anywhere_in_the_file(given: Parts, admin: httpx.Client, encoding: str) -> None:
    text = (
        "编码,名称,级别,上级代码,备注\r\n"
        "330203001002,解放村,村,330203001,x\r\n"
        '330203001,"月湖,街道",街道,,\r\n'
        "\r\n"
        " ３３０２０３ ,海曙区,区县,330200000000,\r\n"
        "330200000000,宁波市,市,0,\r\n"
        "330106,西湖新区,county,330100,\r\n"
        "330109,萧山区,,,\r\n"
    )
    body = text.encode(encoding)
    told = send(admin, body, dry=True).json()
    expected = {"rows": 6, "good": 6, "bad": 0, "created": 4, "renamed": 1, "unchanged": 1}
    assert told == {**expected, "problems": []}
    assert count(given.database, tables.places) == BEFORE
    done = send(admin, body)
    assert (done.status_code, done.json()) == (200, told)
    village = admin.get("/api/places/330203001002").json()
    assert village["path_names"] == ["全部 All", "宁波市", "海曙区", "月湖,街道"]
    assert admin.get("/api/places/330106").json()["name"] == "西湖新区"
    entry = json.loads(given.rows(tables.audit)[-1]["body"])
    assert entry["action"] == "place.imported"
    assert {"code": "330106", "old": "西湖区", "new": "西湖新区"} in entry["detail"]["places"]
    again = send(admin, body).json()
    assert (again["created"], again["renamed"], again["unchanged"]) == (0, 0, 6)


def test_one_bad_row_and_nothing_is_taken(given: Parts, admin: httpx.Client) -> None:
    text = (
        "code,name,level,parent_code\n"
        "330200,宁波市,city,0\n"
        "330203,海曙区,,330200\n"
        "330203,twice,,\n"
        "330204,,,\n"
        "330205,a\u202eb,,\n"
        "99,x,,\n"
        "330206,北仑区,township,\n"
        "330211,镇海区,,330100\n"
        "330212,鄞州区,,330300\n"
        f"330213,{'长' * 10_000},,\n"
        "330106009,文新街道,,330100\n"
        "330106,西湖区,,0\n"
        "330106010,新,,330199\n"
    )
    answer = send(admin, text)
    assert (answer.status_code, answer.json()["code"]) == (422, "import_refused")
    assert answer.headers["content-type"] == "application/problem+json"
    said = {one["row"]: one["message"] for one in answer.json()["problems"]}
    assert set(said) == {4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}
    for row, words in (
        (4, "line 3 already"), (5, "1 to 128"), (6, "direction-changing"), (7, "no province"),
        (8, "the row says township"), (9, "does not lie in 330100"),
        (10, "does not lie in 330300"), (11, "this one 10000"), (12, "330106 lies between"),
        (13, "hangs under 330100"), (14, "does not lie in 330199"),
    ):  # fmt: skip
        assert words in said[row], said[row]
    reasons = [one["reason"] for one in answer.json()["problems"]]
    assert reasons == [
        "row_twice", "row_name_length", "hostile_text", "place_code_province", "row_level",
        "place_code_parent", "place_code_parent", "row_name_length", "place_above_between",
        "row_parent_stays", "place_code_parent",
    ]  # fmt: skip
    assert answer.json()["problems"][0]["params"] == {"line": 3}
    assert answer.json()["good"] == 2
    assert count(given.database, tables.places) == BEFORE
    assert not [row for row in given.rows(tables.audit) if row["object_kind"] == "place"]


def test_a_row_that_goes_on_after_the_titles_is_refused(tree: httpx.Client) -> None:
    text = (
        "code,name,level\n"
        "330200,宁波市,,,\n"  # spreadsheets fill up with empty cells
        "330203,月湖,街道,区县\n"
        "330204\n"
        '330205,"月湖,街道",\n'
        "330206,a,,, b \n"
    )
    answer = send(tree, text, dry=True).json()
    told = [(one["row"], one["code"], one["reason"], one["params"]) for one in answer["problems"]]
    assert told == [
        (3, "330203", "row_cells", {"cells": 4, "titles": 3}),
        (4, "330204", "row_name_length", {"most": 128, "characters": 0}),
        (6, "330206", "row_cells", {"cells": 5, "titles": 3}),
    ]
    assert "put a name with a comma between quotes" in answer["problems"][0]["message"]
    assert answer["good"] == 2


def test_what_would_come_between_is_refused(given: Parts, admin: httpx.Client) -> None:
    assert send(admin, "code,name\n330200,宁波市\n330206001,新碶\n").status_code == 200
    answer = send(admin, "code,name\n330206,北仑区\n")
    assert "330206001 hangs under 330200 already" in answer.json()["problems"][0]["message"]


def test_foreign_rows_are_all_alike(given: Parts, admin: httpx.Client) -> None:
    own = bearer(given.database, "admin", ["330106"])
    rows = ["330109102,楼塔镇", "330109102,改名", "330109999,无", "330200,宁波市", "330100,杭州市"]
    for row in rows:
        answer = admin.post(
            "/api/places/import?dry_run=true",
            content=f"code,name\n330106009,文新街道\n{row}\n".encode(),
            headers=own,
        ).json()
        assert (answer["good"], answer["bad"]) == (1, 1)
        assert answer["problems"][0]["message"] == (
            "this place does not lie in yours: leave the row out"
        )
    taken = admin.post(
        "/api/places/import?dry_run=false",
        content="code,name\n330106009,文新街道\n330106,新名\n".encode(),
        headers=own,
    )
    assert taken.json()["created"] == taken.json()["renamed"] == 1
    entry = json.loads(given.rows(tables.audit)[-1]["body"])
    assert (entry["object_id"], entry["place_code"]) == ("330106", "330106")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "the first line names the columns"),
        (b"foo,bar\n1,2\n", "the first line names the columns"),
        (b"code,level\n330100,city\n", "the first two must be there"),
        ("code,name\n330100,杭\n".encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04rest", "workbook"),
        (b"code,name\n330100,\xff\xff\xff\n", "neither UTF-8 nor GB18030"),
        (b'code,name\n330200,"open\n', "line 2"),
        (b"code,name,Name\n330200,a,b\n", "two titles for one column, name and Name"),
        ("代码,名称,编码\n330200,a,1\n".encode(), "代码 and 编码"),
        (b"code,name\n330200," + b"x" * 200_000 + b"\n", "field larger"),
    ],
)
def test_what_is_no_list_of_places(tree: httpx.Client, body: bytes, said: str) -> None:
    answer = send(tree, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "import_unreadable")
    assert said in answer.json()["detail"]


def test_too_large_a_file_is_refused_at_once(tree: httpx.Client) -> None:
    refused = send(tree, b"x" * (importer.MOST_BYTES + 1))
    assert refused.status_code == 413
    assert refused.headers["content-type"] == "application/problem+json"

    def unannounced() -> Iterator[bytes]:
        for _ in range(34):
            yield b"x" * 1024 * 1024

    try:
        answer = tree.post("/api/places/import", content=unannounced())
    except httpx.WriteError:
        return  # hung up on while still sending
    assert answer.status_code == 413


def many(number: int) -> str:
    lines = ["code,name,level,parent_code", "330200,宁波市,,0"]
    for county in range(1, 11):
        lines.append(f"3302{county:02},county {county},,330200")
        for town in range(1, 11):
            code = f"3302{county:02}{town:03}"
            lines.append(f"{code},town {town},,3302{county:02}")
            lines += [
                f"{code}{village:03},村 {village},,{code}" for village in range(1, number + 1)
            ]
    return "\n".join([lines[0], *reversed(lines[1:])])


def test_fifty_thousand_rows_in_seconds(given: Parts, admin: httpx.Client) -> None:
    text = many(499)
    began_s = time.monotonic()
    longest_s = 0.0
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(send, admin, text)
        while not sent.done():
            waited_s = time.monotonic()
            with given.database.writing():
                longest_s = max(longest_s, time.monotonic() - waited_s)
            time.sleep(0.05)
    report: dict[str, Any] = sent.result().json()
    took_s = time.monotonic() - began_s
    assert report["created"] == report["rows"] == 50_011
    assert longest_s < 4, f"another writer waited for {longest_s:.1f} s"
    assert took_s < 20, f"{took_s:.1f} s"
    assert count(given.database, tables.places) == BEFORE + 50_011
    began_s = time.monotonic()
    assert admin.get("/api/places").json()["places"][0]["children"] == 2
    assert time.monotonic() - began_s < 2


CLEAN = "code,name\n330200,宁波市\n"


@pytest.mark.parametrize(
    ("text", "dry", "status"),
    [
        ("code,name\n99,x\n", False, 422),
        (CLEAN, True, 200),
        ("code,name\n330106,西湖区\n", False, 200),  # is there already
    ],
)
def test_what_will_not_be_taken_waits_for_no_writer(
    given: Parts, admin: httpx.Client, text: str, *, dry: bool, status: int
) -> None:
    admin.get("/api/places")  # the token's use has been noted: that alone would wait
    with given.database.writing():
        began_s = time.monotonic()
        assert send(admin, text, dry=dry).status_code == status
        assert time.monotonic() - began_s < 4, "it gives a writer five seconds"


def meanwhile(
    given: Parts, monkeypatch: pytest.MonkeyPatch, *changes: tuple[str, str, str]
) -> list[importer.Plan]:
    """Let another add places, one after each planning; returns what was planned."""
    made: list[importer.Plan] = []
    left, plan = iter(changes), importer.plan

    def planned(*words: Any) -> importer.Plan:
        made.append(plan(*words))
        if new := next(left, None):
            with given.database.writing() as connection:  # nobody who plans holds the lock
                code, parent, level = new
                row = store.find(connection, parent)
                assert row is not None
                store.insert(connection, code=code, parent=row, level=Level(level), name="新")
                place = {"object_kind": "place", "object_id": code, "place_code": code}
                record(connection, actor="other", action="place.created", **place)
        return made[-1]

    monkeypatch.setattr(importer, "plan", planned)
    return made


def test_a_tree_that_moved_since_the_plan_is_planned_for_anew(
    given: Parts, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = meanwhile(given, monkeypatch, ("330106010", "330106", "township"))
    text = "code,name\n330106010001,一村\n330106010,改名\n"
    report = send(admin, text).json()
    assert (report["created"], report["renamed"]) == (1, 1)
    assert [(len(one.created), len(one.renamed)) for one in made] == [(2, 0), (1, 1)]
    assert admin.get("/api/places/330106010").json()["name"] == "改名"


def test_what_no_longer_fits_the_tree_is_refused(
    given: Parts, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(given, monkeypatch, ("330111001", "330100", "township"))
    answer = send(admin, "code,name\n330111,富阳区\n")
    assert answer.json()["problems"][0]["reason"] == "place_below_between"
    assert count(given.database, tables.places) == BEFORE + 1


def test_a_tree_that_moves_all_the_time_is_given_up(
    given: Parts, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    moves = [(f"33010601{number}", "330106", "township") for number in range(5)]
    made = meanwhile(given, monkeypatch, *moves)
    answer = send(admin, CLEAN)
    assert (answer.status_code, answer.json()["code"]) == (503, "import_busy")
    assert len(made) == import_routes.PLANNED_AT_MOST
    assert send(admin, CLEAN, dry=True).status_code == 200


def test_other_changes_than_the_tree_s_cost_no_new_plan(
    given: Parts, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = meanwhile(given, monkeypatch)
    assert send(admin, CLEAN).json()["created"] == 1
    add(given.database)  # of a camera
    with given.database.reading() as connection:
        assert not importer.fits(connection, made[0])  # its own import is in the audit by now
        before = replace(made[0], seq=newest(connection)[0] - 1)
        assert importer.fits(connection, before)


def test_all_bad_rows_are_counted_and_a_thousand_told(tree: httpx.Client) -> None:
    answer = send(tree, "code,name\n" + "99,x\n" * 2500).json()
    assert (answer["rows"], answer["bad"], len(answer["problems"])) == (2500, 2500, 1000)


def test_too_many_rows_are_read_no_further(
    tree: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "MOST_ROWS", 10)
    assert send(tree, "code,name\n" + "99,x\n" * 10).json()["code"] == "import_refused"
    for row in ("99,x\n", "330200,x\n"):
        answer = send(tree, "code,name\n" + row * 11 + '330300,"open\n')
        assert (answer.status_code, answer.json()["code"]) == (413, "import_too_large")
        assert "at most 10 rows" in answer.json()["detail"]


def test_one_file_at_a_time(tree: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    began, go_on = threading.Event(), threading.Event()
    read_file = importer.read_file

    def slow(body: bytes) -> importer.File:
        began.set()
        assert go_on.wait(20)
        return read_file(body)

    monkeypatch.setattr(importer, "read_file", slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(send, tree, CLEAN, dry=True)
        assert began.wait(10)
        second = send(tree, CLEAN, dry=True)
        go_on.set()
        assert first.result().status_code == 200
    assert (second.status_code, second.json()["code"]) == (503, "import_busy")
    assert second.headers["retry-after"]
    assert send(tree, b"PK", dry=True).status_code == 422
    assert send(tree, CLEAN, dry=True).status_code == 200  # a fault leaves nothing locked


def test_a_file_that_does_not_end_is_given_up(
    tree: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_routes, "ARRIVES_WITHIN_S", 0.6)
    address = (tree.base_url.host, tree.base_url.port)
    with socket.create_connection(address, timeout=10) as caller:
        caller.sendall(
            b"POST /api/places/import HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100\r\n"
            + f"authorization: {tree.headers['authorization']}\r\n\r\n".encode()
        )
        with suppress(OSError):
            for _ in range(20):  # a byte now and then keeps no request alive
                caller.sendall(b"x")
                time.sleep(0.1)
        told = b"".join(iter(lambda: caller.recv(65536), b""))
    assert told.startswith(b"HTTP/1.1 408 ")
    assert b"import_too_slow" in told


@pytest.mark.parametrize("dry", [True, False])
def test_who_is_disabled_while_sending_learns_and_does_nothing(
    given: Parts, admin: httpx.Client, *, dry: bool
) -> None:
    account = make_account(given.database, "admin")
    headers = {"Authorization": f"Bearer {token(given.database, account)}"}

    def pieces() -> Iterator[bytes]:
        yield CLEAN.encode()
        time.sleep(0.5)  # until now it is let in
        disable(given, account)
        yield "330203,海曙区\n".encode()

    answer = admin.post(
        f"/api/places/import?dry_run={str(dry).lower()}", content=pieces(), headers=headers
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert count(given.database, tables.places) == BEFORE


def test_who_is_given_other_places_while_waiting_is_held_to_these(
    given: Parts, admin: httpx.Client
) -> None:
    account = make_account(given.database, "admin", ["330106"])
    headers = {"Authorization": f"Bearer {token(given.database, account)}"}
    admin.get("/api/places", headers=headers)  # its use has been noted
    with ThreadPoolExecutor(1) as pool:
        with given.database.writing() as connection:
            asked = pool.submit(
                admin.post,
                "/api/places/import?dry_run=false",
                content="code,name\n330106009,文新街道\n".encode(),
                headers=headers,
            )
            time.sleep(1.0)
            assert not asked.done()
            connection.execute(
                sa.update(tables.account_places)
                .where(tables.account_places.c.account_id == account.account_id)
                .values(place_code="330109")
            )
        answer = asked.result()
    assert (answer.status_code, answer.json()["code"]) == (422, "import_refused")
    assert count(given.database, tables.places) == BEFORE


def disable(given: Parts, account: Account) -> None:
    with given.database.writing() as connection:
        connection.execute(
            sa.update(tables.accounts)
            .where(tables.accounts.c.account_id == account.account_id)
            .values(disabled_at=datetime.now(UTC))
        )
