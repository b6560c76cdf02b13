"""Windows: times in which what looks like a hazard at a camera is expected, each by its author.

A planned burn, roadworks, maintenance: ``pipelines.messages.HELD_BACK`` says what each keeps from
being reported. A window is never edited: it's ended, and another is opened.
"""

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Field
from sqlalchemy import Connection, RowMapping

from pipelines.messages import MAX_WINDOWS, Expected
from service.cameras.bodies import Body, in_words
from service.cameras.errors import (
    TooManyWindowsError,
    UnknownWindowError,
    WindowOverError,
    WindowTimesError,
)
from service.cameras.registry import Registry
from service.cameras.windows_together import SPAN, Time, most_covered
from service.refusals import Refusal, RefusedError
from service.tables import camera_windows
from service.text import Paragraph

LONGEST: Final = timedelta(days=30)
"""What is expected for longer is no exception: then the zone or the hazards are to be changed."""

FARTHEST: Final = timedelta(days=366)
"""How far ahead a window may end: later years are slips of the hand."""

LISTED: Final = 100
"""Windows that a list shows: all that are open or coming, and the newest of the others."""

_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


class WindowState(StrEnum):
    """How it stands with a window."""

    COMING = "coming"
    OPEN = "open"
    OVER = "over"


def _written_out(value: object) -> object:
    """Refuse what else would pass for a time: a number of seconds, a day."""
    if not (isinstance(value, str) and _RFC_3339.fullmatch(value)):
        raise _unreadable()
    return value


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise _unreadable() from None


def _unreadable() -> RefusedError:
    return RefusedError(
        Refusal.TIME_UNREADABLE,
        "give a time as RFC 3339 has it, such as 2026-05-01T08:00:00+08:00",
    )


Instant = Annotated[
    AwareDatetime,
    AfterValidator(in_words(_in_utc)),
    BeforeValidator(in_words(_written_out)),
    Field(examples=["2026-05-01T08:00:00+08:00"]),
]


class WindowIn(Body):
    """A window to be opened."""

    kind: Expected
    starts_at: Instant
    ends_at: Annotated[Instant, Field(description="At most 30 days after the start")]
    note: Paragraph | None = None


class WindowOut(BaseModel):
    """A window."""

    window_id: UUID
    kind: Expected
    starts_at: datetime
    ends_at: datetime
    author: str
    note: str | None
    created_at: datetime
    ended_by: Annotated[str | None, Field(description="Who ended it early, if somebody did")]
    ended_at: datetime | None
    state: WindowState


class WindowList(BaseModel):
    """A camera's windows: open and coming ones first, then those that are over, newest first."""

    windows: list[WindowOut]


def open_window(registry: Registry, camera_id: str, given: WindowIn) -> WindowOut:
    """Open a window at a camera, now or later. Raises ``ProblemError``."""
    row = registry.editable(camera_id)
    _require_times(given, registry.now)
    if len(current(registry.connection, camera_id, registry.now)) >= MAX_WINDOWS:
        raise TooManyWindowsError(MAX_WINDOWS)
    _require_pause(registry, camera_id, given)
    values: dict[str, Any] = {
        "window_id": uuid4(),
        "camera_id": camera_id,
        "kind": given.kind.value,
        "starts_at": given.starts_at,
        "ends_at": given.ends_at,
        "author": registry.principal.login,
        "note": given.note,
        "created_at": registry.now,
    }
    registry.connection.execute(sa.insert(camera_windows).values(**values))
    registry.touch(row, "camera.window_opened", _audited(values))
    return _out({**values, "ended_by": None, "ended_at": None}, registry.now)


def end_window(registry: Registry, camera_id: str, window_id: UUID) -> None:
    """End a window now; it is kept. Raises ``ProblemError``."""
    row = registry.editable(camera_id)
    query = sa.select(camera_windows).where(
        camera_windows.c.window_id == window_id, camera_windows.c.camera_id == camera_id
    )
    window = registry.connection.execute(query).mappings().one_or_none()
    if window is None:
        raise UnknownWindowError(camera_id, window_id)
    if _state(window, registry.now) is WindowState.OVER:
        raise WindowOverError
    registry.connection.execute(
        sa.update(camera_windows)
        .where(camera_windows.c.window_id == window_id)
        .values(ended_by=registry.principal.login, ended_at=registry.now)
    )
    registry.touch(row, "camera.window_ended", _audited(window))


def listed(connection: Connection, camera_id: str, now: datetime) -> WindowList:
    """Return a camera's windows."""
    query = (
        sa.select(camera_windows)
        .where(camera_windows.c.camera_id == camera_id)
        .order_by(_is_current(now).desc(), camera_windows.c.starts_at.desc())
        .limit(LISTED)
    )
    found = connection.execute(query).mappings()
    return WindowList(windows=[_out(row, now) for row in found])


def current(connection: Connection, camera_id: str, now: datetime) -> list[WindowOut]:
    """Return a camera's windows that are open or coming, in the order of their starts."""
    query = (
        sa.select(camera_windows)
        .where(camera_windows.c.camera_id == camera_id, _is_current(now))
        .order_by(camera_windows.c.starts_at)
    )
    return [_out(row, now) for row in connection.execute(query).mappings()]


def _is_current(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(camera_windows.c.ended_at.is_(None), camera_windows.c.ends_at > now)


def _require_times(given: WindowIn, now: datetime) -> None:
    if given.ends_at <= given.starts_at:
        raise WindowTimesError("a window ends after it starts", Refusal.WINDOW_TURNED)
    if given.ends_at <= now:
        raise WindowTimesError("the window would be over already", Refusal.WINDOW_PAST)
    if given.ends_at - given.starts_at > LONGEST:
        raise WindowTimesError(
            f"a window lasts at most {LONGEST.days} days: what is there for longer belongs into "
            "the zones or hazards",
            Refusal.WINDOW_LONG,
            days=LONGEST.days,
        )
    if given.ends_at - now > FARTHEST:
        raise WindowTimesError(
            f"a window ends within {FARTHEST.days} days: open it later",
            Refusal.WINDOW_FAR,
            days=FARTHEST.days,
        )


def _require_pause(registry: Registry, camera_id: str, given: WindowIn) -> None:
    start, end = max(given.starts_at, registry.now), given.ends_at
    really_over = sa.func.coalesce(camera_windows.c.ended_at, camera_windows.c.ends_at)
    query = sa.select(camera_windows).where(
        camera_windows.c.camera_id == camera_id,
        camera_windows.c.kind == given.kind.value,
        camera_windows.c.starts_at < end + SPAN,
        really_over > start - SPAN,
    )
    others = [_covered(row) for row in registry.connection.execute(query).mappings()]
    covered = most_covered((start, end), others)
    if covered > LONGEST:
        days = ceil(covered / timedelta(days=1) * 10) / 10
        raise WindowTimesError(
            f"windows of one kind cover at most {LONGEST.days} of any {SPAN.days} days at a "
            f"camera, and with this one it would be {days:g}: shorten it, end another, or change "
            "the zones or hazards",
            Refusal.WINDOW_CHAINED,
            most=LONGEST.days,
            span=SPAN.days,
            days=days,
        )


def _covered(row: RowMapping) -> Time:
    """Return when it held something back, or will: not before it was opened, nor once ended."""
    start, end = max(row["starts_at"], row["created_at"]), row["ended_at"] or row["ends_at"]
    return start, max(start, min(end, row["ends_at"]))


def _state(row: RowMapping | dict[str, Any], now: datetime) -> WindowState:
    if row["ended_at"] is not None or row["ends_at"] <= now:
        return WindowState.OVER
    return WindowState.COMING if row["starts_at"] > now else WindowState.OPEN


def _out(row: RowMapping | dict[str, Any], now: datetime) -> WindowOut:
    names = WindowOut.model_fields.keys() - {"state"}
    return WindowOut(**{name: row[name] for name in names}, state=_state(row, now))


def _audited(window: RowMapping | dict[str, Any]) -> dict[str, Any]:
    return {
        "window_id": str(window["window_id"]),
        "window_kind": window["kind"],
        "starts_at": window["starts_at"].isoformat(),
        "ends_at": window["ends_at"].isoformat(),
        **({"note": window["note"]} if window["note"] else {}),
    }
