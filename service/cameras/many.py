"""The registry for some cameras in one transaction: read at once, audited at once."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from service.accounts.principal import Principal
from service.audit.log import Entry, record_all
from service.cameras import store
from service.cameras.registry import Registry
from service.cameras.sealer import Sealer
from service.tables import cameras, probed


class ManyCameras(Registry):
    """Holds each camera to what ``Registry`` does; ``flush`` writes what was recorded.

    Each is to be changed once at most: rows are as the transaction found them.
    """

    def __init__(
        self, connection: Connection, principal: Principal, sealer: Sealer, ids: Sequence[str]
    ) -> None:
        super().__init__(connection, principal, sealer)
        query = (
            sa.select(cameras, probed.c.result.label("probed"))
            .outerjoin(probed, probed.c.camera_id == cameras.c.camera_id)
            .where(cameras.c.camera_id.in_(store.possible_ids(ids)), store.within(principal))
        )
        self._rows = {row["camera_id"]: row for row in connection.execute(query).mappings()}
        self._entries: list[Entry] = []
        self._required: set[str] = set()

    def existing(self, camera_id: str) -> store.Row:
        """Return a camera's row, of those that were looked up."""
        return self._rows.get(camera_id) or super().existing(camera_id)

    def flush(self) -> None:
        """Write the audit's entries in their order."""
        record_all(self.connection, self._entries)

    def _require_place(self, code: str) -> None:
        if code not in self._required:
            super()._require_place(code)
            self._required.add(code)

    def _record(
        self, action: str, camera_id: str, place_code: str, detail: Mapping[str, Any]
    ) -> None:
        self._entries.append(
            Entry(
                actor=self.principal.login,
                action=action,
                object_kind="camera",
                object_id=camera_id,
                place_code=place_code,
                detail=detail,
            )
        )
