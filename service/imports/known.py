"""What a file of cameras is held against: defaults, places, and the cameras that there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

from service.cameras.logins import Login
from service.cameras.position import CoordinateSystem
from service.imports.place_names import place_code_in
from service.imports.rows import Sheet, Source
from service.places.codes import ROOT_CODE, level_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What counts where a row says nothing; words as they could stand in a cell."""

    coordinate_system: str | None = None
    programme: str | None = None
    purpose: str | None = None
    legal_basis: str | None = None
    owner: str | None = None
    contact_number: str | None = None
    upstream: str | None = None
    place_code: str | None = None
    watch: bool = False
    """Whether new cameras whose row doesn't say are enabled."""

    def words(self) -> dict[str, str]:
        """Return those that say something."""
        found = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "watch"}
        return {name: value for name, value in found.items() if value}


def words_for(sheet: Sheet, defaults: Defaults) -> dict[str, str]:
    """Return what counts for a file's rows that don't say it: WVP's positions are WGS-84."""
    words = defaults.words()
    if sheet.source is Source.WVP:
        words.setdefault("coordinate_system", CoordinateSystem.WGS84.value)
    return words


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """A camera that is registered already."""

    camera_id: str
    """Its."""
    columns: Mapping[str, Any]
    """Its row of the table ``cameras``."""
    login_hosts: frozenset[str] | None
    """What its credentials are bound to (``sealed_hosts``); none if it has no credentials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A login that an earlier file brought, as it was sealed then."""

    camera_id: str
    """What it is bound to: a new camera is called so."""
    sealed: str
    """For the workers alone."""


class Known(Protocol):
    """What there is already, as far as the account sees it."""

    def place_code(self, said: str) -> str:
        """Return the place that a code, a name or a path of names says. Raises ``RefusedError``.

        ``place_names.PlaceNames`` does it for places in memory.
        """

    def camera(self, gb_id: str) -> Present | None:
        """Return the camera with that id. May raise ``RefusedError``."""

    def has_login(self, camera_id: str, hosts: Sequence[str], login: Login) -> bool:
        """Tell whether a camera is known to have this very login; no if that can't be told."""

    def carried(self, gb_id: str, hosts: Sequence[str], present: Present | None) -> Carried | None:
        """Return the login that stands behind a row's ``***``, if one was sealed for its hosts."""


class NothingKnown:
    """Of a file that is checked alone: codes are checked for their form, names are believed."""

    def place_code(self, said: str) -> str:
        """Return the code that is said, or the root's for a name. Raises ``RefusedError``."""
        digits = place_code_in(said)
        if digits is None:
            return ROOT_CODE
        level_of(digits)
        return digits

    def camera(self, gb_id: str) -> Present | None:  # noqa: ARG002 - nothing is known
        """Return nothing."""
        return None

    def has_login(self, camera_id: str, hosts: Sequence[str], login: Login) -> bool:  # noqa: ARG002
        """Tell that it can't be told."""
        return False

    def carried(self, gb_id: str, hosts: Sequence[str], present: Present | None) -> None:
        """Return nothing."""
