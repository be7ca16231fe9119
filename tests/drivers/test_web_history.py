"""Catch-up over the page's database: its order, and the names that its rows lack."""

from __future__ import annotations

import time

import pytest

from bridge.contract.session import SessionState
from bridge.ports import IncomingMessage
from tests.drivers.recording import running
from tests.drivers.worlds import ANA, CARLA, CARLA_LID, ELENA, GROUP, MEMBER, WebWorld, connected

pytestmark = pytest.mark.timeout(90)


async def collected(web: WebWorld) -> list[IncomingMessage]:
    """What catch-up finds after a restart of the bridge."""
    driver = web.web_driver()
    async with running(driver) as sink:
        await sink.until_state(SessionState.CONNECTED)
        return [message async for batch in driver.collect({}, 0) for message in batch]


@pytest.mark.parametrize("older", [0, 3, 120])
async def test_a_first_row_with_a_newer_time_does_not_reverse_a_page(web: WebWorld, older: int) -> None:
    """The page's rows are ascending, except that a system message may have the time at which the page wrote it."""
    world, now = web.sandbox.world, int(time.time()) - 1000
    for number in range(older):
        world.incoming(ANA, f"{number}", t=now)
    world.incoming(ANA, "", kind="e2e_notification", t=now + 500)
    for number in range(older, older + 99):  # a page has 100 rows
        world.incoming(ANA, f"{number}", t=now)
    async with connected(web):
        pass
    texts = [message.body for message in await collected(web) if message.type == "chat"]
    assert texts == [f"{number}" for number in range(older + 99)]


async def test_messages_found_after_a_load_have_the_name_of_the_contact(web: WebWorld) -> None:
    """The database keeps no `notifyName`."""
    async with connected(web) as (_, sink):
        web.incoming(ELENA, "en vivo")
        await sink.until(lambda: sink.messages)
        assert [message.notify_name for message in sink.messages] == ["Elena"]
    web.incoming(ANA, "hola")
    web.incoming(CARLA, "hola")
    web.incoming(GROUP, "hola", MEMBER)
    web.own(ANA, "hola")
    names = {(str(m.chat), m.key.from_me): m.notify_name for m in await collected(web)}
    assert names == {
        (ELENA, False): None,  # not in the address book
        (ANA, False): "Ana",
        (CARLA_LID, False): "Carla",
        (GROUP, False): "Bruno",
        (ANA, True): None,
    }
