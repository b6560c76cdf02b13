from itertools import pairwise, product

from pipelines.messages import OrderKind, ReceiptKind
from service.dispatch.answering import order_after, step_of
from service.incidents.lifecycle import IncidentState, StepKind, after
from service.incidents.models import OrderState

FORWARD = ("sent", "accepted", "on_site", "reported", "closed")


def test_an_order_only_goes_forward() -> None:
    said = {OrderState(state): kind for state, kind in zip(FORWARD[1:], ReceiptKind, strict=False)}
    for before, later in pairwise(OrderState(one) for one in FORWARD):
        assert order_after(before, said[later]) is later
        assert order_after(later, said[later]) is later
    for early, late in product(said, said):
        if FORWARD.index(early) < FORWARD.index(late):
            assert order_after(late, said[early]) is late


def test_refusing_is_for_whoever_is_not_there_and_ends_an_order() -> None:
    refused = OrderState.REFUSED
    for state in ("waiting", "sent", "dead", "accepted"):
        assert order_after(OrderState(state), ReceiptKind.REFUSED) is refused
    for state in ("on_site", "reported", "closed"):
        assert order_after(OrderState(state), ReceiptKind.REFUSED) == state
    assert {order_after(refused, kind) for kind in ReceiptKind} == {refused}


def test_no_answer_is_an_illegal_step_whatever_the_states_are() -> None:
    seen = set()
    for kind, to, before, incident, counts, last in product(
        ReceiptKind, OrderKind, OrderState, IncidentState, (True, False), (True, False)
    ):
        step = step_of(kind, to=to, before=before, incident=incident, counts=counts, last=last)
        after(incident, step)
        seen.add(step)
        if not counts or incident not in {IncidentState.DISPATCHED, IncidentState.ON_SITE}:
            assert step is StepKind.RECEIPT
        if to is not OrderKind.ORDER:
            # Who won't hear more is on the way all the same.
            assert step is not StepKind.ORDER_REFUSED
    assert seen == {
        StepKind.RECEIPT, StepKind.ARRIVED, StepKind.REPORTED, StepKind.CLOSED,
        StepKind.ORDER_REFUSED,
    }  # fmt: skip
