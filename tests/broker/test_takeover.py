"""Only a client with the password can take over a connection or its session, and a connection that is lost to another
client says so."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bridge.broker import BrokerDown, connect, parse_addresses
from bridge.broker.client_id import secret_client_id
from tests.broker.conftest import Options, read
from tests.mosquitto_server import MosquittoServer

SESSION = "wa-bridge-haby"


async def test_another_user_cannot_take_over_a_session(mosquitto: MosquittoServer, options: Options) -> None:
    ours = options(client_id=SESSION, clean=False)
    theirs = options(mosquitto.url("panel"), client_id=SESSION, clean=True)
    async with connect(ours) as bridge:
        await bridge.subscribe("wa/haby/out")
        async with connect(theirs):  # would end the connection of the bridge
            await bridge.publish("wa/haby/out", b"while connected")
            assert [one.payload for one in await read(bridge, 1)] == [b"while connected"]
    async with connect(options()) as sender:
        await sender.publish("wa/haby/out", b"while away")
    async with connect(theirs):  # would end the session of the bridge, with what waits in it
        pass
    async with connect(ours) as bridge:  # a restart finds its session
        assert bridge.session_present
        assert [one.payload for one in await read(bridge, 1)] == [b"while away"]


async def test_a_connection_lost_to_another_client_says_so(options: Options, protocol: str) -> None:
    ours = options(client_id=SESSION, protocol=protocol)
    async with connect(ours) as first, connect(replace(ours)):
        with pytest.raises(BrokerDown, match="another client"):
            async with asyncio.timeout(5):
                await first.down()


async def test_an_address_without_a_password_has_nothing_to_derive_from() -> None:
    (address,) = parse_addresses("mqtt://127.0.0.1")
    assert secret_client_id(SESSION, address) == SESSION
    made = {secret_client_id(SESSION, *parse_addresses(f"mqtt://{one}@127.0.0.1")) for one in ("a:x", "b:x", "a:y")}
    assert len(made) == 3
