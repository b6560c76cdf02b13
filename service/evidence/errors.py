"""What a request about evidence is refused for.

ProblemError
├── UnknownEvidenceError    not there, gone, or in somebody else's places: one answer
├── EvidenceStoreAwayError  the store refuses or takes too long
└── AuditAwayError          the view can't be written down, so there is none

MessageError                counted and logged; the alert is taken without its picture
├── EvidenceTakenError      an alert names what is another's
└── EvidenceUntakenError    what it names can't be noted
"""

from collections.abc import Mapping
from types import MappingProxyType

from pipelines.messages import MessageError
from service.errors import ProblemError


class UnknownEvidenceError(ProblemError):
    """There is no such picture for this account."""

    code = "unknown_evidence"
    status = 404
    title = "No such evidence"

    def __init__(self) -> None:
        super().__init__(
            "it was never there, its time is over, or it is not for this account: the incident's "
            "/evidence lists what there is"
        )


class EvidenceStoreAwayError(ProblemError):
    """The store can't be asked."""

    code = "evidence_store"
    status = 503
    title = "The evidence store does not answer"
    headers: Mapping[str, str] = MappingProxyType({"Retry-After": "5"})

    def __init__(self) -> None:
        super().__init__(
            "ask again in some seconds; if it lasts, the service's log says what the store refuses"
        )


class AuditAwayError(ProblemError):
    """Nobody sees a picture that nobody will know they saw."""

    code = "audit"
    status = 503
    title = "The view can't be written down"
    headers: Mapping[str, str] = MappingProxyType({"Retry-After": "5"})

    def __init__(self) -> None:
        super().__init__(
            "the audit takes no entry, so no picture is shown: ask again in some seconds; if it "
            "lasts, the service's log says what ails the database"
        )


class EvidenceTakenError(MessageError):
    """An alert names evidence of another alert: refs can't be guessed, so it's forged or a bug."""

    code = "evidence_taken"


class EvidenceUntakenError(MessageError):
    """The database refuses what an alert names, or a rule there can't be read."""

    code = "unprocessable"
