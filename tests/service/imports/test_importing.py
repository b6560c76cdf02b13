"""Files of cameras over HTTP: checked, committed in pieces, and nothing that isn't theirs to do."""

import json
import socket
import time
from contextlib import suppress
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa

from service import tables
from service.imports import committing, routes, store, taking
from tests.service.cameras.kit import match, registered
from tests.service.estate import FOREIGN, OWN
from tests.service.helpers import Parts
from tests.service.imports.kit import (
    PASSWORD,
    begun,
    cameras_of,
    committed,
    described,
    integrators,
    over,
    path_of,
    rows_of,
    sent,
    stored_texts,
    table,
)
from tests.service.process import serving
from tests.support.waiting import until


def counts_of(made: dict[str, Any]) -> dict[str, int]:
    return {name: count for name, count in made["counts"].items() if count}


def test_a_file_from_its_check_to_the_registry_and_back(given: Parts) -> None:
    same = {"主码流": described(1)["主码流"], "国标编号": "33010500001320000002"}
    rows = [
        described(1), described(2, **same), described(3, 场所类型="病房"),
        described(4, 国标编号=""),
    ]  # fmt: skip
    with integrators(given) as (own, _, _):
        made = sent(own, table(rows).encode("gb18030"))
        assert (made["state"], made["rows"], made["checked"]) == ("checked", 4, 4)
        assert counts_of(made) == {"new": 2, "bad": 2}
        assert made["by_reason"] == {"place_type_refused": 1, "gb_id_absent": 1}
        assert [(one["code"], one["params"]) for one in made["notes"]] == [
            ("streams_shared", {"rows": "2, 3"}), ("gb_ids_elsewhere", {"count": 1, "rows": "3"}),
        ]  # fmt: skip
        assert cameras_of(own) == []  # checking registers nothing
        bad = rows_of(own, made, verdict="bad")
        assert [one["number"] for one in bad] == [4, 5]
        assert bad[0]["reasons"][0]["column"] == "place_type"
        assert bad[0]["reasons"][0]["title"] == "场所类型"
        assert rows_of(own, made, reason="gb_id_absent") == bad[1:]
        assert [one["camera_id"] for one in rows_of(own, made)] == [None] * 4
        done = committed(own, made)
        assert (done["state"], done["committed"]) == ("done", 2)
        cameras = cameras_of(own)
        assert [one["gb_id"] for one in cameras] == sorted(one["国标编号"] for one in rows[:2])
        assert [one["enabled"] for one in cameras] == [False, False]
        assert {one["camera_id"] for one in rows_of(own, made) if one["committed"]} == {
            one["camera_id"] for one in cameras
        }
        again = sent(own, table(rows))
        assert counts_of(again) == {"unchanged": 2, "bad": 2}
        assert [one["changes"] for one in rows_of(own, again)] == [[]] * 4
        rows[1] |= {"名称": "新名", "用户名": "admin", "密码": PASSWORD, "启用": "是"}
        third = sent(own, table(rows))
        assert counts_of(third) == {"changed": 1, "unchanged": 1, "bad": 2, "switched_on": 1}
        assert rows_of(own, third)[1]["changes"] == ["name", "enabled", "credentials"]
        assert committed(own, third)["committed"] == 1
        assert [one["changes"] for one in rows_of(own, third)] == [
            [], ["name", "enabled", "credentials"], [], [],
        ]  # fmt: skip
        assert cameras_of(own)[0]["name"] == "新名"
    actions = [json.loads(row["body"]) for row in given.rows(tables.audit)]
    told = [one["action"] for one in actions]
    assert told == [
        "camera_import.begun", "camera.created", "camera.created", "camera_import.committed",
        "camera_import.begun", "camera_import.begun", "camera.changed", "camera_import.committed",
    ]  # fmt: skip
    assert actions[3]["detail"] == {"committed": 2, "counts": {"new": 2, "bad": 2}}
    assert actions[6]["detail"]["name"] == {"old": "灵隐路口 2", "new": "新名"}


def test_cameras_are_watched_at_once_only_where_the_file_or_whoever_sends_it_says_so(
    lone: Parts,
) -> None:
    rows = [described(1), described(2, 启用="否")]
    with integrators(lone) as (own, _, _):
        committed(own, sent(own, table(rows), watch=True))
        assert [one["enabled"] for one in cameras_of(own)] == [True, False]


def test_no_password_of_a_file_is_anywhere(lone: Parts, caplog: pytest.LogCaptureFixture) -> None:
    other = "canary-Zt5-other"
    rows = [
        described(1, 主码流=f"rtsp://admin:{PASSWORD.replace('!', '%21')}@192.0.2.10/main"),
        described(2, 用户名="admin", 密码=other),
        described(3, 用户名="admin", 密码=other, 场所类型="病房"),
        described(4, 主码流=f"rtsp://:{PASSWORD}@192.0.2.10/main"),
        described(5, 主码流=f"http://admin:{PASSWORD}@192.0.2.10/main"),
        described(6, 主码流=f"rtsp://192.0.2.10/main?user=admin&password={PASSWORD}"),
    ]
    texts = []
    with integrators(lone) as (own, _, _):
        made = sent(own, table(rows))
        assert counts_of(made) == {"new": 2, "bad": 4}
        texts.append(stored_texts(lone.database))
        path = path_of(made)
        texts += [
            own.get(f"{path}/{copy}").raise_for_status().text
            for copy in ("rows", "annotated.csv?language=en", "annotated.csv?language=zh")
        ]
        assert "rtsp://***@192.0.2.10/main" in texts[-1]
        assert "***" in texts[-1]
        workbook = own.get(f"{path}/annotated.xlsx").raise_for_status()
        texts.append(_unpacked(workbook.content))
        committed(own, made)
        assert [own.get(f"/api/cameras/{one['camera_id']}").json()["has_credentials"]
                for one in cameras_of(own)] == [True, True]  # fmt: skip
        texts.append(own.get("/api/cameras/export.csv").raise_for_status().text)
        workbook = own.get("/api/cameras/export.xlsx").raise_for_status()
        texts.append(_unpacked(workbook.content))
        again = sent(own, table(rows))
        assert counts_of(again) == {"unchanged": 2, "bad": 4}
        rows[1]["密码"] = "canary-Zt5-anew"
        assert counts_of(sent(own, table(rows))) == {"changed": 1, "unchanged": 1, "bad": 4}
        texts.append(stored_texts(lone.database))
    texts += [record.getMessage() for record in caplog.records]
    whole = "\n".join(texts)
    for secret in (PASSWORD, PASSWORD.replace("!", "%21"), other, "canary"):
        assert secret not in whole


def _unpacked(workbook: bytes) -> str:
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        return "\n".join(
            archive.read(name).decode("utf-8", "replace") for name in archive.namelist()
        )


def test_what_is_exported_is_found_unchanged(lone: Parts) -> None:
    rows = [
        described(1, 名称="=1+1"),
        described(2, 子码流="rtsp://192.0.2.9/sub", 坐标系="GCJ-02"),
        described(3, 险情="火, 烟", 平台="ivms-1"),
    ]
    with integrators(lone) as (own, _, _):
        committed(own, sent(own, table(rows)))
        for kind in ("csv", "xlsx"):
            answer = own.get(f"/api/cameras/export.{kind}?q=灵隐").raise_for_status()
            made = sent(own, answer.content, file_name=f"out.{kind}")
            assert counts_of(made) == {"unchanged": 2}, rows_of(own, made)
        assert own.get("/api/cameras/export.csv?language=en").text.startswith("\ufeffGB id*,Name*")
        for language, names in {"zh": ("摄像机导入模板", "摄像机-20"),
                                "en": ("cameras-template", "cameras-20")}.items():  # fmt: skip
            for path, name in zip(("camera-import-template", "cameras/export"), names, strict=True):
                answer = own.get(f"/api/{path}.xlsx", params={"language": language})
                said = unquote(answer.headers["content-disposition"])
                assert f"; filename*=UTF-8''{name}" in said
                assert (f'filename="{name}' in said) is (language == "en")
                assert said.endswith(".xlsx")
        whole = own.get("/api/cameras/export.csv").text
        assert "'=1+1" in whole
        assert FOREIGN not in whole


def test_a_camera_edited_after_the_check_is_not_overwritten_unawares(given: Parts) -> None:
    with integrators(given) as (own, _, _):
        committed(own, sent(own, table([described(one) for one in (1, 2, 3, 4)])))
        rows = [described(one, 名称=f"文件 {one}", 启用="是") for one in (1, 2, 3, 5, 6)]
        made = sent(own, table(rows))
        assert counts_of(made) == {"changed": 3, "new": 2, "switched_on": 3}
        first, second, third, _ = cameras_of(own)
        edits = [(first, {"name": "有人改了"}), (second, {"owner": "别人"})]
        for camera, patch in edits:
            path = f"/api/cameras/{camera['camera_id']}"
            own.patch(path, json=patch, headers=match(camera)).raise_for_status()
        own.delete(f"/api/cameras/{third['camera_id']}", headers=match(third)).raise_for_status()
        registered(own, gb_id=described(5)["国标编号"], name="手工登记")
        done = committed(own, made)
        assert (done["state"], done["committed"]) == ("done", 2)
        assert counts_of(done) == {
            "new": 1, "changed": 1, "bad": 3, "refused": 3, "switched_on": 1
        }  # fmt: skip
        reasons = {one["number"]: one["reasons"][0]["code"] for one in rows_of(own, made)
                   if one["reasons"]}  # fmt: skip
        assert reasons == {2: "row_edited_meanwhile", 4: "row_camera_gone", 5: "gb_id_taken"}
        names = [one["name"] for one in cameras_of(own)]
        assert names == ["有人改了", "文件 2", "灵隐路口 4", "手工登记", "文件 6"]


def test_an_import_is_its_own_account_s_and_the_whole_installation_s(lone: Parts) -> None:
    with integrators(lone) as (own, other, admin):
        made = sent(own, table([described(1), described(2, 行政区划=FOREIGN)]))
        assert made["by_reason"] == {"place_unknown": 1}
        path = path_of(made)
        for method, what in [
            ("GET", ""), ("GET", "/rows"), ("GET", "/annotated.csv"), ("POST", "/commit"),
            ("PUT", "/file"), ("DELETE", ""),
        ]:  # fmt: skip
            answer = other.request(method, path + what)
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_camera_import")
        assert other.get("/api/camera-imports").json() == {"imports": []}
        assert admin.get(path).json() == made
        assert admin.get("/api/camera-imports").json() == {"imports": []}
        assert [one["import_id"] for one in own.get("/api/camera-imports").json()["imports"]] == [
            made["import_id"]
        ]
        assert admin.delete(path).status_code == 204
        assert own.get(path).status_code == 404


def test_one_file_at_a_time(lone: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "PAUSE_S", 0.5)
    with integrators(lone) as (own, other, _):
        first, second = begun(own), begun(other)
        body = table([described(1, 行政区划=OWN)])
        assert own.put(f"{first}/file", content=body).status_code == 202
        answer = other.put(f"{second}/file", content=body)
        assert answer.status_code == 503
        assert answer.json()["code"] == "camera_import_busy"
        assert answer.headers["retry-after"] == "5"
        assert over(own, first)["state"] == "checked"
        until(lambda: other.put(f"{second}/file", content=body).status_code == 202, "its turn")
        assert over(other, second)["by_reason"] == {"place_unknown": 1}


def test_whoever_may_no_more_commits_no_more(given: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committing, "ROWS_AT_MOST", 1)
    monkeypatch.setattr(committing, "PAUSE_S", 0.3)
    with integrators(given) as (own, _, admin):
        made = sent(own, table([described(one) for one in range(1, 21)]))
        assert own.post(f"{path_of(made)}/commit").status_code == 202
        until(lambda: cameras_of(own), "a camera")
        with given.database.writing() as connection:
            connection.execute(
                sa.update(tables.tokens).values(revoked_at=sa.func.now()).where(
                    tables.tokens.c.account_id == sa.select(tables.camera_imports.c.account_id)
.where(tables.camera_imports.c.import_id == UUID(made["import_id"]))
                    .scalar_subquery()
                )
            )  # fmt: skip
        stopped = over(admin, path_of(made))
        assert stopped["state"] == "checked"
        assert stopped["problem"]["code"] == "unauthenticated"
        assert 0 < stopped["committed"] < 20
        monkeypatch.setattr(committing, "PAUSE_S", 0.0)
        assert committed(admin, stopped)["committed"] == 20
        assert len(cameras_of(admin)) == 20


def test_a_file_that_is_none_says_why_and_another_may_come(lone: Parts) -> None:
    with integrators(lone) as (own, _, _):
        made = sent(own, "name\n".encode("utf-16"))
        assert made["state"] == "failed"
        assert made["problem"]["code"] == "file_utf16"
        path = path_of(made)
        refused = own.post(f"{path}/commit")
        assert (refused.status_code, refused.json()["code"]) == (409, "camera_import_state")
        assert own.get(f"{path}/annotated.csv").status_code == 409
        body = table([described(1)])
        assert own.put(f"{path}/file", content=body).status_code == 202
        again = over(own, path)
        assert (again["state"], again["problem"], again["rows"]) == ("checked", None, 1)
        committed(own, again)
        assert own.put(f"{path}/file", content=body).status_code == 409
        large = begun(own)
        answer = own.put(f"{large}/file", content=b"x" * (32 * 1024 * 1024 + 1))
        assert answer.status_code == 413
        assert own.get(large).json()["state"] == "waiting"


def test_two_replicas_that_commit_one_import_register_nothing_twice(
    given: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committing, "ROWS_AT_MOST", 1)
    monkeypatch.setattr(store, "STALLED_AFTER_S", -1.0)  # each takes the other for gone
    with integrators(given) as (own, _, _), serving(given.settings) as second:
        made = sent(own, table([described(one) for one in range(1, 31)]))
        assert own.post(f"{path_of(made)}/commit").status_code == 202
        until(lambda: cameras_of(own), "a camera")
        with httpx.Client(base_url=second, headers=own.headers, timeout=30) as other:
            done = committed(other, made)
        assert done["committed"] == len(cameras_of(own)) == 30
    outcomes = [json.loads(row["body"])["action"] for row in given.rows(tables.audit)]
    assert outcomes.count("camera.created") == 30
    assert outcomes.count("camera_import.committed") == 1


def test_what_somebody_else_has_registered_meanwhile_is_unchanged(given: Parts) -> None:
    same, other = described(1), described(2)
    login = {"用户名": "admin", "密码": PASSWORD}
    with integrators(given) as (own, _, admin):
        theirs = sent(own, table([same, other, described(3, **login), described(4, **login)]))
        rows = [same, {**other, "名称": "另一个名称"}, described(3, **login)]
        ours = sent(admin, table([*rows, described(4, 用户名="admin", 密码="another")]))
        assert counts_of(theirs) == counts_of(ours) == {"new": 4}
        assert committed(own, theirs)["committed"] == 4
        done = committed(admin, ours)
        assert counts_of(done) == {"unchanged": 2, "bad": 2, "refused": 2}
        assert done["by_reason"] == {"gb_id_taken": 2}
        ids = [one["camera_id"] for one in cameras_of(own)]
        found = {one["number"]: (one["verdict"], one["camera_id"]) for one in rows_of(admin, ours)}
        assert found == {
            2: ("unchanged", ids[0]), 3: ("bad", None), 4: ("unchanged", ids[2]), 5: ("bad", None)
        }  # fmt: skip


def slow_upload(client: httpx.Client, path: str, length: int = 30_000_000) -> socket.socket:
    """A file of which nothing has come yet."""
    caller = socket.create_connection((client.base_url.host, client.base_url.port), timeout=10)
    caller.sendall(
        f"PUT {path}/file HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {length}\r\n"
        f"authorization: {client.headers['authorization']}\r\n\r\n".encode()
    )
    time.sleep(0.3)
    return caller


def test_an_account_s_slow_file_holds_up_nobody_else_s(lone: Parts) -> None:
    with (
        integrators(lone) as (own, other, _),
        slow_upload(own, begun(own)),
        slow_upload(own, begun(own)),
    ):
        refused = own.put(f"{begun(own)}/file", content=table([described(1)]))
        assert (refused.status_code, refused.json()["code"]) == (503, "camera_import_busy")
        assert sent(other, table([described(1, 行政区划=FOREIGN)]))["counts"]["new"] == 1


def test_a_file_that_hardly_comes_is_given_up(lone: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "BEGINS_WITHIN_S", 0.5)
    with integrators(lone) as (own, _, _):
        with slow_upload(own, begun(own)) as caller:
            with suppress(OSError):
                for _ in range(30):  # a byte now and then keeps no place
                    caller.sendall(b"x")
                    time.sleep(0.05)
            told = b"".join(iter(lambda: caller.recv(65536), b""))
            assert told.startswith(b"HTTP/1.1 408 ")
            assert b"camera_import_too_slow" in told
        assert sent(own, table([described(1)]))["counts"]["new"] == 1


def test_a_file_that_comes_fast_enough_is_taken_however_long_it_takes(
    lone: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "BEGINS_WITHIN_S", 0.6)
    pieces = [table([described(1)]).encode(), *[b" " * 65_535 + b"\n"] * 12]
    with integrators(lone) as (own, _, _):
        path = begun(own)
        with slow_upload(own, path, sum(map(len, pieces))) as caller:
            for piece in pieces:
                caller.sendall(piece)
                time.sleep(0.1)
            assert caller.recv(65536).startswith(b"HTTP/1.1 202 ")
        over(own, path)
