"""A database of the first version opens with this one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, inspect

from bridge.contract.campaigns import RecipientState
from bridge.sql.database import SqlDatabase
from campaigns.settings import load
from campaigns.store.erasure import erase
from campaigns.store.schema import SCHEMA, metadata
from tests.campaigns.conftest import number
from tests.campaigns.test_planning import NOW, Desk

#: What the later versions added.
_TO_FIRST = (
    "ALTER TABLE wa_campaign DROP COLUMN digest",
    "DROP INDEX ix_wa_campaign_recipient_asked{on}",
    "ALTER TABLE wa_campaign_recipient DROP COLUMN asked_at",
    "DROP TABLE wa_campaign_used_id",
    "DROP TABLE wa_campaign_opt_in",
    "UPDATE wa_campaign_schema SET version_num = '0001'",
)


def _columns(connection: Connection, table: str) -> set[str]:
    return {column["name"] for column in inspect(connection).get_columns(table)}


async def test_a_database_of_the_first_version_is_migrated_with_its_rows(database_settings: dict[str, Any]) -> None:
    async with SqlDatabase(load(**database_settings).database_url) as database:
        await SCHEMA.migrate(database)
        desk = Desk(database)
        campaign = await desk.plan(recipients=[{"to": number(1), "name": "Ana"}])
        async with database.write() as connection:
            on = "" if database.is_sqlite else " ON wa_campaign_recipient"
            for step in _TO_FIRST:
                await connection.exec_driver_sql(step.format(on=on))
        assert (await erase(database, {f"{number(2)}@c.us"}))["recipients"] == 0  # before the service has migrated
        await SCHEMA.migrate(database)
        async with database.read() as connection:
            tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
            for table in ("wa_campaign", "wa_campaign_recipient"):
                columns = await connection.run_sync(_columns, table)
                assert columns == set(metadata.tables[table].columns.keys())
        assert metadata.tables.keys() <= set(tables)
        assert [row.state for row in await desk.rows(campaign)] == [RecipientState.WAITING]
        assert (await desk.recipients.sends(campaign, "haby", NOW)).today == 0
        assert (await desk.campaigns.get(campaign)).name == "x"
