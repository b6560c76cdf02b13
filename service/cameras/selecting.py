"""Which cameras: the list's filters, and what a request about many of them names them by."""

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Final, Self
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field, model_validator
from sqlalchemy import Connection

from pipelines.messages import Advice
from service.accounts.principal import Principal
from service.cameras import store
from service.cameras.bodies import Body, in_words
from service.cameras.models import Programme, State
from service.cameras.place_types import PlaceType
from service.imports.gone import require_there, shown_to
from service.places import store as place_store
from service.places.errors import UnknownPlaceError
from service.refusals import Refusal, RefusedError
from service.tables import (
    camera_import_rows,
    camera_imports,
    camera_states,
    cameras,
    places,
    probed,
)
from service.text import Query, pattern_of
from vision.hazards import Hazard

MOST_NAMED: Final = 10_000
"""Cameras that a request may name one by one; more are meant by a filter."""


class ProbeWanted(StrEnum):
    """What a camera's last probe came to."""

    NEVER = "never"
    GOOD = "good"
    FAULT = "fault"
    ADVICE = "advice"


class SubstreamWanted(StrEnum):
    """Whether a substream is registered; ``found``: none is, and a probe found one."""

    YES = "yes"
    NO = "no"
    FOUND = "found"


class ZonesWanted(StrEnum):
    """Whether zones are drawn."""

    YES = "yes"
    NO = "no"


class Filter(Body):
    """Cameras that are all of this; nothing said is every camera of one's places."""

    q: Annotated[Query, Field(description="Part of the name or of the GB/T 28181 id")] = ""
    place: Annotated[str | None, Field(max_length=32, description="There and below")] = None
    programme: Programme | None = None
    state: State | None = None
    place_type: PlaceType | None = None
    upstream: Annotated[Query | None, Field(description="The platform or switch, exactly")] = None
    hazard: Annotated[Hazard | None, Field(description="Which is looked for there")] = None
    fault: Annotated[
        Query | None, Field(description="A code of pipelines/faults.py, reported at present")
    ] = None
    probe: Annotated[ProbeWanted | None, Field(description="What the last one came to")] = None
    probe_fault: Annotated[
        Query | None, Field(description="A code of pipelines/faults.py, of the last probe")
    ] = None
    substream: SubstreamWanted | None = None
    zones: ZonesWanted | None = None
    import_id: Annotated[UUID | None, Field(description="Named in a file of one's own")] = None
    import_changed: Annotated[
        bool | None,
        Field(description="Only those that the file with import_id brought or changed"),
    ] = None

    @model_validator(mode="after")
    def _of_a_file(self) -> Self:
        in_words(_require_file)(self)
        return self


class Selection(Body):
    """Many cameras: by their ids, or by a filter. Drill cameras are never among them."""

    camera_ids: Annotated[
        list[Annotated[str, Field(max_length=128)]] | None, Field(max_length=MOST_NAMED)
    ] = None
    filter: Filter | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "Selection":
        in_words(_require_one_way)(self)
        return self


def _require_file(wanted: Filter) -> None:
    if wanted.import_changed and wanted.import_id is None:
        raise RefusedError(
            Refusal.IMPORT_CHANGED_ALONE, "import_changed is said of a file: give import_id too"
        )


def _require_one_way(selection: Selection) -> None:
    if (selection.camera_ids is None) == (selection.filter is None):
        raise RefusedError(
            Refusal.SELECTION_ONE_WAY, "give either camera_ids or filter, which may be empty"
        )


def selected(
    connection: Connection,
    principal: Principal,
    selection: Selection,
    live_workers: Mapping[str, int],
) -> list[str]:
    """Return the ids of the cameras meant that the principal may see, in their order.

    Ids that are foreign or none are left out alike. Raises ``UnknownPlaceError``.
    """
    ours = cameras.c.drill.is_(False)
    if selection.filter is None:
        wanted = store.possible_ids(selection.camera_ids or ())
        conditions = [store.within(principal), cameras.c.camera_id.in_(wanted)]
        joined: sa.FromClause = cameras
    else:
        conditions = conditions_of(connection, principal, selection.filter, live_workers)
        joined = joined_for(selection.filter)
    query = sa.select(cameras.c.camera_id).select_from(joined).where(ours, *conditions)
    # Sorted here: databases differ in how they order texts, and a part begins after an id.
    return sorted(connection.execute(query).scalars())


def joined_for(wanted: Filter) -> sa.FromClause:
    """Return the cameras' table, joined with what a filter's conditions speak of and no more."""
    joined: sa.FromClause = cameras
    if wanted.state is not None or wanted.fault is not None:
        joined = joined.outerjoin(camera_states, camera_states.c.camera_id == cameras.c.camera_id)
    found_by_probe = wanted.substream is SubstreamWanted.FOUND
    if wanted.probe is not None or wanted.probe_fault is not None or found_by_probe:
        joined = joined.outerjoin(probed, probed.c.camera_id == cameras.c.camera_id)
    return joined


def conditions_of(
    connection: Connection, principal: Principal, wanted: Filter, live_workers: Mapping[str, int]
) -> list[sa.ColumnElement[bool]]:
    """Return a filter's conditions on ``joined_for`` it, with the principal's places as one.

    Raises ``UnknownPlaceError`` and ``GoneCameraImportError``.
    """
    conditions = [store.within(principal)]
    if wanted.place is not None:
        conditions.append(_below(connection, principal, wanted.place))
    if text := wanted.q.strip():
        conditions.append(_holds(text))
    if wanted.programme is not None:
        conditions.append(cameras.c.programme == wanted.programme.value)
    if wanted.place_type is not None:
        conditions.append(cameras.c.place_type == wanted.place_type.value)
    if wanted.upstream is not None:
        conditions.append(cameras.c.upstream == wanted.upstream.strip())
    if wanted.state is not None:
        conditions.append(store.state_of(live_workers) == wanted.state.value)
    if wanted.fault is not None:
        conditions.append(store.fault_of(live_workers) == wanted.fault.strip())
    if wanted.import_id is not None:
        changed_only = bool(wanted.import_changed)
        conditions.append(_of_import(connection, principal, wanted.import_id, changed_only))
    conditions.extend(_by_what_is_drawn(wanted))
    conditions.extend(_by_probe(wanted))
    return conditions


def _below(connection: Connection, principal: Principal, code: str) -> sa.ColumnElement[bool]:
    row = place_store.visible(connection, principal, code)
    if row is None:
        raise UnknownPlaceError(code, "place")
    below = sa.select(places.c.code).where(places.c.path.like(f"{row['path']}%"))
    return cameras.c.place_code.in_(below)


def _holds(text: str) -> sa.ColumnElement[bool]:
    named: sa.ColumnElement[bool] = sa.func.lower(cameras.c.name).like(
        pattern_of(text), escape="\\"
    )
    if text.isascii() and text.isdigit():
        return sa.or_(named, cameras.c.gb_id.like(f"%{text}%"))
    return sa.or_(named, cameras.c.camera_id == text)


def _of_import(
    connection: Connection, principal: Principal, import_id: UUID, changed_only: bool
) -> sa.ColumnElement[bool]:
    """Return the condition that a file named a camera, whatever came of the file since.

    By its id in the file as well: another file may have registered it, or somebody anew.
    """
    query = sa.select(camera_imports).where(
        camera_imports.c.import_id == import_id, shown_to(principal)
    )
    head = connection.execute(query).mappings().one_or_none()
    if head is None:
        return sa.false()
    require_there(head)
    rows = camera_import_rows.c
    verdicts = ("new", "changed") if changed_only else ("new", "changed", "unchanged")
    named = [rows.import_id == import_id, rows.verdict.in_(verdicts)]
    by_id = sa.select(rows.camera_id).where(*named, rows.camera_id.is_not(None))
    by_gb_id = sa.select(rows.gb_id).where(*named, rows.gb_id.is_not(None))
    return sa.or_(cameras.c.camera_id.in_(by_id), cameras.c.gb_id.in_(by_gb_id))


def _by_what_is_drawn(wanted: Filter) -> Iterable[sa.ColumnElement[bool]]:
    if wanted.hazard is not None:
        # A list of words as JSON: no database has an index for it, and both compare text fast.
        quoted = f'"{wanted.hazard.value}"'
        yield sa.cast(cameras.c.hazards, sa.Text).contains(quoted, autoescape=True)
    if wanted.zones is not None:
        is_empty = sa.cast(cameras.c.zones, sa.Text) == "[]"
        yield is_empty if wanted.zones is ZonesWanted.NO else sa.not_(is_empty)


def _by_probe(wanted: Filter) -> Iterable[sa.ColumnElement[bool]]:
    if wanted.probe_fault is not None:
        yield probed.c.fault == wanted.probe_fault.strip()
    was = probed.c.camera_id.is_not(None)
    if wanted.probe is not None:
        yield {
            ProbeWanted.NEVER: sa.not_(was),
            ProbeWanted.GOOD: sa.and_(was, probed.c.fault.is_(None)),
            ProbeWanted.FAULT: probed.c.fault.is_not(None),
            ProbeWanted.ADVICE: _has_advice_left(),
        }[wanted.probe]
    if wanted.substream is not None:
        has_none = cameras.c.sub_url.is_(None)
        yield {
            SubstreamWanted.YES: sa.not_(has_none),
            SubstreamWanted.NO: has_none,
            SubstreamWanted.FOUND: sa.and_(has_none, probed.c.has_found_substream.is_(True)),
        }[wanted.substream]


def _has_advice_left() -> sa.ColumnElement[bool]:
    """Return the condition that advice is left; the result is read only where it may be followed.

    Advice to use a substream is no more where one is registered, as ``views.advice_left`` says.
    """
    followed = json.dumps([Advice.USE_SUBSTREAM.value])  # as JSON is written by SQLAlchemy
    others = probed.c.result["advice"].as_string() != followed
    return sa.and_(probed.c.is_advised.is_(True), sa.or_(cameras.c.sub_url.is_(None), others))
