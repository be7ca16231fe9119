"""Child process: webhooks that record when each message came.

    python -m bench.rivals.receiver_program COUNT

Prints {"port": n}, then after COUNT requests a list of [path, id, unix seconds] in the order of arrival. The path
/hangs takes requests and never answers; they are not counted.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time

from bench.stage import say

HANGS = "/hangs"
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"


async def main() -> None:
    count, done = int(sys.argv[1]), asyncio.Event()
    received: list[tuple[str, bytes, float]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                body = await reader.readexactly(int(head.partition("content-length: ")[2].partition("\r\n")[0]))
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            path = head.split(" ")[1]
            if path == HANGS:
                continue
            received.append((path, body, time.time()))
            writer.write(_OK)
            if len(received) >= count:
                done.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=2000)
    say({"port": server.sockets[0].getsockname()[1]})
    await done.wait()
    say([[path, json.loads(body)["id"].split("_")[2], at] for path, body, at in received])
    os._exit(0)  # hanging connections are not waited for


if __name__ == "__main__":
    asyncio.run(main())
