"""A bridge with a scripted phone in its own process, which can be killed: `bridge_program.py URL DATA_DIR [DEATH]`.

DEATH = `acknowledge`: SIGKILL when a command is to be acknowledged, which is after its claim is committed; the phone is
not paired, so that nothing is sent by a process that dies. `request`: SIGKILL once WhatsApp has carried out a request
that changes something, which is noted in `DATA_DIR/done`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from bridge.app import Bridge, BridgeLimits
from bridge.app.clock import SystemClock
from bridge.broker import BrokerConnection, Delivery, parse_addresses
from bridge.contract.requests import Request
from bridge.drivers.scripted import ScriptedDriver, ScriptedPhone
from bridge.mqtt import MqttLimits
from bridge.settings import load

QUICK = BridgeLimits(mqtt=MqttLimits(retained=0.3))


def die_at_acknowledge() -> None:
    def die(self: BrokerConnection, delivery: Delivery) -> None:
        if "/out" in delivery.topic:
            os.kill(os.getpid(), signal.SIGKILL)

    BrokerConnection.acknowledge = die  # type: ignore[method-assign]


def note_and_die(action: str) -> None:
    with Path(sys.argv[2], "done").open("a") as done:
        done.write(f"{action}\n")
    os.kill(os.getpid(), signal.SIGKILL)


class Dies(ScriptedDriver):
    async def answer(self, request: Request, file: Path | None = None) -> Any:
        answer = await super().answer(request, file)
        if request.changes:  # not what the bridge itself asks when it connects
            note_and_die(request.action)
        return answer


async def main(url: str, data_dir: str, death: str = "") -> None:
    clock = SystemClock()
    if death == "acknowledge":
        die_at_acknowledge()
    phone = ScriptedPhone(clock, paired=death != "acknowledge")
    driver = Dies if death == "request" else ScriptedDriver
    settings = load(WA_DATA_DIR=data_dir, WA_PACE="off", WA_INSTANCE="test")
    bridge = Bridge(settings, parse_addresses(url), lambda _: driver(phone), clock, limits=QUICK)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, bridge.stop)
    await bridge.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
