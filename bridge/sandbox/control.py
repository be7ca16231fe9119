"""The control API for tests and the phone page, as JSON. Described at `/api/openapi.json`."""

from __future__ import annotations

from bisect import bisect_left
from itertools import islice
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field, model_validator

from bridge.contract.jid import Jid
from bridge.sandbox.dependencies import WorldOf
from bridge.sandbox.group_records import GroupSettings
from bridge.sandbox.records import ACCOUNT_LID, Contact, LogoutReason, SandboxSettings, Transmission
from bridge.sandbox.views import (
    DeviceView,
    MessageView,
    PhoneChatView,
    StateView,
    chat_view,
    device_view,
    is_found,
    message_view,
    state_view,
)


class RequestBody(BaseModel, extra="forbid"):
    """A request body. Unknown fields are rejected."""


class Incoming(RequestBody):
    """A message from a contact."""

    chat: str
    body: str = ""
    author: str | None = None
    type: str = "chat"
    timestamp: int | None = Field(default=None, description="Unix seconds; now if left out.")
    quoted: str | None = Field(default=None, description="Id or key of the quoted message.")
    id: str | None = None
    fields: dict[str, Any] = {}
    units: list[int] | None = Field(
        default=None, description="The body as UTF-16 code units, for text that is not valid Unicode."
    )


class Own(RequestBody):
    """A message that the account's owner writes on the phone."""

    chat: str
    body: str
    type: str = "chat"
    timestamp: int | None = None
    quoted: str | None = None
    fields: dict[str, Any] = {}


class NewReaction(RequestBody):
    """A reaction; an empty emoji takes it back."""

    id: str
    emoji: str
    author: str | None = None


class NewText(RequestBody):
    """The new text of a message."""

    id: str
    body: str


class Revocation(RequestBody):
    """A message that is deleted for everyone."""

    id: str
    by_admin: str | None = None


class NewVote(RequestBody):
    """A vote: the names of the options; none withdraws it."""

    id: str
    options: list[str]
    author: str | None = None


class NewContact(RequestBody):
    """A contact; `pn` and `lid` may be only digits."""

    name: str
    pn: str | None = None
    lid: str | None = None
    exists: bool = True
    lookup_fails: bool = False
    saved: bool = True
    by_lid: bool = False
    blocked: bool = False
    pushname: str | None = None
    business: bool = False
    about: str | None = None
    add_code: int | None = Field(default=None, description="The service's answer to who adds the person to a group.")

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


class GroupAct(RequestBody):
    """What someone (`by`; by default the owner of the phone) does in a group, or (`create`) a new one."""

    action: Literal["create", "add", "remove", "promote", "demote", "leave", "change", "join"]
    group: str = ""
    subject: str = Field(default="", description="Name of a new group.")
    people: list[str] = []
    by: str = ACCOUNT_LID
    settings: GroupSettings = GroupSettings()


class Address(RequestBody):
    """The address of a chat."""

    id: str


class Scan(RequestBody):
    """The QR code that the phone scans, its whole text or its first field; the newest displayed one if omitted."""

    ref: str | None = None


class NewPasskey(RequestBody):
    """A passkey of the account, for `localhost`, in base64url."""

    id: str
    public_key: str = Field(description="DER, as `getPublicKey()` of the browser gives it; ES256.")


class Link(RequestBody):
    """The linked devices' network connection."""

    up: bool


class AckRequest(RequestBody):
    """An ack: 1 server, 2 delivered, 3 read, 4 played."""

    id: str
    ack: int = Field(ge=1, le=4)
    participant: str | None = None


class SettingsPatch(RequestBody):
    """The settings to change; the allowed values are those of `SandboxSettings`."""

    first_ref_ttl_ms: int | None = None
    ref_ttl_ms: int | None = None
    link_code_ttl_ms: int | None = None
    qr_prefix: bool | None = None
    passkey: bool | None = None
    passkey_outcome: str | None = None
    passkey_stage_ms: int | None = None
    passkey_proof_ms: int | None = None
    sync_ms: int | None = None
    watched_ms: int | None = None
    preview: int | None = None
    announce_resumed: bool | None = None
    blocking_resume: int | None = None
    offline_acts_ms: int | None = None
    history_page: int | None = None
    history_pages: int | None = None
    history_pause_ms: int | None = None
    phone_on: bool | None = None
    business: bool | None = None
    native_calls: bool | None = None
    lid_migrated: bool | None = None
    send_mode: str | None = None
    refusal_code: int | None = None
    uploads_fail: bool | None = None
    file_server_down: bool | None = None
    file_retry_ms: int | None = None
    upload_ms: int | None = None
    ack_error_codes: bool | None = None
    downloads: str | None = None
    download_ms: int | None = None
    reach_out_lock_s: int | None = None
    new_chats_used: int | None = None
    refs_before_idle: int | None = None
    site: str | None = None
    always_outdated: bool | None = None
    missing_modules: list[str] | None = None
    late_modules_ms: int | None = None
    service_worker: bool | None = None
    minified_keys: bool | None = None
    receipts: dict[str, int | None] = {}


router = APIRouter(prefix="/api", tags=["sandbox"])


@router.get("/state")
async def read_state(world: WorldOf, messages: int = 100) -> StateView:
    """Chats with their newest messages and acks, contacts, devices, QR codes, link, settings."""
    return state_view(world, max(messages, 0))


@router.get("/messages")
async def read_messages(
    world: WorldOf,
    chat: str | None = None,
    before: int | None = None,
    start: int = 0,
    count: int = 100,
    search: str = "",
) -> list[MessageView]:
    """The newest messages of a chat, or of all, from position `start` to that before `before`: oldest first.
    `search`: those with these words, whatever their case and accents.
    """
    positions = world.positions(_address(chat)) if chat else range(len(world.state.messages))
    first, end = bisect_left(positions, start), len(positions) if before is None else bisect_left(positions, before)
    asked = (world.state.messages[position] for position in reversed(positions[first:end]))
    found = islice((message for message in asked if is_found(message, search)), max(count, 0))
    return [message_view(message) for message in reversed(list(found))]


@router.get("/sent")
async def read_sent(world: WorldOf) -> list[Transmission]:
    """What the service received from linked devices, one item per message id: the proof of 'never twice'."""
    return list(world.state.sent.values())


@router.post("/incoming")
async def write_incoming(world: WorldOf, body: Incoming) -> MessageView:
    """Receive a message from a contact."""
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


@router.post("/react")
async def react(world: WorldOf, body: NewReaction) -> MessageView:
    """React to a message, as a contact or (without `author`) as the owner."""
    return message_view(world.acts.react(body.id, body.emoji, _person(body.author)))


@router.post("/edit")
async def edit(world: WorldOf, body: NewText) -> MessageView:
    """Edit a message, as its author may."""
    return message_view(world.acts.edit(body.id, body.body))


@router.post("/revoke")
async def revoke(world: WorldOf, body: Revocation) -> MessageView:
    """Delete a message for everyone, as its author or (`by_admin`) an admin of the group may."""
    return message_view(world.acts.revoke(body.id, by_admin=_person(body.by_admin)))


@router.post("/vote")
async def vote(world: WorldOf, body: NewVote) -> MessageView:
    """Vote in a poll, as a contact or (without `author`) as the owner."""
    return message_view(world.acts.vote(body.id, body.options, _person(body.author)))


@router.post("/own")
async def write_own(world: WorldOf, body: Own) -> MessageView:
    """Write a message on the owner's phone."""
    chat, fields = _address(body.chat), body.fields
    return message_view(world.own(chat, body.body, kind=body.type, t=body.timestamp, quoted=body.quoted, fields=fields))


@router.post("/contacts")
async def add_contact(world: WorldOf, body: NewContact) -> Contact:
    """Add or replace a contact."""
    known = body.model_dump()
    known["pn"] = _address(body.pn) if body.pn else None
    known["lid"] = _address(body.lid, "lid") if body.lid else None
    return world.directory.add_contact(Contact(**known))


@router.post("/chats")
async def open_chat(world: WorldOf, body: Address) -> PhoneChatView:
    """Open a chat with a contact."""
    return chat_view(world, world.directory.open_chat(_address(body.id)), 0)


@router.post("/chats/seen")
async def see_chat(world: WorldOf, body: Address) -> None:
    """Mark a chat as read on the phone."""
    world.mark_seen(_address(body.id))


@router.post("/groups")
async def add_group(world: WorldOf, body: NewGroup) -> PhoneChatView:
    """Add a group with these participants."""
    members = [_address(p) for p in body.participants]
    return chat_view(world, world.directory.add_group(body.id, body.name, members), 0)


@router.post("/groups/act")
async def act_in_group(world: WorldOf, body: GroupAct) -> list[dict[str, Any]]:
    """Change a group as a person or as the owner; returns what became of each of the people."""
    group, people, by = body.group, [_address(person) for person in body.people], _address(body.by)
    match body.action:
        case "create":
            return world.groups.create(body.subject, people, body.settings, by)[1]
        case "leave":
            world.groups.leave(group, *(people or [by])[:1])
        case "change":
            world.groups.change(group, body.settings, by)
        case "join":
            world.groups.join(world.groups.group(group)[1].invite, by)
        case "add" | "remove" | "promote" | "demote" as action:
            results: list[dict[str, Any]] = getattr(world.groups, action)(group, people, by)
            return results
    return []


@router.post("/scan")
async def scan(world: WorldOf, body: Scan) -> DeviceView:
    """Scan a QR code with the phone."""
    return device_view(world.linking.scan(body.ref))


@router.post("/passkeys")
async def add_passkey(world: WorldOf, body: NewPasskey) -> None:
    """Give the account a passkey."""
    world.linking.passkeys.register(body.id, body.public_key)


@router.post("/refs/rotate")
async def rotate_refs(world: WorldOf) -> None:
    """Replace the displayed QR codes now."""
    for slot in list(world.linking.slots.values()):
        world.linking.rotate(slot)


@router.post("/devices/{device}/logout")
async def log_out(world: WorldOf, device: str, reason: LogoutReason | None = LogoutReason.USER_INITIATED) -> None:
    """End a device's login: from the phone, or (`reason`) by the service."""
    world.linking.log_out(device, reason=reason)


@router.put("/link")
async def set_link(world: WorldOf, body: Link) -> None:
    """Take the linked devices' connection down or up."""
    world.set_link(up=body.up)


@router.post("/acks")
async def acknowledge(world: WorldOf, body: AckRequest) -> None:
    """Set an ack manually."""
    world.acknowledge(body.id, body.ack, body.participant)


@router.patch("/settings")
async def configure(world: WorldOf, body: SettingsPatch) -> SandboxSettings:
    """Change the sandbox's behaviour."""
    known, changed = world.state.settings.model_dump(), body.model_dump(exclude_unset=True)
    changed["receipts"] = known["receipts"] | body.receipts
    world.configure(SandboxSettings.model_validate(known | changed))
    return world.state.settings


def _person(text: str | None) -> str | None:
    return _address(text) if text else None


def _address(text: str, server: str = "c.us") -> str:
    return str(Jid.parse(text if "@" in text else f"{text}@{server}"))
