"""The port to WhatsApp: what a driver can do, and what it tells the session."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bridge.contract.errors import CodedError
from bridge.contract.jid import Jid, MessageKey
from bridge.contract.kinds import Content
from bridge.contract.messages import MessageContent
from bridge.contract.requests import Request
from bridge.contract.session import Situation
from bridge.contract.status import MemoryUse

EMPTY = MessageContent()


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """A message as a driver read it from WhatsApp. `timestamp` is unix seconds of the service's clock.

    `type` is WhatsApp's. `author` is the participant in groups and None in a chat of two. `history` = older than this
    login, by the page's own mark. `raw` is set only with type `unknown`: what could not be converted.
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

    @property
    def body(self) -> str:
        """Its text or caption."""
        return self.content.body


@dataclass(frozen=True, slots=True)
class IncomingEvent:
    """An event as a driver read it from WhatsApp. `at` is unix seconds; `fields` are those of its kind in the contract.

    `once` tells it from every other event of its kind, however often the driver announces it.
    """

    kind: str
    once: str
    at: int
    chat: Jid | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AckChange:
    """WhatsApp's tick for messages of ours; `level` is its ack number, negative for an error."""

    keys: tuple[MessageKey, ...]
    level: int


@dataclass(frozen=True, slots=True)
class PairingCode:
    """A code to scan; `expires_at` (unix seconds) is an estimate. `link_code` is to be typed on the phone instead."""

    code: str
    expires_at: float
    link_code: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """Whose login the page has.

    `service_time` is the service's clock (unix seconds) when it was asked. `paired_at` is the same clock at the moment
    when the page saw itself being paired (what is older is history), None for a login that was restored.
    """

    pn: Jid | None
    lid: Jid | None
    service_time: int
    paired_at: int | None = None


@dataclass(frozen=True, slots=True)
class LookUp:
    """Outcome of looking for a message of ours. `ack` is None when it was not found.

    `complete` = absence is proven: every place where it could be was read. Without it, absence proves nothing.
    """

    ack: int | None
    complete: bool = False


class DriverUnavailable(CodedError):
    """There is no page to call, or the call was refused before anything left. Nothing was sent."""

    code = "not_connected"


class CallInDoubt(CodedError):
    """A call went into the page and no answer came: it may have taken effect."""

    code = "in_doubt"


#: What a driver hands over live.
Item = IncomingMessage | IncomingEvent | AckChange


class DriverSink(Protocol):
    """What a driver tells the session. Calls come one at a time and in order."""

    async def situation_changed(self, situation: Situation) -> None:
        """The connection's state as the driver sees it; `connected` = the whole path works, catch-up not yet done."""
        ...

    async def code_changed(self, code: PairingCode | None) -> None:
        """A pairing code to show, or None when there is none any more."""
        ...

    async def logged_in(self, account: Account) -> None:
        """The page has a login; told after each load and pairing, before `connected`."""
        ...

    async def received(self, batch: Sequence[Item]) -> None:
        """Live items, oldest first. Durable on return: the driver keeps the batch and repeats it if this raises."""
        ...


class WhatsAppDriver(Protocol):
    """One way to WhatsApp for one session. Every call has a time-out of its own.

    Calls raise `DriverUnavailable` while there is no usable page, and `CallInDoubt` when no answer came.
    """

    async def run(self, sink: DriverSink) -> None:
        """Open WhatsApp and keep it open until cancelled, through crashes and outages; then close cleanly."""
        ...

    def collect(self, since: Mapping[str, int], baseline: int) -> AsyncIterator[Sequence[IncomingMessage]]:
        """What the page holds from each chat's watermark (unix seconds, inclusive; `baseline` where it has none).

        Own messages included; oldest first within a chat; duplicates are for the journal to drop. Whatever there is to
        read, a batch comes within seconds: an empty one shows that it goes on.
        """
        ...

    @property
    def unread(self) -> Mapping[str, int]:
        """Chats that this `collect` could not read whole so far, and from when on (unix seconds).

        One is named before its messages are handed over.
        """
        ...

    async def resume(self) -> None:
        """Let live items flow: they are held back after each load or lost link, so that catch-up comes first."""
        ...

    async def resolve(self, to: Jid) -> Jid:
        """The chat that `to` is reached under. Raises `NotOnWhatsApp`."""
        ...

    async def reserve(self, chat: Jid) -> MessageKey:
        """A fresh message key for `chat`; reserving sends nothing."""
        ...

    @property
    def sends(self) -> frozenset[str]:
        """The kinds of content that this driver can send."""
        ...

    async def send(self, key: MessageKey, content: Content) -> int:
        """Send under a reserved key; returns the ack level known so far (0 = pending).

        Raises `Refused`, `ReachOutLocked` or `DriverUnavailable` when it certainly did not go out, else `CallInDoubt`.
        """
        ...

    @property
    def answers(self) -> frozenset[str]:
        """The actions of requests that this driver can carry out."""
        ...

    async def answer(self, request: Request) -> Any:
        """Carry out a request; returns its data as JSON. Raises `BridgeError` for what the service refuses."""
        ...

    async def look_up(self, key: MessageKey) -> LookUp:
        """Look for one of our messages under every known address of its chat."""
        ...

    async def log_out(self) -> None:
        """End the login, on the phone too."""
        ...

    async def delete_login(self) -> None:
        """Delete what this machine keeps of the login, if anything; only while `run` is not running."""
        ...

    async def take_over(self) -> None:
        """Claim the connection from wherever WhatsApp Web is open with this login: now, or at the next `conflict`."""
        ...

    async def link_by_phone(self, number: str) -> None:
        """Ask for a code to type on the phone of this number: now, or when the page waits to be paired.

        Without effect for a page that is logged in. The code comes by `code_changed`.
        """
        ...

    @property
    def memory(self) -> MemoryUse | None:
        """What browser and bridge use, measured now and then; None while no browser runs."""
        ...

    async def reload(self) -> None:
        """Drop the page (and browser, if it is suspect) and come up again, as after a crash."""
        ...
