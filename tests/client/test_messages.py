"""Reading from the real bridge side: every message once and in order, over whatever happens in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from bridge.client import Cursor, EventMessage, Gap, GapReason, Message
from bridge.store import open_store
from tests.client.conftest import ANA, BETO, BridgeSide, Connect
from tests.mosquitto_server import MosquittoServer

_Item = TypeVar("_Item", Message, EventMessage)


async def read(items: AsyncIterator[_Item], count: int, within: float = 30) -> list[_Item]:
    got: list[_Item] = []
    async with asyncio.timeout(within):
        while len(got) < count:
            got.append(await anext(items))
    return got


def numbers(messages: list[Message]) -> list[int]:
    return [message.seq for message in messages]


async def test_from_the_oldest_and_on_with_what_comes(side: BridgeSide, client: Connect) -> None:
    await side.start()
    for text in ("Hola", "¿Están?", "Necesito un turno"):
        side.phone.incoming(ANA, text)
    await side.journalled(3)
    async with client("reader") as reader:
        messages = reader.messages("haby")
        first = await read(messages, 3)
        side.phone.incoming(BETO, "Buenas")
        [live] = await read(messages, 1)
    assert [message.body for message in (*first, live)] == ["Hola", "¿Están?", "Necesito un turno", "Buenas"]
    assert numbers([*first, live]) == [1, 2, 3, 4]
    assert live.from_ == live.chat == BETO
    assert live.cursor == Cursor(epoch=live.epoch, seq=4)


async def test_from_a_cursor(side: BridgeSide, client: Connect) -> None:
    await side.start()
    for number in range(5):
        side.phone.incoming(ANA, f"Mensaje {number}")
    async with client("reader") as reader:
        second = (await read(reader.messages("haby"), 2))[1]
    async with client("reader") as reader:
        rest = await read(reader.messages("haby", after=second.cursor), 3)
    assert numbers(rest) == [3, 4, 5]


async def test_only_new_ones(side: BridgeSide, client: Connect) -> None:
    await side.start()
    side.phone.incoming(ANA, "Antes")
    await side.journalled(1)
    async with client("reader") as reader:
        async for status in reader.watch_status("haby"):
            if status.last_seq == 1:
                break
        messages = reader.messages("haby", after="now")
        reading = asyncio.create_task(read(messages, 1), name="reading")
        side.phone.incoming(ANA, "Después")
        assert [message.body for message in await reading] == ["Después"]


async def test_five_thousand_with_live_ones_in_between(side: BridgeSide, client: Connect) -> None:
    await side.start()
    for number in range(4500):
        side.phone.incoming(ANA if number % 2 else BETO, f"Mensaje {number}")
    await side.journalled(4500)
    async with client("reader") as reader:
        messages = reader.messages("haby")
        got = await read(messages, 100)
        for number in range(4500, 5000):
            side.phone.incoming(ANA, f"Mensaje {number}")
        got += await read(messages, 4900, within=50)
    assert numbers(got) == list(range(1, 5001))
    assert [message.body for message in got] == [f"Mensaje {number}" for number in range(5000)]


async def test_what_was_published_while_the_broker_forgot_everything(
    side: BridgeSide, client: Connect, mosquitto: MosquittoServer
) -> None:
    await side.start()
    async with client("reader") as reader:
        messages = reader.messages("haby")
        side.phone.incoming(ANA, "Uno")
        await read(messages, 1)
        mosquitto.kill()
        (mosquitto.directory / "mosquitto.db").unlink(missing_ok=True)
        side.phone.incoming(ANA, "Dos")
        await side.journalled(2)
        mosquitto.start()
        side.phone.incoming(ANA, "Tres")
        assert numbers(await read(messages, 2)) == [2, 3]


async def test_a_bridge_that_is_away_delays_and_loses_nothing(side: BridgeSide, client: Connect) -> None:
    await side.start()
    side.phone.incoming(ANA, "Uno")
    await side.journalled(1)
    await side.stop()
    async with client("reader") as reader:
        messages = reader.messages("haby")
        reading = asyncio.create_task(read(messages, 2), name="reading")
        side.phone.incoming(ANA, "Dos")
        await side.start()
        got = await reading
    assert [(message.seq, message.body, message.late) for message in got] == [(1, "Uno", False), (2, "Dos", True)]


async def test_another_epoch_is_told_and_read_from_its_oldest(side: BridgeSide, client: Connect) -> None:
    await side.start()
    side.phone.incoming(ANA, "Uno")
    gaps: list[Gap] = []
    async with client("reader") as reader:
        messages = reader.messages("haby", on_gap=gaps.append)
        [old] = await read(messages, 1)
        await side.stop()
        side.forget()
        side.phone.history.clear()
        await side.start()
        side.phone.incoming(ANA, "Otra vez uno")
        [new] = await read(messages, 1)
    assert (old.seq, new.seq, new.body) == (1, 1, "Otra vez uno")
    assert old.epoch != new.epoch
    [gap] = gaps
    assert gap.reason is GapReason.NEW_EPOCH
    assert (gap.before, gap.after) == (old.cursor, Cursor(epoch=new.epoch, seq=0))
    assert gap.missing is None


async def test_what_is_not_kept_any_more_is_told(side: BridgeSide, client: Connect) -> None:
    await side.start()
    for number in range(5):
        side.phone.incoming(ANA, f"Mensaje {number}")
    await side.journalled(5)
    async with client("reader") as reader:
        [first] = await read(reader.messages("haby"), 1)
    await side.stop()
    async with open_store(side.settings.session_dir("haby") / "store.db", now=side.clock.now) as store:
        await store.compact(max_age=-10, max_bytes=1_000_000)
    await side.start()
    gaps: list[Gap] = []
    async with client("reader") as reader:
        [late] = await read(reader.messages("haby", after=first.cursor, on_gap=gaps.append), 1)
        [oldest] = await read(reader.messages("haby"), 1)
    assert late.seq == oldest.seq == 5  # compaction keeps the newest, so that the numbers go on
    assert [(gap.reason, gap.missing) for gap in gaps] == [(GapReason.RETENTION, 3)]


async def test_a_slow_reader_falls_behind_and_loses_nothing(side: BridgeSide, client: Connect) -> None:
    await side.start()
    async with client("reader") as reader:
        messages = reader.messages("haby", buffer=20)
        side.phone.incoming(ANA, "Mensaje 0")
        got = await read(messages, 1)
        for number in range(1, 300):
            side.phone.incoming(ANA, f"Mensaje {number}")
        await side.journalled(300)
        async for status in reader.watch_status("haby"):
            if status.last_seq == 300 and status.queue is not None and status.queue.in_ == 0:
                break
        got += await read(messages, 299)
    assert numbers(got) == list(range(1, 301))


async def test_two_readers_of_one_user_and_one_client(side: BridgeSide, client: Connect) -> None:
    await side.start()
    for number in range(700):
        side.phone.incoming(ANA, f"Mensaje {number}")
    await side.journalled(700)
    async with client("reader") as one, client("reader") as other:
        assert one.level == other.level == "reader"
        readings = [read(client.messages("haby"), 700) for client in (one, one, other)]
        for got in await asyncio.gather(*readings):
            assert numbers(got) == list(range(1, 701))


async def test_events_have_a_cursor_of_their_own(side: BridgeSide, client: Connect) -> None:
    await side.start()
    side.phone.incoming(ANA, "Hola")
    side.phone.own(ANA, "Contesto desde el teléfono")
    async with client("reader") as reader:
        [event] = await read(reader.events("haby"), 1)
        side.phone.own(ANA, "Y otra")
        [next_event] = await read(reader.events("haby", after=event.cursor), 1)
    assert event.message is not None
    assert event.message.body == "Contesto desde el teléfono"
    assert (event.event_seq, next_event.event_seq) == (1, 2)
