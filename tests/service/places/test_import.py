"""Files of places: whole or not at all, from any spreadsheet, inside one's own places only."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from service import tables
from service.places import importer
from tests.service.cameras.kit import count
from tests.service.estate import TREE, fill
from tests.service.helpers import Parts
from tests.service.process import serving
from tests.service.signing_in import bearer

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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
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
    assert answer.json()["good"] == 2
    assert count(given.database, tables.places) == BEFORE
    assert not [row for row in given.rows(tables.audit) if row["object_kind"] == "place"]


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
    report: dict[str, Any] = send(admin, text).json()
    took_s = time.monotonic() - began_s
    assert report["created"] == report["rows"] == 50_011
    assert took_s < 20, f"{took_s:.1f} s"
    assert count(given.database, tables.places) == BEFORE + 50_011
    began_s = time.monotonic()
    assert admin.get("/api/places").json()["places"][0]["children"] == 2
    assert time.monotonic() - began_s < 2
