"""Commands of a session in SQLite: claimed once, moved only along the send table, with their results and acks."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Sequence

from typing_extensions import override

from bridge.contract.details import DOUBT_TEXT, Doubt
from bridge.contract.kinds import Content
from bridge.contract.lifecycle import FINAL, SendState, may_follow
from bridge.ports import (
    Change,
    Claim,
    Claimed,
    CommandAdvanced,
    CommandClaimed,
    Event,
    IllegalSendStep,
    NewNotice,
    Notice,
    Outbox,
    OutboxRow,
)
from bridge.store import notices, origins, rows
from bridge.store.database import SqliteDatabase
from bridge.store.journal import is_first_report
from bridge.store.recent_rows import RecentRows


class SqliteOutbox(Outbox):
    def __init__(
        self,
        database: SqliteDatabase,
        queue: notices.NoticeQueue,
        now: Callable[[], float],
        observe: Callable[[Event], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._now = now
        self._observe = observe
        self._open = 0
        self._notices = queue
        self._settling: dict[str, set[asyncio.Event]] = {}  # command id -> waiters for its result
        self._recent = RecentRows()

    async def load(self) -> None:
        """Read the store into memory; once, before anything else."""
        self._open = await self._database.read(_count_open)

    def reread(self) -> None:
        """Forget what is in memory: something else changed or deleted rows."""
        self._recent.clear()
        self._notices.reread()

    @property
    @override
    def open_count(self) -> int:
        return self._open

    @override
    async def claim(
        self, claim: Claim, accepted: NewNotice, on_new_row: Callable[[OutboxRow], None] | None = None
    ) -> Claimed:
        clock = asyncio.get_running_loop().time
        begun = clock()

        def write(connection: sqlite3.Connection) -> tuple[Claimed, list[Notice]]:
            repeated = _redelivered(connection, claim)
            if repeated is not None:
                return repeated, []
            row = rows.insert(connection, claim)
            if row is None:
                return _standing(connection, claim), []
            return Claimed(row, fresh=True), notices.store(connection, [accepted])

        def committed(written: tuple[Claimed, list[Notice]]) -> None:
            claimed, new = written
            if claimed.fresh:
                self._open += 1
                self._recent.put(claimed.row)
                if on_new_row is not None:
                    on_new_row(claimed.row)
            self._notices.stored(new)
            if claimed.fresh:
                self._observe(CommandClaimed(clock() - begun))

        claimed, _ = await self._database.write(write, committed)
        return claimed

    @override
    async def remember(self, claim: Claim, outcome: Change) -> bool:
        def write(connection: sqlite3.Connection) -> tuple[bool, OutboxRow | None]:
            known = rows.find(connection, rows.BY_ID, claim.id)
            if known is not None and (known.state in FINAL or known.claim.content_hash != claim.content_hash):
                return False, None
            row = known or rows.insert(connection, claim)
            assert row is not None  # noqa: S101 - its id is free
            return known is not None, rows.update(connection, row.number, outcome)

        def committed(written: tuple[bool, OutboxRow | None]) -> None:
            was_open, row = written
            self._open -= was_open
            if row is not None:
                self._recent.put(row, outcome.message_id)

        _, row = await self._database.write(write, committed)
        return row is not None

    @override
    async def change(self, number: int, change: Change) -> OutboxRow:
        def write(connection: sqlite3.Connection) -> tuple[OutboxRow, OutboxRow, list[Notice]]:
            return _step(connection, number, change)

        def committed(written: tuple[OutboxRow, OutboxRow, list[Notice]]) -> None:
            before, after, new = written
            self._recent.put(after, change.message_id if not change.acts_on else None)
            self._open += (after.state not in FINAL) - (before.state not in FINAL)
            self._notices.stored(new)
            for moved in self._settling.get(after.claim.id, ()):
                moved.set()
            if after.state not in (SendState.ACCEPTED, SendState.SENDING):
                self._observe(CommandAdvanced(after.state, after.error_code, _seconds(before, after)))

        _, row, _ = await self._database.write(write, committed)
        return row

    @override
    async def replace_content(self, number: int, content: Content) -> OutboxRow:
        return await self._database.write(
            lambda connection: rows.replace_content(connection, number, content), self._recent.put
        )

    @override
    async def give_id(self, number: int, message_id: str) -> None:
        def write(connection: sqlite3.Connection) -> OutboxRow:
            rows.give_id(connection, number, message_id)
            return rows.by_number(connection, number)

        await self._database.write(write, lambda row: self._recent.put(row, message_id))

    @override
    async def get(self, command_id: str) -> OutboxRow | None:
        if (row := self._recent.of_id(command_id)) is not None:
            return row
        return await self._database.read(lambda connection: rows.find(connection, rows.BY_ID, command_id))

    @override
    async def settled(self, command_id: str) -> OutboxRow | None:
        moved = asyncio.Event()
        self._settling.setdefault(command_id, set()).add(moved)
        try:
            while (row := await self.get(command_id)) is not None and row.state not in FINAL:
                await moved.wait()
                moved.clear()
            return row
        finally:
            self._settling[command_id].discard(moved)
            if not self._settling[command_id]:
                del self._settling[command_id]

    @override
    async def of_message(self, raw_id: str) -> OutboxRow | None:
        if (row := self._recent.of_message(raw_id)) is not None:
            return row
        return await self._database.read(lambda connection: rows.find(connection, rows.BY_RAW_ID, raw_id))

    @override
    async def has_sent(self, raw_id: str) -> bool:
        if self._recent.of_message(raw_id) is not None:
            return True
        return await self._database.read(lambda connection: rows.has_sent(connection, raw_id))

    @override
    async def open_rows(self, after: int = 0, limit: int = -1) -> list[OutboxRow]:
        return await self._database.read(lambda connection: rows.find_all(connection, rows.OPEN, after, limit))

    @override
    async def first_messages(self, since: float) -> list[float]:
        return await self._database.read(lambda connection: rows.first_messages(connection, since))

    @override
    async def recent(
        self, before: int | None, limit: int, states: frozenset[SendState] | None = None
    ) -> list[OutboxRow]:
        chosen = sorted(SendState if states is None else states)
        return await self._database.read(
            lambda connection: rows.find_all(connection, rows.RECENT, before, limit, json.dumps(chosen))
        )

    @override
    async def notify(self, *new: NewNotice) -> None:
        def write(connection: sqlite3.Connection) -> list[Notice]:
            return notices.store(connection, new)

        await self._database.write(write, self._notices.stored)

    @override
    async def report_once(self, key: str, notice: NewNotice) -> bool:
        at = self._now()

        def write(connection: sqlite3.Connection) -> list[Notice]:
            return notices.store(connection, [notice] if is_first_report(connection, "report", key, at) else [])

        stored = await self._database.write(write, self._notices.stored)
        return bool(stored)

    @override
    async def unpublished(self, after: int, limit: int) -> list[Notice]:
        return await self._notices.unpublished(after, limit)

    @override
    async def published(self, numbers: Sequence[int]) -> None:
        self._notices.published(numbers, self._now())

    @override
    async def wait_notices(self, beyond: int) -> None:
        await self._notices.wait(beyond)

    def abandoned(self, newest: int | None) -> None:
        """Take over a committed `abandon_open`."""
        self.reread()
        self._open = 0
        self._notices.left(newest)
        for waiting in self._settling.values():
            for moved in waiting:
                moved.set()


def abandon_open(connection: sqlite3.Connection, at: float, unknown: Callable[[OutboxRow], NewNotice]) -> int | None:
    """Turn every command that is not final into `unknown`, with a notice for each; returns the last one's number."""
    newest: int | None = None
    doubt = Doubt.LEFT_OPEN
    for row in rows.find_all(connection, rows.OPEN, 0, -1):
        left = rows.update(
            connection, row.number, Change(SendState.UNKNOWN, at, error_text=DOUBT_TEXT[doubt], error_detail=doubt)
        )
        newest = notices.store(connection, [unknown(left)])[-1].number
    return newest


def _standing(connection: sqlite3.Connection, claim: Claim) -> Claimed:
    """The earlier claim under the same id."""
    known = rows.find(connection, rows.BY_ID, claim.id)
    assert known is not None  # noqa: S101 - its id is what the insert met
    return Claimed(known, fresh=False, conflict=known.claim.content_hash != claim.content_hash)


def _redelivered(connection: sqlite3.Connection, claim: Claim) -> Claimed | None:
    """The claim of a command without id, if this is the broker's redelivery of it."""
    number = origins.redelivered(connection, "commands", claim.origin)
    return None if number is None else Claimed(rows.by_number(connection, number), fresh=False)


def _step(connection: sqlite3.Connection, number: int, change: Change) -> tuple[OutboxRow, OutboxRow, list[Notice]]:
    """The row before and after the step, and its notices."""
    before = rows.by_number(connection, number)
    if not may_follow(before.state, change.state):
        raise IllegalSendStep(f"command {number} is {before.state} and cannot become {change.state}")
    return before, rows.update(connection, number, change), notices.store(connection, change.notices)


def _seconds(before: OutboxRow, after: OutboxRow) -> float | None:
    """How long WhatsApp took for a step; None where the step is not WhatsApp's, or begins in doubt."""
    if after.state is SendState.SENT:
        return max(0.0, after.changed_at - after.claim.claimed_at)
    if before.state in (SendState.SENT, SendState.DEVICE):
        return max(0.0, after.changed_at - before.changed_at)
    return None


def _count_open(connection: sqlite3.Connection) -> int:
    (count,) = connection.execute("SELECT count(*) FROM commands WHERE open").fetchone()
    return int(count)
