"""The responder as a process that a test may kill: `responder_program.py BROKER_URL`.

Settings come from the environment, as for `wa responder`. RESPONDER_HALT names a step at which the process reports
on stdout and halts until it is killed.
"""

import asyncio
import logging
import os
import signal
import sys
from typing import Any

from responder.app import run
from responder.outgoing import MqttAnswerSink
from responder.settings import load
from responder.store.recorder import Recorder
from responder.store.transcripts import Transcripts
from responder.store.turns import Turns
from responder.transports import ResponderBroker


async def halt(step: str) -> None:
    print(f"halted {step}", flush=True)
    await asyncio.Event().wait()


def halt_around(owner: type, method: str, step: str, wanted: str) -> None:
    """Halt before or after a method if RESPONDER_HALT names that step."""
    original = getattr(owner, method)

    async def halting(self: Any, *arguments: Any, **named: Any) -> Any:
        if wanted == f"before {step}":
            await halt(wanted)
        outcome = await original(self, *arguments, **named)
        if wanted == f"after {step}" and outcome != []:
            await halt(wanted)
        return outcome

    setattr(owner, method, halting)


async def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(name)s %(message)s")
    wanted = os.environ.get("RESPONDER_HALT", "")
    halt_around(Recorder, "record", "recording", wanted)
    halt_around(Transcripts, "record", "transcript", wanted)
    halt_around(Turns, "open", "opening", wanted)
    halt_around(MqttAnswerSink, "deliver", "delivery", wanted)
    halt_around(Turns, "finish", "finishing", wanted)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run(load(), ResponderBroker(sys.argv[1]), stop=stop)


if __name__ == "__main__":
    asyncio.run(main())
