"""The database's tables, in types that SQLite and PostgreSQL both have.

Changing one means a new file in ``migrations/versions``: a test compares the two.
"""

from service.tables.duty import clock_rules, duty_shifts, handovers
from service.tables.estate import (
    camera_figures,
    camera_health,
    camera_removals,
    camera_states,
    camera_windows,
    cameras,
)
from service.tables.happenings import (
    alerts,
    candidates,
    feed,
    incident_breaches,
    incident_cameras,
    incident_places,
    incident_steps,
    incidents,
    verdicts,
)
from service.tables.kept import (
    audit,
    evidence,
    evidence_gone,
    evidence_holds,
    evidence_rules,
)
from service.tables.kinds import HazardWord, UtcDateTime, metadata
from service.tables.ordering import (
    dispatch_policies,
    dispatch_routes,
    order_attempts,
    orders,
    receipts,
    target_states,
)
from service.tables.people import (
    account_places,
    accounts,
    login_failures,
    oidc_flows,
    places,
    sessions,
    tokens,
)
from service.tables.registering import (
    camera_import_rows,
    camera_imports,
    place_pictures,
    probed,
    probes,
    saved_views,
)

__all__ = [
    "HazardWord",
    "UtcDateTime",
    "account_places",
    "accounts",
    "alerts",
    "audit",
    "camera_figures",
    "camera_health",
    "camera_import_rows",
    "camera_imports",
    "camera_removals",
    "camera_states",
    "camera_windows",
    "cameras",
    "candidates",
    "clock_rules",
    "dispatch_policies",
    "dispatch_routes",
    "duty_shifts",
    "evidence",
    "evidence_gone",
    "evidence_holds",
    "evidence_rules",
    "feed",
    "handovers",
    "incident_breaches",
    "incident_cameras",
    "incident_places",
    "incident_steps",
    "incidents",
    "login_failures",
    "metadata",
    "oidc_flows",
    "order_attempts",
    "orders",
    "place_pictures",
    "places",
    "probed",
    "probes",
    "receipts",
    "saved_views",
    "sessions",
    "target_states",
    "tokens",
    "verdicts",
]
