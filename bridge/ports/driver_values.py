"""The values that cross the port to WhatsApp: what a driver read from it, and what it knows of the account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridge.contract.errors import BridgeError
from bridge.contract.jid import Jid, MessageKey
from bridge.contract.messages import MessageContent

EMPTY = MessageContent.model_construct()
#: Stands in `HasHistory.unread` for reactions, votes, edits and deletions, on messages of any chat.
ACTS = "acts"


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """A message as a driver read it from WhatsApp. `timestamp` is unix seconds of the service's clock.

    `type` is WhatsApp's, and `variant` one of `bridge.contract.kinds.VARIANTS`. `author` is the participant in groups
    and None in a chat of two. `history` = older than this login, by the page's own mark. `raw` is set where no kind
    reads the message, or where it could not be converted. `ack`: WhatsApp's ack number, where it gives one.
    """

    id: str
    key: MessageKey
    chat: Jid
    type: str
    timestamp: int
    content: MessageContent = EMPTY
    author: Jid | None = None
    from_pn: Jid | None = None
    from_lid: Jid | None = None
    notify_name: str | None = None
    history: bool = False
    raw: Mapping[str, Any] | None = None
    variant: str | None = None
    ack: int | None = None

    @property
    def name(self) -> str:
        """What decides its kind: its variant, or else its type."""
        return self.variant or self.type

    @property
    def body(self) -> str:
        """Its text or caption."""
        return self.content.body


@dataclass(frozen=True, slots=True)
class SeenPerson:
    """A person in an answer or an event, by its addresses: at most one number and one LID. The session names it."""

    addresses: frozenset[Jid]


@dataclass(frozen=True, slots=True)
class IncomingEvent:
    """An event as a driver read it from WhatsApp. `at` is unix seconds; `fields` are those of its kind in the contract,
    with a `SeenPerson` for each of `people`.

    `author` is the person who did it, where one did. `once` identifies it among the events of its kind, however often
    the driver announces it.
    """

    kind: str
    once: str
    at: int
    chat: Jid | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    author: Jid | None = None


@dataclass(frozen=True, slots=True)
class AckChange:
    """WhatsApp's ack for own messages; `level` is its ack number, negative for a refusal. `error`: the refusal."""

    keys: tuple[MessageKey, ...]
    level: int
    error: BridgeError | None = None


@dataclass(frozen=True, slots=True)
class SendStopped:
    """WhatsApp Web holds an own message without an ack and will not send it by itself any more."""

    key: MessageKey


@dataclass(frozen=True, slots=True)
class IdGiven:
    """WhatsApp Web gave the message that is being sent under a reserved key another key."""

    reserved: MessageKey
    key: MessageKey


@dataclass(frozen=True, slots=True)
class PairingCode:
    """The text of a QR code, or a pairing code to type: then `link_code` is the same. `expires_at` is unix seconds."""

    code: str
    expires_at: float
    link_code: str | None = None


@dataclass(frozen=True, slots=True)
class PasskeyRequest:
    """WhatsApp took the code and asks for the account's passkey, until `expires_at` (unix seconds).

    `options` are WebAuthn's, as JSON, for a page of `origin`; None once they were answered. `code` is what the phone
    must show, too, before `confirm_passkey`; None while nothing is to be compared.
    """

    origin: str
    expires_at: float
    options: Mapping[str, Any] | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """The logged-in account.

    `service_time` is the service's clock (unix seconds) now. `paired_at` is the same clock at the moment of the pairing
    (older messages are history); None for a restored login.
    """

    pn: Jid | None
    lid: Jid | None
    service_time: int
    paired_at: int | None = None


@dataclass(frozen=True, slots=True)
class LookUp:
    """Outcome of looking up an own message. `ack` is None when it was not found.

    `complete` = absence is proven: every store that could hold it was read. Otherwise absence proves nothing.
    `stopped` = it is there without an ack, and will not be sent by itself any more, for example after a load.
    `not_uploaded` = it stopped before its file was uploaded: to send it again takes the file again.
    """

    ack: int | None
    complete: bool = False
    stopped: bool = False
    not_uploaded: bool = False


@dataclass(frozen=True, slots=True)
class ProfilePicture:
    """The picture of `contact`. `tag` None: there is none, or it is not shown. `path` None: it was not fetched."""

    contact: Jid
    tag: str | None = None
    path: Path | None = None


#: What a driver delivers live.
Item = IncomingMessage | IncomingEvent | AckChange | SendStopped | IdGiven
