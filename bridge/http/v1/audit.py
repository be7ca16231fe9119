"""`/v1/audit`: what admins did."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from bridge.contract.payload import Instant, instant
from bridge.http.dependencies import Caller, PartsOf, needs
from bridge.http.v1.documents import problems
from bridge.ports import Scope

router = APIRouter(tags=["audit"])


class AuditLine(BaseModel):
    """One action."""

    number: int
    at: Instant
    actor: str
    address: str
    action: str
    session: str | None
    detail: str | None


class AuditLines(BaseModel):
    """Actions, newest first; ask again with `before` = the last number."""

    audit: list[AuditLine]


@router.get("/audit", response_model=AuditLines, dependencies=[needs(Scope.ADMIN)], responses=problems())
async def read_audit(
    parts: PartsOf,
    caller: Caller,
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Any:
    """What admins did: who, from where, what."""
    found = [entry for entry in await parts.access.audit(before, limit) if caller.may(Scope.ADMIN, entry.session)]
    return AuditLines(
        audit=[
            AuditLine(
                number=entry.number,
                at=instant(entry.at),
                actor=entry.actor,
                address=entry.address,
                action=entry.action,
                session=entry.session,
                detail=entry.detail,
            )
            for entry in found
        ]
    )
