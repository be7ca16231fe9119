"""The legacy endpoints of each session: state and QR code, init, close."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, Field

from bridge.contract.controls import ControlAction
from bridge.contract.errors import CodedError
from bridge.contract.session import LEGACY_STATUS, Reason, SessionState
from bridge.core.qr_image import qr_png
from bridge.core.session import Session
from bridge.core.session_entry import SessionEntry
from bridge.http.context import is_at_rest, running
from bridge.http.dependencies import AuditOf, ContextOf, needs
from bridge.http.legacy import errors
from bridge.ports import Scope

_log = logging.getLogger(__name__)
router = APIRouter(prefix="/{session}/api/wapp-session", tags=["legacy"], dependencies=[needs(Scope.ADMIN)])
#: States without a login on this side, so that there is nothing to log out of.
_NO_LOGIN = frozenset({SessionState.PAIRING, SessionState.LOGGED_OUT})


class WappSession(BaseModel):
    """A session's state. `state`, `reason` and `text` are additions to the legacy form."""

    status: str = Field(examples=["conectado"], description=" | ".join(dict.fromkeys(LEGACY_STATUS.values())))
    qr: str | None = Field(description="text of the QR code")
    hasQR: bool  # noqa: N815 - legacy
    state: SessionState
    reason: Reason
    text: str


class Done(BaseModel):
    """Result of init or close."""

    success: bool
    message: str
    error: str | None = None


@router.get("", responses=errors(404))
@router.get("/status", responses=errors(404))
async def session_status(session: str, context: ContextOf) -> WappSession:
    """State and QR code."""
    entry = context.entry(session)
    situation, shown = entry.view.situation, entry.view.qr
    qr = shown.scannable if shown else None
    return WappSession(
        status=LEGACY_STATUS[situation.state],
        qr=qr,
        hasQR=qr is not None,
        state=situation.state,
        reason=situation.reason,
        text=situation.text,
    )


@router.get(
    "/qr-image",
    response_class=Response,
    responses={
        **errors(),
        200: {"description": "300 pixels square", "content": {"image/png": {}}},
        404: {
            "description": "No QR code at present, or no such session",
            "content": {"text/plain": {}, "application/json": {}},
        },
    },
)
async def qr_image(session: str, context: ContextOf) -> Response:
    """The QR code as a PNG of 300 pixels."""
    qr = context.entry(session).view.qr
    text = qr.scannable if qr else None
    if text is None:
        return PlainTextResponse("QR no disponible", 404)
    return Response(qr_png(text), media_type="image/png", headers={"Cache-Control": "no-store"})


@router.post("/init", response_model=Done, response_model_exclude_none=True, responses=errors(404, 500))
async def init(session: str, context: ContextOf, audit: AuditOf) -> Done | JSONResponse:
    """Start a session that was closed."""
    entry = context.entry(session)
    if not is_at_rest(entry):
        state = LEGACY_STATUS[entry.view.situation.state]
        return Done(success=False, message=f"Sesión ya iniciada o en proceso (estado: {state})")
    await audit("init", session)
    return await _act(entry, _start, "Sesión WhatsApp iniciándose", "Error al iniciar la sesión")


@router.post("/close", response_model=Done, response_model_exclude_none=True, responses=errors(404, 500))
async def close(session: str, context: ContextOf, audit: AuditOf) -> Done | JSONResponse:
    """Log out and delete the login, as the legacy bridge did. (`/v1` can close a session and keep its login.)"""
    entry = context.entry(session)
    if entry.session is None or is_at_rest(entry):
        return Done(success=False, message="No hay sesión activa para cerrar.")
    await audit("logout", session, "legacy close")
    return await _act(entry, _end_login, "Sesión WhatsApp cerrada y datos eliminados.", "Error al cerrar la sesión")


async def _start(session: Session) -> None:
    await session.control(ControlAction.INIT)


async def _end_login(session: Session) -> None:
    if session.view.situation.state in _NO_LOGIN:
        await session.control(ControlAction.CLOSE)
    else:
        await session.delete_login()


async def _act(
    entry: SessionEntry, act: Callable[[Session], Awaitable[None]], done: str, failed: str
) -> Done | JSONResponse:
    try:
        await act(running(entry))
    except CodedError as error:
        _log.warning("%s: %s: %s", entry.name, failed, error.text)
        return JSONResponse({"success": False, "message": failed, "error": error.text}, 500)
    return Done(success=True, message=done)
