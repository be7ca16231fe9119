"""`late` on the real page: by a message's own time, for what catch-up finds and for what the page announces."""

from __future__ import annotations

import time

import pytest

from bridge.contract.session import SessionState
from tests.drivers.worlds import ANA, DARIO, WebWorld
from tests.states.conftest import Live


@pytest.mark.parametrize("announced", [True, False], ids=["as events after the load", "into the stores before it"])
async def test_what_arrived_while_no_bridge_ran_is_late(live: Live, web: WebWorld, announced: bool) -> None:
    async with live(paired=True) as life:
        web.incoming(ANA, "before")
        await life.inbox(1)
    away = int(time.time())
    for chat, body in ((ANA, "away"), (DARIO, "away, too")):
        web.sandbox.world.incoming(chat, body, t=away)
    # wa-js listens about a second after a load: messages that come before that have no event
    web.set(sync_ms=2500 if announced else 0, blocking_resume=1000 if announced else 1)
    async with live() as life:
        await life.reach(SessionState.CONNECTED)
        assert life.driver.connected_at > away
        await life.inbox(3)
        web.sandbox.world.incoming(ANA, "kept back by the service", t=away)
        web.incoming(ANA, "now")
        published = {message["body"]: message["late"] for message in await life.inbox(5)}
    assert published == {
        "before": False,
        "away": True,
        "away, too": True,
        "kept back by the service": True,
        "now": False,
    }
