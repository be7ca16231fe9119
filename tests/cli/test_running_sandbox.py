"""Commands beside `wa up --sandbox`: they work on its files, and a second `wa up` says what runs."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tests.cli.conftest import Environment, StartCommand, Wa
from tests.mosquitto_server import free_port
from tests.parts import require_binary

pytestmark = pytest.mark.timeout(180)
ANA = "5491155500001"


@pytest.fixture
def environment(environment: Environment) -> Environment:
    require_binary("chromium-headless-shell", "chromium-headless-shell")
    return {name: value for name, value in environment.items() if name != "WA_MQTT_URL"} | {
        "WA_HTTP_PORT": str(free_port()),
        "PORT": str(free_port()),
    }


@pytest.fixture
async def shown(start: StartCommand) -> AsyncIterator[str]:
    """What `wa up --sandbox` prints until it is connected. Ended as a service manager ends it: the whole group."""
    process = await start("up", "--sandbox", "--sandbox-port", str(free_port()))
    assert process.stdout is not None
    assert process.stderr is not None
    lines = ""
    async with asyncio.timeout(90):
        while " connected" not in lines[lines[:-1].rfind("\n") + 1 :]:
            line = await process.stdout.readline()
            assert line, (await process.stderr.read()).decode()
            lines += line.decode()
    yield lines
    process.send_signal(signal.SIGTERM)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, out.decode().splitlines()[-1], err.decode()) == (0, "Stopped.", "")
    assert "Stopping…" in out.decode()


async def test_the_commands_of_the_files_work_on_the_running_sandbox(
    shown: str, wa: Wa, environment: Environment, tmp_path: Path
) -> None:
    sandbox = Path(environment["WA_DATA_DIR"]) / "sandbox"
    async with httpx.AsyncClient(trust_env=False) as client:
        assert "«Automatic answers» in the panel" in shown
        ports = {urlsplit(found.rstrip(",")).port for found in re.findall(r"http://127\.0\.0\.1\S+", shown)}
        assert len(ports) == 1, "the panel's alone"

        link = await wa("panel")
        assert "sandbox that runs here" in link.err
        url, _, token = link.out.strip().partition("/#link=")
        login = {"Authorization": f"Link {token}"}
        first = await client.post(f"{url}/panel/login", headers=login)
        assert (first.status_code, first.json()["responder"]) == (200, True)
        assert first.json()["version"]

        key = await wa("key", "create", "prueba", "--json")
        assert json.loads(key.out)["key"]
        assert not (sandbox.parent / "bridge.db").exists()
        client.cookies.clear()
        await asyncio.sleep(2.5)  # the bridge's cache of keys
        assert (await client.get(f"{url}/v1/sessions")).status_code == 401
        assert (await client.post(f"{url}/panel/login", headers=login)).status_code == 401  # it was used up

    sent = await wa("send", ANA, "Hola")
    assert sent.code == 0
    found = await wa("forget", ANA, "--dry-run", "--json")
    assert sum(json.loads(found.out)["stores"]["haby"].values()) > 0
    doctor = await wa("doctor", "--json")
    broker = [one for one in map(json.loads, doctor.out.splitlines()) if one["check"] == "broker"]
    assert {one["level"] for one in broker} == {"ok"}
    table = (await wa("doctor", "--all", WHATSAPP_API_KEY="")).out
    assert "Settings of the bridge that runs" in table
    assert re.search(r"WA_PACE +5/second.* wa up", table)
    again = await wa("up", "--sandbox")
    assert again.code == 2
    assert re.search(r"A bridge already runs on .*sandbox/: process \d+, panel http://127\.0\.0\.1:\d+/", again.err)


async def test_a_stop_of_the_whole_group_while_the_browser_starts_is_no_failure(start: StartCommand) -> None:
    process = await start("up", "--sandbox", "--sandbox-port", str(free_port()))
    parent = psutil.Process(process.pid)
    drivers: list[psutil.Process] = []
    async with asyncio.timeout(90):
        while not drivers:
            await asyncio.sleep(0.01)
            drivers = [child for child in parent.children(recursive=True) if "run-driver" in child.cmdline()]
    drivers[0].terminate()
    process.send_signal(signal.SIGTERM)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    shown = out.decode()
    assert (process.returncode, shown.splitlines()[-1], err.decode()) == (0, "Stopped.", "")
    assert not [line for line in shown.splitlines() if re.search("Node.js|migrated|✗|Retrying|Traceback", line)]
