"""The drop test: what is mostly a person is not a hazard, and no masker means no doubt allowed."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool

from vision.arrays import Detections
from vision.hazards import REPORTED_WITHOUT_MASKER, Hazard
from vision.masker import MaskRegions, mostly_covered, surely_covered
from vision.roles import Label

JUDGED_BY_TIME = frozenset({Hazard.FIRE, Hazard.SMOKE})
"""Flames and smoke may stand before a person; time decides about them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What may reach the rules on a network's word."""

    vehicles: bool
    """Whether its vehicles do."""
    raises: frozenset[Hazard]
    """Its hazards that do; whatever else it calls a hazard is measured and no more."""
    judged_by_time: frozenset[Hazard]
    """Those that pass where a person stands, because time decides about them."""
    without_masker: frozenset[Hazard]
    """Those that pass where nobody can say where people are."""


OWN = Trust(
    vehicles=True,
    raises=frozenset(Hazard),
    judged_by_time=JUDGED_BY_TIME,
    without_masker=REPORTED_WITHOUT_MASKER,
)
"""The pinned weights: what they call a fire was measured."""

FOREIGN = Trust(
    vehicles=False,
    raises=JUDGED_BY_TIME,
    judged_by_time=frozenset(),
    without_masker=frozenset(),
)
"""Any other weights: their `fire` may be anybody's person, so nothing is excepted. Their debris
waits for the rule that voids regions which held a person in the last minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """In how many looks the test took something out, by reason.

    Looks, not boxes: a number of boxes would be a number of people.
    """

    mostly_person: int
    """A person region covered a hazard's box."""
    no_masker: int
    """The masker could not say where people are."""
    foreign_pack: int
    """It was a hazard that only the product's own weights raise."""


class DropTest:
    """Runs before every rule, on every batch."""

    def __init__(self, labels: tuple[Label, ...], trust: Trust) -> None:
        self._weak = np.array([label.weak_threshold for label in labels], np.float32)
        self._is_hazard = np.array([label.hazard is not None for label in labels])
        self._may_raise = np.array(
            [
                trust.vehicles if label.hazard is None else label.hazard in trust.raises
                for label in labels
            ]
        )
        self._judged_by_time = np.array([label.hazard in trust.judged_by_time for label in labels])
        self._without_masker = np.array([label.hazard in trust.without_masker for label in labels])

    def __call__(
        self,
        detections: Detections,
        regions: MaskRegions | None,
        close: Bool[np.ndarray, "b"] | None = None,
    ) -> tuple[Detections, Dropped]:
        """Return the detections that may reach the rules, and what was dropped.

        ``close`` marks the pictures of bursts; without it none is. A fire or smoke that is mostly
        a person must pass a burst: elsewhere it is a weak sign, which asks for one, whatever its
        score. In both it is marked as in doubt.
        """
        may_raise = self._may_raise[detections.label]
        foreign_pack = _looks(self._hazards(detections.where(~may_raise)))
        left = detections.where(may_raise)
        if regions is None:
            drop = ~self._without_masker[left.label]
            return left.where(~drop), Dropped(
                mostly_person=0, no_masker=_looks(left.where(drop)), foreign_pack=foreign_pack
            )
        is_person = mostly_covered(left, regions)
        drop = is_person & ~self._judged_by_time[left.label]
        # A doubtful region is no reason to doubt a fire: one in twenty is of something else.
        in_doubt = surely_covered(left, regions) & ~drop
        is_weak = in_doubt if close is None else in_doubt & ~close[left.frame_index]
        score = np.where(is_weak, self._weak[left.label], left.score)
        left = replace(left, score=score, in_doubt=in_doubt)
        # Vehicles go too, but no rule asked for them: counting them would tell of people only.
        mostly_person = _looks(self._hazards(left.where(drop)))
        return left.where(~drop), Dropped(
            mostly_person=mostly_person, no_masker=0, foreign_pack=foreign_pack
        )

    def _hazards(self, detections: Detections) -> Detections:
        return detections.where(self._is_hazard[detections.label])


def _looks(detections: Detections) -> int:
    return len(np.unique(detections.frame_index))
