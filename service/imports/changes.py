"""What a row asks for, as the table of cameras keeps it, and how it differs from what is there."""

from collections.abc import Mapping
from typing import Any, Final

from service.cameras.models import CameraPatch
from service.cameras.position import rounded

_PLAIN: Final = (
    "gb_id", "name", "programme", "place_type", "purpose", "legal_basis", "owner",
    "contact_number", "upstream", "place_code", "enabled",
)  # fmt: skip

POSITION: Final = ("longitude", "latitude", "coordinate_system")
_DEGREES: Final = frozenset({"longitude", "latitude"})


def stored(patch: CameraPatch) -> dict[str, Any]:
    """Return the columns that a change from a row speaks of, as they are compared."""
    named = patch.model_fields_set
    found: dict[str, Any] = {}
    for name in _PLAIN:
        if name in named:
            value = getattr(patch, name)
            found[name] = getattr(value, "value", value)
    for name in ("main_url", "sub_url"):
        if name in named:
            address = getattr(patch, name)
            found[name] = None if address is None else address.url
    if "hazards" in named:
        found["hazards"] = sorted({hazard.value for hazard in patch.hazards})
    if "position" in named:
        found["longitude"] = patch.position.longitude
        found["latitude"] = patch.position.latitude
        found["coordinate_system"] = patch.position.coordinate_system.value
    return found


def changes(patch: CameraPatch, columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that a change would alter; of a position, all of it or nothing."""
    wanted = stored(patch)
    found = {name: value for name, value in wanted.items() if _present(name, columns) != value}
    if set(POSITION) & set(found):
        found |= {name: wanted[name] for name in POSITION}
    return found


def _present(name: str, columns: Mapping[str, Any]) -> Any:
    """Return what is there, of a position only as many decimals as are compared."""
    return rounded(columns[name]) if name in _DEGREES else columns[name]
