"""What cameras had and cost, through a real Redis into the API."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from pipelines import streams
from pipelines.messages import CameraFigure, CameraFigures
from pipelines.streams import CAMERA_FIGURES
from service import tables
from service.cameras import figures
from service.cameras.figures import FiguresReader
from tests.service.cameras.crowd import add, plant
from tests.service.cameras.kit import match, registered, townships
from tests.service.helpers import Parts


def reader(given: Parts) -> FiguresReader:
    return FiguresReader(
        client=given.client,
        database=given.database,
        settings=given.settings,
        metrics=given.metrics,
        stopping=threading.Event(),
        gathered_s=0,
    )


def tell(given: Parts, *ids: str, looks: int = 60, over_s: float = 60.0, **changes: int) -> None:
    values: dict[str, Any] = {"core_ms": 600, "received_bytes": 7_500_000} | changes
    streams.add(
        given.client,
        CAMERA_FIGURES,
        CameraFigures(
            worker_id="w1",
            epoch=1,
            at=datetime.now(UTC) + timedelta(days=400),  # its clock is wrong
            over_s=over_s,
            cameras=tuple(CameraFigure(camera_id=one, looks=looks, **values) for one in ids),
        ),
    )


def looks(given: Parts) -> dict[str, float]:
    return {row["camera_id"]: row["looks_per_s"] for row in given.rows(tables.camera_figures)}


def test_the_newest_figures_are_shown_until_they_are_old(given: Parts) -> None:
    with townships(given) as (own, _, _):
        made = registered(own)
        path = f"/api/cameras/{made['camera_id']}"
        assert own.get(path).json()["figures"] is None
        tell(given, made["camera_id"], "of-a-file", looks=30)
        tell(given, made["camera_id"], looks=90)
        reader(given).step()
        shown = own.get(path).json()["figures"]
        at = datetime.fromisoformat(shown.pop("at"))
        assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)
        assert shown == {"looks_per_s": 1.5, "core_share": 0.01, "bit_rate_bps": 1_000_000}
        assert set(looks(given)) == {made["camera_id"]}
        with given.database.writing() as connection:
            old = datetime.now(UTC) - figures.STALE_AFTER
            connection.execute(sa.update(tables.camera_figures).values(at=old))
        assert own.get(path).json()["figures"] is None
        assert own.delete(path, headers=match(made)).status_code == 204
        assert given.rows(tables.camera_figures) == []


def outcome(given: Parts, what: str) -> float:
    return given.count("fengsui_messages_total", stream="camera.figures", outcome=what)


def test_what_makes_no_sense_is_counted_and_costs_no_other(
    given: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(given.database)
    for name in ("a", "b", "c"):
        add(given.database, name)
    one = reader(given)
    given.client.xadd(CAMERA_FIGURES.name, {"body": b"{}"})
    given.client.xadd(CAMERA_FIGURES.name, {"other": b""})
    tell(given, "a", over_s=1e-300)
    tell(given, "a", "b", "c")
    tell(given, "b", over_s=2, received_bytes=2**63 - 1)
    monkeypatch.setattr(figures, "BATCH_FIGURES", 2)
    one.step()
    assert looks(given) == {"a": 1.0, "c": 1.0}
    assert outcome(given, "malformed") == 2
    assert (outcome(given, "too_short"), outcome(given, "refused")) == (1, 1)
    tell(given, "b", looks=120)
    reader(given).step()  # a restart goes on where it was
    assert looks(given) == {"a": 1.0, "b": 2.0, "c": 1.0}
    given.client.delete(CAMERA_FIGURES.name)
    tell(given, "a", looks=0)
    one.step()
    assert looks(given)["a"] == 0


def test_a_key_of_another_type_says_which_to_delete(
    given: Parts, capsys: pytest.CaptureFixture[str]
) -> None:
    given.client.set(CAMERA_FIGURES.name, "x")
    reader(given).step()
    assert "delete the key camera.figures, which holds a string" in capsys.readouterr().out
