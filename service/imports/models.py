"""Imports of cameras as requests and answers."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from service.cameras.bodies import Body
from service.cameras.models import Contact, PlaceCode, Programme
from service.cameras.position import CoordinateSystem
from service.imports.reasons import RowVerdict
from service.imports.rows import Source
from service.refusals import Param
from service.text import Name, Paragraph


class ImportState(StrEnum):
    """Where an import is."""

    WAITING = "waiting"
    READING = "reading"
    CHECKED = "checked"
    COMMITTING = "committing"
    DONE = "done"
    FAILED = "failed"


class ImportDefaults(Body):
    """What counts for rows that don't say it. Kind of place and sign: each row says them itself."""

    coordinate_system: CoordinateSystem | None = None
    programme: Programme | None = None
    purpose: Paragraph | None = None
    legal_basis: Paragraph | None = None
    owner: Name | None = None
    contact_number: Contact | None = None
    upstream: Name | None = None
    place_code: PlaceCode | None = None

    @classmethod
    def kept(cls, said: Mapping[str, Any]) -> "ImportDefaults":
        """Return what an import was given; an older one's number may be none today."""
        others = {name: value for name, value in said.items() if name != "contact_number"}
        return cls(**others).model_copy(update={"contact_number": said.get("contact_number")})


class NewCameraImport(Body):
    """A file of cameras that is about to be sent."""

    file_name: Name
    source: Source = Source.AUTO
    watch: Annotated[
        bool, Field(description="Whether rows that don't say it are watched once committed")
    ] = False
    defaults: ImportDefaults = Field(
        default_factory=ImportDefaults, json_schema_extra={"default": {}}
    )


class ImportCounts(BaseModel):
    """Rows, by what becomes of them."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    bad: int = 0
    refused: Annotated[int, Field(description="Good once, and no more at the commit; also bad")] = 0
    switched_on: Annotated[int, Field(description="Of those changed: enabled by it")] = 0
    switched_off: Annotated[int, Field(description="Of those changed: disabled by it")] = 0


class ImportProblem(BaseModel):
    """Why a whole file can't be taken, or why a commit came to a stop."""

    code: str
    message: str
    params: dict[str, Param] | None = None


class CameraImport(BaseModel):
    """An import and how far it is."""

    import_id: UUID
    file_name: str
    source: Source
    watch: bool
    defaults: ImportDefaults
    created_by: str
    created_at: datetime
    state: ImportState
    stalled: Annotated[
        bool,
        Field(description="Nobody works on it any more: send the file, or commit, again"),
    ]
    rows: Annotated[int, Field(description="In the file; 0 as long as nobody knows")]
    checked: int
    committed: int
    counts: ImportCounts
    by_reason: Annotated[dict[str, int], Field(description="Bad rows by the code of their reasons")]
    problem: ImportProblem | None
    notes: Annotated[
        list[ImportProblem], Field(description="What to know of how the file was read")
    ]


class CameraImportList(BaseModel):
    """One's imports, newest first."""

    imports: list[CameraImport]


class RowReason(BaseModel):
    """What is wrong with a row, or worth knowing."""

    column: Annotated[
        str | None, Field(description="The field, such as main_url; null if it is the row's")
    ]
    title: Annotated[
        str | None, Field(description="What the file calls that column, if it has it")
    ] = None
    code: str
    message: str
    params: dict[str, Param] | None = None


class ImportRow(BaseModel):
    """A row of the file."""

    number: Annotated[int, Field(description="Its row in the file, or its place in a JSON list")]
    gb_id: str | None
    name: str | None
    verdict: RowVerdict
    reasons: list[RowReason]
    changes: Annotated[
        list[str], Field(description="The fields of a registered camera that it alters, once good")
    ]
    camera_id: Annotated[str | None, Field(description="The camera, once it is there")]
    committed: bool


class ImportRows(BaseModel):
    """A page of rows."""

    total: int
    rows: list[ImportRow]


class RowsWanted(Body):
    """Which rows, as the query of the address."""

    verdict: RowVerdict | None = None
    reason: Annotated[str | None, Field(pattern="^[a-z0-9_]{1,64}$")] = None
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    limit: Annotated[int, Field(ge=1, le=500)] = 100
