"""What may happen to an incident, and where it stands after that. Pure.

new ─► seen ─► confirmed ─► dispatched ─► on_site ─► closed
  └──────┴─────────┴────────────┴───────────┴─► false, closed        false, closed ─► seen
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

POLICY_PREFIX: Final = "policy:"
"""An actor with this prefix is a rule of the product."""

TARGET_PREFIX: Final = "target:"
"""An actor with this prefix is who orders are sent to; without any, it is a person's login."""

CLOCK: Final = "policy:clock"
"""Whoever notices that time has passed."""

MERGED: Final = "merged"
"""The reason of what happens to two incidents only because one became part of the other."""


class IncidentState(StrEnum):
    """Where an incident stands."""

    NEW = "new"
    SEEN = "seen"
    CONFIRMED = "confirmed"
    FALSE = "false"
    DISPATCHED = "dispatched"
    ON_SITE = "on_site"
    CLOSED = "closed"


class StepKind(StrEnum):
    """One thing that happened to an incident: what its history is made of."""

    OPENED = "opened"
    SEEN = "seen"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    DISPATCHED = "dispatched"
    ARRIVED = "arrived"
    REPORTED = "reported"
    CLOSED = "closed"
    REOPENED = "reopened"
    RESUMED = "resumed"
    ASSIGNED = "assigned"
    MERGED = "merged"
    SPLIT = "split"
    NOTED = "noted"
    BREACHED = "breached"
    ESCALATED = "escalated"
    ORDER_SENT = "order_sent"
    ORDER_DEAD = "order_dead"
    ORDER_REFUSED = "order_refused"
    ORDER_SILENT = "order_silent"
    RECEIPT = "receipt"


S, K = IncidentState, StepKind

OPEN: Final = frozenset({S.NEW, S.SEEN, S.CONFIRMED, S.DISPATCHED, S.ON_SITE})
"""Somebody still has to do something."""

OVER: Final = frozenset(IncidentState) - OPEN

_UNDER_WAY: Final = {S.DISPATCHED: S.DISPATCHED, S.ON_SITE: S.ON_SITE}
_STAYING: Final = {state: state for state in IncidentState}

_AFTER: Final[Mapping[StepKind, Mapping[IncidentState, IncidentState]]] = {
    K.SEEN: {S.NEW: S.SEEN},
    K.CONFIRMED: {S.NEW: S.CONFIRMED, S.SEEN: S.CONFIRMED},
    K.DISMISSED: dict.fromkeys(OPEN, S.FALSE),
    K.DISPATCHED: {S.CONFIRMED: S.DISPATCHED} | _UNDER_WAY,
    K.ARRIVED: {S.DISPATCHED: S.ON_SITE},
    K.REPORTED: _UNDER_WAY,
    K.CLOSED: dict.fromkeys(OPEN, S.CLOSED),
    K.REOPENED: dict.fromkeys(OVER, S.SEEN),
    # A drill that ended and goes on; see ``after``.
    K.RESUMED: {S.CLOSED: S.DISPATCHED},
    K.ASSIGNED: {state: state for state in OPEN},
    K.MERGED: {state: state for state in OPEN},
    K.SPLIT: {state: state for state in OPEN},
}
"""What may happen in which state, and what comes of it; what isn't here changes no state."""

DECIDING: Final = frozenset(_AFTER)
"""Whoever decides one of these must know what was decided before: they count up the version."""

REASONED: Final = frozenset({K.DISMISSED, K.CLOSED, K.REOPENED})
"""Nobody does these without a reason."""


class IllegalStepError(ValueError):
    """That can't happen in this state."""

    def __init__(self, state: IncidentState, kind: StepKind) -> None:
        super().__init__(f"an incident that is {state} can't be {kind}")
        self.state = state
        self.kind = kind


def after(state: IncidentState, kind: StepKind, was: IncidentState | None = None) -> IncidentState:
    """Return the state after a step. Raises ``IllegalStepError``.

    ``was`` is where an incident that is over stood before: what is resumed stands there again.
    """
    try:
        reached = _AFTER.get(kind, _STAYING)[state]
    except KeyError:
        raise IllegalStepError(state, kind) from None
    return was if kind is K.RESUMED and was in OPEN else reached


def implied(state: IncidentState, kind: StepKind, *, by_person: bool) -> tuple[StepKind, ...]:
    """Return what happens at the same moment before: whoever decides about it has seen it."""
    sees = by_person and state is S.NEW and kind in DECIDING and kind is not K.SEEN
    return (K.SEEN,) if sees else ()


def allowed(state: IncidentState) -> frozenset[StepKind]:
    """Return what may be decided in a state."""
    return frozenset(kind for kind, states in _AFTER.items() if state in states)


def actor_of(target: str) -> str:
    """Return who a target is in histories."""
    return f"{TARGET_PREFIX}{target}"


def is_person(actor: str) -> bool:
    """Tell whether an actor is somebody with a login."""
    return not actor.startswith((POLICY_PREFIX, TARGET_PREFIX))
