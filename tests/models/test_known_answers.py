"""The masker answers known pictures at every start, or nothing is watched."""

from collections.abc import Sequence

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from models.known_answers import PICTURES, KnownAnswersError, _known, require_known_answers
from models.packs import DEFAULT_PACK, load_masker, load_pack
from models.training import known
from pipelines import flow
from pipelines.metrics import WorkerMetrics
from vision.arrays import BatchPixels, Detections
from vision.detector import Detector
from vision.letterbox import Letterbox
from vision.masker import MaskRegions


def test_the_pinned_masker_answers() -> None:
    require_known_answers(load_masker())


def test_the_file_is_what_its_command_draws() -> None:
    pictures, boxes, rows = known.draw()
    kept = _known()
    assert np.array_equal(pictures, kept[0])
    assert np.array_equal(boxes, kept[1])
    assert np.array_equal(rows, kept[2])
    assert PICTURES.stat().st_size < 1_000_000


class Wrong(Detector):
    """The pinned masker on a machine that computes wrongly."""

    regions: np.ndarray

    def __init__(self, regions: list[tuple[float, float, float, float]]) -> None:
        pack = load_pack(DEFAULT_PACK)
        super().__init__(pack.weights, pack.settings)
        self.regions = np.array(regions, np.float32).reshape(-1, 4)

    def with_regions(
        self, pixels: BatchPixels, letterboxes: Sequence[Letterbox]
    ) -> tuple[Detections, MaskRegions]:
        things, _ = super().with_regions(pixels, letterboxes)
        return things, MaskRegions(np.zeros(len(self.regions), np.int64), self.regions)


@pytest.mark.parametrize(
    "regions", [[], [(0.0, 0.0, 1.0, 1.0)], [(0.0, 0.0, 0.1, 0.1)]], ids=["blind", "all", "other"]
)
def test_who_sees_nobody_or_somebody_everywhere_is_refused(
    regions: list[tuple[float, float, float, float]],
) -> None:
    with pytest.raises(KnownAnswersError, match="known picture"):
        require_known_answers(Wrong(regions))


def test_a_flow_does_not_begin_with_a_masker_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fail(masker: Detector) -> None:
        asked.append(masker)
        raise KnownAnswersError("it doesn't")

    monkeypatch.setattr(flow, "require_known_answers", fail)
    with pytest.raises(KnownAnswersError):
        flow.Flow(
            pack=load_pack(DEFAULT_PACK),
            drills=frozenset(),
            epoch=1,
            metrics=WorkerMetrics(CollectorRegistry()),
        )
    assert asked[0].masks
