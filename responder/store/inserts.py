"""Inserts several rows and tells their ids: in one statement where the database can return them, else one by one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Table, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert


async def insert_rows(connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]) -> list[int]:
    """The ids of the new rows, in the order of the rows. The table's key is `id`, which the database gives."""
    if not rows:
        return []
    if connection.dialect.insert_executemany_returning:  # SQLite, MariaDB
        return list((await connection.execute(_returning(table), rows)).scalars())
    ids = []
    for row in rows:  # MySQL
        inserted = (await connection.execute(insert(table), row)).inserted_primary_key
        assert inserted is not None  # noqa: S101 - one row was inserted
        ids.append(int(inserted[0]))
    return ids


@cache
def _returning(table: Table) -> ReturningInsert[int]:
    return insert(table).returning(table.c.id, sort_by_parameter_order=True)
