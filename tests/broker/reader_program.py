"""A subscriber in its own process, for tests that kill one: prints each delivery as a JSON line.

Arguments: broker URL, client id, protocol, topic filter. It acknowledges nothing.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import cast

from bridge.broker import BrokerOptions, Will, connect, parse_addresses
from bridge.broker.messages import Protocol


async def main(url: str, client_id: str, protocol: str, topic_filter: str) -> None:
    options = BrokerOptions(
        parse_addresses(url),
        client_id=client_id,
        clean=False,
        protocol=cast("Protocol", protocol),
        will=Will("wa/haby/status", b"offline"),
    )
    async with connect(options) as connection:
        await connection.subscribe(topic_filter)
        print(json.dumps({"subscribed": True}), flush=True)
        async for delivery in connection.deliveries():
            print(json.dumps({"payload": delivery.payload.decode(), "dup": delivery.dup}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
