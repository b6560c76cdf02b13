"""Cameras as requests, and the choices in them."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticKnownError

from pipelines.messages import USUAL_HAZARDS
from pipelines.sealing import MAX_LOGIN_CHARS
from pipelines.secrets import Secret
from service.cameras.addresses import LONGEST, StreamAddress, stream_address
from service.cameras.bodies import Body, in_words
from service.cameras.drawn import ThresholdsIn, WaterScaleIn, Zones
from service.cameras.gb_id import camera_gb_id
from service.cameras.phones import contact_number
from service.cameras.place_types import PlaceType, allowed_place_type
from service.cameras.position import CoordinateSystem, Position, position, rounded
from service.refusals import Refusal, RefusedError
from service.text import Name, Paragraph, User, Word
from vision.hazards import Hazard


class Programme(StrEnum):
    """The public programme that an estate of cameras belongs to."""

    XUELIANG = "xueliang"
    TIANWANG = "tianwang"
    OTHER = "other"


class State(StrEnum):
    """How it stands with a camera."""

    WATCHING = "watching"
    CONNECTING = "connecting"
    FAULT = "fault"
    UNWATCHED = "unwatched"
    DISABLED = "disabled"


def _address(value: object) -> StreamAddress:
    if not isinstance(value, str):
        raise RefusedError(Refusal.ADDRESS_TEXT, "an address is a text")
    return stream_address(value)


def _gb_id_as_text(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise RefusedError(
            Refusal.GB_ID_NUMBER,
            "a number loses digits on its way: give the id as a text, in quotes",
        )
    return value


def _place_type(value: object) -> PlaceType:
    return allowed_place_type(value if isinstance(value, str) else "")


GbId = Annotated[
    str,
    BeforeValidator(in_words(_gb_id_as_text)),
    AfterValidator(in_words(camera_gb_id)),
    Field(
        description="GB/T 28181: 20 digits, of which 11 to 13 are 131 or 132; blanks are taken out",
        examples=["33010600001320000001"],
        json_schema_extra={"pattern": "^[0-9]{10}13[12][0-9]{7}$"},
    ),
]
Address = Annotated[
    StreamAddress,
    PlainValidator(in_words(_address)),
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": LONGEST,
            "description": "rtsp:// or rtsps://; a login in it is taken out and sealed",
            "examples": ["rtsp://192.0.2.10:554/Streaming/Channels/101"],
        }
    ),
]
AllowedPlace = Annotated[PlaceType, BeforeValidator(in_words(_place_type))]
Contact = Annotated[
    Word,
    AfterValidator(in_words(contact_number)),
    Field(
        description="A landline with its area code, an 11-digit mobile or a service number",
        examples=["0571-88888888"],
    ),
]


class PositionIn(Body):
    """Where a camera stands, as it is known."""

    longitude: Annotated[
        float, Field(allow_inf_nan=False, examples=[120.1551]), AfterValidator(rounded)
    ]
    latitude: Annotated[
        float, Field(allow_inf_nan=False, examples=[30.2741]), AfterValidator(rounded)
    ]
    coordinate_system: CoordinateSystem

    @model_validator(mode="after")
    def _checked(self) -> "PositionIn":
        in_words(PositionIn.converted)(self)
        return self

    def converted(self) -> Position:
        """Return the checked position, with WGS-84."""
        return position(self.longitude, self.latitude, self.coordinate_system)


def _short(password: Secret) -> Secret:
    if len(password) > MAX_LOGIN_CHARS:
        raise PydanticKnownError("string_too_long", {"max_length": MAX_LOGIN_CHARS})
    return password


class CameraLogin(Body):
    """What the camera asks for. Sealed as it comes in; nobody is ever shown it again."""

    user: User
    password: Annotated[
        Secret, AfterValidator(_short), Field(json_schema_extra={"maxLength": MAX_LOGIN_CHARS})
    ]


Hazards = Annotated[list[Hazard], Field(min_length=1, max_length=len(Hazard))]
PlaceCode = Annotated[
    str,
    Field(
        max_length=32,
        description="The code of a place that is there, from GET /api/places",
        examples=["330106002"],
        json_schema_extra={"pattern": "^(0|[0-9]{6}|[0-9]{9}|[0-9]{12}|[0-9]{14,18})$"},
    ),
]


class NewCamera(Body):
    """A camera to be registered."""

    gb_id: GbId | None = None
    name: Name
    programme: Programme
    place_type: AllowedPlace
    purpose: Paragraph
    legal_basis: Paragraph
    owner: Name
    sign_confirmed: Annotated[
        Literal[True], Field(description="告示牌: a sign at the place tells of the camera")
    ]
    contact_number: Contact
    upstream: Name | None = None
    place_code: PlaceCode
    position: PositionIn
    main_url: Address
    sub_url: Address | None = None
    credentials: CameraLogin | None = None
    hazards: Hazards = Field(
        default_factory=lambda: list(USUAL_HAZARDS),
        description="What to look for; if left out, what needs nothing drawn",
        json_schema_extra={"default": list(USUAL_HAZARDS)},
    )
    zones: Zones = Field(
        default_factory=list,
        description="Where hazards count; without any, those that need none count on the "
        "whole picture",
        json_schema_extra={"default": []},
    )
    water: WaterScaleIn | None = None
    thresholds: ThresholdsIn = Field(
        default_factory=ThresholdsIn, json_schema_extra={"default": {}}
    )
    enabled: bool = True


def _absent() -> Any:
    """Stand for a field that a change leaves alone; never looked at, and no valid value."""
    return None


class CameraPatch(Body):
    """What to change of a camera; what isn't named stays, what is named is replaced whole."""

    gb_id: GbId | None = None
    name: Name = Field(default_factory=_absent)
    programme: Programme = Field(default_factory=_absent)
    place_type: AllowedPlace = Field(default_factory=_absent)
    purpose: Paragraph = Field(default_factory=_absent)
    legal_basis: Paragraph = Field(default_factory=_absent)
    owner: Name = Field(default_factory=_absent)
    sign_confirmed: Literal[True] = Field(default_factory=_absent)
    contact_number: Contact = Field(default_factory=_absent)
    upstream: Name | None = None
    place_code: PlaceCode = Field(default_factory=_absent)
    position: PositionIn = Field(default_factory=_absent)
    main_url: Address = Field(default_factory=_absent)
    sub_url: Address | None = None
    credentials: CameraLogin | None = None
    hazards: Hazards = Field(default_factory=_absent)
    zones: Zones = Field(default_factory=_absent)
    water: WaterScaleIn | None = None
    thresholds: ThresholdsIn = Field(default_factory=_absent)
    enabled: bool = Field(default_factory=_absent)
