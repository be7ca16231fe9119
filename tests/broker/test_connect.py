"""Connecting: error kinds and sentences, the list of addresses, TLS, websockets, cancellation."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from bridge.broker import (
    BrokerConnection,
    BrokerDown,
    BrokerError,
    BrokerOptions,
    BrokerRefused,
    connect,
    keep_connected,
    parse_addresses,
)
from bridge.broker.client import MqttClient
from tests.broker.certificates import make_certificates
from tests.broker.conftest import Options, read
from tests.mosquitto_server import MosquittoServer, free_port
from tests.stream_server import Serve, stream_server


async def connect_error(options: BrokerOptions) -> BrokerError:
    with pytest.raises(BrokerError) as refused:
        async with connect(options):
            pass
    return refused.value


@asynccontextmanager
async def raw_server(serve: Serve) -> AsyncIterator[str]:
    """A TCP server that is not a broker."""
    async with stream_server(serve) as port:
        yield f"mqtt://127.0.0.1:{port}"


def established_to(port: int) -> int:
    connections = psutil.Process().net_connections("tcp")
    return len([one for one in connections if one.status == psutil.CONN_ESTABLISHED and one.raddr.port == port])


async def test_a_wrong_password_is_refused_with_advice(
    mosquitto: MosquittoServer, options: Options, protocol: str
) -> None:
    error = await connect_error(options(f"mqtt://bridge:wrong@127.0.0.1:{mosquitto.port}", protocol=protocol))
    assert isinstance(error, BrokerRefused)
    assert "WA_MQTT_URL" in error.text
    assert "wrong" not in error.text
    assert (error.code, error.transient) == ("broker_refused", False)


async def test_a_missing_user_is_refused(mosquitto: MosquittoServer, options: Options) -> None:
    assert isinstance(await connect_error(options(f"mqtt://127.0.0.1:{mosquitto.port}")), BrokerRefused)


async def test_nothing_listening_is_down(options: Options) -> None:
    error = await connect_error(options(f"mqtt://127.0.0.1:{free_port()}"))
    assert isinstance(error, BrokerDown)
    assert "Nothing listens" in error.text
    assert (error.code, error.transient) == ("broker_down", True)


async def test_a_name_that_cannot_be_resolved_is_down(options: Options) -> None:
    assert "cannot be resolved" in (await connect_error(options("mqtt://no-such-host.invalid"))).text


@pytest.mark.parametrize("host", ["a" * 64, "bücher..example"])
async def test_an_invalid_host_name_is_down(options: Options, host: str) -> None:
    assert isinstance(await connect_error(options(f"mqtt://{host}")), BrokerDown)


async def test_the_second_address_is_used_when_the_first_fails(mosquitto: MosquittoServer, options: Options) -> None:
    async with connect(options(f"mqtt://127.0.0.1:{free_port()},{mosquitto.url()}")) as connection:
        assert connection.address.port == mosquitto.port


async def test_the_failures_of_a_whole_list_are_reported(mosquitto: MosquittoServer, options: Options) -> None:
    error = await connect_error(options(f"mqtt://127.0.0.1:{free_port()},mqtt://127.0.0.1:{mosquitto.port}"))
    assert isinstance(error, BrokerRefused)
    assert error.transient  # the first may come back
    assert "Nothing listens" in error.text
    assert "refuses this user" in error.text


async def test_a_silent_server_is_down_after_the_timeout(options: Options) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw_server(silent) as url:
        error = await connect_error(options(url, connect_timeout=0.2, protocol="5"))
    assert "did not answer within 0.2 s" in error.text
    assert "WA_MQTT_PROTOCOL=3.1.1" in error.text


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\x02\x00\x01", b"\xff" * 8])
async def test_another_protocol_is_detected_at_once(options: Options, answer: bytes) -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with raw_server(other) as url, asyncio.timeout(3):
        assert isinstance(await connect_error(options(url)), BrokerDown)


async def test_a_connection_that_ends_with_its_connack_is_down(options: Options) -> None:
    async def brief(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"\x20\x02\x00\x00")
        writer.write_eof()
        await reader.read()

    async with raw_server(brief) as url, asyncio.timeout(3), connect(options(url)) as connection:
        with pytest.raises(BrokerDown):
            await connection.down()
        with pytest.raises(BrokerDown):
            await connection.publish("wa/haby/in", "x")


async def test_a_version_that_the_broker_does_not_support_is_refused(options: Options) -> None:
    async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"\x20\x02\x00\x01")  # what a 3.1.1 broker answers: unacceptable protocol version
        await reader.read()

    async with raw_server(old) as url:
        error = await connect_error(options(url, protocol="5"))
    assert isinstance(error, BrokerRefused)
    assert "WA_MQTT_PROTOCOL=3.1.1" in error.text


async def test_a_client_id_taken_over_ends_the_older_connection(options: Options, protocol: str) -> None:
    mine = options(client_id="same", protocol=protocol)
    async with connect(mine) as older, connect(mine):
        async with asyncio.timeout(5):
            with pytest.raises(BrokerDown):
                await older.down()


async def test_tls_with_the_right_authority_only(tmp_path: Path, options: Options) -> None:
    certificates, others = make_certificates(tmp_path / "ours"), make_certificates(tmp_path / "others")
    port = free_port()
    extra = f"listener {port} 127.0.0.1\ncertfile {certificates.server}\nkeyfile {certificates.key}\n"
    with MosquittoServer(tmp_path / "tls", extra=extra) as server:
        url = server.url(scheme="mqtts", port=port)
        async with connect(options(url, ca_file=str(certificates.authority))) as connection:
            await connection.subscribe("wa/haby/in")
            # Several TLS records, so that what is decrypted but not yet read has to be noticed.
            await asyncio.gather(*(connection.publish("wa/haby/in", bytes([n]) * 50_000) for n in range(20)))
            assert [delivery.payload[0] for delivery in await read(connection, 20)] == list(range(20))
            # Many packets in one record, none of which may wait for the next.
            await asyncio.gather(*(connection.publish("wa/haby/in", bytes([n])) for n in range(200)))
            assert [delivery.payload[0] for delivery in await read(connection, 200, within=3)] == list(range(200))
        for wrong in (options(url, ca_file=str(others.authority)), options(url)):
            error = await connect_error(wrong)
            assert isinstance(error, BrokerRefused)
            assert "certificate" in error.text
        other_name = await connect_error(
            options(url.replace("127.0.0.1", "localhost"), ca_file=str(certificates.authority))
        )
        assert "certificate" in other_name.text
        no_tls = await connect_error(options(server.url(scheme="mqtts")))
        plain = await connect_error(options(server.url(port=port)))
        assert "TLS" in no_tls.text
        assert isinstance(plain, BrokerDown)
        assert "mqtts://" in plain.text


async def test_an_unreadable_ca_file_is_named(options: Options, tmp_path: Path) -> None:
    error = await connect_error(options("mqtts://127.0.0.1", ca_file=str(tmp_path / "none.crt")))
    assert isinstance(error, BrokerRefused)
    assert "none.crt" in error.text


async def test_websockets() -> None:
    from amqtt.broker import Broker  # type: ignore[import-untyped]  # an import of 0.1 s

    # Debian's mosquitto 2.0.11 is built without them; amqtt has them.
    port = free_port()
    broker = Broker(
        {
            "listeners": {"default": {"type": "ws", "bind": f"127.0.0.1:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    await broker.start()
    try:
        options = BrokerOptions(parse_addresses(f"ws://127.0.0.1:{port}"), client_id="ws", clean=True)
        async with connect(options) as connection:
            await connection.subscribe("wa/haby/in")
            await connection.publish("wa/haby/in", b"x" * 70_000)
            [delivery] = await read(connection, 1)
            await asyncio.gather(*(connection.publish("wa/haby/in", bytes([n])) for n in range(50)))
            assert [small.payload[0] for small in await read(connection, 50, within=3)] == list(range(50))
        assert len(delivery.payload) == 70_000
    finally:
        await broker.shutdown()


async def test_a_cancelled_connect_leaves_no_socket(options: Options) -> None:
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        asked.set()
        await reader.read()

    async with raw_server(silent) as url:
        port = int(url.rpartition(":")[2])
        connecting = asyncio.create_task(connect_error(options(url)))
        await asked.wait()
        assert established_to(port) == 1
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        async with asyncio.timeout(3):
            while established_to(port):  # noqa: ASYNC110 - a socket's end raises no event
                await asyncio.sleep(0.01)


def test_a_silent_host_does_not_hold_the_end_of_the_program(options: Options) -> None:
    """Ctrl-C during a TLS handshake: Python waits for the threads of the loop at its end."""

    async def interrupted(listener: socket.socket) -> None:
        url = f"mqtts://127.0.0.1:{listener.getsockname()[1]}"
        connecting = asyncio.create_task(connect_error(options(url, connect_timeout=20.0)))
        there, _ = await asyncio.get_running_loop().sock_accept(listener)
        open_until_the_end.enter_context(there)
        await asyncio.get_running_loop().sock_recv(there, 1)
        connecting.cancel()
        await asyncio.wait([connecting])

    with contextlib.ExitStack() as open_until_the_end:
        listener = open_until_the_end.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.setblocking(False)
        began = time.monotonic()
        asyncio.run(interrupted(listener))
        assert time.monotonic() - began < 10


async def test_a_connect_is_cancelled_in_the_turn_of_its_connack(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`asyncio.wait_for` of Python 3.11 drops this cancellation, and the caller that waits for its end hangs."""
    connected = MqttClient._on_connect

    def cancelled(client: MqttClient, *arguments: Any) -> None:
        connected(client, *arguments)
        serving.cancel()

    monkeypatch.setattr(MqttClient, "_on_connect", cancelled)

    async def serve(connection: BrokerConnection) -> None:
        await connection.down()

    serving = asyncio.create_task(keep_connected(options(), serve), name="serving")
    done, _ = await asyncio.wait([serving], timeout=5)
    assert done
    assert serving.cancelled()


async def test_many_connections_leave_no_socket_and_no_task(mosquitto: MosquittoServer, options: Options) -> None:
    tasks = asyncio.all_tasks()
    for _ in range(20):
        async with connect(options()) as connection:
            await connection.publish("wa/haby/in", "x")
    async with asyncio.timeout(3):
        while established_to(mosquitto.port) or asyncio.all_tasks() != tasks:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)


async def test_an_answer_of_any_size_takes_no_memory(options: Options) -> None:
    """A false broker announces 268 MB as its answer to CONNECT, and sends them."""
    sent = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.read(1000)
        writer.write(b"\x20\xff\xff\xff\x7f")
        with contextlib.suppress(ConnectionError):
            for _ in range(4_000):
                writer.write(bytes(65_536))
                await writer.drain()
                sent += 65_536

    async with raw_server(serve) as url:
        with pytest.raises(BrokerDown, match="268,435,455 bytes"):
            async with asyncio.timeout(8), connect(options(url)) as connection:
                await connection.down()
    assert sent < 40_000_000
