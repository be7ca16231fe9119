"""Erases one person: contacts of lists, recipients of campaigns, when they wrote. An opt-out stays.

A recipient stays as a number without a person, so that the report of its campaign still adds up.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, func, inspect, or_, select, update

from bridge.contract.campaigns import RecipientState
from bridge.sql.database import SqlDatabase
from campaigns.addresses import people_of
from campaigns.store.schema import campaigns, contacts, heard, opt_ins, opt_outs, recipients


async def erase(database: SqlDatabase, addresses: Collection[str], *, dry_run: bool = False) -> dict[str, int]:
    """Erase a person, given by all their addresses (`user@server`); returns the number of rows of each kind.

    One who still waits is left out of the campaign; `still open` counts those whose message has no result yet, which
    stay until then. Raises DatabaseDown.
    """
    people = people_of(addresses)
    theirs = or_(recipients.c.person.in_(people), recipients.c.chat.in_(people))
    is_open = theirs & (recipients.c.state == RecipientState.SENDING)
    over = theirs & (recipients.c.state != RecipientState.SENDING)
    nothing = {"recipient": "", "person": "", "chat": None, "name": None, "vars": "{}", "meta": None, "text": ""}
    waiting = over & (recipients.c.state == RecipientState.WAITING)
    steps = (
        ("contacts", delete(contacts).where(contacts.c.person.in_(people)), contacts, contacts.c.person.in_(people)),
        ("times", delete(heard).where(heard.c.person.in_(people)), heard, heard.c.person.in_(people)),
        ("still open", None, recipients, is_open),
        ("recipients", None, recipients, over),
        ("opt-outs kept", None, opt_outs, opt_outs.c.person.in_(people)),
    )
    counts = {}
    async with database.write() as connection:
        for kind, step, table, condition in steps:
            query = select(func.count()).select_from(table).where(condition)
            counts[kind] = int((await connection.execute(query)).scalar_one())
            if step is not None and not dry_run:
                await connection.execute(step)
        if not dry_run:
            # `wa forget` may run after an update and before the service, which migrates
            if await connection.run_sync(lambda sync: inspect(sync).has_table(opt_ins.name)):
                await connection.execute(delete(opt_ins).where(opt_ins.c.person.in_(people)))
            found = await connection.run_sync(lambda sync: inspect(sync).get_columns(campaigns.name))
            if campaigns.c.digest.name in {column["name"] for column in found}:
                # with the rest of the plan, it would say whether a number was among the recipients
                planned_for = campaigns.c.id.in_(select(recipients.c.campaign).where(theirs))
                await connection.execute(update(campaigns).where(planned_for).values(digest=None))
            left_out = {"state": RecipientState.SKIPPED, "code": "erased"}
            await connection.execute(update(recipients).where(waiting).values(left_out))
            gone = {**nothing, "question": None, "answer": None, "error": None}
            await connection.execute(update(recipients).where(over).values(gone))
    if not dry_run:
        await database.wipe()
    return counts
