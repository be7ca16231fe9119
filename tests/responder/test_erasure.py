"""What remains of a person after the erasure, on each database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from bridge.sql.database import SqlDatabase
from responder.settings import load
from responder.store.erasure import erase
from responder.store.schema import SCHEMA, chats, conversations, messages, turns

MARTA, MARTA_LID, JUAN, GROUP = "5491155500001", "123456789012345@lid", "5491155500002", "120363000000000001@g.us"
ADDRESSES = [f"{MARTA}@c.us", "541155500001@c.us", MARTA_LID]
SECRET = "el secreto de Marta"


async def fill(database: SqlDatabase) -> None:
    """Chats of two people and a group with messages of both; every message is answered."""
    people = [(1, MARTA, f"{MARTA}@c.us"), (2, JUAN, f"{JUAN}@c.us"), (3, GROUP, GROUP), (4, MARTA_LID, MARTA_LID)]
    lines = [(MARTA, 1, "P"), (JUAN, 2, "Q"), (GROUP, 3, f"R_{MARTA}@c.us"), (GROUP, 3, f"S_{JUAN}@c.us")]
    row: dict[str, Any]
    async with database.write() as connection:
        for number, person, chat in people:
            row = {"id": number, "session": "haby", "chat": chat, "part": 0, "telefono": person, "cliente_id": 51}
            await connection.execute(
                insert(chats).values(**row, name=SECRET if number in (1, 4) else "J", is_group=chat == GROUP)
            )
        for number, (person, in_chat, key) in enumerate(lines, 1):
            text = SECRET if MARTA in person + key else "de Juan"
            for line_id, role in ((number, "user"), (number + 10, "assistant")):
                row = {"id": line_id, "telefono": person, "rol": role, "mensaje": text}
                await connection.execute(insert(conversations).values(row))
            row = {
                "id": number,
                "session": "haby",
                "message_id": f"false_{person}_{key}",
                "chat_id": in_chat,
                "part": 0,
            }
            await connection.execute(
                insert(messages).values(**row, conversation_id=number, verdict="answered", turn_id=number, timestamp=1)
            )
            row = {"id": number, "session": "haby", "first_message": f"m{number}", "chat_id": in_chat, "part": 0}
            await connection.execute(
                insert(turns).values(
                    **row,
                    conversation_id=number + 10,
                    origin="rule",
                    commands=f'[["a", "{text}"]]',
                    state="sent",
                    created_at=1,
                    expires_at=2,
                )
            )


async def ids(database: SqlDatabase, table: Any) -> list[int]:
    async with database.read() as connection:
        return list((await connection.execute(select(table.c.id).order_by(table.c.id))).scalars())


async def test_one_person_is_erased_and_no_other(database: SqlDatabase) -> None:
    await fill(database)
    counted = await erase(database, ADDRESSES, dry_run=True)
    assert counted == {"conversations": 4, "answers": 2, "marks": 0, "messages": 2, "chats": 2, "opt-outs kept": 0}
    assert await ids(database, turns) == [1, 2, 3, 4]
    assert await erase(database, ADDRESSES) == counted
    assert [await ids(database, table) for table in (chats, messages, turns)] == [[2, 3], [2, 4], [2, 4]]
    assert await ids(database, conversations) == [2, 4, 12, 14]
    assert sum((await erase(database, ADDRESSES)).values()) == 0


async def test_the_opt_out_stays_without_the_name(database: SqlDatabase) -> None:
    await fill(database)
    async with database.write() as connection:
        await connection.execute(update(chats).where(chats.c.id == 1).values(opted_out_at=7.0))
    done = await erase(database, ADDRESSES)
    assert (done["chats"], done["opt-outs kept"]) == (1, 1)
    async with database.read() as connection:
        row = (await connection.execute(select(chats).where(chats.c.id == 1))).one()
    assert (row.chat, row.opted_out_at, row.name) == (f"{MARTA}@c.us", 7.0, None)


@pytest.mark.usefixtures("sqlite_settings")
async def test_no_sqlite_file_contains_the_erased_text(sqlite_settings: dict[str, Any]) -> None:
    async with (
        SqlDatabase(load(**sqlite_settings).database_url) as running,
        SqlDatabase(running.url) as beside,
    ):
        await SCHEMA.migrate(running)
        await fill(running)
        await erase(beside, ADDRESSES)
        for file in Path(sqlite_settings["data_dir"]).iterdir():  # noqa: ASYNC240 - a few files, on a local disk
            assert SECRET.encode() not in file.read_bytes(), file.name
