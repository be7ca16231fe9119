"""The life of one message, command or request, read from the stores beside a bridge that uses them. Read only."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bridge.contract.errors import Conflict
from bridge.contract.messages import Stream
from bridge.contract.waiting import Waiting
from bridge.ports import StoreUnusable
from bridge.store import files, schema
from bridge.store.errors import StoreDamaged, translated

#: Journal items that one id may be found in: the same raw id may come from several people.
MOST = 20


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One step: when (unix seconds, None where the time is not stored), what, and details."""

    at: float | None
    what: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """Steps in order of time; `subject` names the command or message."""

    subject: str
    moments: tuple[TraceStep, ...]


def trace(session_store: Path, bridge_store: Path, wanted: str) -> list[Trace]:
    """The steps of the id of a command or request, a WhatsApp message id (whole or raw), or a `seq`.

    Raises `StoreUnusable`; its subclass `StoreDamaged` for a file that is not a sound store.
    """
    with closing(_open(session_store)) as connection:
        try:
            if schema.version(connection) < len(schema.migrations()):
                raise StoreUnusable(f"{session_store} is of an earlier version of the bridge: start this one once.")
            connection.execute("BEGIN")
            found = [
                *_commands(connection, wanted),
                *_requests(connection, wanted),
                *_items(connection, bridge_store, wanted),
            ]
        except sqlite3.Error as error:
            raise translated(error, session_store) from error
    return found


def _open(path: Path) -> sqlite3.Connection:
    try:
        connection = files.connect(path, read_only=True)
    except sqlite3.Error as error:
        raise StoreUnusable(f"{path} cannot be read: {error}.") from error
    if not schema.is_ours(connection):
        connection.close()
        raise StoreDamaged(f"{path} is a database of another program, not a store of this bridge.")
    return connection


def _commands(connection: sqlite3.Connection, wanted: str) -> Iterator[Trace]:
    rows = connection.execute(
        'SELECT number, id, claimed_at, "to", topic, chat, message_id, state, error_code, error_text, changed_at'
        " FROM commands WHERE id = ?1 OR message_id = ?1 OR raw_id = ?1 ORDER BY number",
        (wanted,),
    ).fetchall()
    for number, command_id, claimed_at, to, topic, chat, message_id, state, code, text, changed_at in rows:
        moments = [TraceStep(claimed_at, "claimed", f"number {number}, to {to}{f', on {topic}' if topic else ''}")]
        if message_id is not None:
            moments.append(TraceStep(None, "reserved", f"{message_id} in {chat}"))
        moments += _notices(connection, command_id)
        why = f" {code}: {text}" if code else f" {text}" if text else ""
        moments.append(TraceStep(changed_at, f"is {state}", why.strip()))
        yield Trace(f"command {command_id}", tuple(_in_order(moments)))


def _requests(connection: sqlite3.Connection, wanted: str) -> Iterator[Trace]:
    rows = connection.execute(
        "SELECT number, id, action, arguments, claimed_at, topic, response FROM requests WHERE id = ?", (wanted,)
    ).fetchall()
    for number, request_id, action, arguments, claimed_at, topic, response in rows:
        how = f"number {number}, {action} {arguments}{f', on {topic}' if topic else ''}"
        moments = [TraceStep(claimed_at, "claimed", how), *_notices(connection, request_id, responses=True)]
        if response is None:
            moments.append(TraceStep(None, "is not answered yet"))
        yield Trace(f"request {request_id}", tuple(_in_order(moments)))


def _notices(connection: sqlite3.Connection, command_id: str, *, responses: bool = False) -> Iterator[TraceStep]:
    found = connection.execute(
        "SELECT leaf, body, published_at FROM notices"
        " WHERE json_extract(body, '$.id') = ? AND (leaf = 'response') = ? ORDER BY number",
        (command_id, responses),
    )
    for leaf, text, published_at in found:
        body: dict[str, Any] = json.loads(text)
        what = f"{leaf} {body.get('status') or body.get('ack')}"
        at = datetime.fromisoformat(body["at"])
        why = (body.get("error") or {}).get("code", "")
        if why == Conflict.code:
            what = "second use refused"  # it is no result of the command that has the id
        if body.get("waits"):
            why = Waiting.model_validate(body["waits"]).sentence(at)
        yield TraceStep(at.timestamp(), what, why)
        yield TraceStep(published_at, f"{what} on MQTT" if published_at else f"{what} not yet on MQTT")


def _items(connection: sqlite3.Connection, bridge_store: Path, wanted: str) -> Iterator[Trace]:
    seq = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 16 else -1
    rows = connection.execute(
        "SELECT stream, seq, at, body FROM journal WHERE (stream = 'in' AND seq = ?1)"
        " OR (instr(body, ?2) AND (json_extract(body, '$.id') = ?2 OR json_extract(body, '$.message.id') = ?2"
        " OR instr(coalesce(json_extract(body, '$.id'), json_extract(body, '$.message.id')), '_' || ?2)))"
        " ORDER BY id LIMIT ?3",
        (seq, wanted, MOST),
    ).fetchall()
    (epoch,) = connection.execute("SELECT epoch FROM store").fetchone()
    for stream, number, at, text in rows:
        body: dict[str, Any] = json.loads(text)
        message = body.get("message") or body
        late = ", late" if message.get("late") else ""
        moments = [
            TraceStep(
                float(message["timestamp"]), "written", f"{message['type']} in {message['chat']} (WhatsApp's clock)"
            ),
            TraceStep(at, "journalled", f"{stream} {number} of {epoch}{late}"),
            *_readers(connection, bridge_store, Stream(stream), number, epoch),
        ]
        yield Trace(f"message {message['id']}", tuple(_in_order(moments)))


def _readers(
    connection: sqlite3.Connection, bridge_store: Path, stream: Stream, seq: int, epoch: str
) -> Iterator[TraceStep]:
    # the time is that of the first move that reached the item; earlier versions of the bridge did not store moves
    cursors = connection.execute(
        "WITH reached AS (SELECT reader, seq, seq >= ?2 OR EXISTS (SELECT 1 FROM settled WHERE settled.stream = ?1"
        " AND settled.seq = ?2 AND settled.reader = cursors.reader) AS has FROM cursors WHERE stream = ?1)"
        " SELECT reader, seq, has, CASE WHEN has THEN (SELECT at FROM moves WHERE moves.stream = ?1"
        " AND moves.seq >= ?2 AND moves.reader = reached.reader ORDER BY moves.seq LIMIT 1) END"
        " FROM reached ORDER BY reader",
        (stream, seq),
    ).fetchall()
    urls, refused = _webhooks(bridge_store, stream, seq, epoch)
    for reader, reached, has, at in cursors:
        listener = reader.removeprefix("listener:")
        if listener in refused:
            continue
        name = "MQTT" if reader == "mqtt" else urls.get(listener, reader)
        if has:
            yield TraceStep(at, "with", name)
        else:
            yield TraceStep(None, "waits for", f"{name}, which is at {reached}")
    for listener, (url, error, at) in refused.items():
        yield TraceStep(at, "refused", f"{url} ({listener}): {error}")


def _webhooks(
    path: Path, stream: Stream, seq: int, epoch: str
) -> tuple[dict[str, str], dict[str, tuple[str, str, float]]]:
    if not path.exists():
        return {}, {}
    with closing(_open(path)) as connection:
        urls = dict(connection.execute("SELECT id, url FROM listeners"))
        dead_letters = connection.execute(
            "SELECT listener_id, url, error, at FROM dead_letters WHERE stream = ? AND seq = ? AND epoch = ?",
            (stream, seq, epoch),
        ).fetchall()
    return urls, {listener: (url, error, at) for listener, url, error, at in dead_letters}


def _in_order(moments: list[TraceStep]) -> list[TraceStep]:
    """By time; a step without one stays after the step before it."""
    last, keyed = 0.0, []
    for moment in moments:
        last = max(last, moment.at) if moment.at is not None and moment.what != "written" else moment.at or last
        keyed.append((moment.at if moment.at is not None else last, moment))
    return [moment for _, moment in sorted(keyed, key=lambda pair: int(pair[0] * 1000))]  # the resolution of notices
