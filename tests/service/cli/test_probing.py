"""``fengsui cameras probe`` with workers that answer: what they find is taken over."""

import json
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from pipelines import streams
from pipelines.messages import Advice, FoundBy, FoundStream, ProbeJob, decode
from pipelines.streams import PROBE_JOBS, PROBE_RESULTS
from service import tables
from service.cli import command, probing
from service.imports.words import Language
from tests.service.estate import OWN, fill
from tests.service.helpers import Parts
from tests.service.imports.kit import cameras_of, committed, described, sent, table
from tests.service.probes.kit import beat, result_of
from tests.service.process import serving
from tests.service.signing_in import bearer
from tests.support.waiting import until


def answer(lone: Parts, count: int) -> None:
    """Answer that many jobs: the second fails, the others are good and have a substream."""
    beat(lone)
    entries: list[Any] = until(
        lambda: (found := lone.client.xrange(PROBE_JOBS.name)) and len(found) >= count and found,
        "the jobs",
    )
    for _, entry in entries:
        job = decode(streams.body(entry), ProbeJob)
        is_bad = job.camera.url.endswith("2:554/main")
        url = job.camera.url.replace("main", "sub")
        found = FoundStream(url=url, found_by=FoundBy.ONVIF, codec="h264")
        changes: dict[str, Any] = {"fault": "unauthorized"}
        if not is_bad:
            changes = {"substream": found, "advice": (Advice.USE_SUBSTREAM,)}
        streams.add(lone.client, PROBE_RESULTS, result_of(job, **changes))


def switched_by_hand(
    own: httpx.Client,
    environment: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of three cameras the second, which failed, is off: switch and export name them."""
    first, second, _ = cameras_of(own)
    rows = [
        described(1, 主码流="rtsp://192.0.1.1:554/main"),
        described(2, 主码流="rtsp://192.0.2.2:554/main", 名称="另一个名称"),
    ]
    made = committed(own, sent(own, table(rows)))
    switch = ["switch", "on", "--import", made["import_id"], "--only-changed", "--json"]
    assert command.main(switch, environment) == 0
    out = capsys.readouterr().out
    assert '{"switched_on": 1, "unchanged": 0, "refused": 0}' in out, out
    assert command.main(["switch", "off", "--gb-id", first["gb_id"]], environment) == 0
    assert [one["enabled"] for one in cameras_of(own)] == [False, True, True]
    export = ["export", str(tmp_path / "failed.csv"), "--probe-fault", "unauthorized"]
    assert command.main(export, environment) == 0
    text = (tmp_path / "failed.csv").read_text("utf-8-sig")
    assert (second["gb_id"] in text, first["gb_id"] in text) == (True, False)


def test_what_probes_find_is_told_and_taken_over(
    lone: Parts,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(probing, "ASKED_EVERY_S", 0.05)
    fill(lone.database)
    headers = bearer(lone.database, "integrator", [OWN])
    with serving(lone.settings) as url, httpx.Client(base_url=url, headers=headers) as own:
        made = committed(
            own,
            sent(
                own,
                table(
                    [
                        described(one, 主码流=f"rtsp://192.0.{one}.{one}:554/main")
                        for one in (1, 2, 3)
                    ]
                ),
            ),
        )
        worker = threading.Thread(target=answer, args=(lone, 3))
        worker.start()
        environment = {
            "FENGSUI_SERVICE": url,
            "FENGSUI_TOKEN": headers["Authorization"].removeprefix("Bearer "),
        }
        words = ["probe", "--import", made["import_id"], "--only-changed", "--json"]
        words.append("--place-pictures")
        code = command.main([*words, "--take-substreams", "--switch-on"], environment)
        worker.join()
        out, said = capsys.readouterr()
        assert code == 0, said
        found = json.loads(next(one for one in out.splitlines() if one.startswith('{"batch')))
        assert (found["total"], found["done"], found["good"]) == (3, 3, 2)
        assert found["faults"] == {"unauthorized": 1}
        assert found["advice"] == {"use_substream": 2}
        assert (found["substreams_taken"], found["switched_on"]) == (2, 2)
        assert (found["place_pictures"], found["place_pictures_refused"]) == (0, 0)
        assert "of 3, 0 pictures" in said
        assert [one["enabled"] for one in cameras_of(own)] == [True, False, True]
        [failed] = found["failed"]
        second = cameras_of(own)[1]
        assert failed == {
            **{name: second[name] for name in ("camera_id", "gb_id", "name")},
            "code": "unauthorized",
            "what_to_do": "Correct the camera's user name and password",
        }
        told = probing._text(found, Language.EN)
        assert f"  {second['name']} ({second['gb_id']}): The camera refuses user or" in told
        told = probing._text({**found, "faults": {"unauthorized": 9}}, Language.EN)
        assert "and 8 more" in told
        switched_by_hand(own, environment, tmp_path, capsys)
    with lone.database.reading() as connection:
        subs = sa.select(tables.cameras.c.sub_url).where(tables.cameras.c.gb_id.is_not(None))
        assert sorted(str(one) for one in connection.execute(subs).scalars()) == [
            "None", "rtsp://192.0.1.1:554/sub", "rtsp://192.0.3.3:554/sub",
        ]  # fmt: skip
