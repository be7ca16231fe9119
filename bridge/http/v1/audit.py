"""`/v1/audit`: admin actions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from bridge.http.dependencies import Caller, ContextOf, needs_scope
from bridge.http.v1.documents import StoredInstant
from bridge.ports import Scope

router = APIRouter(tags=["audit"])


class AuditLine(BaseModel):
    """One recorded admin action."""

    model_config = ConfigDict(from_attributes=True)
    number: int
    at: StoredInstant
    actor: str
    address: str
    action: str
    session: str | None
    detail: str | None


class AuditLines(BaseModel):
    """Actions, newest first; for the next page give the last number as `before`."""

    audit: list[AuditLine]


@router.get("/audit", dependencies=[needs_scope(Scope.ADMIN)])
async def read_audit(
    context: ContextOf,
    caller: Caller,
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> AuditLines:
    """Admin actions: the caller, its address, the action. Callers of some sessions see what was done to those."""
    found = await context.access.audit(before, limit, caller.sessions)
    return AuditLines(audit=[AuditLine.model_validate(entry) for entry in found])
