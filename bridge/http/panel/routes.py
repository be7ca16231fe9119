"""The panel's page, its files, its log-in, and the stream of hints that something changed.

The page contains no private data, so it needs no credential.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from starlette.routing import Mount, Route

from bridge.asgi.kinds_script import kinds_script
from bridge.asgi.page_files import PageFiles
from bridge.asgi.page_script import page_script
from bridge.contract.requests.groups_join import INVITE_LINK, invite_code
from bridge.core.qr_image import qr_png
from bridge.http.context import AppContext
from bridge.http.credentials import Principal
from bridge.http.dependencies import AuditOf, Caller, ContextOf, needs_scope
from bridge.http.panel_sessions import COOKIE, IDLE_LIMIT, PanelSession
from bridge.http.v1.events import comes, event_stream
from bridge.ports import Scope, StoreUnusable

STATIC = Path(str(resources.files("bridge.http.panel"))) / "static"
#: Everything from this origin, nothing inline, in no frame.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self';"
    " manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
router = APIRouter(include_in_schema=False)


@router.get("/panel/static/kinds.js")
async def kinds() -> Response:
    return kinds_script()


router.routes.append(Route("/panel/static/main.js", page_script(STATIC / "main.js")))
router.routes.append(Mount("/panel/static", PageFiles(directory=STATIC), name="panel files"))


@router.get("/")
async def page() -> FileResponse:
    return FileResponse(STATIC / "index.html", headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"})


@router.get("/panel/qr.png", dependencies=[needs_scope(Scope.LISTEN)])
async def qr_code(link: Annotated[str, Query(max_length=200)]) -> Response:
    """The QR code of a group's link, as a PNG. Raises `InvalidRequest` for any other text."""
    code = invite_code(link)
    return Response(qr_png(f"{INVITE_LINK}{code}"), media_type="image/png")


@router.post("/panel/login")
async def log_in(request: Request, context: ContextOf, caller: Caller, audit: AuditOf) -> Response:
    """Turn the credential of this request into a cookie."""
    if {"x-api-key", "authorization"} & {*request.headers}:  # otherwise no credential was needed
        context.logins.spend(request.headers)  # a link works once, also where no credential was needed
        with suppress(StoreUnusable):  # a full disk is a reason to open the panel
            await audit("log in")
    cookie, login = context.logins.begin(caller, request.headers)
    response = JSONResponse(_me(context, caller, login, trusted=not await context.credentials.are_configured()))
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=round(IDLE_LIMIT),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


@router.get("/panel/me")
async def me(request: Request, context: ContextOf) -> Any:
    """Who is logged in, with the CSRF token; needs no credential, so that the page can ask before the log-in."""
    caller, login = await context.logins.identify(request.scope, request.headers), context.logins.find(request.headers)
    trusted = not await context.credentials.are_configured()
    if caller is not None and login is not None:
        return _me(context, caller, login, trusted=trusted)
    return {"id": None, "trusted": trusted}


@router.post("/panel/logout")
async def log_out(request: Request, context: ContextOf) -> Response:
    """End the browser's session of the panel."""
    context.logins.end(request.headers)
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


@router.get("/panel/changes")
async def changes(request: Request, context: ContextOf, caller: Caller) -> Response:
    """`data: changed` where the page has to ask for what is new; any caller may know that, as from the statuses."""
    return event_stream(_hints(context, caller.sessions), request, context, caller)


async def _hints(context: AppContext, sessions: frozenset[str] | None) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"  # a restart of the bridge takes about that long
    with context.changes.watch(sessions) as changed:
        changed.set()  # before the stream, too
        while not context.closing.is_set():
            await comes(changed.wait(), context)
            hinted = changed.is_set()
            changed.clear()
            yield "data: changed\n\n" if hinted else ": ping\n\n"
            with suppress(TimeoutError):
                await asyncio.wait_for(context.closing.wait(), context.limits.hints)


def _me(context: AppContext, caller: Principal, login: PanelSession, *, trusted: bool) -> dict[str, Any]:
    """`trusted`: no log-in is needed here, so the page offers no log-out."""
    known = {"id": caller.id, "scopes": sorted(caller.scopes), "csrf": login.csrf, "trusted": trusted}
    return {
        **known,
        "version": context.version,
        "newer": context.newer(),
        "everySession": caller.sessions is None,
        "responder": context.responder.is_configured,
        "campaigns": context.campaigns.is_configured,
    }
