"""The whole path through a real nginx with TLS: HTTP, events, MQTT over websockets, and refused requests.

The upstreams are a bridge on the sandbox, a mosquitto and its websocket relay.
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
from bridge.ops.websocket_relay import serve_relay
from bridge.sandbox import Sandbox
from tests.broker.certificates import Certificates, make_certificates
from tests.deploy.bridge_process import PHONE_OF_ANA, bridge_process, call_sandbox, sandbox
from tests.deploy.nginx_server import NginxServer, Upstreams
from tests.loopback import http_client
from tests.mosquitto_server import free_port
from tests.ops.mosquitto.conftest import free_listeners, mosquitto_with

KEY = "a-key-for-this-test-alone-0123456789"


@dataclass
class RemoteClient:
    """A client on the internet: it has the address, the authority, a key and a broker password."""

    nginx: NginxServer
    certificates: Certificates

    def client(self, address: str = "127.0.0.2", key: str = KEY) -> httpx.AsyncClient:
        """A client with this address, whose key is right unless another one is given."""
        trusted = ssl.create_default_context(cafile=str(self.certificates.authority))
        transport = httpx.AsyncHTTPTransport(verify=trusted, local_address=address)
        base = f"https://127.0.0.1:{self.nginx.port}"
        return httpx.AsyncClient(transport=transport, base_url=base, headers={"x-api-key": key}, timeout=30)

    def mqtt(self, user: str) -> BrokerOptions:
        return BrokerOptions(
            parse_addresses(f"wss://{user}:long-enough-here@127.0.0.1:{self.nginx.port}/mqtt"),
            client_id="",
            clean=True,
            connect_timeout=5,
            ca_file=str(self.certificates.authority),
        )


@asynccontextmanager
async def whole_path(directory: Path) -> AsyncIterator[tuple[RemoteClient, Sandbox]]:
    ports = replace(free_listeners(directory / "broker"), websockets=free_port())
    broker = BrokerDirectory(directory / "broker")
    broker.set_up("wa", ports)
    for role in (Role.BRIDGE, Role.READER):
        broker.put_user(User(role.value, frozenset({role})), "long-enough-here")
    assert ports.websockets
    upstreams = Upstreams(bridge=free_port(), responder=free_port(), broker=ports.websockets)
    certificates = make_certificates(directory / "certificates")
    with (
        mosquitto_with(broker.configuration, ports.port),
        NginxServer(directory / "nginx", upstreams, certificates) as nginx,
    ):
        async with (
            serve_relay(ports.websockets, ports.port),
            sandbox() as double,
            bridge_process(
                directory,
                WA_WEB_URL=double.url,
                WA_MQTT_URL=f"mqtt://bridge:long-enough-here@127.0.0.1:{ports.port}",
                WA_HTTP_PORT=str(upstreams.bridge),
                WHATSAPP_API_KEY=KEY,
                WA_HTTP_PROXIES="127.0.0.1",  # only nginx: the clients of the test have other addresses of this machine
            ),
        ):
            yield RemoteClient(nginx, certificates), double


async def event(lines: AsyncIterator[str]) -> dict[str, object]:
    """The data of the next server-sent event."""
    async for line in lines:
        if line.startswith("data: "):
            return dict(json.loads(line.removeprefix("data: ")))
    raise AssertionError("the stream ended")


async def send(path: RemoteClient, to: str, message: str) -> httpx.Response:
    """Send, trusting only the new authority, as soon as nginx presents its certificate."""
    async with path.client() as client:
        while True:
            try:
                return await client.post("/api/whatsapp/send", json={"to": to, "message": message})
            except httpx.ConnectError:
                await asyncio.sleep(0.02)


async def test_the_whole_path_with_a_certificate_renewed_meanwhile(tmp_path: Path) -> None:
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
            await call_sandbox(double, "POST", "/incoming", {"chat": PHONE_OF_ANA, "body": text})
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
            path.nginx.install_certificate(renewed)
            path.nginx.reload()
            sent = await send(replace(path, certificates=renewed), PHONE_OF_ANA, "Hola")
            assert sent.json()["success"] is True, sent.text
            (chat,) = [
                chat for chat in (await call_sandbox(double, "GET", "/state"))["chats"] if PHONE_OF_ANA in chat["id"]
            ]
            assert [message["body"] for message in chat["messages"] if message["from_me"]][-1:] == ["Hola"]
            # existing connections stay: websockets and the event stream
            await arrives("two")

        path = replace(path, certificates=renewed)
        async with path.client("127.0.0.3", "guess") as guesser, path.client("127.0.0.4", "guess") as other:
            guesses = [(await guesser.get("/v1/sessions")).status_code for _ in range(21)]
            assert guesses == [401] * 20 + [429]  # the bridge counts the true address
            assert (await other.get("/v1/sessions")).status_code == 401


async def test_what_nginx_refuses(tmp_path: Path) -> None:
    """The upstreams do not run: 502 means that nginx would have forwarded the request."""
    certificates = make_certificates(tmp_path / "certificates")
    nothing = Upstreams(free_port(), free_port(), free_port())
    with NginxServer(tmp_path / "nginx", nothing, certificates) as nginx:
        path = RemoteClient(nginx, certificates)
        async with path.client() as client:
            assert (await client.get("/api/whatsapp/status")).status_code == 502
            assert (await client.get("/health", headers={"Host": "localhost"})).status_code == 502
            for host in ("127.0.0.1", "localhost"):
                assert (await client.get("/metrics", headers={"Host": host})).status_code == 404
            assert (await client.post("/api/whatsapp/send", content=b"x" * 2_100_000)).status_code == 413
            with pytest.raises(httpx.RemoteProtocolError):  # nginx closes the connection
                await client.get("/", headers={"Host": "unknown.example"})
            answers = await asyncio.gather(*(client.get("/api/whatsapp/status") for _ in range(100)))
            assert {answer.status_code for answer in answers} == {502, 429}
            assert "strict-transport-security" in answers[0].headers
            assert "nginx/" not in answers[0].headers["server"]
        async with http_client() as plain:
            moved = await plain.get(f"http://127.0.0.1:{nginx.plain_port}/a?b=c", headers={"Host": "wa.example.com"})
            assert (moved.status_code, moved.headers["location"]) == (308, "https://wa.example.com/a?b=c")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])  # the bridge and the responder
async def test_an_address_may_hold_forty_connections(tmp_path: Path, host: str) -> None:
    certificates = make_certificates(tmp_path / "certificates")
    nothing = Upstreams(free_port(), free_port(), free_port())
    with NginxServer(tmp_path / "nginx", nothing, certificates) as nginx:
        tls = ssl.create_default_context(cafile=certificates.authority)
        head = f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n\r\n".encode()  # the body is never sent
        held: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        try:
            for _ in range(41):
                held.append(await asyncio.open_connection("127.0.0.1", nginx.port, ssl=tls))
                held[-1][1].write(head)
            async with asyncio.timeout(10):
                assert (await held[-1][0].readline()).split()[1] == b"429"
        finally:
            for _, writer in held:
                writer.transport.abort()


async def test_a_wrong_broker_password_is_refused_through_nginx(tmp_path: Path) -> None:
    ports = replace(free_listeners(tmp_path / "broker"), websockets=free_port())
    broker = BrokerDirectory(tmp_path / "broker")
    broker.set_up("wa", ports)
    certificates = make_certificates(tmp_path / "certificates")
    assert ports.websockets
    upstreams = Upstreams(free_port(), free_port(), ports.websockets)
    with (
        mosquitto_with(broker.configuration, ports.port),
        NginxServer(tmp_path / "nginx", upstreams, certificates) as nginx,
    ):
        stranger = RemoteClient(nginx, certificates).mqtt("stranger")
        async with serve_relay(ports.websockets, ports.port):
            with pytest.raises(BrokerRefused):
                async with connect(stranger):
                    pass
