"""Dependencies of the routes: the context, the caller, the scope it needs, and the audit of admin actions."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Request

from bridge.http.context import AppContext
from bridge.http.credentials import Principal
from bridge.http.errors import Forbidden
from bridge.ports import AuditEntry, Scope

_log = logging.getLogger(__name__)
# Every dependency is `async`: FastAPI runs others in threads, which took four hops a request and three quarters of the
# throughput.


async def context_of(request: Request) -> AppContext:
    return _context(request)


ContextOf = Annotated[AppContext, Depends(context_of)]


async def caller_of(request: Request) -> Principal:
    return _principal(request)


Caller = Annotated[Principal, Depends(caller_of)]


def needs(scope: Scope | None) -> Any:
    """A dependency that refuses callers without `scope`, or without access to the session in the path.

    Paths without a session are about the default one. Raises `Forbidden`.
    """

    async def check(request: Request) -> None:
        session = _session_of(request)
        if not _principal(request).may(scope, session):
            what = f"the scope {scope}" if scope else "any scope"
            raise Forbidden(f"This needs {what}, for the session {session}.")

    return Depends(check)


def _context(request: Request) -> AppContext:
    context: AppContext = request.app.state.context
    return context


def _principal(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


def _session_of(request: Request) -> str:
    """The session of a path: named in it, or the one of its `clienteId`, or the default one."""
    context, params = _context(request), request.path_params
    if "session" in params:
        return str(params["session"])
    if "clienteId" in params:
        for entry in context.entries.values():
            if str(entry.cliente_id) == params["clienteId"]:
                return entry.name
    return context.default


Audit = Callable[..., Awaitable[None]]


async def audit_of(request: Request, context: ContextOf) -> Audit:
    """`await audit(action, session, detail)` writes one line to the store and one to the log."""

    async def audit(action: str, session: str | None = None, detail: str | None = None) -> None:
        entry = AuditEntry(
            at=context.clock.now(),
            actor=_principal(request).id,
            address=request.state.address,
            action=action,
            session=session,
            detail=detail,
        )
        _log.info("audit: %s by %s from %s (%s) %s", action, entry.actor, entry.address, session, detail or "")
        await context.access.record(entry)

    return audit


AuditOf = Annotated[Audit, Depends(audit_of)]
