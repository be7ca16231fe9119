"""Commands beside `wa up --sandbox`: they work on its files, and a second `wa up` says what runs."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tests.cli.conftest import Environment, StartCommand, Wa
from tests.loopback import http_client
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
        "WA_CAMPAIGNS_PORT": str(free_port()),
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
    async with http_client() as client:
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
    dry_run = await wa("forget", ANA, "--dry-run", "--json")
    assert sum(json.loads(dry_run.out)["stores"]["haby"].values()) > 0
    doctor = await wa("doctor", "--json")
    found = [one for one in map(json.loads, doctor.out.splitlines()) if one["check"] in ("broker", "responder")]
    assert {(one["check"], one["level"]) for one in found} == {("broker", "ok"), ("responder", "ok")}
    table = (await wa("doctor", "--all", WHATSAPP_API_KEY="")).out
    assert "Settings of the bridge that runs" in table
    assert re.search(r"WA_PACE +5/second.* wa up", table)
    again = await wa("up", "--sandbox")
    assert again.code == 2
    assert re.search(r"A bridge already runs on .*sandbox/: process \d+, panel http://127\.0\.0\.1:\d+/", again.err)


async def test_the_responder_asks_for_a_key_as_soon_as_the_bridge_does(
    shown: str, wa: Wa, environment: Environment
) -> None:
    bridge, responder = (f"http://127.0.0.1:{environment[name]}" for name in ("WA_HTTP_PORT", "PORT"))
    phone = re.search(r"http://localhost:\d+", shown)
    assert phone is not None
    async with http_client(timeout=20) as client:

        async def chats(headers: dict[str, str]) -> list[str]:
            answer = await client.get(f"{bridge}/v1/responder/chats", headers=headers)
            assert answer.status_code == 200, answer.text
            return [one["chat"] for one in answer.json()["chats"]]

        async def until(
            url: str, holds: Callable[[httpx.Response], bool], headers: dict[str, str] | None = None
        ) -> None:
            async with asyncio.timeout(30):
                while True:
                    if holds(await client.get(url, headers=headers)):
                        return
                    await asyncio.sleep(0.1)

        await until(f"{responder}/readyz", lambda answer: answer.status_code == 200)
        written = await client.post(f"{phone[0]}/api/incoming", json={"chat": f"{ANA}@c.us", "body": "Baja"})
        assert written.status_code == 200
        await until(f"{responder}/api/opted-out", lambda answer: bool(answer.json()["people"]))
        opted_out = f"{bridge}/v1/campaigns/opt-outs"
        await until(opted_out, lambda answer: bool(answer.json()["opt_outs"]))
        # as if the campaigns service had never read that message: only the responder knows
        store = Path(environment["WA_DATA_DIR"]) / "sandbox" / "campaigns.db"
        with closing(sqlite3.connect(store)) as database, database:
            database.execute("DELETE FROM wa_campaign_opt_out")
        assert await chats({})

        async with client.stream("GET", f"{responder}/api/live") as live:
            assert live.status_code == 200
            keys = {
                name: {"x-api-key": json.loads((await wa("key", "create", name, *options, "--json")).out)["key"]}
                for name, options in {
                    "owner": ("--scope", "admin"),
                    "narrow": ("--scope", "admin", "--session", "haby"),
                    "sender": (),
                    "agent": ("--chat", ANA),
                }.items()
            }
            async with asyncio.timeout(20):
                async for _ in live.aiter_raw():  # ends by itself: it began without a key
                    pass
        for path in ("/api/conversaciones", "/api/live", "/metrics", "/api/status"):
            refused = await client.get(f"{responder}{path}")
            assert (refused.status_code, refused.json()) == (401, {"error": "Unauthorized", "panel": f"{bridge}/"})
        statuses = {
            name: (await client.get(f"{responder}/api/conversaciones", headers=key)).status_code
            for name, key in keys.items()
        }
        assert statuses == {"owner": 200, "narrow": 403, "sender": 403, "agent": 403}
        bearer = {"Authorization": f"Bearer {keys['owner']['x-api-key']}"}
        assert (await client.get(f"{responder}/metrics", headers=bearer)).status_code == 200
        assert (await client.get(f"{responder}/")).status_code == 200

        assert await chats(keys["owner"])
        body = {"name": "Prueba", "variants": ["Hola"], "recipients": [{"to": ANA}, {"to": "5491155500002"}]}
        planned = await client.post(f"{bridge}/v1/campaigns", json=body, headers=keys["owner"])
        assert (planned.status_code, planned.json()["skipped_by"]) == (201, {"opted_out": 1})

        key_id = keys["owner"]["x-api-key"].split("_")[1]
        assert (await wa("key", "revoke", key_id)).code == 0
        # once the bridge's cache of keys ends
        await until(f"{responder}/api/conversaciones", lambda answer: answer.status_code == 401, keys["owner"])


async def test_a_stop_of_the_whole_group_while_the_browser_starts_is_no_failure(start: StartCommand) -> None:
    process = await start("up", "--sandbox", "--sandbox-port", str(free_port()))
    parent = psutil.Process(process.pid)
    drivers: list[psutil.Process] = []
    async with asyncio.timeout(90):
        while not drivers:
            await asyncio.sleep(0.01)
            with suppress(psutil.NoSuchProcess):  # a child that has just ended
                drivers = [child for child in parent.children(recursive=True) if "run-driver" in child.cmdline()]
    drivers[0].terminate()
    process.send_signal(signal.SIGTERM)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    shown = out.decode()
    assert (process.returncode, shown.splitlines()[-1], err.decode()) == (0, "Stopped.", "")
    assert not [line for line in shown.splitlines() if re.search("Node.js|migrated|✗|Retrying|Traceback", line)]
