"""scripts/setup and the Makefile as a person meets them: quick when nothing changed, clear when something is missing.

A system that lacks programs is played by a PATH of our own; nothing is installed on the machine that runs the tests.
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
# What scripts/setup itself is made of; every Debian has these.
TOOLS = ["awk", "cat", "cmp", "dirname", "flock", "grep", "id", "ls", "mkdir", "rm", "sed", "sh", "tr"]


def run(command: list[str], env: Mapping[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=env, cwd=cwd, stdin=DEVNULL, capture_output=True, text=True, check=False, timeout=50
    )


@dataclass(frozen=True)
class Machine:
    """A clone of what set-up reads, and a PATH with the basic tools alone."""

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


def test_a_second_set_up_is_quick_silent_and_changes_nothing() -> None:
    first = run(["scripts/setup", "--tests"], os.environ, ROOT)
    assert first.returncode == 0, first.stderr
    folders = (ROOT / ".venv/bin", ROOT / "bridge/drivers/web/node_modules")
    before = [snapshot(folder) for folder in folders]
    started = time.monotonic()
    second = run([str(ROOT / "scripts/setup"), "--tests"], os.environ, cwd=Path("/"))
    assert time.monotonic() - started < 5
    assert (second.returncode, second.stdout) == (0, "")
    assert [snapshot(folder) for folder in folders] == before


def test_without_python_and_npm_set_up_stops_and_names_the_packages(machine: Machine) -> None:
    machine.add("python3", "exit 1  # as 3.10 would answer to what set-up asks")
    result = machine.setup()
    assert result.returncode == 1
    assert "python3-venv" in result.stderr
    assert "Python 3.11 or newer" in result.stderr
    assert "npm" in result.stderr
    assert "your system's package manager" in result.stderr
    assert not (machine.clone / ".venv").exists()


def test_where_there_is_apt_but_no_root_the_whole_command_is_printed(machine: Machine) -> None:
    machine.add("apt-get", "echo must not be called; exit 1")
    result = machine.setup()
    assert result.returncode == 1
    line = next(line for line in result.stderr.splitlines() if "sudo apt-get install" in line)
    assert {"python3-venv", "npm", "mosquitto-clients", "chromium-headless-shell"} <= set(line.split())
    assert "must not be called" not in result.stdout + result.stderr


def test_root_installs_only_what_is_missing_without_asking(machine: Machine) -> None:
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


def test_what_only_running_needs_is_named_and_fails_in_ci_alone(machine: Machine) -> None:
    """Set-up goes on to the virtual environment, which this Python refuses to make."""
    machine.add("python3", '[ "$1" = -c ] || { echo "made with $*"; exit 3; }')
    machine.add("npm", "exit 0")
    goes_on = machine.setup()
    assert "chromium-headless-shell" in goes_on.stderr
    assert (goes_on.returncode, "made with -m venv" in goes_on.stdout) == (3, True)
    stops = machine.setup(CI="true")
    assert (stops.returncode, "made with -m venv" in stops.stdout) == (1, False)
    assert "chromium-headless-shell" not in machine.setup(WA_BROWSER="/opt/a-browser").stderr


def test_an_unfinished_environment_is_made_again(machine: Machine) -> None:
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


def test_two_set_ups_take_turns(machine: Machine) -> None:
    """We hold the lock as a first set-up would; the second says that it waits and touches nothing until we let go."""
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


def test_make_lists_its_targets_and_passes_a_failure_on() -> None:
    listed = run(["make"], os.environ, ROOT)
    assert [line.split()[1] for line in listed.stdout.splitlines()] == [
        "help",
        "setup",
        "run",
        "check",
        "test",
        "bench",
        "chaos",
        "clean",
    ]
    assert run(["scripts/test", "--no-such-option"], os.environ, ROOT).returncode == 4
