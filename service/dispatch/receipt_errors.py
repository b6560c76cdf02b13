"""What an answer to an order is refused for, besides an order that isn't there.

ProblemError
├── OrderNotSentError    nobody can have it yet
├── ReceiptReusedError   another answer has its id
├── ReceiptTimeError     it is of no time that could be
├── NotYourOrderError    its target answers by other accounts
└── DrillMixedError      a drill's order at a real incident, or the other way round
"""

from service.errors import ProblemError


class OrderNotSentError(ProblemError):
    """Nobody can answer what nobody has."""

    code = "order_not_sent"
    status = 409
    title = "The order has not been sent"

    def __init__(self, target: str) -> None:
        super().__init__(
            f"nothing has been sent to {target} yet, so nobody can answer it: see to the target "
            "first, GET /api/dispatch/targets tells how it does"
        )


class ReceiptReusedError(ProblemError):
    """An id is one answer's for good."""

    code = "receipt_reused"
    status = 409
    title = "The id is another answer's"

    def __init__(self, receipt_id: object) -> None:
        super().__init__(f"{receipt_id} is the id of another answer: give each its own")


class ReceiptTimeError(ProblemError):
    """The sender's clock is wrong."""

    code = "receipt_time"
    status = 422
    title = "Not a time of an answer"
    field = "at"

    def __init__(self) -> None:
        super().__init__("it is ahead of now, or of long ago: set the sender's clock by NTP")


class NotYourOrderError(ProblemError):
    """The file of targets says who answers for a target."""

    code = "not_your_order"
    status = 403
    title = "Somebody else answers this order"

    def __init__(self, target: str, login: str) -> None:
        super().__init__(
            f"{login} doesn't answer for {target}: answer by an account that stands in its "
            "receipts_from, in the file of targets"
        )


class DrillMixedError(ProblemError):
    """A bug, or somebody wrote into the database: nothing real may follow from a drill."""

    code = "drill_mixed"
    status = 409
    title = "A drill among the real"

    def __init__(self) -> None:
        super().__init__("the order or its incident is a drill, the other isn't: report this")
