"""The legacy switch of automatic answers.

The responder owns it: its retained config is the answer to a query, and a change is a request on its other topic.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from bridge.contract.payload import Instant
from bridge.http.dependencies import AuditOf, ContextOf, needs, sessions_of_client
from bridge.http.legacy import LegacyBody, errors
from bridge.ports import Scope

router = APIRouter(prefix="/api/bot-config", tags=["legacy"])
SWITCH_WANTED = "bot_activo debe ser 0 o 1"
WRONG_BODY = {"/api/bot-config/toggle/{clienteId}": SWITCH_WANTED}
_SAID = {1: "Respuestas automáticas activadas", 0: "Respuestas automáticas desactivadas"}
ClienteId = Annotated[int, Path(alias="clienteId", ge=0, le=2**31 - 1, examples=[51])]


class BotSwitchRequest(LegacyBody):
    """Request body of the switch."""

    bot_activo: Annotated[int, Field(ge=0, le=1, description="1 = answers, 0 = silent")]


class BotStatus(BaseModel):
    """Whether the responder answers. `updated_at` null = no responder has published its switch: there is none."""

    bot_activo: Literal[0, 1]
    updated_at: Instant | None


class Toggled(BaseModel):
    """The state that the responder confirmed."""

    success: bool = True
    bot_activo: Literal[0, 1]
    mensaje: str


@router.get("/status/{clienteId}", dependencies=[needs(None)], responses=errors(400))
async def bot_status(cliente_id: ClienteId, context: ContextOf) -> BotStatus:
    """Whether automatic answers are on for a client."""
    config = context.switches.config(cliente_id)
    if config is None:
        return BotStatus(bot_activo=0, updated_at=None)
    return BotStatus(bot_activo=config.bot_activo, updated_at=config.updated_at)


@router.post("/toggle/{clienteId}", dependencies=[needs(Scope.ADMIN)], responses=errors(400))
async def toggle(cliente_id: ClienteId, body: BotSwitchRequest, context: ContextOf, audit: AuditOf) -> Toggled:
    """Switch automatic answers on or off for a client. Answers once the responder has confirmed it."""
    sessions = sessions_of_client(context, cliente_id)
    await audit("bot switch", sessions[0] if sessions else None, f"cliente {cliente_id}: {body.bot_activo}")
    config = await context.switches.switch(cliente_id, body.bot_activo)
    return Toggled(bot_activo=config.bot_activo, mensaje=_SAID[config.bot_activo])
