"""The program that ends a session's browser when its lease is over, although the bridge is frozen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

_log = logging.getLogger(__name__)


class Watchdog:
    """`async with Watchdog(command)`: a process of its own, started at the first `allow`.

    `command` is a driver's `LoginFiles.watchdog`. At the end its input closes, and it ends what still runs.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()
        self._times: dict[Path, float] = {}

    async def __aenter__(self) -> Watchdog:
        return self

    async def __aexit__(self, *_: object) -> None:
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()
            try:
                async with asyncio.timeout(5):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()

    async def allow(self, folder: Path, until: float) -> None:
        """Let drivers run on `folder`, an absolute path, until `until` (seconds of `boot_time`).

        Raises OSError if the program does not start.
        """
        self._times[folder] = until
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                if self._process is not None:
                    _log.error("the watchdog of the browsers has ended; starting it again")
                # a session of its own: Ctrl-C in a terminal must not end it before the browsers
                self._process = await asyncio.create_subprocess_exec(
                    *self._command, stdin=asyncio.subprocess.PIPE, start_new_session=True
                )
                self._write(self._times)
                return
        self._write({folder: until})

    def _write(self, times: dict[Path, float]) -> None:
        if self._process is not None and self._process.stdin is not None:
            text = "".join(f"{until} {folder}\n" for folder, until in times.items())
            self._process.stdin.write(text.encode())
