"""Asking for probes: an estate at a time, a batch of rows in each transaction."""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, RowMapping

from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.audit.log import Entry, record, record_all
from service.cameras.selecting import selected
from service.database import Database
from service.evidence import place_pictures
from service.probes import store
from service.probes.errors import PlacePictureTodayError
from service.probes.models import ProbesAsked, ProbesIn
from service.probes.store import A_DAY, Asking

BATCH: Final = 500
"""Cameras of a transaction: an alert waits behind it."""


class Asker:
    """Puts cameras into the queue."""

    def __init__(
        self, database: Database, gate: Gate, live_workers: Callable[[], dict[str, int]]
    ) -> None:
        self._database = database
        self._gate = gate
        self._live_workers = live_workers

    def ask(self, who: Principal, given: ProbesIn) -> ProbesAsked:
        """Ask for probes of the cameras meant. Raises ``PlacePictureTodayError`` for a single one.

        Of many, those are probed without a picture of which one was made today.
        """
        with self._database.reading() as connection:
            ids = selected(connection, who, given.selection, self._live_workers())
            busy = store.busy(connection, with_picture=given.place_pictures)
        skipped = len(busy.intersection(ids))
        asking = Asking(
            batch_id=uuid4(),
            asked_by=who.login,
            asked_at=datetime.now(UTC),
            place_pictures=given.place_pictures,
        )
        asked = refused = 0
        for some in _batches(ids):
            with self._gate.writing(who, Permission.CAMERA_WRITE) as (connection, actor):
                if some[0] == ids[0]:
                    counts = {"cameras": len(ids), "skipped": skipped}
                    asking = _begun(connection, actor, asking, given, counts)
                early = _early(connection, some, asking)
                if early and len(ids) == 1:
                    raise PlacePictureTodayError(early[ids[0]])
                rows = store.ask(
                    connection, actor, some, asking, first=asked, without_picture=early
                )
                _note_pictures(connection, actor, rows, asking, early)
            asked += len(rows)
            refused += sum(row["camera_id"] in early for row in rows)
        return ProbesAsked(
            batch_id=asking.batch_id if asked else None,
            asked=asked,
            skipped=len(ids) - asked,
            place_pictures_refused=refused,
        )

    def cancel(self, who: Principal, batch_id: UUID) -> None:
        """Cancel what waits of a batch, of one's own cameras."""
        total = 0
        while True:
            with self._gate.writing(who, Permission.CAMERA_WRITE) as (connection, actor):
                count = store.cancel(connection, actor, batch_id, datetime.now(UTC))
                total += count
                if count < store.CANCELLED_AT_ONCE:
                    if total:
                        _record(connection, actor, "probe.cancelled", batch_id, {"probes": total})
                    return


def next_picture_at(
    connection: Connection, ids: Collection[str], now: datetime
) -> dict[str, datetime]:
    """Return from when on a place picture may be asked for of those cameras that have to wait."""
    last = store.pictures_sent_for(connection, ids, now - A_DAY)
    for camera_id, at in place_pictures.made_since(connection, ids, now - A_DAY).items():
        last[camera_id] = max(at, last.get(camera_id, at))
    return {camera_id: at + A_DAY for camera_id, at in last.items()}


def _begun(
    connection: Connection,
    actor: Principal,
    asking: Asking,
    given: ProbesIn,
    counts: dict[str, int],
) -> Asking:
    """Say what is being asked for before any of it is, and settle its time."""
    detail: dict[str, Any] = {**counts, "place_pictures": given.place_pictures}
    if given.selection.filter is not None:
        detail["filter"] = given.selection.filter.model_dump(mode="json", exclude_defaults=True)
    _record(connection, actor, "probe.asked", asking.batch_id, detail)
    return Asking(
        batch_id=asking.batch_id,
        asked_by=actor.login,
        asked_at=store.free_moment(connection, asking.asked_at),
        place_pictures=asking.place_pictures,
    )


def _record(
    connection: Connection, actor: Principal, action: str, batch_id: UUID, detail: dict[str, Any]
) -> None:
    record(
        connection,
        actor=actor.login,
        action=action,
        object_kind="probes",
        object_id=str(batch_id),
        detail=detail,
    )


def _early(connection: Connection, ids: Sequence[str], asking: Asking) -> dict[str, datetime]:
    if not asking.place_pictures:
        return {}
    return next_picture_at(connection, ids, asking.asked_at)


def _note_pictures(
    connection: Connection,
    actor: Principal,
    rows: Sequence[RowMapping],
    asking: Asking,
    early: Collection[str],
) -> None:
    if not asking.place_pictures:
        return
    wanted = [row for row in rows if row["camera_id"] not in early]
    record_all(
        connection,
        [
            Entry(
                actor=actor.login,
                action="place_picture.asked",
                object_kind="camera",
                object_id=row["camera_id"],
                place_code=row["place_code"],
                detail={"probes": str(asking.batch_id)},
            )
            for row in wanted
        ],
    )


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]
