"""`/v1/sessions/{session}/events`: the journal as server-sent events, without gaps over reconnects.

The id of each event is its cursor; a browser's EventSource sends it as `Last-Event-ID` when it reconnects.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from bridge.asgi.event_stream import EventStreamResponse
from bridge.contract.messages import Stream, in_stream
from bridge.core.session_entry import SessionEntry
from bridge.http.context import AppContext, journal_of
from bridge.http.credentials import ANYBODY, Principal
from bridge.http.dependencies import Caller, ContextOf, needs
from bridge.http.errors import RateLimited
from bridge.http.v1.cursors import format_cursor, parse_cursor
from bridge.http.v1.messages import After
from bridge.ports import Journal, Scope

router = APIRouter(tags=["messages"])
_PAGE = 100


@router.get(
    "/sessions/{session}/events",
    response_class=StreamingResponse,
    dependencies=[needs(Scope.LISTEN)],
    responses={
        200: {
            "description": "`event: message` (or `event`), `id: <epoch>:<seq>`, `data:` as on MQTT; `event: gap` where"
            " items are no longer kept",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
    },
)
async def follow(
    session: str,
    request: Request,
    context: ContextOf,
    caller: Caller,
    after: After = None,
    stream: Stream = Stream.IN,
    last_event_id: Annotated[
        str | None, Header(description="the cursor of the last event; takes precedence over `after`")
    ] = None,
    start: Annotated[str, Query(pattern="^(now|oldest)$", description="where to start without a cursor")] = "now",
) -> StreamingResponse:
    """Messages (or events) as they are journalled."""
    entry = context.entry(session)
    journal = journal_of(entry)
    at = 0 if start == "oldest" else journal.bounds(stream).last
    if given := last_event_id or after:
        at = parse_cursor(given, journal.epoch).seq
    return event_stream(_events(context, entry, journal, stream, at), request, context, caller)


def event_stream(
    events: AsyncIterator[str], request: Request, context: AppContext, caller: Principal
) -> EventStreamResponse:
    """These events, until the caller's credential ends. Raises `RateLimited` where too many streams are open."""
    names = () if caller is ANYBODY else (caller.id,)
    ended = context.streams.open(names, admin=Scope.ADMIN in caller.scopes)
    if ended is None:
        raise RateLimited("Too many event streams are open.", {"Retry-After": "10"})
    return EventStreamResponse(events, request.state.still_valid, context.limits.recheck, ended)


async def _events(
    context: AppContext, entry: SessionEntry, journal: Journal, stream: Stream, at: int
) -> AsyncIterator[str]:
    kind = "message" if stream is Stream.IN else "event"
    yield ": connected\n\n"  # sends the headers, so that the reader knows it is connected
    while entry.journal is journal and not context.closing.is_set():
        page = await journal.read(stream, at, _PAGE)
        first = page.items[0][0] if page.items else at + 1
        if first > at + 1:
            yield f"event: gap\ndata: {json.dumps({'after': at, 'first_seq': first})}\n\n"
        for seq, body in page.items:
            text = in_stream(stream, entry.name, journal.epoch, seq, body)
            yield f"id: {format_cursor(journal.epoch, seq)}\nevent: {kind}\ndata: {text}\n\n"
            at = seq
        if not page.items and not await comes(journal.wait_beyond(stream, at), context):
            yield ": ping\n\n"


async def comes(event: Coroutine[Any, Any, object], context: AppContext) -> bool:
    """Wait for an event or the end of the bridge; returns False when it is time for a ping."""
    waits = [
        asyncio.create_task(event, name="events item"),
        asyncio.create_task(context.closing.wait(), name="events closing"),
    ]
    try:
        done, _ = await asyncio.wait(waits, timeout=context.limits.event_ping, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)
    finally:
        for wait in waits:
            wait.cancel()
