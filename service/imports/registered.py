"""What is registered already, as far as an account sees it: what rows of a file are held against.

Places are read once. Cameras are read in pieces, as the file's rows come to them: an estate of a
hundred thousand is never in memory.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from pipelines.sealing import SealError, sealed_hosts
from service.accounts.principal import Principal
from service.cameras import store
from service.cameras.logins import Login
from service.database import Database
from service.imports.carrying import Earlier, earlier_logins
from service.imports.known import Carried, Present
from service.imports.logins_seen import LoginsSeen
from service.imports.place_names import PlaceNames
from service.refusals import Refusal, RefusedError
from service.tables import cameras, places

IDS_AT_ONCE: Final = 500
"""Values in one statement; SQLite has a limit."""


Row = dict[str, Any]


class Registered:
    """The ``Known`` of an account, backed by the database."""

    def __init__(self, database: Database, who: Principal, logins: LoginsSeen) -> None:
        self._database = database
        self._who = who
        self._logins = logins
        with database.reading() as connection:
            own = _places(connection, who.within(places.c.path))
            codes = {code for path in who.paths for code in path.strip("/").split("/")}
            above = _places(connection, places.c.code.in_(sorted(codes)))
        self._places = PlaceNames(own, above)
        self._cameras: dict[str, list[Row]] = {}
        self._by_id: dict[str, Row] = {}
        self._earlier: Mapping[str, list[Earlier]] | None = None

    def look_up(self, gb_ids: Iterable[str]) -> None:
        """Read the cameras that have these ids, and forget those read before."""
        wanted = sorted(set(gb_ids))
        self._cameras = {one: [] for one in wanted}
        self._by_id = {}
        self._earlier = None
        with self._database.reading() as connection:
            for at in range(0, len(wanted), IDS_AT_ONCE):
                query = sa.select(cameras).where(
                    cameras.c.gb_id.in_(wanted[at : at + IDS_AT_ONCE]), store.within(self._who)
                )
                for row in map(dict, connection.execute(query).mappings()):
                    self._cameras[row["gb_id"]].append(row)
                    self._by_id[row["camera_id"]] = row

    def place_code(self, said: str) -> str:
        """Return the place that a code, a name or a path of names says. Raises ``RefusedError``."""
        return self._places.code(said)

    def camera(self, gb_id: str) -> Present | None:
        """Return the camera with that id. Raises ``RefusedError`` if there are several."""
        if gb_id not in self._cameras:  # written as nobody looked for it
            self.look_up([*self._cameras, gb_id])
        found = self._cameras[gb_id]
        if not found:
            return None
        if len(found) > 1:
            raise RefusedError(
                Refusal.GB_ID_TAKEN,
                f"{len(found)} cameras have this id: check which is wrong",
                name=found[0]["name"],
            )
        row = found[0]
        return Present(camera_id=row["camera_id"], columns=row, login_hosts=_login_hosts(row))

    def has_login(self, camera_id: str, hosts: Sequence[str], login: Login) -> bool:
        """Tell whether a camera is known to have this very login; no if that can't be told."""
        row = self.row(camera_id)
        sealed = None if row is None else row["sealed_credentials"]
        return sealed is not None and self._logins.is_of(sealed, hosts, login)

    def carried(self, gb_id: str, hosts: Sequence[str], present: Present | None) -> Carried | None:
        """Return the newest login of the account's own files that suits, unless it's there."""
        if self._earlier is None:
            with self._database.reading() as connection:
                wanted = list(self._cameras)
                self._earlier = earlier_logins(connection, self._who.account_id, wanted)
        found = (one for one in self._earlier.get(gb_id, []) if one.suits(hosts, present))
        carried = next((one.carried for one in found), None)
        old = None if present is None else present.columns["sealed_credentials"]
        if carried is None or (old and self._logins.are_same(old, carried.sealed)):
            return None
        return carried

    def row(self, camera_id: str | None) -> Row | None:
        """Return a camera's row, if it was looked up last."""
        return None if camera_id is None else self._by_id.get(camera_id)


def _places(
    connection: Connection, condition: sa.ColumnElement[bool]
) -> list[tuple[str, str | None, str]]:
    query = sa.select(places.c.code, places.c.parent_code, places.c.name).where(condition)
    return [(row.code, row.parent_code, row.name) for row in connection.execute(query)]


def _login_hosts(row: Mapping[str, Any]) -> frozenset[str] | None:
    if row["sealed_credentials"] is None:
        return None
    with suppress(SealError):
        return frozenset(sealed_hosts(row["sealed_credentials"]))
    return frozenset()
