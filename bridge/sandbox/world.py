"""The service and the phone as a state machine: messages, acks, the link.

Pure: no socket, no file; time and ids are parameters. `listeners` are called synchronously with each change. It does
not know pages: those access it through `database.py` and `page_socket.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bridge.contract.jid import Jid, MessageKey
from bridge.sandbox.account import AccountActs
from bridge.sandbox.acts import MessageActs
from bridge.sandbox.changes import AckRaised, Change, LinkChanged, Listener, MessageArrived, SendRefused, Touched
from bridge.sandbox.contacts import ContactDirectory, EntryNotFound, seed
from bridge.sandbox.faults import SandboxFaults
from bridge.sandbox.groups import NOT_ALLOWED, SandboxGroups
from bridge.sandbox.history import PhoneHistory
from bridge.sandbox.linked_devices import Linking
from bridge.sandbox.media import sha256_of
from bridge.sandbox.receipts import Receipts
from bridge.sandbox.received_media import ReceivedFiles
from bridge.sandbox.records import (
    ACCOUNT,
    ACCOUNT_LID,
    Device,
    DownloadMode,
    MessageOrigin,
    Quote,
    SandboxSettings,
    ServiceMessage,
    State,
    Transmission,
    TransmissionMode,
)

#: The device gets no answer of the service.
_UNANSWERED = frozenset({TransmissionMode.LOSE_ANSWER, TransmissionMode.BREAK})
#: The group's addressing changed meanwhile: the service accepts the repetition.
STALE_ADDRESSING = 421


class World:
    """One account with its phone, contacts and linked devices."""

    def __init__(self, now: Callable[[], float], new_id: Callable[[], str], state: State | None = None) -> None:
        self.state = state if state is not None else State()
        self.listeners: list[Listener] = []
        self._now = now
        self._new_id = new_id
        self.directory = ContactDirectory(self.state, now, self.notify)
        self.receipts = Receipts(self.state, now, self.notify)
        self.linking = Linking(self.state, now, new_id, self.notify)
        self.history = PhoneHistory(self.state, now, self.positions, self.notify)
        self.faults = SandboxFaults(self)
        self.acts = MessageActs(self, new_id)
        self.account = AccountActs(self, new_id)
        self.groups = SandboxGroups(self, new_id)
        #: Linked devices whose page says that a person looks at it.
        self.available: set[str] = set()
        #: Chats in which the contact sees that the account is writing.
        self.typing: set[str] = set()
        self._stale: set[str] = set()  # message ids that were refused with 421
        self._by_id = {m.id: m.position for m in self.state.messages}
        self._by_chat: dict[str, list[int]] = {}
        for message in self.state.messages:
            self._by_chat.setdefault(message.chat, []).append(message.position)
        if state is None:
            seed(self.directory)

    def notify(self, change: Change) -> None:
        for listener in self.listeners:
            listener(change)

    def now(self) -> float:
        """The service's time, unix seconds."""
        return self._now()

    @property
    def online(self) -> bool:
        """Whether linked devices reach the service: the network is up and they are not blocked."""
        return self.state.link_up and self.state.trouble is None

    @property
    def shown_online(self) -> bool:
        """Whether contacts see the account as online. Its phone then does not ring."""
        return bool(self.available)

    def positions(self, chat: str) -> list[int]:
        """The positions of the chat's messages, oldest first."""
        return self._by_chat.get(chat, [])

    def message(self, message_id: str) -> ServiceMessage | None:
        """The message with this raw id or serialized key."""
        if "_" in message_id:
            message_id = MessageKey.parse(message_id).id
        position = self._by_id.get(message_id)
        return None if position is None else self.state.messages[position]

    def incoming(
        self,
        chat: str,
        body: str,
        *,
        author: str | None = None,
        kind: str = "chat",
        t: int | None = None,
        quoted: str | None = None,
        fields: dict[str, Any] | None = None,
        message_id: str | None = None,
    ) -> ServiceMessage:
        """An incoming message from a contact. `author` is required in a group; `t` is in unix seconds.

        Raises `EntryNotFound`, or `ValueError` if the author does not fit the chat.
        """
        conversation = self.directory.open_chat(chat)
        if conversation.is_group and author not in conversation.participants:
            raise ValueError(f"In {conversation.id} the author must be one of {', '.join(conversation.participants)}.")
        if author is not None and not conversation.is_group:
            raise ValueError("Only a message in a group has an author.")
        return self.append(
            ServiceMessage(
                position=len(self.state.messages),
                id=message_id or f"3A{self._new_id()}",
                chat=conversation.id,
                from_me=False,
                author=author,
                body=body,
                type=kind,
                t=int(self._now()) if t is None else t,
                notify_name=self.directory.name(author or conversation.id),
                origin=MessageOrigin.PEER,
                quoted=self._quote(quoted),
                fields=fields or {},
            )
        )

    def own(
        self,
        chat: str,
        body: str,
        *,
        kind: str = "chat",
        t: int | None = None,
        quoted: str | None = None,
        fields: dict[str, Any] | None = None,
    ) -> ServiceMessage:
        """A message that the owner writes on the phone. Raises `EntryNotFound`."""
        conversation = self.directory.open_chat(chat)
        message = self.append(
            ServiceMessage(
                position=len(self.state.messages),
                id=f"3A{self._new_id()}",
                chat=conversation.id,
                from_me=True,
                author=ACCOUNT_LID if conversation.is_group else None,
                body=body,
                type=kind,
                t=int(self._now()) if t is None else t,
                origin=MessageOrigin.PHONE,
                quoted=self._quote(quoted),
                fields=fields or {},
            )
        )
        self.directory.read(conversation, message.position + 1)
        self.receipts.schedule(message, server=False)
        return message

    def transmit(self, device: Device, record: dict[str, Any]) -> None:
        """A linked device sends a message to the service. A repeated id is answered again but delivered once."""
        mode = self.state.settings.send_mode
        if not self.online or mode is TransmissionMode.HOLD:
            return
        key = MessageKey.parse(str(record["id"]))
        if mode is TransmissionMode.FAIL:
            self.notify(SendRefused(device, str(key), "ERROR_NETWORK"))
            return
        if mode is TransmissionMode.REFUSE and key.id not in self._stale:
            code = self.state.settings.refusal_code
            if code == STALE_ADDRESSING:
                self._stale.add(key.id)
            self.notify(SendRefused(device, str(key), "ERROR_UNKNOWN", code))
            return
        conversation = self.directory.open_chat(str(key.remote))
        if not self.groups.may_write(conversation):
            self.notify(SendRefused(device, str(key), "ERROR_UNKNOWN", NOT_ALLOWED))
            return
        sent = self.state.sent.setdefault(
            key.id,
            Transmission(
                id=key.id,
                key=str(key),
                chat=conversation.id,
                body=str(record.get("body", "")),
                device=device.id,
                caption=record.get("caption"),
                mimetype=record.get("mimetype"),
                filename=record.get("filename"),
                sha256=sha256_of(record.get("directPath")),
            ),
        )
        sent.transmissions += 1
        message = self.message(key.id)
        if message is None:
            sent.deliveries += 1
            message = self.append(
                ServiceMessage(
                    position=len(self.state.messages),
                    id=key.id,
                    chat=conversation.id,
                    from_me=True,
                    author=str(key.participant) if key.participant else None,
                    body=str(record.get("body", "")),
                    type=str(record.get("type", "chat")),
                    t=int(self._now()),
                    ack=0,
                    origin=MessageOrigin.DEVICE,
                    device=device.id,
                    answered=mode not in _UNANSWERED,
                    quoted=self._quote(record.get("quotedStanzaID")),
                    fields=_own_fields(record),
                )
            )
            self.receipts.schedule(message, server=True)
        elif mode not in _UNANSWERED:
            message.answered = True
            if message.ack >= 1:
                self.notify(AckRaised(message, 1, None))
        if mode is TransmissionMode.BREAK:
            self.notify(SendRefused(device, str(key), "ERROR_UNKNOWN"))

    def acknowledge(self, message_id: str, ack: int, participant: str | None = None) -> None:
        """Raise the ack of an own message; see `Receipts.give`. Raises `EntryNotFound`."""
        message = self.message(message_id)
        if message is None:
            raise EntryNotFound(f"There is no message {message_id}.")
        self.receipts.give(message, ack, participant)

    def set_available(self, device: str, *, available: bool) -> None:
        """A linked device says whether a person looks at its page."""
        if available is not (device in self.available):
            (self.available.add if available else self.available.discard)(device)
            if not self.available:
                self.typing.clear()
            self.notify(Touched())

    def compose(self, device: str, chat: str, *, typing: bool) -> None:
        """A linked device starts or stops the typing indicator of a chat. It is shown of an available one only."""
        conversation = self.directory.chat(chat)
        typing = typing and device in self.available
        if conversation is not None and typing is not (conversation.id in self.typing):
            (self.typing.add if typing else self.typing.discard)(conversation.id)
            self.notify(Touched())

    def mark_seen(self, chat: str) -> None:
        conversation = self.directory.chat(chat)
        if conversation is not None:
            self.directory.read(conversation, len(self.state.messages))

    def set_link(self, *, up: bool) -> None:
        """Take the linked devices' connection down or up."""
        if up != self.state.link_up:
            self.state.link_up = up
            self.notify(LinkChanged(up))

    def configure(self, settings: SandboxSettings) -> None:
        self.state.settings = settings
        self.notify(Touched())

    def retry_media(self, key: str) -> dict[str, str | None] | None:
        """A page asks the phone for an expired file; returns the phone's answer, None if it is off."""
        message = self.message(key)
        if not self.state.settings.phone_on or message is None:
            return None
        gone = self.state.settings.downloads is DownloadMode.GONE
        return {"directPath": None if gone else ReceivedFiles.again(message.fields)}

    def next_due(self) -> float | None:
        """When `advance` has something to do; unix seconds."""
        times = (self.receipts.next_due(), self.linking.next_due(), self.history.next_due())
        return min((at for at in times if at is not None), default=None)

    def advance(self) -> None:
        """Apply what is due: scheduled acks, rotating QR codes."""
        for due in self.receipts.take_due():
            self.acknowledge(due.key, due.ack, due.participant)
        self.linking.advance()
        self.history.advance()

    def move_messages(self, before: str, after: str) -> None:
        """Index a chat's messages under its new address."""
        self._by_chat[after] = self._by_chat.pop(before, [])

    def give_id(self, message: ServiceMessage, message_id: str) -> None:
        """Give a message another raw id."""
        del self._by_id[message.id]
        message.id = message_id
        self._by_id[message_id] = message.position

    def append(self, message: ServiceMessage) -> ServiceMessage:
        """Take in a message of any kind."""
        if message.id in self._by_id:
            raise ValueError(f"There is a message {message.id} already.")
        self.state.messages.append(message)
        self._by_id[message.id] = message.position
        self._by_chat.setdefault(message.chat, []).append(message.position)
        if message.from_me:
            self.typing.discard(message.chat)
        self.notify(MessageArrived(message))
        return message

    def _quote(self, message_id: str | None) -> Quote | None:
        if message_id is None:
            return None
        message = self.message(message_id)
        if message is None:
            raise EntryNotFound(f"There is no message {message_id}.")
        lid = message.author is not None or Jid.parse(message.chat).is_lid
        me = ACCOUNT_LID if lid else ACCOUNT
        who = me if message.from_me else (message.author or message.chat)
        return Quote(id=message.id, participant=who, type=message.type, body=message.body)


#: Fields of a record that the service keeps for every message, or that only the sending page needs.
_COMMON = frozenset(
    {"id", "type", "body", "t", "from", "to", "author", "ack", "self", "local", "isNewMsg", "isMdHistoryMsg"}
    | {"notifyName", "quotedStanzaID", "quotedParticipant", "quotedMsg"}
    | {"isSendFailure", "ackErrorCode", "errorCode"}
)
_OF_TEXTS = frozenset({"mentionedJidList", "subtype", "title", "canonicalUrl", "matchedText"}) | {
    "isForwarded",
    "forwardingScore",
}


def _own_fields(record: dict[str, Any]) -> dict[str, Any]:
    """What a message has beside the common fields."""
    text = record.get("type", "chat") == "chat"
    return {
        name: value
        for name, value in record.items()
        if (name in _OF_TEXTS if text else name not in _COMMON) and value is not None
    }
