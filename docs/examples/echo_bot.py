"""A bot that answers every message with its own text. It resumes where it stopped and never answers a message twice.

python docs/examples/echo_bot.py mqtt://user:password@127.0.0.1:1883 haby seen.json
"""

import asyncio
import sys

from bridge.client import FileCursor, Gap, connect


async def main(broker: str, session: str, cursor_file: str) -> None:
    cursor = FileCursor(cursor_file)
    async with connect(broker, name="echo-bot") as client:
        if (after := cursor.load()) is None:
            # Start with new messages only, so that old ones are not answered days late. Stored at once, or what comes
            # after a run without a message would be missed.
            after = await client.newest(session)
            cursor.save(after)
        async for message in client.messages(session, after=after, on_gap=report_gap):
            if message.type == "chat":
                # The id is derived from the message: after a crash the bridge recognises it and sends nothing.
                answer_id = f"echo-{message.epoch}-{message.seq}"
                result = await client.send(session, message.chat, f"Echo: {message.body}", id=answer_id)
                print(f"seq {message.seq}: {result.status}", flush=True)
            cursor.save(message.cursor)  # only now: a crash before this line repeats the message, none is lost


def report_gap(gap: Gap) -> None:
    print(f"messages are missing after seq {gap.before.seq}: {gap.reason}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
