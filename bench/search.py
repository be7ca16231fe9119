"""Full text of a store, measured alone: what the index costs a message, and how long searches take.

`python -m bench.search --rows 100000`. Prints one line per figure; the store is made in a temporary folder.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from bridge.contract.messages import MessageBody
from bridge.ports import JournalRecord, TextQuery
from bridge.store import SessionStore, StoreLimits, open_store
from bridge.store.search import SqliteMessageIndex

#: Messages of one commit, as in a burst, and different chats.
BATCH, CHATS = 500, 400
#: Different words, of which the first ones are frequent, as in a language; words of a message.
WORDS, LENGTHS = 30_000, (2, 25)
START = 1_700_000_000
SEARCHES = {
    "a rare word": TextQuery(("palabra29999",)),
    "the beginning of a word": TextQuery(("palabra2999",)),
    "two words": TextQuery(("palabra7", "palabra900")),
    "the most frequent word": TextQuery(("palabra0",)),
    "the most frequent word in one chat": TextQuery(("palabra0",), chats=frozenset({"5491155500007@c.us"})),
    "the most frequent word of long ago": TextQuery(("palabra0",), until=float(START + 100)),
    "a word that no message has": TextQuery(("inexistente",)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        for line in asyncio.run(_measure(Path(folder) / "sessions" / "bench" / "store.db", rows)):
            sys.stdout.write(f"{line}\n")


async def _measure(path: Path, rows: int) -> list[str]:
    async with open_store(path, now=time.time) as store:
        # CPU, not time, so that what else runs on the machine counts for nothing
        index = SqliteMessageIndex(store.database, store.journal, StoreLimits(), time.thread_time)
        appended = await append(store, rows, random.Random(7))  # noqa: S311 - equal texts at each run
        before = await _megabytes(store)
        begun, slices = _cpu(), sorted([spent * 1000 async for spent in index.work()])
        spent = _cpu() - begun
        return [
            f"append: {appended / rows * 1e6:.1f} us of CPU a message, {rows} messages",
            f"index: {spent / rows * 1e6:.1f} us of CPU a message, {spent / appended:.2f} of the append",
            f"slices: {len(slices)}, median {slices[len(slices) // 2]:.1f} ms, longest {slices[-1]:.1f} ms of CPU",
            f"file: {before:.0f} MB, with the index {await _megabytes(store):.0f} MB",
            *[await _search(store, name, query) for name, query in SEARCHES.items()],
        ]


async def _search(store: SessionStore, name: str, query: TextQuery) -> str:
    page, times = await store.search.find(query), []
    for _ in range(5):
        begun = time.perf_counter()
        page = await store.search.find(query)
        times.append((time.perf_counter() - begun) * 1000)
    return f"{name}: {sorted(times)[2]:.1f} ms, {len(page.messages)}{'+' * page.more} found"


async def _megabytes(store: SessionStore) -> float:
    await store.database.checkpoint()
    return float(await store.database.read(_size)) / 1e6


def _size(connection: sqlite3.Connection) -> int:
    (pages,), (size,) = (connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
    return int(pages) * int(size)


async def append(store: SessionStore, rows: int, dice: random.Random) -> float:
    spent = 0.0
    for first in range(0, rows, BATCH):
        records = [message(number, dice) for number in range(first, first + BATCH)]
        begun = _cpu()
        await store.journal.append(records)
        spent += _cpu() - begun
    return spent


def message(number: int, dice: random.Random) -> JournalRecord:
    chat = f"54911555{number % CHATS:05}@c.us"
    words = (f"palabra{int(WORDS ** dice.random()) - 1}" for _ in range(dice.randint(*LENGTHS)))
    message = MessageBody.model_validate(
        {"id": f"false_{chat}_3EB0{number:016X}", "from": chat, "chat": chat, "author": chat, "from_pn": chat}
        | {"body": " ".join(words), "type": "chat", "kind": "text", "timestamp": START + number, "cliente_id": 51}
        | {"notify_name": "Ana", "late": False, "person": f"{number % CHATS:016x}"}
    )
    return JournalRecord(chat, f"3EB0{number:016X}", None, START + number, "chat", f"{number:016x}", message.to_json())


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
