"""What people do with incidents, as requests and as answers."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from service.cameras.bodies import Body, in_words
from service.incidents.lifecycle import IncidentState, StepKind
from service.refusals import Refusal, RefusedError
from service.text import Name
from service.verdicts.models import Note, Reason

MOST_AT_ONCE: Final = 100
"""Incidents of one request."""

MOST_ALERTS: Final = 500
"""Alerts that leave an incident at once: more take a writer too long."""

MOST_TARGETS: Final = 16


class Action(StrEnum):
    """What a person may do with an incident."""

    SEE = "see"
    CONFIRM = "confirm"
    DISMISS = "dismiss"
    DISPATCH = "dispatch"
    ARRIVE = "arrive"
    REPORT = "report"
    CLOSE = "close"
    REOPEN = "reopen"
    ASSIGN = "assign"
    NOTE = "note"
    MERGE = "merge"
    SPLIT = "split"


class ActionReason(StrEnum):
    """Why: of a false one what it was, of a closed one how it ended, of one opened again why."""

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
    HANDLED = "handled"
    OVER = "over"
    DUPLICATE = "duplicate"
    UNREACHABLE = "unreachable"
    MISTAKE = "mistake"
    AGAIN = "again"
    OTHER = "other"


A, R = Action, ActionReason

REASONS: Final[Mapping[Action, frozenset[ActionReason]]] = {
    A.DISMISS: frozenset(ActionReason(one.value) for one in Reason),
    A.CLOSE: frozenset({R.HANDLED, R.OVER, R.DUPLICATE, R.UNREACHABLE, R.OTHER}),
    A.REOPEN: frozenset({R.MISTAKE, R.AGAIN, R.OTHER}),
}
"""What wants a reason, and which there are."""

IN_BULK: Final = frozenset({A.SEE, A.CONFIRM, A.DISMISS, A.CLOSE, A.ASSIGN})
"""What many incidents can be told at once."""

_WITHOUT_VERSION: Final = frozenset({A.SEE, A.NOTE})
"""They decide nothing that somebody else could have decided otherwise."""

_OWN: Final[Mapping[str, Action]] = {
    "targets": A.DISPATCH,
    "assignee": A.ASSIGN,
    "into": A.MERGE,
    "into_version": A.MERGE,
    "alerts": A.SPLIT,
}
"""Fields that belong to one action."""

_NEEDED: Final = frozenset({"into", "alerts"})

Version = Annotated[int, Field(ge=0, le=2**53)]

Assignee = Annotated[UUID | None, Field(description="Of assign: an account, or null for nobody")]


class _Asked(Body):
    """What every request to act has in common."""

    action: Action
    reason: Annotated[
        ActionReason | None,
        Field(
            description="Of dismiss what it was instead; of close handled, over, duplicate, "
            "unreachable or other; of reopen mistake, again or other; of nothing else"
        ),
    ] = None
    note: Note = ""
    assignee: Assignee = None


class IncidentAction(_Asked):
    """What somebody does with an incident."""

    version: Annotated[
        Version | None,
        Field(description="The incident's, as it was looked at; needed but for see and note"),
    ] = None
    targets: Annotated[
        list[Name] | None,
        Field(
            min_length=1,
            max_length=MOST_TARGETS,
            description="Of dispatch: exactly these; without it the routes decide",
        ),
    ] = None
    into: Annotated[
        UUID | None, Field(description="Of merge: the incident that this one becomes part of")
    ] = None
    into_version: Annotated[
        Version | None, Field(description="Of merge: the other's version, if it was looked at")
    ] = None
    alerts: Annotated[
        list[UUID] | None,
        Field(
            min_length=1,
            max_length=MOST_ALERTS,
            description="Of split: those that leave for an incident of their own",
        ),
    ] = None

    @model_validator(mode="after")
    def _checked(self) -> "IncidentAction":
        in_words(_require_fields)(self)
        return self


class VersionedIncident(Body):
    """One of many."""

    incident_id: UUID
    version: Annotated[Version | None, Field(description="Needed but for see")] = None


class BulkAction(_Asked):
    """What somebody does with many incidents: see, confirm, dismiss, close or assign."""

    incidents: Annotated[
        list[VersionedIncident],
        Field(min_length=1, max_length=MOST_AT_ONCE, description="In the order to be handled"),
    ]

    @model_validator(mode="after")
    def _checked(self) -> "BulkAction":
        in_words(_require_bulk)(self)
        return self

    def of(self, one: VersionedIncident) -> IncidentAction:
        """Return what is done with one of them."""
        shared = {name: getattr(self, name) for name in self.model_fields_set - {"incidents"}}
        return IncidentAction.model_construct(**shared, version=one.version)


def _require_bulk(given: BulkAction) -> None:
    if given.action not in IN_BULK:
        raise RefusedError(
            Refusal.ACTION_SINGLY, f"{given.action} is done to one incident at a time"
        )
    for one in given.incidents:
        _require_fields(given.of(one))


def _require_fields(given: IncidentAction) -> None:
    action = given.action
    if action not in _WITHOUT_VERSION and given.version is None:
        raise _needed(action, "version")
    if action is A.NOTE and not given.note:
        raise _needed(action, "note")
    _require_reason(given)
    for field, owner in _OWN.items():
        value = getattr(given, field)
        if value is not None and owner is not action:
            raise RefusedError(
                Refusal.ACTION_HAS_NO, f"{action} has no {field}: leave it out", field=field
            )
        if value is None and owner is action and field in _NEEDED:
            raise _needed(action, field)
    if action is A.ASSIGN and "assignee" not in given.model_fields_set:
        raise _needed(action, "assignee")


def _require_reason(given: IncidentAction) -> None:
    fitting = REASONS.get(given.action, frozenset())
    if given.reason is None and fitting:
        raise _needed(given.action, "reason")
    if given.reason is not None and given.reason not in fitting:
        known = ", ".join(sorted(fitting)) or "none: leave it out"
        raise RefusedError(
            Refusal.ACTION_REASON,
            f"{given.action} has no reason {given.reason}; there is {known}",
            reason=given.reason.value,
        )


def _needed(action: Action, field: str) -> RefusedError:
    return RefusedError(Refusal.ACTION_NEEDS, f"{action} needs {field}: give it", field=field)


class IncidentStep(BaseModel):
    """One thing that happened to an incident."""

    id: int
    at: datetime
    actor: Annotated[str, Field(description="A login, policy:… or target:…")]
    action: StepKind
    from_state: IncidentState | None
    to_state: IncidentState | None
    reason: str | None
    note: str | None
    detail: Annotated[
        dict[str, Any], Field(description="What belongs to this kind: assignee, into, targets, …")
    ]


class IncidentSteps(BaseModel):
    """An incident's history, the oldest first."""

    steps: list[IncidentStep]


class ActionResult(BaseModel):
    """What became of one incident of many."""

    incident_id: UUID
    version: Annotated[int | None, Field(description="Now; null where it was left")] = None
    state: IncidentState | None = None
    code: Annotated[str | None, Field(description="The problem's, where it was left")] = None
    message: str | None = None
    params: Annotated[
        dict[str, str | int | float] | None, Field(description="What words about the code need")
    ] = None


class ActionResults(BaseModel):
    """What became of many incidents, in the order given."""

    done: int
    left: int
    results: list[ActionResult]


class Colleague(BaseModel):
    """An account that may handle an incident."""

    account_id: UUID
    login: str
    name: str
    on_duty: bool


class Colleagues(BaseModel):
    """Accounts that may handle an incident, those on duty first."""

    colleagues: list[Colleague]
