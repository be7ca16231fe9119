"""A server of a process: its limits within the open files, and its end."""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import socket
from contextlib import suppress

import pytest

from bridge.asgi.limits import ServerLimits
from bridge.asgi.listener import bind
from bridge.asgi.server import EmbeddedServer


async def _app(scope: object, receive: object, send: object) -> None: ...


@pytest.mark.parametrize(("connections", "warned"), [(100, 0), (2000, 1)])
def test_only_fewer_connections_are_worth_a_warning(
    connections: int, warned: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1024))
    with caplog.at_level(logging.WARNING):
        EmbeddedServer.of(_app, ServerLimits(connections=connections))
    assert len([record for record in caplog.records if "HTTP takes" in record.message]) == warned


@pytest.mark.parametrize("turns", range(6))
async def test_a_connection_that_comes_with_the_end_is_closed(turns: int) -> None:
    """Such a one was accepted and not yet known to the server: its socket stayed open until it was collected."""
    stop, listener = asyncio.Event(), bind("127.0.0.1", 0)
    server = EmbeddedServer.of(_app, ServerLimits())
    serving = asyncio.create_task(server.serve_until(stop, listener, "test"))
    await server.ready.wait()
    clients = [socket.create_connection(listener.getsockname()) for _ in range(5)]
    for _ in range(turns):
        await asyncio.sleep(0)
    serving.cancel()
    await asyncio.wait([serving])
    listener.close()
    _all_closed(clients)


@pytest.mark.parametrize("turns", range(6))
async def test_a_connection_that_comes_with_an_end_without_an_event_is_closed(turns: int) -> None:
    """As above, where the server is stopped by its own `should_exit`, as in the sandbox."""
    listener = bind("127.0.0.1", 0)
    server = EmbeddedServer.of(_app, ServerLimits())
    serving = asyncio.create_task(server.serve([listener]))
    await server.ready.wait()
    clients = [socket.create_connection(listener.getsockname()) for _ in range(5)]
    for _ in range(turns):
        await asyncio.sleep(0)
    await server.shutdown([listener])  # which `serve` calls
    serving.cancel()
    await asyncio.wait([serving])
    _all_closed(clients)


def _all_closed(clients: list[socket.socket]) -> None:
    gc.collect()
    for client in clients:
        client.settimeout(1)
        with suppress(ConnectionResetError):
            assert client.recv(1) == b""
        client.close()
