"""All the way: a worker's scores, a verdict, the proposal, the yes, and the worker is told."""

from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest
from prometheus_client import CollectorRegistry

from pipelines import streams
from pipelines.messages import CameraChange, alert_id, decode
from pipelines.metrics import WorkerMetrics
from pipelines.scores import ScoreKeeper, ScoreSender
from pipelines.streams import REGISTRY
from service import tables
from tests.service.cameras.kit import registered, townships
from tests.service.helpers import Parts, alert
from tests.service.verdicts.kit import candidates
from tests.support.waiting import until
from vision.hazards import Hazard

SCORES = [(n, 0.66 + 0.01 * n) for n in range(4)]


def worker_says(given: Parts, camera_id: str, start: datetime) -> None:
    """Send the scores and the alert that a lamp would make."""
    metrics = WorkerMetrics(CollectorRegistry())
    keeper = ScoreKeeper(metrics)
    client = streams.connect(given.settings.redis_url)
    sender = ScoreSender(client, "w1", 3, keeper=keeper, metrics=metrics)
    sender.start()
    keeper.keep(camera_id, candidates(SCORES, start=start))
    sender.stop()
    client.close()
    seen = msgspec.structs.replace(
        alert(camera_id=camera_id),
        alert_id=alert_id(camera_id, Hazard.FIRE, "all", start),
        first_seen_at=start,
        last_seen_at=start + timedelta(seconds=6),
    )
    given.send(seen)


def thresholds_told(given: Parts, camera_id: str) -> dict[Hazard, float]:
    body = given.client.hget(REGISTRY, camera_id)
    change = decode(body, CameraChange) if isinstance(body, bytes) else None
    return change.camera.thresholds if change and change.camera else {}


def incident_of(client: httpx.Client) -> str | None:
    found = client.get("/api/incidents").json()["incidents"]
    real = [one["incident_id"] for one in found if one["score"] == 0.8 and one["model"]]
    return real[0] if real else None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_lamp_that_was_judged_false_is_believed_no_more(given: Parts) -> None:
    with townships(given) as (own, _, admin):
        camera_id = registered(own)["camera_id"]
        path = f"/api/cameras/{camera_id}/proposals"
        until(lambda: given.client.hexists(REGISTRY, camera_id), "the registration")
        worker_says(given, camera_id, datetime.now(UTC) - timedelta(minutes=10))
        until(lambda: given.rows(tables.candidates), "the scores")
        incident = until(lambda: incident_of(admin), "the incident")
        said = admin.post(
            f"/api/incidents/{incident}/verdict", json={"verdict": "false", "reason": "lamp"}
        )
        assert said.status_code == 200, said.text
        found = own.get(path).json()
        raised = next(one for one in found["proposals"] if one["kind"] == "raise_threshold")
        assert raised["effect"]["missed"]["count"] == 0
        assert thresholds_told(given, camera_id) == {}
        answer = own.post(
            f"{path}/accept",
            json={name: raised[name] for name in ("kind", "hazard", "digest")},
            headers={"If-Match": f'"{found["camera_revision"]}"'},
        )
        assert answer.status_code == 204, answer.text
        told = until(lambda: thresholds_told(given, camera_id), "the worker's news")
        assert told == {Hazard.FIRE: 0.69}  # two of 0.68 and 0.69 would be strong below it
