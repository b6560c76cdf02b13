"""What an answer makes of an order and of its incident. Pure."""

from typing import Final

from pipelines.messages import OrderKind, ReceiptKind
from service.incidents.lifecycle import IncidentState, StepKind
from service.incidents.models import OrderState

S, R = OrderState, ReceiptKind

_SAYS: Final = {
    R.ACCEPTED: S.ACCEPTED,
    R.ON_SITE: S.ON_SITE,
    R.REPORT: S.REPORTED,
    R.CLOSED: S.CLOSED,
}
_FORWARD: Final = {S.ACCEPTED: 1, S.ON_SITE: 2, S.REPORTED: 3, S.CLOSED: 4}
"""How far an order has come; whoever hasn't answered yet is at 0, dead letters that arrived too."""

OVER: Final = frozenset({S.CLOSED, S.REFUSED})
"""Nothing that comes later moves these."""

UNDER_WAY: Final = frozenset({S.WAITING, S.SENT, S.ACCEPTED, S.ON_SITE, S.REPORTED})
"""Somebody may still be about it."""

WITH_A_CREW: Final = frozenset({IncidentState.DISPATCHED, IncidentState.ON_SITE})
"""Where answers move an incident; one that was opened again waits for a person."""


def order_after(state: OrderState, kind: ReceiptKind) -> OrderState:
    """Return an order's state after an answer: further or the same, never back."""
    if state in OVER:
        return state
    if kind is R.REFUSED:
        # Whoever is there has taken it.
        return S.REFUSED if _FORWARD.get(state, 0) <= _FORWARD[S.ACCEPTED] else state
    said = _SAYS[kind]
    return said if _FORWARD[said] > _FORWARD.get(state, 0) else state


def step_of(
    kind: ReceiptKind,
    *,
    to: OrderKind,
    before: OrderState,
    incident: IncidentState,
    counts: bool,
    last: bool,
) -> StepKind:
    """Return what an answer is to the incident.

    ``to`` and ``before`` are the order's kind and state, ``counts`` says whether it still sends
    somebody; ``last``: no other order of the incident is under way.
    """
    if not counts or incident not in WITH_A_CREW or before in OVER:
        return StepKind.RECEIPT
    match kind:
        case R.ON_SITE if incident is IncidentState.DISPATCHED:
            return StepKind.ARRIVED
        case R.REPORT:
            return StepKind.REPORTED
        case R.CLOSED if last:
            return StepKind.CLOSED
        # Who won't hear more of it is on the way all the same.
        case R.REFUSED if to is OrderKind.ORDER and order_after(before, kind) is S.REFUSED:
            return StepKind.ORDER_REFUSED
    return StepKind.RECEIPT
