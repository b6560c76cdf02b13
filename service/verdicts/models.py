"""Verdicts and proposals, as requests and as answers."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from service.cameras.bodies import Body, in_words
from service.refusals import Refusal, RefusedError
from service.text import Query, require_plain
from vision.hazards import Hazard

NOTE_LENGTH: Final = 500


class Verdict(StrEnum):
    """What an incident was."""

    REAL = "real"
    FALSE = "false"


class Reason(StrEnum):
    """What was taken for a hazard."""

    LAMP = "lamp"
    SUNSET = "sunset"
    FLAG = "flag"
    STEAM_OR_CHIMNEY = "steam_or_chimney"
    VEHICLE_LIGHTS = "vehicle_lights"
    FOG_OR_CLOUD = "fog_or_cloud"
    PARKED_VEHICLE = "parked_vehicle"
    SHADOW_OR_LIGHT = "shadow_or_light"
    ROADWORKS = "roadworks"
    PLANNED_BURN = "planned_burn"
    OTHER = "other"


EXPECTED: Final = frozenset({Reason.PLANNED_BURN, Reason.ROADWORKS})
"""What was seen was there: a window is the remedy. A threshold that hides it would hide the same
thing when nobody planned it, so no proposal is drawn from these."""


def _plain(text: str) -> str:
    require_plain(text, lines=True)
    return text


Note = Annotated[
    str,
    Field(description="What to know besides; of the place, never of people"),
    StringConstraints(strip_whitespace=True, max_length=NOTE_LENGTH),
    AfterValidator(in_words(_plain)),
]


class VerdictIn(Body):
    """What an operator says of an incident."""

    verdict: Verdict
    reason: Annotated[
        Reason | None, Field(description="Of a false one, what it was; a real one has none")
    ] = None
    note: Note = ""

    @model_validator(mode="after")
    def _checked(self) -> "VerdictIn":
        in_words(_require_reason)(self)
        return self


def _require_reason(given: VerdictIn) -> None:
    if given.verdict is Verdict.FALSE and given.reason is None:
        raise RefusedError(
            Refusal.VERDICT_REASON, "say what was taken for a hazard: proposals go by it"
        )
    if given.verdict is Verdict.REAL and given.reason is not None:
        raise RefusedError(
            Refusal.VERDICT_REASON_OF_REAL, "a real incident has no reason: leave it out"
        )


class VerdictOut(BaseModel):
    """What one account says of an incident."""

    verdict: Verdict
    reason: Reason | None
    note: str | None
    given_at: datetime
    given_by: str


class VerdictsOut(BaseModel):
    """What is said of an incident."""

    incident_id: UUID
    verdicts: Annotated[list[VerdictOut], Field(description="One an account, the latest last")]


class IncidentsOut(BaseModel):
    """Some incidents."""

    count: int
    ids: Annotated[list[UUID], Field(description="Those of them that this account may see")]


class LaterOut(BaseModel):
    """A real incident that would have come later."""

    incident_id: UUID
    later_s: float


class EffectOut(BaseModel):
    """What a proposal would have done to what is kept of the camera."""

    onsets_now: Annotated[int, Field(description="Onsets in the kept scores as it is set now")]
    onsets_then: Annotated[int, Field(description="Onsets with the proposal")]
    silenced: Annotated[IncidentsOut, Field(description="Judged false, and kept away")]
    doubtful: Annotated[
        IncidentsOut,
        Field(
            description="Judged false, and their scores too low then; but on a road or slope the "
            "background may show the same thing, which has no score"
        ),
    ]
    missed: Annotated[IncidentsOut, Field(description="Judged real, and MISSED")]
    latest_s: Annotated[float, Field(description="The most that a real one would have come later")]
    later: Annotated[
        list[LaterOut], Field(description="Real ones that come later, if they may be seen")
    ]
    unjudged: Annotated[int, Field(description="Onsets that go and that nobody has judged")]
    untested: Annotated[
        IncidentsOut,
        Field(description="Judged real, but their kept scores don't lead to them: unknown"),
    ]


Box = tuple[float, float, float, float]


class Kind(StrEnum):
    """What can be proposed."""

    RAISE_THRESHOLD = "raise_threshold"
    CUT_ZONE = "cut_zone"


Digest = Annotated[
    str,
    Field(
        pattern="^[0-9a-f]{64}$",
        description="Of all of a proposal, its effect included: accepting sends it back, and is "
        "refused where anything of it is no longer so",
    ),
]


class RaiseOut(BaseModel):
    """A higher threshold."""

    kind: Literal[Kind.RAISE_THRESHOLD] = Kind.RAISE_THRESHOLD
    hazard: Hazard
    now: float
    value: float
    effect: EffectOut
    digest: Digest


class CutOut(BaseModel):
    """A zone without a rectangle."""

    kind: Literal[Kind.CUT_ZONE] = Kind.CUT_ZONE
    zone_id: str
    cut: Annotated[Box, Field(description="x0 y0 x1 y1 of what goes, shares of the picture")]
    rest: Annotated[list[Box], Field(description="What stays, each a zone of its own")]
    share: Annotated[float, Field(description="How much of the zone goes")]
    effect: EffectOut
    digest: Digest


ProposalOut = Annotated[RaiseOut | CutOut, Field(discriminator="kind")]


class ProposalsOut(BaseModel):
    """What is proposed for a camera; nothing of it holds before somebody accepts it."""

    camera_id: str
    camera_revision: Annotated[int, Field(description="What accepting sends as If-Match")]
    kept_since: Annotated[
        datetime | None, Field(description="The oldest score that was replayed; null without any")
    ]
    proposals: list[ProposalOut]
    windows_instead: Annotated[
        IncidentsOut,
        Field(description="Judged false as planned or as roadworks: enter a window, nothing else"),
    ]
    redraw_instead: Annotated[
        IncidentsOut,
        Field(
            description="Judged false, and no threshold keeps them away: the background showed "
            "them, without a score. Draw the zone anew"
        ),
    ]


class Accepted(Body):
    """A person's yes to a proposal, as it was shown."""

    kind: Kind
    hazard: Annotated[Hazard | None, Field(description="Of a raised threshold")] = None
    zone_id: Annotated[Query | None, Field(description="Of a cut")] = None
    digest: Digest
