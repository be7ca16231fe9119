"""The control API: what a test or the phone's page asks of the world, as JSON. Described at `/api/docs`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field, model_validator

from bridge.contract.jid import Jid
from bridge.sandbox.records import Contact, SandboxSettings, Transmission
from bridge.sandbox.views import (
    DeviceView,
    MessageView,
    PhoneChatView,
    StateView,
    chat_view,
    device_view,
    message_view,
    state_view,
)
from bridge.sandbox.world import World


class RequestBody(BaseModel, extra="forbid"):
    """A request body: unknown fields are mistakes."""


class Incoming(RequestBody):
    """A message that somebody else writes."""

    chat: str
    body: str = ""
    author: str | None = None
    type: str = "chat"
    timestamp: int | None = Field(default=None, description="Unix seconds; now if left out.")
    quoted: str | None = Field(default=None, description="Id or key of the message it answers.")
    id: str | None = None
    fields: dict[str, Any] = {}
    units: list[int] | None = Field(
        default=None, description="The body as UTF-16 code units, for text that is not valid Unicode."
    )


class Own(RequestBody):
    """A message that the account's owner writes on the phone."""

    chat: str
    body: str
    timestamp: int | None = None
    quoted: str | None = None


class NewContact(RequestBody):
    """A person; `pn` and `lid` may be bare digits."""

    name: str
    pn: str | None = None
    lid: str | None = None
    exists: bool = True
    lookup_fails: bool = False
    saved: bool = True
    by_lid: bool = False

    @model_validator(mode="after")
    def _addressed(self) -> NewContact:
        if not self.pn and not self.lid:
            raise ValueError("pn, lid or both are needed")
        return self


class NewGroup(RequestBody):
    """A group of the account and these people."""

    id: str
    name: str
    participants: list[str] = Field(min_length=1)


class Address(RequestBody):
    """Whom to open a chat with."""

    id: str


class Scan(RequestBody):
    """Which code the phone scans; the newest on show if left out."""

    ref: str | None = None


class Link(RequestBody):
    """The linked devices' connection."""

    up: bool


class AckRequest(RequestBody):
    """An ack: 1 server, 2 delivered, 3 read, 4 played."""

    id: str
    ack: int = Field(ge=1, le=4)
    participant: str | None = None


class SettingsPatch(RequestBody):
    """Only what is to change; what it may be is in `SandboxSettings`."""

    ref_ttl_ms: int | None = None
    sync_ms: int | None = None
    preview: int | None = None
    announce_resumed: bool | None = None
    send_mode: str | None = None
    refs_before_idle: int | None = None
    site: str | None = None
    always_outdated: bool | None = None
    missing_modules: list[str] | None = None
    minified_keys: bool | None = None
    receipts: dict[str, int | None] = {}


def control(world: World) -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/api", tags=["sandbox"])

    @api.get("/state")
    async def read_state(messages: int = 100) -> StateView:
        """Chats with their newest messages and acks, contacts, devices, codes, link, settings."""
        return state_view(world, max(messages, 0))

    @api.get("/sent")
    async def read_sent() -> list[Transmission]:
        """What the service got from linked devices, an item a message id: the proof of 'never twice'."""
        return list(world.state.sent.values())

    @api.post("/incoming")
    async def write_incoming(body: Incoming) -> MessageView:
        """Somebody writes to the account."""
        fields = body.fields if body.units is None else {**body.fields, "bodyUnits": body.units}
        return message_view(
            world.incoming(
                _address(body.chat),
                body.body,
                author=_address(body.author) if body.author else None,
                kind=body.type,
                t=body.timestamp,
                quoted=body.quoted,
                fields=fields,
                message_id=body.id,
            )
        )

    @api.post("/own")
    async def write_own(body: Own) -> MessageView:
        """The owner writes on the phone."""
        return message_view(world.own(_address(body.chat), body.body, t=body.timestamp, quoted=body.quoted))

    @api.post("/contacts")
    async def add_contact(body: NewContact) -> Contact:
        """Add or replace a person."""
        known = body.model_dump()
        known["pn"] = _address(body.pn) if body.pn else None
        known["lid"] = _address(body.lid, "lid") if body.lid else None
        return world.cast.add_contact(Contact(**known))

    @api.post("/chats")
    async def open_chat(body: Address) -> PhoneChatView:
        """Open a chat with a person."""
        return chat_view(world, world.cast.open_chat(_address(body.id)), 0)

    @api.post("/chats/seen")
    async def see_chat(body: Address) -> None:
        """The owner reads a chat on the phone."""
        world.see(_address(body.id))

    @api.post("/groups")
    async def add_group(body: NewGroup) -> PhoneChatView:
        """Add a group."""
        members = [_address(p) for p in body.participants]
        return chat_view(world, world.cast.add_group(body.id, body.name, members), 0)

    @api.post("/scan")
    async def scan(body: Scan) -> DeviceView:
        """Scan a code with the phone."""
        return device_view(world.linking.scan(body.ref))

    @api.post("/refs/rotate")
    async def rotate_refs() -> None:
        """Show new codes now."""
        for slot in list(world.linking.slots.values()):
            world.linking.rotate(slot)

    @api.post("/devices/{device}/logout")
    async def log_out(device: str) -> None:
        """Log a device out, on the phone."""
        world.linking.log_out(device)

    @api.put("/link")
    async def set_link(body: Link) -> None:
        """Take the link down, or put it up."""
        world.set_link(up=body.up)

    @api.post("/acks")
    async def acknowledge(body: AckRequest) -> None:
        """Give an ack by hand."""
        world.acknowledge(body.id, body.ack, body.participant)

    @api.patch("/settings")
    async def configure(body: SettingsPatch) -> SandboxSettings:
        """Change how the double behaves."""
        known, changed = world.state.settings.model_dump(), body.model_dump(exclude_unset=True)
        changed["receipts"] = known["receipts"] | body.receipts
        world.configure(SandboxSettings.model_validate(known | changed))
        return world.state.settings

    return api


def _address(text: str, server: str = "c.us") -> str:
    return str(Jid.parse(text if "@" in text else f"{text}@{server}"))
