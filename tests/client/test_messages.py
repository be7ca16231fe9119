"""Reading from the real bridge: every message once and in order, whatever happens in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from bridge.client import Cursor, EventMessage, Gap, GapReason, Message
from bridge.store import open_store
from tests.client.conftest import ANA, BETO, Connect, ScriptedBridge
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


async def test_from_the_oldest_and_then_live(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    for text in ("Hola", "¿Están?", "Necesito un turno"):
        harness.phone.incoming(ANA, text)
    await harness.journalled(3)
    async with client("reader") as reader:
        messages = reader.messages("haby")
        first = await read(messages, 3)
        harness.phone.incoming(BETO, "Buenas")
        [live] = await read(messages, 1)
    assert [message.body for message in (*first, live)] == ["Hola", "¿Están?", "Necesito un turno", "Buenas"]
    assert numbers([*first, live]) == [1, 2, 3, 4]
    assert live.from_ == live.chat == BETO
    assert live.cursor == Cursor(epoch=live.epoch, seq=4)


async def test_from_a_cursor(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    for number in range(5):
        harness.phone.incoming(ANA, f"Mensaje {number}")
    async with client("reader") as reader:
        second = (await read(reader.messages("haby"), 2))[1]
    async with client("reader") as reader:
        rest = await read(reader.messages("haby", after=second.cursor), 3)
    assert numbers(rest) == [3, 4, 5]


async def test_only_new_ones(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    harness.phone.incoming(ANA, "Antes")
    await harness.journalled(1)
    async with client("reader") as reader:
        async for status in reader.watch_status("haby"):
            if status.last_seq == 1:
                break
        messages = reader.messages("haby", after="now")
        reading = asyncio.create_task(read(messages, 1), name="reading")
        harness.phone.incoming(ANA, "Después")
        assert [message.body for message in await reading] == ["Después"]


async def test_five_thousand_with_live_messages_in_between(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    for number in range(4500):
        harness.phone.incoming(ANA if number % 2 else BETO, f"Mensaje {number}")
    await harness.journalled(4500)
    async with client("reader") as reader:
        messages = reader.messages("haby")
        got = await read(messages, 100)
        for number in range(4500, 5000):
            harness.phone.incoming(ANA, f"Mensaje {number}")
        got += await read(messages, 4900, within=50)
    assert numbers(got) == list(range(1, 5001))
    assert [message.body for message in got] == [f"Mensaje {number}" for number in range(5000)]


async def test_messages_lost_by_the_broker_are_replayed(
    harness: ScriptedBridge, client: Connect, mosquitto: MosquittoServer
) -> None:
    await harness.start()
    async with client("reader") as reader:
        messages = reader.messages("haby")
        harness.phone.incoming(ANA, "Uno")
        await read(messages, 1)
        mosquitto.kill()
        (mosquitto.directory / "mosquitto.db").unlink(missing_ok=True)
        harness.phone.incoming(ANA, "Dos")
        await harness.journalled(2)
        mosquitto.start()
        harness.phone.incoming(ANA, "Tres")
        assert numbers(await read(messages, 2)) == [2, 3]


async def test_an_offline_bridge_delays_and_loses_nothing(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    harness.phone.incoming(ANA, "Uno")
    await harness.journalled(1)
    await harness.stop()
    async with client("reader") as reader:
        messages = reader.messages("haby")
        reading = asyncio.create_task(read(messages, 2), name="reading")
        harness.phone.incoming(ANA, "Dos")
        await asyncio.sleep(1.1)  # `late` compares whole seconds
        await harness.start()
        got = await reading
    assert [(message.seq, message.body, message.late) for message in got] == [(1, "Uno", False), (2, "Dos", True)]


async def test_a_new_epoch_is_reported_and_read_from_its_oldest_item(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    harness.phone.incoming(ANA, "Uno")
    gaps: list[Gap] = []
    async with client("reader") as reader:
        messages = reader.messages("haby", on_gap=gaps.append)
        [old] = await read(messages, 1)
        await harness.stop()
        harness.remove_store()
        harness.phone.history.clear()
        await harness.start()
        harness.phone.incoming(ANA, "Otra vez uno")
        [new] = await read(messages, 1)
    assert (old.seq, new.seq, new.body) == (1, 1, "Otra vez uno")
    assert old.epoch != new.epoch
    [gap] = gaps
    assert gap.reason is GapReason.NEW_EPOCH
    assert (gap.before, gap.after) == (old.cursor, Cursor(epoch=new.epoch, seq=0))
    assert gap.missing is None


async def test_compacted_messages_are_reported_as_a_gap(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    for number in range(5):
        harness.phone.incoming(ANA, f"Mensaje {number}")
    await harness.journalled(5)
    async with client("reader") as reader:
        [first] = await read(reader.messages("haby"), 1)
    await harness.stop()
    async with open_store(harness.settings.session_dir("haby") / "store.db", now=harness.clock.now) as store:
        await store.compact(max_age=-10, max_bytes=1_000_000)
    await harness.start()
    gaps: list[Gap] = []
    async with client("reader") as reader:
        [late] = await read(reader.messages("haby", after=first.cursor, on_gap=gaps.append), 1)
        [oldest] = await read(reader.messages("haby"), 1)
    assert late.seq == oldest.seq == 5  # compaction keeps the newest, so that the numbering continues
    assert [(gap.reason, gap.missing) for gap in gaps] == [(GapReason.RETENTION, 3)]


async def test_a_slow_reader_falls_behind_and_loses_nothing(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    async with client("reader") as reader:
        messages = reader.messages("haby", buffer=20)
        harness.phone.incoming(ANA, "Mensaje 0")
        got = await read(messages, 1)
        for number in range(1, 300):
            harness.phone.incoming(ANA, f"Mensaje {number}")
        await harness.journalled(300)
        async for status in reader.watch_status("haby"):
            if status.last_seq == 300 and status.queue is not None and status.queue.in_ == 0:
                break
        got += await read(messages, 299)
    assert numbers(got) == list(range(1, 301))


async def test_two_readers_of_one_user_and_one_client(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    for number in range(700):
        harness.phone.incoming(ANA, f"Mensaje {number}")
    await harness.journalled(700)
    async with client("reader") as one, client("reader") as other:
        assert one.reply_name == other.reply_name == "reader"
        readings = [read(client.messages("haby"), 700) for client in (one, one, other)]
        for got in await asyncio.gather(*readings):
            assert numbers(got) == list(range(1, 701))


async def test_events_have_their_own_cursor(harness: ScriptedBridge, client: Connect) -> None:
    await harness.start()
    harness.phone.incoming(ANA, "Hola")
    harness.phone.own(ANA, "Contesto desde el teléfono")
    async with client("reader") as reader:
        [event] = await read(reader.events("haby"), 1)
        harness.phone.own(ANA, "Y otra")
        [next_event] = await read(reader.events("haby", after=event.cursor), 1)
    assert event.message is not None
    assert event.message.body == "Contesto desde el teléfono"
    assert (event.event_seq, next_event.event_seq) == (1, 2)
