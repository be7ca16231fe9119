"""A linked device's local database, with records in the form of the page's models.

Pure. The real site keeps it in IndexedDB; the sandbox keeps it beside the service, so that a killed browser loses
nothing that the real one would keep.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bridge.contract.jid import Jid, MessageKey
from bridge.sandbox.changes import Act, Reacted, Voted
from bridge.sandbox.records import ACCOUNT, ACCOUNT_LID, Chat, Contact, Device, ServiceMessage, is_own_chat
from bridge.sandbox.world import World

Record = dict[str, Any]
#: The service's refusal of a new chat beyond the account's monthly number.
NEW_CHAT_CAP = 475


class DeviceDatabase:
    def __init__(self, world: World, device: Device) -> None:
        self.device = device
        #: Whether the service has yet to deliver what was done to messages while the page was closed.
        self.acts_wait = False
        #: The votes and reactions of it: (id of the message, who).
        self._withheld: frozenset[tuple[str, str]] = frozenset()
        self._world = world

    def catch_up(self) -> list[ServiceMessage]:
        """Store the messages that the device is missing; returns those not sent by it, oldest first."""
        messages = self._world.state.messages
        fresh = messages[self.device.delivered :]
        self.device.delivered = len(messages)
        for message in fresh:
            if message.from_me and message.device != self.device.id:
                self.device.acks[message.key] = message.ack
        return [m for m in fresh if m.device != self.device.id]

    def take_acts(self, *, later: bool = False) -> list[Act]:
        """Store what was done to messages since the last call; returns it. `later`: leave it with the service."""
        self.acts_wait, self._withheld = later, frozenset()
        if not later:
            return self._world.acts.take_new(self.device.id)
        missed = self._world.acts.missed(self.device.id)
        votes = {(act.message.id, act.voter) for act in missed if isinstance(act, Voted)}
        self._withheld = frozenset(votes | {(act.message.id, act.author) for act in missed if isinstance(act, Reacted)})
        return []

    def take_ack(self, message: ServiceMessage, ack: int) -> None:
        """Store an ack that the device received; the first one removes the message from the pending ones."""
        known = self.device.acks.get(message.key, 0)
        if ack == 1 and is_own_chat(message.chat):
            ack = 3
        self.device.acks[message.key] = max(known, ack) if ack >= 0 else ack
        self.device.pending.pop(message.key, None)

    def missed_acks(self) -> list[tuple[ServiceMessage, int, str | None]]:
        """The acks that the service has and the device has not received: (message, ack, participant)."""
        missed: list[tuple[ServiceMessage, int, str | None]] = []
        for message in self._world.state.messages[: self.device.delivered]:
            known = self.device.acks.get(message.key, 0)
            if not message.from_me or message.ack <= known:
                continue
            if known < 1 <= message.ack and message.answered:
                missed.append((message, 1, None))
            missed += [(message, ack, who) for who, ack in message.receipts.items() if ack > max(known, 1)]
        return missed

    def write(self, record: Record) -> None:
        """Store an own message as pending until the service confirms it."""
        key = str(record["id"])
        if key not in self.device.acks:
            self.device.pending[key] = {**record, "ack": min(0, int(record.get("ack", 0))), "isNewMsg": False}

    def fail(self, key: str, code: int | None) -> Record:
        """Store that a pending message was refused (`code`) or could not be sent; returns what the page learns."""
        failure: Record = {"ack": 0 if code is None else -1, "isSendFailure": True}
        if code is not None and self._world.state.settings.ack_error_codes:
            failure["ackErrorCode"] = code
        if code == NEW_CHAT_CAP:
            failure["errorCode"] = "UserReachedMaxMonthlyLimitForNewMessages"
        if key in self.device.pending:
            self.device.pending[key] |= failure
        return failure

    def chat(self, chat: Chat) -> Record:
        """A chat in the form of the page's model."""
        positions = self._positions(chat.id)
        waiting = [r for r in self.device.pending.values() if self._chat_of(r) == chat.id]
        last = self._world.state.messages[positions[-1]] if positions else None
        unread = [p for p in positions if p >= chat.read_to and self._world.state.messages[p].counts]
        return {
            "id": chat.id,
            "name": chat.name,
            "t": waiting[-1]["t"] if waiting else last.t if last else None,
            "unreadCount": len(unread) or (-1 if chat.marked_unread else 0),
            "archive": chat.archived,
            "pin": chat.pinned_ms,
            "muteExpiration": chat.muted_until,
            "labels": chat.labels,
            "lastReceivedKey": waiting[-1]["id"] if waiting else last.key if last else None,
            "group": self._group(chat),
        }

    def _group(self, chat: Chat) -> Record | None:
        """What the page knows of a group."""
        if chat.group is None:
            return None
        known = chat.group.model_dump(exclude={"invite", "requests"})
        members = [*chat.participants, *([ACCOUNT_LID] if chat.group.member else [])]
        children = [one.id for one in self._world.state.chats.values() if one.group and one.group.parent == chat.id]
        return {**known, "participants": members, "children": children, "created": chat.created}

    def chats(self) -> list[Record]:
        """All chats, newest first."""
        return sorted(map(self.chat, self._world.state.chats.values()), key=lambda c: -int(c["t"] or 0))

    def contents(self, preview: int) -> Record:
        """A page's memory after a load: all chats, with the newest messages of each.

        A page does not send what an earlier page left unanswered: it marks it as failed.
        """
        for record in self.device.pending.values():
            record["isSendFailure"] = True
        chats = self.chats()
        for chat in chats:
            chat["msgs"] = self.newest(chat["id"], preview)
        return {"device": self.device.id, "chats": chats, "contacts": self.contacts(), **self.profile()}

    def profile(self) -> Record:
        """The account's own profile and labels."""
        state = self._world.state
        business = state.settings.business
        labels = state.labels if business else {}
        return {"profile": {**state.profile.model_dump(), "business": business}, "labels": labels}

    def newest(self, chat: str, count: int) -> list[Record]:
        """The newest messages of a chat, oldest first, including pending ones."""
        return self._all(chat)[-count:]

    def find(self, anchor: str, count: int | None, *, before: bool) -> list[Record] | None:
        """Up to `count` messages before or after a message, oldest first; None if the anchor is missing."""
        records = self._all(str(MessageKey.parse(anchor).remote))
        index = next((n for n, r in enumerate(records) if r["id"] == anchor), None)
        if index is None:
            return None
        found = records[:index] if before else records[index + 1 :]
        if count is None:
            return found
        return (found[-count:] if before else found[:count]) if count > 0 else []

    def get(self, key: str) -> Record | None:
        """One message by its serialized key."""
        if key in self.device.pending:
            return self.device.pending[key]
        message = self._world.message(key)
        if message is None or message.key != key or not self.device.has(message.chat, message.position):
            return None
        return self.record(message)

    def around(self, key: str) -> list[Record]:
        """The result of a search for a message; empty if this device does not have it."""
        found = self.get(str(MessageKey.parse(key)))
        return [found] if found else []

    def reactions(self, key: str | None) -> list[Record]:
        """The rows of the reactions to a message (None: to all); an empty one was taken back."""
        return [
            reaction_record(message, author)
            for message in self._one_or_all(key)
            for author in message.reactions
            if (message.id, author) not in self._withheld
        ]

    def votes(self, key: str | None) -> list[Record]:
        """The rows of the votes in a poll (None: in all)."""
        return [
            vote_record(message, voter)
            for message in self._one_or_all(key)
            for voter in message.votes
            if (message.id, voter) not in self._withheld
        ]

    def indexed(self, field: str, above: str) -> list[Record]:
        """The messages whose key in this field, which has an index, is above a text."""
        acted = [one for one in self._one_or_all(None) if one.edited or one.revoked]
        return [found for message in acted if (found := self.record(message)).get(field, "") > above]

    def _one_or_all(self, key: str | None) -> list[ServiceMessage]:
        if key is None:
            return [one for one in self._world.state.messages if self.device.has(one.chat, one.position)]
        message = self._world.message(key)
        return [message] if message else []

    def record(self, message: ServiceMessage, *, fresh: bool = False) -> Record:
        """A stored message in the form of the page's model: without `notifyName`, which is not stored."""
        group = Jid.parse(message.chat).is_group
        lid = group or Jid.parse(message.chat).is_lid
        me = ACCOUNT_LID if lid else ACCOUNT
        record: Record = {
            "id": message.key,
            "type": message.type,
            "body": message.body,
            "t": message.t,
            "from": me if message.from_me else message.chat,
            "to": message.chat if message.from_me else me,
            "self": "out" if message.from_me else "in",
            "ack": self.device.acks.get(message.key, 0) if message.from_me else 1,
            "isNewMsg": fresh,
            "isMdHistoryMsg": message.position < self.device.history_to,
            **message.fields,
        }
        record |= _acts_on(message)
        if message.author:
            record["author"] = message.author
        if message.quoted:
            record["quotedStanzaID"] = message.quoted.id
            record["quotedParticipant"] = message.quoted.participant
            record["quotedMsg"] = {"type": message.quoted.type, "body": message.quoted.body}
        return record

    def contacts(self) -> list[Record]:
        """The address book, and the addresses of the people with a chat."""
        state = self._world.state
        return [
            contact_record(c) for c in state.contacts if c.saved or not state.chats.keys().isdisjoint((c.pn, c.lid))
        ]

    def _positions(self, chat: str) -> list[int]:
        return [p for p in self._world.positions(chat) if self.device.has(chat, p)]

    def _chat_of(self, record: Record) -> str:
        return str(MessageKey.parse(str(record["id"])).remote)

    def _all(self, chat: str) -> list[Record]:
        messages = [self._world.state.messages[p] for p in self._positions(chat)]
        waiting = self.device.pending
        stored = [self.record(m) for m in messages if m.key not in waiting]
        return stored + [r for r in waiting.values() if self._chat_of(r) == chat]


def _acts_on(message: ServiceMessage) -> Record:
    """What a record says about what was done to the message. Reactions and votes are in tables of their own."""
    found: Record = {}
    if any(reaction.emoji for reaction in message.reactions.values()):
        found["hasReaction"] = True
    if message.edited:
        found["latestEditMsgKey"] = str(replace(MessageKey.parse(message.key), id=message.edited.id))
        found["latestEditSenderTimestampMs"] = message.edited.t * 1000
    if message.revoked:
        found["protocolMessageKey"] = message.revoked.original
        found["revokeSender"] = message.revoked.by
        found["subtype"] = "admin_revoke" if message.revoked.by_admin else "sender_revoke"
    return found


def reaction_record(message: ServiceMessage, author: str) -> Record:
    """One reaction, as the page's table has it."""
    reaction, me = message.reactions[author], author in (ACCOUNT, ACCOUNT_LID)
    chat = Jid.parse(message.chat)
    key = MessageKey(me, chat, reaction.id, Jid.parse(author) if chat.is_group else None)
    return {
        "msgKey": str(key),
        "parentMsgKey": message.key,
        "reactionText": reaction.emoji,
        "senderUserJid": author,
        "timestamp": reaction.t,
        "read": False,
        "orphan": 0,
    }


def vote_record(message: ServiceMessage, voter: str) -> Record:
    """One vote, as the page's table has it."""
    vote = message.votes[voter]
    return {
        "parentMsgKey": message.key,
        "sender": voter,
        "senderTimestampMs": vote.t_ms,
        "selectedOptionLocalIds": vote.options,
    }


def contact_record(contact: Contact) -> Record:
    """A contact in the form of the page's model."""
    names = {"name": contact.name, "pushname": contact.pushname or contact.name, "business": contact.business}
    fields = {"pn": contact.pn, "lid": contact.lid, "picture": contact.picture}
    return {**fields, **names, "saved": contact.saved, "blocked": contact.blocked}
