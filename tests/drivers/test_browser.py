"""Finding a browser, and the profile's lock; without WhatsApp."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import playwright
import psutil
import pytest

from bridge.drivers.web import PlaywrightRuntime, processes
from bridge.drivers.web.browser import Browser, launch_failure
from bridge.drivers.web.executable import NAMES, BrowserFailed, LaunchFailed, find_executable, user_agent
from bridge.drivers.web.limits import Limits
from bridge.drivers.web.processes import ProcessMark
from bridge.drivers.web.profile import LOCK, Profile, ProfileLocked, ProfileUnusable
from tests.full_disk import files_of


def program(folder: Path, name: str, text: str = "exit 0") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def only_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_the_configured_browser_is_used_first(only_path: Path) -> None:
    program(only_path, "chromium")
    mine = program(only_path, "my-browser")
    assert find_executable("my-browser") == mine
    assert find_executable(str(mine)) == mine


def test_the_browser_with_the_least_memory_use_is_preferred(only_path: Path) -> None:
    for name in reversed(NAMES):
        found = program(only_path, name)
        assert find_executable(None) == found


def test_playwrights_own_is_the_last_resort(only_path: Path) -> None:
    own = program(only_path, "own")
    assert find_executable(None, str(own)) == own
    with pytest.raises(BrowserFailed, match="apt install chromium-headless-shell"):
        find_executable(None, str(only_path / "not-installed"))


async def test_children_have_none_of_the_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Browser and Node.js, whose environment other processes of the user can read."""
    secret = "a secret of this process"
    for name in ("WHATSAPP_API_KEY", "WA_JWT_SECRET", "WA_MQTT_URL", "OPENAI_API_KEY", "DB_PASSWORD"):
        monkeypatch.setenv(name, secret)
    before = set(psutil.Process().children(recursive=True))
    async with (
        PlaywrightRuntime() as runtime,
        Profile(tmp_path / "own") as profile,
        Browser(runtime, profile, executable=None, arguments=(), limits=Limits()),
    ):
        started = set(psutil.Process().children(recursive=True)) - before
        environments = [process.environ() for process in started]
    assert len(environments) >= 3  # Node.js, the browser and its helpers
    assert not any(secret in environment.values() for environment in environments)


async def test_playwrights_node_stays_small(tmp_path: Path) -> None:
    others = processes.playwright_drivers()
    async with (
        PlaywrightRuntime() as runtime,
        Profile(tmp_path / "own") as profile,
        Browser(runtime, profile, executable=None, arguments=(), limits=Limits()) as browser,
    ):
        page = await browser.page()
        for _ in range(1000):
            await page.evaluate("'x'.repeat(10_000)")
        (node,) = (psutil.Process(mark.pid) for mark in processes.playwright_drivers() if mark not in others)
        private = node.memory_full_info().uss - _code_of(node)
    assert private < 68_000_000


def _code_of(process: psutil.Process) -> int:
    """Bytes of the program's own file that are in memory: they depend on the machine's page cache."""
    return sum(area.private_clean for area in process.memory_maps() if area.path == process.exe())


async def test_a_node_of_the_users_own_gets_no_options(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = Path(playwright.__file__).with_name("driver") / "node"
    refusing = f'[ -z "$NODE_OPTIONS" ] || exit 9; exec {own} "$@"'
    monkeypatch.setenv("PLAYWRIGHT_NODEJS_PATH", str(program(tmp_path, "node", refusing)))
    async with PlaywrightRuntime() as runtime:
        assert Path((await runtime.playwright()).chromium.executable_path).is_absolute()


async def test_the_user_agent_does_not_say_headless(tmp_path: Path) -> None:
    agent = await user_agent(program(tmp_path, "chromium", "echo 'Chromium 156.0.8078.79 built on Debian'"))
    assert " Chrome/156.0.0.0 " in agent
    assert "Headless" not in agent


async def test_a_browser_is_asked_for_its_version_once_until_it_is_replaced(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    text = f"echo asked >> {asked}; echo 'Chromium {{}}.0.8078.79'"
    executable = program(tmp_path, "chromium", text.format(156))
    agents = [await user_agent(executable) for _ in range(3)]
    assert (len(set(agents)), asked.read_text().split()) == (1, ["asked"])
    program(tmp_path, "chromium", text.format(157))
    assert " Chrome/157.0.0.0 " in await user_agent(executable)


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        ("BrowserType.launch: closed\n[pid=1][err] x.so: cannot open\n[pid=1] <exit>", "x.so: cannot open"),
        ("closed\n[pid=1][err] FATAL: No usable sandbox! Update\n[pid=1][err] #0 0x1", "its sandbox needs user namesp"),
        ("Executable does not exist\nCall log:", "Executable does not exist"),
    ],
)
def test_the_reason_of_a_failed_launch_is_the_browsers_own_error(report: str, reason: str) -> None:
    assert launch_failure(report).startswith(reason)


@pytest.mark.parametrize(
    ("text", "complaint"), [("echo hello", "not a Chromium"), ("exec sleep 60", "does not answer")]
)
async def test_a_program_that_is_not_a_browser(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(BrowserFailed, match=complaint):
        await user_agent(program(tmp_path, "browser", text.replace("sleep", "/bin/sleep")), limit=0.5)


async def test_if_playwrights_node_does_not_start_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYWRIGHT_NODEJS_PATH", "/bin/false")  # as if one of its libraries were missing
    async with PlaywrightRuntime() as runtime:
        for _ in range(2):
            with pytest.raises(BrowserFailed, match=r"apt install libatomic1.*/bin/false --version"):
                await runtime.playwright()


async def test_a_start_of_playwright_that_is_cancelled_leaves_no_nodejs() -> None:
    others = processes.playwright_drivers()
    async with PlaywrightRuntime() as runtime:
        asked = asyncio.create_task(runtime.playwright(), name="start")
        while processes.playwright_drivers() == others:  # noqa: ASYNC110 - another program's start gives no event
            await asyncio.sleep(0.01)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
    assert processes.playwright_drivers() == others


async def test_a_nodejs_that_hangs_during_a_launch_is_replaced(tmp_path: Path) -> None:
    limits = replace(Limits(), launch=0.5, node=0.5, close=1.0)
    others = processes.playwright_drivers()
    async with PlaywrightRuntime(limits=limits) as runtime:
        await runtime.playwright()
        [node] = [mark for mark in processes.playwright_drivers() if mark not in others]
        # between the check of Node.js and the launch
        own = program(tmp_path, "chromium", f"kill -STOP {node.pid}; echo Chromium 1.2.3.4")
        async with Profile(tmp_path / "profile") as profile:
            with pytest.raises(LaunchFailed, match="did not start within"):
                async with Browser(runtime, profile, executable=str(own), arguments=(), limits=limits):
                    pass
        assert node.is_alive
        await runtime.replace_if_dead()
        assert not node.is_alive


async def test_the_lock_is_held_and_released(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "profile"
    async with Profile(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        with pytest.raises(ProfileLocked, match=str(path)):
            async with Profile(path):
                pass
    async with Profile(path):
        pass


async def test_the_lock_ends_with_the_process_that_held_it(tmp_path: Path) -> None:
    (tmp_path / LOCK).touch()
    holder = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); input()",
        str(tmp_path / LOCK),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"held\n"
    with pytest.raises(ProfileLocked):
        async with Profile(tmp_path):
            pass
    holder.kill()
    await holder.wait()
    async with Profile(tmp_path):
        pass


async def test_a_browser_does_not_inherit_the_lock(tmp_path: Path) -> None:
    async with Profile(tmp_path):
        child = await asyncio.create_subprocess_exec("sleep", "60", close_fds=False)
    try:
        with (tmp_path / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        child.kill()
        await child.wait()


@pytest.mark.parametrize("owner", ["another-host-4711", "{host}-999999999"])
async def test_a_stale_lock_of_chromium_is_removed(tmp_path: Path, owner: str) -> None:
    for name in ("SingletonLock", "SingletonSocket", "SingletonCookie"):
        (tmp_path / name).symlink_to(owner.format(host=os.uname().nodename))
    async with Profile(tmp_path):
        assert not [name for name in os.listdir(tmp_path) if name.startswith("Singleton")]  # noqa: PTH208


@pytest.mark.parametrize("text", ["", "not JSON", "[]", '{"pid": "x"}'])
async def test_an_unreadable_record_does_not_prevent_the_start(tmp_path: Path, text: str) -> None:
    (tmp_path / LOCK).write_text(text)
    async with Profile(tmp_path):
        pass


async def test_processes_that_ignore_sigterm_are_killed() -> None:
    ignoring = await asyncio.create_subprocess_exec(
        "sh", "-c", "trap '' TERM; sleep 60 & echo ready; wait; wait", stdout=subprocess.PIPE
    )
    assert ignoring.stdout is not None
    await ignoring.stdout.readline()
    mark = next(m for m in processes.tree(ProcessMark(ignoring.pid, _start_of(ignoring.pid))))
    below = [m for m in processes.tree(mark) if m != mark]
    assert below
    await processes.end([mark], limit=0.2)
    assert not any(m.is_alive for m in [mark, *below])
    await ignoring.wait()


def proc_after_the_clock_was_set(folder: Path, seconds: int) -> Path:
    """The system's own /proc with another boot time."""
    folder.mkdir()
    for entry in Path("/proc").iterdir():
        if entry.name != "stat":
            (folder / entry.name).symlink_to(entry)
    boot = re.compile(r"(?<=^btime )\d+", re.MULTILINE)
    text = boot.sub(lambda found: str(int(found[0]) + seconds), Path("/proc/stat").read_text())
    (folder / "stat").write_text(text)
    return folder


async def test_a_browser_is_found_and_ended_after_the_clock_of_the_machine_was_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start time is the boot time and what has passed since; the boot time moves with the clock."""
    running = await asyncio.create_subprocess_exec(
        "sh", "-c", "read line", "sh", f"--user-data-dir={tmp_path}", stdin=subprocess.PIPE
    )
    [before] = processes.of_profile(tmp_path)
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(proc_after_the_clock_was_set(tmp_path / "proc", 3600)))
    [mark] = processes.of_profile(tmp_path)
    assert (mark.pid, round(mark.started - before.started)) == (running.pid, 3600)
    assert processes.browser_of(tmp_path) == mark
    assert mark.is_alive
    await processes.end([mark], limit=5)
    await running.wait()
    assert processes.of_profile(tmp_path) == []


def _start_of(pid: int) -> float:
    import psutil

    return float(psutil.Process(pid).create_time())


async def test_on_a_full_disk_no_browser_starts(tmp_path: Path) -> None:
    with pytest.raises(ProfileUnusable, match="MB are free"):
        async with Profile(tmp_path / "profile", least_free=2**60):
            pass


async def test_a_browser_whose_record_cannot_be_written_is_ended(tmp_path: Path) -> None:
    async with PlaywrightRuntime() as runtime:
        await runtime.playwright()
        async with Profile(tmp_path / "profile") as profile:
            with files_of(0), pytest.raises(ProfileUnusable, match="cannot be written"):
                async with Browser(runtime, profile, executable=None, arguments=(), limits=Limits()):
                    pass
            assert processes.of_profile(profile.path) == []
        async with Profile(tmp_path / "profile"):  # it is free
            pass
