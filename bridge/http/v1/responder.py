"""`/v1/responder`: passed on to the responder, with the keys and scopes of this server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from bridge.http.dependencies import AuditOf, Caller, ContextOf, needs_scope
from bridge.http.errors import Forbidden
from bridge.http.v1.documents import problems
from bridge.ports import Scope

router = APIRouter(
    prefix="/responder", tags=["responder"], default_response_class=Response, responses={**problems(409)}
)
_Chat = Annotated[int, Path(ge=1, le=2**63 - 1, description="id of a chat of the responder")]


async def _owner(context: ContextOf, caller: Caller) -> None:
    """Rules and switches belong to no session. Raises `Forbidden`."""
    if not caller.may_all(Scope.ADMIN, context.entries):
        raise Forbidden("Rules and switches are shared by all sessions: this needs the scope admin for every one.")


_READS, _SENDS = [needs_scope(Scope.LISTEN)], [needs_scope(Scope.SEND)]
_OWNS = [needs_scope(Scope.ADMIN), Depends(_owner)]


async def _forward(request: Request, context: ContextOf, caller: Caller) -> Callable[[], Awaitable[Response]]:
    return lambda: context.responder.forward(request, caller)


Forward = Annotated[Callable[[], Awaitable[Response]], Depends(_forward)]


@router.get("/chats", dependencies=_READS)
async def list_responder_chats(
    forward: Forward,
    session: Annotated[str, Query(max_length=64)] = "",  # noqa: ARG001 - documented here, read by the responder
    show: Literal["all", "waiting", "paused", "opted_out"] = "all",  # noqa: ARG001
    search: Annotated[str, Query(max_length=200)] = "",  # noqa: ARG001
    limit: Annotated[int, Query(ge=1, le=200)] = 50,  # noqa: ARG001
) -> Response:
    """Chats that the responder has recorded, newest first; `waiting` counts those without an answer."""
    return await forward()


@router.get("/chats/at", dependencies=_READS)
async def read_responder_chat(
    forward: Forward,
    session: Annotated[str, Query(min_length=1, max_length=64)],  # noqa: ARG001
    chat: Annotated[str, Query(min_length=1, max_length=96, description="number or address")],  # noqa: ARG001
) -> Response:
    """A chat by its address: whether it is answered automatically now, and if not, why and until when."""
    return await forward()


@router.post("/chats/{chat_id}/pause", dependencies=_SENDS)
async def pause_chat(chat_id: _Chat, forward: Forward) -> Response:  # noqa: ARG001
    """Pause or resume automatic answers in a chat: `{"seconds": 1800}`; 0 resumes, null: until resumed."""
    return await forward()


@router.post("/chats/{chat_id}/opt-in", dependencies=_SENDS)
async def answer_again(chat_id: _Chat, forward: Forward) -> Response:  # noqa: ARG001
    """Answer a person again who opted out and asked for it."""
    return await forward()


@router.get("/templates", dependencies=_SENDS)
async def list_templates(forward: Forward) -> Response:
    """The quick replies, in their order."""
    return await forward()


@router.get("/switches", dependencies=_OWNS)
async def read_switches(forward: Forward) -> Response:
    """The switches of automatic answers, and what is amiss."""
    return await forward()


@router.post("/switches/active", dependencies=_OWNS)
async def switch_answers(forward: Forward, audit: AuditOf) -> Response:
    """Switch automatic answers on or off: `{"active": true}`."""
    return await _audited(await forward(), audit, "switch")


@router.get("/settings", dependencies=_OWNS)
async def read_responder_settings(forward: Forward) -> Response:
    """Every setting of the responder, as `/v1/settings` has those of the bridge."""
    return await forward()


@router.get("/rules", dependencies=_OWNS)
async def read_rules(forward: Forward) -> Response:
    """Text and content of the rules, mistakes with their lines, hours, quick replies, and the `revision`."""
    return await forward()


@router.put("/rules", dependencies=_OWNS)
async def save_rules(forward: Forward, audit: AuditOf) -> Response:
    """Save `{"text", "revision"}` as the rules file; the old one is kept as `.bak`."""
    return await _audited(await forward(), audit, "rules")


@router.post("/rules/check", dependencies=_OWNS)
async def check_rules(forward: Forward) -> Response:
    """The rules of `{"text"}`, or its mistakes with their lines; saves nothing."""
    return await forward()


@router.post("/rules/try", dependencies=_OWNS)
async def try_sentence(forward: Forward) -> Response:
    """Which rule answers `{"message"}`, of the rules in force or of `text`."""
    return await forward()


@router.put("/rules/hours", dependencies=_OWNS)
async def save_hours(forward: Forward, audit: AuditOf) -> Response:
    """Save `{"days", "closed_text", "revision"}`: the times of each day from Monday on."""
    return await _audited(await forward(), audit, "hours")


@router.put("/rules/templates", dependencies=_OWNS)
async def save_templates(forward: Forward, audit: AuditOf) -> Response:
    """Save `{"templates", "revision"}`: all quick replies, each with `name` and `text`."""
    return await _audited(await forward(), audit, "quick replies")


async def _audited(answer: Response, audit: AuditOf, what: str) -> Response:
    if answer.status_code < 400:
        await audit("change the responder", None, what)
    return answer
