"""Journals and claims until it is killed; prints a line for each item once it is durable."""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from pathlib import Path

from bridge.store import SessionStore, open_store
from tests.store.samples import claim, record, result


async def append(store: SessionStore, run: str, writer: int) -> None:
    for n in itertools.count():
        raw_ids = [f"{run}-{writer}-{n}-{part}" for part in range(3)]
        again = f"{run}-{writer}-{n - 1}-0"  # a duplicate in each batch but the first
        seqs = await store.journal.append([record(raw_id) for raw_id in [raw_ids[0], again, *raw_ids[1:]]])
        for raw_id, seq in zip([raw_ids[0], again, *raw_ids[1:]], seqs, strict=True):
            if seq is not None:
                sys.stdout.write(f"in {seq} {raw_id}\n")
        sys.stdout.flush()


async def send(store: SessionStore, run: str) -> None:
    for n in itertools.count():
        claimed = await store.outbox.claim(claim(f"{run}-{n}"), result(f"{run}-{n}"))
        sys.stdout.write(f"out {claimed.row.number} {claimed.row.claim.id}\n")
        sys.stdout.flush()


async def main(path: Path, run: str) -> None:
    async with open_store(path, now=time.time) as store, asyncio.TaskGroup() as group:
        for writer in range(3):
            group.create_task(append(store, run, writer), name=f"append {writer}")
        group.create_task(send(store, run), name="send")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
