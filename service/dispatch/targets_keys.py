"""The keys that a target's table may have, by its kind; what they mean is in docs/dispatch.md."""

from typing import Annotated, Literal

import msgspec

from pipelines.streams import DISPATCH
from service.dispatch.senders.words import LANGUAGES
from service.dispatch.senders.wvp import CHANNEL
from service.dispatch.sending import TargetKind
from vision.hazards import Hazard

Label = Annotated[str, msgspec.Meta(max_length=128)]
Short = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Point = tuple[
    Annotated[float, msgspec.Meta(ge=-90, le=90)], Annotated[float, msgspec.Meta(ge=-180, le=180)]
]


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """Of every target."""

    kind: TargetKind
    label: Label = ""
    updates: bool = False
    answers: bool = True
    receipts_from: tuple[Short, ...] = ()


class StreamKeys(Keys, frozen=True, kw_only=True):
    """Of a stream."""

    stream: str = DISPATCH.name


class ConnectedKeys(Keys, frozen=True, kw_only=True):
    """Of what is connected to."""

    url: Annotated[str, msgspec.Meta(max_length=2048)]
    allowed_networks: tuple[str, ...] = ()
    ca_file: Short | None = None
    client_certificate: Short | None = None
    client_key: Short | None = None
    timeout_s: Annotated[float, msgspec.Meta(ge=1, le=15)] = 10.0


class WebhookKeys(ConnectedKeys, frozen=True, kw_only=True):
    """Of a webhook."""

    drills: bool = False
    secret: Short | None = None
    secret_env: Short | None = None
    secret_file: Short | None = None
    source: Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{1,256}\Z")] = "/fengsui"


class MqttKeys(ConnectedKeys, frozen=True, kw_only=True):
    """Of an MQTT topic."""

    topic: str
    drills: bool = False
    username: Short | None = None
    password: Short | None = None
    password_env: Short | None = None
    password_file: Short | None = None
    expiry_s: Annotated[int, msgspec.Meta(ge=60, le=604800)] = 86400


class CapKeys(ConnectedKeys, frozen=True, kw_only=True):
    """Of a receiver of CAP."""

    sender: str
    updates: bool = True
    answers: bool = False
    drills: bool = False
    token: Short | None = None
    token_env: Short | None = None
    token_file: Short | None = None
    source: Short | None = None
    scope: Literal["Public", "Restricted", "Private"] = "Restricted"
    restriction: Short | None = None
    addresses: tuple[Short, ...] = ()
    languages: tuple[Literal["zh-CN", "en-US"], ...] = LANGUAGES
    contact: Short | None = None
    radius_km: Annotated[float, msgspec.Meta(gt=0, le=50)] = 0.5
    expires_min: Annotated[float, msgspec.Meta(ge=5, le=1440)] = 60.0
    polygons: dict[
        Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,18}\Z")],
        Annotated[tuple[Point, ...], msgspec.Meta(min_length=3, max_length=500)],
    ] = {}


class WvpKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Of a WVP platform."""

    kind: TargetKind
    url: Annotated[str, msgspec.Meta(max_length=2048)]
    label: Label = ""
    allowed_networks: tuple[str, ...] = ()
    ca_file: Short | None = None
    client_certificate: Short | None = None
    client_key: Short | None = None
    timeout_s: Annotated[float, msgspec.Meta(ge=1, le=15)] = 10.0
    username: Short | None = None
    password: Short | None = None
    password_env: Short | None = None
    password_file: Short | None = None
    channel: Short = CHANNEL
    alarm_types: dict[Hazard, Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]] = {}
