"""Takes an uploaded file into a list: parsed in a thread, written in batches, with the wrong rows named."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from bridge.contract.campaign_reports import BadRow, RecipientList
from bridge.contract.jid import Jid
from campaigns.lists.contacts import Columns, ListedContact, WrongRow
from campaigns.lists.files import read_contacts
from campaigns.store.campaigns import MOST_BAD_ROWS
from campaigns.store.contact_lists import RecipientListStore
from campaigns.store.unfinished import UnfinishedRows

#: Rows that are parsed and written at once.
BATCH = 1_000
_MOST_TAGS = 200


class ListImport:
    """Imports files into the store. One at a time: parsing takes a processor."""

    def __init__(self, lists: RecipientListStore, now: Callable[[], float]) -> None:
        self._lists = lists
        self._now = now
        self._busy = asyncio.Lock()
        self._unfinished = UnfinishedRows(lists.delete)
        #: Rows since the start, by outcome: `used`, `duplicate`, `wrong`.
        self.rows: Counter[str] = Counter()

    async def take(self, path: Path, name: str, own: str | None = None) -> RecipientList:
        """Import a file. Raises `UnusableFile`, `FileTooLarge`, DatabaseDown; then nothing of it stays."""
        async with self._busy:
            await self._unfinished.clear()
            list_id = secrets.token_hex(6)
            await self._lists.create(list_id, name[:120], self._now())
            try:
                return await self._fill(list_id, read_contacts(path, own))
            except BaseException:
                await self._unfinished.drop(list_id)
                raise

    async def _fill(self, list_id: str, rows: Iterator[Columns | ListedContact | WrongRow]) -> RecipientList:
        first = await asyncio.to_thread(next, rows)
        assert isinstance(first, Columns)  # noqa: S101 - `read_contacts` yields them first
        seen: set[int] = set()
        tags: dict[str, None] = {}
        bad: list[BadRow] = []
        bad_count = twice = 0
        while batch := await asyncio.to_thread(lambda: list(islice(rows, BATCH))):
            fresh: list[ListedContact] = []
            again: list[ListedContact] = []
            for row in batch:
                match row:
                    case WrongRow(line, reason, code):
                        bad_count += 1
                        if len(bad) < MOST_BAD_ROWS:
                            bad.append(BadRow(line=line, reason=reason, code=code))
                    case ListedContact():
                        person = int(row.key) if row.key.isdigit() else -int(Jid.parse(row.key).user)  # a LID
                        (again if person in seen else fresh).append(row)
                        seen.add(person)
                        if len(tags) < _MOST_TAGS:
                            tags.update(dict.fromkeys(row.tags))
            if fresh:
                await self._lists.add(list_id, fresh)
            if again:
                twice += len(again)
                await self._lists.merge(list_id, again)
        self.rows.update(used=len(seen), duplicate=twice, wrong=bad_count)
        return await self._lists.complete(
            list_id, tags=list(tags), columns=first.variables, bad=bad, bad_count=bad_count, twice=twice
        )
