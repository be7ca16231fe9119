"""What the store gives out: messages that wait for an answer, turns, and the leases under which they are written."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass

from responder.policy import Verdict
from responder.turns import TurnOrigin, TurnState

#: Parts into which the chats are divided among replicas.
PARTS = 16
#: Verdicts of messages that wait for a turn.
OPEN = (Verdict.ANSWER, Verdict.ORDER)
#: Origins whose answers count for the budgets.
COUNTED = (TurnOrigin.RULE, TurnOrigin.MODEL)


def part_of(session: str, chat: str) -> int:
    """The part to which a chat belongs. Never changes, whatever is restarted or upgraded."""
    return zlib.crc32(f"{session}\n{chat}".encode("utf-8", "replace")) % PARTS


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to a piece of the work. `fence` grows with each change of hands, so that an old holder is found out."""

    name: str
    owner: str
    fence: int


def chats_lease(part: int) -> str:
    """Name of the lease on a part of the chats."""
    return f"chats-{part}"


def reading_lease(session: str) -> str:
    """Name of the lease on reading a session."""
    return f"reading-{session}"


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


@dataclass(frozen=True, slots=True)
class QueuedAnswer:
    """A text under the id with which it is published, for ever."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class NewTurn:
    """A turn to be opened: `asked` are its messages, all of one chat, oldest first."""

    asked: tuple[Pending, ...]
    origin: TurnOrigin
    commands: tuple[QueuedAnswer, ...]
    expires_at: float

    @property
    def first(self) -> Pending:
        """The message that names it."""
        return self.asked[0]

    @property
    def text(self) -> str:
        """What is recorded as said."""
        return "\n\n".join(command.text for command in self.commands)


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that is recorded."""

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
    """As a turn's row keeps them."""
    return json.dumps([[command.id, command.text] for command in commands], ensure_ascii=False)


def commands_from_json(text: str) -> tuple[QueuedAnswer, ...]:
    """From a turn's row."""
    return tuple(QueuedAnswer(command_id, content) for command_id, content in json.loads(text))
