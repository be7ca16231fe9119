"""The outbox's table: how a claim becomes a row and a row an `OutboxRow`. Decides nothing."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from bridge.contract.commands import Priority
from bridge.contract.jid import MessageKey
from bridge.contract.kinds import Content, dump_content, load_content
from bridge.contract.lifecycle import FINAL, SendState
from bridge.ports import Change, Claim, OutboxRow
from bridge.store import origins
from bridge.store.notices import reply_columns, reply_to

_SELECT = """
    SELECT number, id, "to", content, content_hash, priority, claimed_at, expires_at, send_at, reply_client,
           correlation, "transaction", meta, topic, payload_sha256, packet_id, connection, state,
           chat, message_id, error_code, error_text, changed_at, error_detail
    FROM commands
"""
BY_ID = f"{_SELECT} WHERE id = ?"
_BY_NUMBER = f"{_SELECT} WHERE number = ?"
BY_RAW_ID = f"{_SELECT} WHERE raw_id = ? ORDER BY number DESC LIMIT 1"
_CHOSEN = "(?1 IS NULL OR number < ?1) AND state IN (SELECT value FROM json_each(?3))"
RECENT = f"{_SELECT} WHERE {_CHOSEN} ORDER BY number DESC LIMIT ?2"
OPEN = f"{_SELECT} WHERE open AND number > ? ORDER BY number LIMIT ?"


def find(connection: sqlite3.Connection, query: str, *parameters: object) -> OutboxRow | None:
    """The row that one of the queries above finds."""
    found = connection.execute(query, parameters).fetchone()
    return None if found is None else _row(found)


def by_number(connection: sqlite3.Connection, number: int | None) -> OutboxRow:
    """The row that has this number. Raises `LookupError`: numbers come from us."""
    row = find(connection, _BY_NUMBER, number)
    if row is None:
        raise LookupError(f"there is no command {number}")
    return row


def find_all(connection: sqlite3.Connection, query: str, *parameters: object) -> list[OutboxRow]:
    """All rows that one of the queries above finds."""
    return [_row(found) for found in connection.execute(query, parameters)]


def insert(connection: sqlite3.Connection, claim: Claim) -> OutboxRow | None:
    """Store a claim as accepted, or None where its id is taken."""
    meta = None if claim.meta is None else json.dumps(claim.meta)
    inserted = connection.execute(
        'INSERT INTO commands (id, "to", content, content_hash, priority, claimed_at, expires_at, send_at,'
        ' reply_client, correlation, "transaction", meta, topic, payload_sha256, packet_id, connection, state, open,'
        " changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, TRUE, ?) ON CONFLICT (id) DO NOTHING",
        (
            *(
                claim.id,
                claim.to,
                dump_content(claim.content, claim.modifiers),
                claim.content_hash,
                claim.priority,
                claim.claimed_at,
                claim.expires_at,
                claim.send_at,
            ),
            *reply_columns(claim.reply_to),
            *(claim.transaction, meta),
            *origins.columns(claim.origin),
            *(SendState.ACCEPTED, claim.claimed_at),
        ),
    )
    if not inserted.rowcount:
        return None
    assert inserted.lastrowid is not None  # noqa: S101 - an INSERT that was done has one
    return OutboxRow(inserted.lastrowid, claim, SendState.ACCEPTED, changed_at=claim.claimed_at)


def first_messages(connection: sqlite3.Connection, since: float) -> list[float]:
    """When commands were sent as first messages after a time, in order."""
    found = connection.execute("SELECT first_at FROM commands WHERE first_at > ? ORDER BY first_at", (since,))
    return [at for (at,) in found]


def has_sent(connection: sqlite3.Connection, raw_id: str) -> bool:
    """Whether a command reserved this message id, even one that was deleted (`forget`)."""
    (found,) = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM commands WHERE raw_id = ?1)"
        " OR EXISTS (SELECT 1 FROM message_keys WHERE raw_id = ?1 AND from_me)",
        (raw_id,),
    ).fetchone()
    return bool(found)


def forget(connection: sqlite3.Connection, before: float, limit: int) -> int:
    """Delete final commands that last changed before a time; returns how many. The keys of their messages stay longer:
    WhatsApp still shows those messages, and they must not be published as `own_message`."""
    gone = connection.execute(
        "SELECT number, raw_id, chat, changed_at FROM commands WHERE NOT open AND changed_at < ? LIMIT ?",
        (before, limit),
    ).fetchall()
    connection.executemany(
        "INSERT INTO message_keys (raw_id, from_me, chat, author, timestamp, type, content_hash)"
        " VALUES (?, TRUE, ?, '', ?, '', '') ON CONFLICT DO NOTHING",
        [(raw_id, chat, int(at)) for _, raw_id, chat, at in gone if raw_id is not None],
    )
    connection.executemany("DELETE FROM commands WHERE number = ?", [(number,) for number, *_ in gone])
    return len(gone)


def update(connection: sqlite3.Connection, number: int, change: Change) -> OutboxRow:
    """Write a step. A later success clears the stored error."""
    sends = change.message_id is not None and not change.acts_on
    key = MessageKey.parse(change.message_id or "").id if sends else None
    failing = change.state in (SendState.FAILED, SendState.UNKNOWN)
    connection.execute(
        "UPDATE commands SET state = :state, open = :open, changed_at = :at,"
        " chat = coalesce(:chat, chat), message_id = coalesce(:message_id, message_id),"
        " raw_id = coalesce(:raw_id, raw_id),"
        " error_code = CASE WHEN :failing THEN coalesce(:error_code, error_code) END,"
        " error_text = CASE WHEN :failing THEN coalesce(:error_text, error_text) END,"
        " error_detail = CASE WHEN :failing THEN iif(:error_text IS NULL, error_detail, :error_detail) END,"
        " first_at = iif(:first, :at, first_at)"
        " WHERE number = :number",
        {
            "state": change.state,
            "open": change.state not in FINAL,
            "at": change.at,
            "chat": change.chat,
            "message_id": change.message_id,
            "raw_id": key,
            "failing": failing,
            "error_code": change.error_code,
            "error_text": change.error_text,
            "error_detail": change.error_detail,
            "first": change.first,
            "number": number,
        },
    )
    return by_number(connection, number)


def replace_content(connection: sqlite3.Connection, number: int, content: Content) -> OutboxRow:
    """Write another content of the same command; nothing where it was erased meanwhile."""
    stored = dump_content(content, by_number(connection, number).claim.modifiers)
    connection.execute("UPDATE commands SET content = ? WHERE number = ? AND content <> ''", (stored, number))
    return by_number(connection, number)


def give_id(connection: sqlite3.Connection, number: int, message_id: str) -> None:
    """Replace the key of a command's message. The reserved one was never used."""
    key = MessageKey.parse(message_id).id
    connection.execute("UPDATE commands SET message_id = ?, raw_id = ? WHERE number = ?", (message_id, key, number))


def _row(found: tuple[Any, ...]) -> OutboxRow:
    (number, *claimed, topic, sha256, packet_id, connection, state) = found[:18]
    command_id, to, content, content_hash, priority, claimed_at, expires_at, send_at, *asked = claimed
    *asked, transaction, meta = asked
    loaded, modifiers = load_content(content)
    claim = Claim(
        id=command_id,
        to=to,
        content=loaded,
        content_hash=content_hash,
        priority=Priority(priority),
        claimed_at=claimed_at,
        expires_at=expires_at,
        reply_to=reply_to(*asked),
        transaction=transaction,
        meta=None if meta is None else json.loads(meta),
        origin=origins.origin_of(topic, sha256, packet_id, connection),
        modifiers=modifiers,
        send_at=send_at,
    )
    return OutboxRow(number, claim, SendState(state), *found[18:])
