"""The port to WhatsApp: what a driver can do, and what it reports to the session."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bridge.contract.jid import Jid, MessageKey
from bridge.contract.kinds import Act, Content
from bridge.contract.limits import AccountLimits
from bridge.contract.modifiers import NO_MODIFIERS, Modifiers
from bridge.contract.proxy import Proxy
from bridge.contract.session import Situation
from bridge.contract.status import MemoryUse
from bridge.ports.driver_values import (
    Account,
    IncomingMessage,
    Item,
    LookUp,
    PairingCode,
    PasskeyRequest,
    ProfilePicture,
)

if TYPE_CHECKING:
    from bridge.contract.requests import Request


class DriverSink(Protocol):
    """Receives a driver's reports. Calls come one at a time and in order."""

    async def situation_changed(self, situation: Situation) -> None:
        """The connection's state; `connected` = the whole path works, before catch-up."""
        ...

    async def code_changed(self, code: PairingCode | None) -> None:
        """A QR code or pairing code to show; None when there is none any more."""
        ...

    async def passkey_changed(self, request: PasskeyRequest | None) -> None:
        """WhatsApp asks for a passkey; None when it does no longer."""
        ...

    async def limits_changed(self, limits: AccountLimits) -> None:
        """What WhatsApp allows the account, as the page knows it now."""
        ...

    async def logged_in(self, account: Account) -> None:
        """The page is logged in; called after each load and pairing, before `connected`."""
        ...

    async def received(self, batch: Sequence[Item]) -> None:
        """Live items, oldest first. Durable on return: the driver keeps the batch and repeats it if this raises."""
        ...


class Reloads(Protocol):
    """Ends every call into the page, so that none takes effect later."""

    async def reload(self) -> None:
        """Replace the page (and the browser, if it may be broken), as after a crash. This takes the connection over
        from another WhatsApp Web with this login."""
        ...


class Connection(Reloads, Protocol):
    """The connection to WhatsApp of one session."""

    async def run(self, sink: DriverSink) -> None:
        """Open WhatsApp and keep it open until cancelled, through crashes and outages; then close it cleanly."""
        ...

    @property
    def memory(self) -> MemoryUse | None:
        """Memory of browser and bridge, measured periodically; None while no browser runs."""
        ...


class HasHistory(Protocol):
    """Delivers the messages that the journal may lack."""

    def collect(
        self, since: Mapping[str, int], baseline: int, acts_since: int = 0
    ) -> AsyncGenerator[Sequence[IncomingMessage], None]:
        """What the page holds from each chat's watermark (unix seconds, inclusive; `baseline` where it has none).

        Own messages included; oldest first within a chat; the journal drops duplicates. Yields at least every few
        seconds; an empty batch is a keep-alive. What was done to these messages, for reactions and votes from
        `acts_since` on, is delivered after `resume`, also where it was announced before.
        """
        ...

    @property
    def unread(self) -> Mapping[str, int]:
        """Chats that this `collect` could not read completely so far, and from what time (unix seconds).

        A chat is listed before its messages are delivered. `ACTS` stands for what was done to messages of any chat.
        """
        ...

    @property
    def connected_at(self) -> int:
        """When the last reported `connected` began, by the service's clock (unix seconds); 0 before the first one."""
        ...

    async def resume(self) -> None:
        """Deliver live items again: they are held back after each load or lost link, so that catch-up comes first."""
        ...


class Sends(Protocol):
    """Sends content to chats, under ids made before."""

    @property
    def sends(self) -> frozenset[str]:
        """The kinds of content that this driver can send."""
        ...

    async def may_write(self, group: Jid) -> None:
        """Raise `NotAllowed` if this account is known to be none of those who write in the group. Takes a second at
        most; returns where nothing is known, also while there is no page."""
        ...

    async def resolve(self, to: Jid) -> Jid:
        """The chat address of `to`. Raises `NotOnWhatsApp`."""
        ...

    async def send(
        self, key: MessageKey, content: Content, modifiers: Modifiers = NO_MODIFIERS, file: Path | None = None
    ) -> int:
        """Send under a reserved key; returns the ack level known so far (0 = pending). `typing` is the caller's part.

        `file` has the bytes of a content with a file, which then has a type and a name; it is read before this returns.
        Raises a `BridgeError` that says why (`Refused`, `ReachOutLocked`, `LimitReached`, `MessageNotFound`,
        `MediaUnsupported`, `TooLarge`, `InternalError`) or `DriverUnavailable` when it was certainly not sent, else
        `CallInDoubt`.
        """
        ...


class Acts(Protocol):
    """Acts on existing messages."""

    async def act(self, chat: Jid, act: Act) -> str:
        """Carry out an act on the message of this chat that its `message_id` names; returns the message's whole id.

        Doing it again changes nothing. Raises a `BridgeError` (`MessageNotFound`, `NotAllowed`, `Refused`, …) or
        `DriverUnavailable` when it was certainly not done, else `CallInDoubt`.
        """
        ...


class ReservesIds(Protocol):
    """Makes message ids before the send, so that a send in doubt can be looked up."""

    async def reserve(self, to: Jid) -> MessageKey:
        """A fresh message key in the chat of `to`, which is its `remote`. Nothing is sent. Raises as `resolve`."""
        ...

    async def look_up(self, key: MessageKey) -> LookUp:
        """Look up an own message under every known address of its chat."""
        ...

    async def resend(self, key: MessageKey) -> int:
        """Send a stopped message once more under its id: recipients show it once. Returns and raises as `send`."""
        ...


class HasMedia(Protocol):
    """Downloads the files of messages."""

    async def find_message(self, key: MessageKey) -> IncomingMessage | None:
        """A message that the page has, whatever the bridge knows of it; None if it certainly has not.

        Raises `DriverUnavailable`, `CallInDoubt`, and a `BridgeError` if it cannot be read.
        """
        ...

    def download(self, key: MessageKey, limit: int, seconds: float) -> AbstractAsyncContextManager[Path]:
        """The file of a message, decrypted, as a file of this machine; it may be moved, and goes with the context.

        An expired file is asked of the phone first. Raises `TooLarge` above `limit` bytes, `MediaGone`,
        `DriverUnavailable` if the download could not begin, `CallInDoubt` after `seconds`, and a `BridgeError` for
        other failures.
        """
        ...


class HasPictures(Protocol):
    """Fetches the profile pictures of people and groups."""

    def picture(
        self, contact: Jid, known: str | None, limit: int, seconds: float
    ) -> AbstractAsyncContextManager[ProfilePicture]:
        """The picture of a person or a group, as a file of this machine if its tag is another than `known`.

        It may be moved, and goes with the context. Raises as `download`, and `BridgeError` for an unknown contact.
        """
        ...


class Answers(Protocol):
    """Carries out requests: actions that are not messages."""

    @property
    def answers(self) -> frozenset[str]:
        """The actions of requests that this driver can carry out."""
        ...

    async def answer(self, request: Request, file: Path | None = None) -> Any:
        """Carry out a request; returns its data as JSON, with an `IncomingMessage` wherever it holds a message, and a
        `SeenPerson` as `person` of what is about one. `file` is the picture that it names.

        Raises `BridgeError` for what the service refuses, `CallInDoubt` where it is not known whether it was done.
        """
        ...


class Pairs(Protocol):
    """Manages the login: its pairing and its end."""

    async def link_by_phone(self, number: str) -> None:
        """Request a pairing code for the phone of this number: now, or when the page waits to be paired.

        Returns once there is one; `code_changed` reports it and those that follow. No effect on a page that is logged
        in. Raises `Refused` if WhatsApp gives none for this number, `DriverUnavailable` if no page can ask in time.
        """
        ...

    async def answer_passkey(self, answer: Mapping[str, Any]) -> None:
        """Give WhatsApp what a browser answered to its request (`PublicKeyCredential.toJSON()`).

        Raises `InvalidRequest` if it cannot be the answer, `Refused` if the browser made none or WhatsApp does not take
        it; then another request follows.
        """
        ...

    async def confirm_passkey(self, code: str) -> None:
        """Report that the phone shows this code, too. Raises `InvalidRequest` if it is not the one to compare."""
        ...

    async def log_out(self) -> None:
        """End the login, on the phone, too."""
        ...

    async def delete_login(self) -> None: ...  # the local data, if any; only while `run` is not running


class SendsOnce(Sends, Acts, ReservesIds, Reloads, Answers, Protocol):
    """What a send needs that happens once, or is `unknown` and never repeated."""


class WhatsAppDriver(Connection, HasHistory, SendsOnce, HasMedia, HasPictures, Pairs, Protocol):
    """One way to WhatsApp for one session. Every call has its own timeout.

    Calls raise `DriverUnavailable` while there is no usable page, and `CallInDoubt` when no answer came.
    """

    def use_proxy(self, proxy: Proxy | None) -> None:
        """Reach the service through it from the next start on; ignored by a driver that opens no connection."""
        del proxy
