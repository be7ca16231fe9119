"""What the conversations page asks for: chats, messages, a person's answers, pauses, switches, what changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from bridge.contract.commands import MAX_TEXT
from bridge.contract.payload import CleanText
from responder.http.surface import Surface, SurfaceOf
from responder.store.chats import Show

router = APIRouter(prefix="/api")
#: Seconds for which a person's answer may still be sent; it is not worth less than an automatic one.
REPLY_TTL = 3600.0
#: Seconds after which a silent stream says that it lives.
ALIVE = 15.0
#: Pages that may be open at once.
STREAMS = 100
ChatId = Annotated[int, Path(alias="chatId", ge=1)]


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


@router.get("/chats")
async def chats(
    surface: SurfaceOf,
    search: Annotated[str, Query(max_length=200)] = "",
    show: Show = Show.ALL,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Any:
    """The chats, newest first."""
    found = await surface.chats.find(now=surface.now(), search=search.strip(), show=show, limit=limit)
    return {"chats": [asdict(chat) for chat in found], "now": surface.now()}


@router.get("/chats/{chatId}")
async def chat(
    chat_id: ChatId,
    surface: SurfaceOf,
    before: Annotated[int | None, Query(ge=1)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Any:
    """A chat with its messages, oldest first."""
    one = await surface.chats.one(chat_id)
    lines = await surface.chats.lines(chat_id, before=before, limit=limit)
    return {"chat": asdict(one), "messages": [asdict(line) for line in lines], "now": surface.now()}


@router.post("/chats/{chatId}/replies")
async def reply(chat_id: ChatId, wanted: Reply, surface: SurfaceOf) -> Any:
    """Answer as a person; automatic answers pause."""
    now = surface.now()
    turn = await surface.human.open(chat_id, wanted.text, wanted.request, now=now, expires_at=now + REPLY_TTL)
    surface.resume(turn)
    surface.changes.tell([chat_id])
    return {"turn": turn.id, "state": turn.state}


@router.post("/chats/{chatId}/pause")
async def pause(chat_id: ChatId, wanted: Pause, surface: SurfaceOf) -> Any:
    """Pause or resume automatic answers in a chat."""
    until = surface.now() + wanted.seconds if wanted.seconds else 0.0
    await surface.chats.pause(chat_id, until)
    surface.changes.tell([chat_id])
    return {"paused_until": until}


@router.post("/chats/{chatId}/opt-in")
async def opt_in(chat_id: ChatId, surface: SurfaceOf) -> Any:
    """Answer a person again who had asked for silence."""
    await surface.chats.opt_in(chat_id)
    surface.changes.tell([chat_id])
    return {"opted_out": False}


@router.get("/switches")
async def switches(surface: SurfaceOf) -> Any:
    """The switch of the whole, and of each client."""
    clients = {client.cliente_id: client.active for client in await surface.switches.clients()}
    clients.setdefault(surface.settings.cliente_id, True)  # without a row of its own, nothing silences it alone
    return {
        "active": await surface.switches.active(),
        "clients": [{"cliente_id": client, "active": active} for client, active in sorted(clients.items())],
        "amiss": surface.unready(),
    }


@router.post("/switches/active")
async def set_active(wanted: Active, surface: SurfaceOf) -> Any:
    """Turn the switch of the whole."""
    await surface.switches.set_active(wanted.active)
    surface.switched()
    return {"active": wanted.active}


@router.get("/live")
async def live(surface: SurfaceOf) -> StreamingResponse:
    """Which chats have changed, as server-sent events; null = look at everything."""
    if surface.changes.watchers >= STREAMS:
        raise HTTPException(429, f"Ya hay {STREAMS} páginas abiertas", {"Retry-After": "10"})
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(_changes(surface), media_type="text/event-stream", headers=headers)


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
