"""The broker of a chaos run, with the shipped configuration or without any, and the network in front of it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self

from tests.broker.relay import Relay
from tests.mosquitto_server import MosquittoServer


class Broker(MosquittoServer):
    """Mosquitto. With `bare`, the next start uses mosquitto's defaults, which persist nothing."""

    bare = False

    def forget(self) -> None:
        """Delete the database of a stopped broker."""
        (self.directory / "mosquitto.db").unlink(missing_ok=True)

    def _configuration(self) -> str:
        return f"listener {self.port} 127.0.0.1\nallow_anonymous true\n" if self.bare else super()._configuration()


class Network(Relay):
    """The network between bridge and broker; `delay` is seconds per packet, in both directions."""

    delay = 0.0

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        return self

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await super()._accepted(reader, writer)
        except OSError:  # the broker is down
            writer.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while chunk := await source.read(65536):
                await self._open.wait()
                if self.delay:
                    await asyncio.sleep(self.delay)
                sink.write(chunk)
                await sink.drain()
        sink.transport.abort()
        self._writers.discard(sink)
