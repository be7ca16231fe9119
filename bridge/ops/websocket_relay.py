"""MQTT over websockets, carried to the broker's TCP listener, so that the limits there hold for browsers too.

mosquitto 2.0.11 holds websockets of its own to no size: 18 strangers who announced a CONNECT of 268 MB and smaller, in
seven bytes each, took all of `memory_limit`, and for 94 s nobody could connect by any listener (measured). Its TCP
listener ends such a connection at once. What is here bounds the memory that a connection takes before it is carried on.

Knows nothing of MQTT, and listens on loopback only: TLS and limits per address are nginx's.
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

_log = logging.getLogger(__name__)
#: The library tells of every stranger's unfinished handshake, with a traceback.
_library = logging.getLogger(f"{__name__}.library")
_library.setLevel(logging.CRITICAL)

_HOST = "127.0.0.1"
_SUBPROTOCOLS = (Subprotocol("mqtt"), Subprotocol("mqttv3.1"))
_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class RelayLimits:
    """What one client, and all together, may take.

    `message` is in bytes: a command has at most 65,536 characters, which JSON makes 786,432 bytes at worst. `answer` is
    how many seconds the broker's first word may take: who sends no CONNECT, or half of one, does not hold a place.
    """

    message: int = 1_048_576
    connections: int = 500
    answer: float = 10.0


@asynccontextmanager
async def relaying(port: int, broker: int, limits: RelayLimits | None = None) -> AsyncIterator[None]:
    """Serve websockets on `port` while the block runs, for the broker's plain listener `broker`. Raises OSError."""
    relay = _Relay(broker, limits or RelayLimits())
    async with serve(
        relay.carry,
        _HOST,
        port,
        process_request=relay.admit,
        subprotocols=_SUBPROTOCOLS,
        # one message is read ahead, not sixteen
        max_queue=1,
        max_size=relay.limits.message,
        # a few bytes that unpack to a lot
        compression=None,
        # MQTT has its own keepalive, and the broker acts on it
        ping_interval=None,
        close_timeout=5,
        server_header=None,
        logger=_library,
    ):
        yield


class _Relay:
    """Who is carried at the moment."""

    def __init__(self, broker: int, limits: RelayLimits) -> None:
        self.limits = limits
        self._broker = broker
        self._carried = 0
        self._is_full = False

    def admit(self, client: ServerConnection, _: Request) -> Response | None:
        if self._carried < self.limits.connections:
            self._is_full = False
            return None
        if not self._is_full:  # once, not for each that is turned away
            self._is_full = True
            _log.warning("%d clients are connected, which is the limit: further ones get 503.", self._carried)
        return client.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections: try again later.\n")

    async def carry(self, client: ServerConnection) -> None:
        self._carried += 1
        try:
            reader, writer = await asyncio.open_connection(_HOST, self._broker)
        except OSError as error:
            _log.warning("The broker on port %d is not reachable: %s.", self._broker, error.strerror)
            await client.close(CloseCode.TRY_AGAIN_LATER, "The broker is not reachable.")
            return
        else:
            try:
                await self._both_ways(client, reader, writer)
            finally:
                # not DISCONNECT: where the client has sent none, the broker is to send its will
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
        finally:
            self._carried -= 1

    async def _both_ways(
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
                await client.close(CloseCode.POLICY_VIOLATION, "No CONNECT came in time.")
                return
            while chunk:
                # waits while the client does not read: what is for it stays in the broker, within the limits there
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
        return  # the broker has ended it, and has said why before
    except ConnectionClosed as closed:
        if closed.sent and closed.sent.code == CloseCode.MESSAGE_TOO_BIG:
            _log.warning(
                "A client (%s) sent too large a message: %s. Its connection ended.", _from(client), closed.sent
            )


def _from(client: ServerConnection) -> str:
    """Whose nginx says that it is; behind nothing all are this machine's."""
    forwarded = client.request.headers.get("X-Forwarded-For") if client.request else None
    return forwarded[:100] if forwarded else "this machine"
