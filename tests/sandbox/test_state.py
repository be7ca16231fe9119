"""The state file: what survives, when it is written, what is refused."""

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


async def test_everything_survives_a_restart(tmp_path: Path) -> None:
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


async def test_without_a_path_nothing_is_stored() -> None:
    async with Sandbox() as first:
        first.world.incoming(ANA, "hola")
    async with Sandbox() as second:
        assert second.world.state.messages == []
        assert [c.name for c in second.world.directory.contacts][:2] == ["Ana", "Bruno"]


def test_a_killed_sandbox_has_written_changes_older_than_200_ms(tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    with subprocess.Popen([sys.executable, "-c", RUNNER, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        time.sleep(0.25)  # the guarantee under test is a duration
        process.kill()
    assert [m.body for m in State.model_validate_json(path.read_bytes()).messages] == ["antes del corte"]
    files_beside = ["world.json", "world.json.media", "world.json.received"]
    assert sorted(p.name for p in tmp_path.iterdir()) == files_beside, "no half-written file stays"


async def test_a_burst_of_changes_is_written_before_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    async with Sandbox(state_path=path) as sandbox, asyncio.timeout(5):
        while b"hola" not in path.read_bytes():
            sandbox.world.incoming(ANA, "hola")
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("text", ["", "not json", "[]", '{"version": 1, "messages": 7}'])
async def test_an_invalid_file_is_refused_and_not_changed(tmp_path: Path, text: str) -> None:
    path = tmp_path / "world.json"
    path.write_text(text)
    with pytest.raises(StateUnreadable, match=r"world\.json is not a sandbox state"):
        await Sandbox(state_path=path).__aenter__()
    assert path.read_text() == text
