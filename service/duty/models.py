"""Deadlines, rosters and handovers, as requests and as answers."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from service.cameras.bodies import Body, in_words
from service.cameras.models import Contact
from service.duty.clocks import Clock
from service.incidents.lifecycle import IncidentState
from service.places.codes import ROOT_CODE, Level
from service.refusals import Refusal, RefusedError
from service.text import Name, Paragraph, Query
from vision.hazards import Hazard, Severity

SHORTEST_S: Final = 10
"""Nobody reacts faster; less would only be a way to flood people."""

LONGEST_S: Final = 86_400
"""A deadline of more than a day is a reminder for a calendar."""

MOST_RULES: Final = 500
"""Each county of a province for each of some hazards."""

MOST_SHIFTS: Final = 200
"""Of one place: three shifts a day of a month of holidays and every weekday, and more."""

DAY_MINUTES: Final = 1440

Seconds = Annotated[
    int | None,
    Field(
        strict=True,
        ge=SHORTEST_S,
        le=LONGEST_S,
        description="From when the incident waits; null is no such clock",
    ),
]


class LimitsOut(BaseModel):
    """Deadlines in seconds."""

    seen_s: int | None
    sent_s: int | None
    report_s: int | None


class ClockRule(Body):
    """The deadlines of a hazard at a place and all below it; null is any."""

    hazard: Hazard | None = None
    place_code: Annotated[Query | None, Field(description="0 is the same as null")] = None
    seen_s: Seconds
    sent_s: Seconds
    report_s: Seconds


class ClocksIn(Body):
    """Every rule there is to be in one's own places."""

    rules: Annotated[list[ClockRule], Field(max_length=MOST_RULES)]

    @model_validator(mode="after")
    def _checked(self) -> "ClocksIn":
        in_words(_settled)(self)
        return self


class ClocksOut(BaseModel):
    """The rules. The most specific holds: the nearest place, then the hazard."""

    revision: Annotated[int, Field(description="Of the rules; what a change is a change of")]
    rules: Annotated[list[ClockRule], Field(description="Of one's own places")]
    inherited: Annotated[
        list[ClockRule],
        Field(description="Of places above: they hold where none of one's own does"),
    ]
    usual: Annotated[LimitsOut, Field(description="Where no rule says anything")]
    without: Annotated[
        list[Hazard], Field(description="Without clocks, unless a rule names the hazard")
    ]


def _settled(given: ClocksIn) -> None:
    """Write the whole installation one way only, and refuse two rules about the same."""
    seen = set()
    for rule in given.rules:
        if rule.place_code == ROOT_CODE:
            rule.place_code = None
        about = (rule.hazard, rule.place_code)
        if about in seen:
            raise RefusedError(
                Refusal.CLOCK_RULE_TWICE,
                f"two rules are about hazard {rule.hazard or 'any'} at place "
                f"{rule.place_code or 'any'}: leave one out",
            )
        seen.add(about)


class ShiftIn(Body):
    """When somebody is on duty: an account, or else a name and a number."""

    account_id: UUID | None = None
    name: Annotated[Name | None, Field(description="An account's own if left out")] = None
    number: Contact | None = None
    weekdays: Annotated[
        list[Annotated[int, Field(strict=True, ge=1, le=7)]],
        Field(min_length=1, max_length=7, description="1 is Monday; of the day it begins"),
    ]
    from_minute: Annotated[
        int, Field(strict=True, ge=0, lt=DAY_MINUTES, description="Past midnight, local time")
    ]
    to_minute: Annotated[
        int,
        Field(
            strict=True,
            ge=0,
            le=DAY_MINUTES,
            description="Not above from_minute: of the next day",
        ),
    ]
    first_day: Annotated[date | None, Field(description="The first that it begins on")] = None
    last_day: Annotated[date | None, Field(description="The last that it begins on")] = None

    @model_validator(mode="after")
    def _checked(self) -> "ShiftIn":
        in_words(_reachable)(self)
        return self


def _reachable(shift: ShiftIn) -> None:
    if shift.account_id is None and (shift.name is None or shift.number is None):
        raise RefusedError(
            Refusal.SHIFT_NOBODY, "give an account, or else a name and a phone number"
        )
    if shift.first_day and shift.last_day and shift.last_day < shift.first_day:
        raise RefusedError(Refusal.SHIFT_TURNED, "the last day lies before the first")
    shift.weekdays = sorted(set(shift.weekdays))


class RosterIn(Body):
    """Every shift there is to be at a place; none is no roster."""

    shifts: Annotated[list[ShiftIn], Field(max_length=MOST_SHIFTS)]


class ShiftOut(BaseModel):
    """One shift."""

    shift_id: UUID
    account_id: UUID | None
    login: str | None
    name: str
    number: str | None
    disabled: Annotated[
        bool,
        Field(
            description="The account is, or can't handle the place any more: it counts as nobody"
        ),
    ]
    weekdays: list[int]
    from_minute: int
    to_minute: int
    first_day: date | None
    last_day: date | None


class RosterOut(BaseModel):
    """A place's duty roster."""

    place_code: str
    revision: int
    timezone: Annotated[str, Field(description="Whose minutes and days they are")]
    shifts: list[ShiftOut]


class OnDutyOut(BaseModel):
    """Somebody who is on duty."""

    account_id: UUID | None
    name: str
    number: str | None


class PostOut(BaseModel):
    """A level and who is on duty there."""

    place_code: str
    level: Level
    name: str
    roster: Annotated[bool, Field(description="Without one a level counts as on duty")]
    manned: Annotated[bool, Field(description="Whether an escalation stops here")]
    on_duty: list[OnDutyOut]


class DutyNow(BaseModel):
    """Who is on duty from a place upward."""

    at: datetime
    timezone: str
    posts: list[PostOut]


class HandoverIn(Body):
    """The end of one's shift."""

    place_code: Annotated[
        Query | None, Field(description="One's only place, if left out, and all below it")
    ] = None
    to_login: Name
    note: Annotated[
        Paragraph | None, Field(description="What the next one has to know; name no people")
    ] = None


class SignatureIn(Body):
    """The taker's word."""

    accept: Annotated[bool, Field(description="False declines it: all stays as it is")]


class HandoverState(StrEnum):
    """What became of a handover."""

    GIVEN = "given"
    TAKEN = "taken"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class ClockListed(BaseModel):
    """A clock that ran as it was listed."""

    clock: Clock
    due_at: datetime
    late: bool


class IncidentListed(BaseModel):
    """An incident that was open."""

    incident_id: UUID
    hazard: Hazard
    severity: Severity
    place_code: str | None
    camera_id: str
    state: IncidentState
    assigned_to: Annotated[str | None, Field(description="The login")]
    opened_at: datetime
    clocks: list[ClockListed]


class Listed(BaseModel):
    """What was open when it was given: it never changes."""

    open: Annotated[int, Field(description="How many; those listed may be fewer")]
    mine: Annotated[int, Field(description="How many of them the giver had")]
    by_state: dict[IncidentState, int]
    incidents: Annotated[list[IncidentListed], Field(description="The giver's first")]


class HandoverBrief(BaseModel):
    """A handover in a list."""

    handover_id: UUID
    state: HandoverState
    place_code: str
    from_login: str
    to_login: str
    note: str
    open: int
    mine: int
    given_at: datetime
    ended_at: Annotated[datetime | None, Field(description="When it stopped waiting")]


class HandoverOut(HandoverBrief):
    """A handover."""

    listed: Listed


class HandoverList(BaseModel):
    """Handovers, newest first."""

    handovers: list[HandoverBrief]
    more: bool
