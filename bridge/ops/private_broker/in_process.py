"""amqtt inside this process, for a trial on a machine without mosquitto.

Measured with 0.12.1: an unacknowledged QoS 1 message is lost when its connection ends, nothing survives a restart,
MQTT 5 is refused, a silent client's will is never sent. The caller must warn the user.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from amqtt.broker import Broker  # type: ignore[import-untyped]
from amqtt.errors import BrokerError as AmqttError  # type: ignore[import-untyped]
from amqtt.plugins.base import BaseAuthPlugin  # type: ignore[import-untyped]
from amqtt.session import Session  # type: ignore[import-untyped]
from typing_extensions import override

from bridge.broker import BrokerAddress
from bridge.contract.errors import StartError


class OneUser(BaseAuthPlugin):  # type: ignore[misc]
    """Accepts only the private broker's user. Never marks a session anonymous: amqtt queues nothing for those."""

    @dataclass
    class Config:
        """Filled by amqtt from the broker's configuration."""

        username: str
        password: str

    async def authenticate(self, *, session: Session) -> bool:
        """Called by amqtt at every CONNECT."""
        expected, given = self.config, (session.username or "", session.password or "")
        return all(
            hmac.compare_digest(left.encode(), right.encode())
            for left, right in zip(given, (expected.username, expected.password), strict=True)
        )


class _ClosingBroker(Broker):  # type: ignore[misc]
    """Closes the socket of a client that went away; amqtt leaves it open when its last write fails."""

    @override
    async def stream_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener_name: str
    ) -> None:
        try:
            await super().stream_connected(reader, writer, listener_name)
        finally:
            writer.close()


@asynccontextmanager
async def amqtt_broker(address: BrokerAddress) -> AsyncIterator[None]:
    """Listen on the address inside the context. Raises StartError."""
    for logger in ("amqtt", "transitions"):  # amqtt logs normal packets as warnings and errors
        logging.getLogger(logger).setLevel(logging.CRITICAL)
    username, password = address.credentials
    user = {"username": username, "password": password}
    broker = _ClosingBroker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{address.host}:{address.port}"}},
            "plugins": {f"{OneUser.__module__}.{OneUser.__qualname__}": user},
        }
    )
    try:
        await broker.start()
    except AmqttError as error:
        raise StartError(f"The broker inside this process did not start: {error}.") from error
    try:
        yield
    finally:
        await broker.shutdown()
