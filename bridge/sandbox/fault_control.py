"""The part of the control API that injects faults."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from bridge.contract.jid import Jid
from bridge.sandbox.dependencies import WorldOf
from bridge.sandbox.records import BlockReason
from bridge.sandbox.views import MessageView, message_view


class FaultRequestBody(BaseModel, extra="forbid"):
    """A request body. Unknown fields are rejected."""


class BlockRequest(FaultRequestBody):
    """Why the linked devices are blocked; null: not blocked."""

    kind: BlockReason | None


class Readable(FaultRequestBody):
    """The content of an undecrypted message."""

    id: str
    body: str
    type: str = "chat"


class StrayAck(FaultRequestBody):
    """An ack packet, also late or an error: -7 to 5."""

    id: str
    ack: int = Field(ge=-7, le=5)


class Move(FaultRequestBody):
    """A chat and its new address."""

    id: str
    to: str


class TypedCode(FaultRequestBody):
    """A pairing code, as typed on the phone."""

    code: str


router = APIRouter(prefix="/api", tags=["faults"])


@router.put("/trouble")
async def set_trouble(world: WorldOf, body: BlockRequest) -> None:
    """Refuse the linked devices' connections (temporary ban, 503, expired version), or accept them again."""
    world.faults.block(body.kind)


@router.post("/replace")
async def replace(world: WorldOf) -> None:
    """Open WhatsApp Web elsewhere with the same login: the open pages lose their connection."""
    world.faults.replace()


@router.post("/outdated")
async def outdate(world: WorldOf) -> None:
    """Announce a newer version of WhatsApp Web to the open pages."""
    world.faults.outdate()


@router.post("/reload")
async def reload(world: WorldOf) -> None:
    """Reload the open pages."""
    world.faults.reload()


@router.post("/decrypt")
async def decrypt(world: WorldOf, body: Readable) -> MessageView:
    """Decrypt a message of type ciphertext."""
    return message_view(world.faults.decrypt(body.id, body.body, body.type))


@router.post("/acks/stray")
async def stray_ack(world: WorldOf, body: StrayAck) -> None:
    """Send an ack that is out of order, duplicated or an error."""
    world.faults.stray_ack(body.id, body.ack)


@router.post("/chats/move")
async def move_chat(world: WorldOf, body: Move) -> None:
    """Move a chat to its other address."""
    world.faults.move_chat(str(Jid.parse(body.id)), str(Jid.parse(body.to)))


@router.post("/history")
async def send_history(world: WorldOf) -> None:
    """Send the linked devices the history that `history_waits` withheld."""
    world.history.send_all()


@router.post("/link_code")
async def type_code(world: WorldOf, body: TypedCode) -> None:
    """Type a pairing code on the phone."""
    world.linking.type_code(body.code)
