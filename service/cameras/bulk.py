"""One change of many cameras: each by its own rules, refused by itself, audited by itself.

A dry run asks the same questions and writes nothing. A request does a part, which says where the
next begins; of that, each transaction does a few cameras, as an alert may be waiting behind it.
"""

import time
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

import sqlalchemy as sa
from pydantic import BaseModel, Field, model_validator

from service.cameras import store
from service.cameras.addresses import stream_address
from service.cameras.bodies import Body, in_words
from service.cameras.drawn import WaterScaleIn, Zones
from service.cameras.errors import UnknownCameraError
from service.cameras.many import ManyCameras
from service.cameras.models import CameraPatch, Contact, Hazards, PlaceCode, Programme
from service.cameras.selecting import Selection
from service.errors import ProblemError
from service.places import store as place_store
from service.places.errors import UnknownPlaceError
from service.refusals import Param, Refusal, RefusedError
from service.tables import probed
from service.text import Name, Paragraph

A_REQUEST: Final = 500
A_TRANSACTION: Final = 50
A_TRANSACTION_S: Final = 0.2
"""A transaction takes on no further camera after this long."""

PROPORTIONS_DIFFER: Final = 0.02
"""What is drawn on one picture is elsewhere on another whose sides are in another proportion."""


def _absent() -> Any:
    """Stand for a field that a change leaves alone; never looked at, and no valid value."""
    return None


class BulkPatch(Body):
    """What to change of each; what isn't named stays.

    No sign, address or login: those are each camera's own.
    """

    owner: Name = Field(default_factory=_absent)
    contact_number: Contact = Field(default_factory=_absent)
    purpose: Paragraph = Field(default_factory=_absent)
    legal_basis: Paragraph = Field(default_factory=_absent)
    programme: Programme = Field(default_factory=_absent)
    upstream: Name | None = None
    place_code: PlaceCode = Field(default_factory=_absent)
    enabled: bool = Field(default_factory=_absent)
    hazards: Hazards = Field(default_factory=_absent)
    zones: Zones = Field(default_factory=_absent)
    water: WaterScaleIn | None = None
    use_found_substream: Annotated[
        Literal[True], Field(description="Register the one that the last probe found")
    ] = Field(default_factory=_absent)
    like: Annotated[
        str | None,
        Field(
            max_length=128,
            description="The camera whose zones or scale these are: refused where the picture is "
            "known to have other proportions",
        ),
    ] = None

    @model_validator(mode="after")
    def _something(self) -> "BulkPatch":
        in_words(_require_something)(self)
        return self


def _require_something(patch: BulkPatch) -> None:
    if not patch.model_fields_set - {"like"}:
        raise RefusedError(Refusal.BULK_EMPTY, "name at least one field to change")


class BulkEdit(Body):
    """A change of many cameras, or the rehearsal of one."""

    selection: Selection
    patch: BulkPatch
    dry_run: Annotated[bool, Field(description="Only tell what would come of it")] = True
    after: Annotated[
        str | None, Field(max_length=128, description="The last answer's next; null: begin")
    ] = None


class BulkRefusal(BaseModel):
    """A camera that stays as it is, and why."""

    camera_id: str
    name: str
    code: str
    message: str
    params: dict[str, Param]


class BulkAnswer(BaseModel):
    """What came of one part."""

    total: Annotated[
        int,
        Field(
            description="Cameras selected as of now; fewer than at the beginning, if the change "
            "makes some fall out of the filter"
        ),
    ]
    done: Annotated[int, Field(description="Cameras in this part: changed, unchanged, refused")]
    changed: int
    unchanged: int
    refused: list[BulkRefusal]
    next: Annotated[str | None, Field(description="Ask again with this as after; null: all done")]


Transactions = Callable[[Sequence[str]], AbstractContextManager[ManyCameras]]
"""Begins a transaction about these cameras, for somebody who may change them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The cameras of one request."""

    ids: list[str]
    """In their order."""
    total: int
    """Of all parts."""
    is_last: bool
    """Whether none come after these."""


def part_of(ids: list[str], after: str | None) -> Part:
    """Return what one request does of a selection in order, after a camera."""
    first = 0 if after is None else bisect_right(ids, after)
    part = ids[first : first + A_REQUEST]
    return Part(ids=part, total=len(ids), is_last=first + A_REQUEST >= len(ids))


def run(part: Part, given: BulkEdit, transactions: Transactions) -> BulkAnswer:
    """Do one part, or rehearse it. Raises ``UnknownPlaceError`` and ``UnknownCameraError``."""
    changed = unchanged = done = 0
    refused: list[BulkRefusal] = []
    while done < len(part.ids):
        some = part.ids[done : done + A_TRANSACTION]
        with transactions(some) as registry:
            until_s = time.monotonic() + A_TRANSACTION_S
            change = _Change(registry, given)
            for camera_id in some:
                verdict = change.of(camera_id)
                changed += verdict is True
                unchanged += verdict is False
                if isinstance(verdict, BulkRefusal):
                    refused.append(verdict)
                done += 1
                if time.monotonic() > until_s:
                    break
            if not given.dry_run:
                registry.flush()
    return BulkAnswer(
        total=part.total,
        done=done,
        changed=changed,
        unchanged=unchanged,
        refused=refused,
        next=None if part.is_last else part.ids[-1],
    )


class _Change:
    """The change, inside one transaction."""

    def __init__(self, registry: ManyCameras, given: BulkEdit) -> None:
        self._registry = registry
        self._patch = given.patch
        self._writes = not given.dry_run
        self._ratio = self._ratio_to_fit()
        self._require_place()

    def of(self, camera_id: str) -> bool | BulkRefusal:
        """Return whether the camera is changed, or would be; or why not."""
        name = ""
        try:
            row = self._registry.editable(camera_id)
            name = row["name"]
            self._require_proportions(row)
            changed = self._registry.planned(row, self._patch_for(row))
            if changed and self._writes:
                self._registry.apply(row, changed)
        except ProblemError as error:
            return _refusal(camera_id, name, error.reason or error.code, error)
        except RefusedError as error:
            return _refusal(camera_id, name, error.code, error)
        return bool(changed)

    def _require_place(self) -> None:
        """Refuse the request rather than every camera of it."""
        if "place_code" not in self._patch.model_fields_set:
            return
        who, code = self._registry.principal, self._patch.place_code
        if place_store.visible(self._registry.connection, who, code) is None:
            raise UnknownPlaceError(code, "patch.place_code")

    def _ratio_to_fit(self) -> float | None:
        """Return the proportions of the picture that was drawn on, if that was told."""
        like = self._patch.like
        if like is None or not self._patch.model_fields_set & {"zones", "water"}:
            return None
        if store.visible(self._registry.connection, self._registry.principal, like) is None:
            raise UnknownCameraError(like)
        query = sa.select(probed.c.result).where(probed.c.camera_id == like)
        return _ratio(self._registry.connection.execute(query).scalar_one_or_none() or {})

    def _require_proportions(self, row: store.Row) -> None:
        if self._ratio is None or row["camera_id"] == self._patch.like:
            return
        own = _ratio(row["probed"] or {})
        if own is not None and abs(own / self._ratio - 1) > PROPORTIONS_DIFFER:
            raise RefusedError(
                Refusal.PICTURE_PROPORTIONS,
                f"its picture is {own:.2f} times as wide as high, the one drawn on "
                f"{self._ratio:.2f} times: draw on its own picture",
                own=round(own, 2),
                drawn=round(self._ratio, 2),
            )

    def _patch_for(self, row: store.Row) -> CameraPatch:
        named = self._patch.model_fields_set & set(CameraPatch.model_fields)
        values: dict[str, Any] = {name: getattr(self._patch, name) for name in named}
        if self._patch.use_found_substream and row["sub_url"] is None:
            values["sub_url"] = stream_address(self._found_substream(row))
        return CameraPatch.model_construct(**values)

    def _found_substream(self, row: store.Row) -> str:
        found = ((row["probed"] or {}).get("substream") or {}).get("url")
        if not isinstance(found, str):
            raise RefusedError(
                Refusal.SUBSTREAM_NOT_FOUND,
                "no probe has found a substream: probe the camera, or give the address by hand",
            )
        if urlsplit(found).hostname != urlsplit(row["main_url"]).hostname:
            raise RefusedError(
                Refusal.SUBSTREAM_ELSEWHERE,
                "the substream was found at another host than the camera has now: probe it again",
            )
        return found


def _ratio(result: Mapping[str, Any]) -> float | None:
    """Return a picture's width by its height, if a probe saw both."""
    stream = result.get("stream") or {}
    width_px, height_px = stream.get("width_px"), stream.get("height_px")
    return width_px / height_px if width_px and height_px else None


def _refusal(
    camera_id: str, name: str, code: str, error: ProblemError | RefusedError
) -> BulkRefusal:
    return BulkRefusal(
        camera_id=camera_id, name=name, code=code, message=str(error), params=dict(error.params)
    )
