"""The legacy endpoints of the default session: register, unregister, send, status.

Texts and shapes are the contract with callers that will not be changed: fields may be added, none removed.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from bridge.contract.commands import SendCommand, parse_json
from bridge.contract.errors import CodedError, InvalidRequest
from bridge.contract.jid import parse_recipient
from bridge.contract.messages import Result, ResultStatus
from bridge.contract.payload import CleanText
from bridge.core.session_entry import SessionEntry
from bridge.http.context import AppContext, is_connected
from bridge.http.dependencies import AuditOf, ContextOf, needs
from bridge.http.errors import legacy_error, shown_error, status_of
from bridge.http.submission import LONGEST_WAIT, settle, until_connected
from bridge.ports import Scope

router = APIRouter(tags=["legacy"])
URL_WANTED = "callbackUrl requerido"
SEND_WANTED = "to y message son requeridos"
SEND_FAILED = "Error enviando mensaje"
URL_REFUSED = "callbackUrl no permitido"
#: The text of the answer to an invalid body, by route.
WRONG_BODY = {
    "/api/whatsapp/register-listener": URL_WANTED,
    "/api/whatsapp/unregister-listener": URL_WANTED,
    "/api/whatsapp/send": SEND_WANTED,
}
_SENT = {
    ResultStatus.SENT: "Mensaje enviado correctamente",
    ResultStatus.ACCEPTED: "Mensaje aceptado; se enviará en cuanto sea posible",
    ResultStatus.UNKNOWN: "No se pudo confirmar el envío; no lo repita sin mirar el chat",
}


class LegacyBody(BaseModel):
    """Strict types; unknown fields are ignored, as the legacy code did."""

    model_config = ConfigDict(strict=True, extra="ignore")


class Callback(LegacyBody):
    """Body of register and unregister. With `secret`, deliveries are signed (`X-Hub-Signature-256`)."""

    callbackUrl: Annotated[CleanText, Field(min_length=1, examples=["http://localhost:3013/api/message-received"])]  # noqa: N815 - legacy
    secret: Annotated[CleanText | None, Field(min_length=16, max_length=256)] = None


class Registered(BaseModel):
    """Answer to register and unregister."""

    success: bool = True
    message: str = Field(examples=["Listener registrado correctamente"])
    totalListeners: int = Field(examples=[1])  # noqa: N815 - legacy
    id: str | None = None


class LegacySend(LegacyBody):
    """Request body of the legacy send."""

    to: str = Field(examples=["5491155500001"], description="digits, or a whole address")
    message: str = Field(examples=["Hola"])


class LegacySent(BaseModel):
    """Answer to send. `status`, `id` and `messageId` are additions to the legacy form."""

    success: bool = True
    message: str = Field(examples=["Mensaje enviado correctamente"])
    to: str = Field(examples=[str(parse_recipient("5491155500001"))])
    status: ResultStatus
    id: str
    messageId: str | None  # noqa: N815 - as the legacy fields


class LegacyConnection(BaseModel):
    """Whether the default session can send and receive."""

    connected: bool
    state: str | None = Field(default=None, examples=["CONNECTED"])
    error: str | None = None
    listeners: int


class LegacyError(BaseModel):
    """An error in the legacy form."""

    error: str
    details: str | None = None


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors that a route documents."""
    return {status: {"model": LegacyError} for status in (*statuses, 401, 403, 413, 415, 429, 503)}


@router.post(
    "/api/whatsapp/register-listener",
    dependencies=[needs(Scope.LISTEN)],
    response_model=Registered,
    response_model_exclude_none=True,
    responses=errors(400),
)
async def register_listener(body: Callback, context: ContextOf, audit: AuditOf) -> Registered | JSONResponse:
    """Post every message of the default session to a URL. Idempotent; survives restarts."""
    try:
        url = await context.poster.check(body.callbackUrl)
    except InvalidRequest as error:
        return legacy_error(error, URL_REFUSED)
    known = _registered(context, url)
    listener = await context.registry.register(context.default, url, legacy=True, secret=body.secret)
    if not known:  # callers of this path register repeatedly
        await audit("register listener", context.default, listener.id)
    return Registered(
        message="Listener registrado correctamente",
        totalListeners=len(context.registry.active(context.default)),
        id=listener.id,
    )


def _registered(context: AppContext, url: str) -> list[str]:
    return [one.id for one in context.registry.active(context.default) if one.url == url]


@router.post(
    "/api/whatsapp/unregister-listener",
    dependencies=[needs(Scope.LISTEN)],
    response_model_exclude_none=True,
    responses=errors(400),
)
async def unregister_listener(body: Callback, context: ContextOf, audit: AuditOf) -> Registered:
    """Stop posting to a URL. Its cursor is kept ten minutes: registered again by then, it misses nothing."""
    with suppress(InvalidRequest):  # such a URL was never registered; the legacy code accepted any URL
        url = context.poster.normal_form(body.callbackUrl)
        known = _registered(context, url)
        await context.registry.unregister(context.default, url)
        for listener_id in known:
            await audit("unregister listener", context.default, listener_id)
    return Registered(message="Listener removido", totalListeners=len(context.registry.active(context.default)))


@router.post(
    "/api/whatsapp/send",
    dependencies=[needs(Scope.SEND)],
    response_model=LegacySent,
    responses=errors(400, 409, 500),
)
async def send(
    request: Request,
    body: LegacySend,
    context: ContextOf,
    wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT, description="seconds to wait for WhatsApp")] = LONGEST_WAIT,
    idempotency_key: Annotated[str | None, Header(max_length=128, description="the id of the command")] = None,
) -> LegacySent | JSONResponse:
    """Send a text. Waits for WhatsApp up to 25 s, and then answers `accepted`: the message is still sent.

    The same time includes the wait for a session that is starting or reconnecting: 500 if it is not connected by then,
    and immediately in an outage of more than a minute.
    """
    entry = context.entry()
    try:
        command = parse_json(
            SendCommand, json.dumps({"id": idempotency_key, "to": body.to, "message": body.message}).encode()
        )
    except CodedError as error:
        return legacy_error(error, SEND_WANTED if status_of(error) == 400 else SEND_FAILED)
    if not await _is_known(context, command):
        left = await until_connected(context, entry, wait, request.is_disconnected)
        if left is None:
            details = not_connected(entry)
            return JSONResponse({"error": SEND_FAILED, "details": details, "code": "not_connected"}, 500)
        wait = left
    try:
        result = await settle(context, entry, command, wait)
    except CodedError as error:
        shown = shown_error(error)
        return _failed(shown.text, shown.code)
    if result.error is not None:
        status = 409 if result.error.code == "conflict" else 500
        return _failed(result.error.text, result.error.code, status, result)
    return LegacySent(
        message=_SENT[result.status],
        to=result.to or "",
        status=result.status,
        id=result.id,
        messageId=result.message_id,
    )


@router.get("/api/whatsapp/status", dependencies=[needs(None)], response_model_exclude_none=True, responses=errors())
async def status(context: ContextOf) -> LegacyConnection:
    """Whether the default session can send and receive now."""
    entry, listeners = context.entry(), len(context.registry.active(context.default))
    if is_connected(entry):
        return LegacyConnection(connected=True, state="CONNECTED", listeners=listeners)
    return LegacyConnection(connected=False, error=not_connected(entry), listeners=listeners)


def not_connected(entry: SessionEntry) -> str:
    """The legacy text for a session that is not connected."""
    return f"Cliente de WhatsApp {entry.name.capitalize()} no está conectado"


async def _is_known(context: AppContext, command: SendCommand) -> bool:
    """Whether the command is a repetition: its result is known, connected or not."""
    outbox = context.entry().outbox
    return command.id is not None and outbox is not None and await outbox.get(command.id) is not None


def _failed(details: str, code: str, status: int = 500, result: Result | None = None) -> JSONResponse:
    body: dict[str, Any] = {"error": SEND_FAILED, "details": details, "code": code}
    return JSONResponse(body if result is None else {**body, "id": result.id}, status)
