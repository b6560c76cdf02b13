"""What imports are made with."""

from collections.abc import Callable
from dataclasses import dataclass

from service.accounts.gate import Gate
from service.cameras.sealer import Sealer
from service.database import Database
from service.housekeeping import Vitals
from service.imports.logins_seen import LoginsSeen
from service.imports.running import ImportRunner


@dataclass(frozen=True, slots=True, kw_only=True)
class Imports:
    """What the routes of imports work with."""

    database: Database
    """Where imports and cameras are."""
    gate: Gate
    """Who may."""
    sealer: Sealer
    """Seals the files' logins."""
    runner: ImportRunner
    """The thread."""
    logins_seen: LoginsSeen
    """So that a file sent again changes nothing."""
    vitals: Vitals
    """Which workers are heard of: the list's filters ask."""
    changed: Callable[[], None]
    """Called after each commit of cameras."""
