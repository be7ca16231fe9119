"""What a bridge in standby reads of the owner's traffic: commands, results, status. A connection of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bridge.broker import BrokerConnection, BrokerOptions, keep_connected
from bridge.contract.topics import Topics
from bridge.core.foreign_commands import ForeignCommands


async def watch_owner(session: str, noted: ForeignCommands, broker: BrokerOptions, topics: Topics) -> None:
    """Note what another owner may carry out, until cancelled. `broker.client_id` is free to use."""
    takes: dict[str, Callable[[bytes], None]] = {
        topics.out(session): noted.command,
        topics.result(session): noted.result,
        topics.status(session): noted.status,
    }

    async def serve(connection: BrokerConnection) -> None:
        await connection.subscribe(*takes)
        async for delivery in connection.deliveries():
            connection.acknowledge(delivery)
            takes[delivery.topic](delivery.payload)

    await keep_connected(replace(broker, clean=True, will=None), serve)
