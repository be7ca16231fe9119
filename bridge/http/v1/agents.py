"""`/v1/sessions/{session}/agent/…`: what a program that reads and writes for a language model may do.

Only for keys of agents, which can do nothing else. Each call is a line of the audit, without what it read or wrote.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from bridge.contract.jid import mask
from bridge.contract.lifecycle import SendState
from bridge.contract.payload import CleanText, Instant, instant
from bridge.contract.session import SessionState
from bridge.core.session_entry import SessionEntry
from bridge.http.agent_access import READING
from bridge.http.agent_reading import AgentChat, AgentMessage, AgentPage, AgentReader
from bridge.http.dependencies import AgentOf, AuditOf, ContextOf
from bridge.http.errors import NotFound
from bridge.ports import Proposal, ProposalState, Right

router = APIRouter(tags=["agents"], prefix="/sessions/{session}/agent")
#: Seconds that a request waits for a message at most.
LONGEST_WAIT = 600.0
Spelled = Annotated[str, Query(max_length=100, description="number or address of a chat of this key")]
After = Annotated[str | None, Query(max_length=1000, description="`next` or `cursor` of an earlier answer")]
PageSize = Annotated[int, Query(ge=1, le=100)]
AgentSendState = Literal[
    "waiting_for_approval", "refused", "expired", "approved", "accepted", "sending", "sent", "device", "read",
    "played", "failed", "unknown",
]  # fmt: skip


class AgentStatus(BaseModel):
    """The session, and the rights of this key."""

    session: str
    state: SessionState
    text: str = Field(description="the state as a sentence")
    chats: dict[str, list[Right]] = Field(description="rights by chat; `*` = each chat")
    approval: bool = Field(description="whether a person has to approve each send")


class AgentChats(BaseModel):
    """Chats of this key. `next` = `after` of the next page."""

    chats: list[AgentChat]
    next: str | None


class AgentHits(BaseModel):
    """Messages that were found, newest first. `next` = `after` of the next page, in a search of one chat."""

    messages: list[AgentMessage]
    next: str | None


class AgentSend(BaseModel):
    """A text to send. The same id and content is sent once, however often it is asked for."""

    model_config = ConfigDict(strict=True, extra="forbid")
    id: Annotated[CleanText, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,100}$")]
    chat: CleanText
    text: Annotated[CleanText, Field(min_length=1)]


class AgentSendView(BaseModel):
    """A send of an agent. After `approved` it has the state of the send; `error` is a sentence."""

    id: str
    chat: str
    state: AgentSendState
    expires_at: Instant | None = Field(description="while it waits: afterwards it is not sent")
    error: str | None = None
    cursor: str | None = Field(default=None, description="`after` of messages that are written from now on")


@router.get("")
async def read_status(agent: AgentOf, audit: AuditOf) -> AgentStatus:
    """The session's state, and what this key may do."""
    await audit("agent status", agent.entry.name)
    situation = agent.entry.view.situation
    rights = {chat: sorted(rights) for chat, rights in agent.grant.chats.items()}
    return AgentStatus(
        session=agent.entry.name,
        state=situation.state,
        text=situation.text,
        chats=rights,
        approval=agent.grant.approval,
    )


@router.get("/chats")
async def list_chats(agent: AgentOf, audit: AuditOf, after: After = None, limit: PageSize = 20) -> AgentChats:
    """The chats of this key, with names as WhatsApp has them while the session is connected."""
    await audit("agent chats", agent.entry.name)
    found, following = await AgentReader(agent).chats(after, limit)
    return AgentChats(chats=found, next=following)


@router.get("/messages")
async def read_messages(
    chat: Spelled,
    request: Request,
    agent: AgentOf,
    context: ContextOf,
    audit: AuditOf,
    after: After = None,
    wait: Annotated[
        float | None, Query(ge=0, le=LONGEST_WAIT, description="seconds to wait for one; then without `after` from now")
    ] = None,
    limit: PageSize = 50,
) -> AgentPage:
    """Received messages of a chat from the journal, oldest first; with `wait` it answers when there is one."""
    allowed = agent.chat(chat, Right.READ_NEW)
    await audit("agent messages" if wait is None else "agent wait", agent.entry.name, mask(str(allowed)))
    reader = AgentReader(agent)
    if wait is None:
        return await reader.journalled(allowed, after, limit)
    return await reader.wait(allowed, after, limit, wait, gone=request, closing=context.closing)


@router.get("/history")
async def read_history(
    chat: Spelled,
    agent: AgentOf,
    audit: AuditOf,
    before: Annotated[str | None, Query(max_length=300, description="`id` of the oldest message that is known")] = None,
    limit: PageSize = 20,
) -> AgentPage:
    """Messages of both sides from WhatsApp itself, oldest first, in pages backwards."""
    allowed = agent.chat(chat, Right.READ_HISTORY)
    await audit("agent history", agent.entry.name, mask(str(allowed)))
    return await AgentReader(agent).history(allowed, before, limit)


@router.get("/search")
async def search(
    q: Annotated[str, Query(max_length=200, description="words that a message has")],
    agent: AgentOf,
    audit: AuditOf,
    chat: Annotated[str | None, Query(max_length=100, description="default each chat of this key")] = None,
    after: After = None,
    limit: PageSize = 20,
) -> AgentHits:
    """Messages by their text, in the chats whose history this key may read."""
    allowed = None if chat is None else agent.chat(chat, Right.READ_HISTORY)
    await audit("agent search", agent.entry.name, None if allowed is None else mask(str(allowed)))
    found, following = await AgentReader(agent).search(q, allowed, after, limit)
    return AgentHits(messages=found, next=following)


@router.post("/sends", status_code=202)
async def send(session: str, body: AgentSend, agent: AgentOf, context: ContextOf, audit: AuditOf) -> AgentSendView:
    """Ask for a send. It answers at once; where this key needs approval, a person decides within an hour."""
    chat = agent.known_chat(body.chat)
    known = await context.agents.find(session, agent.key, body.id)
    if known is None or (known.chat, known.text) != (str(chat), body.text):
        # a repetition asks for nothing new; by now the person may have answered, which needs another right
        agent.require(chat, agent.right_to_write(chat))
    await audit("agent send", session, f"{body.id} {mask(str(chat))}")
    cursor = AgentReader(agent).now(chat) if READING & agent.rights(chat) else None
    proposal = await context.agents.propose(session, agent.key, body.id, chat, body.text)
    return (await state_of(agent.entry, proposal)).model_copy(update={"cursor": cursor})


@router.get("/sends/{id}")
async def read_send(
    session: str,
    send_id: Annotated[str, Path(alias="id", max_length=128)],
    agent: AgentOf,
    context: ContextOf,
    audit: AuditOf,
) -> AgentSendView:
    """What became of a send of this key."""
    await audit("agent send state", session, send_id)
    proposal = await context.agents.find(session, agent.key, send_id)
    if proposal is None:
        raise NotFound("No send of this key has this id.")
    return await state_of(agent.entry, proposal)


async def state_of(entry: SessionEntry, proposal: Proposal) -> AgentSendView:
    """A send as callers see it."""
    state: AgentSendState
    error = proposal.refusal
    match proposal.state:
        case ProposalState.PROPOSED:
            state = "waiting_for_approval"
        case ProposalState.REFUSED:
            state = "refused"
        case ProposalState.EXPIRED:
            state = "expired"
        case ProposalState.APPROVED if proposal.refusal is not None:
            state = "failed"
        case _:
            row = await entry.outbox.get(proposal.command) if entry.outbox is not None else None
            state = "approved" if row is None else _STATES[row.state]
            error = None if row is None else row.error_text
    waits = proposal.state is ProposalState.PROPOSED
    return AgentSendView(
        id=proposal.id,
        chat=proposal.chat,
        state=state,
        expires_at=instant(proposal.expires_at) if waits else None,
        error=error,
    )


_STATES: dict[SendState, AgentSendState] = {
    SendState.ACCEPTED: "accepted",
    SendState.SENDING: "sending",
    SendState.SENT: "sent",
    SendState.DEVICE: "device",
    SendState.READ: "read",
    SendState.PLAYED: "played",
    SendState.FAILED: "failed",
    SendState.UNKNOWN: "unknown",
}
