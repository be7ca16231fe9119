"""The service and the phone as a state machine: messages, acks, the link, in the order in which they happen.

Pure: no socket, no file; time and ids come from outside. What happened is told through `listeners`, synchronously.
It refuses to know what a page is: pages talk to it through `database.py` and `page_socket.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bridge.contract.jid import Jid, MessageKey

from .cast import Cast, Unknown, seed
from .changes import AckRaised, Change, LinkChanged, MessageArrived, SendRefused, Tell, Touched
from .linking import Linking
from .records import (
    ACCOUNT,
    ACCOUNT_LID,
    Chat,
    Device,
    Due,
    Message,
    Origin,
    Quote,
    SendMode,
    Sent,
    Settings,
    State,
)


class World:
    """One account with its phone, its people and its linked devices."""

    def __init__(self, now: Callable[[], float], new_id: Callable[[], str], state: State | None = None) -> None:
        self.state = state if state is not None else State()
        self.listeners: list[Tell] = []
        self._now = now
        self._new_id = new_id
        self.cast = Cast(self.state, now, self.tell)
        self.linking = Linking(self.state, now, new_id, self.tell)
        self._by_id = {m.id: m.position for m in self.state.messages}
        self._by_chat: dict[str, list[int]] = {}
        for message in self.state.messages:
            self._by_chat.setdefault(message.chat, []).append(message.position)
        if state is None:
            seed(self.cast)

    def tell(self, change: Change) -> None:
        """Tell the listeners what happened."""
        for listener in self.listeners:
            listener(change)

    def now(self) -> float:
        """The service's clock, unix seconds."""
        return self._now()

    def positions(self, chat: str) -> list[int]:
        """Where the chat's messages stand, oldest first."""
        return self._by_chat.get(chat, [])

    def message(self, message_id: str) -> Message | None:
        """By raw id or by serialized key."""
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
    ) -> Message:
        """The other side writes. In a group `author` says who; `t` is in unix seconds.

        Raises `Unknown`, or `ValueError` if the author does not fit the chat.
        """
        room = self.cast.open_chat(chat)
        if room.is_group and author not in room.participants:
            raise ValueError(f"In {room.id} the author must be one of {', '.join(room.participants)}.")
        if author is not None and not room.is_group:
            raise ValueError("Only a message in a group has an author.")
        return self._add(
            Message(
                position=len(self.state.messages),
                id=message_id or f"3A{self._new_id()}",
                chat=room.id,
                from_me=False,
                author=author,
                body=body,
                type=kind,
                t=int(self._now()) if t is None else t,
                notify_name=self.cast.name(author or room.id),
                origin=Origin.PEER,
                quoted=self._quote(quoted),
                fields=fields or {},
            )
        )

    def own(self, chat: str, body: str, *, t: int | None = None, quoted: str | None = None) -> Message:
        """The account's owner writes on the phone. Raises `Unknown`."""
        room = self.cast.open_chat(chat)
        message = self._add(
            Message(
                position=len(self.state.messages),
                id=f"3A{self._new_id()}",
                chat=room.id,
                from_me=True,
                author=ACCOUNT_LID if room.is_group else None,
                body=body,
                t=int(self._now()) if t is None else t,
                origin=Origin.PHONE,
                quoted=self._quote(quoted),
            )
        )
        self.cast.read(room, message.position + 1)
        self._schedule(message, server=False)
        return message

    def transmit(self, device: Device, record: dict[str, Any]) -> None:
        """A linked device hands a message to the service. Same id again: answered again, delivered once."""
        mode = self.state.settings.send_mode
        if not self.state.link_up or mode is SendMode.HOLD:
            return
        key = MessageKey.parse(str(record["id"]))
        if mode is SendMode.REFUSE:
            self.tell(SendRefused(device, str(key)))
            return
        room = self.cast.open_chat(str(key.remote))
        sent = self.state.sent.setdefault(
            key.id,
            Sent(id=key.id, key=str(key), chat=room.id, body=str(record.get("body", "")), device=device.id),
        )
        sent.transmissions += 1
        message = self.message(key.id)
        if message is None:
            sent.deliveries += 1
            message = self._add(
                Message(
                    position=len(self.state.messages),
                    id=key.id,
                    chat=room.id,
                    from_me=True,
                    author=str(key.participant) if key.participant else None,
                    body=str(record.get("body", "")),
                    type=str(record.get("type", "chat")),
                    t=int(self._now()),
                    ack=0,
                    origin=Origin.DEVICE,
                    device=device.id,
                    answered=mode is not SendMode.LOSE_ANSWER,
                    quoted=self._quote(record.get("quotedStanzaID")),
                )
            )
            self.cast.read(room, message.position + 1)
            self._schedule(message, server=True)
        elif mode is SendMode.NORMAL and message.ack >= 1:
            message.answered = True
            self.tell(AckRaised(message, 1, None))
        elif mode is SendMode.NORMAL:
            message.answered = True

    def acknowledge(self, message_id: str, ack: int, participant: str | None = None) -> None:
        """An ack for an own message: 1 by the server, 2 to 4 by a recipient (every one, unless one is named).

        Raises `Unknown`; `ValueError` if the message is not an own one or nobody of that name received it.
        """
        message = self.message(message_id)
        if message is None:
            raise Unknown(f"There is no message {message_id}.")
        if not message.from_me:
            raise ValueError(f"{message_id} is not an own message.")
        if ack < 2:
            if message.ack < ack:
                message.ack = ack
                self.tell(AckRaised(message, ack, None))
            return
        recipients = self._recipients(message.chat)
        if participant is not None and participant not in recipients:
            raise ValueError(f"{participant} is not a recipient of {message_id}.")
        for person in recipients if participant is None else [participant]:
            if message.receipts.get(person, 0) >= ack:
                continue
            message.receipts[person] = ack
            message.ack = max(message.ack, min(message.receipts.get(p, 0) for p in recipients))
            self.tell(AckRaised(message, ack, person))

    def see(self, chat: str) -> None:
        """The account has read the chat."""
        room = self.cast.chat(chat)
        if room is not None:
            self.cast.read(room, len(self.state.messages))

    def set_link(self, *, up: bool) -> None:
        """Take the linked devices' connection down, or put it up again."""
        if up != self.state.link_up:
            self.state.link_up = up
            self.tell(LinkChanged(up))

    def configure(self, settings: Settings) -> None:
        """Behave differently from now on."""
        self.state.settings = settings
        self.tell(Touched())

    def next_due(self) -> float | None:
        """When `advance` has something to do; unix seconds."""
        times = [due.at for due in self.state.due]
        times += [slot.rotates_at for slot in self.linking.slots.values()]
        return min(times, default=None)

    def advance(self) -> None:
        """Let happen what is due: acks that come by themselves, codes that rotate."""
        now = self._now()
        for due in [d for d in self.state.due if d.at <= now]:
            self.state.due.remove(due)
            self.acknowledge(due.key, due.ack, due.participant)
        for slot in [s for s in self.linking.slots.values() if s.rotates_at <= now]:
            self.linking.rotate(slot)

    def _add(self, message: Message) -> Message:
        if message.id in self._by_id:
            raise ValueError(f"There is a message {message.id} already.")
        self.state.messages.append(message)
        self._by_id[message.id] = message.position
        self._by_chat.setdefault(message.chat, []).append(message.position)
        self.tell(MessageArrived(message))
        return message

    def _schedule(self, message: Message, *, server: bool) -> None:
        policy = self.state.settings.receipts
        steps = [(policy.server_ms, 1)] if server else []
        steps += [(policy.device_ms, 2), (policy.read_ms, 3)]
        now = self._now()
        for delay, ack in steps:
            if delay is not None:
                self.state.due.append(Due(at=now + delay / 1000, key=message.key, ack=ack))
        self.tell(Touched())

    def _recipients(self, chat: str) -> list[str]:
        room: Chat = self.state.chats[chat]
        return room.participants if room.is_group else [room.id]

    def _quote(self, message_id: str | None) -> Quote | None:
        if message_id is None:
            return None
        message = self.message(message_id)
        if message is None:
            raise Unknown(f"There is no message {message_id}.")
        lid = message.author is not None or Jid.parse(message.chat).is_lid
        me = ACCOUNT_LID if lid else ACCOUNT
        who = me if message.from_me else (message.author or message.chat)
        return Quote(id=message.id, participant=who, type=message.type, body=message.body)
