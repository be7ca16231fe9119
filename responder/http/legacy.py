"""The endpoints of the legacy responder, with the same bodies and texts."""

from __future__ import annotations

from typing import Annotated, Any

import psutil
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.asgi.api_credentials import SENDER
from bridge.contract.payload import instant, rfc3339
from bridge.contract.signature import SIGNATURE_HEADER, is_signed
from bridge.sql.errors import DatabaseDown
from responder.chat_completions import CompletionOutcome
from responder.http.context import Surface
from responder.http.request_fields import InvalidFields, body_of, number_of, surface_of
from responder.incoming import of_webhook

#: Number of rows in the legacy listing, and of errors in the status.
LISTED, LATEST = 500, 10
UNSIGNED = (
    "A message without the sender's signature was refused: another program posted it, or the sender cannot sign. For"
    " one that cannot, WHATSAPP_API_KEY, WA_JWT_SECRET and WA_RESPONDER_SECRET must not be set here, and a bridge in"
    " this process (`wa up`) must need no key."
)
_SWITCHED = {1: "Respuestas automáticas activadas", 0: "Respuestas automáticas desactivadas"}


async def status(request: Request) -> Response:
    """Status in the legacy form, with additional fields."""
    surface = surface_of(request)
    memory = psutil.Process().memory_info()
    whatsapp = await surface.whatsapp()
    problems = surface.unready()
    body = {
        "bot": "WhatsApp Bot Responder",
        "status": "running",
        "uptime": round(surface.now() - surface.started_at, 3),
        "memory": {"rss": memory.rss, "vms": memory.vms},
        "whatsapp": {"connected": whatsapp.connected, "state": whatsapp.state, "listeners": whatsapp.listeners},
        "ready": not problems,
        "amiss": problems,
        "database": {"kind": "sqlite" if surface.database.is_sqlite else "mysql", "trouble": surface.database.trouble},
        "rules": {"count": len(surface.rules.rules.rules), "fault": surface.rules.fault},
        "model": _model(surface),
        "errors": {
            "counts": dict(surface.faults.counts),
            "latest": [
                {"at": rfc3339(instant(fault.at)), "code": fault.code, "where": fault.where, "text": fault.text}
                for fault in list(surface.faults.latest)[: -LATEST - 1 : -1]
            ],
        },
    }
    return JSONResponse(body)


def _model(surface: Surface) -> dict[str, Any] | None:
    model = surface.model
    if model is None:
        return None
    usage = model.usage
    return {
        "name": surface.settings.openai_model,
        "resting": model.breaker.is_open(model.now()),
        "questions": usage.questions,
        "answers": usage.outcomes[CompletionOutcome.ANSWERED],
        "outcomes": dict(usage.outcomes),
        "failures": usage.failures,
        "tokens_in": usage.tokens_in,
        "tokens_out": usage.tokens_out,
        "cost": round(usage.cost, 6),
    }


async def conversations(request: Request) -> Response:
    """The last messages of all chats, newest first."""
    try:
        lines = await surface_of(request).chats.newest(LISTED)
    except DatabaseDown:
        return JSONResponse({"error": "Error obteniendo conversaciones"}, 500)
    listed = [
        {
            "telefono": one.person,
            "rol": one.role,
            "mensaje": one.text,
            "created_at": rfc3339(instant(one.at)),
            "cliente_id": one.cliente_id,
            "nom": one.name,
        }
        for one in lines
    ]
    return JSONResponse(listed)


async def message_received(request: Request) -> Response:
    """A message from a legacy sender. Answered once it is recorded; processing follows."""
    surface = surface_of(request)
    if request.state.principal is SENDER and (refused := await _check_signature(request, surface)):
        return refused
    try:
        fields = await request.json()
        if not isinstance(fields, dict):
            raise TypeError("not an object")
        arrival = of_webhook(surface.settings.sessions[0], fields, surface.settings.cliente_id)
    except (ValueError, TypeError, KeyError, RecursionError):
        return JSONResponse({"error": "Mensaje inválido: from, body, timestamp y type son requeridos"}, 400)
    try:
        await surface.take(arrival)
    except DatabaseDown:
        return JSONResponse({"error": "El mensaje no se pudo registrar; se puede volver a enviar"}, 503)
    return JSONResponse({"success": True, "received": True})


async def _check_signature(request: Request, surface: Surface) -> Response | None:
    """The answer to a post that the sender of webhook mode has not signed; None for one that it has."""
    given, sender = request.headers.get(SIGNATURE_HEADER, ""), surface.sender
    if sender is not None and sender.secret is not None:
        if is_signed(sender.secret, await request.body(), given):
            sender.is_unsigned = False
            return None
        if not sender.is_registered:  # it signs with what an earlier registration gave it
            return JSONResponse({"error": "Todavía sin registrar; se puede volver a enviar"}, 503)
        if not sender.is_unsigned:
            sender.is_unsigned = True
            surface.faults.note("unsigned", "webhook", UNSIGNED)
    return JSONResponse({"error": "Unauthorized"}, 401)


class SwitchRequest(BaseModel):
    """The requested state of the switch."""

    bot_activo: Annotated[int, Field(ge=0, le=1, strict=True)]


async def bot_status(request: Request) -> Response:
    """Whether automatic answers are on for a client."""
    switch = await surface_of(request).switches.client(_cliente_id(request))
    updated = switch.updated_at and rfc3339(instant(switch.updated_at))
    return JSONResponse({"bot_activo": int(switch.active), "updated_at": updated})


async def bot_toggle(request: Request) -> Response:
    """Switch automatic answers on or off for a client."""
    surface, cliente_id = surface_of(request), _cliente_id(request)
    try:
        requested = (await body_of(request, SwitchRequest)).bot_activo
    except InvalidFields:
        return JSONResponse({"error": "bot_activo debe ser 0 o 1"}, 400)
    await surface.switches.set_client(cliente_id, bool(requested))
    surface.switched()
    return JSONResponse({"success": True, "bot_activo": requested, "mensaje": _SWITCHED[requested]})


routes = [
    Route("/api/status", status),
    Route("/api/conversaciones", conversations),
    Route("/api/message-received", message_received, methods=["POST"]),
    Route("/api/bot-config/status/{clienteId}", bot_status),
    Route("/api/bot-config/toggle/{clienteId}", bot_toggle, methods=["POST"]),
]


def _cliente_id(request: Request) -> int:
    return number_of(request, "clienteId", 0, 2**31 - 1)
