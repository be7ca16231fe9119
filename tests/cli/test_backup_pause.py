"""`wa backup` closes a session of the running bridge during the copy and reopens it in any case."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from bridge.broker import BrokerDown
from bridge.cli.backup import _session_closed
from bridge.contract.session import SessionState
from bridge.ops.backup import SessionInUse
from tests.cli.conftest import ScriptedBridge
from tests.mosquitto_server import MosquittoServer


@pytest.fixture(autouse=True)
def _admin(mosquitto: MosquittoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WA_MQTT_URL", mosquitto.url("admin"))
    monkeypatch.setenv("WA_DATA_DIR", str(tmp_path / "data"))


async def test_the_session_is_closed_during_the_copy_and_connected_afterwards(harness: ScriptedBridge) -> None:
    await harness.start()
    async with _session_closed("haby"):
        await harness.reach(SessionState.STOPPED)
    await harness.reach(SessionState.CONNECTED)


async def test_a_failed_copy_leaves_the_session_open(harness: ScriptedBridge) -> None:
    await harness.start()

    async def copying() -> None:
        async with _session_closed("haby"):
            await harness.reach(SessionState.STOPPED)
            raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        await copying()
    await harness.reach(SessionState.CONNECTED)


async def test_a_cancelled_backup_leaves_the_session_open(harness: ScriptedBridge) -> None:
    await harness.start()

    async def backing_up() -> None:
        async with _session_closed("haby"):
            await harness.reach(SessionState.STOPPED)
            await asyncio.Event().wait()

    task = asyncio.create_task(backing_up(), name="backup")
    await harness.reach(SessionState.STOPPED)
    task.cancel()
    await asyncio.wait([task])
    await harness.reach(SessionState.CONNECTED)


async def test_after_a_killed_backup_the_bridge_reopens_the_session(harness: ScriptedBridge) -> None:
    await harness.start()
    program = (
        "import asyncio; from bridge.cli.backup import _session_closed\n"
        "async def main():\n    async with _session_closed('haby', reopen_after=1):\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())"
    )
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    try:
        await harness.reach(SessionState.STOPPED)
    finally:
        killed.kill()
        await killed.wait()
    await harness.reach(SessionState.CONNECTED)


async def test_a_broker_restart_during_the_copy_is_handled(harness: ScriptedBridge, mosquitto: MosquittoServer) -> None:
    await harness.start()
    async with _session_closed("haby"):
        await harness.reach(SessionState.STOPPED)
        await asyncio.to_thread(mosquitto.restart)
    await harness.reach(SessionState.CONNECTED)


async def test_a_bridge_that_does_not_answer_is_an_error(mosquitto: MosquittoServer) -> None:
    with pytest.raises(SessionInUse, match="did not close it"):
        async with _session_closed("haby"):
            raise AssertionError("the session is not closed")
    mosquitto.stop()
    with pytest.raises(BrokerDown):
        async with _session_closed("haby"):
            raise AssertionError("the session is not closed")
