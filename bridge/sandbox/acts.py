"""What people do to messages: reactions, edits, revocations, votes. Pure.

Each is kept with its message. An open page is notified; one that was closed finds it in its database at the next load.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bridge.contract.jid import Jid
from bridge.sandbox.changes import Act, Edited, Reacted, Revoked, Voted
from bridge.sandbox.contacts import EntryNotFound
from bridge.sandbox.message_marks import MessageEdit, MessageReaction, MessageRevocation, MessageVote
from bridge.sandbox.records import (
    ACCOUNT,
    ACCOUNT_LID,
    Device,
    ServiceMessage,
    TransmissionMode,
)

if TYPE_CHECKING:
    from bridge.sandbox.world import World

#: The device gets no answer to these; the first never reaches the service.
_LOST, _UNANSWERED = TransmissionMode.HOLD, frozenset({TransmissionMode.LOSE_ANSWER, TransmissionMode.BREAK})
_REFUSED = frozenset({TransmissionMode.REFUSE, TransmissionMode.FAIL})


class MessageActs:
    def __init__(self, world: World, new_id: Callable[[], str]) -> None:
        self._world = world
        self._new_id = new_id
        #: All of them since the start, in order.
        self.log: list[Act] = []
        #: By device: how many of them its page has in memory, or was shown.
        self._shown: dict[str, int] = {}
        #: How often linked devices did each: (kind, message id).
        self.received: list[tuple[str, str]] = []

    def take_new(self, device_id: str) -> list[Act]:
        """What was done since the last call for this device, also while its page had no connection."""
        missed, self._shown[device_id] = self.missed(device_id), len(self.log)
        return missed

    def missed(self, device_id: str) -> list[Act]:
        """What was done since the last `take_new` for this device."""
        return self.log[self._shown.get(device_id, 0) :]

    def react(self, message_id: str, emoji: str, author: str | None = None) -> ServiceMessage:
        """Someone (None: the account) reacts, or takes the reaction back (no emoji). Raises `EntryNotFound`."""
        message = self._message(message_id)
        author = author or self._account_in(message)
        message.reactions[author] = MessageReaction(id=self._fresh_id(), emoji=emoji, t=int(self._world.now()))
        return self._add(Reacted(message, author))

    def edit(self, message_id: str, body: str, *, edit_id: str | None = None) -> ServiceMessage:
        """The author changes the text, or the caption. Raises `EntryNotFound`."""
        message = self._message(message_id)
        if message.type == "chat":
            message.body = body
        else:
            message.fields = {**message.fields, "caption": body}
        message.edited = MessageEdit(id=edit_id or self._fresh_id(), t=int(self._world.now()))
        return self._add(Edited(message))

    def revoke(self, message_id: str, *, by_admin: str | None = None, device: Device | None = None) -> ServiceMessage:
        """The author, or an admin of the group, deletes it for everyone: it gets the id of the revocation.

        `device` = the linked device that did it. Raises `EntryNotFound`.
        """
        message = self._message(message_id)
        before = message.key
        message.revoked = MessageRevocation(
            original=before,
            by=by_admin or (self._account_in(message) if message.from_me else message.author or message.chat),
            t=int(self._world.now()),
            by_admin=by_admin is not None,
        )
        self._world.receipts.forget(before)
        self._world.give_id(message, self._fresh_id())
        message.body, message.type, message.fields = "", "revoked", {}
        return self._add(Revoked(message, before, device.id if device else None))

    def vote(self, message_id: str, options: list[str], voter: str | None = None) -> ServiceMessage:
        """Someone (None: the account) votes in a poll; without options the vote is withdrawn.

        Raises `EntryNotFound`, or `ValueError` for what is no option of it.
        """
        message = self._message(message_id)
        names = [str(option.get("name")) for option in message.fields.get("pollOptions", [])]
        if message.type != "poll_creation" or not set(options) <= set(names):
            raise ValueError(f"{message_id} has the options {', '.join(names) or 'of no poll'}.")
        voter = voter or self._account_in(message)
        chosen = [names.index(option) for option in options]
        message.votes[voter] = MessageVote(options=chosen, t_ms=int(self._world.now() * 1000))
        return self._add(Voted(message, voter))

    def from_device(self, device: Device, kind: str, fields: dict[str, Any]) -> dict[str, Any] | None:
        """A linked device does something to a message. Returns None where it gets no answer."""
        mode = self._world.state.settings.send_mode
        if mode is _LOST:
            return None
        if mode in _REFUSED:
            return {"refused": self._world.state.settings.refusal_code}
        message = self._message(str(fields["key"]))
        self.received.append((kind, message.id))
        match kind:
            case "react":
                self.react(message.id, str(fields["emoji"]))
            case "edit":
                self.edit(message.id, str(fields["body"]), edit_id=str(fields["id"]))
            case "revoke":
                self.revoke(message.id, device=device)
        return None if mode in _UNANSWERED else {}

    def _add(self, act: Act) -> ServiceMessage:
        self.log.append(act)
        self._world.notify(act)
        return act.message

    def _account_in(self, message: ServiceMessage) -> str:
        chat = Jid.parse(message.chat)
        return ACCOUNT_LID if chat.is_group or chat.is_lid else ACCOUNT

    def _fresh_id(self) -> str:
        return f"3A{self._new_id()}"

    def _message(self, message_id: str) -> ServiceMessage:
        message = self._world.message(message_id)
        if message is None:
            raise EntryNotFound(f"There is no message {message_id}.")
        return message
