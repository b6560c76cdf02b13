"""The audit as clients see it."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field


class AuditEntry(BaseModel):
    """One entry."""

    seq: Annotated[int, Field(description="Counted over the whole installation.")]
    at: datetime
    actor: str
    action: str
    object_kind: str
    object_id: str
    place_code: str | None
    detail: Annotated[dict[str, Any], Field(description="What changed; never a secret.")]


class AuditHead(BaseModel):
    """The newest entry of all, seen or not."""

    seq: int
    hash: str


class ExportedHead(BaseModel):
    """The last entry whose hash is in the file of heads."""

    seq: int
    at: datetime


class AuditPage(BaseModel):
    """Some entries, newest first."""

    entries: list[AuditEntry]
    next_before: Annotated[int | None, Field(description="For ``before``; null on the last page.")]
    head: Annotated[AuditHead | None, Field(description="Null to who doesn't see all places.")]
    exported: Annotated[
        ExportedHead | None,
        Field(description="Null before the first export, and to who doesn't see all places."),
    ]
