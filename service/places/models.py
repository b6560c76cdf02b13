"""Places as requests and answers."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from service.places.codes import Level
from service.refusals import Param, Refusal
from service.text import Name

Code = Annotated[str, Field(max_length=32, description="Digits, after GB/T 2260; 0 is the root")]


class Place(BaseModel):
    """A place of the jurisdiction tree."""

    code: str
    parent_code: Annotated[str | None, Field(description="Null at the root")]
    level: Level
    name: str
    revision: Annotated[int, Field(description="Of its name; another name has another")]
    path_names: Annotated[list[str], Field(description="The ancestors' names, from the top")]
    children: Annotated[int, Field(description="Places right below")]
    cameras: Annotated[int, Field(description="Cameras here and anywhere below")]


class PlaceList(BaseModel):
    """Some places."""

    places: list[Place]
    more: Annotated[bool, Field(description="Whether a search found more than are listed")] = False


class NewPlace(BaseModel):
    """A place to be added."""

    model_config = ConfigDict(extra="forbid")

    code: Code
    parent_code: Code
    level: Level
    name: Name


class PlaceRenaming(BaseModel):
    """What may change of a place: its name. Another parent is another place."""

    model_config = ConfigDict(extra="forbid")

    name: Name


class RowProblem(BaseModel):
    """Why a row of a file can't be taken."""

    row: Annotated[int, Field(description="The line of the file; the header is line 1")]
    code: Annotated[str, Field(description="What stands in the column of the code")]
    reason: Annotated[Refusal, Field(description="For programs; does not change")]
    message: str
    params: Annotated[dict[str, Param] | None, Field(description="What words about it need")]


class ImportReport(BaseModel):
    """What a file does, or would do."""

    rows: int
    good: int
    bad: int
    created: int
    renamed: int
    unchanged: int
    problems: Annotated[list[RowProblem], Field(description="The first thousand")]
