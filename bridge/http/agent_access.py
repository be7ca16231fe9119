"""What one agent may do in one session: the only place where its rights are decided.

A chat that the key does not list is answered as one that does not exist, whether it does or not.
"""

from __future__ import annotations

import base64
from functools import cached_property

from bridge.contract.errors import InvalidRequest
from bridge.contract.jid import Jid, parse_recipient
from bridge.core.session import Session
from bridge.core.session_entry import SessionEntry
from bridge.http.context import running
from bridge.http.errors import Forbidden, NotFound
from bridge.ports import EVERY_CHAT, AgentGrant, ApiKey, Right

NO_SUCH_CHAT = "There is no such chat for this key."
_WRONG_CURSOR = "A cursor is the `next` of a page of this chat, made for this key."
READING = frozenset({Right.READ_NEW, Right.READ_HISTORY})


class AgentAccess:
    """The rights of `key` in a session. `secret` encrypts its cursors."""

    def __init__(self, key: ApiKey, grant: AgentGrant, entry: SessionEntry, secret: bytes) -> None:
        self.key = key
        self.grant = grant
        self.entry = entry
        self._secret = secret

    @cached_property
    def session(self) -> Session:
        """The running session. Raises `NotConnected`."""
        return running(self.entry)

    @property
    def all_chats(self) -> bool:
        """Whether the key is for every chat."""
        return EVERY_CHAT in self.grant.chats

    def chat(self, spelled: str, right: Right) -> Jid:
        """A chat in which the agent has `right`. Raises as `known_chat` and `require`."""
        chat = self.known_chat(spelled)
        self.require(chat, right)
        return chat

    def known_chat(self, spelled: str) -> Jid:
        """A chat of this key. Raises `NotFound` for one in which it has no right at all."""
        try:
            chat = parse_recipient(spelled, self.session.outbound.own)
        except InvalidRequest as error:
            raise NotFound(NO_SUCH_CHAT) from error
        if not self.rights(chat):
            raise NotFound(NO_SUCH_CHAT)
        return chat

    def require(self, chat: Jid, right: Right) -> None:
        """Raises `Forbidden` without `right` in a chat; who may read what is old may read what is new."""
        rights = self.rights(chat)
        if right not in rights and not (right is Right.READ_NEW and Right.READ_HISTORY in rights):
            raise Forbidden(f"This key does not have the right {right} in this chat.")

    def rights(self, chat: Jid) -> frozenset[Right]:
        """The rights in a chat, under whichever of its addresses it comes."""
        return self._by_lane.get(self.lane(chat), self.grant.chats.get(EVERY_CHAT, frozenset()))

    def lane(self, chat: Jid) -> str:
        """What the addresses of one chat have in common: a person's number, in each spelling, and LID."""
        return self.session.outbound.people.lane(chat)

    def is_in(self, chat: Jid, address: str) -> bool:
        """Whether an address that WhatsApp gave is one of this chat."""
        try:
            return self.lane(Jid.parse(address)) == self.lane(chat)
        except InvalidRequest:
            return False

    def since(self, chat: Jid) -> float:
        """Unix seconds of the oldest message that it may read there."""
        return 0.0 if Right.READ_HISTORY in self.rights(chat) else self.key.created_at

    def right_to_write(self, chat: Jid) -> Right:
        """The right that a message to a chat needs."""
        is_first = self.session.outbound.people.is_stranger(self.lane(chat))
        return Right.START_NEW if is_first else Right.REPLY

    @cached_property
    def _by_lane(self) -> dict[str, frozenset[Right]]:
        listed = ((chat, rights) for chat, rights in self.grant.chats.items() if chat != EVERY_CHAT)
        return {self.lane(Jid.parse(chat)): rights for chat, rights in listed}

    def seal(self, *place: str | int) -> str:
        """A place in a stream as a text that says nothing: plain numbers would count the messages of other chats."""
        from cryptography.fernet import Fernet

        parts = [f"{part:015d}" if isinstance(part, int) else part for part in place]  # as long for each number
        text = "|".join([self.key.id, self.entry.name, *parts])
        return Fernet(base64.urlsafe_b64encode(self._secret)).encrypt(text.encode()).decode()

    def open(self, cursor: str, *before: str) -> list[str]:
        """The parts after `before` that `seal` was given. Raises `InvalidRequest` for a cursor of another place."""
        from cryptography.fernet import Fernet, InvalidToken

        try:
            text = Fernet(base64.urlsafe_b64encode(self._secret)).decrypt(cursor.encode()).decode()
        except InvalidToken as error:
            raise InvalidRequest(_WRONG_CURSOR) from error
        expected, parts = [self.key.id, self.entry.name, *before], text.split("|")
        if parts[: len(expected)] != expected:
            raise InvalidRequest(_WRONG_CURSOR)
        return parts[len(expected) :]
