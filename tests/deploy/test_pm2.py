"""The real pm2 with the ecosystem file of deploy/: services start, are killed, restart, stop cleanly."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from bridge.cli import COMMANDS
from tests.mosquitto_server import MosquittoServer, free_port
from tests.parts import require_binary

ROOT = Path(__file__).parents[2]
ECOSYSTEM = ROOT / "deploy/pm2/ecosystem.config.cjs"
PM2 = Path(__file__).with_name("pm2")
KEY = "a-key-for-this-test-alone-0123456789"
SERVICES = [name for name in ("bridge", "responder") if name in COMMANDS]


@dataclass(frozen=True)
class Pm2:
    """A pm2 with its own daemon."""

    folder: Path
    environment: dict[str, str]
    ports: dict[str, int]

    def __call__(self, *arguments: str) -> str:
        # To files: the daemon would keep pipes open.
        with (self.folder / "out").open("w+") as out, (self.folder / "err").open("w+") as err:
            command = [require_binary("node", "nodejs"), str(PM2 / "node_modules/pm2/bin/pm2"), *arguments]
            done = subprocess.run(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err, check=False, timeout=55
            )
            out.seek(0)
            err.seek(0)
            assert done.returncode == 0, err.read() + out.read()
            return out.read()

    def process(self, service: str) -> dict[str, Any]:
        listed = json.loads(self("jlist"))
        (process,) = (entry for entry in listed if entry["name"] == f"wa-{service}")
        return dict(process)

    def answers(self, service: str) -> bool:
        path = {"bridge": "/api/whatsapp/status", "responder": "/health"}[service]
        try:
            url = f"http://127.0.0.1:{self.ports[service]}{path}"
            return httpx.get(url, headers={"x-api-key": KEY}, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False


def eventually(true: Callable[[], bool], within: float = 30) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture
def pm2(tmp_path: Path) -> Iterator[Pm2]:
    npm = require_binary("npm", "npm")
    if not (PM2 / "node_modules/pm2").exists():
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=PM2, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    ports = {"bridge": free_port(), "responder": free_port()}
    etc = tmp_path / "etc"
    (etc / "credentials").mkdir(parents=True)
    for service in ("bridge", "responder"):
        (tmp_path / f"data/wa-{service}").mkdir(parents=True)
    # a socket's path must be short
    with tempfile.TemporaryDirectory(prefix="pm2") as home, MosquittoServer(tmp_path / "broker") as broker:
        (etc / "wa.env").write_text(
            f'WA_HTTP_PORT={ports["bridge"]}\n# a comment\nWHATSAPP_API_KEY="{KEY}"\n'
            "WA_WEB_URL=http://127.0.0.1:9/\nPYTHONPATH=" + str(ROOT) + "\n"
        )
        (etc / "responder.env").write_text(f"PORT={ports['responder']}\n")
        for service in ("bridge", "responder"):
            (etc / f"credentials/{service}.env").write_text(f"WA_MQTT_URL={broker.url(service)}\n")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("WA_", "PM2"))}
        environment = {
            **clean,
            "PM2_HOME": home,
            "WA_PROGRAM": shutil.which("wa", path=str(Path(sys.executable).parent)) or "",
            "WA_ETC": str(etc),
            "WA_VAR": str(tmp_path / "data"),
            "WA_LOGS": str(tmp_path / "logs"),
        }
        manager = Pm2(tmp_path, environment, ports)
        try:
            yield manager
        finally:
            manager("kill")


@pytest.mark.timeout(180)
def test_services_start_restart_after_a_kill_and_stop_cleanly(pm2: Pm2) -> None:
    pm2("start", str(ECOSYSTEM), "--only", ",".join(f"wa-{service}" for service in SERVICES))
    for service in SERVICES:
        eventually(lambda service=service: pm2.answers(service))  # type: ignore[misc]
    first = pm2.process("bridge")["pid"]
    os.kill(first, signal.SIGKILL)
    eventually(lambda: pm2.answers("bridge") and pm2.process("bridge")["pid"] not in (0, first))
    second = psutil.Process(pm2.process("bridge")["pid"])
    family = [second, *second.children(recursive=True)]
    pm2("stop", "all")
    assert [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []
    assert "Stopped." in (pm2.folder / "logs/bridge.log").read_text()  # by itself, within kill_timeout


def test_each_service_gets_only_its_own_settings_and_credentials(pm2: Pm2) -> None:
    script = f"process.stdout.write(JSON.stringify(require({json.dumps(str(ECOSYSTEM))})))"
    node = require_binary("node", "nodejs")
    read = subprocess.run([node, "-e", script], env=pm2.environment, capture_output=True, text=True, check=True)
    of = {service["name"]: service for service in json.loads(read.stdout)["apps"]}
    bridge, responder = of["wa-bridge"]["env"], of["wa-responder"]["env"]
    assert bridge["WHATSAPP_API_KEY"] == responder["WHATSAPP_API_KEY"] == KEY
    assert bridge["WA_MQTT_URL"].startswith("mqtt://bridge:")
    assert responder["WA_MQTT_URL"].startswith("mqtt://responder:")
    assert "PORT" not in bridge
    assert of["wa-bridge"]["kill_timeout"] > 30_000  # time to write a login
    assert of["wa-bridge"]["treekill"] is False
