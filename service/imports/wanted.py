"""What a row asks for, kept until it is committed, and what it was asked of.

A registered camera may be edited while somebody reads the verdicts. A row that changes what has
been changed meanwhile is refused: it was made without knowing. Other columns may be.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from service.cameras.logins import hosts_of
from service.imports.changes import POSITION
from service.imports.checking import Checked

_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "position": POSITION,
    "credentials": (),
    "sign_confirmed": (),
}
"""Columns of the fields that aren't called as one; logins have their own rule."""


def hosts_for(checked: Checked, row: Mapping[str, Any] | None) -> list[str]:
    """Return the hosts that a row's login is given for: those that the camera will have."""
    given = checked.new or checked.patch
    urls: dict[str, str | None] = {}
    for name in ("main_url", "sub_url"):
        if given is not None and name in given.model_fields_set:
            address = getattr(given, name)
            urls[name] = None if address is None else address.url
        elif row is not None:
            urls[name] = row[name]
    return hosts_of(urls.values())


def kept(checked: Checked, row: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what a good row asks for, as JSON."""
    if row is None:
        return {"new": checked.wanted}
    patch = checked.patch
    fields = set() if patch is None else patch.model_fields_set
    names = [name for field in sorted(fields) for name in _COLUMNS.get(field, (field,))]
    base = {name: row[name] for name in names}
    if checked.login is not None or checked.carried is not None:
        base["sealed_credentials"] = digest(row["sealed_credentials"])
    patch_json = checked.wanted or {}
    changed = [*patch_json, *(["credentials"] if "sealed_credentials" in base else ())]
    return {"patch": patch_json, "base": base, "revision": row["revision"], "changes": changed}


def edited(wanted: Mapping[str, Any], row: Mapping[str, Any]) -> list[str]:
    """Return the columns that a row wants to change, and somebody has changed since."""
    if row["revision"] == wanted["revision"]:
        return []
    return [name for name, value in wanted["base"].items() if _present(row, name) != value]


def _present(row: Mapping[str, Any], name: str) -> Any:
    return digest(row[name]) if name == "sealed_credentials" else row[name]


def digest(sealed: str | None) -> str | None:
    """Return what tells a sealed login from another, and holds nothing of it."""
    return None if sealed is None else hashlib.sha256(sealed.encode()).hexdigest()
