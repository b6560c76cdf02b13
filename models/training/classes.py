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
    licence: str
    """As declared by the publisher, with the source."""


def _declared(source: str) -> str:
    return f"CC BY 4.0 (as declared), {source}"


SETS = (
    TrainingSet(
        name="cctv_fire",
        known=(0, 1),
        weight=1.6,
        licence=_declared("custom-thxhn/fire-wrpgm v8"),
    ),
    TrainingSet(
        name="fire_smoke_mixed",
        known=(0, 1),
        weight=1.5,
        licence=_declared("fireandsmoke-gjn7t/fire_smoke_detection-qudqu v12"),
    ),
    TrainingSet(
        name="indoor_fire",
        known=(0,),
        weight=0.8,
        licence=_declared("cctv-detection-njw1h/fire-dataset-for-yolov8-deupo v1"),
    ),
    TrainingSet(
        name="fire_video",
        known=(0,),
        weight=0.8,
        licence=_declared("-jwzpw/continuous_fire v6"),
    ),
    TrainingSet(
        name="forest_fire",
        known=(0, 1),
        weight=0.35,
        licence=_declared("007s-hangar/forest-fire-tyoo7-ofbho v1"),
    ),
    TrainingSet(
        name="road",
        known=(*_HAZARD_FREE_ROAD, PERSON),
        weight=0.6,
        licence=_declared("universitas-tidar/highway-object-detection v40"),
    ),
    TrainingSet(
        name="elevated_road",
        known=HAZARDS,
        weight=2.0,
        licence=_declared("finalproject-bqip3/atl-version-2 v12"),
    ),
    TrainingSet(
        name="elevated_night",
        known=(*_HAZARD_FREE_ROAD, PERSON),
        weight=2.0,
        licence=_declared("tamaturgo/manaus_traffic v4, v5"),
    ),
    TrainingSet(
        name="rockfall",
        known=HAZARDS,
        weight=0.4,
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

JUDGED_SCENES = {
    "cctv_fire": (
        "024194 054457 0621b7 0ccd5e 1143c6 194771 1a467d 1ec788 225ccb 293e12 2c6a06 45b110 "
        "4766c9 54fe1f 561aab 5b778a 6c4d12 6ffa29 7b5c02 802118 804b47 82030b 82d9f6 8554be "
        "94cff5 9bd20d a79187 a8597e a9c093 ab3bb0 b02611 b41912 b72adf bb5aa4 c04793 c8e4a0 "
        "cea65b d53908 def556 e0099d e3098d e5fe55 e708ff e9dfdc ef8666 efc3fd f62ee9 f70160"
    ),
    "fire_smoke_mixed": ("09173f 0dd98e aa3277"),
    "indoor_fire": ("0706cf 253a26 7a328c a27bbb caa5fa d43a6b"),
}
"""Pictures of the very scenes that the clips in ``media/`` show, by the ends of their file names:
another second of the same camera is no unseen picture. They are left out of everything."""
