"""MQTT over websockets: relayed to the broker, with limits for anonymous and faulty clients."""

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
from bridge.ops.websocket_relay import RelayLimits, serve_relay
from tests.mosquitto_server import free_port
from tests.ops.mosquitto.conftest import Wa, free_listeners, mosquitto_with

PASSWORD = "long-enough-here"


@dataclass(frozen=True)
class RelayedBroker:
    """A broker with a relay; clients connect through the relay, with a password or without."""

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
async def relayed_broker(directory: Path, limits: RelayLimits | None = None) -> AsyncIterator[RelayedBroker]:
    where = replace(free_listeners(directory / "broker"), websockets=free_port())
    target = BrokerDirectory(directory / "broker")
    target.set_up("wa", where)
    target.put_user(User("bridge", frozenset({Role.BRIDGE})), PASSWORD)
    assert where.websockets
    with mosquitto_with(target.configuration, where.port) as pid:
        async with asyncio.timeout(40), serve_relay(where.websockets, where.port, limits):
            yield RelayedBroker(target.path, where.port, where.websockets, pid)


def announced(size: int) -> bytes:
    """The header of a CONNECT that announces this many bytes, which are never sent."""
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


async def test_anonymous_clients_that_announce_large_packets_use_no_memory_and_block_no_client(tmp_path: Path) -> None:
    """On mosquitto 2.0.11's own websocket listener 18 of these blocked all clients for 94 s."""
    async with relayed_broker(tmp_path) as broker:
        before = psutil.Process(broker.pid).memory_info().vms
        clients = [await broker.raw(announced(268_000_000)) for _ in range(30)]
        for anonymous in clients:
            await anonymous.wait_closed()
        assert psutil.Process(broker.pid).memory_info().vms - before < 100_000_000
        async with broker.connect() as client:
            await client.subscribe("wa/haby/in")
            await client.publish("wa/haby/in", b"x" * 900_000)
            assert (await anext(client.deliveries())).payload == b"x" * 900_000


async def test_too_large_a_message_is_reported_to_its_sender_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with relayed_broker(tmp_path) as broker, broker.connect() as other:
        await other.subscribe("wa/haby/in")
        client = await broker.raw()
        await client.send(b"\x30" + bytes(1_048_576))
        code, reason = await ended(client)
        assert (code, "1048576" in reason) == (1009, True)
        await other.publish("wa/haby/in", "alive")
        assert (await anext(other.deliveries())).payload == b"alive"
    assert any("too large a message" in record.message for record in caplog.records)


async def test_clients_that_send_nothing_or_text_are_disconnected(tmp_path: Path) -> None:
    async with relayed_broker(tmp_path, RelayLimits(answer=0.2)) as broker:
        assert (await ended(await broker.raw()))[0] == 1008
        texter = await broker.raw()
        await texter.send("MQTT is binary")
        assert (await ended(texter))[0] == 1003


async def test_clients_above_the_limit_are_refused_until_one_disconnects(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with relayed_broker(tmp_path, RelayLimits(connections=2)) as broker:
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


async def test_the_will_of_an_aborted_client_is_published(tmp_path: Path) -> None:
    async with relayed_broker(tmp_path) as broker, broker.connect() as watching:
        await watching.subscribe("wa/haby/status")
        fields = b"".join(map(_text, ("raw", "wa/haby/status", "gone", "bridge", PASSWORD)))
        body = _text("MQTT") + bytes([4, 0xC6, 0, 60]) + fields
        dying = await broker.raw(bytes([0x10, len(body)]) + body)
        assert await dying.recv() == b"\x20\x02\x00\x00"
        dying.transport.abort()
        assert (await anext(watching.deliveries())).payload == b"gone"


async def test_an_unreachable_broker_is_reported(tmp_path: Path) -> None:
    port = free_port()
    async with asyncio.timeout(10), serve_relay(port, free_port()):
        client = await RelayedBroker(tmp_path, 0, port, 0).raw()
        assert await ended(client) == (1013, "The broker is not reachable.")


async def test_the_command_serves_the_port_given_to_init_and_check_verifies_it(tmp_path: Path, wa: Wa) -> None:
    where = replace(free_listeners(tmp_path / "broker"), websockets=free_port())
    target = BrokerDirectory(tmp_path / "broker")
    target.set_up("wa", where)
    target.put_user(User("web", frozenset({Role.PANEL})), PASSWORD)
    assert where.websockets
    command = [sys.executable, "-m", "bridge.cli", "broker", "websockets", "--dir", str(target.path)]
    with mosquitto_with(target.configuration, where.port):
        alone = await asyncio.to_thread(wa, "check", "--dir", str(target.path))
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
            checked = await asyncio.to_thread(wa, "check", "--dir", str(target.path))
            assert (checked.code, checked.stderr) == (0, "")
        finally:
            served.terminate()
            assert await served.wait() == 0
