"""scripts/setup and the Makefile: fast if nothing changed, with a clear message if something is missing.

A separate PATH simulates a system without the programs; nothing is installed on the machine that runs the tests.
"""

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE

import pytest

ROOT = Path(__file__).parent.parent
# The programs that scripts/setup uses; every Debian has them.
TOOLS = ["awk", "cat", "cmp", "dirname", "flock", "grep", "id", "ls", "mkdir", "rm", "sed", "sh", "tr"]


def run(command: list[str], env: Mapping[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=env, cwd=cwd, stdin=DEVNULL, capture_output=True, text=True, check=False, timeout=50
    )


@dataclass(frozen=True)
class Machine:
    """A clone of the files that setup reads, and a PATH with only the basic tools."""

    clone: Path
    programs: Path

    def add(self, name: str, script: str) -> None:
        program = self.programs / name
        program.unlink(missing_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def setup(self, **env: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": str(self.programs), "HOME": str(self.clone), **env}
        return run([str(self.clone / "scripts/setup")], env, cwd=self.programs)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    clone, programs = tmp_path / "a clone", tmp_path / "bin"
    for name in ("scripts/setup", "scripts/system-packages.txt", "scripts/bundle_wa_js.py", "requirements.lock"):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, clone / name)
    programs.mkdir()
    for tool in TOOLS:
        where = shutil.which(tool)
        assert where, f"{tool} is not on this system"
        (programs / tool).symlink_to(where)
    machine = Machine(clone, programs)
    machine.add("id", "echo 1000")
    return machine


def snapshot(folder: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_mtime_ns for path in folder.rglob("*") if path.name != "__pycache__"}


def test_a_second_setup_is_fast_silent_and_changes_nothing() -> None:
    first = run(["scripts/setup", "--tests"], os.environ, ROOT)
    assert first.returncode == 0, first.stderr
    folders = (ROOT / ".venv/bin", ROOT / "bridge/drivers/web/node_modules")
    before = [snapshot(folder) for folder in folders]
    started = time.monotonic()
    second = run([str(ROOT / "scripts/setup"), "--tests"], os.environ, cwd=Path("/"))
    assert time.monotonic() - started < 5
    assert (second.returncode, second.stdout) == (0, "")
    assert [snapshot(folder) for folder in folders] == before


def test_without_python_and_npm_setup_stops_and_names_the_packages(machine: Machine) -> None:
    machine.add("python3", "exit 1  # as 3.10 answers to the version check of setup")
    result = machine.setup()
    assert result.returncode == 1
    assert "python3-venv" in result.stderr
    assert "Python 3.11 or newer" in result.stderr
    assert "npm" in result.stderr
    assert "your system's package manager" in result.stderr
    assert not (machine.clone / ".venv").exists()


def test_with_apt_but_without_root_the_complete_command_is_printed(machine: Machine) -> None:
    machine.add("apt-get", "echo must not be called; exit 1")
    result = machine.setup()
    assert result.returncode == 1
    line = next(line for line in result.stderr.splitlines() if "sudo apt-get install" in line)
    assert {"python3-venv", "npm", "mosquitto-clients", "chromium-headless-shell"} <= set(line.split())
    assert "must not be called" not in result.stdout + result.stderr


def test_root_installs_only_what_is_missing_without_a_prompt(machine: Machine) -> None:
    machine.add("id", "echo 0")
    machine.add("npm", "exit 0")
    machine.add("chromium", "exit 0")
    calls = machine.clone / "calls"
    machine.add("apt-get", f'echo "$DEBIAN_FRONTEND $*" >>"{calls}"')
    result = machine.setup()
    assert result.returncode == 1  # this apt-get installs nothing, and Python is still missing
    update, install = calls.read_text().splitlines()
    assert update.startswith("noninteractive ")
    assert update.endswith(" update")
    packages = set(install.split(" install ")[1].split())
    assert {"--no-install-recommends", "python3-venv", "mosquitto-clients"} <= packages
    assert not {"npm", "chromium-headless-shell"} & packages


def test_missing_runtime_programs_are_named_and_fail_only_in_ci(machine: Machine) -> None:
    """Setup continues with the virtual environment, which this Python refuses to create."""
    machine.add("python3", '[ "$1" = -c ] || { echo "made with $*"; exit 3; }')
    machine.add("npm", "exit 0")
    continued = machine.setup()
    assert "chromium-headless-shell" in continued.stderr
    assert (continued.returncode, "made with -m venv" in continued.stdout) == (3, True)
    stopped = machine.setup(CI="true")
    assert (stopped.returncode, "made with -m venv" in stopped.stdout) == (1, False)
    assert "chromium-headless-shell" not in machine.setup(WA_BROWSER="/opt/a-browser").stderr


def test_an_unfinished_environment_is_created_again(machine: Machine) -> None:
    machine.add("python3", '[ "$1" = -c ] || { echo "made with $*"; exit 3; }')
    machine.add("npm", "exit 0")
    half = machine.clone / ".venv"
    (half / "bin").mkdir(parents=True)
    (half / "bin/python").symlink_to(machine.programs / "python3")
    (half / "bin/pip").write_text(f"#!{half}/bin/python\n")
    (half / "unfinished").touch()
    (half / "left-over").touch()
    assert "made with -m venv" in machine.setup().stdout
    assert not (half / "left-over").exists()


@pytest.mark.parametrize("status", [0, 1])
def test_the_packages_are_counted_while_they_come_and_a_failure_of_pip_is_seen(machine: Machine, status: int) -> None:
    machine.add("npm", "exit 0")
    machine.add(
        "python3",
        'case $* in *venv*) mkdir -p .venv/bin; cat "$0" >.venv/bin/python; chmod +x .venv/bin/python ;;'
        ' *requirements.lock*) for n in 1 2 3 4 5 6 7 8 9 10 11; do echo "Collecting p$n==1 (from -r x)"; done;'
        f" echo Installing collected packages: all; exit {status} ;; esac",
    )
    (machine.programs / "chmod").symlink_to(shutil.which("chmod") or "")
    done = machine.setup()
    shown = [line for line in done.stdout.splitlines() if line.startswith("setup:   ")]
    assert shown == ["setup:   10 packages, p10==1", "setup:   11 packages are here, installing them takes a minute"]
    assert ("pip could not install requirements.lock" in done.stderr) is bool(status)
    assert ("installing the project" in done.stdout) is not bool(status)


def test_two_setups_run_one_after_the_other(machine: Machine) -> None:
    """The test holds the lock as a first setup would; the second setup reports that it waits, and changes nothing."""
    machine.add("npm", "exit 0")
    machine.add("python3", '[ "$1" = -c ] || { echo "made with $*"; exit 3; }')
    script = machine.clone / "scripts/setup"
    env = {"PATH": str(machine.programs), "HOME": str(machine.clone)}
    with script.open() as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        second = subprocess.Popen([str(script)], env=env, stdout=PIPE, stderr=DEVNULL, stdin=DEVNULL, text=True)
        with second:
            try:
                assert second.stdout
                assert "waiting" in second.stdout.readline()
                assert not (machine.clone / ".venv").exists()
                fcntl.flock(first, fcntl.LOCK_UN)
                assert "made with -m venv" in second.stdout.read()
            finally:
                second.kill()


def test_make_lists_its_targets_and_passes_on_a_failure() -> None:
    listed = run(["make"], os.environ, ROOT)
    assert [line.split()[1] for line in listed.stdout.splitlines()] == [
        "help",
        "setup",
        "run",
        "check",
        "test",
        "bench",
        "rivals",
        "chaos",
        "takeover",
        "kills",
        "lists",
        "day",
        "cluster",
        "wheel",
        "home-assistant",
        "clean",
    ]
    assert run(["scripts/test", "--no-such-option"], os.environ, ROOT).returncode == 4
