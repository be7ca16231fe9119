"""Whose chat it is: accounts whose new chats have a LID as address, groups, and the chat with oneself."""

from __future__ import annotations

import pytest

from bridge.contract.errors import NotOnWhatsApp
from bridge.contract.jid import Jid
from bridge.contract.kinds import Text
from bridge.contract.requests import Typing
from bridge.contract.session import SessionState
from bridge.ports import DriverUnavailable
from bridge.sandbox.records import ACCOUNT, Contact
from tests.drivers.recording import running
from tests.drivers.worlds import ANA, DARIO, ELENA, GROUP, MEMBER, UNREGISTERED, WebWorld, connected

FABIO, FABIO_LID = "5491155540077@c.us", "188000000000077@lid"


async def test_a_migrated_account_gets_new_chats_by_lid(web: WebWorld) -> None:
    web.set(lid_migrated=True)
    world = web.sandbox.world
    world.directory.add_contact(Contact(pn=FABIO, lid=FABIO_LID, name="Fabio", saved=False))
    async with connected(web) as (driver, sink):
        assert str(await driver.resolve(Jid.parse(ANA))) == ANA  # an old chat keeps its address
        with pytest.raises(NotOnWhatsApp):
            await driver.resolve(Jid.parse(UNREGISTERED))
        with pytest.raises(DriverUnavailable, match="No LID for user"):
            await driver.resolve(Jid.parse(ELENA))
        chat = await driver.resolve(Jid.parse(FABIO))
        assert str(chat) == FABIO_LID
        key = await driver.reserve(chat)
        await driver.send(key, Text("hola"))
        await sink.until(lambda: sink.acks(key.id) == [1, 2, 3])
        assert (await driver.look_up(key)).ack == 3
        assert (await driver.look_up(key.under(Jid.parse(FABIO)))).ack == 3
        await driver.answer(Typing(to=FABIO, seconds=30))
        web.incoming(FABIO, "buenas")
        await sink.until(lambda: sink.messages)
        [message] = sink.messages
        assert (str(message.chat), str(message.from_pn), str(message.from_lid)) == (FABIO_LID, FABIO, FABIO_LID)
        await sink.until(lambda: FABIO_LID in world.typing)
    web.incoming(FABIO, "mientras tanto")
    driver = web.web_driver()
    async with running(driver) as sink:
        await sink.until_state(SessionState.CONNECTED)
        # whichever address the watermark has
        for since in ({FABIO: message.timestamp}, {FABIO_LID: message.timestamp}):
            found = [m async for batch in driver.collect(since, 2**40) for m in batch]
            assert [(str(m.chat), m.body) for m in found if not m.key.from_me] == [
                (FABIO_LID, "buenas"),
                (FABIO_LID, "mientras tanto"),
            ]


async def test_a_group_message_is_read_when_the_first_member_reads_it(web: WebWorld) -> None:
    """Each member sends receipts of its own; the page's message rises only when all have."""
    web.manual_acks()
    async with connected(web) as (driver, sink):
        key = await driver.reserve(Jid.parse(GROUP))
        await driver.send(key, Text("a todos"))
        world = web.sandbox.world
        world.acknowledge(key.id, 1)
        world.acknowledge(key.id, 2, DARIO)
        world.acknowledge(key.id, 3, MEMBER)
        await sink.until(lambda: sink.acks(key.id) == [1, 2, 3])
        message = world.message(key.id)
        assert message is not None
        assert message.ack == 1
        for person in (ANA, DARIO):
            world.acknowledge(key.id, 3, person)
        web.incoming(ANA, "y nada más")
        await sink.until(lambda: sink.messages)
        assert sink.acks(key.id) == [1, 2, 3]


async def test_a_message_to_oneself_is_read_at_once(web: WebWorld) -> None:
    async with connected(web) as (driver, sink):
        key = await driver.reserve(await driver.resolve(Jid.parse(ACCOUNT)))
        assert await driver.send(key, Text("para mí")) == 3
        await sink.until(lambda: sink.acks(key.id) == [3])
        assert (await driver.look_up(key)).ack == 3
