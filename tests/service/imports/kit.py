"""Files of cameras for tests, sent by the API as the console does."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx
import sqlalchemy as sa

from service import tables
from service.accounts.roles import Role
from service.database import Database
from tests.service.estate import FOREIGN, OWN, fill
from tests.service.helpers import Parts
from tests.service.process import serving
from tests.service.signing_in import bearer
from tests.support.waiting import until

PASSWORD: Final = "canary-Qw8!import"
"""In no file of ours, ever."""

JSON = dict[str, Any]


def described(number: int, **changes: str) -> dict[str, str]:
    """A row that can be taken."""
    return {
        "名称": f"灵隐路口 {number}",
        "国标编号": f"33010600001320{number:06d}",
        "项目": "雪亮",
        "主码流": f"rtsp://192.0.2.{number % 250 + 1}:554/main",
        "场所类型": "道路",
        "用途": "林区火情",
        "法律依据": "公共安全视频图像信息系统管理条例",
        "所有人": "灵隐街道办",
        "告示牌确认": "是",
        "经度": "120.1",
        "纬度": "30.24",
        "坐标系": "WGS84",
        "行政区划": OWN,
        "联系电话": "0571-88888888",
        **changes,
    }


def table(rows: list[dict[str, str]]) -> str:
    """Rows as CSV; a title for whatever any of them says."""
    titles = list(dict.fromkeys(title for row in rows for title in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, titles, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def begun(client: httpx.Client, **options: Any) -> str:
    answer = client.post("/api/camera-imports", json={"file_name": "设备.csv", **options})
    assert answer.status_code == 201, answer.text
    path: str = answer.headers["location"]
    return path


def sent(client: httpx.Client, body: str | bytes, **options: Any) -> JSON:
    """Send a file; returns the import once it is checked or failed."""
    path = begun(client, **options)
    answer = client.put(f"{path}/file", content=body)
    assert answer.status_code == 202, answer.text
    return over(client, path)


def over(client: httpx.Client, path: str) -> JSON:
    """The import once nobody works on it."""
    found: JSON = {}

    def is_over() -> bool:
        found.update(client.get(path).raise_for_status().json())
        return found["state"] in {"checked", "done", "failed"}

    until(is_over, "the import", 20)
    return found


def committed(client: httpx.Client, made: JSON) -> JSON:
    path = path_of(made)
    answer = client.post(f"{path}/commit")
    assert answer.status_code == 202, answer.text
    return over(client, path)


def path_of(made: JSON) -> str:
    return f"/api/camera-imports/{made['import_id']}"


def rows_of(client: httpx.Client, made: JSON, **wanted: Any) -> list[JSON]:
    answer = client.get(f"{path_of(made)}/rows", params=wanted).raise_for_status()
    found: list[JSON] = answer.json()["rows"]
    return found


def cameras_of(client: httpx.Client) -> list[JSON]:
    found: list[JSON] = client.get("/api/cameras?limit=500&sort=gb_id").json()["cameras"]
    return [one for one in found if one["gb_id"] is not None]


@contextmanager
def integrators(given: Parts) -> Iterator[tuple[httpx.Client, httpx.Client, httpx.Client]]:
    """An integrator of one township, one of another, and an administrator of everything."""
    fill(given.database)
    whom = [(Role.INTEGRATOR, [OWN]), (Role.INTEGRATOR, [FOREIGN]), (Role.ADMIN, ["0"])]
    with serving(given.settings) as url:
        clients = [
            httpx.Client(base_url=url, headers=bearer(given.database, *who), timeout=30)
            for who in whom
        ]
        try:
            yield clients[0], clients[1], clients[2]
        finally:
            for client in clients:
                client.close()


def stored_texts(database: Database) -> str:
    """Everything that the database holds, as one text."""
    with database.reading() as connection:
        return "\n".join(
            str(tuple(row))
            for one in tables.metadata.sorted_tables
            for row in connection.execute(sa.select(one))
        )
