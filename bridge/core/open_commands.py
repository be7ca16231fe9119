"""The commands that an earlier run left open."""

from __future__ import annotations

from bridge.contract.jid import Jid
from bridge.contract.lifecycle import SendState
from bridge.core.act_steps import ActExecutor
from bridge.core.budgets import DAY
from bridge.core.in_doubt import InDoubt
from bridge.core.pacing import HOLD, Schedule
from bridge.core.people import People
from bridge.ports import Clock, Outbox

#: Commands that are read at once, 10 ms of CPU: a hundred thousand take seconds.
PAGE = 500


async def take_over(
    outbox: Outbox, acts: ActExecutor, schedule: Schedule, in_doubt: InDoubt, people: People, clock: Clock
) -> None:
    """Queue them page by page: the session reports its status and receives meanwhile, and nothing is sent before all
    are known, which keeps order and priority."""
    unix_now = clock.now()
    firsts = await outbox.first_messages(unix_now - DAY)
    now = clock.monotonic()
    schedule.first_messages.load([now - (unix_now - at) for at in firsts], now)
    after = 0
    while page := await outbox.open_rows(after, PAGE):
        after = page[-1].number
        rows, now = await acts.resume(page), clock.monotonic()
        schedule.load(rows, [people.lane(Jid.parse(row.claim.to)) for row in rows])
        for row in rows:
            if row.state is SendState.SENDING:  # its chat waits for the look-up, so that the order is kept
                in_doubt.look_up(row, now)
                schedule.hold(row, now + HOLD)
