"""Turns: which messages are answered together, when, under which command ids, and in how many parts. Pure.

The command ids follow from the first message, so that whoever makes the turn again, after whatever loss, makes the
same ids: the bridge sends an id once, and says `conflict` where the text differs, which counts as answered.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from enum import StrEnum

#: An answer longer than this is split; people read short messages.
LONGEST_PART = 1_500
#: No answer has more parts; what is beyond stays in the last one.
MOST_PARTS = 4
#: A person who never stops typing is answered after so many times the gathering time.
MOST_GATHERING = 5
_BREAKS = (re.compile(r"\n\s*\n"), re.compile(r"\n"), re.compile(r"(?<=[.!?…])\s+"), re.compile(r"\s+"))


class TurnState(StrEnum):
    """How far a turn is. Only `READY` is ever published (again)."""

    READY = "ready"  # recorded; its commands may or may not be with the bridge
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"  # may have left; never repeated under another id


class TurnOrigin(StrEnum):
    """Who made an answer."""

    RULE = "rule"
    MODEL = "model"
    ORDER = "order"
    HUMAN = "human"


def command_ids(session: str, first_message: str, parts: int) -> list[str]:
    """The ids of a turn's commands."""
    digest = hashlib.sha256(f"{session}\n{first_message}".encode()).hexdigest()[:32]
    return [f"turn-{digest}" if number == 0 else f"turn-{digest}-{number + 1}" for number in range(parts)]


def due_at(arrived: Sequence[float], gather: float) -> float:
    """When messages of one chat are answered: after a silence of `gather` seconds, but not put off for ever."""
    return min(arrived[-1] + gather, arrived[0] + gather * MOST_GATHERING)


def split_answer(text: str, longest: int = LONGEST_PART, most: int = MOST_PARTS) -> list[str]:
    """Cut an answer into parts at paragraphs, lines, sentences or words. Empty for an answer without content."""
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
    """Where to cut: at the last break of the best kind that leaves a part of at least half the length."""
    for kind in _BREAKS:
        ends = [found.start() for found in kind.finditer(text, longest // 2, longest + 1)]
        if ends and ends[-1] > 0:
            return ends[-1]
    # no place to cut: at least not inside a surrogate-free cluster that a joiner holds together
    cut = longest
    while cut > 1 and text[cut - 1] == "\u200d":
        cut -= 1
    return cut
