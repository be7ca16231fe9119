"""The state file: what survives, how soon, and what is refused."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bridge.sandbox import Sandbox, StateUnreadable
from bridge.sandbox.records import State

ANA = "5491155500001@c.us"
RUNNER = """
import asyncio, sys
from pathlib import Path
from bridge.sandbox import Sandbox

async def main():
    async with Sandbox(state_path=Path(sys.argv[1])) as sandbox:
        sandbox.world.incoming("5491155500001@c.us", "antes del corte")
        print("written", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_everything_is_there_again_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "world.json"
    async with Sandbox(state_path=path) as first:
        first.world.linking.open_slot()
        device = first.world.linking.scan()
        message = first.world.incoming(ANA, "hola 👋", fields={"isForwarded": True})
        first.world.set_link(up=False)
    async with Sandbox(state_path=path) as second:
        assert second.world.message(message.id) == message
        assert second.world.linking.devices == {device.id: device}
        assert second.world.state.link_up is False
        assert second.world.linking.slots == {}


async def test_without_a_path_nothing_is_kept() -> None:
    async with Sandbox() as first:
        first.world.incoming(ANA, "hola")
    async with Sandbox() as second:
        assert second.world.state.messages == []
        assert [c.name for c in second.world.cast.contacts][:2] == ["Ana", "Bruno"]


def test_a_killed_sandbox_has_written_what_is_200_ms_old(tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    with subprocess.Popen([sys.executable, "-c", RUNNER, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        time.sleep(0.25)  # the promise under test is one about time
        process.kill()
    assert [m.body for m in State.model_validate_json(path.read_bytes()).messages] == ["antes del corte"]
    assert [p.name for p in tmp_path.iterdir()] == ["world.json"]


async def test_a_burst_of_changes_is_written_while_it_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    async with Sandbox(state_path=path) as sandbox, asyncio.timeout(5):
        while b"hola" not in path.read_bytes():
            sandbox.world.incoming(ANA, "hola")
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("text", ["", "not json", "[]", '{"version": 1, "messages": 7}'])
async def test_a_file_that_holds_something_else_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "world.json"
    path.write_text(text)
    with pytest.raises(StateUnreadable, match=r"world\.json is not a sandbox state"):
        await Sandbox(state_path=path).__aenter__()
    assert path.read_text() == text
