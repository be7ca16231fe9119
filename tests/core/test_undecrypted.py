"""Messages that cannot be read yet: not passed over, and nobody's address is kept who was forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from bridge.contract.jid import Jid, MessageKey
from bridge.contract.messages import MessageContent
from bridge.ports import IncomingMessage
from bridge.store.erasure import erase_session, wipe
from bridge.store.redaction import ErasedPerson
from tests.clocks import FakeClock
from tests.core.commands import ANA, BETO
from tests.core.conftest import Bench


def waiting(chat: str, raw_id: str, at: float) -> IncomingMessage:
    key = MessageKey(False, Jid.parse(chat), raw_id)
    return IncomingMessage(str(key), key, key.remote, "ciphertext", int(at))


def forget(path: Path) -> dict[str, int]:
    done = erase_session(path, ErasedPerson.of(ANA), marks=True)
    assert wipe(path, "migrations", beside_a_bridge=True)
    return done


def files_with(path: Path, text: str) -> list[str]:
    return [file.name for file in path.parent.iterdir() if file.is_file() and text.encode() in file.read_bytes()]


async def test_a_message_that_waits_for_its_text_is_not_passed_over(bench: Bench, clock: FakeClock) -> None:
    """Newer ones move the watermark; its text may come with the next load of the page, which announces nothing."""
    await bench.start()
    inbound, now = bench.session._inbound, int(clock.now())
    unread, later = waiting(ANA, "A", now + 10), waiting(ANA, "B", now + 60)
    assert await inbound.take([unread], late=False) == 0
    clock.advance(60)
    assert await inbound.take([replace(later, content=MessageContent(body="newer"), type="chat")], late=False) == 1
    assert (await inbound.watermarks())[0] == {ANA: now + 10}
    await bench.again()
    inbound = bench.session._inbound
    assert (await inbound.watermarks())[0] == {ANA: now + 10}
    assert await inbound.take([replace(unread, content=MessageContent(body="the text"), type="chat")], late=True) == 1
    assert (await inbound.watermarks())[0] == {ANA: now + 60}
    await inbound.take([unread], late=False)  # told again as it was; and one that nobody will ever read
    clock.advance(8 * 24 * 3600)
    week = replace(waiting(BETO, "C", now + 8 * 24 * 3600), content=MessageContent(body="next week"), type="chat")
    await inbound.take([week], late=False)
    assert (await inbound.watermarks())[0][ANA] == now + 60


async def test_two_that_are_noted_at_once_are_both_remembered(bench: Bench, clock: FakeClock) -> None:
    """A look at the stores runs beside what is live; the one must not write over what the other has noted."""
    await bench.start()
    inbound, now = bench.session._inbound, int(clock.now())
    live, found = waiting(ANA, "A", now), waiting(BETO, "B", now)
    await asyncio.gather(inbound.take([live], late=False), inbound.take([found], late=True))
    await bench.again()
    assert (await bench.session._inbound.watermarks())[0] == {ANA: now, BETO: now}


async def test_who_was_forgotten_is_waited_for_no_more_and_the_others_are(bench: Bench, clock: FakeClock) -> None:
    await bench.start()
    inbound, now = bench.session._inbound, int(clock.now())
    clock.advance(60)
    await inbound.take([waiting(ANA, "A", now + 10), waiting(BETO, "B", now + 20)], late=False)
    await inbound.unread.add({ANA: now, BETO: now + 20})
    assert files_with(bench.path, ANA)
    assert (await asyncio.to_thread(forget, bench.path))["unread messages"] == 2
    assert files_with(bench.path, ANA) == []
    # the bridge goes on without a restart, and writes the list anew: what it held does not come back
    await inbound.take([waiting(BETO, "D", now + 30)], late=False)
    assert files_with(bench.path, ANA) == []
    assert (await inbound.watermarks())[0] == {BETO: now + 20}
    assert (
        await inbound.take(
            [replace(waiting(BETO, "B", now + 20), content=MessageContent(body="mended"), type="chat")], late=True
        )
        == 1
    )
    assert (await inbound.watermarks())[0] == {BETO: now + 20}
    await bench.end()
    assert files_with(bench.path, ANA) == []


async def test_beside_no_bridge_it_is_erased_from_the_file(bench: Bench, clock: FakeClock) -> None:
    await bench.start()
    now = int(clock.now())
    await bench.session._inbound.take([waiting(ANA, "A", now + 10), waiting(BETO, "B", now + 20)], late=False)
    await bench.end()
    assert erase_session(bench.path, ErasedPerson.of(ANA), marks=False, dry_run=True)["unread messages"] == 1
    assert files_with(bench.path, ANA)
    assert forget(bench.path)["unread messages"] == 1
    assert files_with(bench.path, ANA) == []
    await bench.start()
    assert (await bench.session._inbound.watermarks())[0] == {BETO: now + 20}
