"""The registry for many rows in one transaction: looked up once, written at once."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.accounts.principal import Principal
from service.cameras import store
from service.cameras.errors import GbIdTakenError
from service.cameras.many import ManyCameras
from service.cameras.models import CameraPatch
from service.cameras.sealer import Sealer
from service.imports.carrying import used_ids
from service.imports.changes import changes
from service.imports.logins_seen import LoginsSeen
from service.places.errors import UnknownPlaceError
from service.refusals import Refusal, RefusedError
from service.tables import cameras, places


class Batch(ManyCameras):
    """As ``ManyCameras``, for new ones too; ``flush`` writes what was added and recorded."""

    def __init__(
        self,
        connection: Connection,
        principal: Principal,
        sealer: Sealer,
        rows: Sequence[RowMapping],
    ) -> None:
        super().__init__(connection, principal, sealer, [row["camera_id"] for row in rows])
        wanted = [row["wanted"].get("new") or row["wanted"]["patch"] for row in rows]
        self._places = self._visible_places({one.get("place_code") for one in wanted})
        self._names = self._names_by_gb_id({one.get("gb_id") for one in wanted})
        self._used = used_ids(connection, (row["camera_id"] for row in rows))
        self._new: list[Mapping[str, Any]] = []

    def found(self, camera_id: str) -> store.Row | None:
        """Return a camera's row as it is in this transaction."""
        return self._rows.get(camera_id)

    def twin(self, row: RowMapping, logins: LoginsSeen) -> str | None:
        """Return the one camera of a new row's id, if it says all that the row does."""
        given = row["wanted"].get("new", {})
        query = sa.select(cameras).where(
            cameras.c.gb_id == given.get("gb_id"), store.within(self.principal)
        )
        found = self.connection.execute(query).mappings().all()
        if len(found) != 1:
            return None
        known = {name: value for name, value in given.items() if name in CameraPatch.model_fields}
        if changes(CameraPatch.model_validate(known), dict(found[0])):
            return None
        sealed, other = row["sealed_credentials"], found[0]["sealed_credentials"]
        is_same = sealed is None or (other is not None and logins.are_same(sealed, other))
        return found[0]["camera_id"] if is_same else None

    def flush(self) -> None:
        """Write what was added, and the audit's entries in their order."""
        if self._new:
            self.connection.execute(sa.insert(cameras), self._new)
        super().flush()

    def _insert(self, values: Mapping[str, Any]) -> None:
        if values["camera_id"] in self._used:  # by another file with the same login, and gone
            raise RefusedError(
                Refusal.ROW_CAMERA_GONE, "the camera was removed meanwhile: send the file again"
            )
        self._new.append(values)
        if values["gb_id"] is not None:
            self._names.setdefault(values["gb_id"], {})[values["camera_id"]] = values["name"]

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
