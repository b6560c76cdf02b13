"""``fengsui watch`` on real RTSP, timed; what else it does is in ``tests/pipelines``."""

import json
import sys
import time

import pytest

from pipelines.messages import Alert, EvidenceAbsence, decode
from tests.pipelines.test_watch import FENGSUI, process
from tests.support.media import clip
from vision.hazards import Hazard

pytestmark = pytest.mark.alone


def test_the_wall_fire_is_raised_over_rtsp_within_ten_seconds_of_its_first_frame() -> None:
    server = process(sys.executable, "-m", "tests.support.serve_clip", clip("fire_street.mp4"))
    with server as serving:
        assert serving.stdout is not None
        url = json.loads(serving.stdout.readline())["url"]
        with process(FENGSUI, "watch", "--json", url) as watching:
            assert watching.stdout is not None
            first_frame_s = json.loads(serving.stdout.readline())["left"]
            alert = decode(watching.stdout.readline(), Alert)
            while alert.hazard is not Hazard.FIRE:
                alert = decode(watching.stdout.readline(), Alert)
            assert time.time() - first_frame_s < 10.0
    assert (alert.revision, alert.zone_id, alert.drill) == (1, "all", False)
    assert alert.evidence_absent is EvidenceAbsence.NO_STORE
    assert alert.model.startswith("hazard_nano@")
