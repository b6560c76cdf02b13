"""A copy with ``***`` sent again before anything is registered: its logins come along, sealed."""

import csv
import io
from typing import Any
from uuid import UUID

import httpx
import sqlalchemy as sa

from pipelines.sealing import open_sealed, private_key
from service.imports.carrying import MOST_EARLIER, earlier_logins
from service.tables import camera_imports, cameras
from tests.service.cameras.kit import match
from tests.service.helpers import Parts
from tests.service.imports.kit import (
    PASSWORD,
    cameras_of,
    committed,
    described,
    integrators,
    path_of,
    rows_of,
    sent,
    stored_texts,
    table,
)
from tests.service.imports.test_importing import counts_of

LOGIN = {"用户名": "admin", "密码": PASSWORD}
IN_ADDRESS = f"rtsp://admin:{PASSWORD}@192.0.2.8:554/main"


def copied(client: httpx.Client, made: dict[str, Any]) -> list[dict[str, str]]:
    """The annotated copy's rows, by their titles."""
    answer = client.get(f"{path_of(made)}/annotated.csv").raise_for_status()
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))


def opened(given: Parts) -> list[tuple[str, str]]:
    """Users and passwords as a worker reads them, in the order of GB ids."""
    assert given.settings.worker_key is not None
    key = private_key(given.settings.worker_key.with_name("worker.key"))
    found = sorted((row for row in given.rows(cameras) if row["gb_id"]), key=_by_gb_id)
    logins = [
        open_sealed([key], row["sealed_credentials"], row["camera_id"], f"192.0.2.{host}:554")
        for host, row in zip((2, 8), found, strict=False)
    ]
    return [(user, password.reveal()) for user, password in logins]


def _by_gb_id(row: dict[str, Any]) -> str:
    return str(row["gb_id"])


def test_a_copy_sent_before_registering_keeps_its_logins_as_far_as_the_worker(given: Parts) -> None:
    rows = [described(1, **LOGIN), described(2, 主码流=IN_ADDRESS), described(3, 场所类型="病房")]
    with integrators(given) as (own, _, _):
        first = sent(own, table(rows))
        copy = copied(own, first)
        assert (copy[0]["密码"], copy[1]["主码流"]) == ("***", "rtsp://***@192.0.2.8:554/main")
        copy[0]["名称"] = "改了名"
        second = sent(own, table(copy))
        assert counts_of(second) == {"new": 2, "bad": 1}, rows_of(own, second)
        third = sent(own, table(copied(own, second)[:2]))  # and of a copy's copy
        listed = [one["import_id"] for one in own.get("/api/camera-imports").json()["imports"]]
        assert listed == [one["import_id"] for one in (third, second, first)]  # each stays
        assert counts_of(own.get(path_of(first)).json()) == {"new": 2, "bad": 1}
        assert PASSWORD not in stored_texts(given.database)
        assert committed(own, third)["committed"] == 2
        assert opened(given) == [("admin", PASSWORD)] * 2
        assert cameras_of(own)[0]["name"] == "改了名"
        done = committed(own, second)
        assert (counts_of(done), len(cameras_of(own))) == ({"unchanged": 2, "bad": 1}, 2)
        gone = cameras_of(own)[1]
        own.delete(f"/api/cameras/{gone['camera_id']}", headers=match(gone)).raise_for_status()
        again = sent(own, table(copied(own, first)[1:2]))  # workers know that camera as gone
        assert again["by_reason"] == {"login_taken_out": 1}
        stale = committed(own, first)
        assert stale["by_reason"]["row_camera_gone"] == 1


def test_whoever_mends_a_bad_row_need_not_give_its_login_anew(lone: Parts) -> None:
    bad = {"场所类型": "病房"}
    rows = [described(1, **LOGIN, **bad), described(2, 主码流=IN_ADDRESS, **bad)]
    twice = described(3, **LOGIN)
    with integrators(lone) as (own, _, _):
        first = sent(own, table([*rows, twice, {**twice, "密码": "canary-other"}]))
        assert counts_of(first) == {"new": 1, "bad": 3}
        assert {one["camera_id"] for one in rows_of(own, first)} == {None}
        copy = copied(own, first)[:2]
        still = sent(own, table([{**copy[0], "场所类型": "住宅"}]))
        assert counts_of(still) == {"bad": 1}
        good = described(1)["场所类型"]
        mended = sent(own, table([{**one, "场所类型": good} for one in copy]))
        assert counts_of(mended) == {"new": 2}, rows_of(own, mended)
        assert PASSWORD not in stored_texts(lone.database)
        assert committed(own, mended)["committed"] == 2
        assert opened(lone) == [("admin", PASSWORD)] * 2


def test_a_login_is_carried_to_no_other_host_and_no_other_account(given: Parts) -> None:
    with integrators(given) as (own, _, admin):
        first = sent(own, table([described(number, **LOGIN) for number in range(1, 6)]))
        copy = copied(own, first)
        addresses = [
            "rtsp://192.0.2.99:554/main",
            "rtsp://192.0.2.3:8554/main",
            "rtsps://192.0.2.4:554/main",
            "rtsp://192.0.2.5:554/other",
        ]
        for row, address in zip(copy, addresses, strict=False):
            row["主码流"] = address
        copy[4]["子码流"] = "rtsp://192.0.2.77/sub"
        made = sent(own, table(copy))
        assert [one["number"] for one in rows_of(own, made, reason="login_taken_out")] == [
            2, 3, 4, 6,
        ]  # fmt: skip
        assert counts_of(made) == {"new": 1, "bad": 4}
        theirs = sent(admin, table(copied(own, first)))
        assert theirs["by_reason"] == {"login_taken_out": 5}
        own.delete(path_of(first)).raise_for_status()
        own.delete(path_of(made)).raise_for_status()
        assert sent(own, table(copy))["by_reason"] == {"login_taken_out": 5}


def test_a_registered_camera_s_new_login_is_carried_unless_it_was_changed_since(
    given: Parts,
) -> None:
    with integrators(given) as (own, _, _):
        old = table([described(1, **LOGIN), described(7, 主码流=IN_ADDRESS)])
        committed(own, sent(own, old))
        anew = {"用户名": "admin", "密码": "canary-anew"}
        first = sent(own, table([described(1, **anew)]))
        copy = table(copied(own, first))
        second = sent(own, copy)
        assert (counts_of(first), counts_of(second)) == ({"changed": 1}, {"changed": 1})
        assert committed(own, second)["committed"] == 1
        assert opened(given)[0] == ("admin", "canary-anew")
        assert counts_of(sent(own, copy)) == {"unchanged": 1}


def test_few_of_many_earlier_files_are_looked_at_the_newest_first(lone: Parts) -> None:
    row = described(1, **LOGIN)
    with integrators(lone) as (own, _, _):
        for number in range(MOST_EARLIER + 1):
            made = sent(own, table([{**row, "密码": f"canary-{number}"}]))
        with lone.database.reading() as connection:
            mine = camera_imports.c.import_id == UUID(made["import_id"])
            query = sa.select(camera_imports.c.account_id).where(mine)
            account_id = connection.execute(query).scalar_one()
            found = earlier_logins(connection, account_id, [row["国标编号"]])
        assert len(found[row["国标编号"]]) == MOST_EARLIER
        committed(own, sent(own, table([{**row, "用户名": "***", "密码": "***"}])))
        assert opened(lone) == [("admin", f"canary-{MOST_EARLIER}")]
