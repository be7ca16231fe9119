"""A relay between the bridge and its broker that counts the bridge's PUBACKs, which no other client can see."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_PUBACK = 4


class PubackCounter:
    """Counts the PUBACKs that the bridge sends since the last `begin`."""

    def __init__(self, broker_port: int) -> None:
        self._broker_port = broker_port
        self.port = 0
        self._count = 0
        self._goal = 0
        self._done: asyncio.Future[float] | None = None

    def begin(self, goal: int) -> asyncio.Future[float]:
        """Restart the count; the future's result is the time (`perf_counter`) of PUBACK number `goal`."""
        self._count, self._goal = 0, goal
        self._done = asyncio.get_running_loop().create_future()
        return self._done

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Relay connections to the broker on `self.port`."""
        relays: list[asyncio.Task[None]] = []
        async with asyncio.TaskGroup() as tasks:

            def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                relays.append(tasks.create_task(self._relay(reader, writer), name="relay"))

            # a plain function: asyncio logs a coroutine of its own that is cancelled as a fault
            async with await asyncio.start_server(relay, "127.0.0.1", 0) as server:
                self.port = server.sockets[0].getsockname()[1]
                yield
            for task in relays:
                task.cancel()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_broker, to_broker = await asyncio.open_connection("127.0.0.1", self._broker_port)
            try:
                async with asyncio.TaskGroup() as tasks:
                    ends = [
                        tasks.create_task(self._up(reader, to_broker), name="relay up"),
                        tasks.create_task(_down(from_broker, writer), name="relay down"),
                    ]
                    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                    for task in ends:
                        task.cancel()
            finally:
                to_broker.close()
        except* OSError:  # the broker, or the bridge, is gone
            pass
        finally:
            writer.close()

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kept = b""
        while chunk := await reader.read(65536):
            writer.write(chunk)
            kept = self._count_packets(kept + chunk)

    def _count_packets(self, text: bytes) -> bytes:
        """Count the PUBACKs among the complete packets; returns the incomplete rest."""
        at = 0
        while len(text) - at >= 2:
            length, shift, body = 0, 0, at + 1
            while body < len(text):
                length |= (text[body] & 0x7F) << shift
                shift += 7
                body += 1
                if text[body - 1] < 0x80:
                    break
            else:
                break
            if body + length > len(text):
                break
            if text[at] >> 4 == _PUBACK:
                self._count += 1
                if self._count == self._goal and self._done and not self._done.done():
                    self._done.set_result(time.perf_counter())
            at = body + length
        return text[at:]


async def _down(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
