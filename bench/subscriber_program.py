"""Child process: a subscriber that records when its callback received each message and prints the list at the end.

    python -m bench.subscriber_program URL COUNT

Prints "subscribed", then after COUNT messages a list of [id, seq, unix seconds] in the order of arrival.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from bench.stage import SESSION, TOPICS, say
from bridge.broker import BrokerOptions, connect, parse_addresses


async def main() -> None:
    url, count = sys.argv[1], int(sys.argv[2])
    options = BrokerOptions(
        parse_addresses(url), client_id=f"bench-subscriber-{time.monotonic_ns()}", clean=True, inbound_limit=100_000
    )
    received: list[tuple[bytes, float]] = []
    async with connect(options) as connection:
        await connection.subscribe(TOPICS.inbound(SESSION))
        say("subscribed")
        async for delivery in connection.deliveries():
            received.append((delivery.payload, time.time()))
            connection.acknowledge(delivery)
            if len(received) == count:
                break
    rows = []
    for payload, at in received:
        message = json.loads(payload)
        rows.append([message["id"].rpartition("_")[2], message["seq"], at])
    say(rows)


asyncio.run(main())
