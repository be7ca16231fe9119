"""`wa backup` closes a session of the running bridge for a moment: it is opened again, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from bridge.broker import BrokerDown
from bridge.cli.backup import _paused
from bridge.contract.session import SessionState
from bridge.ops.backup import SessionInUse
from tests.cli.conftest import BridgeSide
from tests.mosquitto_server import MosquittoServer


@pytest.fixture(autouse=True)
def _admin(mosquitto: MosquittoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WA_MQTT_URL", mosquitto.url("admin"))
    monkeypatch.setenv("WA_DATA_DIR", str(tmp_path / "data"))


async def test_the_session_is_closed_inside_and_connected_afterwards(side: BridgeSide) -> None:
    await side.start()
    async with _paused("haby"):
        await side.reach(SessionState.STOPPED)
    await side.reach(SessionState.CONNECTED)


async def test_a_copy_that_fails_leaves_the_session_open(side: BridgeSide) -> None:
    await side.start()

    async def copying() -> None:
        async with _paused("haby"):
            await side.reach(SessionState.STOPPED)
            raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        await copying()
    await side.reach(SessionState.CONNECTED)


async def test_a_backup_that_is_broken_off_leaves_the_session_open(side: BridgeSide) -> None:
    await side.start()

    async def backing_up() -> None:
        async with _paused("haby"):
            await side.reach(SessionState.STOPPED)
            await asyncio.Event().wait()

    task = asyncio.create_task(backing_up(), name="backup")
    await side.reach(SessionState.STOPPED)
    task.cancel()
    await asyncio.wait([task])
    await side.reach(SessionState.CONNECTED)


async def test_a_backup_that_is_killed_leaves_the_session_closed_for_a_while_only(side: BridgeSide) -> None:
    await side.start()
    program = (
        "import asyncio; from bridge.cli import backup; backup.REOPEN_AFTER = 1\n"
        "async def main():\n    async with backup._paused('haby'):\n        await asyncio.Event().wait()\n"
        "asyncio.run(main())"
    )
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    try:
        await side.reach(SessionState.STOPPED)
    finally:
        killed.kill()
        await killed.wait()
    await side.reach(SessionState.CONNECTED)


async def test_a_broker_that_goes_meanwhile_is_waited_for(side: BridgeSide, mosquitto: MosquittoServer) -> None:
    await side.start()
    async with _paused("haby"):
        await side.reach(SessionState.STOPPED)
        await asyncio.to_thread(mosquitto.restart)
    await side.reach(SessionState.CONNECTED)


async def test_a_bridge_that_cannot_be_asked_is_not_guessed_about(mosquitto: MosquittoServer) -> None:
    with pytest.raises(SessionInUse, match="does not close it when asked"):
        async with _paused("haby"):
            raise AssertionError("nobody has closed it")
    mosquitto.stop()
    with pytest.raises(BrokerDown):
        async with _paused("haby"):
            raise AssertionError("nobody has closed it")
