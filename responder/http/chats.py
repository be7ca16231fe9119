"""The API of the conversations page: chats, messages, answers by a person, pauses, switches, changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.asgi.event_stream import EventStreamResponse
from bridge.contract.errors import CodedError
from bridge.contract.jid import parse_recipient
from bridge.contract.kinds import MAX_TEXT
from bridge.contract.payload import CleanText
from responder.errors import NoSuchChat
from responder.http.context import Surface
from responder.http.request_fields import body_of, from_database, number_of, query_of, sessions_of, surface_of
from responder.policy import Circumstances, Groups, Verdict, reconsider
from responder.rules_file import BROKEN
from responder.store.chats import ChatSummary, ListPosition, Show

#: Seconds for which the answer of a person may still be sent.
REPLY_TTL = 3600.0
#: The moment until which a pause without an end lasts, in unix seconds: the year 3000.
NO_END = 32_503_680_000.0
#: Seconds by which the pause of a message by hand may seem to end at another moment.
ROUNDED = 2.0
#: Seconds for which the page shows a fault.
RECENT = 3600.0


class Reply(BaseModel):
    """The answer of a person. A repetition has the same `request`."""

    model_config = ConfigDict(extra="forbid")
    text: Annotated[CleanText, Field(min_length=1, max_length=MAX_TEXT, pattern=r"\S")]
    request: Annotated[str, Field(min_length=8, max_length=64)]


class Pause(BaseModel):
    """Seconds without automatic answers; 0 ends a pause, null: without an end."""

    model_config = ConfigDict(extra="forbid")
    seconds: Annotated[float, Field(ge=0, le=366 * 86400)] | None


class Active(BaseModel):
    """The global switch of automatic answers."""

    model_config = ConfigDict(extra="forbid", strict=True)
    active: bool


class ChatQuery(BaseModel):
    """Filter of the list of chats."""

    search: Annotated[str, Field(max_length=200)] = ""
    show: Show = Show.ALL
    session: Annotated[str, Field(max_length=64)] = ""
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    #: `next` of the page before.
    after: Annotated[str, Field(pattern=r"^([0-9]{1,12}(\.[0-9]{1,17})?:[0-9]{1,18}:[0-9]{1,18})?$")] = ""

    @property
    def position(self) -> ListPosition | None:
        if not self.after:
            return None
        last_at, last_message, chat_id = self.after.split(":")
        return ListPosition(float(last_at), int(last_message), int(chat_id))


class PlaceQuery(BaseModel):
    """A chat by one of its addresses."""

    session: Annotated[str, Field(min_length=1, max_length=64)]
    chat: Annotated[str, Field(min_length=1, max_length=96)]


class MessageQuery(BaseModel):
    """Messages of a chat: the last `limit`, or the last before a number."""

    before: Annotated[int | None, Field(ge=1)] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


async def chats(request: Request) -> Response:
    """List chats, newest first. `waiting` counts the chats whose newest message is without an answer; `next` is where
    the next page begins, None for the last one."""
    surface, requested, sessions = surface_of(request), query_of(request, ChatQuery), sessions_of(request)
    if requested.session:
        own = frozenset({requested.session})
        sessions = own if sessions is None else own & sessions
    found = await surface.chats.find(
        now=surface.chat_time(),
        search=requested.search.strip(),
        show=requested.show,
        limit=requested.limit + 1,
        sessions=sessions,
        after=requested.position,
    )
    shown = found[: requested.limit]
    body = {
        "chats": [asdict(chat) for chat in shown],
        "next": _end_of(shown[-1]) if len(found) > len(shown) else None,
        "waiting": await surface.chats.waiting(sessions),
        "now": surface.chat_time(),
    }
    return JSONResponse(body)


async def chat_at(request: Request) -> Response:
    """A chat by its address, None if nothing is recorded of it, and whether it is answered automatically now.

    `refusal` is the verdict against it.
    """
    surface, asked = surface_of(request), query_of(request, PlaceQuery)
    sessions = sessions_of(request)
    if sessions is not None and asked.session not in sessions:
        raise NoSuchChat("There is no such chat.")
    try:
        one = await surface.chats.at(asked.session, _spellings(asked.chat))
    except NoSuchChat:  # nothing is recorded of it yet, which is no mistake of the caller
        return JSONResponse({"chat": None})
    now = surface.chat_time()
    clients = {client.cliente_id: client.active for client in await surface.switches.clients()}
    circumstances = Circumstances(
        now=now,
        active=await surface.switches.active(),
        client_active=clients.get(one.cliente_id),
        opted_out=one.opted_out,
        paused_until=one.paused_until,
        is_open=surface.is_open(now),
    )
    verdict = reconsider(now, circumstances, surface.settings.policy)
    if one.is_group and surface.settings.groups is Groups.NEVER:
        verdict = Verdict.GROUP
    by_hand = abs(one.taken_at + surface.settings.pause - one.paused_until) < ROUNDED
    body = {
        "chat": asdict(one),
        "now": now,
        "refusal": None if verdict is Verdict.ANSWER else verdict,
        "no_end": one.paused_until >= NO_END,
        "paused_by": None if one.paused_until <= now else one.taken_by if by_hand else "button",
    }
    return JSONResponse(body)


async def opted_out(request: Request) -> Response:
    """Who opted out: the campaigns service reads it, so that a «baja» here counts there."""
    return JSONResponse({"people": await surface_of(request).chats.opted_out()})


async def chat(request: Request) -> Response:
    """A chat with its messages, oldest first."""
    surface, query = surface_of(request), query_of(request, MessageQuery)
    one = await surface.chats.one(await _chat_id(request))
    lines = await surface.chats.lines(one.id, before=query.before, limit=query.limit)
    return JSONResponse({"chat": asdict(one), "messages": [asdict(line) for line in lines], "now": surface.chat_time()})


async def reply(request: Request) -> Response:
    """Send the answer of a person; pauses automatic answers in the chat."""
    surface, chat_id, requested = surface_of(request), await _chat_id(request), await body_of(request, Reply)
    now = surface.chat_time()
    turn = await surface.human.open(chat_id, requested.text, requested.request, now=now, expires_at=now + REPLY_TTL)
    surface.resume(turn)
    surface.changes.notify([turn.chat_id])
    return JSONResponse({"turn": turn.id, "state": turn.state})


async def pause(request: Request) -> Response:
    """Pause or resume automatic answers in a chat."""
    surface, chat_id, requested = surface_of(request), await _chat_id(request), await body_of(request, Pause)
    until = surface.chat_time() + requested.seconds if requested.seconds else 0.0
    if requested.seconds is None:
        until = NO_END
    paused = await surface.chats.pause(chat_id, until)
    surface.stopped(paused)
    surface.changes.notify([paused])
    return JSONResponse({"paused_until": until})


async def opt_in(request: Request) -> Response:
    """Resume automatic answers to a person who opted out."""
    surface, chat_id = surface_of(request), await _chat_id(request)
    surface.changes.notify([await surface.chats.opt_in(chat_id)])
    return JSONResponse({"opted_out": False})


async def switches(request: Request) -> Response:
    """The global switch, the switch of each client, problems and recent faults."""
    surface = surface_of(request)
    clients = {client.cliente_id: client.active for client in await surface.switches.clients()}
    clients.setdefault(surface.settings.cliente_id, True)  # a client without a row is switched on
    body = {
        "active": await surface.switches.active(),
        "clients": [{"cliente_id": client, "active": active} for client, active in sorted(clients.items())],
        "amiss": surface.unready(),
        "rules": surface.rules.fault,
        "faults": [asdict(fault) for fault in surface.faults.since(surface.now() - RECENT) if fault.code != BROKEN],
    }
    return JSONResponse(body)


async def set_active(request: Request) -> Response:
    """Set the global switch."""
    surface, requested = surface_of(request), await body_of(request, Active)
    await surface.switches.set_active(requested.active)
    surface.switched()
    return JSONResponse({"active": requested.active})


async def live(request: Request) -> Response:
    """Ids of chats that changed, as server-sent events; null = reload everything."""
    surface = surface_of(request)
    ended = surface.streams.open(request.state.rate_keys, admin=True)
    if ended is None:
        raise HTTPException(429, "Ya hay demasiadas páginas abiertas", {"Retry-After": "10"})
    return EventStreamResponse(_changes(surface), request.state.still_valid, surface.limits.recheck, ended)


routes = [
    Route("/api/chats", from_database(chats)),
    Route("/api/chats/at", from_database(chat_at)),
    Route("/api/chats/{chatId}", from_database(chat)),
    Route("/api/chats/{chatId}/replies", from_database(reply), methods=["POST"]),
    Route("/api/chats/{chatId}/pause", from_database(pause), methods=["POST"]),
    Route("/api/chats/{chatId}/opt-in", from_database(opt_in), methods=["POST"]),
    Route("/api/opted-out", from_database(opted_out)),
    Route("/api/switches", from_database(switches)),
    Route("/api/switches/active", from_database(set_active), methods=["POST"]),
    Route("/api/live", live),
]


def _end_of(chat: ChatSummary) -> str:
    return f"{chat.last_at!r}:{chat.last_message}:{chat.id}"


async def _chat_id(request: Request) -> int:
    """The chat of the path, if the caller may use its session. Raises InvalidFields, NoSuchChat."""
    chat_id, sessions = number_of(request, "chatId", 1, 2**63 - 1), sessions_of(request)
    if sessions is not None and (await surface_of(request).chats.one(chat_id)).session not in sessions:
        raise NoSuchChat(f"There is no chat {chat_id}.")
    return chat_id


def _spellings(address: str) -> list[str]:
    """An address as it was received, and in the form in which names of chats are compared."""
    try:
        return sorted({address, str(parse_recipient(address).canonical)})
    except CodedError:
        return [address]


async def _changes(surface: Surface) -> AsyncIterator[str]:
    with surface.changes.watch() as watch:
        yield ": open\n\n"
        while not surface.closing.is_set():
            try:
                async with asyncio.timeout(surface.limits.ping):
                    changed = await watch.next()
            except TimeoutError:
                yield ": alive\n\n"
            else:
                yield f"data: {json.dumps(changed)}\n\n"
