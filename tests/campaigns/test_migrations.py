"""A database of the first version opens with this one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import inspect

from bridge.contract.campaigns import RecipientState
from bridge.sql.database import SqlDatabase
from campaigns.settings import load
from campaigns.store.erasure import erase
from campaigns.store.schema import SCHEMA, metadata
from tests.campaigns.conftest import number
from tests.campaigns.test_planning import NOW, Desk

#: What the second version added.
_TO_FIRST = (
    "DROP INDEX ix_wa_campaign_recipient_asked{on}",
    "ALTER TABLE wa_campaign_recipient DROP COLUMN asked_at",
    "DROP TABLE wa_campaign_used_id",
    "DROP TABLE wa_campaign_opt_in",
    "UPDATE wa_campaign_schema SET version_num = '0001'",
)


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
            found = await connection.run_sync(lambda sync: inspect(sync).get_columns("wa_campaign_recipient"))
            tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        assert {column["name"] for column in found} == set(metadata.tables["wa_campaign_recipient"].columns.keys())
        assert metadata.tables.keys() <= set(tables)
        assert [row.state for row in await desk.rows(campaign)] == [RecipientState.WAITING]
        assert (await desk.recipients.sends(campaign, "haby", NOW)).today == 0
