"""What a request about verdicts and proposals is refused for.

ProblemError
├── DrillIncidentError   a drill is neither real nor false
├── VerdictTooLateError  the incident's scores are gone
└── NotProposedError     the proposal is no longer what follows from the verdicts
    └── ProposalChangedError  something like it does, but not what was shown
"""

from service.errors import ProblemError


class DrillIncidentError(ProblemError):
    """A drill was made by the product itself: nothing can be learned from a verdict on it."""

    code = "drill_incident"
    status = 409
    title = "A drill"

    def __init__(self) -> None:
        super().__init__("drills aren't judged: they are made to be found")


class VerdictTooLateError(ProblemError):
    """Verdicts stay as they were once nothing can be replayed for them."""

    code = "verdict_too_late"
    status = 409
    title = "Too late for a verdict"

    def __init__(self, days: int) -> None:
        super().__init__(
            f"its scores are kept for {days} days and gone by now: judge a later incident"
        )


class NotProposedError(ProblemError):
    """Recomputed, it isn't proposed, or not like this."""

    code = "not_proposed"
    status = 409
    title = "Not what is proposed"

    def __init__(self, now: str = "nothing of the kind is proposed") -> None:
        super().__init__(
            f"verdicts, scores or the camera changed since it was shown. By now {now}. Load the "
            "proposals anew, look at what they would have missed, then accept one by its digest"
        )


class ProposalChangedError(NotProposedError):
    """A yes holds for what was seen, and nothing else."""
