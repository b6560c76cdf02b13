"""Evidence for somebody to see: listed with what the store has, shown once the audit knows.

The order of a view is the whole point: may this account see it, has the store got it, is the view
in the audit and committed; only then is there an answer that holds a byte.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import RowMapping
from starlette.concurrency import run_in_threadpool

from pipelines.evidence_store import EvidenceStore
from pipelines.messages import EvidenceAbsence, EvidencePart
from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.audit.log import record
from service.database import Database
from service.evidence import audited, holds
from service.evidence.door import StoreDoor
from service.evidence.errors import UnknownEvidenceError
from service.evidence.models import EvidenceList, EvidenceOut, HoldOut, Why
from service.evidence.rows import hold_of, of_incident, visible
from service.incidents import views
from service.metrics import ServiceMetrics

LISTED = 50
"""Of one incident: its newest. A look at the store is a question for each."""


class Viewer:
    """Shows evidence."""

    def __init__(
        self,
        *,
        database: Database,
        gate: Gate,
        door: StoreDoor,
        metrics: ServiceMetrics,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._gate = gate
        self._door = door
        self._metrics = metrics
        self._clock = clock

    async def listed(self, who: Principal, incident_id: UUID) -> EvidenceList:
        """Return what there is of an incident, asking the store for the parts of each."""
        rows, absent, hold = await run_in_threadpool(self._rows, who, incident_id)

        questions = [partial(EvidenceStore.parts, ref=row["ref"]) for row in rows]
        found = await self._door.ask_each("list", questions) if rows else []
        return EvidenceList(
            evidence=[
                EvidenceOut(
                    **{name: row[name] for name in ("ref", "alert_id", "made_at", "expires_at")},
                    parts=list(there),
                    hold=hold,
                )
                for row, there in zip(rows, found, strict=True)
            ],
            absent=absent,
            hold=hold,
        )

    async def view(self, who: Principal, ref: str, part: EvidencePart, why: Why) -> bytes:
        """Return a part, once the audit says who sees it and what for."""
        with audited.refusals_counted(self._metrics):
            await run_in_threadpool(self._require, who, ref)
            content = await self._fetched(ref, part)
            await run_in_threadpool(self._note, who, ref, part, why)
        self._metrics.evidence_views.labels(part.value, why.value).inc()
        return content

    async def _fetched(self, ref: str, part: EvidencePart) -> bytes:
        content = await self._door.ask("view", lambda store: store.get(ref, part))
        if content is None:
            raise UnknownEvidenceError
        return content

    def _rows(
        self, who: Principal, incident_id: UUID
    ) -> tuple[list[RowMapping], EvidenceAbsence | None, HoldOut | None]:
        with self._database.reading() as connection:
            holds.existing(connection, who, incident_id)
            absent = views.latest_absence(connection, incident_id)
            return (
                of_incident(connection, who, incident_id, self._clock(), LISTED),
                None if absent is None else EvidenceAbsence(absent),
                hold_of(connection, incident_id),
            )

    def _require(self, who: Principal, ref: str) -> None:
        with self._database.reading() as connection:
            if visible(connection, who, ref, self._clock()) is None:
                raise UnknownEvidenceError

    def _note(self, who: Principal, ref: str, part: EvidencePart, why: Why) -> None:
        """Commit the view's entry, or raise: it must still be there, and still for this account."""
        noting = audited.noting(self._gate, who, Permission.INCIDENT_READ, self._metrics)
        with noting as (connection, actor):
            row = visible(connection, actor, ref, self._clock())
            if row is None:
                raise UnknownEvidenceError
            said = {"camera_id": row["camera_id"], "hazard": row["hazard"]}
            record(
                connection,
                actor=actor.login,
                action="evidence.viewed",
                object_kind="incident",
                object_id=str(row["incident_id"]),
                place_code=row["place_code"],
                detail=audited.detail(ref, actor, **said, part=part.value, why=why.value),
            )
