"""The units are valid and confined according to systemd, and the service notifies systemd."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from bridge.cli.systemd import notify_systemd
from tests.parts import require_binary

UNITS = Path(__file__).parents[2] / "deploy/systemd"
#: Maximum exposure by `systemd-analyze security`, times ten. The bridge runs a browser that needs namespaces.
EXPOSURE = {
    "wa-bridge.service": 25,
    "wa-responder.service": 15,
    "wa-campaigns.service": 15,
    "wa-websockets.service": 15,
    "mosquitto.service": 15,
    "wa-backup.service": 28,
    "wa-backup-check.service": 15,
}
# The lines of Debian's mosquitto.service that the drop-in must work with.
MOSQUITTO = """\
[Unit]
Description=Mosquitto MQTT Broker
After=network.target
[Service]
Type=notify
NotifyAccess=main
ExecStart={true} -c /etc/mosquitto/mosquitto.conf
ExecReload={true} -HUP $MAINPID
Restart=on-failure
ExecStartPre={true} -m 740 -p /run/mosquitto
[Install]
WantedBy=multi-user.target
"""


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The shipped units and Debian's mosquitto.service, with programs that exist here, because verify checks them."""
    true = require_binary("true", "coreutils")
    folder = tmp_path / "units"
    shutil.copytree(UNITS, folder)
    (folder / "mosquitto.service").write_text(MOSQUITTO.format(true=true))
    for unit in folder.glob("wa-*.service"):
        text, count = re.subn(r"(?m)^ExecStart=\S+", f"ExecStart={true}", unit.read_text())
        assert count == 1, unit.name
        unit.write_text(text)
    return folder


def analyze(units: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = require_binary("systemd-analyze", "systemd")
    env = {"SYSTEMD_UNIT_PATH": f"{units}:", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    return subprocess.run([program, *arguments], env=env, capture_output=True, text=True, check=False, timeout=50)


def test_systemd_accepts_the_units(units: Path) -> None:
    names = [str(path) for path in sorted(units.glob("*.service")) + sorted(units.glob("*.timer"))]
    assert len(names) == 9
    verified = analyze(units, "verify", *names)
    assert (verified.returncode, verified.stderr) == (0, "")


def test_an_error_in_a_unit_is_found(units: Path) -> None:
    """The test above relies on this: unknown settings are reported on stderr, not by the exit code."""
    with (units / "wa-bridge.service").open("a") as unit:
        unit.write("[Service]\nProtectEverything=yes\n")
    assert "ProtectEverything" in analyze(units, "verify", str(units / "wa-bridge.service")).stderr


@pytest.mark.parametrize("unit", sorted(EXPOSURE))
def test_the_exposure_of_a_service_is_limited(units: Path, unit: str) -> None:
    result = analyze(
        units, "security", "--offline=true", f"--threshold={EXPOSURE[unit]}", "--no-pager", str(units / unit)
    )
    assert result.returncode == 0, result.stdout[-3000:]


def test_every_relaxed_setting_of_the_bridge_has_a_reason() -> None:
    """The bridge's unit explains each restriction that only the responder has."""

    def set_in(name: str) -> set[str]:
        return set(re.findall(r"(?m)^(\w+)=", (UNITS / name).read_text()))

    bridge = (UNITS / "wa-bridge.service").read_text()
    for missing in set_in("wa-responder.service") - set_in("wa-bridge.service"):
        assert re.search(rf"(?m)^#   {missing}\b.* \w+", bridge), missing


async def test_a_service_notifies_systemd_of_start_watchdog_and_stop(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        loop = asyncio.get_running_loop()
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000"}
        async with asyncio.timeout(10), notify_systemd(environment):
            assert await loop.sock_recv(systemd, 100) == b"READY=1"
            for _ in range(3):
                assert await loop.sock_recv(systemd, 100) == b"WATCHDOG=1"
        message = b""
        async with asyncio.timeout(10):
            while message != b"STOPPING=1":
                message = await loop.sock_recv(systemd, 100)


@pytest.mark.parametrize(
    "environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/nowhere/notify"}, {"NOTIFY_SOCKET": "@no-such-name"}]
)
async def test_without_systemd_a_service_runs(environment: dict[str, str]) -> None:
    async with notify_systemd(environment):
        pass
