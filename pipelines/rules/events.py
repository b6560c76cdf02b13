"""What the rules say: events, and the sightings that they are made of."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from pipelines.messages import AlertDetail, BoxShares
from vision.hazards import Hazard


class Change(Enum):
    """What a moment did to a hazard in a zone."""

    BEGAN = auto()
    GOES_ON = auto()
    ENDED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A sign of a hazard in a zone at one moment."""

    at: datetime
    """When."""
    score: float
    """How sure, 0-1."""
    box: BoxShares | None
    """Where on the picture; ``None``: all of it."""
    strong: bool = True
    """Whether it may begin an alert by itself, or only support one."""
    detail: AlertDetail | None = None
    """What a box can't say."""
    in_doubt: bool = False
    """Whether it is kept nowhere, as long as nobody believes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a rule says of one hazard in one zone."""

    camera_id: str
    """Where."""
    hazard: Hazard
    """What."""
    zone_id: str
    """In which zone."""
    change: Change
    """Began, goes on or ended."""
    first_seen_at: datetime
    """The first of the sightings that made it believed."""
    last_seen_at: datetime
    """The last moment that showed it."""
    at: datetime
    """The look that made this event."""
    score: float
    """Of the best box in this moment; for an end, of the last one seen."""
    box: BoxShares | None
    """Where on the picture."""
    detail: AlertDetail | None = None
    """What a box can't say."""
