"""Its part of a flood into Redis, by pipelines; ends with a line of what Redis said yes to.

What goes in is on Redis' disk by its ``appendfsync`` when Redis answers.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from typing import Final

from pipelines import streams
from pipelines.messages import Alert, AlertDetail, CameraFault, EvidenceAbsence, alert_id
from pipelines.streams import ALERTS, connect
from tests.chaos.planned import camera_id
from vision.hazards import SEVERITY, Hazard

HAZARDS: Final = (
    Hazard.STOPPED_VEHICLE,
    Hazard.OBSTRUCTION,
    Hazard.WRONG_WAY,
    Hazard.CAMERA_FAULT,
)
"""What a storm or a thaw floods a centre with; none of them travels with priority."""

A_PIPELINE: Final = 100
TURN_S: Final = 10.0
"""A camera's next alert of the same hazard is seen so long after the one before."""


def flood_alert(number: int, cameras: int, starts_at: datetime) -> Alert:
    """Return the flood's ``number``-th alert."""
    turn, key = divmod(number, cameras * len(HAZARDS))
    camera, hazard = camera_id(key // len(HAZARDS)), HAZARDS[key % len(HAZARDS)]
    onset = starts_at + timedelta(seconds=turn * TURN_S)
    detail = AlertDetail(fault=CameraFault.FROZEN) if hazard is Hazard.CAMERA_FAULT else None
    return Alert(
        alert_id=alert_id(camera, hazard, "all", onset),
        revision=1,
        camera_id=camera,
        hazard=hazard,
        zone_id="all",
        severity=SEVERITY[hazard],
        first_seen_at=onset,
        last_seen_at=onset,
        score=0.8,
        box=(0.25, 0.25, 0.5, 0.5),
        detail=detail,
        model="chaos@1",
        evidence_absent=EvidenceAbsence.NO_STORE,
        epoch=1,
        trace_id=f"{number:032x}",
    )


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_args(arguments)
    starts_at = datetime.fromisoformat(given.starts_at)
    began_s = time.monotonic()
    persisted, slowest_s = 0, 0.0
    with closing(connect(given.redis_url)) as client:
        for first in range(given.part * A_PIPELINE, given.alerts, given.parts * A_PIPELINE):
            due_s = began_s + first / given.per_s
            time.sleep(max(0.0, due_s - time.monotonic()))
            pipeline = client.pipeline(transaction=False)
            for number in range(first, min(first + A_PIPELINE, given.alerts)):
                alert = flood_alert(number, given.cameras, starts_at)
                pipeline.xadd(ALERTS.name, streams.fields(alert))
            sent_s = time.monotonic()
            persisted += len(pipeline.execute())
            slowest_s = max(slowest_s, time.monotonic() - sent_s)
    line = {
        "persisted": persisted,
        "seconds": time.monotonic() - began_s,
        "slowest_s": slowest_s,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--redis-url", required=True)
    parser.add_argument("--alerts", type=int, required=True)
    parser.add_argument("--per-s", type=float, required=True)
    parser.add_argument("--cameras", type=int, required=True)
    parser.add_argument("--starts-at", required=True)
    parser.add_argument("--part", type=int, required=True, help="of the pipelines, from 0 on")
    parser.add_argument("--parts", type=int, required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
