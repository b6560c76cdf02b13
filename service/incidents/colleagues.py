"""Who may handle an incident: the role, and places that one of the incident's lies in."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.accounts.principal import Principal
from service.accounts.roles import PERMISSIONS, Permission
from service.accounts.store import ROOT_CODE
from service.places.codes import Level, level_of, stem
from service.tables import account_places, accounts, incident_places

_HANDLING: Final = sorted(
    role.value for role, may in PERMISSIONS.items() if Permission.INCIDENT_HANDLE in may
)


def of_incident(connection: Connection, incident: RowMapping) -> list[RowMapping]:
    """Return the accounts that may handle an incident, by login."""
    codes = codes_of(connection, incident)
    return [
        account
        for account, places in _handlers(connection)
        if ROOT_CODE in places or _holds_any(places, codes)
    ]


def around(connection: Connection, who: Principal) -> list[RowMapping]:
    """Return the accounts that may handle something in one of a principal's places, by login."""
    own = own_places(who)
    return [
        account
        for account, places in _handlers(connection)
        if _holds_any(places, own) or _holds_any(own, places)
    ]


def may_handle(connection: Connection, account_id: UUID, incident: RowMapping) -> str | None:
    """Return the account's login if it may handle an incident."""
    codes = codes_of(connection, incident)
    for account, places in _handlers(connection, account_id):
        if ROOT_CODE in places or _holds_any(places, codes):
            return str(account["login"])
    return None


def own_places(who: Principal) -> list[str]:
    """Return the codes of a principal's places."""
    return sorted(path.strip("/").rpartition("/")[2] for path in who.paths)


def codes_of(connection: Connection, incident: RowMapping) -> set[str]:
    """Return the codes of every place that an incident is seen from."""
    mine = incident_places.c.incident_id == incident["incident_id"]
    codes = set(connection.execute(sa.select(incident_places.c.place_code).where(mine)).scalars())
    return codes | ({incident["place_code"]} - {None})


def _handlers(
    connection: Connection, account_id: UUID | None = None
) -> Iterable[tuple[RowMapping, set[str]]]:
    """Return every account that may handle anything, and its places' codes."""
    chosen: list[sa.ColumnElement[bool]] = [
        accounts.c.role.in_(_HANDLING),
        accounts.c.disabled_at.is_(None),
    ]
    if account_id is not None:
        chosen.append(accounts.c.account_id == account_id)
    query = (
        sa.select(
            accounts.c.account_id, accounts.c.login, accounts.c.name, account_places.c.place_code
        )
        .join(account_places, account_places.c.account_id == accounts.c.account_id)
        .where(*chosen)
        .order_by(accounts.c.login)
    )
    found: dict[UUID, RowMapping] = {}
    places: defaultdict[UUID, set[str]] = defaultdict(set)
    for row in connection.execute(query).mappings():
        found.setdefault(row["account_id"], row)
        places[row["account_id"]].add(row["place_code"])
    return [(row, places[one]) for one, row in found.items()]


def _holds_any(places: Collection[str], codes: Collection[str]) -> bool:
    """Tell whether one of these places is, or holds, one of those; also one that is gone."""
    return any(_holds(place, code) for place in places for code in codes)


def _holds(place: str, code: str) -> bool:
    if level_of(place) is Level.CELL:  # a longer code is another cell
        return code == place
    return code.startswith(stem(place))
