"""The sandbox's state: one account, its contacts, chats, messages and linked devices.

Plain values that can be written to a file and read back. The rules are in `contacts.py`, `linked_devices.py` and
`world.py`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

from bridge.contract.jid import Jid, MessageKey
from bridge.sandbox.group_records import Group
from bridge.sandbox.message_marks import MessageEdit, MessageReaction, MessageRevocation, MessageVote

ACCOUNT = "5491155500000@c.us"
ACCOUNT_LID = "277000000000000@lid"


def is_own_chat(chat: str) -> bool:
    """Whether it is the account's chat with itself."""
    return chat in (ACCOUNT, ACCOUNT_LID)


class Contact(BaseModel):
    """A person. At least one of `pn` and `lid` is set; without `pn` the number is hidden."""

    pn: str | None = None
    lid: str | None = None
    name: str
    exists: bool = True
    """Whether the number is on WhatsApp."""
    lookup_fails: bool = False
    """Whether the service answers a lookup of this number with an error."""
    saved: bool = True
    """Whether it is in the linked device's address book; others have to be looked up."""
    by_lid: bool = False
    """Whether the chat uses the LID although the number is known."""
    blocked: bool = False
    """Whether the account has blocked this person."""
    pushname: str | None = None
    """The name that the person gave itself; None: the same as `name`."""
    business: bool = False
    about: str | None = None
    """The person's words about itself; None: hidden from the account."""
    picture: str | None = None
    """Path of its picture on the service's server; None: it has none, or hides it."""
    add_code: int | None = None
    """The service's answer to who adds this person to a group: 403 = may be invited only. None: it is added."""

    @property
    def address(self) -> str:
        """The address of the chat with this person."""
        preferred = (self.lid, self.pn) if self.by_lid else (self.pn, self.lid)
        return preferred[0] or preferred[1] or ""


class Chat(BaseModel):
    """A conversation; `participants` is empty unless it is a group."""

    id: str
    name: str
    participants: list[str] = []
    created: int
    read_to: int = 0
    """The account has read the messages before this position, and their authors have read receipts."""
    marked_unread: bool = False
    archived: bool = False
    pinned_ms: int = 0
    """When it was pinned, in unix milliseconds; 0: it is not."""
    muted_until: int = 0
    """Unix seconds; -1: for good, 0: not muted."""
    labels: list[str] = []
    """Ids of its labels."""
    group: Group | None = None

    @property
    def is_group(self) -> bool:
        """Whether its messages have an author."""
        return Jid.parse(self.id).is_group


class MessageOrigin(StrEnum):
    """Where a message was written: by a contact, on the account's phone, or on a linked device."""

    PEER = "peer"
    PHONE = "phone"
    DEVICE = "device"


class Quote(BaseModel):
    """The quoted message, as WhatsApp embeds it in a reply."""

    id: str
    participant: str
    type: str
    body: str


class ServiceMessage(BaseModel):
    """A message of the service; `position` is its order of arrival there."""

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
    """False while the sending device has no answer from the service."""
    quoted: Quote | None = None
    fields: dict[str, Any] = {}
    """Further fields of other message types, with the names of the page's model."""
    reactions: dict[str, MessageReaction] = {}
    """By person."""
    votes: dict[str, MessageVote] = {}
    """By person."""
    edited: MessageEdit | None = None
    revoked: MessageRevocation | None = None

    @property
    def counts(self) -> bool:
        """Whether it counts as unread until it is read."""
        return not self.from_me and self.type != "gp2"

    @property
    def key(self) -> str:
        """The serialized message key."""
        author = Jid.parse(self.author) if self.author else None
        return str(MessageKey(self.from_me, Jid.parse(self.chat), self.id, author))


class OwnProfile(BaseModel):
    """What others see of the account."""

    name: str = "Sandbox"
    about: str = "Hey there! I am using WhatsApp."
    picture: str | None = None
    """Path of its picture on the service's server."""


class HistoryRequest(BaseModel):
    """A device's request for older messages of a chat; the phone answers it at `at` (unix seconds)."""

    at: float
    chat: str


class Device(BaseModel):
    """A paired browser profile, with the contents of its own database."""

    id: str
    secret: str
    name: str
    paired_at: int
    history_to: int
    """Messages before this position came with the history sync of the pairing."""
    withheld: int = 0
    """The phone has not sent messages before this position yet."""
    next_page_at: float | None = None
    """When the phone sends the next page of the history; unix seconds."""
    pages_sent: int = 0
    requests: list[HistoryRequest] = []
    requested: dict[str, int] = {}
    """Per chat, the oldest position that came on request."""
    delivered: int
    """Its database has the service's messages before this position."""
    acks: dict[str, int] = {}
    """The acks of own messages that it received, by key."""
    pending: dict[str, dict[str, Any]] = {}
    """Own messages written to its database that the service has not confirmed to it, by key."""

    def has(self, chat: str, position: int) -> bool:
        """Whether a message of the service is in its database."""
        return min(self.withheld, self.requested.get(chat, self.withheld)) <= position < self.delivered


class Transmission(BaseModel):
    """What the service received from a device under one message id: the oracle for 'never twice'."""

    id: str
    key: str
    chat: str
    body: str
    device: str
    caption: str | None = None
    mimetype: str | None = None
    filename: str | None = None
    sha256: str | None = None
    """Of the file that the server received for this message, hexadecimal."""
    transmissions: int = 0
    """How often the device transmitted it."""
    deliveries: int = 0
    """How often the recipient received it."""


class DueAck(BaseModel):
    at: float
    key: str
    ack: int
    participant: str | None = None


class ReceiptPolicy(BaseModel, extra="forbid"):
    """Milliseconds until each automatic ack of an own message; None: only manually."""

    server_ms: int | None = Field(default=50, ge=0)
    device_ms: int | None = Field(default=400, ge=0)
    read_ms: int | None = Field(default=1500, ge=0)


class TransmissionMode(StrEnum):
    """How the service handles a message that a linked device transmits."""

    NORMAL = "normal"
    LOSE_ANSWER = "lose_answer"
    """The service and the recipient receive it, but the device gets no answer."""
    HOLD = "hold"
    """It is lost in transit; the device's call hangs, the message stays pending in its database."""
    REFUSE = "refuse"
    """The service answers with the error `refusal_code`. After 421 it accepts the repetition."""
    FAIL = "fail"
    """The page gets an error before it transmits the message (ERROR_NETWORK)."""
    BREAK = "break"
    """The page's own code raises while it transmits (ERROR_UNKNOWN); the service has the message."""


class BlockReason(StrEnum):
    """How the service refuses the connection of a linked device although the network is up."""

    TEMPORARY_BAN = "temporary_ban"
    """402, with the ban's code and end."""
    SERVICE_UNAVAILABLE = "service_unavailable"
    """503."""
    CLIENT_EXPIRED = "client_expired"
    """405: the page reloads itself, to get a newer version."""


class LogoutReason(StrEnum):
    """Why a linked device loses its login, by the page's own names; the page has about thirty."""

    USER_INITIATED = "user_initiated"
    ACCOUNT_LOCKED = "account_locked"
    CLIENT_VERSION_OUTDATED = "client_version_outdated"
    HISTORY_SYNC_TIMEOUT = "history_sync_timeout"


class PasskeyOutcome(StrEnum):
    """What follows a right answer to a passkey request."""

    NORMAL = "normal"
    """The phone answers, and the page gets a code to compare."""
    SILENT = "silent"
    """Nothing: the page waits until it gives up."""
    ERROR = "error"
    """The service fails."""


class DownloadMode(StrEnum):
    """How the service's server answers to a page that downloads the file of a received message."""

    NORMAL = "normal"
    SLOW = "slow"
    """It takes `download_ms`."""
    CORRUPT = "corrupt"
    """One bit is wrong."""
    UNAVAILABLE = "unavailable"
    """503."""
    EXPIRED = "expired"
    """410; a phone that is on uploads it again."""
    GONE = "gone"
    """404, and the phone has it no longer, too."""


class Site(StrEnum):
    """The site's response to a browser."""

    NORMAL = "normal"
    ERROR = "error"
    """HTTP 500."""
    MAINTENANCE = "maintenance"
    """HTTP 200 with a sentence instead of the application."""
    BLANK = "blank"
    """HTTP 200 with an empty body."""


class SandboxSettings(BaseModel, extra="forbid"):
    """The sandbox's behaviour; durations in milliseconds."""

    first_ref_ttl_ms: int = Field(default=60_000, ge=50)
    """How long the first QR code of a page is valid."""
    ref_ttl_ms: int = Field(default=20_000, ge=50)
    """How long each further one is."""
    refs_before_idle: int = Field(default=6, ge=1)
    """How many QR codes a page shows before it stops and waits for a request."""
    link_code_ttl_ms: int = Field(default=180_000, ge=50)
    """How long a pairing code to type is valid."""
    passkey: bool = False
    """Whether the account asks for a passkey after a scan or a typed code."""
    passkey_outcome: PasskeyOutcome = PasskeyOutcome.NORMAL
    passkey_stage_ms: int = Field(default=120_000, ge=50)
    """How long a page waits for each step after the passkey."""
    passkey_proof_ms: int = Field(default=300_000, ge=0)
    """How long a page can prove that it showed the scanned code; later the person compares two codes."""
    qr_prefix: bool = False
    """Whether pages put WhatsApp's address before the fields of the QR code."""
    sync_ms: int = Field(default=300, ge=0)
    """From pairing, or from the page's load, until the chats are usable."""
    watched_ms: int = Field(default=90_000, ge=0)
    """After a load, for how long a page counts as watched by a person: the account shows as online, and each send sends
    read receipts."""
    preview: int = Field(default=3, ge=1)
    """Messages of each chat in the page's memory after a load."""
    announce_resumed: bool = True
    """Whether an open page announces messages as new that arrived while the link was down."""
    blocking_resume: int = Field(default=1000, ge=1)
    """From this number of missed messages on, a page stores them before it is usable, without an event. Fewer arrive as
    new ones after the load."""
    offline_acts_ms: int = Field(default=0, ge=0)
    """How long after a load the page gets the votes and reactions from while it was closed; 0: before it is usable."""
    history_waits: bool = False
    """Whether the phone sends the history of a new device only on request; the real one takes minutes for it."""
    history_page: int | None = Field(default=None, ge=1)
    """Messages in a page of the history that the phone sends a new device, newest first; null: all at the pairing."""
    history_pages: int | None = Field(default=None, ge=1)
    """Number of pages that it sends by itself; null: until all is sent."""
    history_pause_ms: int = Field(default=1000, ge=0)
    """Between two pages, and until it answers a request for more."""
    phone_on: bool = True
    """Whether the phone sends history, and uploads expired files again."""
    business: bool = False
    """Whether it is a WhatsApp Business account: it has labels."""
    native_calls: bool = False
    """Whether pages handle calls by themselves, as where WhatsApp has switched calling on; else they show them only."""
    lid_migrated: bool = False
    """Whether the account is migrated: the chat of a person who is new to it has the LID as address."""
    send_mode: TransmissionMode = TransmissionMode.NORMAL
    lookup_code: int | None = Field(default=None, ge=400, le=599)
    """The service answers each look-up of a number with this error; None: it looks."""
    refusal_code: int = Field(default=403, ge=400, le=599)
    uploads_fail: bool = False
    """Whether both servers for files refuse uploads."""
    file_server_down: bool = False
    """Whether the first of the two servers for files answers 503 to everything."""
    file_retry_ms: int = Field(default=1000, ge=0)
    """A page's pause after its first failure at a server for files; each further one is twice as long."""
    upload_ms: int = Field(default=0, ge=0)
    """How long it takes for an upload beside the transfer."""
    downloads: DownloadMode = DownloadMode.NORMAL
    download_ms: int = Field(default=1000, ge=0)
    """How long a slow download takes."""
    ack_error_codes: bool = True
    """Whether a page gives the code of a refusal, as pages since July 2026 do."""
    reach_out_lock_s: int | None = None
    """Seconds for which this account may not write to new contacts, as the page knows it; None: no lock."""
    new_chats_used: int | None = None
    """How many of its 40 new chats a month this account has begun; None: they are not counted."""
    site: Site = Site.NORMAL
    always_outdated: bool = False
    """Whether a freshly loaded page is asked to reload, too."""
    missing_modules: list[str] = []
    """Modules that are missing in pages loaded from now on, as after a change of the site."""
    late_modules_ms: int | None = Field(default=None, ge=0)
    """When the missing modules come after all, from the page's start: the real site loads in parts. None: never."""
    service_worker: bool = False
    """Whether pages loaded from now on register a service worker, which then answers the document's requests."""
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
    due: list[DueAck] = []
    profile: OwnProfile = OwnProfile()
    labels: dict[str, str] = {"1": "Nuevo cliente", "2": "Pago pendiente", "3": "Pagado"}
    """Id to name; a business account has them."""
    passkeys: dict[str, str] = {}
    """The account's passkeys: credential id to public key (DER), both in base64url."""
    link_up: bool = True
    trouble: BlockReason | None = None
    settings: SandboxSettings = SandboxSettings()
