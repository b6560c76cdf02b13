"""Why an incident is not changed: answers in words, each with what to do."""

from datetime import datetime

from service.errors import ProblemError
from service.incidents.lifecycle import IllegalStepError
from service.refusals import Refusal


class IncidentChangedError(ProblemError):
    """Somebody else was faster: they won, and this one is told."""

    code = "incident_changed"
    status = 409
    title = "The incident has changed meanwhile"

    def __init__(self, state: str, actor: str, at: datetime) -> None:
        moment = at.isoformat(timespec="seconds").replace("+00:00", "Z")
        super().__init__(
            f"{actor} was faster, at {moment}; the incident is {state} now: look at it again",
            None,
            state=state,
            actor=actor,
            at=moment,
        )


class IncidentStepError(ProblemError):
    """It can't happen to an incident that stands where this one stands."""

    code = "incident_step_refused"
    status = 409
    title = "Not possible in the incident's state"

    def __init__(self, error: IllegalStepError) -> None:
        super().__init__(
            f"{error}: load it again to see what is possible",
            None,
            state=error.state.value,
            action=error.kind.value,
        )


class MergedIncidentError(ProblemError):
    """The incident has become part of another."""

    code = "incident_merged"
    status = 409
    title = "The incident is part of another"

    def __init__(self, into: str) -> None:
        super().__init__(f"it has become part of the incident {into}: go on there", None, into=into)


class CannotMergeError(ProblemError):
    """The two can't become one."""

    code = "incidents_unmergeable"
    status = 409
    title = "The incidents can't be merged"

    def __init__(self, said: str, reason: Refusal) -> None:
        super().__init__(said, reason)
        self.field = "into"


class CannotSplitError(ProblemError):
    """These alerts can't leave."""

    code = "incident_unsplittable"
    status = 409
    title = "The incident can't be split like that"

    def __init__(self, said: str, reason: Refusal) -> None:
        super().__init__(said, reason)
        self.field = "alerts"


class AssigneeError(ProblemError):
    """Nobody of that id may handle the incident; whether there is such an account isn't told."""

    code = "assignee_unable"
    status = 409
    title = "Not one who may handle it"

    def __init__(self) -> None:
        super().__init__(
            "no account of that id may handle this incident: /api/colleagues lists those that may"
        )
        self.field = "assignee"
