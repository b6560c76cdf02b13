"""What a request about duty is refused for.

ProblemError
├── DutyAccountError       an account that can't do duty at the place
├── HandoverPlaceError     an account of several places that names none
├── HandoverTakerError     nobody who could take over
├── UnknownHandoverError   no such handover, or a foreign one
├── HandoverOverError      signed, declined or withdrawn already
├── HandoverBegunError     being signed: incidents have passed already
├── HandoverWaitingError   another of the same place waits for its signature
└── NotYourSignatureError  somebody else's word is wanted
"""

from datetime import datetime
from uuid import UUID

from service.errors import ProblemError


class DutyAccountError(ProblemError):
    """Absent, foreign, disabled and powerless accounts are the same answer."""

    code = "duty_account"
    status = 422
    title = "Not an account for this duty"

    def __init__(self, account_id: UUID, field: str) -> None:
        super().__init__(
            f"no account {account_id} may handle incidents there: choose an operator or "
            "administrator whose places include it, or give a name and a number"
        )
        self.field = field


class HandoverPlaceError(ProblemError):
    """Without a place it would be the smallest that holds them all, which isn't the account's."""

    code = "handover_place"
    status = 422
    title = "Which place is handed over?"
    field = "place_code"

    def __init__(self) -> None:
        super().__init__("your account has several places: name one, and hand over each by itself")


class HandoverTakerError(ProblemError):
    """Absent, foreign, disabled and powerless accounts are the same answer, as is oneself."""

    code = "handover_taker"
    status = 422
    title = "Nobody to hand over to"
    field = "to_login"

    def __init__(self, login: str) -> None:
        super().__init__(
            f"{login} can't take over there: choose another operator or administrator whose places "
            "include it"
        )


class UnknownHandoverError(ProblemError):
    """No such handover, or one outside the places of who asks."""

    code = "unknown_handover"
    status = 404
    title = "No such handover"

    def __init__(self, handover_id: UUID) -> None:
        super().__init__(f"there is no handover {handover_id}: GET /api/handovers lists yours")


class HandoverOverError(ProblemError):
    """A handover is signed, declined or withdrawn once."""

    code = "handover_over"
    status = 409
    title = "The handover is over"

    def __init__(self, state: str, at: datetime | None) -> None:
        moment = "" if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")
        super().__init__(
            f"it was {state} at {moment}: for another, POST /api/handovers",
            None,
            state=state,
            at=moment,
        )


class HandoverBegunError(ProblemError):
    """Some incidents have passed: that it was declined or withdrawn would not be true."""

    code = "handover_begun"
    status = 409
    title = "The handover is being signed"

    def __init__(self, login: str) -> None:
        super().__init__(
            f"{login} has begun to sign, and has some of the incidents: what isn't wanted can be "
            "assigned back",
            None,
            login=login,
        )


class HandoverWaitingError(ProblemError):
    """One at a time: two takers would both believe that they have what was open."""

    code = "handover_waiting"
    status = 409
    title = "A handover waits already"

    def __init__(self, to_login: str) -> None:
        super().__init__(
            f"yours to {to_login} waits for a signature: withdraw it first", None, login=to_login
        )


class NotYourSignatureError(ProblemError):
    """The taker signs and declines, the giver withdraws."""

    code = "handover_signature"
    status = 409
    title = "Not your signature"

    def __init__(self, login: str) -> None:
        super().__init__(f"that is for {login} alone, in a session of their own", None, login=login)
