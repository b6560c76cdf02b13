"""Cameras registered, changed and removed: what must be true of each, and what is audited."""

from collections.abc import Container, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection

from pipelines.messages import ZoneKind
from service.accounts.principal import Principal
from service.audit.log import record
from service.cameras import store
from service.cameras.drawn import stored_zones
from service.cameras.errors import DrillCameraError, GbIdTakenError, UnknownCameraError
from service.cameras.logins import Login, hosts_of, login_of, require_bound
from service.cameras.models import CameraLogin, CameraPatch, NewCamera
from service.cameras.needs import require_needs
from service.cameras.sealer import Sealer
from service.places import store as place_store
from service.places.errors import UnknownPlaceError
from service.revisions import require_newest

_PLAIN: Final = (
    "gb_id",
    "name",
    "programme",
    "place_type",
    "purpose",
    "legal_basis",
    "owner",
    "contact_number",
    "upstream",
    "place_code",
    "enabled",
)
"""Fields that are stored as they come."""

_SEEN_BY: Final = ("hazards", "zones", "water")
"""What has to fit together: hazards, and what they are seen by."""

_AUDITED: Final = (
    *_PLAIN,
    "longitude",
    "latitude",
    "coordinate_system",
    "main_url",
    "sub_url",
    "hazards",
    "zones",
    "water",
    "thresholds",
    "sign_confirmed_by",
)
"""What the audit shows of a change. The addresses hold no login; credentials aren't among these."""


class Registry:
    """Changes the registry for a principal, each time inside the caller's transaction."""

    def __init__(self, connection: Connection, principal: Principal, sealer: Sealer) -> None:
        self.connection = connection
        self.principal = principal
        self._sealer = sealer
        self.now = datetime.now(UTC)

    def add(
        self, new: NewCamera, *, camera_id: str | None = None, sealed: str | None = None
    ) -> str:
        """Register a camera; returns its id.

        ``sealed`` is a login that was sealed before, for ``camera_id`` and hosts that are checked.
        """
        camera_id = camera_id or str(uuid4())
        values = self._columns(new)
        self._require_place(new.place_code)
        self._require_free(new.gb_id, None)
        require_needs(*(values[name] for name in _SEEN_BY))
        login = login_of(new.credentials, [new.main_url, new.sub_url])
        hosts = hosts_of([values["main_url"], values.get("sub_url")])
        require_bound(sealed, hosts)
        if login is not None:
            sealed = self._sealed(camera_id, hosts, login)
        self._insert(
            {
                **values,
                "camera_id": camera_id,
                "sealed_credentials": sealed,
                "drill": False,
                "revision": 1,
                "published_revision": 0,
                "created_at": self.now,
                "created_by": self.principal.login,
                "updated_at": self.now,
                "updated_by": self.principal.login,
            },
        )
        detail = {name: values[name] for name in _AUDITED if values.get(name) is not None}
        self._record("camera.created", camera_id, new.place_code, detail | _credentials(sealed))
        return camera_id

    def planned(
        self, row: store.Row, patch: CameraPatch, sealed: str | None = None
    ) -> dict[str, Any]:
        """Return the columns that a change of an editable camera would make differ.

        ``sealed`` is a login that was sealed before, as ``add`` takes it. Raises as ``change``
        does, and writes nothing.
        """
        camera_id = row["camera_id"]
        values = self._columns(patch)
        if "place_code" in values:
            self._require_place(values["place_code"])
        if "gb_id" in values and values["gb_id"] != row["gb_id"]:
            self._require_free(values["gb_id"], camera_id)
        if any(name in values for name in _SEEN_BY):
            require_needs(*(values.get(name, row[name]) for name in _SEEN_BY))
        values |= self._sealed_anew(row, patch, values, sealed)
        return {name: value for name, value in values.items() if row[name] != value}

    def change(
        self, camera_id: str, if_match: str, patch: CameraPatch, *, sealed: str | None = None
    ) -> None:
        """Change a camera, if ``if_match`` is its newest revision."""
        row = self._newest(camera_id, if_match)
        if changed := self.planned(row, patch, sealed):
            self.apply(row, changed)

    def apply(self, row: store.Row, changed: Mapping[str, Any]) -> None:
        """Store what ``planned`` said of this row, which must be as it was then."""
        camera_id = row["camera_id"]
        self._update(camera_id, changed)
        if _private(changed.get("zones", row["zones"])) - _private(row["zones"]):
            store.let_pictures_go(self.connection, camera_id, self.now)
        detail: dict[str, Any] = {
            name: {"old": row[name], "new": changed[name]} for name in _AUDITED if name in changed
        }
        if "sign_confirmed_at" in changed:
            detail["sign_confirmed"] = True
        if "sealed_credentials" in changed:
            detail["credentials"] = "removed" if changed["sealed_credentials"] is None else "set"
        place_code = row["place_code"]
        if "place_code" in changed:
            del detail["place_code"]
            place_code = self._moved(camera_id, place_code, changed["place_code"])
        if detail:
            self._record("camera.changed", camera_id, place_code, detail)

    def set_credentials(self, camera_id: str, if_match: str, given: CameraLogin | None) -> None:
        """Seal other credentials for a camera, or remove them, if ``if_match`` is its newest.

        Otherwise they would be sealed for an address that whoever gives them has never seen.
        """
        row = self._newest(camera_id, if_match)
        if given is None and row["sealed_credentials"] is None:
            return
        hosts = hosts_of([row["main_url"], row["sub_url"]])
        login = login_of(given, [])
        self._update(camera_id, {"sealed_credentials": self._sealed(camera_id, hosts, login)})
        detail = {"credentials": "set" if login else "removed"}
        self._record("camera.changed", camera_id, row["place_code"], detail)

    def remove(self, camera_id: str, if_match: str) -> None:
        """Take a camera off the registry, if ``if_match`` is its newest revision."""
        row = self._newest(camera_id, if_match)
        store.remove(self.connection, row, self.now)
        detail = {name: row[name] for name in ("gb_id", "name")}
        self._record("camera.removed", camera_id, row["place_code"], detail)

    def existing(self, camera_id: str) -> store.Row:
        """Return a camera's row. Raises ``UnknownCameraError``, also for a foreign one."""
        row = store.visible(self.connection, self.principal, camera_id)
        if row is None:
            raise UnknownCameraError(camera_id)
        return row

    def editable(self, camera_id: str) -> store.Row:
        """Return a camera's row, unless it is a drill's. Raises ``UnknownCameraError`` as well."""
        row = self.existing(camera_id)
        if row["drill"]:
            raise DrillCameraError
        return row

    def touch(self, row: store.Row, action: str, detail: Mapping[str, Any]) -> None:
        """Count a camera's revision up for what another table holds, so that its worker hears."""
        self._update(row["camera_id"], {})
        self._record(action, row["camera_id"], row["place_code"], detail)

    def _newest(self, camera_id: str, if_match: str) -> store.Row:
        row = self.editable(camera_id)
        require_newest(if_match, row["revision"])
        return row

    def _columns(self, given: NewCamera | CameraPatch) -> dict[str, Any]:
        """Return the columns that a request speaks of; of a new camera, all but what has none."""
        named = given.model_fields_set
        if isinstance(given, NewCamera):
            named = set(NewCamera.model_fields)
        values: dict[str, Any] = {name: getattr(given, name) for name in _PLAIN if name in named}
        for name in ("programme", "place_type"):
            if name in values:
                values[name] = values[name].value
        for name in ("main_url", "sub_url"):
            if name in named:
                address = getattr(given, name)
                values[name] = None if address is None else address.url
        if "position" in named:
            values |= _position_columns(given)
        if "hazards" in named:
            values["hazards"] = sorted({hazard.value for hazard in given.hazards})
        values |= _drawn_columns(given, named)
        if "sign_confirmed" in named:
            values["sign_confirmed_by"] = self.principal.login
            values["sign_confirmed_at"] = self.now
        return values

    def _sealed_anew(
        self,
        row: store.Row,
        patch: CameraPatch,
        values: Mapping[str, Any],
        sealed: str | None,
    ) -> dict[str, Any]:
        """Return the credentials' column if the change touches it."""
        named = patch.model_fields_set
        addresses = [getattr(patch, name) for name in ("main_url", "sub_url") if name in named]
        login = login_of(patch.credentials, addresses)
        hosts = hosts_of(values.get(name, row[name]) for name in ("main_url", "sub_url"))
        if login is not None:
            return {"sealed_credentials": self._sealed(row["camera_id"], hosts, login)}
        if "credentials" in named:
            return {"sealed_credentials": None}
        require_bound(sealed or row["sealed_credentials"], hosts)
        return {} if sealed is None else {"sealed_credentials": sealed}

    def _sealed(self, camera_id: str, hosts: list[str], login: Login | None) -> str | None:
        if login is None:
            return None
        return self._sealer.seal(camera_id, hosts, login.user, login.password)

    def _require_place(self, code: str) -> None:
        if place_store.visible(self.connection, self.principal, code) is None:
            raise UnknownPlaceError(code, "place_code")

    def _require_free(self, gb_id: str | None, camera_id: str | None) -> None:
        if gb_id is None:
            return
        other = store.with_gb_id(self.connection, self.principal, gb_id, but=camera_id)
        if other is not None:
            raise GbIdTakenError(other)

    def _insert(self, values: Mapping[str, Any]) -> None:
        store.insert(self.connection, values)

    def _update(self, camera_id: str, values: Mapping[str, Any]) -> None:
        by = {"updated_at": self.now, "updated_by": self.principal.login}
        store.update(self.connection, camera_id, {**values, **by})

    def _moved(self, camera_id: str, old: str, new: str) -> str:
        """Tell each place of its own side: who sees the one need not know the other."""
        self._record("camera.moved_out", camera_id, old, {"moved_out": old})
        self._record("camera.moved_in", camera_id, new, {"moved_in": new})
        return new

    def _record(
        self, action: str, camera_id: str, place_code: str, detail: Mapping[str, Any]
    ) -> None:
        record(
            self.connection,
            actor=self.principal.login,
            action=action,
            object_kind="camera",
            object_id=camera_id,
            place_code=place_code,
            detail=detail,
        )


def _position_columns(given: NewCamera | CameraPatch) -> dict[str, Any]:
    found = given.position.converted()
    return {
        "longitude": found.longitude,
        "latitude": found.latitude,
        "coordinate_system": found.coordinate_system.value,
        "wgs84_longitude": found.wgs84_longitude,
        "wgs84_latitude": found.wgs84_latitude,
    }


def _drawn_columns(given: NewCamera | CameraPatch, named: Container[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if "zones" in named:
        values["zones"] = stored_zones(given.zones)
    if "water" in named:
        values["water"] = given.water and given.water.model_dump(mode="json")
    if "thresholds" in named:
        values["thresholds"] = given.thresholds.model_dump(exclude_none=True)
    return values


def _private(zones: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return what is private in a camera's picture, as texts."""
    return {str(one["polygon"]) for one in zones if one.get("kind") == ZoneKind.PRIVACY}


def _credentials(sealed: str | None) -> dict[str, str]:
    return {} if sealed is None else {"credentials": "set"}
