"""What names an alert's pictures: a secret name, and the parts that lie under it."""

from enum import StrEnum
from typing import Annotated

import msgspec

EVIDENCE_REF_PATTERN = r"^[A-Za-z0-9_-]{32}\Z"
"""``secrets.token_urlsafe(24)``: whoever knows one name can guess no other."""

EvidenceRef = Annotated[str, msgspec.Meta(pattern=EVIDENCE_REF_PATTERN)]
"""Where an alert's pictures lie in the store. It says nothing of camera, time or hazard."""


class EvidencePart(StrEnum):
    """The objects that may lie under one ref."""

    STILL = "still.jpg"
    CLIP = "clip.mp4"
    STRIP = "strip.jpg"
    PLACE = "place.jpg"
    """A place picture, alone under its ref: no alert's."""


class EvidenceAbsence(StrEnum):
    """Why an alert has no picture."""

    PENDING = "pending"
    """It is being made: a later revision says."""
    NO_MASKER = "no_masker"
    """Nothing here can tell where people are."""
    MASKER_FAILED = "masker_failed"
    MASKER_SLOW = "masker_slow"
    NO_FRAMES = "no_frames"
    """The camera gave no burst."""
    NO_STORE = "no_store"
    """The worker was given nowhere to put it."""
    STORE_FAILED = "store_failed"
    HOURLY_CAP = "hourly_cap"
    NOT_FOR_THIS_HAZARD = "not_for_this_hazard"
    EXPIRED = "expired"
    """Retention took it; the service alone says so."""
