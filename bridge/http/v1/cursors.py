"""Cursors as text, for queries and `Last-Event-ID`: `<epoch>:<seq>`. Pure."""

from __future__ import annotations

import re

from bridge.contract.errors import InvalidRequest
from bridge.contract.replays import Cursor

_CURSOR = re.compile(r"([0-9A-Za-z-]{1,64}):([0-9]{1,15})", re.ASCII)


def format_cursor(epoch: str, seq: int) -> str:
    """The cursor of a reader that has the item `seq`."""
    return f"{epoch}:{seq}"


def parse_cursor(text: str, epoch: str) -> Cursor:
    """A cursor in the store with `epoch`; for one of another epoch, seq 0. Raises `InvalidRequest`."""
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise InvalidRequest("A cursor is <epoch>:<seq>, as in the items.")
    return Cursor(epoch=epoch, seq=int(match[2]) if match[1] == epoch else 0)
