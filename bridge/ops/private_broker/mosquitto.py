"""One mosquitto child process: its configuration, its start, its restarts, its end.

It must not outlive us, even when we are killed: on Linux the kernel is told to end it with us, and everywhere a
pid file lets the next start end what was left over.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bridge.broker import RECONNECT, BrokerAddress, BrokerError, BrokerOptions, connect
from bridge.contract.errors import StartError
from bridge.ops.private_broker.address_file import write_private
from bridge.ops.private_broker.child import end_left_over, remember, tied_command
from bridge.ops.private_broker.passwords import password_line

_log = logging.getLogger(__name__)

READY_WITHIN = 10.0  # seconds; a start takes about 20 ms here, more with a large database
LOG_LIMIT = 1_000_000  # bytes; a longer log is begun anew at a start
STOP_PATIENCE = 5.0  # seconds for mosquitto to save its database


class PortTaken(StartError):
    """Somebody took the port before mosquitto did."""


class MosquittoChild:
    """`start`, then `async with kept_alive()`."""

    def __init__(self, program: str, directory: Path, address: BrokerAddress) -> None:
        self._program = program
        self._directory = directory
        self._address = address
        self._process: asyncio.subprocess.Process | None = None

    @staticmethod
    async def end_left_over(directory: Path) -> None:
        """End the child of an earlier run on this directory, if it still lives."""
        await asyncio.to_thread(end_left_over, directory / "mosquitto.pid", STOP_PATIENCE)

    async def start(self) -> None:
        """Write the configuration, start the child, return when it takes a CONNECT. Raises StartError."""
        try:
            self._write_files()
        except OSError as error:
            raise StartError(f"The private broker's files cannot be written in {self._directory}: {error}.") from error
        await self._spawn()

    @asynccontextmanager
    async def kept_alive(self) -> AsyncIterator[None]:
        """Restart the child whenever it ends; end it at the end."""
        keeper = asyncio.create_task(self._keep_alive(), name="private-broker")
        try:
            yield
        finally:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper
            await self._stop()

    async def _keep_alive(self) -> None:
        failures = 0
        clock = asyncio.get_running_loop().time
        while True:
            started = clock()
            if self._process is not None:
                await self._process.wait()
                _log.error("The private broker ended by itself and is started again. %s", self._last_words())
            failures = 1 if clock() - started >= RECONNECT.reset_after else failures + 1
            await asyncio.sleep(RECONNECT.pause(failures, random.random()))  # noqa: S311 - a pause
            try:
                await self._spawn()
            except StartError as error:
                _log.error("%s", error)

    async def _spawn(self) -> None:
        log = self._directory / "mosquitto.log"
        with log.open("ab") as file:
            self._process = await asyncio.create_subprocess_exec(
                *tied_command(self._program, "-c", str(self._directory / "mosquitto.conf")),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                # A Ctrl-C in the terminal is for the bridge, which has a last status to publish through this broker.
                start_new_session=True,
            )
        remember(self._directory / "mosquitto.pid", self._process.pid)
        try:
            await self._ready(self._process)
        except BaseException:
            await self._stop()
            raise

    async def _ready(self, process: asyncio.subprocess.Process) -> None:
        options = BrokerOptions((self._address,), client_id="wa-private-broker", clean=True, connect_timeout=2)
        said = ""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READY_WITHIN):
                while process.returncode is None:
                    try:
                        async with connect(options):
                            return
                    except BrokerError as error:
                        said = str(error)
                        await asyncio.sleep(0.02)
        words = self._last_words()
        if "Address already in use" in words:
            raise PortTaken(f"Port {self._address.port} is taken.")
        raise StartError(f"The private broker ({self._program}) did not start. {words or said}")

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(STOP_PATIENCE):
                    await process.wait()
            except TimeoutError:
                process.kill()
        await process.wait()
        (self._directory / "mosquitto.pid").unlink(missing_ok=True)

    def _write_files(self) -> None:
        log = self._directory / "mosquitto.log"
        if not log.exists() or log.stat().st_size > LOG_LIMIT:
            write_private(log, "")
        write_private(self._directory / "passwords", password_line(*self._address.credentials))
        write_private(self._directory / "mosquitto.conf", configuration(self._address.port, self._directory))

    def _last_words(self) -> str:
        try:
            lines = (self._directory / "mosquitto.log").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return f"Its last words: {' | '.join(lines[-3:])}" if lines else ""


def configuration(port: int, directory: Path) -> str:
    """The child's mosquitto.conf. The reasons are those of the configuration for production, in mosquitto/."""
    lines = [
        f"listener {port} 127.0.0.1",
        "allow_anonymous false",
        f"password_file {directory / 'passwords'}",
        "persistence true",
        f"persistence_location {directory}/",
        "autosave_on_changes true",
        "autosave_interval 10",
        "max_queued_messages 100000",
        "set_tcp_nodelay true",
        "connection_messages false",
        "log_dest stderr",
        "log_timestamp_format %Y-%m-%dT%H:%M:%S",
    ]
    if os.geteuid() == 0:
        # It would become the user mosquitto, which cannot read our files; and the kernel forgets at such a change
        # that the child is to end with us.
        lines.append("user root")
    return "\n".join(lines) + "\n"
