"""MQTT over websockets: carried to the broker, and what strangers and mistakes may take on the way."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websocket
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from bridge.broker import BrokerConnection, connect
from bridge.ops.mosquitto import BrokerDirectory, Role, User
from bridge.ops.mosquitto.scratch_broker import options
from bridge.ops.websocket_relay import RelayLimits, relaying
from tests.mosquitto_server import free_port
from tests.ops.mosquitto.conftest import Wa, listening, mosquitto_with

PASSWORD = "long-enough-here"


@dataclass(frozen=True)
class Entrance:
    """A broker of which only the relay is to be used, by whoever has its password or none."""

    directory: Path
    port: int
    websockets: int
    pid: int

    def connect(self) -> AbstractAsyncContextManager[BrokerConnection]:
        return connect(options(self.websockets, "bridge", PASSWORD, websockets=True))

    async def raw(self, first: bytes = b"") -> ClientConnection:
        url = f"ws://127.0.0.1:{self.websockets}/mqtt"
        client = await websocket(url, subprotocols=[Subprotocol("mqtt")], max_size=None)
        if first:
            await client.send(first)
        return client


@asynccontextmanager
async def entrance(directory: Path, limits: RelayLimits | None = None) -> AsyncIterator[Entrance]:
    where = replace(listening(directory / "broker"), websockets=free_port())
    place = BrokerDirectory(directory / "broker")
    place.set_up("wa", where)
    place.put_user(User("bridge", frozenset({Role.BRIDGE})), PASSWORD)
    assert where.websockets
    with mosquitto_with(place.configuration, where.port) as pid:
        async with asyncio.timeout(40), relaying(where.websockets, where.port, limits):
            yield Entrance(place.path, where.port, where.websockets, pid)


def announced(size: int) -> bytes:
    """The head of a CONNECT of that many bytes, which never come."""
    written = bytearray([0x10])
    while True:
        size, low = divmod(size, 128)
        written.append(low | (0x80 if size else 0))
        if not size:
            return bytes(written)


def _text(value: str) -> bytes:
    return len(value).to_bytes(2, "big") + value.encode()


async def ended(client: ClientConnection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as closed:
        await client.recv()
    assert closed.value.rcvd
    return closed.value.rcvd.code, closed.value.rcvd.reason


async def test_strangers_who_announce_much_take_nothing_and_keep_nobody_out(tmp_path: Path) -> None:
    """On websockets of mosquitto 2.0.11 itself 18 of these kept everybody out for 94 s."""
    async with entrance(tmp_path) as broker:
        before = psutil.Process(broker.pid).memory_info().vms
        strangers = [await broker.raw(announced(268_000_000)) for _ in range(30)]
        for stranger in strangers:
            await stranger.wait_closed()
        assert psutil.Process(broker.pid).memory_info().vms - before < 100_000_000
        async with broker.connect() as client:
            await client.subscribe("wa/haby/in")
            await client.publish("wa/haby/in", b"x" * 900_000)
            assert (await anext(client.deliveries())).payload == b"x" * 900_000


async def test_too_large_a_message_is_told_to_its_sender_and_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with entrance(tmp_path) as broker, broker.connect() as other:
        await other.subscribe("wa/haby/in")
        client = await broker.raw()
        await client.send(b"\x30" + bytes(1_048_576))
        code, reason = await ended(client)
        assert (code, "1048576" in reason) == (1009, True)
        await other.publish("wa/haby/in", "alive")
        assert (await anext(other.deliveries())).payload == b"alive"
    assert any("too large a message" in record.message for record in caplog.records)


async def test_who_says_nothing_or_the_wrong_thing_is_sent_away(tmp_path: Path) -> None:
    async with entrance(tmp_path, RelayLimits(answer=0.2)) as broker:
        assert (await ended(await broker.raw()))[0] == 1008
        texter = await broker.raw()
        await texter.send("MQTT is binary")
        assert (await ended(texter))[0] == 1003


async def test_more_clients_than_the_limit_are_refused_and_a_place_comes_free(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with entrance(tmp_path, RelayLimits(connections=2)) as broker:
        one, _two = await broker.raw(), await broker.raw()
        for _ in range(3):
            with pytest.raises(InvalidStatus, match="503"):
                await broker.raw()
        assert [r.levelno for r in caplog.records if "the limit" in r.message] == [logging.WARNING]
        await one.close()
        async with asyncio.timeout(5):
            while True:
                try:
                    await (await broker.raw()).close()
                    break
                except InvalidStatus:
                    await asyncio.sleep(0.01)


async def test_a_client_that_is_cut_off_has_its_will_sent(tmp_path: Path) -> None:
    async with entrance(tmp_path) as broker, broker.connect() as watching:
        await watching.subscribe("wa/haby/status")
        fields = b"".join(map(_text, ("raw", "wa/haby/status", "gone", "bridge", PASSWORD)))
        body = _text("MQTT") + bytes([4, 0xC6, 0, 60]) + fields
        dying = await broker.raw(bytes([0x10, len(body)]) + body)
        assert await dying.recv() == b"\x20\x02\x00\x00"
        dying.transport.abort()
        assert (await anext(watching.deliveries())).payload == b"gone"


async def test_a_broker_that_is_away_is_told(tmp_path: Path) -> None:
    port = free_port()
    async with asyncio.timeout(10), relaying(port, free_port()):
        client = await Entrance(tmp_path, 0, port, 0).raw()
        assert await ended(client) == (1013, "The broker is not reachable.")


@pytest.mark.timeout(60)
async def test_the_command_serves_the_port_that_init_was_given_and_check_sees_it(tmp_path: Path, wa: Wa) -> None:
    where = replace(listening(tmp_path / "broker"), websockets=free_port())
    place = BrokerDirectory(tmp_path / "broker")
    place.set_up("wa", where)
    place.put_user(User("web", frozenset({Role.PANEL})), PASSWORD)
    assert where.websockets
    command = [sys.executable, "-m", "bridge.cli", "broker", "websockets", "--dir", str(place.path)]
    with mosquitto_with(place.configuration, where.port):
        alone = await asyncio.to_thread(wa, "check", "--dir", str(place.path))
        assert (alone.code, "wrong: websockets are not served" in alone.stdout) == (1, True)
        served = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
        try:
            assert served.stderr
            async with asyncio.timeout(30):
                assert b"MQTT over websockets" in await served.stderr.readline()
            listens = psutil.Process(served.pid).net_connections(kind="tcp")
            assert [(one.laddr.ip, one.laddr.port) for one in listens if one.status == psutil.CONN_LISTEN] == [
                ("127.0.0.1", where.websockets)
            ]
            async with connect(options(where.websockets, "web", PASSWORD, websockets=True)):
                pass
            checked = await asyncio.to_thread(wa, "check", "--dir", str(place.path))
            assert (checked.code, checked.stderr) == (0, "")
        finally:
            served.terminate()
            assert await served.wait() == 0
