"""A bot that answers every message with its own text. It resumes where it stopped and answers nothing twice.

python docs/examples/echo_bot.py mqtt://user:password@127.0.0.1:1883 haby seen.json
"""

import asyncio
import sys

from bridge.client import (FileCursor, Gap, connect)


async def main(broker: str, session: str, cursor_file: str) -> None:
    place = FileCursor(cursor_file)
    async with connect(broker, name="echo-bot") as client:
        # No cursor yet: only what is new, so that nobody is answered days late.
        async for message in client.messages(session, after=place.load() or "now", on_gap=tell):
            if message.type == "chat":
                # An id made from the message: answered again after a crash, the bridge knows it and sends nothing.
                answer_id = f"echo-{message.epoch}-{message.seq}"
                result = await client.send(session, message.chat, f"Echo: {message.body}", id=answer_id)
                print(f"seq {message.seq}: {result.status}", flush=True)
            place.save(message.cursor)  # only now: a crash before this line repeats the message, none is lost


def tell(gap: Gap) -> None:
    print(f"messages are missing after seq {gap.before.seq}: {gap.reason}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
