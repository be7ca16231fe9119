"""Messages as WhatsApp Web really delivers them: old, unreadable, twice, under two addresses, out of order, late."""

from __future__ import annotations

import time
from itertools import pairwise

from bridge.contract.jid import MessageKey
from bridge.contract.messages import Stream
from bridge.contract.session import SessionState
from bridge.sandbox.records import Contact
from tests.drivers.worlds import ANA, DARIO, GROUP, MEMBER, WebWorld
from tests.states.conftest import Live, LiveSession

YEAR = 365 * 24 * 3600
FABIO, FABIO_LID = "5491155540077@c.us", "188000000000077@lid"
CHATS = 3_000


def years_of_history(web: WebWorld) -> None:
    """Thousands of chats and one long one, whose newest message is from just before the pairing."""
    world, now = web.sandbox.world, int(time.time())
    for number in range(CHATS):
        world.incoming(f"54911555{number:05}@c.us", "hace años", t=now - 3 * YEAR + number)
    for number in range(300):
        world.incoming(ANA, f"viejo {number}", t=now - YEAR + number)
    world.incoming(GROUP, "recién", author=MEMBER, t=now - 2)


async def receive_acks(life: LiveSession, *steps: tuple[list[int], list[str]]) -> tuple[str, list[str]]:
    """Send a text; deliver ack packets, and wait after each step for everything that must be published by then."""
    before = set(life.web.sent())
    command = await life.send(ANA, f"acks {steps}")
    await life.until(lambda: set(life.web.sent()) - before)
    (raw_id,) = set(life.web.sent()) - before
    published: list[str] = []
    for packets, published in steps:
        for ack in packets:
            life.web.sandbox.world.faults.stray_ack(raw_id, ack)
        await life.until_published(command, published)
    return command, published


async def test_unusual_messages_of_an_old_account(live: Live, web: WebWorld) -> None:
    years_of_history(web)
    web.manual_acks()
    world = web.sandbox.world
    async with live(paired=True) as life:
        assert await life.inbox() == []

        secret = world.incoming(ANA, "", kind="ciphertext")
        world.incoming("status@broadcast", "mi estado")
        world.incoming("120363999999999999@newsletter", "novedades")
        world.incoming(ANA, "", kind="e2e_notification")
        web.own(ANA, "yo, desde el teléfono")
        world.incoming(GROUP, "legible", author=MEMBER)
        world.faults.decrypt(secret.id, "por fin")
        assert sorted([m["body"] for m in await life.inbox(2)]) == ["legible", "por fin"]
        await life.store.journal.wait_beyond(Stream.EVENT, 0)

        world.directory.add_contact(Contact(lid=FABIO_LID, name="Fabio"))
        world.incoming(FABIO_LID, "¿quién soy?")
        assert [(m["chat"], m["from_pn"]) for m in (await life.inbox(3))[2:]] == [(FABIO_LID, None)]
        world.directory.add_contact(Contact(lid=FABIO_LID, pn=FABIO, name="Fabio"))
        world.incoming(FABIO_LID, "soy yo")
        assert [(m["chat"], m["from_pn"]) for m in (await life.inbox(4))[3:]] == [(FABIO_LID, FABIO)]
        world.faults.move_chat(FABIO_LID, FABIO)
        world.faults.reload()
        await life.reach(SessionState.CONNECTED)
        world.incoming(FABIO, "desde la otra dirección")
        (moved,) = (await life.inbox(5))[4:]  # and no earlier message again
        assert (moved["chat"], moved["from_lid"], moved["late"]) == (FABIO, FABIO_LID, False)

        sent = ["accepted", "sent", "server"]
        outcomes = [
            await receive_acks(life, ([1], sent), ([3, 2, 1, 3], [*sent, "read"])),
            await receive_acks(life, ([3], ["accepted", "sent", "read"]), ([1, 2], ["accepted", "sent", "read"])),
            await receive_acks(life, ([1], sent), ([-1, -1], [*sent, "failed", "error"])),
        ]
        for command, published in outcomes:  # no further ones of the first commands after the last one
            await life.until_published(command, published)

    now = int(time.time())
    chats = [f"54911555{number:05}@c.us" for number in range(40)]
    for number in range(400):  # ten a chat, some in the same second
        world.incoming(chats[number % 40], f"{number}", t=now + number // 80)
    async with live() as life:
        await life.reach(SessionState.CONNECTED)
        missed = (await life.inbox(405))[5:]
    assert sorted(int(m["body"]) for m in missed) == list(range(400))
    assert all(m["late"] is (m["timestamp"] < life.driver.connected_at) for m in missed)
    assert missed[0]["late"] is True
    for chat in chats:
        numbers = [int(m["body"]) for m in missed if m["chat"] == chat]
        assert all(one < other for one, other in pairwise(numbers))


async def test_a_page_with_minified_keys(live: Live, web: WebWorld) -> None:
    """As in WhatsApp >= 2.3000.1042401057."""
    web.set(minified_keys=True)
    async with live(paired=True) as life:
        command = await life.send(DARIO, "hola")
        world = web.sandbox.world
        live_one = world.incoming(GROUP, "en vivo", author=MEMBER)
        (found,) = await life.inbox(1)
        assert MessageKey.parse(found["id"]) == MessageKey.parse(live_one.key)
        await life.until(lambda: [m for m in world.state.messages if m.from_me and m.ack == 3])
        world.faults.reload()
        missed = world.incoming(ANA, "mientras tanto")
        assert [m["id"] for m in await life.inbox(2)] == [live_one.key, missed.key]
        await life.until_published(command, ["accepted", "sent", "server", "device", "read"])
    assert [sent.deliveries for sent in world.state.sent.values()] == [1]
