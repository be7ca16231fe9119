"""`/v1/sessions/{session}/approvals`: what agents want to send, for a person to approve or refuse."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from bridge.contract.payload import Instant, instant
from bridge.http.dependencies import AuditOf, Caller, ContextOf, needs
from bridge.http.errors import NotFound
from bridge.http.v1.agents import AgentSendState, state_of
from bridge.ports import Scope

router = APIRouter(tags=["agents"], dependencies=[needs(Scope.SEND)])


class WaitingSend(BaseModel):
    """A send that waits for a person."""

    number: int
    key: str = Field(description="id of the agent's key")
    name: str = Field(description="its name")
    chat: str
    text: str
    at: Instant
    expires_at: Instant = Field(description="afterwards it is not sent")


class WaitingSends(BaseModel):
    """Sends that wait for a person, oldest first."""

    approvals: list[WaitingSend]


class Decision(BaseModel):
    """What became of a send. After `approve` it has the state of the send."""

    number: int
    state: AgentSendState


@router.get("/sessions/{session}/approvals")
async def list_waiting(session: str, context: ContextOf) -> WaitingSends:
    """What agents want to send and a person has not decided on."""
    context.entry(session)
    found = await context.agents.waiting(session)
    names = {key.id: key.name for key in await context.access.keys()} if found else {}
    rows = [
        WaitingSend(
            number=one.number,
            key=one.key_id,
            name=names.get(one.key_id, one.key_id),
            chat=one.chat,
            text=one.text,
            at=instant(one.at),
            expires_at=instant(one.expires_at),
        )
        for one in found
    ]
    return WaitingSends(approvals=rows)


@router.post("/sessions/{session}/approvals/{number}/{decision}")
async def decide(
    session: str,
    number: Annotated[int, Path(ge=1, le=2**53)],
    decision: Literal["approve", "refuse"],
    context: ContextOf,
    caller: Caller,
    audit: AuditOf,
) -> Decision:
    """Approve or refuse one. An approved one is stored as such before it is sent, and is sent once."""
    entry = context.entry(session)
    decided = await context.agents.decide(session, number, approve=decision == "approve", by=caller.id)
    if decided is None:
        raise NotFound("No send of this number waits: it has expired, or was decided on.")
    await audit(f"{decision} send", session, f"{decided.key_id} {decided.id}")
    return Decision(number=number, state=(await state_of(entry, decided)).state)
