"""Probes in the database, as people ask for them and see them."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import count
from typing import Any, Final
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.accounts.principal import Principal
from service.cameras import store as camera_store
from service.cameras.registrations import watched_url
from service.cameras.views import advice_left
from service.probes.limits import keys_of, turns
from service.probes.models import ProbeBatch, ProbeBatchRow, ProbeState
from service.tables import cameras, probed, probes

LISTED: Final = 20

LOOKED_THROUGH: Final = 200
"""Batches of others that are passed over for a list of one's own."""

A_DAY: Final = timedelta(days=1)
"""One place picture of a camera in that time."""

KEPT: Final = timedelta(days=30)

FORGOTTEN_AT_ONCE: Final = 500
CANCELLED_AT_ONCE: Final = 2000
"""Rows of a transaction: an alert waits behind it."""


class Stage(StrEnum):
    """A probe's state as it is kept."""

    WAITING = "waiting"
    SENDING = "sending"
    """Claimed by a dispatcher, which has yet to tick off that Redis has the job."""
    SENT = "sent"
    DONE = "done"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


OPEN: Final = (Stage.WAITING.value, Stage.SENDING.value, Stage.SENT.value)
"""Asked for and not answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What all probes of a batch have in common."""

    batch_id: UUID
    """The batch."""
    asked_by: str
    """Whose it is."""
    asked_at: datetime
    """When; the same of all of them, and of no other batch."""
    place_pictures: bool
    """Whether place pictures are wanted."""


def busy(
    connection: Connection, *conditions: sa.ColumnElement[bool], with_picture: bool
) -> set[str]:
    """Return the cameras a probe of which waits or runs, one with a picture if one is wanted."""
    query = sa.select(probes.c.camera_id).where(probes.c.state.in_(OPEN), *conditions)
    if with_picture:
        query = query.where(probes.c.wants_place_picture)
    return set(connection.execute(query).scalars())


def ask(
    connection: Connection,
    principal: Principal,
    ids: Sequence[str],
    asking: Asking,
    *,
    first: int,
    without_picture: Collection[str],
) -> list[RowMapping]:
    """Put cameras into the queue, ``first`` of the batch and on; returns the rows of those.

    Cameras are left out that have gone meanwhile, and those a probe of which waits or runs.
    """
    named = probes.c.camera_id.in_(ids)
    taken = busy(connection, named, with_picture=asking.place_pictures)
    query = (
        sa.select(
            cameras.c.camera_id,
            cameras.c.main_url,
            cameras.c.sub_url,
            cameras.c.upstream,
            cameras.c.place_code,
        )
        .where(cameras.c.camera_id.in_(ids), camera_store.within(principal))
        .order_by(cameras.c.camera_id)
    )
    rows = [row for row in connection.execute(query).mappings() if row["camera_id"] not in taken]
    values = []
    for probe_id, row in zip(turns(asking.asked_at, first, len(rows)), rows, strict=True):
        subnet, platform = keys_of(watched_url({**row}), row["upstream"])
        values.append(
            {
                "probe_id": probe_id,
                "batch_id": asking.batch_id,
                "camera_id": row["camera_id"],
                "subnet": subnet,
                "platform": platform,
                "wants_place_picture": asking.place_pictures
                and row["camera_id"] not in without_picture,
                "asked_by": asking.asked_by,
                "asked_at": asking.asked_at,
                "state": Stage.WAITING.value,
            }
        )
    if values:
        connection.execute(sa.insert(probes), values)
    return rows


def pictures_sent_for(
    connection: Connection, ids: Collection[str], since: datetime
) -> dict[str, datetime]:
    """Return when a worker was last told to make a picture of those cameras, as far as it may have.

    It may have unless it said that it has none; one that runs holds the camera ``busy``.
    """
    has_picture = probes.c.result["place_picture"].as_string().is_not(None)
    query = (
        sa.select(probes.c.camera_id, sa.func.max(probes.c.sent_at))
        .where(
            probes.c.camera_id.in_(ids),
            probes.c.wants_place_picture,
            probes.c.sent_at > since,
            sa.or_(
                probes.c.state == Stage.EXPIRED.value,
                sa.and_(probes.c.state == Stage.DONE.value, has_picture),
            ),
        )
        .group_by(probes.c.camera_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def free_moment(connection: Connection, now: datetime) -> datetime:
    """Return a time, now or a trifle later, at which no other batch was asked for."""
    for later in count():
        at = now + timedelta(microseconds=later)
        if connection.execute(sa.select(probes.c.asked_at).where(probes.c.asked_at == at)).first():
            continue
        return at
    raise AssertionError("there is always another microsecond")


def newest(connection: Connection, principal: Principal, *, no_worker: bool) -> list[ProbeBatchRow]:
    """Return the newest batches of which a camera is the principal's own."""
    found: list[ProbeBatchRow] = []
    before: datetime | None = None
    for _ in range(LOOKED_THROUGH):
        earlier = probes.c.asked_at < before if before is not None else sa.true()
        batched = probes.c.batch_id.is_not(None)
        query = sa.select(probes.c.batch_id, probes.c.asked_at, probes.c.asked_by)
        newest_first = query.where(earlier, batched).order_by(probes.c.asked_at.desc()).limit(1)
        row = connection.execute(newest_first).one_or_none()
        if row is None or len(found) == LISTED:
            break
        before = row.asked_at
        counts = _by_state(connection, principal, row.batch_id)
        if counts:
            found.append(ProbeBatchRow(**_progress(row, counts, no_worker=no_worker)))
    return found


def batch(
    connection: Connection, principal: Principal, batch_id: UUID, *, no_worker: bool
) -> ProbeBatch | None:
    """Return a batch as far as it is of the principal's own cameras; None if none of it is."""
    query = sa.select(probes.c.batch_id, probes.c.asked_at, probes.c.asked_by)
    row = connection.execute(query.where(probes.c.batch_id == batch_id).limit(1)).one_or_none()
    counts = Counter[str]() if row is None else _by_state(connection, principal, batch_id)
    if row is None or not counts:
        return None
    return ProbeBatch(
        **_progress(row, counts, no_worker=no_worker), **_found(connection, principal, batch_id)
    )


def _by_state(connection: Connection, principal: Principal, batch_id: UUID) -> Counter[str]:
    query = (
        sa.select(probes.c.state, sa.func.count())
        .where(probes.c.batch_id == batch_id, _own(principal))
        .group_by(probes.c.state)
    )
    return Counter({row[0]: row[1] for row in connection.execute(query)})


def _progress(row: Any, counts: Counter[str], *, no_worker: bool) -> dict[str, Any]:
    counts = counts.copy()
    counts[Stage.SENT] += counts.pop(Stage.SENDING, 0)
    return {
        "batch_id": row.batch_id,
        "asked_by": row.asked_by,
        "asked_at": row.asked_at,
        "total": counts.total(),
        **{state.value: counts[state.value] for state in ProbeState},
        "no_worker": no_worker and counts[Stage.WAITING] > 0,
    }


def _found(connection: Connection, principal: Principal, batch_id: UUID) -> dict[str, Any]:
    """Return what was found, counted by the database: a batch may be an estate."""
    fault, advice, substream, picture, has_taken = (
        probes.c.result["fault"].as_string(),
        probes.c.result["advice"].as_string(),
        probes.c.result[("substream", "url")].as_string().is_not(None),
        probes.c.result["place_picture"].as_string().is_not(None),
        cameras.c.sub_url.is_not(None),
    )
    query = (
        sa.select(fault, advice, substream, picture, has_taken, sa.func.count())
        .join(cameras, cameras.c.camera_id == probes.c.camera_id)
        .where(
            probes.c.batch_id == batch_id,
            probes.c.state == Stage.DONE.value,
            camera_store.within(principal),
        )
        .group_by(fault, advice, substream, picture, has_taken)
    )
    good, faults, advised, substreams, pictures = 0, Counter[str](), Counter[str](), 0, 0
    for code, words, has_substream, has_picture, has_sub_url, number in connection.execute(query):
        if code is None:
            good += number
        else:
            faults[code] += number
        for word in advice_left(msgspec.json.decode(words or "[]"), has_substream=has_sub_url):
            advised[word] += number
        substreams += number if has_substream else 0
        pictures += number if has_picture else 0
    return {
        "good": good,
        "faults": dict(faults.most_common()),
        "advice": dict(advised.most_common()),
        "substreams_found": substreams,
        "pictures_wanted": _pictures_wanted(connection, principal, batch_id),
        "pictures_made": pictures,
    }


def _pictures_wanted(connection: Connection, principal: Principal, batch_id: UUID) -> int:
    query = sa.select(sa.func.count()).where(
        probes.c.batch_id == batch_id,
        probes.c.wants_place_picture,
        probes.c.state != Stage.CANCELLED.value,
        _own(principal),
    )
    return connection.execute(query).scalar_one()


def _own(principal: Principal) -> sa.ColumnElement[bool]:
    """Return the condition that a probe's camera is registered, in the principal's places."""
    return (
        sa.select(cameras.c.camera_id)
        .where(cameras.c.camera_id == probes.c.camera_id, camera_store.within(principal))
        .exists()
    )


def cancel(connection: Connection, principal: Principal, batch_id: UUID, now: datetime) -> int:
    """Cancel what waits of one's own of a batch, so much at once; returns how many."""
    query = (
        sa.select(probes.c.probe_id)
        .where(
            probes.c.batch_id == batch_id,
            probes.c.state == Stage.WAITING.value,
            _own(principal),
        )
        .limit(CANCELLED_AT_ONCE)
    )
    values = {"state": Stage.CANCELLED.value, "finished_at": now}
    cancelled = sa.update(probes).where(probes.c.probe_id.in_(query)).values(values)
    return connection.execute(cancelled).rowcount


def newest_of(connection: Connection, camera_id: str) -> RowMapping | None:
    """Return a camera's newest probe."""
    query = (
        sa.select(probes)
        .where(probes.c.camera_id == camera_id)
        .order_by(probes.c.asked_at.desc(), probes.c.probe_id.desc())
        .limit(1)
    )
    return connection.execute(query).mappings().one_or_none()


def last_result(connection: Connection, camera_id: str) -> dict[str, Any] | None:
    """Return what the last finished probe of a camera found."""
    query = sa.select(probed.c.result).where(probed.c.camera_id == camera_id)
    found: dict[str, Any] | None = connection.execute(query).scalar_one_or_none()
    return found


def forget_old(connection: Connection, now: datetime) -> None:
    """Remove probes of a month ago, so many at once."""
    old = sa.select(probes.c.probe_id).where(probes.c.asked_at < now - KEPT)
    some = old.limit(FORGOTTEN_AT_ONCE)
    connection.execute(sa.delete(probes).where(probes.c.probe_id.in_(some)))
