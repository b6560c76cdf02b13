"""Evidence, holds and retention, as requests and as answers."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from pipelines.messages import EVIDENCE_REF_PATTERN, EvidenceAbsence, EvidencePart
from service.cameras.bodies import Body, in_words
from service.places.codes import ROOT_CODE
from service.refusals import Refusal, RefusedError
from service.text import Query, require_plain
from vision.hazards import Hazard

REASON_LENGTH: Final = 500

DEFAULT_DAYS: Final = 30
"""A verdict can be given for 14 days, and whoever investigates a fire asks within weeks: a month
serves both. Recordings of such systems are kept as long (PRIVACY.md). Longer takes a rule."""

MOST_DAYS: Final = 180
"""Half a year. What a case needs for longer is held, by name and with a reason."""

MOST_RULES: Final = 500
"""Each county of a province for each of some hazards."""


class Why(StrEnum):
    """What somebody looks at a picture for."""

    VERIFY = "verify"
    DISPATCH = "dispatch"
    REVIEW = "review"
    COMPLAINT = "complaint"


def _plain(text: str) -> str:
    text = text.replace("\r\n", "\n")
    require_plain(text, lines=True)
    return text


Ref = Annotated[str, StringConstraints(pattern=EVIDENCE_REF_PATTERN.replace(r"\Z", "$"))]
"""As the list names it."""

Reason = Annotated[
    str,
    Field(description="Such as a case number. The audit keeps it for good: name no people"),
    StringConstraints(strip_whitespace=True, min_length=1, max_length=REASON_LENGTH),
    AfterValidator(in_words(_plain)),
]


class Reasoned(Body):
    """Why somebody holds or releases evidence."""

    reason: Reason


class HoldOut(BaseModel):
    """A legal hold: nothing of the incident goes while it lasts."""

    by: str
    reason: str
    at: datetime


class EvidenceOut(BaseModel):
    """The pictures of one alert."""

    ref: str
    alert_id: UUID
    made_at: datetime
    expires_at: Annotated[datetime, Field(description="Passes without effect while it is held")]
    parts: list[EvidencePart]
    hold: HoldOut | None


class EvidenceList(BaseModel):
    """An incident's evidence, newest first."""

    evidence: list[EvidenceOut]
    absent: Annotated[
        EvidenceAbsence | None, Field(description="Why the latest alert has none; null if it has")
    ]
    hold: Annotated[HoldOut | None, Field(description="Also on what is still to come")]


class Rule(Body):
    """How long evidence of a hazard at a place and all below it is kept; null is any."""

    hazard: Hazard | None = None
    place_code: Annotated[Query | None, Field(description="0 is the same as null")] = None
    days: Annotated[int, Field(strict=True, ge=1, le=MOST_DAYS)]


class RetentionIn(Body):
    """Every rule there is to be."""

    rules: Annotated[list[Rule], Field(max_length=MOST_RULES)]

    @model_validator(mode="after")
    def _checked(self) -> "RetentionIn":
        in_words(_settled)(self)
        return self


class RetentionOut(BaseModel):
    """The rules. The most specific holds: the nearest place, then the hazard."""

    rules: list[Rule]
    default_days: Annotated[int, Field(description="Where no rule says anything")]


def _settled(given: RetentionIn) -> None:
    """Write the whole installation one way only, and refuse two rules about the same."""
    seen = set()
    for rule in given.rules:
        if rule.place_code == ROOT_CODE:
            rule.place_code = None
        about = (rule.hazard, rule.place_code)
        if about in seen:
            hazard, place_code = rule.hazard or "", rule.place_code or ""
            raise RefusedError(
                Refusal.RETENTION_TWICE,
                f"two rules are about hazard {hazard or 'any'} at place {place_code or 'any'}: "
                "leave one out",
                hazard=str(hazard),
                place_code=place_code,
            )
        seen.add(about)
