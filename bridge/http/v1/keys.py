"""`/v1/keys`: the keys of HTTP callers. For who administers every session: a key may reach any of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from bridge.contract.payload import CleanText, instant
from bridge.http.credentials import Principal, new_key
from bridge.http.dependencies import AuditOf, Caller, PartsOf, needs
from bridge.http.errors import Forbidden, NotFound
from bridge.http.v1.documents import problems
from bridge.ports import ApiKey, Scope

router = APIRouter(tags=["keys"], dependencies=[needs(Scope.ADMIN)])


class NewKey(BaseModel):
    """A key to make. `sessions` null = every session."""

    model_config = ConfigDict(strict=True, extra="forbid", json_schema_extra={"examples": [{"name": "node-red"}]})
    name: Annotated[CleanText, Field(min_length=1, max_length=100)]
    scopes: Annotated[list[Annotated[Scope, Field(strict=False)]], Field(min_length=1, max_length=3)] = [
        Scope.SEND,
        Scope.LISTEN,
    ]
    sessions: Annotated[list[str] | None, Field(min_length=1, max_length=100)] = None


class KeyView(BaseModel):
    """A key, without what makes it one."""

    id: str
    name: str
    scopes: list[Scope]
    sessions: list[str] | None
    created_at: datetime
    revoked_at: datetime | None
    key: str | None = Field(default=None, description="whole, only in the answer to the request that made it")


class Keys(BaseModel):
    """Keys, oldest first, revoked ones included."""

    keys: list[KeyView]


@router.get("/keys", response_model=Keys, responses=problems())
async def list_keys(parts: PartsOf, caller: Caller) -> Any:
    """Who may call."""
    _check_reach(caller)
    return Keys(keys=[_view(key) for key in await parts.access.keys()])


@router.post("/keys", status_code=201, response_model=KeyView, responses=problems())
async def make(body: NewKey, parts: PartsOf, caller: Caller, audit: AuditOf) -> Any:
    """Make a key. From the first one on, every request needs one."""
    _check_reach(caller)
    for session in body.sessions or ():
        parts.place(session)
    made = new_key(body.name, body.scopes, body.sessions, parts.clock.now())
    await parts.access.add_key(made.key)
    parts.credentials.forget()
    await audit("create key", None, f"{made.key.id} {body.name}")
    return _view(made.key).model_copy(update={"key": made.text})


@router.delete("/keys/{id}", status_code=204, response_class=Response, responses=problems())
async def revoke(
    key: Annotated[str, Path(alias="id", max_length=64)], parts: PartsOf, caller: Caller, audit: AuditOf
) -> Response:
    """End a key, at once."""
    _check_reach(caller)
    if not await parts.access.revoke_key(key, parts.clock.now()):
        raise NotFound("There is no such key in force.")
    parts.credentials.forget()
    await audit("revoke key", None, key)
    return Response(status_code=204)


def _check_reach(caller: Principal) -> None:
    if caller.sessions is not None:
        raise Forbidden("This needs an admin of every session.")


def _view(key: ApiKey) -> KeyView:
    return KeyView(
        id=key.id,
        name=key.name,
        scopes=sorted(key.scopes),
        sessions=None if key.sessions is None else sorted(key.sessions),
        created_at=instant(key.created_at),
        revoked_at=None if key.revoked_at is None else instant(key.revoked_at),
    )
