"""Which incidents a list shows: a condition for the database."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from service.incidents.lifecycle import OPEN, OVER
from service.tables import incident_cameras, incidents
from vision.hazards import Hazard


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which are wanted; what isn't said lets all in."""

    drill: bool | None = None
    """Only drills, or only real ones."""
    states: Collection[str] = ()
    """Only in one of these."""
    open: bool | None = None
    """Only those that somebody still has to do something about, or only the others."""
    camera_id: str | None = None
    """Only those that this camera sees."""
    hazards: Collection[Hazard] = ()
    """Only of one of these."""
    assigned_to: UUID | None = None
    """Only of this account."""
    unassigned: bool = False
    """Only what nobody has."""

    def condition(self) -> sa.ColumnElement[bool]:
        """Return the condition for them."""
        return sa.and_(sa.true(), *self._standing(), *self._what(), *self._whose())

    def _standing(self) -> Iterator[sa.ColumnElement[bool]]:
        if self.states:
            yield incidents.c.state.in_(sorted({str(one) for one in self.states}))
        if self.open is not None:
            yield incidents.c.state.in_(sorted(OPEN if self.open else OVER))

    def _what(self) -> Iterator[sa.ColumnElement[bool]]:
        if self.drill is not None:
            yield incidents.c.drill.is_(self.drill)
        if self.hazards:
            yield incidents.c.hazard.in_(sorted({str(one) for one in self.hazards}))
        if self.camera_id is not None:
            # PostgreSQL takes no NUL, and no camera is called so.
            yield sa.false() if "\0" in self.camera_id else _seen_by(self.camera_id)

    def _whose(self) -> Iterator[sa.ColumnElement[bool]]:
        if self.assigned_to is not None:
            yield incidents.c.assigned_to == self.assigned_to
        if self.unassigned:
            yield incidents.c.assigned_to.is_(None)


def _seen_by(camera_id: str) -> sa.ColumnElement[bool]:
    further = sa.select(incident_cameras.c.incident_id).where(
        incident_cameras.c.camera_id == camera_id
    )
    return sa.or_(incidents.c.camera_id == camera_id, incidents.c.incident_id.in_(further))
