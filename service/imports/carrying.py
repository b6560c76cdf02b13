"""Logins that an account's earlier files brought, for rows in which ``***`` stands in their place.

Nothing is opened: what was sealed for a camera and its hosts goes on as it is, with the camera's
id, which it is bound to. So only an address at these hosts gets it, and no camera that there was.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from pipelines.sealing import SealError, sealed_hosts
from service.imports.gone import GONE
from service.imports.known import Carried, Present
from service.imports.reasons import RowVerdict
from service.imports.wanted import digest
from service.tables import audit
from service.tables import camera_import_rows as rows
from service.tables import camera_imports as imports

MOST_EARLIER: Final = 10
"""Files that are looked at for one camera."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A login that an earlier file brought for a camera, and nobody has registered yet."""

    carried: Carried
    is_new: bool
    """Whether the camera wasn't registered then."""
    of: str | None
    """The digest of what the camera was logged in to with then."""

    def suits(self, hosts: Collection[str], present: Present | None) -> bool:
        """Tell whether it is for these hosts, and the camera's own hasn't changed since."""
        if self.is_new is not (present is None):
            return False
        if present is not None:
            now = digest(present.columns["sealed_credentials"])
            if self.carried.camera_id != present.camera_id or self.of != now:
                return False
        with suppress(SealError):
            return set(sealed_hosts(self.carried.sealed)) >= set(hosts)
        return False


def earlier_logins(
    connection: Connection, account_id: UUID, gb_ids: Sequence[str]
) -> Mapping[str, list[Earlier]]:
    """Return what an account's own files brought for these ids, the newest first."""
    newest = imports.c.created_at.desc()
    rank = sa.func.row_number().over(partition_by=rows.c.gb_id, order_by=newest).label("rank")
    columns = (rows.c.gb_id, rows.c.camera_id, rows.c.verdict, rows.c.wanted)
    ranked = (
        sa.select(*columns, rows.c.sealed_credentials, rank)
        .join(imports, imports.c.import_id == rows.c.import_id)
        .where(
            rows.c.gb_id.in_(gb_ids),
            rows.c.sealed_credentials.is_not(None),
            rows.c.camera_id.is_not(None),
            rows.c.verdict != RowVerdict.UNCHANGED.value,
            imports.c.account_id == account_id,
            imports.c.state != GONE,
        )
        .subquery()
    )
    query = sa.select(ranked).where(ranked.c.rank <= MOST_EARLIER).order_by(ranked.c.rank)
    rows_found = connection.execute(query).mappings().all()
    is_new = {row["camera_id"]: row["verdict"] != RowVerdict.CHANGED for row in rows_found}
    used = used_ids(connection, (one for one, new in is_new.items() if new))
    found: dict[str, list[Earlier]] = {}
    for row in rows_found:
        if row["camera_id"] not in used:
            one = Carried(camera_id=row["camera_id"], sealed=row["sealed_credentials"])
            of = (row["wanted"] or {}).get("base", {}).get("sealed_credentials")
            earlier = Earlier(carried=one, is_new=is_new[row["camera_id"]], of=of)
            found.setdefault(row["gb_id"], []).append(earlier)
    return found


def used_ids(connection: Connection, camera_ids: Iterable[str]) -> set[str]:
    """Return those of the ids that a camera has or had: workers know it, and no other may have it.

    The audit tells, which forgets nothing.
    """
    query = (
        sa.select(audit.c.object_id)
        .distinct()
        .where(audit.c.object_kind == "camera", audit.c.object_id.in_(sorted(set(camera_ids))))
    )
    return set(connection.execute(query).scalars())
