"""What a worker's rules remember of places, on its disk: a restart makes nobody's chimney new.

Nor does it make a fire old: what burns when a worker comes back was not there when its camera began
to be watched, and that time is kept as well. Losing it costs a habit that has to be learnt anew.

It stays while a camera is registered, whichever worker has it now, and goes with the registration.
A file of cameras says nothing of what was removed for good: what it no longer names stays.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec

from pipelines.messages import BoxShares, Instant
from pipelines.rules import debris, fire, smoke
from pipelines.rules.places import Place
from pipelines.spool import Spool
from vision.hazards import Hazard

KEEP_EVERY_S: Final = 5.0
"""How often what has changed is written: a restart right after an onset must not make it old."""

RULES: Final[dict[Hazard, Any]] = {Hazard.FIRE: fire, Hazard.SMOKE: smoke, Hazard.DEBRIS: debris}
"""The rules that go by habits."""

Key = tuple[str, Hazard]


class _Place(msgspec.Struct, frozen=True):
    """A place without its pictures: nothing of those goes to a disk."""

    box: BoxShares
    first_at: Instant
    last_at: Instant
    from_start: bool
    usual_area: float
    usual_score: float
    areas: tuple[float, ...]
    count: int
    in_spell: int
    quiet_s: float
    spells: int
    counted_at: Instant | None


class _Kept(msgspec.Struct, frozen=True):
    zone_id: str
    hazard: Hazard
    began_at: Instant
    places: tuple[_Place, ...]
    shown: int = 0
    """Of ``debris`` alone."""


NAME: Final = "habits:"
"""Before a camera's id, among what the spool remembers."""

NAMES: Final = tuple(field.name for field in msgspec.structs.fields(_Place))


def written(states: Mapping[Key, Any]) -> str:
    """Return what is kept of the rules' states; not where somebody may have walked."""
    kept = [
        _Kept(
            zone_id=zone_id,
            hazard=hazard,
            began_at=state.began_at,
            places=tuple(
                _Place(**{name: getattr(place, name) for name in NAMES})
                for place in state.places
                if not place.in_doubt
            ),
            shown=state.shown if hazard is Hazard.DEBRIS else 0,
        )
        for (zone_id, hazard), state in states.items()
        if hazard in RULES and state.began_at is not None
    ]
    return msgspec.json.encode(kept).decode()


def read(body: str) -> dict[Key, Any]:
    """Return the states that ``written`` kept; none of what another version or hand wrote."""
    with suppress(msgspec.DecodeError):
        return {
            (one.zone_id, one.hazard): RULES[one.hazard].State(
                began_at=one.began_at,
                places=tuple(
                    Place(**{name: getattr(place, name) for name in NAMES}) for place in one.places
                ),
                **({"shown": one.shown} if one.hazard is Hazard.DEBRIS else {}),
            )
            for one in msgspec.json.decode(body, type=list[_Kept])
            if one.hazard in RULES
        }
    return {}


class Keepsakes:
    """The part of a worker's spool that holds them. Used by one thread."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._written: dict[str, str] = {}
        self._dropped: set[str] = set()

    def cameras(self) -> tuple[str, ...]:
        """Return the cameras of which something is kept, wherever they are watched now."""
        return tuple(name.removeprefix(NAME) for name in self._spool.remembered(NAME))

    def of(self, camera_id: str) -> dict[Key, Any]:
        """Return what was kept of a camera."""
        name = NAME + camera_id
        body = None if name in self._dropped else self._spool.recall(name)
        return {} if body is None else read(body)

    def drop(self, camera_id: str) -> None:
        """Forget a camera that was removed for good; the next ``keep`` takes it off the disk."""
        self._written.pop(NAME + camera_id, None)
        self._dropped.add(NAME + camera_id)

    def keep(self, cameras: Iterable[tuple[str, Mapping[Key, Any]]]) -> None:
        """Write what has changed. Raises ``sqlite3.Error`` where the disk refuses it."""
        bodies = {NAME + camera_id: written(states) for camera_id, states in cameras}
        changed = {name: one for name, one in bodies.items() if self._written.get(name) != one}
        if changed or self._dropped:
            self._spool.remember_all(changed, self._dropped)
            self._written |= changed
            self._dropped.clear()
