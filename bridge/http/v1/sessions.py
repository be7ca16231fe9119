"""`/v1/sessions`: status, QR code, passkey request, and control by admins."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from bridge.contract.commands import checked, parse_json
from bridge.contract.controls import ControlAction, ControlCommand
from bridge.contract.messages import Qr
from bridge.contract.passkey import Passkey
from bridge.contract.session_changes import MAX_CLIENT, BridgeAction, BridgeCommand
from bridge.contract.status import SessionStatus
from bridge.core.qr_image import qr_png
from bridge.core.session_entry import SessionEntry
from bridge.http.context import running
from bridge.http.credentials import Principal
from bridge.http.dependencies import AuditOf, Caller, ContextOf, needs, needs_scope
from bridge.http.errors import Forbidden, NotFound
from bridge.http.v1.documents import body_of
from bridge.ports import Scope

router = APIRouter(tags=["sessions"])
PROXY = "http://user:password@host:port, https://… or socks5://host:port; off; or default: as WA_PROXY says"
SLEEP_AFTER = "time without work after which it sleeps, as 2h; off; or default: as WA_SLEEP_AFTER says"
_NO_CODE = "There is no QR code: the session is logged in, or not running."


class Sessions(BaseModel):
    """The sessions that are configured here."""

    sessions: list[SessionStatus]


class ControlDone(BaseModel):
    """A control action that was carried out."""

    action: ControlAction
    status: SessionStatus


class NewSession(BaseModel):
    """A session to add."""

    session: str = Field(description="letters, digits, _ and -, 64 at most")
    cliente_id: int = Field(ge=0, le=MAX_CLIENT, description="the number of the customer it belongs to")
    proxy: str | None = Field(default=None, repr=False, description=PROXY)
    sleep_after: str | None = Field(default=None, description=SLEEP_AFTER)


class ChangedOptions(BaseModel):
    """What to change of a session; a field that is missing stays as it is."""

    proxy: str | None = Field(default=None, repr=False, description=PROXY)
    sleep_after: str | None = Field(default=None, description=SLEEP_AFTER)


class Options(BaseModel):
    """What holds for a session, from the settings or set for it alone."""

    session: str
    proxy: str | None = Field(description="the proxy of its browser, without the password")
    sleep_after: int | None = Field(description="seconds without work after which it sleeps; null: it never does")
    sleep_check: int = Field(description="seconds that it sleeps at most before it looks for messages")


class RemovedSession(BaseModel):
    """A session that does not run any more."""

    session: str
    text: str = Field(description="what is kept, where, and how to delete it")


@router.post("/sessions", status_code=201, dependencies=[needs_scope(Scope.ADMIN)])
async def add_session(body: NewSession, context: ContextOf, caller: Caller, audit: AuditOf) -> SessionStatus:
    """Add a session, which starts at once and at every start of the bridge. Adding one that runs changes nothing."""
    _needs_every_session(caller)
    await audit("add_session", body.session, str(body.cliente_id))
    command = {"action": BridgeAction.ADD_SESSION, **body.model_dump(exclude_none=True)}
    await context.change_sessions(checked(BridgeCommand, command))
    return context.status(context.entry(body.session))


@router.get("/sessions/{session}/options", dependencies=[needs(Scope.ADMIN)])
async def session_options(session: str, context: ContextOf) -> Options:
    """Proxy and sleep of a session."""
    return _options_of(context.entry(session))


@router.patch("/sessions/{session}/options", dependencies=[needs(Scope.ADMIN)])
async def change_options(session: str, body: ChangedOptions, context: ContextOf, audit: AuditOf) -> Options:
    """Change proxy or sleep of a session, now and for every start. A new proxy restarts its browser."""
    entry = context.entry(session)
    fields = body.model_dump(exclude_none=True)
    await audit("set_session", session, ", ".join(sorted(fields)))  # an address may hold a password
    command = {"action": BridgeAction.SET_SESSION, "session": session, **fields}
    await context.change_sessions(checked(BridgeCommand, command))
    return _options_of(entry)


def _options_of(entry: SessionEntry) -> Options:
    options = entry.options
    return Options(
        session=entry.name,
        proxy=None if options.proxy is None else str(options.proxy),
        sleep_after=options.sleep_after,
        sleep_check=options.sleep_check,
    )


@router.delete("/sessions/{session}", dependencies=[needs(Scope.ADMIN)])
async def remove_session(session: str, context: ContextOf, caller: Caller, audit: AuditOf) -> RemovedSession:
    """End a session for good. Its login, messages and commands are kept on disk."""
    _needs_every_session(caller)
    await audit("remove_session", session)
    command = checked(BridgeCommand, {"action": BridgeAction.REMOVE_SESSION, "session": session})
    return RemovedSession(session=session, text=await context.change_sessions(command) or "")


def _needs_every_session(caller: Principal) -> None:
    if not caller.may_all(Scope.ADMIN, None):
        raise Forbidden(f"This needs the scope {Scope.ADMIN}, for every session.")


@router.get("/sessions")
async def list_sessions(context: ContextOf, caller: Caller) -> Sessions:
    """Every session that the caller may see."""
    return Sessions(
        sessions=[context.status(entry) for entry in context.entries.values() if caller.may(None, entry.name)]
    )


@router.get("/sessions/{session}", dependencies=[needs(None)])
async def session_status(session: str, context: ContextOf) -> SessionStatus:
    """The status, as retained on MQTT."""
    return context.status(context.entry(session))


@router.get("/sessions/{session}/qr", dependencies=[needs(Scope.ADMIN)])
async def qr_code(session: str, context: ContextOf) -> Qr:
    """The QR code. A phone that scans it links its account to this session: keep it private."""
    qr = context.entry(session).view.qr
    if qr is None:
        raise NotFound(_NO_CODE)
    return qr


@router.get(
    "/sessions/{session}/qr.png",
    dependencies=[needs(Scope.ADMIN)],
    response_class=Response,
    responses={200: {"description": "300 pixels square", "content": {"image/png": {}}}},
)
async def qr_code_image(session: str, context: ContextOf) -> Response:
    """The QR code as a PNG."""
    qr = context.entry(session).view.qr
    text = qr.scannable if qr else None
    if text is None:
        raise NotFound(_NO_CODE)
    return Response(qr_png(text), media_type="image/png")


@router.get("/sessions/{session}/passkey", dependencies=[needs(Scope.ADMIN)])
async def passkey_request(session: str, context: ContextOf) -> Passkey:
    """What WhatsApp asks about the account's passkey. Who answers it for a pairing gives this bridge the account."""
    passkey = context.entry(session).view.passkey
    if passkey is None:
        raise NotFound("WhatsApp asks for no passkey.")
    return passkey


@router.post(
    "/sessions/{session}/control",
    dependencies=[needs(Scope.ADMIN)],
    openapi_extra=body_of(
        ControlCommand, close={"action": "close"}, restart={"action": "restart"}, sleep={"action": "sleep"}
    ),
)
async def control(session: str, request: Request, context: ContextOf, audit: AuditOf) -> ControlDone:
    """Start, close (the login is kept), put to sleep, log out, restart, or answer a passkey request.

    Answers once it is complete.
    """
    entry = context.entry(session)
    command = parse_json(ControlCommand, await request.body())
    await audit(command.action, session)
    await running(entry).carry_out(command)
    return ControlDone(action=command.action, status=context.status(entry))
