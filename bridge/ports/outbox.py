"""The port to the durable commands, results and acks of a session."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from bridge.contract.commands import Priority, SendCommand
from bridge.contract.kinds import Content
from bridge.contract.lifecycle import SendState
from bridge.contract.modifiers import NO_MODIFIERS, Modifiers


@dataclass(frozen=True, slots=True)
class CommandOrigin:
    """How a command without id came over MQTT; distinguishes a redelivery from a new command.

    `connection` numbers the connections of a session that delivered a new command.
    """

    topic: str
    payload_sha256: str
    packet_id: int
    dup: bool
    connection: int


@dataclass(frozen=True, slots=True)
class ReplyTo:
    """The client that gets a copy on its reply topic; `correlation` is MQTT 5's correlation data, returned as is."""

    client: str
    correlation: bytes | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A command to be put into the outbox. Times are unix seconds."""

    id: str
    to: str
    content: Content
    content_hash: str
    priority: Priority
    claimed_at: float
    expires_at: float | None
    reply_to: ReplyTo | None = None
    transaction: str | None = None
    meta: Any = None
    origin: CommandOrigin | None = None
    modifiers: Modifiers = NO_MODIFIERS
    send_at: float | None = None

    @classmethod
    def of(
        cls,
        command: SendCommand,
        now: float,
        *,
        content: Content | None = None,
        origin: CommandOrigin | None = None,
        reply_to: ReplyTo | None = None,
    ) -> Self:
        """The claim of a command with its recipient. `content`: what is claimed in place of the command's own.

        One without an id gets one, and keeps `origin`. Raises `InvalidRequest` for a wrong recipient.
        """
        return cls(
            id=command.id or uuid.uuid4().hex,
            to=str(command.recipient),
            content=command.content if content is None else content,
            content_hash=command.content_hash,
            modifiers=command.modifiers,
            priority=command.priority,
            claimed_at=now,
            expires_at=command.expiry(now),
            reply_to=reply_to,
            transaction=command.transaction,
            meta=command.meta,
            origin=origin if command.id is None else None,
            send_at=None if command.send_at is None else command.send_at.timestamp(),
        )


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A claimed command and its state. `number` counts claims in arrival order."""

    number: int
    claim: Claim
    state: SendState
    chat: str | None = None
    message_id: str | None = None
    error_code: str | None = None
    error_text: str | None = None
    changed_at: float = 0.0
    error_detail: str | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """Outcome of a claim. `fresh` = new row, else the earlier one; `conflict` = it has other content."""

    row: OutboxRow
    fresh: bool
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """A result or ack to be published at least once. `leaf` is `result` or `ack`; `number` orders them."""

    number: int
    leaf: str
    body: str
    reply_to: ReplyTo | None = None


@dataclass(frozen=True, slots=True)
class NewNotice:
    """A notice before it has a number."""

    leaf: str
    body: str
    reply_to: ReplyTo | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A step of a row; None leaves a field unchanged. Its notices are committed with it.

    `acts_on` = `message_id` is that of a message that exists, and no ack of it belongs to this command.
    `first` = it goes to a person who has not written lately: the time is kept (`first_messages`).
    """

    state: SendState
    at: float
    chat: str | None = None
    message_id: str | None = None
    error_code: str | None = None
    error_text: str | None = None
    error_detail: str | None = None
    notices: tuple[NewNotice, ...] = field(default=())
    acts_on: bool = False
    first: bool = False


class Outbox(Protocol):
    """Commands, results and acks of one session. Everything that returns is committed, except `published`."""

    async def claim(
        self, claim: Claim, accepted: NewNotice, on_new_row: Callable[[OutboxRow], None] | None = None
    ) -> Claimed:
        """Store a command and its `accepted` notice, unless its id or its redelivered origin is known.

        `on_new_row` gets each new row in the event loop, in claim order, even if the caller was cancelled.
        """
        ...

    async def remember(self, claim: Claim, outcome: Change) -> bool:
        """Store what another bridge did with a command, so that a repetition gets its result; nothing is published.

        Returns False where the id is final here, or is that of another content.
        """
        ...

    async def change(self, number: int, change: Change) -> OutboxRow:
        """Apply a step to a row. Raises `IllegalSendStep` when the send table does not allow it."""
        ...

    async def replace_content(self, number: int, content: Content) -> OutboxRow:
        """Store what is sent for a row, once its file is prepared; its hash stays that of the command."""
        ...

    async def give_id(self, number: int, message_id: str) -> None:
        """Store that the message of a row has another key than the reserved one."""
        ...

    async def get(self, command_id: str) -> OutboxRow | None:
        """The row of a command id."""
        ...

    async def settled(self, command_id: str) -> OutboxRow | None:
        """The row of a command id once it is final; None for an unknown id."""
        ...

    async def of_message(self, raw_id: str) -> OutboxRow | None:
        """The row that reserved a WhatsApp message id (the raw id, whatever the address form)."""
        ...

    async def has_sent(self, raw_id: str) -> bool:
        """Whether a command reserved this WhatsApp message id, even a command that was deleted since."""
        ...

    async def open_rows(self, after: int = 0, limit: int = -1) -> list[OutboxRow]:
        """Rows that are accepted or sending, in claim order: those with a number above `after`, at most `limit` (-1:
        all)."""
        ...

    async def first_messages(self, since: float) -> list[float]:
        """When first messages were sent after a time (unix seconds), in order."""
        ...

    async def recent(
        self, before: int | None, limit: int, states: frozenset[SendState] | None = None
    ) -> list[OutboxRow]:
        """Rows with a number below `before`, newest first; only those in `states` where given."""
        ...

    @property
    def open_count(self) -> int:
        """How many rows are accepted or sending, from memory."""
        ...

    async def notify(self, *notices: NewNotice) -> None:
        """Store notices that belong to no row: refusals, repeated results, control results."""
        ...

    async def report_once(self, key: str, notice: NewNotice) -> bool:
        """Store a notice unless `key` was reported before; returns whether it was stored."""
        ...

    async def unpublished(self, after: int, limit: int) -> list[Notice]:
        """Notices still to be published with a number above `after`, in order."""
        ...

    async def published(self, numbers: Sequence[int]) -> None:
        """Mark notices, and all before them, as published. Stored with the next commit, within a second; after a kill
        before that they are published again."""
        ...

    async def wait_notices(self, beyond: int) -> None:
        """Return once a notice has a number above `beyond`."""
        ...


class IllegalSendStep(RuntimeError):
    """A step that the send table does not have: a fault in the code."""
