"""What a file named is found again: its cameras, its rows where they stood, its places."""

import io
from typing import Any

import httpx
import openpyxl

from service import tables
from tests.service.cameras.kit import match
from tests.service.estate import FOREIGN, OWN
from tests.service.helpers import Parts
from tests.service.imports.kit import (
    cameras_of,
    committed,
    described,
    integrators,
    path_of,
    rows_of,
    sent,
    table,
)
from tests.service.imports.test_importing import counts_of


def test_a_file_s_cameras_are_found_by_it_whatever_came_later(given: Parts) -> None:
    rows = [described(1), described(2), described(3)]
    with integrators(given) as (own, other, admin):

        def found(who: httpx.Client, made: dict[str, Any], **more: Any) -> list[str]:
            query = {"import_id": made["import_id"], "sort": "gb_id", **more}
            page = who.get("/api/cameras", params=query).raise_for_status().json()
            return [one["gb_id"][-1] for one in page["cameras"]]

        checked_only = sent(own, table(rows))
        first = committed(own, sent(own, table(rows)))
        assert found(own, first) == found(own, first, import_changed=True) == ["1", "2", "3"]
        rows[1]["名称"] = "新名"
        second = committed(own, sent(own, table([*rows, described(4, 场所类型="病房")])))
        for made in (first, second, checked_only):
            assert found(own, made) == found(admin, made) == ["1", "2", "3"]
            assert found(other, made) == []
        assert found(own, second, import_changed=True) == ["2"]
        assert found(own, second, import_changed=False) == ["1", "2", "3"]
        gone = cameras_of(own)[0]
        own.delete(f"/api/cameras/{gone['camera_id']}", headers=match(gone)).raise_for_status()
        committed(own, sent(own, table(rows[:1])))
        assert found(own, first) == ["1", "2", "3"]
        filtered = {"filter": {"import_id": second["import_id"], "import_changed": True}}
        asked = own.post("/api/probes", json={"selection": filtered}).raise_for_status().json()
        assert asked["asked"] == 1
        refused = own.get("/api/cameras?import_changed=true")
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (
            422, "import_changed_alone",
        )  # fmt: skip
        listed = own.get("/api/camera-imports").json()["imports"]
        assert [one["counts"]["changed"] for one in listed] == [0, 1, 0, 0]


def test_full_names_gaps_and_names_of_files_are_understood(lone: Parts) -> None:
    with integrators(lone) as (own, _, _):
        full = _full_name(lone)
        assert full.count("/") == 2
        lines = table([described(1, 行政区划=full), described(2, 告示牌确认="否")]).split("\r\n")
        made = sent(own, "\r\n".join(["台账", *lines[:2], "", *lines[2:]]))
        assert counts_of(made) == {"new": 1, "bad": 1}
        assert [one["number"] for one in rows_of(own, made)] == [3, 5]
        path = path_of(made)
        copy = own.get(f"{path}/annotated.csv").raise_for_status().text.split("\r\n")
        assert [at for at, line in enumerate(copy, 1) if line.strip("\ufeff")] == [2, 3, 5]
        workbook = own.get(f"{path}/annotated.xlsx?language=en").raise_for_status().content
        assert openpyxl.load_workbook(io.BytesIO(workbook)).sheetnames == [
            "Cameras", "Explained"
        ]  # fmt: skip
        refused = sent(own, "some text", file_name="list.xlsx")
        assert refused["problem"]["code"] == "file_no_workbook"
        impossible = sent(own, table([described(1)]), defaults={"place_code": FOREIGN})
        assert (impossible["state"], impossible["problem"]["code"]) == ("failed", "place_unknown")


def _full_name(given: Parts) -> str:
    """The place's name with those above it."""
    names = {row["code"]: (row["parent_code"], row["name"]) for row in given.rows(tables.places)}
    said: list[str] = []
    code: str | None = OWN
    while code is not None and code != "0":
        code, name = names[code]
        said.insert(0, name)
    return "/".join(said)
