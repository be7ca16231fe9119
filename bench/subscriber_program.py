"""A subscriber in a process of its own: notes when its callback had each message, prints all of it at the end.

    python -m bench.subscriber_program URL COUNT

Prints "subscribed", then once COUNT messages have come a list of [id, seq, unix seconds] in the order of arrival.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from bench.parts import SESSION, TOPICS, say
from bridge.broker import BrokerOptions, connect, parse_addresses


async def main() -> None:
    url, count = sys.argv[1], int(sys.argv[2])
    options = BrokerOptions(
        parse_addresses(url), client_id=f"bench-subscriber-{time.monotonic_ns()}", clean=True, inbound_limit=100_000
    )
    came: list[tuple[bytes, float]] = []
    async with connect(options) as connection:
        await connection.subscribe(TOPICS.inbound(SESSION))
        say("subscribed")
        async for delivery in connection.deliveries():
            came.append((delivery.payload, time.time()))
            connection.acknowledge(delivery)
            if len(came) == count:
                break
    rows = []
    for payload, at in came:
        message = json.loads(payload)
        rows.append([message["id"].rpartition("_")[2], message["seq"], at])
    say(rows)


asyncio.run(main())
