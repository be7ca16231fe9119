"""`/v1/sessions/{session}/messages`: the journal in pages, as a replay on MQTT."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from bridge.contract.commands import REPLAY_DEFAULT, REPLAY_MAX
from bridge.contract.events import Event
from bridge.contract.messages import Inbound, Stream, in_stream
from bridge.http.context import journal_of
from bridge.http.dependencies import PartsOf, needs
from bridge.http.v1.cursors import Cursor, parse_cursor
from bridge.http.v1.documents import problems
from bridge.ports import Scope

router = APIRouter(tags=["messages"])
After = Annotated[
    str | None,
    Query(description="`<epoch>:<seq>`: items after this one; without it, or with another epoch, from the oldest"),
]


class Page(BaseModel):
    """Items in order. `next` = what to give as `after` for the next page; null = this page has the newest."""

    items: list[Inbound | Event]
    epoch: str
    first_seq: int | None
    last_seq: int
    next: str | None = Field(examples=["8b0f…:500"])
    gap: bool = Field(description="items between `after` and the first one here are no longer kept")


@router.get(
    "/sessions/{session}/messages",
    response_class=Response,
    dependencies=[needs(Scope.LISTEN)],
    responses={**problems(), 200: {"description": "A page", "model": Page}},
)
async def read_messages(
    session: str,
    parts: PartsOf,
    after: After = None,
    stream: Stream = Stream.IN,
    limit: Annotated[int, Query(ge=1, le=REPLAY_MAX)] = REPLAY_DEFAULT,
) -> Response:
    """Messages (or events) that were journalled, oldest first. Keep `next` and ask again: nothing is missed."""
    place = parts.place(session)
    journal = journal_of(place)
    start = parse_cursor(after, journal.epoch).seq if after else 0
    page = await journal.read(stream, start, limit)
    last = page.items[-1][0] if page.items else start
    more = last < page.bounds.last
    head = Page(
        items=[],
        epoch=journal.epoch,
        first_seq=page.bounds.first,
        last_seq=page.bounds.last,
        next=str(Cursor(journal.epoch, last)) if more else None,
        gap=page.bounds.first is not None and start + 1 < page.bounds.first,
    )
    # Joined as text: bodies are stored as they travel, and a page of thousands must not parse each.
    items = ",".join(in_stream(stream, session, journal.epoch, seq, body) for seq, body in page.items)
    text = head.model_dump_json().replace('"items":[]', f'"items":[{items}]', 1)
    return Response(text, media_type="application/json")
