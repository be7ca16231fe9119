"""Relays MQTT over websockets to the broker's TCP listener, whose limits then apply to browsers too.

mosquitto 2.0.11 does not limit the packet size on its own websocket listener: 18 anonymous clients that announced
CONNECTs of up to 268 MB, in seven bytes each, used up `memory_limit`, and for 94 s no client could connect on any
listener (measured). Its TCP listener closes such a connection immediately. This relay bounds the memory per connection.

Does not parse MQTT, and listens on loopback only: TLS and limits per address are nginx's task.
"""

from __future__ import annotations

import asyncio
import http
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from bridge.asgi.proxies import Proxies

_log = logging.getLogger(__name__)
#: The library logs every unfinished handshake with a traceback.
_library_log = logging.getLogger(f"{__name__}.library")
_library_log.setLevel(logging.CRITICAL)

_HOST = "127.0.0.1"
_SUBPROTOCOLS = (Subprotocol("mqtt"), Subprotocol("mqttv3.1"))
_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class RelayLimits:
    """Limits of one client and of all clients.

    `message` is in bytes: a command has at most 65,536 characters, which are at most 786,432 bytes of JSON. `answer` is
    the timeout in seconds for the broker's first packet: a client without a complete CONNECT is disconnected.
    """

    message: int = 1_048_576
    connections: int = 500
    answer: float = 10.0


@asynccontextmanager
async def serve_relay(port: int, broker: int, limits: RelayLimits | None = None) -> AsyncIterator[None]:
    """Serve websockets on `port` inside the context, for the broker's plain listener `broker`. Raises OSError."""
    relay = _Relay(broker, limits or RelayLimits())
    async with serve(
        relay.forward,
        _HOST,
        port,
        process_request=relay.admit,
        subprotocols=_SUBPROTOCOLS,
        # read one message ahead, not sixteen
        max_queue=1,
        max_size=relay.limits.message,
        # a few compressed bytes could expand to a large message
        compression=None,
        # MQTT has its own keepalive, which the broker enforces
        ping_interval=None,
        close_timeout=5,
        server_header=None,
        logger=_library_log,
    ):
        yield


class _Relay:
    def __init__(self, broker: int, limits: RelayLimits) -> None:
        self.limits = limits
        self._broker = broker
        self._connections = 0
        self._is_full = False

    def admit(self, client: ServerConnection, _: Request) -> Response | None:
        if self._connections < self.limits.connections:
            self._is_full = False
            return None
        if not self._is_full:  # log once, not for each refused client
            self._is_full = True
            _log.warning("%d clients are connected, which is the limit: further ones get 503.", self._connections)
        return client.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections: try again later.\n")

    async def forward(self, client: ServerConnection) -> None:
        self._connections += 1
        try:
            reader, writer = await asyncio.open_connection(_HOST, self._broker)
        except OSError as error:
            _log.warning("The broker on port %d is not reachable: %s.", self._broker, error.strerror)
            await client.close(CloseCode.TRY_AGAIN_LATER, "The broker is not reachable.")
            return
        else:
            try:
                await self._copy_both_ways(client, reader, writer)
            finally:
                # no DISCONNECT: if the client sent none, the broker must publish its will
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
        finally:
            self._connections -= 1

    async def _copy_both_ways(
        self, client: ServerConnection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        async with asyncio.TaskGroup() as tasks:
            directions = [
                tasks.create_task(_to_broker(client, writer), name="to the broker"),
                tasks.create_task(self._to_client(client, reader), name="to the client"),
            ]
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
            for direction in directions:
                direction.cancel()

    async def _to_client(self, client: ServerConnection, reader: asyncio.StreamReader) -> None:
        with suppress(ConnectionClosed, OSError):
            try:
                async with asyncio.timeout(self.limits.answer):
                    chunk = await reader.read(_CHUNK)
            except TimeoutError:
                await client.close(CloseCode.POLICY_VIOLATION, "No CONNECT received in time.")
                return
            while chunk:
                # blocks while the client does not read: its messages stay in the broker, within the broker's limits
                await client.send(chunk)
                chunk = await reader.read(_CHUNK)


async def _to_broker(client: ServerConnection, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            message = await client.recv()
            if isinstance(message, str):
                await client.close(CloseCode.UNSUPPORTED_DATA, "MQTT is binary.")
                return
            writer.write(message)
            await writer.drain()
    except OSError:
        return  # the broker closed the connection after reporting the reason
    except ConnectionClosed as closed:
        if closed.sent and closed.sent.code == CloseCode.MESSAGE_TOO_BIG:
            _log.warning(
                "A client (%s) sent too large a message: %s. Its connection was closed.", _origin(client), closed.sent
            )


def _origin(client: ServerConnection) -> str:
    """The client address that nginx forwards; without nginx it is this machine. The relay listens on loopback only."""
    forwarded = client.request.headers.get("X-Forwarded-For") if client.request else None
    return Proxies().client(forwarded or "") or "this machine"
