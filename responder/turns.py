"""Turns: which messages are answered together, when, under which command ids, and in how many parts. Pure.

The command ids are derived from the first message: a turn that is made again after a crash has the same ids. The bridge
sends an id once, and answers `conflict` if the text differs, which counts as sent.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from enum import StrEnum

_PREFIX = "turn-"
#: A longer answer is split; people read short messages.
LONGEST_PART = 1_500
#: Maximum number of parts; the last one takes the rest.
MOST_PARTS = 4
#: A person who keeps writing is answered after this multiple of the gathering time.
MOST_GATHERING = 5
_BREAKS = (re.compile(r"\n\s*\n"), re.compile(r"\n"), re.compile(r"(?<=[.!?…])\s+"), re.compile(r"\s+"))


class TurnState(StrEnum):
    """The state of a turn. Only `READY` is published, and published again."""

    READY = "ready"  # recorded; the bridge may have its commands or not
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"  # may have been sent; never repeated under another id


class TurnOrigin(StrEnum):
    """The author of an answer."""

    RULE = "rule"
    MODEL = "model"
    ORDER = "order"
    CLOSED = "closed"  # the text for the time outside business hours
    HUMAN = "human"


#: Origins whose answers are taken back once the chat is not answered any more.
AUTOMATIC = (TurnOrigin.RULE, TurnOrigin.MODEL, TurnOrigin.CLOSED)


def command_ids(session: str, first_message: str, parts: int) -> list[str]:
    digest = hashlib.sha256(f"{session}\n{first_message}".encode()).hexdigest()[:32]
    return [f"{_PREFIX}{digest}" if number == 0 else f"{_PREFIX}{digest}-{number + 1}" for number in range(parts)]


def is_turn(command_id: str) -> bool:
    """Whether a command is part of a turn, of this responder or another replica."""
    return command_id.startswith(_PREFIX)


def due_at(arrived: Sequence[float], gather: float) -> float:
    """When the messages of a chat are answered: after `gather` seconds of silence, within an upper limit."""
    return min(arrived[-1] + gather, arrived[0] + gather * MOST_GATHERING)


def split_answer(text: str, longest: int = LONGEST_PART, most: int = MOST_PARTS) -> list[str]:
    """Split an answer at paragraphs, lines, sentences or words. Empty for an answer without content."""
    rest = text.strip()
    parts: list[str] = []
    while len(rest) > longest and len(parts) < most - 1:
        cut = _cut(rest, longest)
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    if rest:
        parts.append(rest)
    return parts


def _cut(text: str, longest: int) -> int:
    """The last break of the best kind that leaves a part of at least half the length."""
    for kind in _BREAKS:
        ends = [found.start() for found in kind.finditer(text, longest // 2, longest + 1)]
        if ends and ends[-1] > 0:
            return ends[-1]
    # no break: at least not inside an emoji that a zero-width joiner holds together
    cut = longest
    while cut > 1 and text[cut - 1] == "\u200d":
        cut -= 1
    return cut
