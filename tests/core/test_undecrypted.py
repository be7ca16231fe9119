"""Undecrypted messages: catch-up goes back to them, events report them, and erased addresses do not come back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from bridge.contract.events import DECRYPTED, UNDECRYPTED
from bridge.contract.jid import Jid, MessageKey
from bridge.contract.messages import MessageContent, Stream
from bridge.core.undecrypted import GIVE_UP, MAX_TRACKED
from bridge.ports import Account, IncomingMessage
from bridge.store.erasure import erase_session, wipe
from bridge.store.redaction import ErasedPerson
from tests.clocks import FakeClock
from tests.core.commands import ANA, BETO
from tests.core.conftest import SessionHarness


def undecrypted(chat: str, raw_id: str, at: float) -> IncomingMessage:
    key = MessageKey(False, Jid.parse(chat), raw_id)
    return IncomingMessage(str(key), key, key.remote, "ciphertext", int(at))


def forget(path: Path) -> dict[str, int]:
    done = erase_session(path, ErasedPerson.of(ANA), marks=True)
    assert wipe(path, "migrations", beside_a_bridge=True)
    return done


def files_with(path: Path, text: str) -> list[str]:
    return [file.name for file in path.parent.iterdir() if file.is_file() and text.encode() in file.read_bytes()]


async def test_catch_up_goes_back_to_an_undecrypted_message(harness: SessionHarness, clock: FakeClock) -> None:
    """Newer messages move the watermark; its text may come with the next load of the page, without an event."""
    await harness.start()
    inbound, now = harness.session._inbound, int(clock.now())
    unread, later = undecrypted(ANA, "A", now + 10), undecrypted(ANA, "B", now + 60)
    assert await inbound.journal_messages([unread]) == 0
    clock.advance(60)
    assert await inbound.journal_messages([replace(later, content=MessageContent(body="newer"), type="chat")]) == 1
    assert (await inbound.watermarks())[0] == {ANA: now + 10}
    await harness.again()
    inbound = harness.session._inbound
    assert (await inbound.watermarks())[0] == {ANA: now + 10}
    assert await inbound.journal_messages([replace(unread, content=MessageContent(body="the text"), type="chat")]) == 1
    assert (await inbound.watermarks())[0] == {ANA: now + 60}
    assert await events(harness, 2) == [("undecrypted", "A", None), ("decrypted", "A", None)]


async def events(harness: SessionHarness, count: int) -> list[tuple[str, str, str | None]]:
    """Kind, raw id and `given_up` of all events; waits for `count` of them."""
    found = await harness.stream(Stream.EVENT, count)
    return [(one["kind"], MessageKey.parse(one["message_id"]).id, one.get("given_up")) for one in found]


def readable(message: IncomingMessage, body: str = "the text") -> IncomingMessage:
    return replace(message, content=MessageContent(body=body), type="chat")


async def test_each_is_reported_once_and_gets_one_end(harness: SessionHarness, clock: FakeClock) -> None:
    await harness.start()
    inbound, now = harness.session._inbound, int(clock.now())
    clock.advance(60)
    mended, revoked, lost = (undecrypted(ANA, raw_id, now + 1) for raw_id in "ABC")
    await inbound.journal_messages([mended, revoked, lost])
    await inbound.journal_messages([mended, replace(mended, type="revoked", key=replace(mended.key, id="never seen"))])
    await harness.again()  # catch-up finds them again
    inbound = harness.session._inbound
    await inbound.journal_messages([mended, revoked, lost])
    await inbound.journal_messages([readable(mended)])
    await inbound.journal_messages([readable(mended), replace(revoked, type="revoked")])
    clock.advance(GIVE_UP + 2)
    await inbound.journal_messages([readable(undecrypted(BETO, "D", clock.now()), "two weeks later")])
    assert await events(harness, 6) == [
        (UNDECRYPTED, "A", None),
        (UNDECRYPTED, "B", None),
        (UNDECRYPTED, "C", None),
        (DECRYPTED, "A", None),
        (UNDECRYPTED, "B", "removed"),
        (UNDECRYPTED, "C", "expired"),
    ]
    assert [m["body"] for m in await harness.stream(Stream.IN, 2)] == ["the text", "two weeks later"]
    assert (await inbound.watermarks())[0][ANA] == now + 1  # of the text, and no longer of what was given up
    await inbound.journal_messages([readable(lost, "after all")])
    assert len(await harness.stream(Stream.IN, 3)) == 3


async def test_what_is_too_old_is_given_up_at_the_next_connection(harness: SessionHarness, clock: FakeClock) -> None:
    """By the service's clock: the machine's may be wrong."""
    await harness.start()
    inbound, now = harness.session._inbound, int(clock.now())
    await inbound.journal_messages([undecrypted(ANA, "A", now + 1)])
    await inbound.connected(now + GIVE_UP)
    assert await events(harness, 1) == [(UNDECRYPTED, "A", None)]
    await inbound.connected(now + GIVE_UP + 2)
    assert (await events(harness, 2))[1:] == [(UNDECRYPTED, "A", "expired")]


async def test_a_limited_number_is_tracked(harness: SessionHarness, clock: FakeClock) -> None:
    await harness.start()
    now = int(clock.now())
    await harness.session._inbound.journal_messages(
        [undecrypted(ANA, str(number), now + number) for number in range(MAX_TRACKED + 1)]
    )
    assert (await events(harness, MAX_TRACKED + 2))[-1] == (UNDECRYPTED, "0", "too_many")
    assert (await harness.session._inbound.watermarks())[0] == {ANA: now + 1}


async def test_another_account_ends_them(harness: SessionHarness, clock: FakeClock) -> None:
    await harness.start()
    inbound, now = harness.session._inbound, int(clock.now())
    await inbound.journal_messages([undecrypted(ANA, "A", now)])
    await inbound.logged_in(Account(Jid.parse("5491155509999@c.us"), None, now + 10, now + 10))
    assert await events(harness, 2) == [(UNDECRYPTED, "A", None), (UNDECRYPTED, "A", "removed")]


async def test_two_noted_at_the_same_time_are_both_stored(harness: SessionHarness, clock: FakeClock) -> None:
    """Catch-up runs beside live messages; one must not overwrite what the other has noted."""
    await harness.start()
    inbound, now = harness.session._inbound, int(clock.now())
    live, found = undecrypted(ANA, "A", now), undecrypted(BETO, "B", now)
    await asyncio.gather(inbound.journal_messages([live]), inbound.journal_messages([found]))
    await harness.again()
    assert (await harness.session._inbound.watermarks())[0] == {ANA: now, BETO: now}


async def test_an_erased_person_is_no_longer_tracked_and_others_are(harness: SessionHarness, clock: FakeClock) -> None:
    await harness.start()
    inbound, now = harness.session._inbound, int(clock.now())
    clock.advance(60)
    await inbound.journal_messages([undecrypted(ANA, "A", now + 10), undecrypted(BETO, "B", now + 20)])
    await inbound.unread.add({ANA: now, BETO: now + 20})
    assert files_with(harness.path, ANA)
    assert (await asyncio.to_thread(forget, harness.path))["unread messages"] == 2
    assert files_with(harness.path, ANA) == []
    # the bridge runs on and writes the list again: erased entries do not come back
    await inbound.journal_messages([undecrypted(BETO, "D", now + 30)])
    assert files_with(harness.path, ANA) == []
    assert (await inbound.watermarks())[0] == {BETO: now + 20}
    assert (
        await inbound.journal_messages(
            [replace(undecrypted(BETO, "B", now + 20), content=MessageContent(body="decrypted"), type="chat")]
        )
        == 1
    )
    assert (await inbound.watermarks())[0] == {BETO: now + 20}
    await harness.end()
    assert files_with(harness.path, ANA) == []


async def test_without_a_running_bridge_it_is_erased_from_the_file(harness: SessionHarness, clock: FakeClock) -> None:
    await harness.start()
    now = int(clock.now())
    await harness.session._inbound.journal_messages([undecrypted(ANA, "A", now + 10), undecrypted(BETO, "B", now + 20)])
    await harness.end()
    assert erase_session(harness.path, ErasedPerson.of(ANA), marks=False, dry_run=True)["unread messages"] == 1
    assert files_with(harness.path, ANA)
    assert forget(harness.path)["unread messages"] == 1
    assert files_with(harness.path, ANA) == []
    await harness.start()
    assert (await harness.session._inbound.watermarks())[0] == {BETO: now + 20}
