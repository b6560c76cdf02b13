"""The state as somebody of one township may know it: nothing of what goes on elsewhere."""

from collections.abc import Iterator

import httpx
import pytest
import sqlalchemy as sa

from service import tables
from service.accounts.roles import Role
from tests.service.cameras.kit import HERE, THERE
from tests.service.estate import camera_row, fill
from tests.service.helpers import Parts, alert
from tests.service.process import serving
from tests.service.signing_in import bearer
from tests.support.waiting import until


@pytest.fixture
def url(given: Parts) -> Iterator[str]:
    fill(given.database)
    with given.database.writing() as connection:
        connection.execute(sa.delete(tables.orders))
        connection.execute(sa.delete(tables.incidents))
        for name, code in (("here", HERE), ("there", THERE)):
            connection.execute(sa.insert(tables.cameras).values(**camera_row(name, code)))
    with serving(given.settings) as found:
        yield found


def test_totals_are_those_of_ones_places(given: Parts, url: str) -> None:
    given.send(
        alert(camera_id="here"),
        alert(5.0, camera_id="here"),
        alert(-9000.0, camera_id="there"),
        alert(camera_id="of-a-file"),
        alert(-5000.0, camera_id="here", drill=True),
        alert(-5000.0, camera_id="there", drill=True),
    )
    until(lambda: len(given.rows(tables.alerts)) == 6, "the alerts")

    def totals(*places: str) -> object:
        headers = bearer(given.database, Role.OPERATOR, places)
        return httpx.get(f"{url}/api/status", headers=headers).json()["totals"]

    assert totals("0") == {"alerts": 6, "incidents": 5, "orders": 2}
    assert totals(HERE) == {"alerts": 3, "incidents": 2, "orders": 1}
    assert totals(HERE, "330109") == {"alerts": 5, "incidents": 4, "orders": 2}


def test_workers_lag_feeds_and_metrics_are_for_who_sees_everything(given: Parts, url: str) -> None:
    whole = {"headers": bearer(given.database, Role.OPS)}
    part = {"headers": bearer(given.database, Role.OPS, ["330100"])}
    until(lambda: httpx.get(f"{url}/api/status", **whole).json()["consumer_lag_entries"], "the lag")
    status = httpx.get(f"{url}/api/status", **part).json()
    told = [status[name] for name in ("workers", "consumer_lag_entries", "feed_clients")]
    assert told == [[], {}, None]
    refused = httpx.get(f"{url}/metrics", **part)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert "whole installation" in refused.json()["detail"]
    assert httpx.get(f"{url}/metrics", **whole).status_code == 200
