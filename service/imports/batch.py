"""The registry for many rows in one transaction: looked up once, written at once."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.accounts.principal import Principal
from service.audit.log import Entry, record_all
from service.cameras import store
from service.cameras.errors import GbIdTakenError
from service.cameras.registry import Registry
from service.cameras.sealer import Sealer
from service.places.errors import UnknownPlaceError
from service.tables import cameras, places


class Batch(Registry):
    """Holds rows to what ``Registry`` does; ``flush`` writes what was added and recorded."""

    def __init__(
        self,
        connection: Connection,
        principal: Principal,
        sealer: Sealer,
        rows: Sequence[RowMapping],
    ) -> None:
        super().__init__(connection, principal, sealer)
        wanted = [row["wanted"].get("new") or row["wanted"]["patch"] for row in rows]
        self._places = self._visible_places({one.get("place_code") for one in wanted})
        self._names = self._names_by_gb_id({one.get("gb_id") for one in wanted})
        self._rows = self._visible_cameras({row["camera_id"] for row in rows})
        self._new: list[Mapping[str, Any]] = []
        self._entries: list[Entry] = []

    def found(self, camera_id: str) -> store.Row | None:
        """Return a camera's row as it is in this transaction."""
        return self._rows.get(camera_id)

    def flush(self) -> None:
        """Write what was added, and the audit's entries in their order."""
        if self._new:
            self.connection.execute(sa.insert(cameras), self._new)
        record_all(self.connection, self._entries)

    def existing(self, camera_id: str) -> store.Row:
        """Return a camera's row, of those that were looked up."""
        return self._rows.get(camera_id) or super().existing(camera_id)

    def _insert(self, values: Mapping[str, Any]) -> None:
        self._new.append(values)
        if values["gb_id"] is not None:
            self._names.setdefault(values["gb_id"], {})[values["camera_id"]] = values["name"]

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

    def _require_place(self, code: str) -> None:
        if code not in self._places:
            raise UnknownPlaceError(code, "place_code")

    def _require_free(self, gb_id: str | None, camera_id: str | None) -> None:
        others = self._names.get(gb_id or "", {})
        for other, name in others.items():
            if other != camera_id:
                raise GbIdTakenError(name)

    def _visible_places(self, codes: set[str | None]) -> set[str]:
        query = sa.select(places.c.code, places.c.path).where(
            places.c.code.in_(sorted(code for code in codes if code))
        )
        found = self.connection.execute(query)
        return {row.code for row in found if self.principal.sees(row.path)}

    def _names_by_gb_id(self, gb_ids: set[str | None]) -> dict[str, dict[str, str]]:
        query = sa.select(cameras.c.gb_id, cameras.c.camera_id, cameras.c.name).where(
            cameras.c.gb_id.in_(sorted(one for one in gb_ids if one)),
            store.within(self.principal),
        )
        names: dict[str, dict[str, str]] = {}
        for row in self.connection.execute(query):
            names.setdefault(row.gb_id, {})[row.camera_id] = row.name
        return names

    def _visible_cameras(self, camera_ids: set[str]) -> dict[str, store.Row]:
        query = sa.select(cameras).where(
            cameras.c.camera_id.in_(sorted(camera_ids)), store.within(self.principal)
        )
        return {row["camera_id"]: row for row in self.connection.execute(query).mappings()}
