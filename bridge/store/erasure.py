"""Erases one person from the stores: content is deleted; `seq` and the keys that identify duplicates stay.

Works on the files, also while a bridge runs: that bridge notices the change (`Database`) and drops its caches. Erased
data is overwritten on disk, in the database and in its -wal.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.contract.jid import MessageKey, Server
from bridge.contract.lifecycle import FINAL
from bridge.contract.messages import Stream
from bridge.contract.topics import Leaf
from bridge.ports import StoreUnusable
from bridge.store import files, schema
from bridge.store.errors import translated
from bridge.store.redaction import ERASED_ADDRESS, ErasedPerson, redact
from bridge.store.search import merge_index

#: Rows of one transaction: an arriving message waits for one of these at most.
_CHUNK = 200
#: Pages of the search index in one of these.
_PAGES = 64
#: Maximum bytes of a file that is rewritten beside a running bridge; a larger one would block the bridge for too long.
_MAX_LIVE_REWRITE = 50_000_000
#: Seconds to wait until no connection reads from the -wal, so that it can be emptied.
_WIPE_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class _Sweep:
    """Rows of a table that name the person in one of `searched`; `step` is run for each, by its `key`."""

    what: str
    table: str
    key: tuple[str, ...]
    searched: tuple[str, ...]
    step: str

    def run(self, connection: sqlite3.Connection, person: ErasedPerson, *, dry_run: bool) -> int:
        found = connection.execute(f"SELECT {', '.join((*self.searched, *self.key))} FROM {self.table}")  # noqa: S608
        width = len(self.searched)
        keys = [row[width:] for row in found if any(map(person.is_named_in, row[:width]))]
        step = f"{self.step} WHERE {' AND '.join(f'{name} = ?' for name in self.key)}"
        _each(connection, keys, lambda key: connection.execute(step, key), dry_run=dry_run)
        return len(keys)


_KEY = ("raw_id", "from_me", "chat", "author")
#: Keys stay: without them the phone's copy would be journalled again. The hash is cleared: it could confirm guesses.
_HASHES = _Sweep("keys", "message_keys", _KEY, ("chat", "author"), "UPDATE message_keys SET content_hash = ''")
_REPORTS = _Sweep("reports", "told_once", ("subject", "key"), ("key",), "DELETE FROM told_once")
_PEOPLE = _Sweep("addresses", "people", ("number",), ("key",), "DELETE FROM people")
_NUMBERS = _Sweep("checked numbers", "numbers", ("number",), ("number", "chat"), "DELETE FROM numbers")
_CHATS = _Sweep("marks of chats", "entries", ("name", "key"), ("key",), "DELETE FROM entries")
_FILES = (
    _Sweep("files", "media", ("number",), ("message_id", "chat"), "DELETE FROM media"),
    _Sweep("names of files", "media", ("number",), ("filename",), "UPDATE media SET filename = NULL"),
)
_PICTURES = _Sweep("pictures", "pictures", ("contact",), ("contact",), "DELETE FROM pictures")
_MARKS = (
    _Sweep("keys", "message_keys", _KEY, ("chat", "author"), "DELETE FROM message_keys"),
    _Sweep("watermarks", "watermarks", ("chat",), ("chat",), "DELETE FROM watermarks"),
    _Sweep("aliases", "aliases", ("lid", "pn"), ("lid", "pn"), "DELETE FROM aliases"),
)
_OF_THE_BRIDGE = (
    _Sweep("dead letters", "dead_letters", ("number",), ("body",), "DELETE FROM dead_letters"),
    _Sweep("audit details", "audit", ("number",), ("detail",), "UPDATE audit SET detail = NULL"),
    # a repetition of one that was claimed meets the command's id, which stays
    _Sweep("sends of agents", "proposals", ("number",), ("chat", "text"), "DELETE FROM proposals"),
)


def known_addresses(path: Path, person: ErasedPerson) -> ErasedPerson:
    """The person with all addresses that this session knows. Raises `StoreUnusable`."""
    with _opened(path, "migrations") as connection:
        while True:
            pairs = [set(pair) for pair in connection.execute("SELECT lid, pn FROM aliases")]
            pairs += [
                set(json.loads(found))
                for (found,) in connection.execute(
                    "SELECT json_group_array(key) FROM people WHERE key LIKE ? OR key LIKE ? GROUP BY person",
                    (f"%@{Server.USER}", f"%@{Server.LID}"),
                )
            ]
            for _, _, fields in _naming(connection, person):
                message = fields.get("message") or fields
                pairs.append({message.get("from_pn"), message.get("from_lid")} - {None})
            known = person.known_as({one for pair in pairs if pair & person.addresses for one in pair})
            if known == person:
                return person
            person = known


def erase_session(path: Path, person: ErasedPerson, *, marks: bool, dry_run: bool = False) -> dict[str, int]:
    """Erase a person from a session's store; returns the number of erased entries by their kind.

    `marks` = also delete the keys and watermarks that keep the phone's copy of the chat from being journalled again.
    `still open` counts commands and requests in flight: they stay until they are final. Raises `StoreUnusable`.
    """
    with _opened(path, "migrations") as connection:
        final, still_open = _commands(connection, person)
        answered, unanswered = _requests(connection, person)
        sweeps = (*(_MARKS if marks else (_HASHES,)), _REPORTS, _PEOPLE, _NUMBERS, _CHATS, *_FILES, _PICTURES)
        return {
            "messages": _items(connection, person, Stream.IN, dry_run=dry_run),
            "events": _items(connection, person, Stream.EVENT, dry_run=dry_run),
            "commands": _each(connection, final, lambda row: _blank(connection, *row), dry_run=dry_run),
            "requests": _each(connection, answered, lambda row: _blank_request(connection, *row), dry_run=dry_run),
            "still open": len(still_open) + len(unanswered),
            "results and acks": _notices(connection, person, dry_run=dry_run),
            "unread messages": _facts(connection, person, dry_run=dry_run),
            **{sweep.what: sweep.run(connection, person, dry_run=dry_run) for sweep in sweeps},
        }


def erase_bridge(path: Path, person: ErasedPerson, *, dry_run: bool = False) -> dict[str, int]:
    """Erase a person from the bridge's own store: dead letters, details of the audit, what agents want to send, and
    the chat in revoked keys of agents.

    Raises `StoreUnusable`. `filters kept` counts webhooks that an operator limited to this person's chat: without the
    filter they would get all chats. `agents' keys kept` counts the valid keys that an operator made for this chat.
    """
    with _opened(path, "bridge_migrations") as connection:
        done = {sweep.what: sweep.run(connection, person, dry_run=dry_run) for sweep in _OF_THE_BRIDGE}
        done |= _keys_of_agents(connection, person, dry_run=dry_run)
        chosen = connection.execute("SELECT chats FROM listeners WHERE chats IS NOT NULL AND ended_at IS NULL")
        return {**done, "filters kept": sum(person.is_named_in(chats) for (chats,) in chosen)}


def _keys_of_agents(connection: sqlite3.Connection, person: ErasedPerson, *, dry_run: bool) -> dict[str, int]:
    """Remove the person's chats from revoked keys; counts these, and the valid ones, which stay."""
    revoked: list[tuple[str, str]] = []
    valid = 0
    for key, agent, revoked_at in connection.execute(
        "SELECT id, agent, revoked_at FROM api_keys WHERE agent IS NOT NULL"
    ):
        if not person.is_named_in(agent):
            continue
        if revoked_at is None:
            valid += 1
            continue
        grant = json.loads(agent)
        grant["chats"] = {chat: rights for chat, rights in grant["chats"].items() if not person.is_named_in(chat)}
        revoked.append((json.dumps(grant), key))

    def change(row: tuple[str, str]) -> None:
        connection.execute("UPDATE api_keys SET agent = ? WHERE id = ?", row)

    changed = _each(connection, revoked, change, dry_run=dry_run)
    return {"chats of revoked keys": changed, "agents' keys kept": valid}


def wipe(path: Path, migrations: str, *, beside_a_bridge: bool) -> bool:
    """Overwrite erased data on disk. False if another process read all the time: the -wal keeps it until the next wipe.

    `migrations` is `migrations` or `bridge_migrations`. Raises `StoreUnusable`.
    """
    with _opened(path, migrations) as connection:
        if migrations == "migrations":
            while merge_index(connection, -_PAGES):  # else the words stay in it until their part is merged
                pass
        if not beside_a_bridge or path.stat().st_size <= _MAX_LIVE_REWRITE:
            connection.execute("VACUUM")
        until = time.monotonic() + _WIPE_TIMEOUT
        while (gone := not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]) is False:
            if time.monotonic() > until:
                break
            time.sleep(0.05)
        return gone


@contextmanager
def _opened(path: Path, migrations: str) -> Iterator[sqlite3.Connection]:
    if path.is_file() and files.lacks_wal(path):
        raise StoreUnusable(
            f"{path} is missing its -wal file. Start the bridge once: it begins a new epoch and reports it."
        )
    connection = files.prepare(path, time.time(), schema.migrations(migrations)).connection
    try:
        yield connection
    except sqlite3.Error as error:
        raise translated(error, path) from error
    finally:
        files.close(connection, path)


def _each(
    connection: sqlite3.Connection, rows: Sequence[Any], change: Callable[[Any], object], *, dry_run: bool
) -> int:
    for start in range(0, 0 if dry_run else len(rows), _CHUNK):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for row in rows[start : start + _CHUNK]:
                change(row)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    return len(rows)


def _naming(connection: sqlite3.Connection, person: ErasedPerson) -> Iterator[tuple[int, Stream, dict[str, Any]]]:
    """Journal items whose text contains one of the addresses, oldest first."""
    anywhere = " OR ".join("instr(body, ?)" for _ in person.endings)
    found = connection.execute(
        f"SELECT id, stream, body FROM journal WHERE {anywhere} ORDER BY id",  # noqa: S608 - marks only
        person.endings,
    )
    for number, stream, body in found:
        if person.is_named_in(body):
            yield number, Stream(stream), json.loads(body)


def _items(connection: sqlite3.Connection, person: ErasedPerson, stream: Stream, *, dry_run: bool) -> int:
    left = [
        (number, body)
        for number, found, fields in _naming(connection, person)
        if found is stream and (body := redact(person, stream, fields)) is not None
    ]
    theirs = json.dumps(sorted(person.addresses))

    def change(row: tuple[int, str]) -> None:
        number, body = row
        size = len(body.encode())
        before = connection.execute("SELECT size FROM journal WHERE id = ?", (number,)).fetchone()
        if before is None:  # deleted by age meanwhile
            return
        connection.execute(
            "UPDATE journal SET body = ?, size = ?,"
            " chat = CASE WHEN chat NOT IN (SELECT value FROM json_each(?)) THEN chat END WHERE id = ?",
            (body, size, theirs, number),
        )
        connection.execute("UPDATE streams SET bytes = bytes + ? WHERE stream = ?", (size - before[0], stream))

    return _each(connection, left, change, dry_run=dry_run)


def _commands(connection: sqlite3.Connection, person: ErasedPerson) -> tuple[list[Any], list[Any]]:
    """Number and raw id of commands to the person: the final ones, and those in flight."""
    final: list[tuple[int, str | None]] = []
    still_open: list[tuple[int, str | None]] = []
    for number, raw_id, state, *whose in connection.execute(
        'SELECT number, raw_id, state, "to", chat, message_id, topic FROM commands'
    ):
        if any(map(person.is_named_in, whose)):
            (final if state in FINAL else still_open).append((number, raw_id))
    return final, still_open


def _blank(connection: sqlite3.Connection, number: int, raw_id: str | None) -> None:
    """Keep the id, so that a repetition is a conflict and is not sent, and WhatsApp's id, for a late ack."""
    key = str(MessageKey(True, ERASED_ADDRESS, raw_id)) if raw_id else None
    connection.execute(
        "UPDATE commands SET \"to\" = ?1, content = '', content_hash = '', chat = ?1, message_id = ?2,"
        ' "transaction" = NULL, meta = NULL, topic = NULL, payload_sha256 = NULL, error_text = NULL WHERE number = ?3',
        (str(ERASED_ADDRESS), key, number),
    )


def _requests(connection: sqlite3.Connection, person: ErasedPerson) -> tuple[list[Any], list[Any]]:
    """Number and response without the person of requests that name the person: the answered ones, and the others."""
    answered: list[tuple[int, str]] = []
    unanswered: list[tuple[int, None]] = []
    for number, response, *whose in connection.execute(
        'SELECT number, response, arguments, id, "transaction" FROM requests'
    ):
        if not any(map(person.is_named_in, (response, *whose))):
            continue
        if response is None:
            unanswered.append((number, None))
        else:
            answered.append((number, _without(person, response)))
    return answered, unanswered


def _blank_request(connection: sqlite3.Connection, number: int, response: str) -> None:
    """Keep the id, so that a repetition is a conflict and is not done again."""
    connection.execute(
        "UPDATE requests SET arguments = '', content_hash = '', response = ?, \"transaction\" = NULL, topic = NULL,"
        " payload_sha256 = NULL WHERE number = ?",
        (response, number),
    )


def _without(person: ErasedPerson, body: str) -> str:
    """A result or response without the fields that name the person."""
    fields = json.loads(body)
    return json.dumps({name: None if name != "id" and person.is_in(fields[name]) else fields[name] for name in fields})


def _notices(connection: sqlite3.Connection, person: ErasedPerson, *, dry_run: bool) -> int:
    """Delete published notices; an unpublished result or response stays with its id, since its sender waits for it."""
    found = [
        row
        for row in connection.execute("SELECT number, leaf, published_at, body FROM notices")
        if person.is_named_in(row[3])
    ]

    def change(row: tuple[int, str, float | None, str]) -> None:
        number, leaf, published_at, body = row
        if published_at is not None or leaf not in (Leaf.RESULT, Leaf.RESPONSE):
            connection.execute("DELETE FROM notices WHERE number = ?", (number,))
            return
        connection.execute("UPDATE notices SET body = ? WHERE number = ?", (_without(person, body), number))

    return _each(connection, found, change, dry_run=dry_run)


def _facts(connection: sqlite3.Connection, person: ErasedPerson, *, dry_run: bool) -> int:
    """Remove the person from the facts that are lists, such as the undecrypted messages."""
    found = 0

    def change(name: str) -> None:
        nonlocal found
        (value,) = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        listed = json.loads(value)
        left = {key: one for key, one in listed.items() if not person.is_in([key, one])}
        found += len(listed) - len(left)
        if not dry_run and left != listed:
            connection.execute("UPDATE facts SET value = ? WHERE name = ?", (json.dumps(left), name))

    names = [name for (name,) in connection.execute("SELECT name FROM facts WHERE value LIKE '{%'")]
    if dry_run:
        for name in names:
            change(name)
    else:
        _each(connection, names, change, dry_run=False)
    return found
