"""The whole path through a real nginx with TLS: HTTP, events, MQTT over websockets, and what it keeps away.

Behind it stand the product in the sandbox, a mosquitto and its relay for websockets; the phone is the sandbox's.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from bridge.broker import BrokerOptions, BrokerRefused, connect, parse_addresses
from bridge.ops.mosquitto import BrokerDirectory, Role, User
from bridge.ops.websocket_relay import relaying
from bridge.sandbox import Sandbox
from tests.broker.certificates import Certificates, make_certificates
from tests.deploy.bridge_process import PHONE_OF_ANA, bridge_process, on_the_phone, sandbox
from tests.deploy.nginx_server import NginxServer, Upstreams
from tests.mosquitto_server import free_port
from tests.ops.mosquitto.conftest import listening, mosquitto_with

KEY = "a-key-for-this-test-alone-0123456789"


@dataclass
class Outside:
    """What a client on the internet has: the address, the authority, a key, and a password of the broker."""

    nginx: NginxServer
    certificates: Certificates

    def client(self) -> httpx.AsyncClient:
        trusted = ssl.create_default_context(cafile=str(self.certificates.authority))
        base = f"https://127.0.0.1:{self.nginx.port}"
        return httpx.AsyncClient(verify=trusted, base_url=base, headers={"x-api-key": KEY}, trust_env=False, timeout=30)

    def mqtt(self, user: str) -> BrokerOptions:
        return BrokerOptions(
            parse_addresses(f"wss://{user}:long-enough-here@127.0.0.1:{self.nginx.port}/mqtt"),
            client_id="",
            clean=True,
            connect_timeout=5,
            ca_file=str(self.certificates.authority),
        )


@asynccontextmanager
async def whole_path(directory: Path) -> AsyncIterator[tuple[Outside, Sandbox]]:
    where = replace(listening(directory / "broker"), websockets=free_port())
    place = BrokerDirectory(directory / "broker")
    place.set_up("wa", where)
    for role in (Role.BRIDGE, Role.READER):
        place.put_user(User(role.value, frozenset({role})), "long-enough-here")
    assert where.websockets
    upstreams = Upstreams(bridge=free_port(), responder=free_port(), broker=where.websockets)
    certificates = make_certificates(directory / "certificates")
    with (
        mosquitto_with(place.configuration, where.port),
        NginxServer(directory / "nginx", upstreams, certificates) as nginx,
    ):
        async with (
            relaying(where.websockets, where.port),
            sandbox() as double,
            bridge_process(
                directory,
                WA_WEB_URL=double.url,
                WA_MQTT_URL=f"mqtt://bridge:long-enough-here@127.0.0.1:{where.port}",
                WA_HTTP_PORT=str(upstreams.bridge),
                WHATSAPP_API_KEY=KEY,
            ),
        ):
            yield Outside(nginx, certificates), double


async def event(lines: AsyncIterator[str]) -> dict[str, object]:
    """The data of the next event."""
    async for line in lines:
        if line.startswith("data: "):
            return dict(json.loads(line.removeprefix("data: ")))
    raise AssertionError("the stream ended")


async def send(path: Outside, to: str, message: str) -> httpx.Response:
    """Send with the new authority alone, as soon as nginx shows its certificate."""
    async with path.client() as client:
        while True:
            try:
                return await client.post("/api/whatsapp/send", json={"to": to, "message": message})
            except httpx.ConnectError:
                await asyncio.sleep(0.02)


@pytest.mark.timeout(120)
async def test_the_whole_path_and_a_certificate_that_is_renewed_on_the_way(tmp_path: Path) -> None:
    async with (
        asyncio.timeout(100),
        whole_path(tmp_path) as (path, double),
        path.client() as client,
        connect(path.mqtt("reader")) as reader,
    ):
        arriving = reader.deliveries()
        await reader.subscribe("wa/haby/status")
        while json.loads((await anext(arriving)).payload)["state"] != "connected":
            pass
        await reader.subscribe("wa/haby/in")

        async def arrives(text: str) -> None:
            await on_the_phone(double, "POST", "/incoming", {"chat": PHONE_OF_ANA, "body": text})
            assert (await event(lines))["body"] == text
            while (delivery := await anext(arriving)).topic != "wa/haby/in":
                pass
            assert json.loads(delivery.payload)["body"] == text

        async with client.stream("GET", "/v1/sessions/haby/events") as stream:
            assert stream.status_code == 200
            lines = stream.aiter_lines()
            assert await anext(lines) == ": connected"  # a few bytes, immediately: nothing is buffered
            await arrives("one")

            renewed = make_certificates(tmp_path / "renewed")
            path.nginx.present(renewed)
            path.nginx.reload()
            sent = await send(replace(path, certificates=renewed), PHONE_OF_ANA, "Hola")
            assert sent.json()["success"] is True, sent.text
            (chat,) = [
                chat for chat in (await on_the_phone(double, "GET", "/state"))["chats"] if PHONE_OF_ANA in chat["id"]
            ]
            assert [message["body"] for message in chat["messages"] if message["from_me"]][-1:] == ["Hola"]
            # who was connected before stays so, on websockets and on the stream
            await arrives("two")


async def test_what_nginx_keeps_away(tmp_path: Path) -> None:
    """The upstreams are not there: 502 says that a request would have come through."""
    certificates = make_certificates(tmp_path / "certificates")
    nothing = Upstreams(free_port(), free_port(), free_port())
    with NginxServer(tmp_path / "nginx", nothing, certificates) as nginx:
        path = Outside(nginx, certificates)
        async with path.client() as client:
            assert (await client.get("/api/whatsapp/status")).status_code == 502
            assert (await client.get("/health", headers={"Host": "localhost"})).status_code == 502
            for host in ("127.0.0.1", "localhost"):
                assert (await client.get("/metrics", headers={"Host": host})).status_code == 404
            assert (await client.post("/api/whatsapp/send", content=b"x" * 2_100_000)).status_code == 413
            with pytest.raises(httpx.RemoteProtocolError):  # hung up on
                await client.get("/", headers={"Host": "somebody.example"})
            answers = await asyncio.gather(*(client.get("/api/whatsapp/status") for _ in range(100)))
            assert {answer.status_code for answer in answers} == {502, 429}
            assert "strict-transport-security" in answers[0].headers
            assert "nginx/" not in answers[0].headers["server"]
        async with httpx.AsyncClient(trust_env=False) as plain:
            moved = await plain.get(f"http://127.0.0.1:{nginx.plain_port}/a?b=c", headers={"Host": "wa.example.com"})
            assert (moved.status_code, moved.headers["location"]) == (308, "https://wa.example.com/a?b=c")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])  # the bridge and the responder
async def test_one_address_holds_forty_connections_and_no_more(tmp_path: Path, host: str) -> None:
    certificates = make_certificates(tmp_path / "certificates")
    nothing = Upstreams(free_port(), free_port(), free_port())
    with NginxServer(tmp_path / "nginx", nothing, certificates) as nginx:
        tls = ssl.create_default_context(cafile=certificates.authority)
        begun = f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n\r\n".encode()  # its body never comes
        held: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        try:
            for _ in range(41):
                held.append(await asyncio.open_connection("127.0.0.1", nginx.port, ssl=tls))
                held[-1][1].write(begun)
            async with asyncio.timeout(10):
                assert (await held[-1][0].readline()).split()[1] == b"429"
        finally:
            for _, writer in held:
                writer.transport.abort()


async def test_the_brokers_password_counts_through_nginx_too(tmp_path: Path) -> None:
    where = replace(listening(tmp_path / "broker"), websockets=free_port())
    place = BrokerDirectory(tmp_path / "broker")
    place.set_up("wa", where)
    certificates = make_certificates(tmp_path / "certificates")
    assert where.websockets
    upstreams = Upstreams(free_port(), free_port(), where.websockets)
    with (
        mosquitto_with(place.configuration, where.port),
        NginxServer(tmp_path / "nginx", upstreams, certificates) as nginx,
    ):
        stranger = Outside(nginx, certificates).mqtt("stranger")
        async with relaying(where.websockets, where.port):
            with pytest.raises(BrokerRefused):
                async with connect(stranger):
                    pass
