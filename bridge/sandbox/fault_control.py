"""The part of the control API that lets things go wrong."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from bridge.contract.jid import Jid
from bridge.sandbox.records import Trouble
from bridge.sandbox.views import MessageView, message_view
from bridge.sandbox.world import World


class FaultRequestBody(BaseModel, extra="forbid"):
    """A request body: unknown fields are mistakes."""


class TroubleWanted(FaultRequestBody):
    """What keeps the linked devices off their line; null: nothing any more."""

    kind: Trouble | None


class Readable(FaultRequestBody):
    """What an undecrypted message says."""

    id: str
    body: str
    type: str = "chat"


class StrayAck(FaultRequestBody):
    """An ack packet as it comes, late or an error: -7 to 5."""

    id: str
    ack: int = Field(ge=-7, le=5)


class Move(FaultRequestBody):
    """A chat and its next address."""

    id: str
    to: str


class TypedCode(FaultRequestBody):
    """A link code, as it is typed on the phone."""

    code: str


def fault_control(world: World) -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/api", tags=["faults"])

    @api.put("/trouble")
    async def set_trouble(body: TroubleWanted) -> None:
        """Opened elsewhere, an expired version, a block; or the end of it."""
        world.faults.trouble(body.kind)

    @api.post("/outdated")
    async def outdate() -> None:
        """Tell the open pages that a newer version of WhatsApp Web is out."""
        world.faults.outdate()

    @api.post("/reload")
    async def reload() -> None:
        """Make the open pages load again."""
        world.faults.reload()

    @api.post("/decrypt")
    async def decrypt(body: Readable) -> MessageView:
        """Make a message of type ciphertext readable."""
        return message_view(world.faults.decrypt(body.id, body.body, body.type))

    @api.post("/acks/stray")
    async def stray_ack(body: StrayAck) -> None:
        """An ack out of order, doubled, or an error."""
        world.faults.stray_ack(body.id, body.ack)

    @api.post("/chats/move")
    async def move_chat(body: Move) -> None:
        """Give a chat its other address."""
        world.faults.move_chat(str(Jid.parse(body.id)), str(Jid.parse(body.to)))

    @api.post("/history")
    async def send_history() -> None:
        """Send the linked devices the history that `history_waits` withheld."""
        world.linking.send_history()

    @api.post("/link_code")
    async def type_code(body: TypedCode) -> None:
        """Type a link code on the phone."""
        world.linking.type_code(body.code)

    return api
