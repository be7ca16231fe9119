"""Uploaded lists and their contacts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from bridge.contract.campaign_reports import BadRow, RecipientList
from bridge.contract.payload import instant
from bridge.sql.database import SqlDatabase
from campaigns.errors import NoSuchCampaign
from campaigns.lists.contacts import ListedContact
from campaigns.store.schema import contacts, lists


class RecipientListStore:
    """Every call is one transaction. Each raises DatabaseDown."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    async def create(self, list_id: str, name: str, now: float) -> None:
        """Store an empty list that is not complete yet."""
        row = {"id": list_id, "name": name, "tags": "[]", "columns": "[]", "bad_rows": "[]", "created_at": now}
        async with self._database.write() as connection:
            await connection.execute(
                insert(lists).values(row | {"bad_row_count": 0, "duplicates": 0, "size": 0, "complete": 0})
            )

    async def add(self, list_id: str, found: Sequence[ListedContact]) -> None:
        """Write contacts of people that the list does not have yet."""
        rows = [
            {
                "list": list_id,
                "line": one.line,
                "recipient": one.to,
                "person": one.key,
                "name": one.name,
                "vars": json.dumps(one.values, ensure_ascii=False),
                "tags": json.dumps(one.tags, ensure_ascii=False),
            }
            for one in found
        ]
        async with self._database.write() as connection:
            await connection.execute(insert(contacts), rows)

    async def merge(self, list_id: str, found: Sequence[ListedContact]) -> None:
        """Add to stored contacts what further rows of the same people have."""
        async with self._database.write() as connection:
            for other in found:
                of_person = (contacts.c.list == list_id) & (contacts.c.person == other.key)
                row = (await connection.execute(select(contacts).where(of_person))).one_or_none()
                if row is None:
                    continue
                kept = contact_of(row)
                kept.absorb(other)
                await connection.execute(
                    update(contacts)
                    .where(contacts.c.id == row.id)
                    .values(
                        name=kept.name,
                        vars=json.dumps(kept.values, ensure_ascii=False),
                        tags=json.dumps(kept.tags, ensure_ascii=False),
                    )
                )

    async def complete(
        self,
        list_id: str,
        *,
        tags: Sequence[str],
        columns: Sequence[str],
        bad: Sequence[BadRow],
        bad_count: int,
        twice: int,
    ) -> RecipientList:
        """The list is whole: it can be used now."""
        async with self._database.write() as connection:
            size = (
                await connection.execute(select(func.count()).select_from(contacts).where(contacts.c.list == list_id))
            ).scalar_one()
            await connection.execute(
                update(lists)
                .where(lists.c.id == list_id)
                .values(
                    tags=json.dumps(list(tags), ensure_ascii=False),
                    columns=json.dumps(list(columns), ensure_ascii=False),
                    bad_rows=json.dumps([row.model_dump() for row in bad], ensure_ascii=False),
                    bad_row_count=bad_count,
                    duplicates=twice,
                    size=size,
                    complete=1,
                )
            )
        return await self.get(list_id)

    async def get(self, list_id: str) -> RecipientList:
        """A complete list. Raises `NoSuchCampaign`."""
        query = select(lists).where(lists.c.id == list_id, lists.c.complete == 1)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NoSuchCampaign("There is no list with this id: upload its file first.")
        return _list(row)

    async def all(self) -> list[RecipientList]:
        """The complete lists, newest first."""
        query = select(lists).where(lists.c.complete == 1).order_by(lists.c.created_at.desc())
        async with self._database.read() as connection:
            return [_list(row) for row in await connection.execute(query)]

    async def delete(self, list_id: str) -> None:
        """Delete a list with its contacts; campaigns that were planned from it keep theirs."""
        async with self._database.write() as connection:
            await connection.execute(delete(contacts).where(contacts.c.list == list_id))
            await connection.execute(delete(lists).where(lists.c.id == list_id))

    async def delete_unfinished(self) -> None:
        """Delete lists whose upload was interrupted."""
        async with self._database.write() as connection:
            unfinished = select(lists.c.id).where(lists.c.complete == 0)
            names = list((await connection.execute(unfinished)).scalars())
            await connection.execute(delete(contacts).where(contacts.c.list.in_(names)))
            await connection.execute(delete(lists).where(lists.c.id.in_(names)))

    async def page(self, list_id: str, after: int, limit: int) -> list[tuple[int, ListedContact]]:
        """Contacts after a row number, in the order of the file."""
        query = (
            select(contacts)
            .where(contacts.c.list == list_id, contacts.c.id > after)
            .order_by(contacts.c.id)
            .limit(limit)
        )
        async with self._database.read() as connection:
            return [(row.id, contact_of(row)) for row in await connection.execute(query)]


def contact_of(row: Row[Any]) -> ListedContact:
    """The contact of a stored row."""
    values, tags = json.loads(row.vars), tuple(json.loads(row.tags))
    return ListedContact(row.line, row.recipient, row.person, row.name, values, tags)


def _list(row: Row[Any]) -> RecipientList:
    return RecipientList(
        id=row.id,
        name=row.name,
        tags=json.loads(row.tags),
        columns=json.loads(row.columns),
        rows=row.size,
        duplicates=row.duplicates,
        bad_row_count=row.bad_row_count,
        bad_rows=[BadRow(**one) for one in json.loads(row.bad_rows)],
        created_at=instant(row.created_at),
    )
