"""What just happened in the world, told to whoever shows or stores it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bridge.sandbox.records import Chat, Contact, Device, ServiceMessage, Trouble


@dataclass(frozen=True, slots=True)
class MessageArrived:
    """The service has a message that it did not have before."""

    message: ServiceMessage


@dataclass(frozen=True, slots=True)
class AckRaised:
    """An own message got further; `participant` is who received or read it (null: the server)."""

    message: ServiceMessage
    ack: int
    participant: str | None


@dataclass(frozen=True, slots=True)
class SendRefused:
    """The service answered a device's transmission with an error."""

    device: Device
    key: str
    result: str


@dataclass(frozen=True, slots=True)
class RefChanged:
    """A page that waits to be scanned has another code to show; null: none, until it asks."""

    slot: str
    ref: str | None


@dataclass(frozen=True, slots=True)
class Paired:
    """A waiting page was scanned and is a linked device now."""

    slot: str
    device: Device


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """A device is not linked any more: the owner unlinked it on the phone, or it did so itself."""

    device: Device
    by_device: bool


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The linked devices' connection to the service went up or down."""

    up: bool


@dataclass(frozen=True, slots=True)
class TroubleChanged:
    """Something keeps the linked devices off their line, or (null) does no more."""

    trouble: Trouble | None


@dataclass(frozen=True, slots=True)
class Outdated:
    """A newer WhatsApp Web is out: open pages are told to load again."""


@dataclass(frozen=True, slots=True)
class Reloaded:
    """The site makes its open pages load again."""


@dataclass(frozen=True, slots=True)
class Decrypted:
    """A message that could not be read before can be now."""

    message: ServiceMessage


@dataclass(frozen=True, slots=True)
class ChatChanged:
    """A chat is new, or was read."""

    chat: Chat


@dataclass(frozen=True, slots=True)
class ContactChanged:
    """A person is new or known better."""

    contact: Contact


@dataclass(frozen=True, slots=True)
class Touched:
    """Something changed that only the state file and the phone care about."""


Change = (
    MessageArrived
    | AckRaised
    | SendRefused
    | RefChanged
    | Paired
    | LoggedOut
    | LinkChanged
    | TroubleChanged
    | Outdated
    | Reloaded
    | Decrypted
    | ChatChanged
    | ContactChanged
    | Touched
)
Tell = Callable[[Change], None]
