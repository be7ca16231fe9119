"""What the script controls: the phone, the contacts and WhatsApp's service, as far as a driver can see them.

It outlives its driver, as the real ones do: login, messages and acks survive a restart. Only the script causes events;
ids count up, and the time is the given clock's.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from bridge.contract.errors import CodedError, MessageNotFound, NotAllowed, Refused
from bridge.contract.jid import Jid, MessageKey, Server
from bridge.contract.kinds import RECEIVED, Act, Content
from bridge.contract.kinds.edit import EDITABLE, Edit
from bridge.contract.kinds.revoke import Revoke
from bridge.contract.limits import AccountLimits
from bridge.contract.messages import MessageContent
from bridge.contract.modifiers import NO_MODIFIERS, Modifiers
from bridge.contract.requests import CheckContacts, Request, Typing
from bridge.ports import (
    AckChange,
    CallInDoubt,
    Clock,
    DriverUnavailable,
    IdGiven,
    IncomingEvent,
    IncomingMessage,
    Item,
    PasskeyRequest,
    SendStopped,
)

ACCOUNT = Jid("5491155500000", Server.USER)
ACCOUNT_LID = Jid("277000000000000", Server.LID)
CONTENT = MessageContent.model_fields.keys()
EMPTY = MessageContent()
#: WhatsApp's type of a kind that is sent.
TYPES = {kind.kind: kind.types[0] for kind in RECEIVED}
NO_CHATS: dict[str, Any] = {"chats": [], "next": None}


class SendMode(StrEnum):
    """What happens to a send."""

    NORMAL = "normal"  # it is delivered and answered
    UNAVAILABLE = "unavailable"  # fails before the call: nothing is sent
    CALL_LOST = "call_lost"  # called, not answered, not delivered
    ANSWER_LOST = "answer_lost"  # called, delivered, not answered
    PENDING = "pending"  # answered with ack 0; delivered at `release`
    REFUSED = "refused"  # the service refuses it
    REACH_OUT_LOCKED = "reach_out_locked"  # the service answers 463


class Signal(StrEnum):
    """Notifications to the running driver."""

    CODE = "code"
    PAIRED = "paired"
    PASSKEY = "passkey"
    LINK_DOWN = "link_down"
    LINK_UP = "link_up"
    PAGE_LOST = "page_lost"
    UNREACHABLE = "unreachable"
    REACHABLE = "reachable"
    LOGGED_OUT = "logged_out"
    LOGGED_OUT_ON_REQUEST = "logged_out_on_request"
    ITEMS = "items"
    LIMITS = "limits"


@dataclass(slots=True)
class SentMessage:
    """A delivered message. `times` counts its deliveries and must stay 1."""

    key: MessageKey
    content: Content
    times: int = 1
    modifiers: Modifiers = NO_MODIFIERS
    sha256: str | None = None  # of its file

    @property
    def text(self) -> str:
        return self.content.summary


@dataclass(slots=True)
class ScriptedPhone:
    """The script's state. Set the public fields freely; the methods notify the running driver."""

    clock: Clock
    paired: bool = False
    paired_at: int | None = None
    link_up: bool = True
    reachable: bool = True
    send_mode: SendMode = SendMode.NORMAL
    call_limit: float = 0.0  # seconds until an unanswered call times out
    delay: float = 0.0  # seconds that each send, change or look-up takes
    acks: tuple[int, ...] = (1,)  # levels that follow automatically after a delivery
    look_up_complete: bool = True
    chats: set[Jid] = field(default_factory=set)
    acts: list[tuple[str, Act]] = field(default_factory=list)  # what was done to messages: raw id, act
    #: Action of a request -> its data.
    answers: dict[str, Any] = field(default_factory=lambda: {"chats.list": NO_CHATS})
    requests: list[Request] = field(default_factory=list)  # that were carried out, except typing
    missing: set[Jid] = field(default_factory=set)  # numbers that are not on WhatsApp
    looked_up: list[Jid] = field(default_factory=list)  # numbers of `contacts.check` that were asked for
    damaged: set[Jid] = field(default_factory=set)  # chats of which the page can read the newest message only
    damaged_acts: bool = False  # what was done to messages cannot be read
    failing: set[Jid] = field(default_factory=set)  # numbers whose look-up the service answers with an error
    closed_groups: set[Jid] = field(default_factory=set)  # groups in which this account may not write
    lids: dict[Jid, Jid] = field(default_factory=dict)  # number -> LID of its chat
    history: list[IncomingMessage] = field(default_factory=list)
    history_waits: bool = False  # a newly paired device has none of it before `send_history`
    sent: list[SentMessage] = field(default_factory=list)
    ack_of: dict[str, int] = field(default_factory=dict)  # raw id -> level
    pending: list[SentMessage] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)  # raw ids of pending messages that `release` leaves out
    typing: set[Jid] = field(default_factory=set)  # chats in which the typing indicator is shown
    live: list[Item] = field(default_factory=list)
    files: dict[str, bytes | CodedError] = field(default_factory=dict)  # raw id -> bytes, or why there are none
    pictures: dict[Jid, bytes] = field(default_factory=dict)  # profile pictures
    downloading: Callable[[], Awaitable[None]] | None = None  # awaited in each download
    downloaded: list[str] = field(default_factory=list)  # raw ids of the downloads that began
    link_code: str | None = None  # set once a number was given
    passkey: PasskeyRequest | None = None  # what WhatsApp asks, between the code and the pairing
    compares: bool = False  # whether two codes are compared after the passkey
    limits: AccountLimits | None = None  # what the page knows of WhatsApp's limits
    listener: Callable[[Signal], None] | None = None
    _withheld: int = 0
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def notify(self, signal: Signal) -> None:
        """Send a signal to the driver, if one runs."""
        if self.listener is not None:
            self.listener(signal)

    def now(self) -> int:
        return int(self.clock.now())

    def new_id(self) -> str:
        return f"3EB0{next(self._numbers):016X}"

    def next_code(self) -> str:
        return f"2@scripted{next(self._numbers)},static,identity,secret,1"

    def pair(self) -> None:
        self.paired, self.paired_at, self.link_code, self.passkey = True, self.now(), None, None
        self._withheld = len(self.history) if self.history_waits else 0
        self.notify(Signal.PAIRED)

    def ask_passkey(self, challenge: str = "Y2hhbGxlbmdl", *, origin: str = "http://localhost") -> None:
        """Take the code, but ask for the account's passkey before the pairing."""
        options = {"challenge": challenge, "rpId": "localhost", "allowCredentials": [], "userVerification": "required"}
        self.passkey = PasskeyRequest(origin, self.clock.now() + 600, options)
        self.notify(Signal.PASSKEY)

    def take_passkey(self) -> None:
        """The passkey is right: pair, or have two codes compared first."""
        if self.passkey is None or not self.compares or self.passkey.code is not None:
            self.pair()
            return
        self.passkey = replace(self.passkey, options=None, code="ABCD1234")
        self.notify(Signal.PASSKEY)

    def drop_passkey(self) -> None:
        """Nothing was answered in time."""
        self.passkey = None
        self.notify(Signal.PASSKEY)

    def send_history(self) -> None:
        """The device receives the history from before its pairing. Nothing announces that."""
        self._withheld = 0

    @property
    def on_device(self) -> list[IncomingMessage]:
        """The messages that a page finds in its stores."""
        return self.history[self._withheld :]

    def has(self, message_id: str) -> bool:
        """Whether it has the message of this id, whole or WhatsApp's part of it."""
        raw = MessageKey.parse(message_id).id if "_" in message_id else message_id
        return raw in {*(message.key.id for message in self.history), *(message.key.id for message in self.sent)}

    def message(self, chat: Jid, message_id: str) -> IncomingMessage | None:
        """The message of a chat by its id, whole or WhatsApp's part of it."""
        raw = MessageKey.parse(message_id).id if "_" in message_id else message_id
        return next((one for one in self.history if one.key.id == raw and one.chat == chat), None)

    def limit(self, limits: AccountLimits) -> None:
        """WhatsApp limits the account, or no longer."""
        self.limits = limits
        self.notify(Signal.LIMITS)

    def rotate_code(self) -> None:
        """Let the pairing code expire."""
        self.notify(Signal.CODE)

    def log_out(self, *, on_request: bool = False) -> None:
        """End the login on the phone."""
        self.paired = False
        self.notify(Signal.LOGGED_OUT_ON_REQUEST if on_request else Signal.LOGGED_OUT)

    def link(self, *, up: bool) -> None:
        """Take WhatsApp's connection down, or up again: then pending messages are delivered."""
        self.link_up = up
        if up and self.send_mode is not SendMode.PENDING:
            self.release()
        self.notify(Signal.LINK_UP if up else Signal.LINK_DOWN)

    def crash(self) -> None:
        """The page crashes; live items that were not taken are lost."""
        self.notify(Signal.PAGE_LOST)

    def site(self, *, reachable: bool) -> None:
        """Set whether the site can be loaded; an unreachable site also loses the page."""
        self.reachable = reachable
        self.notify(Signal.REACHABLE if reachable else Signal.UNREACHABLE)

    def incoming(self, chat: str, body: str, *, author: str | None = None, **fields: Any) -> IncomingMessage:
        """A contact sends a message; `fields` are further fields of `IncomingMessage` and its content."""
        return self._arrive(False, Jid.parse(chat), body, Jid.parse(author) if author else None, fields)

    def own(self, chat: str, body: str, **fields: Any) -> IncomingMessage:
        """The owner sends a message from the phone."""
        jid = Jid.parse(chat)
        return self._arrive(True, jid, body, ACCOUNT_LID if jid.is_group else None, fields)

    def event(self, event: IncomingEvent) -> None:
        """An event that is not a message."""
        self._announce(event)

    def acknowledge(self, raw_id: str, level: int) -> None:
        """An ack, or an error if `level` is negative."""
        known = self.ack_of.get(raw_id, 0)
        self.ack_of[raw_id] = level if level < 0 else max(known, level)
        keys = [sent.key for sent in (*self.sent, *self.pending) if sent.key.id == raw_id]
        keys += [message.key for message in self.history if message.key.id == raw_id and message.key.from_me]
        if keys:
            self._announce(AckChange((keys[0],), level))

    def act(self, chat: Jid, act: Act) -> str:
        """The driver acts on a message; returns the message's id."""
        message = self.message(chat, act.message_id or "")
        if message is None:
            raise MessageNotFound
        if isinstance(act, Edit | Revoke) and not message.key.from_me:
            raise NotAllowed
        if isinstance(act, Edit) and self.now() - message.timestamp > EDITABLE:
            raise Refused("WhatsApp lets a message be edited for 15 minutes, and this one is older. Send a new one.")
        if self.send_mode is SendMode.UNAVAILABLE:
            raise DriverUnavailable("The page is loading.")
        if self.send_mode is SendMode.REFUSED:
            raise Refused
        if self.send_mode is not SendMode.CALL_LOST:
            self.acts.append((message.key.id, act))
        if self.send_mode in (SendMode.CALL_LOST, SendMode.ANSWER_LOST):
            raise CallInDoubt("The page gave no answer to act.")
        return message.id

    def check(self, to: Jid) -> dict[str, Any]:
        """Look a number up."""
        self.looked_up.append(to)
        if to in self.failing:
            return {"exists": None, "chat": None, "code": "internal"}
        exists = to not in self.missing
        return {"exists": exists, "chat": str(self.lids.get(to, to)) if exists else None}

    @property
    def changes(self) -> list[Request]:
        """The requests that changed something, in order."""
        return [request for request in self.requests if request.changes]

    async def answer(self, request: Request) -> Any:
        """The data of a request, or the error that the script gives instead."""
        if isinstance(request, Typing):
            self.show_typing(request.addresses["to"], request.seconds)
            return None
        if isinstance(request, CheckContacts):
            await asyncio.sleep(self.delay)
            return [self.check(Jid.parse(to)) for to in request.contacts]
        answer = self.answers.get(request.action)
        if isinstance(answer, CodedError):
            raise answer
        if request.changes:
            await self.change(request)
        else:
            self.requests.append(request)
        return answer

    async def change(self, request: Request) -> None:
        """The driver carries out a request that changes something."""
        if self.delay:
            await asyncio.sleep(self.delay)
        match self.send_mode:
            case SendMode.UNAVAILABLE:
                raise DriverUnavailable("The page is loading.")
            case SendMode.REFUSED:
                raise Refused
        if self.send_mode is not SendMode.CALL_LOST:
            self.requests.append(request)
        if self.send_mode in (SendMode.CALL_LOST, SendMode.ANSWER_LOST):
            await asyncio.sleep(self.call_limit)
            doubt = CallInDoubt(f"The page gave no answer to {request.action} within {self.call_limit:g} s.")
            doubt.known = self.answers.get(request.action)
            raise doubt

    async def give_id(self, reserved: MessageKey) -> MessageKey:
        """Give the message that is sent under a reserved key another one; returns it once the session has stored it."""
        given = IdGiven(reserved, replace(reserved, id=self.new_id()))
        self._announce(given)
        while given in self.live:  # noqa: ASYNC110 - the list is the script's to change
            await asyncio.sleep(0)
        return given.key

    def deliver(self, message: SentMessage) -> None:
        """The message reaches the service: stored once, counted each time."""
        for earlier in self.sent:
            if earlier.key.id == message.key.id:
                earlier.times += 1
                return
        self.sent.append(message)
        participant = ACCOUNT_LID if message.key.remote.is_group else None
        content = message.content
        fields: dict[str, Any] = {"key": message.key, "type": TYPES.get(content.kind, "chat")}
        body = content.summary if fields["type"] == "chat" else ""
        self._arrive(True, message.key.remote, body, participant, fields)
        for level in self.acks:
            self.acknowledge(message.key.id, level)

    def show_typing(self, to: Jid, seconds: float) -> None:
        """Show the account's typing indicator in a chat that exists, for so long."""
        chat = self.lids.get(to, to)
        self.typing.discard(chat)
        if seconds and chat in self.chats:
            self.typing.add(chat)
            asyncio.get_running_loop().call_later(seconds, self.typing.discard, chat)

    def release(self) -> None:
        """Deliver the pending messages, except stopped ones."""
        released = [message for message in self.pending if message.key.id not in self.stopped]
        self.pending = [message for message in self.pending if message.key.id in self.stopped]
        for message in released:
            self.deliver(message)

    def stop(self, raw_id: str, *, announce: bool = False) -> None:
        """The page will not send a pending message by itself any more, as after a load."""
        self.stopped.add(raw_id)
        if announce:
            self._announce(SendStopped(next(sent.key for sent in self.pending if sent.key.id == raw_id)))

    def resend(self, key: MessageKey) -> int:
        """Send a stopped message once more; the service drops a repetition by its id."""
        self.stopped.discard(key.id)
        for message in [sent for sent in self.pending if sent.key.id == key.id]:
            self.pending.remove(message)
            self.deliver(message)
        return self.ack_of.get(key.id, 0)

    def _arrive(
        self, from_me: bool, chat: Jid, body: str, author: Jid | None, fields: dict[str, Any]
    ) -> IncomingMessage:
        key = fields.pop("key", None) or MessageKey(from_me, chat, self.new_id(), author)
        message = IncomingMessage(
            id=str(key),
            key=key,
            chat=chat,
            type="chat",
            timestamp=self.now(),
            # not validated: a script may pass what fits no contract
            content=EMPTY.model_copy(
                update={"body": body, **{name: fields.pop(name) for name in CONTENT & fields.keys()}}
            ),
            author=author,
            history=not self.paired,
        )
        message = replace(message, **fields)
        self.chats.add(chat)
        self.history.append(message)
        self._announce(message)
        return message

    def _announce(self, item: Item) -> None:
        """Live items exist only in a logged-in page; otherwise the history keeps the message."""
        if self.paired and self.listener is not None:
            self.live.append(item)
            self.notify(Signal.ITEMS)
