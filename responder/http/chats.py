"""What the conversations page asks for: chats, messages, a person's answers, pauses, switches, what changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from bridge.contract.commands import MAX_TEXT
from bridge.contract.payload import CleanText
from responder.http.context import Surface
from responder.http.request_fields import body_of, number_of, query_of, surface_of
from responder.rules_file import BROKEN
from responder.store.chats import Show

#: Seconds for which a person's answer may still be sent; it is not worth less than an automatic one.
REPLY_TTL = 3600.0
#: Seconds after which a silent stream says that it lives.
ALIVE = 15.0
#: Seconds for which the page shows what went wrong.
LATELY = 3600.0
#: Pages that may be open at once.
STREAMS = 100


class Reply(BaseModel):
    """A person's answer. The same `request` again is the same answer."""

    model_config = ConfigDict(extra="forbid")
    text: Annotated[CleanText, Field(min_length=1, max_length=MAX_TEXT, pattern=r"\S")]
    request: Annotated[str, Field(min_length=8, max_length=64)]


class Pause(BaseModel):
    """Seconds without automatic answers; 0 ends a pause."""

    model_config = ConfigDict(extra="forbid")
    seconds: Annotated[float, Field(ge=0, le=366 * 86400)]


class Active(BaseModel):
    """The switch of the whole responder."""

    model_config = ConfigDict(extra="forbid", strict=True)
    active: bool


class ChatQuery(BaseModel):
    """Which chats."""

    search: Annotated[str, Field(max_length=200)] = ""
    show: Show = Show.ALL
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class Excerpt(BaseModel):
    """Which messages of a chat: so many before one, or the newest."""

    before: Annotated[int | None, Field(ge=1)] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


async def chats(request: Request) -> Response:
    """The chats, newest first."""
    surface, wanted = surface_of(request), query_of(request, ChatQuery)
    found = await surface.chats.find(
        now=surface.now(), search=wanted.search.strip(), show=wanted.show, limit=wanted.limit
    )
    return JSONResponse({"chats": [asdict(chat) for chat in found], "now": surface.now()})


async def chat(request: Request) -> Response:
    """A chat with its messages, oldest first."""
    surface, chat_id, excerpt = surface_of(request), _chat_id(request), query_of(request, Excerpt)
    one = await surface.chats.one(chat_id)
    lines = await surface.chats.lines(chat_id, before=excerpt.before, limit=excerpt.limit)
    return JSONResponse({"chat": asdict(one), "messages": [asdict(line) for line in lines], "now": surface.now()})


async def reply(request: Request) -> Response:
    """Answer as a person; automatic answers pause."""
    surface, chat_id, wanted = surface_of(request), _chat_id(request), await body_of(request, Reply)
    now = surface.now()
    turn = await surface.human.open(chat_id, wanted.text, wanted.request, now=now, expires_at=now + REPLY_TTL)
    surface.resume(turn)
    surface.changes.notify([chat_id])
    return JSONResponse({"turn": turn.id, "state": turn.state})


async def pause(request: Request) -> Response:
    """Pause or resume automatic answers in a chat."""
    surface, chat_id, wanted = surface_of(request), _chat_id(request), await body_of(request, Pause)
    until = surface.now() + wanted.seconds if wanted.seconds else 0.0
    await surface.chats.pause(chat_id, until)
    surface.changes.notify([chat_id])
    return JSONResponse({"paused_until": until})


async def opt_in(request: Request) -> Response:
    """Answer a person again who had asked for silence."""
    surface, chat_id = surface_of(request), _chat_id(request)
    await surface.chats.opt_in(chat_id)
    surface.changes.notify([chat_id])
    return JSONResponse({"opted_out": False})


async def switches(request: Request) -> Response:
    """The switch of the whole and of each client, and what is the matter."""
    surface = surface_of(request)
    clients = {client.cliente_id: client.active for client in await surface.switches.clients()}
    clients.setdefault(surface.settings.cliente_id, True)  # without a row of its own, nothing silences it alone
    told = {
        "active": await surface.switches.active(),
        "clients": [{"cliente_id": client, "active": active} for client, active in sorted(clients.items())],
        "amiss": surface.unready(),
        "rules": surface.rules.fault,
        "faults": [asdict(fault) for fault in surface.faults.since(surface.now() - LATELY) if fault.code != BROKEN],
    }
    return JSONResponse(told)


async def set_active(request: Request) -> Response:
    """Turn the switch of the whole."""
    surface, wanted = surface_of(request), await body_of(request, Active)
    await surface.switches.set_active(wanted.active)
    surface.switched()
    return JSONResponse({"active": wanted.active})


async def live(request: Request) -> Response:
    """Which chats have changed, as server-sent events; null = look at everything."""
    surface = surface_of(request)
    if surface.changes.watchers >= STREAMS:
        raise HTTPException(429, f"Ya hay {STREAMS} páginas abiertas", {"Retry-After": "10"})
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(_changes(surface), media_type="text/event-stream", headers=headers)


routes = [
    Route("/api/chats", chats),
    Route("/api/chats/{chatId}", chat),
    Route("/api/chats/{chatId}/replies", reply, methods=["POST"]),
    Route("/api/chats/{chatId}/pause", pause, methods=["POST"]),
    Route("/api/chats/{chatId}/opt-in", opt_in, methods=["POST"]),
    Route("/api/switches", switches),
    Route("/api/switches/active", set_active, methods=["POST"]),
    Route("/api/live", live),
]


def _chat_id(request: Request) -> int:
    return number_of(request, "chatId", 1, 2**63 - 1)


async def _changes(surface: Surface) -> AsyncIterator[str]:
    with surface.changes.watch() as watch:
        yield ": open\n\n"
        while not surface.closing.is_set():
            try:
                async with asyncio.timeout(ALIVE):
                    changed = await watch.next()
            except TimeoutError:
                yield ": alive\n\n"
            else:
                yield f"data: {json.dumps(changed)}\n\n"
