"""What a request about orders is refused for.

ProblemError
├── NoTargetError         no route says where an order would go
├── UnknownTargetError    a target that is named and isn't there
├── TargetRefusedError    a target that takes no such order
├── UnknownOrderError     no such order, or one of somebody else's places
├── RouteTimesError       a route's time of day is none
└── PolicyTwiceError      two policies about one hazard at one place
"""

from service.errors import ProblemError


class NoTargetError(ProblemError):
    """No route fits: nothing was decided."""

    code = "no_target"
    status = 409
    title = "No route fits"

    def __init__(self) -> None:
        super().__init__(
            "no route says where an order about this goes: choose targets, or add a route"
        )


class UnknownTargetError(ProblemError):
    """A target that a request names isn't there."""

    code = "unknown_target"
    status = 422
    title = "No such target"

    def __init__(self, target: str, field: str = "targets") -> None:
        super().__init__(f"there is no target {target}: GET /api/dispatch/targets lists them")
        self.field = field


class TargetRefusedError(ProblemError):
    """A drill's order for a real target, or a real one for a drill's."""

    code = "target_refused"
    status = 422
    title = "Not a target for that"

    def __init__(self, target: str, *, drill: bool, field: str = "targets") -> None:
        sort = "drills'" if drill else "real"
        super().__init__(f"{target} takes no {sort} orders: choose another target")
        self.field = field


class UnknownOrderError(ProblemError):
    """No such order, or a foreign one: the same answer for both."""

    code = "unknown_order"
    status = 404
    title = "No such order"

    def __init__(self, order_id: object) -> None:
        super().__init__(f"there is no order {order_id}: GET /api/orders lists those there are")


class RouteTimesError(ProblemError):
    """A route's time of day begins or ends nowhere, or both at once."""

    code = "route_times"
    status = 422
    title = "Not a time of day"

    def __init__(self, field: str) -> None:
        super().__init__(
            "give both from_minute (0 to 1439) and to_minute, and not the same; or neither"
        )
        self.field = field


class PolicyTwiceError(ProblemError):
    """Two policies about one hazard at one place."""

    code = "policy_twice"
    status = 422
    title = "Two policies about the same"

    def __init__(self, field: str) -> None:
        super().__init__("a hazard has one policy a place: leave one out")
        self.field = field
