"""One owner for a profile: two bridges, left-over browsers, browsers that do not start, clean shutdowns."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import os
import signal
import stat
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bridge.app.watchdog import Watchdog
from bridge.contract.jid import Jid
from bridge.contract.session import Reason, SessionState
from bridge.drivers.web.executable import find_executable
from bridge.drivers.web.login_files import ProfileFiles
from bridge.drivers.web.processes import ProcessMark, of_profile
from bridge.drivers.web.profile import LOCK
from tests.drivers.recording import RecordingSink, running
from tests.drivers.worlds import ANA, LIMITS, WebWorld, connected


async def test_two_bridges_on_one_profile(web: WebWorld) -> None:
    async with connected(web) as (driver, first):
        async with running(web.web_driver()) as second:
            refused = await second.until_state(SessionState.ERROR)
            assert refused.reason is Reason.PROFILE_LOCKED
        assert str(web.profile) in refused.text
        assert SessionState.CONNECTING not in second.states
        web.incoming(ANA, "hola")
        await first.until(lambda: first.messages)
        await driver.reserve(Jid.parse(ANA))


async def test_a_waiting_driver_takes_a_released_profile(web: WebWorld) -> None:
    async with connected(web):
        waiting = running(web.web_driver())
        sink = await waiting.__aenter__()
        await sink.until_state(SessionState.ERROR)
    await sink.until_state(SessionState.CONNECTED)
    await waiting.__aexit__(None, None, None)


@pytest.mark.parametrize("how", ["browser", "lock"])
async def test_a_browser_left_over_by_a_killed_bridge_is_ended(web: WebWorld, how: str) -> None:
    """Found by its profile, or by the record in the lock (a browser that hides its command line)."""
    web.profile.mkdir()
    if how == "browser":
        program = [str(find_executable(None)), "--no-sandbox", f"--user-data-dir={web.profile}", "about:blank"]
    else:
        program = [sys.executable, "-c", "import signal; signal.signal(15, signal.SIG_IGN); signal.pause()"]
    left = await asyncio.create_subprocess_exec(*program, stderr=asyncio.subprocess.DEVNULL)
    mark = ProcessMark(left.pid, psutil.Process(left.pid).create_time())
    (web.profile / LOCK).write_text(json.dumps({"pid": mark.pid, "started": mark.started}) if how == "lock" else "")
    (web.profile / "SingletonLock").symlink_to("another-host-4711")
    (web.profile / "SingletonCookie").symlink_to("4711")
    async with running(web.web_driver(limits=replace(LIMITS, close=1.0))) as sink:
        await sink.until(lambda: sink.codes)
        assert not mark.is_alive
        assert not (web.profile / "SingletonLock").is_symlink()
        assert stat.S_IMODE(web.profile.stat().st_mode) == 0o700
    await left.wait()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_after_a_killed_bridge_the_next_one_takes_over_with_the_login(web: WebWorld, how: signal.Signals) -> None:
    async with connected(web):
        pass
    bridge = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.drivers.driving_program",
        web.sandbox.url,
        str(web.profile),
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
    )
    assert bridge.stdout is not None
    while await bridge.stdout.readline() != b"connected\n":
        pass
    left = of_profile(web.profile)
    assert left
    bridge.send_signal(how)
    await bridge.wait()
    web.incoming(ANA, "meanwhile")
    driver = web.web_driver()
    async with running(driver) as sink:
        await sink.until_state(SessionState.CONNECTED)
        assert not any(mark.is_alive for mark in left)
        assert sink.codes == []
        assert [m.body async for batch in driver.collect({}, 0) for m in batch] == ["meanwhile"]


async def test_the_watchdog_of_a_lease_that_is_over_ends_the_browser(web: WebWorld) -> None:
    async with connected(web) as (_, sink), Watchdog(ProfileFiles().watchdog) as watchdog:
        marks, seen = of_profile(web.profile), len(sink.situations)
        assert marks
        await watchdog.allow(web.profile, 0.0)
        await sink.until_state(SessionState.RECONNECTING, seen)
        assert not any(mark.is_alive for mark in marks)


async def test_a_process_that_reuses_a_recorded_pid_is_not_ended(web: WebWorld) -> None:
    web.profile.mkdir()
    (web.profile / LOCK).write_text(json.dumps({"pid": os.getpid(), "started": 1.0}))
    async with running(web.web_driver()) as sink:
        await sink.until(lambda: sink.codes)


async def test_the_error_of_a_browser_that_exits_at_start_is_reported(web: WebWorld, tmp_path: Path) -> None:
    broken = tmp_path / "chromium"
    broken.write_text('#!/bin/sh\n[ "$1" = --version ] && exec echo Chromium 1.2.3.4\necho no libnss3.so >&2; exit 1\n')
    broken.chmod(0o755)
    async with running(web.web_driver(executable=str(broken))) as sink:
        failed = await sink.until_state(SessionState.ERROR)
        assert failed.reason is Reason.BROWSER_FAILED
        assert "no libnss3.so" in failed.text


async def test_no_browser(web: WebWorld) -> None:
    async with running(web.web_driver(executable="no-such-browser")) as sink:
        failed = await sink.until_state(SessionState.ERROR)
        assert failed.reason is Reason.BROWSER_FAILED
        assert "WA_BROWSER" in failed.text


async def test_a_profile_that_cannot_be_written(web: WebWorld, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    web.profile = tmp_path / "file" / "profile"
    async with running(web.web_driver()) as sink:
        failed = await sink.until_state(SessionState.ERROR)
    assert failed.reason is Reason.PROFILE_UNUSABLE
    assert str(web.profile) in failed.text


async def test_a_disk_without_locks_is_no_other_bridge(web: WebWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    async with running(web.web_driver()) as sink:
        failed = await sink.until_state(SessionState.ERROR)
        assert failed.reason is Reason.PROFILE_UNUSABLE
        assert f"{web.profile} cannot be locked: No locks available" in failed.text
        monkeypatch.undo()
        await sink.until(lambda: sink.codes)  # it is tried again


async def test_stopping_during_the_start_leaves_no_browser(web: WebWorld) -> None:
    run = asyncio.create_task(web.web_driver().run(RecordingSink()), name="driver")
    async with asyncio.timeout(20):
        while not of_profile(web.profile):  # noqa: ASYNC110 - another program's start gives no event
            await asyncio.sleep(0.01)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert of_profile(web.profile) == []
