"""Views of the world for the control API and the phone page."""

from __future__ import annotations

import unicodedata

from pydantic import BaseModel

from bridge.sandbox.phone_calls import PhoneCall
from bridge.sandbox.records import (
    ACCOUNT,
    ACCOUNT_LID,
    BlockReason,
    Chat,
    Contact,
    Device,
    OwnProfile,
    SandboxSettings,
    ServiceMessage,
)
from bridge.sandbox.world import World

#: Where people's words stand in a message that is no text.
_SAID = ("caption", "filename", "loc", "comment", "pollName", "eventName", "eventDescription", "vcardFormattedName")


class MessageView(ServiceMessage):
    """A message with its serialized key."""

    serialized: str


class PhoneChatView(Chat):
    """A chat with its newest messages, oldest first."""

    unread: int
    typing: bool
    """Whether the contact sees that the account is writing."""
    messages: list[MessageView]


class DeviceView(BaseModel):
    """A linked device, without its secret."""

    id: str
    name: str
    paired_at: int
    pending: int


class SlotView(BaseModel):
    """A page in pairing."""

    ref: str
    rotates_at: float | None
    link_code: str | None


class StateView(BaseModel):
    """The world as shown on the phone."""

    account: str
    account_lid: str
    now: float
    link_up: bool
    trouble: BlockReason | None
    shown_online: bool
    """Whether contacts see the account as online."""
    settings: SandboxSettings
    contacts: list[Contact]
    chats: list[PhoneChatView]
    devices: list[DeviceView]
    waiting: list[SlotView]
    calls: list[PhoneCall]
    """Calls that ring."""
    profile: OwnProfile
    passkeys: int
    """How many passkeys the account has."""


def message_view(message: ServiceMessage) -> MessageView:
    """A message with its serialized key."""
    return MessageView(**message.model_dump(), serialized=message.key)


def is_found(message: ServiceMessage, text: str) -> bool:
    """Whether people find a message by this text; case and accents are ignored."""
    if not text:
        return True
    said = [message.body] if message.type == "chat" else [str(message.fields.get(name, "")) for name in _SAID]
    return _folded(text) in _folded("\n".join(said))


def _folded(text: str) -> str:
    if text.isascii():  # ten thousand messages are searched while the service waits
        return text.casefold()
    return "".join(one for one in unicodedata.normalize("NFKD", text).casefold() if not unicodedata.combining(one))


def device_view(device: Device) -> DeviceView:
    """A device with the number of its pending messages."""
    return DeviceView(id=device.id, name=device.name, paired_at=device.paired_at, pending=len(device.pending))


def chat_view(world: World, chat: Chat, count: int) -> PhoneChatView:
    """A chat with its `count` newest messages."""
    positions = world.positions(chat.id)
    messages = world.state.messages
    unread = sum(p >= chat.read_to and messages[p].counts for p in positions)
    newest = [message_view(messages[p]) for p in positions[-count:]] if count else []
    return PhoneChatView(**chat.model_dump(), unread=unread, typing=chat.id in world.typing, messages=newest)


def state_view(world: World, count: int) -> StateView:
    """Everything, with `count` messages of each chat."""
    state = world.state
    shown = [slot for slot in world.linking.slots.values() if slot.ref or slot.link_code]
    return StateView(
        account=ACCOUNT,
        account_lid=ACCOUNT_LID,
        now=world.now(),
        link_up=state.link_up,
        trouble=state.trouble,
        shown_online=world.shown_online,
        settings=state.settings,
        contacts=state.contacts,
        chats=[chat_view(world, chat, count) for chat in state.chats.values()],
        devices=[device_view(device) for device in state.devices.values()],
        calls=list(world.account.calls.values()),
        profile=state.profile,
        passkeys=len(state.passkeys),
        waiting=[SlotView(ref=slot.ref, rotates_at=slot.rotates_at, link_code=slot.link_code) for slot in shown],
    )
