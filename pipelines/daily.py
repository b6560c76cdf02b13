"""A vehicle zone that fires more often than a daily constant is off for the rest of that day."""

from collections import deque
from datetime import datetime, timedelta
from typing import Final

from vision.hazards import Hazard

DAILY_MOST: Final = 20
"""Onsets of one vehicle zone within ``DAY``: more are traffic as it is there, or a zone drawn in
the wrong place."""

DAY: Final = timedelta(hours=24)

Key = tuple[str, Hazard]
"""A zone and what is watched for in it."""


class Daily:
    """The onsets of one camera's vehicle zones."""

    def __init__(self) -> None:
        self._onsets: dict[Key, deque[datetime]] = {}
        self.disabled: tuple[Key, ...] = ()
        """What the last onsets put out of use; whoever tells of it empties it."""

    def may_begin(self, key: Key, at: datetime) -> bool:
        """Count an onset; say whether its zone isn't one of those that begin again and again."""
        onsets = self._onsets.setdefault(key, deque(maxlen=DAILY_MOST))
        if len(onsets) == DAILY_MOST and timedelta(0) <= at - onsets[0] < DAY:
            return False
        onsets.append(at)
        if len(onsets) == DAILY_MOST and timedelta(0) <= at - onsets[0] < DAY:
            self.disabled = (*self.disabled, key)
        return True
