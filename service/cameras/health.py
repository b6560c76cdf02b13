"""How it stood with a camera lately: a row a change, and what share of its time each state took."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any, Final

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy import Connection, RowMapping

from service.cameras.models import State
from service.database import Database
from service.tables import camera_health, cameras

KEPT: Final = timedelta(days=30)

MOST_AN_HOUR: Final = 30
"""Changes noted of one camera: one that comes and goes all day would otherwise fill the disk. How
it stands at last is noted when there is room again."""

MOST_TOLD: Final = 1000
"""Changes in an answer; shares are of all."""

FORGOTTEN_AT_ONCE: Final = 500

FORGOTTEN_IN_ALL: Final = 10_000
"""Old rows removed each time; in transactions of ``FORGOTTEN_AT_ONCE``, as an alert may wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A camera stands otherwise from then on."""

    camera_id: str
    """Which."""
    at: datetime
    """When Redis took the word of it."""
    worker_id: str
    """Whose word it is."""
    state: str
    """A ``WatchState``, or ``unwatched``."""
    fault: str | None
    """The fault's code."""


class HealthChange(BaseModel):
    """How it stood with a camera from then on."""

    at: datetime
    state: State
    fault: str | None
    worker_id: str


class HealthShares(BaseModel):
    """Shares of the time; together 1."""

    watching: float = 0.0
    connecting: float = 0.0
    fault: float = 0.0
    unwatched: Annotated[
        float, Field(description="Nobody said anything of it: no worker, or a silent one")
    ] = 0.0


class CameraHealth(BaseModel):
    """How it stood with a camera in the last days."""

    days: int
    changes: Annotated[
        list[HealthChange],
        Field(
            description="Newest first, a thousand at most; the last may lie before these days: "
            "how it stood as they began"
        ),
    ]
    shares: HealthShares


def note(connection: Connection, changes: Iterable[Change]) -> int:
    """Note what really changed; returns how many changes there was no room for.

    The changes of one camera come in their order. What is older than a camera's newest row was
    noted before: it is passed over.
    """
    of_each: defaultdict[str, list[Change]] = defaultdict(list)
    for change in changes:
        of_each[change.camera_id].append(change)
    if not of_each:
        return 0
    hour_ago = max(said[-1].at for said in of_each.values()) - timedelta(hours=1)
    newest = _newest(connection, of_each, hour_ago)
    rows: list[dict[str, Any]] = []
    untold = 0
    for camera_id, said in of_each.items():
        last = newest.get(camera_id)
        found = list(_differing(said, last))
        if last is not None and found and found[0].at == last["at"]:
            _correct(connection, found.pop(0))
        room = max(0, MOST_AN_HOUR - (last["lately"] if last is not None else 0))
        rows += [asdict(change) for change in found[:room]]
        untold += len(found[room:])
    if rows:
        connection.execute(sa.insert(camera_health), rows)
    return untold


def _differing(said: Sequence[Change], last: RowMapping | None) -> Iterator[Change]:
    """Give those changes that are some; of several in one millisecond the last."""
    before = None if last is None else (last["state"], last["fault"])
    for number, change in enumerate(said, 1):
        is_overtaken = any(later.at == change.at for later in said[number : number + 1])
        is_old = last is not None and change.at < last["at"]
        if is_overtaken or is_old or (change.state, change.fault) == before:
            continue
        before = (change.state, change.fault)
        yield change


def _newest(
    connection: Connection, ids: Collection[str], hour_ago: datetime
) -> dict[str, RowMapping]:
    """Return each camera's newest row, with how many it has of the last hour."""
    other = camera_health.alias("other")
    of_same = other.c.camera_id == camera_health.c.camera_id
    lately = sa.select(sa.func.count()).where(of_same, other.c.at > hour_ago).scalar_subquery()
    query = (
        sa.select(camera_health, lately.label("lately"))
        .select_from(cameras)
        .join(camera_health, is_newest(cameras.c.camera_id))
        .where(cameras.c.camera_id.in_(ids))
    )
    return {row["camera_id"]: row for row in connection.execute(query).mappings()}


def is_newest(camera_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Return the condition that a row of ``camera_health`` is the newest of that camera."""
    other = camera_health.alias("newest")
    at = sa.select(sa.func.max(other.c.at)).where(other.c.camera_id == camera_id).scalar_subquery()
    return sa.and_(camera_health.c.camera_id == camera_id, camera_health.c.at == at)


def _correct(connection: Connection, change: Change) -> None:
    connection.execute(
        sa.update(camera_health)
        .where(camera_health.c.camera_id == change.camera_id, camera_health.c.at == change.at)
        .values(worker_id=change.worker_id, state=change.state, fault=change.fault)
    )


def report(
    connection: Connection, camera_id: str, days: int, created_at: datetime, now: datetime
) -> CameraHealth:
    """Return how it stood with a camera in the last days, or since it is registered."""
    start = now - timedelta(days=days)
    of_camera = camera_health.c.camera_id == camera_id
    before = (
        sa.select(sa.func.max(camera_health.c.at))
        .where(of_camera, camera_health.c.at <= start)
        .scalar_subquery()
    )
    query = (
        sa.select(camera_health)
        .where(of_camera, camera_health.c.at >= sa.func.coalesce(before, start))
        .order_by(camera_health.c.at)
    )
    rows = connection.execute(query).mappings().all()
    newest_first = [HealthChange(**_told(row)) for row in reversed(rows[-MOST_TOLD:])]
    shares = _shares(rows, min(max(start, created_at), now), now)
    return CameraHealth(days=days, changes=newest_first, shares=shares)


def _told(row: RowMapping) -> dict[str, Any]:
    return {name: row[name] for name in HealthChange.model_fields}


def _shares(rows: Sequence[RowMapping], start: datetime, now: datetime) -> HealthShares:
    whole_s = (now - start).total_seconds()
    if whole_s <= 0:
        return HealthShares(unwatched=1.0)
    times_s = dict.fromkeys(HealthShares.model_fields, 0.0)
    begins = [(row["at"], row["state"]) for row in rows]
    for (begin, state), (end, _) in pairwise([*begins, (now, "")]):
        lasted = min(end, now) - max(begin, start)
        times_s[state] += max(0.0, lasted.total_seconds())
    # Before the first word nobody watched it.
    told_s = sum(times_s.values())
    times_s[State.UNWATCHED.value] += max(0.0, whole_s - told_s)
    return HealthShares(**{name: time_s / whole_s for name, time_s in times_s.items()})


def forget_before(database: Database, cutoff: datetime) -> None:
    """Remove old rows, in short transactions; each camera's last before ``cutoff`` stays.

    It says how things stood as the time that is kept began.
    """
    later = camera_health.alias("later")
    is_followed = sa.exists().where(
        later.c.camera_id == camera_health.c.camera_id,
        later.c.at > camera_health.c.at,
        later.c.at <= cutoff,
    )
    key = sa.tuple_(camera_health.c.camera_id, camera_health.c.at)
    query = (
        sa.select(camera_health.c.camera_id, camera_health.c.at)
        .where(camera_health.c.at < cutoff, is_followed)
        .limit(FORGOTTEN_IN_ALL)
    )
    with database.reading() as connection:
        old = [tuple(row) for row in connection.execute(query)]
    for first in range(0, len(old), FORGOTTEN_AT_ONCE):
        with database.writing() as connection:
            some = old[first : first + FORGOTTEN_AT_ONCE]
            connection.execute(sa.delete(camera_health).where(key.in_(some)))
