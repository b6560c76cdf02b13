"""Statistics, as they are asked for and as they are answered."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field

from service.incidents.lifecycle import IncidentState


class By(StrEnum):
    """What rows are about."""

    HAZARD = "hazard"
    PLACE = "place"
    HOUR = "hour"
    DAY = "day"


class Times(BaseModel):
    """How long something took, of the incidents to which it happened."""

    count: Annotated[int, Field(description="Incidents that it happened to")]
    median_s: Annotated[float | None, Field(description="Nearest rank; null without any")]
    p95_s: Annotated[float | None, Field(description="Nearest rank; null without any")]
    breaches: Annotated[int, Field(description="Incidents whose deadline for it passed")]


class Figures(BaseModel):
    """What became of some incidents."""

    incidents: Annotated[int, Field(description="Opened in the period; drills are left out")]
    states: Annotated[dict[IncidentState, int], Field(description="Where they stand now")]
    confirmed: Annotated[int, Field(description="Confirmed, and not called false since")]
    confirmed_share: Annotated[float | None, Field(description="Of all; null without any")]
    false_share: float | None
    closed_share: float | None
    seen: Annotated[Times, Field(description="Until somebody saw it")]
    sent: Annotated[Times, Field(description="Until the first order left")]
    reported: Annotated[Times, Field(description="Until the first report from there")]


class Row(Figures):
    """The same of a part of them."""

    key: Annotated[
        str | None,
        Field(description="Hazard, place code, hour (00 to 23) or day; null: without a place"),
    ]
    name: Annotated[str | None, Field(description="A place's; null if it is gone")] = None


class Pack(BaseModel):
    """False alarms of one version of a model pack, also of one without any."""

    model: str
    false_alarms: Annotated[int, Field(description="Incidents called false with an alert of it")]
    first_day: Annotated[date, Field(description="Its first alert in the period, anywhere")]
    last_day: Annotated[date, Field(description="Its last one")]
    camera_days: Annotated[int, Field(description="Cameras times days from first to last")]
    per_camera_day: Annotated[float | None, Field(description="Null without cameras")]


class Statistics(BaseModel):
    """A period's figures; docs/statistics.md says how each is computed."""

    first_day: date
    last_day: date
    timezone: str
    place: Annotated[str | None, Field(description="Null: all that this account sees")]
    by: By
    made_at: datetime
    cameras: Annotated[int, Field(description="Registered and enabled now; drill cameras aren't")]
    total: Figures
    rows: list[Row]
    packs: list[Pack]
