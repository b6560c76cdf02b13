"""Who may do what: the five roles, as sets of permissions. Where comes from an account's places."""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What an account is for. One account has one."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    INTEGRATOR = "integrator"
    OPS = "ops"
    ADMIN = "admin"


class Permission(StrEnum):
    """One thing that a route lets somebody do; a token's scopes are some of its account's."""

    INCIDENT_READ = "incident.read"
    INCIDENT_JUDGE = "incident.judge"
    INCIDENT_HANDLE = "incident.handle"
    ORDER_READ = "order.read"
    ORDER_REPLAY = "order.replay"
    ORDER_RECEIPT = "order.receipt"
    DISPATCH_WRITE = "dispatch.write"
    DUTY_WRITE = "duty.write"
    EVIDENCE_HOLD = "evidence.hold"
    EVIDENCE_RETAIN = "evidence.retain"
    PLACE_READ = "place.read"
    PLACE_WRITE = "place.write"
    CAMERA_READ = "camera.read"
    CAMERA_WRITE = "camera.write"
    ACCOUNT_READ = "account.read"
    ACCOUNT_WRITE = "account.write"
    AUDIT_READ = "audit.read"
    STATUS_READ = "status.read"


SCOPES: Final = frozenset(Permission) - {
    Permission.ACCOUNT_WRITE,
    Permission.EVIDENCE_HOLD,
    Permission.EVIDENCE_RETAIN,
}
"""What a token may be given. A stolen one must not manage accounts, which outlive it, nor make
evidence go that a case needs, or stay that nobody may keep."""

_SEES: Final = frozenset({Permission.INCIDENT_READ, Permission.PLACE_READ, Permission.CAMERA_READ})

PERMISSIONS: Final = {
    Role.VIEWER: _SEES,
    Role.OPERATOR: _SEES
    | {
        Permission.INCIDENT_JUDGE,
        Permission.INCIDENT_HANDLE,
        Permission.ORDER_READ,
        Permission.ORDER_REPLAY,
        Permission.ORDER_RECEIPT,
        Permission.STATUS_READ,
    },
    # Whoever registers streams has no business with what happens in front of them.
    Role.INTEGRATOR: frozenset(
        {Permission.PLACE_READ, Permission.CAMERA_READ, Permission.CAMERA_WRITE}
    ),
    Role.OPS: frozenset(
        {
            Permission.PLACE_READ,
            Permission.CAMERA_READ,
            Permission.STATUS_READ,
            Permission.AUDIT_READ,
            Permission.ORDER_READ,
            Permission.ORDER_REPLAY,
        }
    ),
    Role.ADMIN: frozenset(Permission),
}
"""Everything that a role may do, inside its account's places only."""
