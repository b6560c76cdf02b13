"""What a camera's windows hold back at a time: planned burns, roadworks, maintenance."""

from collections.abc import Iterable
from datetime import datetime

from pipelines.messages import HELD_BACK, Window
from vision.hazards import Hazard


def held_back(windows: Iterable[Window], at: datetime) -> frozenset[Hazard]:
    """Return the hazards that nobody is told of at ``at``: an open window expects them."""
    is_open = [one for one in windows if one.starts_at <= at < one.ends_at]
    return frozenset[Hazard]().union(*(HELD_BACK[one.kind] for one in is_open))
