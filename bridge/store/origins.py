"""Recognises the broker's redelivery of a command or request without id, by the columns that both tables have."""

from __future__ import annotations

import sqlite3
from typing import Literal

from bridge.ports import CommandOrigin

Table = Literal["commands", "requests"]


def columns(origin: CommandOrigin | None) -> tuple[str, str, int, int] | tuple[None, None, None, None]:
    """What the columns `topic`, `payload_sha256`, `packet_id` and `connection` hold.

    Whether it came flagged DUP is not kept: it says something about a delivery, not about the command.
    """
    if origin is None:
        return None, None, None, None
    return origin.topic, origin.payload_sha256, origin.packet_id, origin.connection


def origin_of(topic: str | None, sha256: str, packet_id: int, connection: int) -> CommandOrigin | None:
    """The origin that these columns hold."""
    return None if topic is None else CommandOrigin(topic, sha256, packet_id, False, connection)


def redelivered(connection: sqlite3.Connection, table: Table, origin: CommandOrigin | None) -> int | None:
    """The number of the row that this is a redelivery of; notes on which connection it was delivered last."""
    if origin is None or not origin.dup:
        return None
    # Packet ids are reused, so a redelivery can only repeat a recent delivery: of the last connection with new
    # commands, or of the one before (a connection may break in the middle of its redeliveries).
    recent = (origin.connection - 1, origin.connection)
    found = connection.execute(
        f"SELECT number FROM {table} WHERE payload_sha256 = ? AND packet_id = ? AND connection BETWEEN ? AND ?"  # noqa: S608
        " AND topic = ? ORDER BY number DESC LIMIT 1",
        (origin.payload_sha256, origin.packet_id, *recent, origin.topic),
    ).fetchone()
    if found is None:
        return None
    connection.execute(f"UPDATE {table} SET connection = ? WHERE number = ?", (origin.connection, *found))  # noqa: S608
    return int(found[0])
