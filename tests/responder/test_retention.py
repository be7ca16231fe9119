"""Which rows are deleted by age and which never, on each database."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import text, update

from bridge.sql.database import SqlDatabase
from responder.store.retention import DAY, Pruning
from responder.store.schema import chats, conversations, messages, turns
from tests.responder.test_erasure import fill, ids

#: `fill` dates every row to second 1 of 1970, except conversations: those get the server's time.
NOW = 40 * DAY


async def test_old_records_are_deleted_and_waiting_ones_stay(database: SqlDatabase) -> None:
    await fill(database)
    async with database.write() as connection:
        await connection.execute(update(messages).where(messages.c.id == 2).values(turn_id=None, verdict="answer"))
        await connection.execute(update(messages).where(messages.c.id == 3).values(timestamp=NOW - DAY))
        await connection.execute(update(turns).where(turns.c.id == 4).values(state="ready"))
    assert await Pruning(database, 30 * DAY, 0).once(NOW) == 5
    assert await ids(database, messages) == [2, 3]
    assert await ids(database, turns) == [4]
    assert len(await ids(database, conversations)) == 8
    assert await ids(database, chats) == [1, 2, 3, 4]


async def test_old_conversations_are_deleted_and_opt_outs_stay(database: SqlDatabase) -> None:
    await fill(database)
    now = datetime.now(UTC).timestamp()
    before = "datetime('now', '-41 days')" if database.is_sqlite else "NOW() - INTERVAL 41 DAY"
    async with database.write() as connection:
        await connection.execute(text(f"UPDATE ll_ia_conversaciones SET created_at = {before} WHERE id < 10"))
        await connection.execute(update(chats).where(chats.c.id == 1).values(opted_out_at=7.0))
        await connection.execute(update(chats).where(chats.c.id == 2).values(last_at=now))
    await Pruning(database, 30 * DAY, 40 * DAY).once(now)
    assert await ids(database, conversations) == [11, 12, 13, 14]
    assert await ids(database, chats) == [1, 2]


async def test_rows_are_deleted_in_small_transactions(database: SqlDatabase) -> None:
    await fill(database)
    assert await Pruning(database, 30 * DAY, 0, chunk=1).once(NOW) == 8
