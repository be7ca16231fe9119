"""A yes to the question of `ask_first`: it counts once the question was sent, and the text waits then."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.contract.campaigns import REACHED, CampaignState, RecipientState
from campaigns.agreement import is_yes
from campaigns.store.schema import campaigns, recipients

#: WhatsApp's times have whole seconds, and its clock may be this much behind the bridge's.
CLOCKS = 5.0


async def locked_campaign(connection: AsyncConnection, campaign_id: str) -> str | None:
    """The state of a campaign, which no other transaction changes until this one ends; None if it is gone."""
    query = select(campaigns.c.state).where(campaigns.c.id == campaign_id).with_for_update()
    state: str | None = (await connection.execute(query)).scalar()
    return state


async def take_yes(connection: AsyncConnection, row: Row[Any], at: float) -> bool:
    """Let the text of a recipient wait if a yes of that moment answers its question; whether it does.

    A campaign whose last question was sent long ago goes on with this one.
    """
    if row.question is None or row.stage != 0 or row.state not in (*REACHED, RecipientState.UNKNOWN):
        return False
    if row.sent_at is not None and at < row.sent_at - CLOCKS:
        return False  # written before the question left
    # locked before it is decided: a campaign that becomes `done` meanwhile would leave the text waiting
    state = await locked_campaign(connection, row.campaign)
    if state is None or state == CampaignState.CANCELLED:
        return False
    change = update(recipients).where(
        recipients.c.id == row.id, recipients.c.stage == 0, recipients.c.state.in_([*REACHED, RecipientState.UNKNOWN])
    )
    nothing = dict.fromkeys(
        ("claimed_at", "expires_at", "epoch", "sent_at", "delivered_at", "read_at", "code", "error")
    )
    waits = {**nothing, "stage": 1, "attempt": 1, "state": RecipientState.WAITING, "asked_at": row.claimed_at}
    if not (await connection.execute(change.values(waits))).rowcount:
        return False
    if state == CampaignState.DONE:
        reopened = update(campaigns).where(campaigns.c.id == row.campaign)
        await connection.execute(reopened.values(state=CampaignState.RUNNING, ended_at=None))
    return True


async def take_early_yes(connection: AsyncConnection, recipient_id: int) -> bool:
    """Let a yes count that was read before the question's result was: its moment says whether it answers it."""
    query = select(recipients).where(recipients.c.id == recipient_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None or row.answered_at is None or not is_yes(row.answer or ""):
        return False
    return await take_yes(connection, row, row.answered_at)
