"""Dependencies of the routes: the context, the caller, the scope it needs, and the audit of admin actions."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import TypeAdapter, ValidationError

from bridge.http.agent_access import AgentAccess
from bridge.http.context import AppContext
from bridge.http.credentials import Principal
from bridge.http.errors import Forbidden
from bridge.ports import AuditEntry, Scope

_log = logging.getLogger(__name__)
_NUMBER = TypeAdapter(int)
# Every dependency is `async`: FastAPI runs others in threads, which took four hops a request and three quarters of the
# throughput.


async def context_of(request: Request) -> AppContext:
    return _context(request)


ContextOf = Annotated[AppContext, Depends(context_of)]


async def caller_of(request: Request) -> Principal:
    return _principal(request)


Caller = Annotated[Principal, Depends(caller_of)]


def needs(scope: Scope | None) -> Any:
    """A dependency that refuses callers without `scope`, or without access to the sessions that the path is about.

    Paths without a session are about the default one. Raises `Forbidden`.
    """

    async def check(request: Request) -> None:
        sessions = _sessions_of(request)
        if not _principal(request).may_all(scope, sessions):
            what = f"the scope {scope}" if scope else "any scope"
            which = "every session" if sessions is None else f"the session {', '.join(sessions)}"
            raise Forbidden(f"This needs {what}, for {which}.")

    return Depends(check)


def needs_scope(scope: Scope) -> Any:
    """A dependency that refuses callers without `scope` on any session. The route answers what is of their sessions.

    Raises `Forbidden`.
    """

    async def check(request: Request) -> None:
        if not _principal(request).may(scope, None):
            raise Forbidden(f"This needs the scope {scope}.")

    return Depends(check)


def _context(request: Request) -> AppContext:
    context: AppContext = request.app.state.context
    return context


def _principal(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


def sessions_of_client(context: AppContext, cliente_id: int) -> list[str]:
    """The sessions with this `cliente_id`: several may have the same, none if it is another bridge's."""
    return [entry.name for entry in context.entries.values() if entry.cliente_id == cliente_id]


def _sessions_of(request: Request) -> list[str] | None:
    """The sessions of a path: named in it, or those of its `clienteId` (None: unknown here), or the default one."""
    context, params = _context(request), request.path_params
    if "session" in params:
        return [str(params["session"])]
    if "clienteId" not in params:
        return [context.default]
    try:  # as the route parses it, or " 52" would pass as no known client
        cliente_id = _NUMBER.validate_python(params["clienteId"])
    except ValidationError:
        return None
    return sessions_of_client(context, cliente_id) or None


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
        what = " ".join(filter(None, (action, session, detail)))
        _log.info("audit: %s, by %s from %s", what, entry.actor, entry.address)
        await context.access.record(entry)

    return audit


async def agent_of(request: Request, context: ContextOf, session: str) -> AgentAccess:
    """What the caller, an agent, may do in the session of the path. Raises `Forbidden` for any other caller."""
    principal = _principal(request)
    if principal.agent is None or principal.agent.agent is None:
        raise Forbidden("This path is for keys of agents: `wa key create NAME --chat NUMBER` makes one.")
    if principal.sessions is not None and session not in principal.sessions:
        raise Forbidden(f"This key is not for the session {session}.")
    entry = context.entry(session)
    return AgentAccess(principal.agent, principal.agent.agent, entry, await context.agents.secret())


AgentOf = Annotated[AgentAccess, Depends(agent_of)]
AuditOf = Annotated[Audit, Depends(audit_of)]
