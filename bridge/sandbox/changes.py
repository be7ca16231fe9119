"""Events of the sandbox's world, for its listeners: page sockets, phone pages, the state file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bridge.sandbox.phone_calls import CallOutcome, PhoneCall
from bridge.sandbox.records import BlockReason, Chat, Contact, Device, LogoutReason, ServiceMessage


@dataclass(frozen=True, slots=True)
class MessageArrived:
    """The service received a message."""

    message: ServiceMessage


@dataclass(frozen=True, slots=True)
class AckRaised:
    """An own message reached a higher ack; `participant` received or read it (None: the server)."""

    message: ServiceMessage
    ack: int
    participant: str | None


@dataclass(frozen=True, slots=True)
class SendRefused:
    """A device's transmission ended with an error. `code` is the service's; None: the page failed by itself."""

    device: Device
    key: str
    result: str
    code: int | None = None


@dataclass(frozen=True, slots=True)
class RefChanged:
    """A page in pairing has a new QR code to show; None: no code until it requests one."""

    slot: str
    ref: str | None
    ttl_ms: int = 0


@dataclass(frozen=True, slots=True)
class CodeAnswered:
    """The phone answered to a page's pairing code; `ended` = the page takes no more answers for it."""

    slot: str
    ended: bool


@dataclass(frozen=True, slots=True)
class PasskeyRequested:
    """A page's code was taken, and the account asks for its passkey; `options` are WebAuthn's, as JSON."""

    slot: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PasskeyAnswered:
    """The phone answered after a page's passkey: with the code to compare, or (None) the service failed."""

    slot: str
    code: str | None


@dataclass(frozen=True, slots=True)
class Paired:
    """A page in pairing was scanned and is now a linked device."""

    slot: str
    device: Device


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """A device was unlinked: by the owner on the phone, by the service, or by itself."""

    device: Device
    by_device: bool
    reason: LogoutReason | None = LogoutReason.USER_INITIATED
    """None: the page gives no reason, as after a ban."""


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The linked devices' connection to the service went up or down."""

    up: bool


@dataclass(frozen=True, slots=True)
class BlockChanged:
    """The linked devices are blocked from the service, or (None) no longer."""

    trouble: BlockReason | None


@dataclass(frozen=True, slots=True)
class Replaced:
    """WhatsApp Web was opened elsewhere with the login of the open pages: the service ended their connection."""


@dataclass(frozen=True, slots=True)
class Outdated:
    """A newer WhatsApp Web is available: open pages are asked to reload."""


@dataclass(frozen=True, slots=True)
class Reloaded:
    """The site reloads its open pages."""


@dataclass(frozen=True, slots=True)
class Decrypted:
    """An undecrypted message became readable."""

    message: ServiceMessage


@dataclass(frozen=True, slots=True)
class Revoked:
    """A message was deleted for everyone, by the linked device `device` or elsewhere; `before` is the key it had."""

    message: ServiceMessage
    before: str
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Edited:
    """The text of a message was changed."""

    message: ServiceMessage


@dataclass(frozen=True, slots=True)
class Reacted:
    """A person reacted to a message."""

    message: ServiceMessage
    author: str


@dataclass(frozen=True, slots=True)
class Voted:
    """A person voted in a poll."""

    message: ServiceMessage
    voter: str


@dataclass(frozen=True, slots=True)
class ChatChanged:
    """A chat was added or read."""

    chat: Chat


@dataclass(frozen=True, slots=True)
class GroupChanged:
    """A group's members, rights or settings changed; `action` is WhatsApp Web's name, `external_id` the notice's id."""

    chat: Chat
    action: str
    author: str
    people: tuple[str, ...]
    external_id: str
    t: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ContactChanged:
    """A contact was added or changed."""

    contact: Contact


@dataclass(frozen=True, slots=True)
class CallChanged:
    """A contact calls the account; `outcome` = it is over."""

    call: PhoneCall
    outcome: CallOutcome | None = None


@dataclass(frozen=True, slots=True)
class PresenceChanged:
    """A contact went online or offline, or started or stopped writing. `type` is WhatsApp's, `t` unix seconds."""

    contact: Contact
    type: str
    t: int | None = None


@dataclass(frozen=True, slots=True)
class ProfileChanged:
    """The account's own profile changed."""


@dataclass(frozen=True, slots=True)
class Touched:
    """A change that matters only to the state file and the phone page."""


#: What was done to a message.
Act = Revoked | Edited | Reacted | Voted
Change = (
    MessageArrived
    | AckRaised
    | SendRefused
    | RefChanged
    | CodeAnswered
    | PasskeyRequested
    | PasskeyAnswered
    | Paired
    | LoggedOut
    | LinkChanged
    | BlockChanged
    | Replaced
    | Outdated
    | Reloaded
    | Decrypted
    | Act
    | ChatChanged
    | GroupChanged
    | ContactChanged
    | CallChanged
    | PresenceChanged
    | ProfileChanged
    | Touched
)
Listener = Callable[[Change], None]
