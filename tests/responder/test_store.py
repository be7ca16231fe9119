"""Inserts, transactions, group commit and outcomes, on each database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from bridge.client import Result, ResultStatus
from bridge.contract.messages import ErrorInfo
from bridge.sql.database import SqlDatabase
from bridge.sql.errors import DatabaseDown
from responder.faults import Fault, FaultLog
from responder.outgoing import _finished
from responder.settings import load
from responder.store.group_commit import GroupCommit
from responder.store.rows import QueuedAnswer, Turn, commands_from_json, commands_to_json
from responder.store.schema import SCHEMA, conversations
from responder.store.statements import insert_rows
from responder.turns import TurnOrigin, TurnState


@pytest.mark.parametrize("returning", [True, False])  # MariaDB and SQLite can return ids, MySQL cannot
async def test_inserted_rows_return_their_ids_in_order(
    database: SqlDatabase, returning: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"telefono": str(n), "rol": "user", "mensaje": f"ñ😀 {n}"} for n in range(7)]
    async with database.write() as connection:
        if not returning:
            monkeypatch.setattr(connection.dialect, "insert_executemany_returning", False)
        else:
            assert connection.dialect.insert_executemany_returning
        ids = await insert_rows(connection, conversations, rows)
        found = await connection.execute(select(conversations.c.id, conversations.c.telefono, conversations.c.mensaje))
        by_id = {row.id: (row.telefono, row.mensaje) for row in found}
    assert [by_id[one] for one in ids] == [(row["telefono"], row["mensaje"]) for row in rows]


async def test_an_error_rolls_back_the_transaction(database: SqlDatabase) -> None:
    async def fail() -> None:
        async with database.write() as connection:
            await insert_rows(connection, conversations, [{"telefono": "1", "rol": "user", "mensaje": "x"}])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with database.read() as connection:
        assert (await connection.execute(select(conversations.c.id))).all() == []


@pytest.mark.parametrize("database_settings", ["mariadb"], indirect=True)
async def test_a_deadlock_is_not_reported_as_a_database_that_is_down(database_settings: dict[str, Any]) -> None:
    published: list[Fault] = []
    rows = [{"telefono": str(number), "rol": "user", "mensaje": "x"} for number in range(2)]
    url = load(**database_settings).database_url
    async with SqlDatabase(url, FaultLog(time.time, published.append)) as database:
        await SCHEMA.migrate(database)
        async with database.write() as connection:
            ids = await insert_rows(connection, conversations, rows)
        at_both = asyncio.Barrier(2)

        async def change(first: int, second: int) -> None:
            async with database.write() as connection:
                await connection.execute(update(conversations).where(conversations.c.id == first).values(mensaje="y"))
                await at_both.wait()
                await connection.execute(update(conversations).where(conversations.c.id == second).values(mensaje="y"))

        outcomes = await asyncio.gather(change(*ids), change(*reversed(ids)), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes if outcome is not None] == [DatabaseDown]
        assert database.trouble is None
    assert published == []


async def test_waiting_items_share_a_transaction_and_its_error() -> None:
    groups: list[list[int]] = []
    gate = asyncio.Event()

    async def write(items: Sequence[int]) -> list[int]:
        groups.append(list(items))
        await gate.wait()
        if 13 in items:
            raise ValueError("unlucky")
        return [item * 2 for item in items]

    commit: GroupCommit[int, int] = GroupCommit(write)
    running = asyncio.create_task(commit.run(), name="group commit")
    first = asyncio.create_task(commit.put(1), name="first")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    rest = [asyncio.create_task(commit.put(number), name=str(number)) for number in (2, 3, 13)]
    await asyncio.sleep(0)
    gate.set()
    assert await first == 2
    outcomes = await asyncio.gather(*rest, return_exceptions=True)
    assert groups == [[1], [2, 3, 13]]
    assert {type(outcome) for outcome in outcomes} == {ValueError}
    assert await commit.put(4) == 8
    running.cancel()


def test_commands_are_kept_verbatim() -> None:
    commands = (QueuedAnswer("a", 'línea\n"comillas" 😀\u2028'), QueuedAnswer("b", " "))
    assert commands_from_json(commands_to_json(commands)) == commands


@pytest.mark.parametrize(
    ("status", "code", "state"),
    [
        (ResultStatus.SENT, None, TurnState.SENT),
        (ResultStatus.FAILED, "conflict", TurnState.SENT),  # sent before with another text
        (ResultStatus.FAILED, "expired", TurnState.FAILED),
        (ResultStatus.FAILED, "not_on_whatsapp", TurnState.FAILED),
        (ResultStatus.UNKNOWN, None, TurnState.UNKNOWN),
    ],
)
def test_what_a_result_means_for_a_turn(status: ResultStatus, code: str | None, state: TurnState) -> None:
    turn = Turn(1, "haby", "x", 1, 0, TurnOrigin.RULE, (QueuedAnswer("a", "x"),), TurnState.READY, 0, 0)
    error = ErrorInfo(code=code, text="", transient=False) if code else None
    result = Result(session="haby", id="a", status=status, error=error, at=datetime.now(UTC))
    assert _finished(turn, result).state is state
