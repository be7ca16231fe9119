"""`/v1/keys`: the keys of HTTP callers. For admins of every session, since a key may be for any of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bridge.contract.payload import CleanText
from bridge.http.credentials import MAX_CHATS, Principal, grant_of, new_key
from bridge.http.dependencies import AuditOf, Caller, ContextOf, needs
from bridge.http.errors import Forbidden, NotFound
from bridge.http.v1.documents import of_unix
from bridge.ports import Right, Scope

router = APIRouter(tags=["keys"], dependencies=[needs(Scope.ADMIN)])


class AgentRights(BaseModel):
    """What an agent's key may do: nothing in a chat that is not listed."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)
    chats: Annotated[
        dict[str, list[Right]],
        Field(min_length=1, max_length=MAX_CHATS, description="rights by number or address; `*` = each chat"),
    ]
    approval: Annotated[bool, Field(description="whether a person has to approve each send")] = True


class NewKey(BaseModel):
    """A key to create. `sessions` null = every session. With `agent` it has no scope, only those rights."""

    model_config = ConfigDict(strict=True, extra="forbid", json_schema_extra={"examples": [{"name": "node-red"}]})
    name: Annotated[CleanText, Field(min_length=1, max_length=100)]
    scopes: Annotated[list[Annotated[Scope, Field(strict=False)]], Field(min_length=1, max_length=3)] = [
        Scope.SEND,
        Scope.LISTEN,
    ]
    sessions: Annotated[list[str] | None, Field(min_length=1, max_length=100)] = None
    agent: Annotated[AgentRights | None, Field(strict=False)] = None


class KeyView(BaseModel):
    """A key without its secret."""

    model_config = ConfigDict(from_attributes=True)
    id: str
    name: str
    scopes: Annotated[list[Scope], BeforeValidator(sorted)]
    sessions: Annotated[list[str], BeforeValidator(sorted)] | None
    created_at: Annotated[datetime, BeforeValidator(of_unix)]
    revoked_at: Annotated[datetime, BeforeValidator(of_unix)] | None
    agent: AgentRights | None = None
    key: str | None = Field(default=None, description="the key with its secret, only in the answer to its creation")


class Keys(BaseModel):
    """Keys, oldest first, revoked ones included."""

    keys: list[KeyView]


@router.get("/keys")
async def list_keys(context: ContextOf, caller: Caller) -> Keys:
    """Keys of HTTP callers, without their secrets."""
    _check_reach(caller)
    return Keys(keys=[KeyView.model_validate(key) for key in await context.access.keys()])


@router.post("/keys", status_code=201)
async def create(request: Request, body: NewKey, context: ContextOf, caller: Caller, audit: AuditOf) -> KeyView:
    """Create a key. Once one exists, every request needs a credential."""
    _check_reach(caller)
    for session in body.sessions or ():
        context.entry(session)
    agent = None if body.agent is None else grant_of(body.agent.chats, approval=body.agent.approval)
    made = new_key(body.name, body.scopes, body.sessions, context.clock.now(), agent)
    await context.access.add_key(made.key)
    context.logins.keep(request.headers)
    context.credentials.forget()
    await audit("create key", None, f"{made.key.id} {body.name}")
    return KeyView.model_validate(made.key).model_copy(update={"key": made.text})


@router.delete("/keys/{id}", status_code=204, response_class=Response)
async def revoke(
    key: Annotated[str, Path(alias="id", max_length=64)], context: ContextOf, caller: Caller, audit: AuditOf
) -> Response:
    """Revoke a key, with immediate effect."""
    _check_reach(caller)
    if not await context.access.revoke_key(key, context.clock.now()):
        raise NotFound("No valid key has this id.")
    context.credentials.forget()
    await audit("revoke key", None, key)
    return Response(status_code=204)


def _check_reach(caller: Principal) -> None:
    if caller.sessions is not None:
        raise Forbidden("This needs an admin of every session.")
