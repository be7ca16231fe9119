"""What the sandbox remembers: the records of one account, its people, chats, messages and linked devices.

Plain values that can be written to a file and read back. It owns no rule: what may happen to a record is in
`cast.py`, `linking.py` and `world.py`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

from bridge.contract.jid import Jid, MessageKey

ACCOUNT = "5491155500000@c.us"
ACCOUNT_LID = "277000000000000@lid"


class Contact(BaseModel):
    """A person. At least one of `pn` and `lid` is set; a contact without `pn` hides the number."""

    pn: str | None = None
    lid: str | None = None
    name: str
    exists: bool = True
    """Whether the number is on WhatsApp."""
    lookup_fails: bool = False
    """Whether the service answers a look-up of this number with an error."""
    saved: bool = True
    """Saved ones are in the linked device's address book; the others it has to look up."""
    by_lid: bool = False
    """Whether a chat with this person goes by the LID although the number is known."""

    @property
    def address(self) -> str:
        """The address a chat with this person has."""
        preferred = (self.lid, self.pn) if self.by_lid else (self.pn, self.lid)
        return preferred[0] or preferred[1] or ""


class Chat(BaseModel):
    """A conversation; `participants` is empty unless it is a group."""

    id: str
    name: str
    participants: list[str] = []
    created: int
    read_to: int = 0
    """Position up to which the account has read it."""

    @property
    def is_group(self) -> bool:
        """Whether messages in it carry an author."""
        return Jid.parse(self.id).is_group


class MessageOrigin(StrEnum):
    """Who wrote a message: the other side, the account's own phone, or a linked device."""

    PEER = "peer"
    PHONE = "phone"
    DEVICE = "device"


class Quote(BaseModel):
    """The message that a reply points at, as WhatsApp carries it inside the reply."""

    id: str
    participant: str
    type: str
    body: str


class ServiceMessage(BaseModel):
    """A message that the service has, in the order in which the service got it (`position`)."""

    position: int
    id: str
    chat: str
    from_me: bool
    author: str | None = None
    body: str
    type: str = "chat"
    t: int
    notify_name: str = ""
    ack: int = 1
    receipts: dict[str, int] = {}
    """Per recipient: 2 delivered, 3 read, 4 played."""
    origin: MessageOrigin
    device: str | None = None
    answered: bool = True
    """False while the device that sent it has not been told that the service has it."""
    quoted: Quote | None = None
    fields: dict[str, Any] = {}
    """Further fields of other message types, as the page's model names them."""

    @property
    def key(self) -> str:
        """The serialized message key."""
        author = Jid.parse(self.author) if self.author else None
        return str(MessageKey(self.from_me, Jid.parse(self.chat), self.id, author))


class Device(BaseModel):
    """A browser profile that has paired, with what its own database holds."""

    id: str
    secret: str
    name: str
    paired_at: int
    history_to: int
    """Messages before this position came with the history sync of the pairing."""
    withheld: int = 0
    """Messages before this position were not sent by the phone yet."""
    delivered: int
    """Its database has the service's messages before this position."""
    acks: dict[str, int] = {}
    """The acks that it knows of own messages, by key."""
    pending: dict[str, dict[str, Any]] = {}
    """Own messages written to its database that the service has not confirmed to it, by key."""


class Transmission(BaseModel):
    """What the service got from a device under one message id: the oracle for 'never twice'."""

    id: str
    key: str
    chat: str
    body: str
    device: str
    transmissions: int = 0
    """How often the device transmitted it."""
    deliveries: int = 0
    """How often the recipient got it."""


class Due(BaseModel):
    """An ack that will come by itself."""

    at: float
    key: str
    ack: int
    participant: str | None = None


class ReceiptPolicy(BaseModel, extra="forbid"):
    """Milliseconds until each ack of an own message comes by itself; null: only when asked for."""

    server_ms: int | None = Field(default=50, ge=0)
    device_ms: int | None = Field(default=400, ge=0)
    read_ms: int | None = Field(default=1500, ge=0)


class TransmissionMode(StrEnum):
    """What becomes of a message that a linked device transmits."""

    NORMAL = "normal"
    LOSE_ANSWER = "lose_answer"
    """The service has it and the recipient gets it, but the device is never told."""
    HOLD = "hold"
    """It is lost on the way; the device's call hangs, the message waits in its database."""
    REFUSE = "refuse"
    """The service answers with an error."""
    LOCK = "lock"
    """It answers that this account may not write to new people now (463)."""


class Trouble(StrEnum):
    """What keeps a linked device off its line although the network is up, by WhatsApp's own names."""

    CONFLICT = "CONFLICT"
    """WhatsApp Web was opened elsewhere; a page may take over."""
    DEPRECATED_VERSION = "DEPRECATED_VERSION"
    PROXYBLOCK = "PROXYBLOCK"
    TOS_BLOCK = "TOS_BLOCK"
    SMB_TOS_BLOCK = "SMB_TOS_BLOCK"


class Site(StrEnum):
    """What the site answers to a browser that opens it."""

    NORMAL = "normal"
    ERROR = "error"
    """HTTP 500."""
    MAINTENANCE = "maintenance"
    """HTTP 200 and a sentence instead of the application."""
    BLANK = "blank"
    """HTTP 200 and nothing."""


class SandboxSettings(BaseModel, extra="forbid"):
    """How the double behaves; durations in milliseconds."""

    ref_ttl_ms: int = Field(default=20_000, ge=50)
    refs_before_idle: int = Field(default=6, ge=1)
    """How many codes a page shows before it gives up and waits to be asked for new ones."""
    sync_ms: int = Field(default=300, ge=0)
    """From pairing, or from the page's load, until the chats are usable."""
    preview: int = Field(default=3, ge=1)
    """How many messages of each chat are in the page's memory after a load."""
    announce_resumed: bool = True
    """Whether messages that came while the link was down are announced as new in a page that stayed open."""
    history_waits: bool = False
    """Whether a phone that pairs a device sends the history only when told to; the real one takes minutes for it."""
    send_mode: TransmissionMode = TransmissionMode.NORMAL
    site: Site = Site.NORMAL
    always_outdated: bool = False
    """Whether a page that was loaded just now is told to load again, too."""
    missing_modules: list[str] = []
    """Modules that a page loaded from now on lacks, as after a change of the site."""
    minified_keys: bool = False
    """Whether message keys of a page loaded from now on have no `_serialized`, as in WhatsApp >= 2.3000.1042401057."""
    receipts: ReceiptPolicy = ReceiptPolicy()


class State(BaseModel):
    """Everything that survives a restart of the sandbox."""

    version: int = 1
    contacts: list[Contact] = []
    chats: dict[str, Chat] = {}
    messages: list[ServiceMessage] = []
    devices: dict[str, Device] = {}
    sent: dict[str, Transmission] = {}
    due: list[Due] = []
    link_up: bool = True
    trouble: Trouble | None = None
    settings: SandboxSettings = SandboxSettings()
