"""What may be added to the tree, renamed in it and taken off it."""

from sqlalchemy import Connection, RowMapping

from service.accounts.principal import Principal
from service.audit.log import record
from service.places import store
from service.places.codes import (
    ROOT_CODE,
    PlaceCodeError,
    ancestors,
    lies_within,
    require_level,
)
from service.places.errors import (
    NoSuchPlaceError,
    PlaceBetweenError,
    PlaceCodeRefusedError,
    PlaceInUseError,
    PlaceTakenError,
    RootPlaceError,
    UnknownPlaceError,
)
from service.places.models import NewPlace
from service.refusals import Refusal
from service.revisions import require_newest


def add(connection: Connection, principal: Principal, new: NewPlace) -> RowMapping:
    """Add a place below one of the principal's; returns its row."""
    try:
        require_level(new.code, new.level)
    except PlaceCodeError as error:
        raise PlaceCodeRefusedError(error) from None
    parent = store.visible(connection, principal, new.parent_code)
    if parent is None:
        raise UnknownPlaceError(new.parent_code, "parent_code")
    _require_fit(connection, new.code, parent)
    store.insert(connection, code=new.code, parent=parent, level=new.level, name=new.name)
    record(
        connection,
        actor=principal.login,
        action="place.created",
        object_kind="place",
        object_id=new.code,
        place_code=new.code,
        detail={"name": new.name, "level": new.level.value, "parent_code": parent["code"]},
    )
    return existing(connection, principal, new.code)


def rename(
    connection: Connection, principal: Principal, code: str, if_match: str, name: str
) -> RowMapping:
    """Give a place another name, if ``if_match`` is its newest revision; returns its row."""
    row = _newest(connection, principal, code, if_match)
    if row["name"] == name:
        return row
    store.rename(connection, code, name)
    record(
        connection,
        actor=principal.login,
        action="place.renamed",
        object_kind="place",
        object_id=code,
        place_code=code,
        detail={"name": {"old": row["name"], "new": name}},
    )
    return existing(connection, principal, code)


def remove(connection: Connection, principal: Principal, code: str, if_match: str) -> None:
    """Take a place off the tree, if nothing hangs on it and ``if_match`` is its newest revision."""
    row = _newest(connection, principal, code, if_match)
    if code == ROOT_CODE:
        raise RootPlaceError
    if store.in_use(connection, code):
        used = store.uses(connection, principal, code)
        what = ", ".join(f"{kind} {count}" for kind, count in used.items())
        said = f"{code} is in use" + (f" ({what})" if used else "")
        if not used:  # what hangs on it can't be seen from here, and isn't told
            raise PlaceInUseError(f"{said}: move or remove what hangs on it first")
        raise PlaceInUseError(
            f"{said}: move or remove these first",
            Refusal.PLACE_IN_USE,
            places=used.get("places", 0),
            cameras=used.get("cameras", 0),
            accounts=used.get("accounts", 0),
            shifts=used.get("shifts", 0),
            deadlines=used.get("deadlines", 0),
        )
    store.remove(connection, code)
    record(
        connection,
        actor=principal.login,
        action="place.removed",
        object_kind="place",
        object_id=code,
        place_code=row["parent_code"],
        detail={"name": row["name"], "level": row["level"]},
    )


def existing(connection: Connection, principal: Principal, code: str) -> RowMapping:
    """Return the row of a place of the principal's. Raises ``NoSuchPlaceError``."""
    row = store.visible(connection, principal, code)
    if row is None:
        raise NoSuchPlaceError(code)
    return row


def _newest(connection: Connection, principal: Principal, code: str, if_match: str) -> RowMapping:
    row = existing(connection, principal, code)
    require_newest(if_match, store.revision(row))
    return row


def _require_fit(connection: Connection, code: str, parent: RowMapping) -> None:
    """Refuse a code that doesn't belong right below ``parent``.

    A place always hangs under the nearest ancestor that there is, so whatever is found here lies
    inside ``parent``, and naming it tells nothing of foreign places.
    """
    if not lies_within(code, parent["code"]):
        said = (
            f"{code} does not lie in {parent['code']}: a place's code begins with its parent's, "
            "and its level is lower"
        )
        raise PlaceCodeRefusedError(
            PlaceCodeError(Refusal.PLACE_CODE_PARENT, said, code=code, parent=parent["code"])
        )
    if store.find(connection, code) is not None:
        raise PlaceTakenError(code)
    for above in ancestors(code):
        if above == parent["code"]:
            break
        if store.find(connection, above) is not None:
            raise PlaceBetweenError(
                f"{above} lies between: put {code} under that",
                Refusal.PLACE_ABOVE_BETWEEN,
                above=above,
                code=code,
            )
    for child in store.child_codes(connection, parent["code"]):
        if lies_within(child, code):
            raise PlaceBetweenError(
                f"{child} hangs under {parent['code']} and would belong under {code}: remove it, "
                f"add {code}, then add it again",
                Refusal.PLACE_BELOW_BETWEEN,
                child=child,
                parent=parent["code"],
                code=code,
            )
