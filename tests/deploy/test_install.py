"""deploy/install with real releases below a folder: first install, upgrade, failed upgrade, rollback.

The wheel and the virtual environments are real; systemctl and useradd are replaced by scripts that record their calls.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
import time
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.deploy.debian import stock_debian

ROOT = Path(__file__).parents[2]
INSTALL = ROOT / "deploy/install"


def wheel_named(source: Path, folder: Path, mark: str) -> Path:
    """A copy of the wheel that counts as another release: the archive comment differs."""
    folder.mkdir()
    copy = Path(shutil.copy(source, folder))
    with zipfile.ZipFile(copy, "a") as archive:
        archive.comment = mark.encode()
    return copy


@dataclass(frozen=True)
class Machine:
    """A separate file system root, with the recorded calls of systemctl and useradd."""

    root: Path
    environment: dict[str, str]

    def install(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [INSTALL, *arguments], env=self.environment, capture_output=True, text=True, check=False, timeout=55
        )

    @property
    def calls(self) -> list[str]:
        return (self.root / "calls").read_text().splitlines()

    @property
    def current(self) -> Path:
        return (self.root / "opt/wa/current").resolve()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    root, programs, packages = tmp_path / "root", tmp_path / "programs", tmp_path / "packages"
    for folder in (root, programs, packages):
        folder.mkdir()
    for name in ("systemctl", "useradd"):
        program = programs / name
        program.write_text(
            f'#!/bin/sh\necho "{name} $*" >>"{root}/calls"\n'
            # simulates a release that does not stay up
            f'[ "$1" != is-active ] || ! readlink "{root}/opt/wa/current" | grep -qsf "{root}/broken"\n'
        )
        program.chmod(0o755)
    (programs / "getent").write_text("#!/bin/sh\nexit 2\n")
    # pip comes from our environment (PYTHONPATH): installing pip into each release takes 5 s
    (programs / "python").write_text(
        f'#!/bin/sh\n[ "$1 $2" != "-m venv" ] || set -- -m venv --without-pip "$3"\nexec {sys.executable} "$@"\n'
    )
    for name in ("getent", "python"):
        (programs / name).chmod(0o755)
    # the dependencies of our environment, without the editable installation of the project itself
    for package in Path(sysconfig.get_path("purelib")).iterdir():
        if "whatsapp_mqtt_bridge" not in package.name and package.suffix != ".pth":
            (packages / package.name).symlink_to(package)
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "WA_ROOT": str(root),
        "WA_LOCK": os.devnull,
        "WA_SETTLE": "0",
        "PYTHON": str(programs / "python"),
        "PYTHONPATH": str(packages),
        "PIP_USER": "0",
    }
    return Machine(root, environment)


@pytest.mark.timeout(180)
def test_install_upgrade_failed_upgrade_and_rollback(machine: Machine, wheel: Path, tmp_path: Path) -> None:
    first = machine.install(str(wheel))
    assert first.returncode == 0, first.stderr
    one = machine.current
    assert (one / "bin/wa").exists()
    assert f"#!{one}/bin/python" in (one / "bin/wa").read_text().splitlines()[0]
    env = machine.root / "etc/wa/wa.env"
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert stat.S_IMODE((machine.root / "etc/wa/credentials").stat().st_mode) == 0o700
    assert (machine.root / "etc/systemd/system/wa-bridge.service").exists()
    command = machine.root / "usr/local/bin/wa"
    assert command.resolve() == one / "deploy/wa"
    assert any(line.startswith("useradd --system") and line.endswith(" wa-bridge") for line in machine.calls)
    assert "systemctl restart wa-bridge" in machine.calls
    assert "systemctl start wa-backup.service" not in machine.calls  # nothing to back up yet
    for timer in ("wa-backup.timer", "wa-backup-check.timer"):
        assert f"systemctl enable --quiet --now {timer}" in machine.calls

    env.write_text("WA_SESSIONS=haby=51\n")
    (machine.root / "etc/wa/responder.env").unlink()  # the operator no longer wants the responder
    before = len(machine.calls)
    second = machine.install(str(wheel_named(wheel, tmp_path / "two", "two")))
    assert second.returncode == 0, second.stderr
    two = machine.current
    assert two != one
    assert env.read_text() == "WA_SESSIONS=haby=51\n"
    assert command.resolve() == two / "deploy/wa"
    calls = machine.calls[before:]
    assert calls.index("systemctl start wa-backup.service") < calls.index("systemctl restart wa-bridge")
    assert "systemctl disable --quiet --now wa-responder" in calls
    assert "systemctl restart wa-responder" not in calls
    assert not (machine.root / "etc/wa/responder.env").exists()

    (machine.root / "broken").write_text(one.name)
    third = machine.install(str(wheel))
    assert third.returncode == 1
    assert f"going back to {two.name}" in third.stderr
    assert machine.current == two
    assert (machine.root / "opt/wa/previous").resolve() == one
    assert "rollback goes here" in machine.install("list").stdout

    (machine.root / "broken").unlink()
    back = machine.install("rollback")
    assert back.returncode == 0, back.stderr
    assert machine.current == one
    assert [line.split()[1:] for line in sorted(machine.install("list").stdout.splitlines())] == sorted(
        [[one.name, "(running)"], [two.name, "(rollback", "goes", "here)"]]
    )


def test_a_release_that_cannot_be_created_changes_nothing(machine: Machine, tmp_path: Path) -> None:
    wheel = tmp_path / "whatsapp_mqtt_bridge-9.9.9-py3-none-any.whl"
    wheel.write_bytes(b"not a wheel")
    refused = machine.install(str(wheel))
    assert refused.returncode == 1
    assert "nothing was changed" in refused.stderr
    assert list((machine.root / "opt/wa/releases").iterdir()) == []
    assert not (machine.root / "opt/wa/current").exists()
    assert not any("restart" in line for line in machine.calls)
    assert machine.install(str(wheel), str(wheel)).returncode == 1  # dist/*.whl with older wheels
    missing = machine.install(str(tmp_path / "none.whl"))
    assert (missing.returncode, "hatchling build" in missing.stderr) == (1, True)
    assert machine.install("rollback").returncode == 1


@pytest.mark.timeout(180)
def test_a_failed_broker_setup_keeps_the_current_release(machine: Machine, wheel: Path, tmp_path: Path) -> None:
    assert machine.install(str(wheel)).returncode == 0
    one = machine.current
    (machine.root / "etc/mosquitto").write_text("a file instead of a folder")
    refused = machine.install("--broker", str(wheel_named(wheel, tmp_path / "two", "two")))
    assert refused.returncode != 0
    assert machine.current == one
    (machine.root / "etc/mosquitto").unlink()
    before = len(machine.calls)
    done = machine.install("--broker", "--no-start", str(tmp_path / "two" / wheel.name))
    assert done.returncode == 0, done.stderr
    assert not any(line.startswith("systemctl restart wa-") for line in machine.calls[before:])
    assert (machine.root / "etc/mosquitto/wa.acl").exists()
    assert (machine.root / "etc/wa/credentials/bridge.env").exists()
    assert (machine.root / "opt/wa/previous").resolve() == one
    with_broker = machine.current

    assert "systemctl enable --quiet wa-websockets" not in machine.calls
    command = [str(with_broker / "bin/wa"), "broker", "init", "--dir", str(machine.root / "etc/mosquitto")]
    subprocess.run([*command, "--websockets", "9001"], env=machine.environment, check=True, capture_output=True)
    assert machine.install(str(tmp_path / "two" / wheel.name)).returncode == 0
    assert "systemctl restart wa-websockets" in machine.calls
    conf = machine.root / "etc/mosquitto/mosquitto.conf"
    conf.write_text(f"{conf.read_text()}protocol websockets\n")  # as a release before the relay wrote it
    before = len(machine.calls)
    assert "once more with --broker" in machine.install(str(tmp_path / "two" / wheel.name)).stdout
    assert "systemctl disable --quiet --now wa-websockets" in machine.calls[before:]
    assert "systemctl restart wa-websockets" not in machine.calls[before:]

    assert machine.install("--broker", "--no-start", str(tmp_path / "two" / wheel.name)).returncode == 0
    was, passwords = conf.read_text(), (conf.parent / "wa.passwords").read_bytes()
    conf.write_text(was.replace("max_inflight_messages 20", "max_inflight_messages 10"))  # as an older release wrote it
    assert machine.install("--broker", "--no-start", str(tmp_path / "two" / wheel.name)).returncode == 0
    assert (conf.read_text(), (conf.parent / "wa.passwords").read_bytes()) == (was, passwords)


@pytest.mark.timeout(180)
def test_tls_puts_nginx_in_front_of_a_first_installation(machine: Machine, wheel: Path, tmp_path: Path) -> None:
    with stock_debian(machine.root, tmp_path / "programs") as debian:
        path = f"{debian.environment['PATH']}:{machine.environment['PATH']}"
        installation = Machine(machine.root, machine.environment | {"PATH": path})
        (machine.root / "no-dns").touch()
        failed = installation.install("--tls", "wa.shop.test,bot.shop.test", str(wheel))
        assert failed.returncode == 1
        assert "/deploy/tls wa.shop.test bot.shop.test" in failed.stderr  # what to do later
        (machine.root / "no-dns").unlink()
        done = installation.install("--tls", "wa.shop.test,bot.shop.test", str(wheel))
        assert done.returncode == 0, done.stderr
        settings = dict(
            line.split("=", 1)
            for line in (machine.root / "etc/wa/wa.env").read_text().splitlines()
            if line and not line.startswith("#")
        )
        assert settings["WA_HTTP_PROXIES"] == "loopback"
        assert "server_name bot.shop.test;" in debian.site
        with httpx.Client(base_url=f"http://127.0.0.1:{debian.http}", trust_env=False) as client:
            # until the reloaded nginx answers
            while (
                moved := client.get("/", headers={"Host": "bot.shop.test", "Connection": "close"})
            ).status_code != 308:
                time.sleep(0.05)
        assert moved.headers["location"] == "https://bot.shop.test/"
    refused = machine.install("--tls", "--no-start", str(wheel))
    assert (refused.returncode, "--tls needs the name" in refused.stderr) == (1, True)


def test_the_lock_of_the_services_is_part_of_the_tested_lock() -> None:
    def pinned(path: Path) -> dict[str, str]:
        blocks = path.read_text().replace("\\\n", " ").splitlines()
        return {block.split("==")[0]: " ".join(block.split()) for block in blocks if "==" in block}

    tested, services = pinned(ROOT / "requirements.lock"), pinned(ROOT / "deploy/requirements.lock")
    assert {name: block for name, block in services.items() if tested.get(name) != block} == {}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"[^A-Za-z0-9-]", requirement)[0].lower() for requirement in project["dependencies"]}
    assert needed <= set(services)
    assert not {"pytest", "mypy", "ruff"} & set(services)
