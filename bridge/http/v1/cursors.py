"""Places in a stream as one word, for queries and `Last-Event-ID`: `<epoch>:<seq>`. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bridge.contract.errors import InvalidRequest

_CURSOR = re.compile(r"([0-9A-Za-z-]{1,64}):([0-9]{1,15})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last item that a reader has."""

    epoch: str
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.seq}"


def parse_cursor(text: str, epoch: str) -> Cursor:
    """A reader's place in the store with `epoch`: another epoch begins with the oldest. Raises `InvalidRequest`."""
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise InvalidRequest("A cursor is <epoch>:<seq>, as the items name them.")
    return Cursor(epoch, int(match[2]) if match[1] == epoch else 0)
