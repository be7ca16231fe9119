"""Browser processes: finds them by profile, ends them, waits for their end. The only file that uses psutil."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

_log = logging.getLogger(__name__)
_POLL = 0.25


@dataclass(frozen=True, slots=True)
class ProcessMark:
    """Identifies a process: a pid is reused, a pid with its start time is not."""

    pid: int
    started: float

    @property
    def is_alive(self) -> bool:
        """Whether exactly this process still runs (a zombie does not)."""
        return _process(self) is not None


def _process(mark: ProcessMark) -> Any | None:
    try:
        process = psutil.Process(mark.pid)
        if abs(process.create_time() - mark.started) > 0.5 or process.status() == psutil.STATUS_ZOMBIE:
            return None
    except psutil.NoSuchProcess:
        return None
    return process


def of_profile(profile: Path) -> list[ProcessMark]:
    """Every process that was started with this profile, with all descendants."""
    return _trees(root for root, _ in _started_with(profile))


def without_window(profile: Path) -> list[ProcessMark]:
    """As `of_profile`, of browsers that no person uses."""
    return _trees(mark for mark, words in _started_with(profile) if "--headless" in words)


def _trees(roots: Iterable[ProcessMark]) -> list[ProcessMark]:
    """The processes with all their descendants, each once. A browser's children are in its tree: no look for theirs."""
    found: dict[ProcessMark, None] = {}
    for root in roots:
        if root not in found:
            found.update(dict.fromkeys(tree(root)))
    return list(found)


def browser_of(profile: Path) -> ProcessMark | None:
    """The browser that runs on this profile. Debian's command is a shell script around it, with the same arguments."""
    browsers = [mark for mark, words in _started_with(profile) if not any(word.startswith("--type=") for word in words)]
    return max(browsers, key=lambda mark: (mark.started, mark.pid), default=None)


def playwright_drivers() -> list[ProcessMark]:
    """Playwright's Node processes that this process started."""
    found = []
    for child in psutil.Process().children():
        try:
            if "run-driver" in child.cmdline():
                found.append(ProcessMark(child.pid, child.create_time()))
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


async def browser_ended(profile: Path) -> None:
    """Return after a browser has started on this profile and ended. Polled: another program gives no event."""
    browser = None
    while browser is None:
        await asyncio.sleep(_POLL)  # a look before the first pause would come before the browser
        browser = await asyncio.to_thread(browser_of, profile)
    while browser.is_alive:  # noqa: ASYNC110
        await asyncio.sleep(_POLL)


def _started_with(profile: Path) -> Iterator[tuple[ProcessMark, list[str]]]:
    argument = f"--user-data-dir={profile.absolute()}"
    for process in psutil.process_iter():  # of all processes: each further look takes long
        try:
            words = process.cmdline()
        except psutil.Error:  # it has ended, or belongs to another user
            continue
        if len(words) == 1:
            words = words[0].split(" ")  # Chromium's children write their command line as one word
        if argument in words:
            with suppress(psutil.NoSuchProcess):
                # asked again: `process_iter` keeps times that are wrong once the machine's clock was set
                found = psutil.Process(process.pid)
                if found.status() != psutil.STATUS_ZOMBIE:
                    yield ProcessMark(found.pid, found.create_time()), words


def tree(mark: ProcessMark) -> list[ProcessMark]:
    """The process and all its descendants."""
    process = _process(mark)
    if process is None:
        return []
    marks = [mark]
    try:
        below = process.children(recursive=True)
    except psutil.NoSuchProcess:
        return marks
    for child in below:
        try:
            marks.append(ProcessMark(child.pid, child.create_time()))
        except psutil.NoSuchProcess:
            continue
    return marks


async def wait_gone(marks: Iterable[ProcessMark], limit: float) -> list[ProcessMark]:
    """Wait at most `limit` seconds until the processes have ended. Returns those that have not."""
    return await asyncio.to_thread(_wait_gone, list(marks), limit)


def _wait_gone(marks: list[ProcessMark], limit: float) -> list[ProcessMark]:
    processes = {mark: process for mark in marks if (process := _process(mark)) is not None}
    psutil.wait_procs(list(processes.values()), timeout=limit)
    return [mark for mark in processes if mark.is_alive]


async def end(marks: Iterable[ProcessMark], limit: float) -> None:
    """SIGTERM to the processes and their descendants; after `limit` seconds SIGKILL to the rest; waits for all."""
    targets = {below for mark in marks for below in tree(mark)}
    for mark in targets:
        _signal(mark, "terminate")
    left = await wait_gone(targets, limit)
    kill(left)
    if await wait_gone(left, limit):
        _log.error("browser processes still run after SIGKILL: %s", ", ".join(str(mark.pid) for mark in left))


def kill(marks: Iterable[ProcessMark]) -> None:
    for mark in marks:
        for below in tree(mark):
            _signal(below, "kill")


def _signal(mark: ProcessMark, method: str) -> None:
    process = _process(mark)
    if process is not None:
        try:
            getattr(process, method)()
        except psutil.NoSuchProcess:
            pass
        except psutil.AccessDenied:
            _log.warning("no permission to end process %d", mark.pid)
