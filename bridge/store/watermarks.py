"""The newest time of each chat in the journal, from which catch-up reads on; under each address of a chat."""

from __future__ import annotations

import sqlite3

_MOVE = """
    INSERT INTO watermarks (chat, timestamp) VALUES (:chat, :timestamp)
    ON CONFLICT (chat) DO UPDATE SET timestamp = max(timestamp, excluded.timestamp)
"""
_MOVE_OTHERS = """
    UPDATE watermarks SET timestamp = :timestamp
    WHERE chat IN (SELECT pn FROM aliases WHERE lid = :chat UNION ALL SELECT lid FROM aliases WHERE pn = :chat)
    AND timestamp < :timestamp
"""


def move_watermark(connection: sqlite3.Connection, chat: str, timestamp: int) -> None:
    """Move the watermark of a chat's address to `timestamp` (unix seconds); no watermark moves back.

    Those that the chat has under its other addresses move with it: catch-up starts at the oldest one of a chat, so that
    of an address that is not used any more would make it read the chat from there for good.
    """
    values = {"chat": chat, "timestamp": timestamp}
    connection.execute(_MOVE, values)
    connection.execute(_MOVE_OTHERS, values)


def watermarks_of_all(connection: sqlite3.Connection) -> dict[str, int]:
    """The watermark of each address, in unix seconds."""
    return dict(connection.execute("SELECT chat, timestamp FROM watermarks"))
