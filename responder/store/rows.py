"""What the store returns: messages that wait for an answer, turns, and the leases under which they are written."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from responder.policy import Verdict
from responder.turns import TurnOrigin, TurnState

#: Bytes of a turn's other fields in statements, at most.
STATEMENT_OVERHEAD = 2_000
#: Parts into which the chats are divided among replicas.
PARTS = 16
_READING = "reading-"
#: Verdicts of messages that wait for a turn.
OPEN = (Verdict.ANSWER, Verdict.ORDER, Verdict.TRANSCRIBE)
#: Origins whose answers count for the budgets.
COUNTED = (TurnOrigin.RULE, TurnOrigin.MODEL, TurnOrigin.CLOSED)
#: Origins that never repeat a text within the duplicate window.
UNREPEATED = (TurnOrigin.RULE, TurnOrigin.MODEL)


def part_of(session: str, chat: str) -> int:
    """The part of a chat. Must never change: rows of earlier versions store it."""
    return zlib.crc32(f"{session}\n{chat}".encode("utf-8", "replace")) % PARTS


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to a part of the work. `fence` grows with each new owner, which is how a former one is recognised."""

    name: str
    owner: str
    fence: int


def chats_lease(part: int) -> str:
    return f"chats-{part}"


def reading_lease(session: str) -> str:
    return f"{_READING}{session}"


def session_of(lease: str) -> str | None:
    """The session of a lease to read one; None for the lease of a part."""
    return lease.removeprefix(_READING) if lease.startswith(_READING) else None


@dataclass(frozen=True, slots=True)
class Pending:
    """A recorded message that has no turn yet."""

    id: int
    session: str
    message_id: str
    chat_id: int
    chat: str
    part: int
    person: str
    cliente_id: int
    body: str
    timestamp: float
    is_group: bool
    verdict: Verdict
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class QueuedAnswer:
    """A text with the command id under which it is always published, or a file by its content field."""

    id: str
    text: str
    content: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class NewTurn:
    """A turn to be opened. `messages` are all of one chat, oldest first."""

    messages: tuple[Pending, ...]
    origin: TurnOrigin
    commands: tuple[QueuedAnswer, ...]
    expires_at: float

    @property
    def first(self) -> Pending:
        """The message that the turn and its command ids are named after."""
        return self.messages[0]

    @property
    def text(self) -> str:
        """The text that the conversation records."""
        return text_of(self.commands)

    @property
    def size(self) -> int:
        """Bytes that it may need within a statement, in which characters are escaped."""
        return 2 * len(commands_to_json(self.commands).encode("utf-8", "replace")) + STATEMENT_OVERHEAD


@dataclass(frozen=True, slots=True)
class Turn:
    id: int
    session: str
    chat: str
    chat_id: int
    part: int
    origin: TurnOrigin
    commands: tuple[QueuedAnswer, ...]
    state: TurnState
    created_at: float
    expires_at: float


def commands_to_json(commands: tuple[QueuedAnswer, ...]) -> str:
    """The form of the column `commands`."""
    rows = ([one.id, one.text] if one.content is None else [one.id, one.text, one.content] for one in commands)
    return json.dumps(list(rows), ensure_ascii=False)


def text_of(commands: tuple[QueuedAnswer, ...]) -> str:
    """The text of an answer that was split."""
    return "\n\n".join(command.text for command in commands)


def commands_from_json(text: str) -> tuple[QueuedAnswer, ...]:
    return tuple(QueuedAnswer(*command) for command in json.loads(text))
