"""What the pack detects, and what each training set labels."""

from dataclasses import dataclass

LABELS = ("fire", "smoke", "rock", "car", "bus", "truck", "motorcycle", "person")
"""Class columns of the pack, and the class numbers of the label files."""

COCO_ROWS = (None, None, None, 2, 5, 7, 3, 0)
"""The class of COCO that each of ours starts from; None for what COCO does not know."""

HAZARDS = (0, 1, 2)
VEHICLES = (3, 4, 5, 6)
PERSON = 7

STRIDES_PX = (8, 16, 32)
INPUT_HEIGHT_PX = 288
INPUT_WIDTH_PX = 512
INPUT_SIZE_PX = (INPUT_HEIGHT_PX, INPUT_WIDTH_PX)
PAD_VALUE = 114

_HAZARD_FREE_ROAD = (*HAZARDS, *VEHICLES)
"""Roads without fire or smoke. That no rock lies on them is our assumption, made by eye."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSet:
    """One folder of labelled pictures."""

    name: str
    """Folder under ``data/``."""
    known: tuple[int, ...]
    """Classes whose absence from a label file means absence from the picture."""
    weight: float
    """How often a picture is drawn, relative to the other sets' pictures."""
    merges_look_alikes: bool
    """Whether near-identical pictures are joined into one group before the split."""
    licence: str
    """As declared by the publisher, with the source."""


def _declared(source: str) -> str:
    return f"CC BY 4.0 (as declared), {source}"


SETS = (
    TrainingSet(
        name="cctv_fire",
        known=(0, 1),
        weight=1.6,
        merges_look_alikes=False,
        licence=_declared("custom-thxhn/fire-wrpgm v8"),
    ),
    TrainingSet(
        name="fire_smoke_mixed",
        known=(0, 1),
        weight=1.5,
        merges_look_alikes=False,
        licence=_declared("fireandsmoke-gjn7t/fire_smoke_detection-qudqu v12"),
    ),
    TrainingSet(
        name="indoor_fire",
        known=(0,),
        weight=0.8,
        merges_look_alikes=False,
        licence=_declared("cctv-detection-njw1h/fire-dataset-for-yolov8-deupo v1"),
    ),
    TrainingSet(
        name="fire_video",
        known=(0,),
        weight=0.8,
        merges_look_alikes=True,
        licence=_declared("-jwzpw/continuous_fire v6"),
    ),
    TrainingSet(
        name="forest_fire",
        known=(0, 1),
        weight=0.35,
        merges_look_alikes=True,
        licence=_declared("007s-hangar/forest-fire-tyoo7-ofbho v1"),
    ),
    TrainingSet(
        name="road",
        known=(*_HAZARD_FREE_ROAD, PERSON),
        weight=0.6,
        merges_look_alikes=True,
        licence=_declared("universitas-tidar/highway-object-detection v40"),
    ),
    TrainingSet(
        name="elevated_road",
        known=HAZARDS,
        weight=2.0,
        merges_look_alikes=False,
        licence=_declared("finalproject-bqip3/atl-version-2 v12"),
    ),
    TrainingSet(
        name="elevated_night",
        known=(*_HAZARD_FREE_ROAD, PERSON),
        weight=2.0,
        merges_look_alikes=False,
        licence=_declared("tamaturgo/manaus_traffic v4, v5"),
    ),
    TrainingSet(
        name="rockfall",
        known=(2,),
        weight=0.4,
        merges_look_alikes=False,
        licence=_declared("rock-pygai/rockfall-iqtnp v1"),
    ),
)
"""Partial labels: ``elevated_road`` leaves its far vehicles out, so vehicles aren't known there."""

CORRECTIONS = {
    ("road", "4555c1"): (2,),
    ("road", "7f8775"): (1,),
}
"""Pictures of ``road`` that do show what the set is said to be free of, found by looking at the
strongest false alarms: a boulder on a beach, smoke over a village. The class is unknown there.
Keyed by set and the end of the file name."""
