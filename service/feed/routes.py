"""``GET /api/feed``: Server-Sent Events that resume after a break without gap or repetition."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse, format_sse_event
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.database import Database
from service.feed import log
from service.feed.bell import FeedBell
from service.feed.rechecks import GOOD_FOR_S, Checked, Rechecks
from service.feed.tail import FeedTail, wire
from service.incidents.models import IncidentSummary
from service.metrics import ServiceMetrics
from service.problems import responses
from service.routers import take

BATCH_EVENTS = 100

PAGE_LIMIT = 500

POLL_S = 1.5
"""A feed looks this often whether its account may still listen, and for events that the tail
doesn't hold: whoever may no more is told so within 2 s."""

HEARTBEAT_S = 10.0
"""Something is sent this often: proxies keep the feed open, and half-open clients show."""

ALIVE = "alive"
"""The heartbeat, an event rather than a comment: browsers don't show comments to a page, which
would call a dead link live. It has no id, so cursors stay where they are."""

SEND_LIMIT_S = 20.0
"""A client that takes nothing for this long is let go; it resumes where it was."""

RETRY_MS = 1000
"""How soon a browser comes back after a break."""

RESET = "reset"
"""Tells a client that its cursor is of no use: load the list anew."""

Cursor = Annotated[int, Query(ge=0, le=2**63 - 1)]


class PolledEvent(BaseModel):
    """One thing that happened."""

    id: Annotated[int, Field(description="Counts the whole installation's events")]
    kind: log.FeedKind
    at: datetime
    incident: Annotated[
        IncidentSummary, Field(description="As it stood then, whole: replace what you had")
    ]


class FeedPage(BaseModel):
    """What happened after a cursor, oldest first."""

    events: list[PolledEvent]
    cursor: Annotated[int, Field(description="What to send as ``after`` next")]
    more: Annotated[bool, Field(description="Whether there is more after it already")]
    reset: Annotated[
        bool, Field(description="Events are missing: load the list anew, go on from the cursor")
    ]


def _event(names: Sequence[str], data: Mapping[str, Any], *others: str) -> dict[str, Any]:
    """Describe events of these names: the fields that an SSE client is handed."""
    fields = {
        "event": {"enum": [str(name) for name in names]},
        "id": {"type": "string", "description": "The cursor: send the last as Last-Event-ID"},
        "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": data},
    }
    wanted = ("event", "data", *others)
    return {
        "type": "object",
        "properties": {name: fields[name] for name in fields if name in wanted},
        "required": sorted(wanted),
    }


_EVENTS: Final = {
    "oneOf": [
        _event(list(log.FeedKind), {"$ref": "#/components/schemas/IncidentSummary"}, "id"),
        _event([RESET], {"type": "object"}, "id"),
        _event([ALIVE], {"type": "object"}),
    ]
}

_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Events, for as long as the client reads and the account may",
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "string",
                    "contentMediaType": "text/event-stream",
                    "contentSchema": {"type": "array", "items": _EVENTS},
                }
            }
        },
    }
}


class Feed:
    """One client's events, from its cursor on."""

    def __init__(
        self,
        database: Database,
        bell: FeedBell,
        woken: asyncio.Event,
        tail: FeedTail,
        allowed: Callable[[], Awaitable[Checked]],
    ) -> None:
        self._allowed = allowed
        self._database = database
        self._bell = bell
        self._woken = woken
        self._tail = tail

    async def chunks(self, cursor: int | None) -> AsyncIterator[bytes]:
        """Yield the wire's bytes until the service stops; ``None`` starts at the newest."""
        start, resumed = await run_in_threadpool(self._start, cursor)
        yield format_sse_event(comment="fengsui", retry=RETRY_MS)
        if not resumed:
            yield format_sse_event(event=RESET, data_str="{}", id=str(start))
        async for chunk in self._after(start):
            yield chunk

    async def _after(self, cursor: int) -> AsyncIterator[bytes]:
        clock_s = asyncio.get_running_loop().time
        said_s = clock_s()
        while not self._bell.closed:
            self._woken.clear()
            # Also between events: whoever was logged out meanwhile sees no more of them.
            checked = await self._allowed()
            if checked.principal is None:
                return
            before = cursor
            chunk, cursor = await self._next(checked.principal, cursor)
            if chunk:
                yield chunk
            if cursor == before:
                # Where asking is slow it isn't done without a pause.
                await self._rung(max(checked.asked_s, clock_s() - GOOD_FOR_S) + POLL_S)
            if chunk:
                said_s = clock_s()
            elif clock_s() - said_s >= HEARTBEAT_S:
                said_s = clock_s()
                yield format_sse_event(event=ALIVE, data_str="{}")

    async def _next(self, principal: Principal, cursor: int) -> tuple[bytes, int]:
        """Return the bytes of the next events for the principal, and the cursor after them."""
        held = self._tail.after(cursor, BATCH_EVENTS)
        if held is None:
            events, cursor = await run_in_threadpool(self._read, principal, cursor)
            return b"".join(wire(event) for event in events), cursor
        if held:
            cursor = held[-1].event_id
        return b"".join(one.wire for one in held if one.is_for(principal)), cursor

    async def _rung(self, until_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until_s):
                await self._woken.wait()

    def _start(self, cursor: int | None) -> tuple[int, bool]:
        with self._database.reading() as connection:
            if cursor is not None and log.can_resume(connection, cursor):
                return cursor, True
            return log.newest(connection), cursor is None

    def _read(self, principal: Principal, cursor: int) -> tuple[list[log.FeedEvent], int]:
        with self._database.reading() as connection:
            return log.read_after(connection, principal, cursor, BATCH_EVENTS)


class FeedResponse(EventSourceResponse):
    """Streams a feed, gives up on a client that doesn't read, and leaves its seat at the end."""

    def __init__(
        self,
        content: AsyncIterator[bytes],
        seat: ExitStack,
        metrics: ServiceMetrics,
        send_limit_s: float = SEND_LIMIT_S,
    ) -> None:
        # An event stream must not be kept by anybody on the way; and where it ends, so does its
        # connection, which would linger otherwise, as if the feed went on.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Connection": "close"}
        super().__init__(content, headers=headers)
        self._seat = seat
        self._metrics = metrics
        self._send_limit_s = send_limit_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the feed."""

        async def send_in_time(message: Message) -> None:
            try:
                async with asyncio.timeout(self._send_limit_s):
                    await send(message)
            except TimeoutError:
                self._metrics.feed_evictions.inc()
                raise

        # Whoever left or was let go comes back by its cursor: that's no fault to report.
        with self._seat, suppress(TimeoutError, ClientDisconnect):
            await super().__call__(scope, receive, send_in_time)


def feed_router(
    *,
    database: Database,
    gate: Gate,
    bell: FeedBell,
    tail: FeedTail,
    metrics: ServiceMetrics,
) -> APIRouter:
    """Return the feed's routes."""
    router = APIRouter()
    take(router, _pages(database, gate))
    rechecks = Rechecks()
    metrics.feed_clients.set_function(lambda: bell.clients)

    @router.get(
        "/api/feed",
        response_class=StreamingResponse,
        responses={**_STREAM, **responses(401, 403, 429, 503)},
    )
    async def live_feed(
        request: Request,
        who: Annotated[Principal, Depends(gate.allows(Permission.INCIDENT_READ))],
        after: Cursor | None = None,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> FeedResponse:
        """Stream what happens after ``Last-Event-ID`` or ``after``; without both, from now on.

        ``incident.opened``, ``incident.updated``, ``incident.closed`` and ``order.sent`` hold an
        incident whole, as /api/incidents lists it. ``incident.left`` is the last of one that isn't
        in one's places any more, as it was before: forget it. ``reset`` means that events in
        between are lost to this client: load the list anew. ``alive`` comes every 10 s, without an
        id. Refused with 503 when all feeds are taken, with 429 when the account has 16 already.
        """
        cursor = after if last_event_id is None else _cursor_of(last_event_id)
        seat = ExitStack()
        woken = seat.enter_context(bell.seat(who.account_id))

        async def allowed() -> Checked:
            ask = partial(gate.recheck, request, Permission.INCIDENT_READ)
            return await rechecks.principal(who.credential, ask)

        # The tail begins with the first who listens.
        bell.ring()
        one = Feed(database, bell, woken, tail, allowed)
        return FeedResponse(one.chunks(cursor), seat, metrics)

    return router


def _pages(database: Database, gate: Gate) -> APIRouter:
    router = APIRouter()

    @router.get("/api/feed/events", response_model=FeedPage, responses=responses(401, 403))
    def feed_events(
        who: Annotated[Principal, Depends(gate.allows(Permission.INCIDENT_READ))],
        after: Cursor | None = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT, description="Events looked at")] = 100,
    ) -> JSONResponse:
        """Give what happened after a cursor, for whoever can't hold a connection open.

        The same events as /api/feed, to the same accounts. Ask again with ``after=cursor``; while
        ``more``, at once: ``events`` may be empty where all that happened was elsewhere. Without
        ``after`` it gives the cursor of now. ``reset``: events in between are lost to this client
        (they are kept for seven days), so load the list anew and go on from ``cursor``.
        """
        with database.reading() as connection:
            newest = log.newest(connection)
            resumed = after is not None and log.can_resume(connection, after)
            if after is None or not resumed:
                page = FeedPage(events=[], cursor=newest, more=False, reset=after is not None)
                return JSONResponse(page.model_dump())
            events, cursor = log.read_after(connection, who, after, limit)
        # As they were written: those of an older version lack what came to be told since.
        told = [
            {
                "id": one.event_id,
                "kind": one.kind,
                "at": one.at.isoformat().replace("+00:00", "Z"),
                "incident": one.payload,
            }
            for one in events
        ]
        more = cursor < newest
        return JSONResponse({"events": told, "cursor": cursor, "more": more, "reset": False})

    return router


def _cursor_of(last_event_id: str) -> int:
    # A cursor that isn't ours can't be resumed: -1 makes the feed say "reset".
    text = last_event_id.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1
