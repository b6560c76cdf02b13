"""Evidence as the product makes it, of drawn frames: real masker, real maker."""

from functools import cache

import numpy as np

from models.packs import load_masker
from vision.evidence import EvidenceFrame, EvidenceMaker
from vision.masker import MaskRegions

BOX = (0.4, 0.4, 0.6, 0.6)


@cache
def maker() -> EvidenceMaker:
    return EvidenceMaker(load_masker(covering=True))


def nobody() -> MaskRegions:
    return MaskRegions(np.zeros(0, np.int64), np.zeros((0, 4), np.float32))


def evidence_frame(
    at_s: float, size_px: tuple[int, int] = (640, 360), *, masked: bool = True
) -> EvidenceFrame:
    """A road with a light that moves; ``size_px`` is width and height."""
    width_px, height_px = size_px
    pixels = np.full((height_px, width_px, 3), 90, np.uint8)
    pixels[height_px // 2 :] = 60
    x = int((at_s * 40) % (width_px // 5)) + width_px * 2 // 5
    pixels[height_px * 9 // 20 : height_px * 11 // 20, x : x + 8] = (20, 140, 250)
    return EvidenceFrame(
        pixels=pixels,
        regions=nobody() if masked else None,
        picture=0,
        vehicles=np.zeros((0, 4), np.float32),
        at_s=at_s,
    )
