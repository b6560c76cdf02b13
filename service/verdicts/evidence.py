"""What the database knows of a camera, for the pure part to judge."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.cameras.store import Row
from service.incidents.views import within
from service.tables import candidates, incidents, verdicts
from service.verdicts.kept import KEPT
from service.verdicts.models import EXPECTED, Reason, Verdict
from service.verdicts.proposing import REPLAYED, Evidence, Judged, Place
from service.verdicts.replay import Shown
from vision.hazards import Hazard

MOST_REPLAYED: Final = 100_000
"""The newest of a camera: a lamp that is taken for fire at every look makes them in two days, and
more would keep whoever asks waiting for longer than some seconds."""

AT_A_TIME: Final = 100
"""Rows out of the database: of 40,000, a thousand at a time took half as long again."""

_COLUMNS: Final = (
    candidates.c.hazard,
    candidates.c.zone_id,
    candidates.c.worker_id,
    candidates.c.epoch,
    candidates.c.moment,
    candidates.c.at,
    candidates.c.score,
    candidates.c.x0,
    candidates.c.y0,
    candidates.c.x1,
    candidates.c.y1,
)
_WORDS: Final = tuple(hazard.value for hazard in REPLAYED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What there is."""

    evidence: Evidence
    """For proposals."""
    kept_since: datetime | None
    """When the oldest score was."""
    expected: tuple[UUID, ...]
    """Incidents that a window would have kept back."""
    visible: frozenset[UUID]
    """Those judged incidents that may be named to who asks."""


def of_camera(connection: Connection, who: Principal, camera: Row) -> Found:
    """Return what is known of a camera that ``who`` may see."""
    now = datetime.now(UTC)
    shown, since = _shown(connection, camera["camera_id"], now)
    judged, expected = judged_at(connection, camera["camera_id"], now)
    ids = [one.incident_id for one in judged]
    thresholds = {
        Hazard(name): float(value)
        for name, value in (camera["thresholds"] or {}).items()
        if value is not None
    }
    return Found(
        evidence=Evidence(shown=shown, judged=judged, thresholds=thresholds, zones=camera["zones"]),
        kept_since=since,
        expected=expected,
        visible=_visible(connection, who, ids),
    )


def _shown(
    connection: Connection, camera_id: str, now: datetime
) -> tuple[dict[Place, list[Shown]], datetime | None]:
    query = (
        sa.select(*_COLUMNS)
        .where(
            candidates.c.camera_id == camera_id,
            candidates.c.hazard.in_(_WORDS),
            candidates.c.at >= now - KEPT,
        )
        .order_by(candidates.c.at.desc())
        .limit(MOST_REPLAYED)
    )
    found: defaultdict[tuple[str, str], list[Shown]] = defaultdict(list)
    since = None
    rows = chain.from_iterable(connection.execute(query).partitions(AT_A_TIME))
    for hazard, zone_id, worker_id, epoch, moment, at, score, x0, y0, x1, y1 in rows:
        since = at
        found[hazard, zone_id].append(
            Shown((worker_id, epoch), moment, at, score, (x0, y0, x1, y1))
        )
    return {(Hazard(word), zone_id): shown for (word, zone_id), shown in found.items()}, since


def judged_at(
    connection: Connection, camera_id: str, now: datetime
) -> tuple[list[Judged], tuple[UUID, ...]]:
    """Return the judged incidents, and those that a window would have kept back."""
    query = (
        sa.select(incidents, verdicts.c.verdict, verdicts.c.reason)
        .join(verdicts, verdicts.c.incident_id == incidents.c.incident_id)
        .where(
            incidents.c.camera_id == camera_id,
            incidents.c.hazard.in_(_WORDS),
            incidents.c.drill.is_(False),
            incidents.c.last_seen_at >= now - KEPT,
        )
        .order_by(incidents.c.first_seen_at, incidents.c.incident_id)
    )
    rows = connection.execute(query).all()
    # Where accounts disagree, whoever says that it was real is believed: a miss costs more.
    right = {row.incident_id for row in rows if _is_right(row.verdict, row.reason)}
    expected = {row.incident_id: None for row in rows if row.reason in EXPECTED}
    found = {
        row.incident_id: Judged(
            incident_id=row.incident_id,
            hazard=Hazard(row.hazard),
            zone_id=row.zone_id,
            first_seen_at=row.first_seen_at,
            last_seen_at=row.last_seen_at,
            is_right=row.incident_id in right,
        )
        for row in rows
    }
    return list(found.values()), tuple(expected)


def _is_right(verdict: str, reason: str | None) -> bool:
    return verdict == Verdict.REAL or (reason is not None and Reason(reason) in EXPECTED)


def _visible(connection: Connection, who: Principal, ids: Sequence[UUID]) -> frozenset[UUID]:
    """Return which may be named: whoever registers streams has no business with incidents."""
    if Permission.INCIDENT_READ not in who.permissions:
        return frozenset()
    query = sa.select(incidents.c.incident_id).where(incidents.c.incident_id.in_(ids), within(who))
    return frozenset(connection.execute(query).scalars())
