"""A packet that would fill the broker's memory, over websockets, where mosquitto 2.0.11 knows no largest packet."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websocket
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from bridge.broker import connect
from bridge.brokeradmin import BrokerDirectory, Role, User
from bridge.brokeradmin.rehearsal import options
from tests.mosquitto.conftest import listening, mosquitto_with
from tests.mosquitto_server import free_port

PASSWORD = "long-enough-here"


def packet(kind: int, body: bytes) -> bytes:
    written, left = bytearray([kind]), len(body)
    while True:
        left, low = divmod(left, 128)
        written.append(low | (0x80 if left else 0))
        if not left:
            return bytes(written) + body


def text(value: str) -> bytes:
    return len(value).to_bytes(2, "big") + value.encode()


async def outlives(socket: ClientConnection, size: int) -> bool:
    """Whether the connection is still there after a message of so many bytes."""
    try:
        await socket.send(packet(0x30, text("wa/haby/out") + bytes(size)))
        await socket.send(packet(0xC0, b""))
        return await socket.recv() == packet(0xD0, b"")
    except ConnectionClosed:
        return False


async def test_it_ends_its_senders_connection_and_no_other(tmp_path: Path) -> None:
    where = replace(listening(tmp_path / "broker"), websockets=free_port())
    place = BrokerDirectory(tmp_path / "broker")
    place.set_up("wa", where)
    for role in (Role.SENDER, Role.BRIDGE):
        place.put_user(User(role.value, frozenset({role})), PASSWORD)
    shipped = place.configuration.read_text()
    assert "\nmemory_limit 1610612736\n" in shipped
    place.configuration.write_text(shipped.replace("memory_limit 1610612736", "memory_limit 60000000"))
    assert where.websockets
    with mosquitto_with(place.configuration, where.websockets):
        async with asyncio.timeout(30), connect(options(where.port, "bridge", PASSWORD)) as bridge:
            await bridge.subscribe("wa/haby/in")
            url, mqtt = f"ws://127.0.0.1:{where.websockets}/mqtt", [Subprotocol("mqtt")]
            async with websocket(url, subprotocols=mqtt) as socket:
                who = b"\x00\x04MQTT\x04\xc2\x00\x3c" + text("raw") + text("sender") + text(PASSWORD)
                await socket.send(packet(0x10, who))
                assert await socket.recv() == packet(0x20, b"\x00\x00")
                assert await outlives(socket, 100_000)
                assert not await outlives(socket, 90_000_000)
            await bridge.publish("wa/haby/in", "alive")
            assert (await anext(bridge.deliveries())).payload == b"alive"
