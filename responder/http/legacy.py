"""The paths of the legacy responder: same bodies, same words."""

from __future__ import annotations

from typing import Annotated, Any

import psutil  # type: ignore[import-untyped]
from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from bridge.contract.payload import instant, rfc3339
from responder.arrivals import of_webhook
from responder.errors import DatabaseDown
from responder.http.surface import SurfaceOf

router = APIRouter()
#: Rows of the legacy listing.
LISTED = 500
_SWITCHED = {1: "Respuestas automáticas activadas", 0: "Respuestas automáticas desactivadas"}
ClienteId = Annotated[int, Path(alias="clienteId", ge=0, le=2**31 - 1)]


@router.get("/health")
async def health(surface: SurfaceOf) -> Any:
    """Alive: the process answers. `ready` tells whether messages are recorded and answered now."""
    amiss = surface.unready()
    return {
        "status": "online",
        "service": "whatsapp-bot-responder",
        "timestamp": rfc3339(instant(surface.now())),
        "ready": not amiss,
        "amiss": amiss,
    }


@router.get("/health/ready")
async def ready(surface: SurfaceOf) -> Any:
    """For what restarts or routes by status code: 200 when it works, else 503."""
    amiss = surface.unready()
    return JSONResponse({"ready": not amiss, "amiss": amiss}, 503 if amiss else 200)


@router.get("/api/status")
async def status(surface: SurfaceOf) -> Any:
    """How it is, in the legacy form, with more."""
    memory = psutil.Process().memory_info()
    whatsapp = await surface.whatsapp()
    model = surface.model
    return {
        "bot": "WhatsApp Bot Responder",
        "status": "running",
        "uptime": round(surface.now() - surface.started_at, 3),
        "memory": {"rss": memory.rss, "vms": memory.vms},
        "whatsapp": {"connected": whatsapp.connected, "state": whatsapp.state, "listeners": whatsapp.listeners},
        "ready": not surface.unready(),
        "amiss": surface.unready(),
        "database": {"kind": "sqlite" if surface.database.is_sqlite else "mysql", "trouble": surface.database.trouble},
        "rules": {"count": len(surface.rules.rules.rules), "fault": surface.rules.fault},
        "model": None
        if model is None
        else {
            "name": surface.settings.openai_model,
            "resting": model.breaker.is_open(model.now()),
            "questions": model.usage.questions,
            "answers": model.usage.answers,
            "failures": model.usage.failures,
            "tokens_in": model.usage.tokens_in,
            "tokens_out": model.usage.tokens_out,
            "cost": round(model.usage.cost, 6),
        },
        "errors": {
            "counts": dict(surface.faults.counts),
            "latest": [
                {"at": rfc3339(instant(fault.at)), "code": fault.code, "where": fault.where, "text": fault.text}
                for fault in reversed(surface.faults.latest)
            ][:10],
        },
    }


@router.get("/api/conversaciones")
async def conversations(surface: SurfaceOf) -> Any:
    """The last messages of all chats, newest first."""
    try:
        said = await surface.chats.newest(LISTED)
    except DatabaseDown:
        return JSONResponse({"error": "Error obteniendo conversaciones"}, 500)
    return [
        {
            "telefono": one.person,
            "rol": one.role,
            "mensaje": one.text,
            "created_at": rfc3339(instant(one.at)),
            "cliente_id": one.cliente_id,
            "nom": one.name,
        }
        for one in said
    ]


@router.post("/api/message-received")
async def message_received(request: Request, surface: SurfaceOf) -> Any:
    """A message from a legacy sender. Answered as soon as it is recorded, long before it is dealt with."""
    try:
        fields = await request.json()
        if not isinstance(fields, dict):
            raise TypeError("not an object")
        cliente_id = int(fields.get("cliente_id") or surface.settings.cliente_id)
        arrival = of_webhook(surface.settings.sessions[0], fields, cliente_id)
    except (ValueError, TypeError, KeyError, RecursionError):
        return JSONResponse({"error": "Mensaje inválido: from, body, timestamp y type son requeridos"}, 400)
    try:
        await surface.take(arrival)
    except DatabaseDown:
        return JSONResponse({"error": "El mensaje no se pudo registrar; se puede volver a enviar"}, 503)
    return {"success": True, "received": True}


class Switch(BaseModel):
    """What is wanted."""

    bot_activo: Annotated[int, Field(ge=0, le=1, strict=True)]


@router.get("/api/bot-config/status/{clienteId}")
async def bot_status(cliente_id: ClienteId, surface: SurfaceOf) -> Any:
    """Whether this client is answered."""
    switch = await surface.switches.client(cliente_id)
    updated = switch.updated_at and rfc3339(instant(switch.updated_at))
    return {"bot_activo": int(switch.active), "updated_at": updated}


@router.post("/api/bot-config/toggle/{clienteId}")
async def bot_toggle(cliente_id: ClienteId, switch: Switch, surface: SurfaceOf) -> Any:
    """Answer this client, or not."""
    await surface.switches.set_client(cliente_id, bool(switch.bot_activo))
    surface.switched()
    return {"success": True, "bot_activo": switch.bot_activo, "mensaje": _SWITCHED[switch.bot_activo]}
