"""`/v1/sessions/{session}/messages`: the journal in pages, as a replay on MQTT."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field

from bridge.contract.errors import InvalidRequest
from bridge.contract.events import Event
from bridge.contract.messages import Inbound, Stream, in_stream
from bridge.contract.replays import REPLAY_DEFAULT, REPLAY_MAX
from bridge.contract.requests import SearchMessages, request_of
from bridge.contract.search_answers import SearchAnswer
from bridge.http.context import journal_of, running
from bridge.http.dependencies import ContextOf, needs
from bridge.http.v1.cursors import format_cursor, parse_cursor
from bridge.ports import Scope

router = APIRouter(tags=["messages"])
After = Annotated[
    str | None,
    Query(
        description="`<epoch>:<seq>`: items after this cursor; without it, or with another epoch, from the oldest; with"
        " `q` the `next` of the page before"
    ),
]


class PageBounds(BaseModel):
    """Position of a page. `next` = `after` for the next page; null = this page has the newest item."""

    epoch: str
    first_seq: int | None
    last_seq: int
    next: str | None = Field(examples=["8b0f…:500"])
    gap: bool = Field(description="items between `after` and the first one here were deleted")


class Page(PageBounds):
    """Items in order. `next` = `after` for the next page; null = this page has the newest item."""

    items: list[Inbound | Event]


@router.get(
    "/sessions/{session}/messages",
    response_class=StreamingResponse,
    dependencies=[needs(Scope.LISTEN)],
    responses={200: {"description": "A page; with `q` what was found", "model": Page | SearchAnswer}},
)
async def read_messages(
    session: str,
    context: ContextOf,
    after: After = None,
    stream: Stream = Stream.IN,
    limit: Annotated[
        int | None, Query(ge=1, le=REPLAY_MAX, description="default 500; with `q` 20, 100 at most")
    ] = None,
    q: Annotated[str | None, Query(description="words: search both streams, newest first")] = None,
    chat: Annotated[str | None, Query(description="with `q`: number or address of a chat")] = None,
    since: Annotated[str | None, Query(description="with `q`: messages of this time (RFC 3339) and later")] = None,
    until: Annotated[str | None, Query(description="with `q`: messages before this time")] = None,
    direction: Annotated[Literal["in", "out"] | None, Query(description="with `q`: received or own ones only")] = None,
) -> Response:
    """Messages (or events) from the journal, oldest first. Repeat with `next` as `after` to miss nothing.

    With `q` it searches their text, as the request `messages.search` does.
    """
    entry = context.entry(session)
    given = {"chat": chat, "since": since, "until": until, "direction": direction}
    chosen = {name: value for name, value in given.items() if value is not None}
    if q is not None:
        paging = {name: value for name, value in (("after", after), ("limit", limit)) if value is not None}
        search = request_of(SearchMessages.model_fields["action"].default, {"q": q, **chosen, **paging})
        return JSONResponse(await running(entry).requests.run(search))
    if chosen:
        raise InvalidRequest(f"{', '.join(chosen)} is for a search: give q, the words to search for.")
    journal = journal_of(entry)
    start = parse_cursor(after, journal.epoch).seq if after else 0
    page = await journal.read(stream, start, limit or REPLAY_DEFAULT)
    last = page.items[-1][0] if page.items else start
    bounds = PageBounds(
        epoch=journal.epoch,
        first_seq=page.bounds.first,
        last_seq=page.bounds.last,
        next=format_cursor(journal.epoch, last) if last < page.bounds.last else None,
        gap=page.bounds.first is not None and start + 1 < page.bounds.first,
    )
    items = (in_stream(stream, session, journal.epoch, seq, body) for seq, body in page.items)
    return StreamingResponse(_page(items, bounds), media_type="application/json")


async def _page(items: Iterable[str], bounds: PageBounds) -> AsyncIterator[str]:
    """The JSON of a `Page`. Bodies are stored as they are published, and a page of thousands must not parse each."""
    yield '{"items":['
    yield ",".join(items)
    yield "]," + bounds.model_dump_json().removeprefix("{")
