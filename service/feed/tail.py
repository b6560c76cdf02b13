"""The newest events in memory: read once for all clients, and each is given what is its own."""

import json
import threading
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa
from fastapi.sse import format_sse_event

from service.accounts.principal import Principal
from service.database import Database
from service.feed import log
from service.feed.bell import FeedBell
from service.places.store import lies_inside
from service.tables import feed, incident_places, incidents

KEPT_EVENTS: Final = 2000
"""Some 10 MB. Whoever is further behind reads from the database until he has caught up."""

READ_EVENTS: Final = 500

POLL_S: Final = 0.5
"""Events that another process wrote are seen this late at most; our own ring the bell."""

PACE_S: Final = 0.02
"""Between two reads: what is committed meanwhile wakes the clients once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event, ready to be sent."""

    event_id: int
    """The cursor after it."""
    wire: bytes
    """As it is sent."""
    places: frozenset[str | None]
    """Where the incident's cameras stand; ``None`` is a camera that isn't registered."""
    places_left: Sequence[str] | None = None
    """Where they stand no more, if that is what the event tells."""

    def is_for(self, principal: Principal) -> bool:
        """Tell whether one of the incident's cameras stands in the principal's places."""
        sees = principal.everywhere or any(lies_inside(principal, one) for one in self.places)
        return log.is_for(principal, sees=sees, places_left=self.places_left)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    floor: int
    """Every event after this one is held."""
    events: Sequence[Told] = ()
    ids: Sequence[int] = field(default=())

    @property
    def newest(self) -> int:
        return self.ids[-1] if self.ids else self.floor


def wire(event: log.FeedEvent) -> bytes:
    """Return an event as Server-Sent Events have it."""
    data = json.dumps(event.payload, ensure_ascii=False)
    return format_sse_event(event=event.kind, data_str=data, id=str(event.event_id))


class FeedTail:
    """Holds the newest events while anybody listens. One thread calls ``step``, any may ask."""

    def __init__(self, database: Database, bell: FeedBell, stopping: threading.Event) -> None:
        self._database = database
        self._bell = bell
        self._stopping = stopping
        # Replaced as a whole, so that no reader needs a lock.
        self._held: _Held | None = None

    def after(self, cursor: int, limit: int) -> Sequence[Told] | None:
        """Return the next events after a cursor; ``None`` if some of them are not held."""
        held = self._held
        if held is None or cursor < held.floor:
            return None
        start = bisect_right(held.ids, cursor)
        return held.events[start : start + limit]

    def step(self) -> None:
        """Wait for the bell or ``POLL_S``, then read what is new and wake the clients."""
        self._bell.rung.wait(POLL_S)
        self._bell.rung.clear()
        try:
            self.read()
        except BaseException:
            self._held = None  # clients read for themselves until this one can again
            raise
        self._stopping.wait(PACE_S)

    def read(self) -> None:
        """Read what is new and wake the clients, if there are any."""
        if self._bell.clients == 0:
            self._held = None
            return
        held = self._held
        if held is None:
            with self._database.reading() as connection:
                self._held = _Held(floor=log.newest(connection))
            self._bell.wake()
            return
        new = self._new(held.newest)
        if not new:
            return
        events = [*held.events, *new]
        floor = held.floor
        if len(events) > KEPT_EVENTS:
            floor = events[-KEPT_EVENTS - 1].event_id
            events = events[-KEPT_EVENTS:]
        self._held = _Held(floor=floor, events=events, ids=[one.event_id for one in events])
        if len(new) == READ_EVENTS:
            self._bell.rung.set()
        self._bell.wake()

    def _new(self, cursor: int) -> list[Told]:
        query = (
            sa.select(feed.c.id, feed.c.kind, feed.c.payload, feed.c.incident_id, feed.c.at)
            .add_columns(feed.c.places_left, incidents.c.place_code)
            .join(incidents, incidents.c.incident_id == feed.c.incident_id)
            .where(feed.c.id > cursor)
            .order_by(feed.c.id)
            .limit(READ_EVENTS)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
            known = {row.incident_id: {row.place_code} for row in rows}
            further = sa.select(incident_places).where(incident_places.c.incident_id.in_(known))
            for row in connection.execute(further) if known else ():
                known[row.incident_id].add(row.place_code)
        return [
            Told(
                event_id=row.id,
                wire=wire(
                    log.FeedEvent(event_id=row.id, kind=row.kind, at=row.at, payload=row.payload)
                ),
                places=frozenset(known[row.incident_id]),
                places_left=row.places_left,
            )
            for row in rows
        ]
