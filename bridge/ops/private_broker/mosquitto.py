"""One mosquitto child process: configuration, start, restarts, stop.

It must not outlive this process, even a killed one: on Linux the kernel terminates it, and on every system the next
start terminates a leftover found by its pid file.
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
from bridge.contract.errors import CodedError, StartError
from bridge.ops.private_broker.address_file import write_private
from bridge.ops.private_broker.child import broker_environment, terminate_leftover, tied_command, write_pid_file

_log = logging.getLogger(__name__)

START_TIMEOUT = 10.0  # seconds; a start takes about 20 ms, longer with a large database
PID_FILE = "mosquitto.pid"
LOG_LIMIT = 1_000_000  # bytes; a longer log is emptied at a start
STOP_TIMEOUT = 5.0  # seconds; mosquitto saves its database


class PortTaken(StartError):
    """Another process bound the port before mosquitto did."""


class MosquittoChild:
    """Call `start`, then enter `supervised()`."""

    def __init__(self, program: str, directory: Path, address: BrokerAddress, prefix: str) -> None:
        """`prefix` is that of the topics, for the rules of the users that were added."""
        self._prefix = prefix
        self._program = program
        self._directory = directory
        self._address = address
        self._process: asyncio.subprocess.Process | None = None

    @staticmethod
    async def terminate_leftover(directory: Path) -> None:
        """Terminate the child of an earlier run on this directory, if it still runs."""
        await asyncio.to_thread(terminate_leftover, directory / PID_FILE, STOP_TIMEOUT)

    async def start(self) -> None:
        """Write the configuration, start the child, wait until it accepts a CONNECT. Raises StartError."""
        try:
            self._write_files()
        except OSError as error:
            raise StartError(f"The private broker's files cannot be written in {self._directory}: {error}.") from error
        except CodedError as error:
            raise StartError(f"The private broker's users cannot be read. {error.text}") from error
        await self._spawn()

    @asynccontextmanager
    async def supervised(self) -> AsyncIterator[None]:
        """Restart the child whenever it exits; stop it when the context ends."""
        supervisor = asyncio.create_task(self._supervise(), name="private-broker")
        try:
            yield
        finally:
            supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await supervisor
            await self._stop()

    async def _supervise(self) -> None:
        failures = 0
        clock = asyncio.get_running_loop().time
        while True:
            started = clock()
            if self._process is not None:
                await self._process.wait()
                _log.error("The private broker exited and is being restarted. %s", self._log_tail())
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
                env=broker_environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                # Ctrl-C must not reach the broker, through which the bridge still publishes its last status.
                start_new_session=True,
            )
        write_pid_file(self._directory / PID_FILE, self._process.pid)
        try:
            await self._ready(self._process)
        except BaseException:
            await self._stop()
            raise

    async def _ready(self, process: asyncio.subprocess.Process) -> None:
        options = BrokerOptions((self._address,), client_id="wa-private-broker", clean=True, connect_timeout=2)
        failure = ""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_TIMEOUT):
                while process.returncode is None:
                    try:
                        async with connect(options):
                            return
                    except BrokerError as error:
                        failure = str(error)
                        await asyncio.sleep(0.02)
        tail = self._log_tail()
        if "Address already in use" in tail:
            raise PortTaken(f"Port {self._address.port} is in use.")
        raise StartError(f"The private broker ({self._program}) did not start. {tail or failure}")

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(STOP_TIMEOUT):
                    await process.wait()
            except TimeoutError:
                process.kill()
        await process.wait()
        (self._directory / PID_FILE).unlink(missing_ok=True)

    def _write_files(self) -> None:
        log = self._directory / "mosquitto.log"
        if not log.exists() or log.stat().st_size > LOG_LIMIT:
            write_private(log, "")
        write_private(self._directory / "mosquitto.conf", configuration(self._address.port, self._directory))
        # imported here, as it imports this package
        from bridge.ops.mosquitto.configuration import Listeners
        from bridge.ops.mosquitto.directory import BrokerDirectory

        (self._directory / "passwords").unlink(missing_ok=True)  # of earlier versions, which had one user
        run_as = "root" if os.geteuid() == 0 else None
        listeners = Listeners(self._address.port, self._directory, self._directory / PID_FILE, run_as=run_as)
        BrokerDirectory(self._directory).adopt(self._prefix, listeners, *self._address.credentials)

    def _log_tail(self) -> str:
        try:
            lines = (self._directory / "mosquitto.log").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return f"Last log lines: {' | '.join(lines[-3:])}" if lines else ""


def configuration(port: int, directory: Path) -> str:
    """The child's mosquitto.conf. The production configuration in mosquitto/ explains the options."""
    lines = [
        f"listener {port} 127.0.0.1",
        "allow_anonymous false",
        f"password_file {directory / 'wa.passwords'}",
        f"acl_file {directory / 'wa.acl'}",
        "persistence true",
        f"persistence_location {directory}/",
        "autosave_on_changes false",
        "autosave_interval 5",
        "max_queued_messages 100000",
        "max_queued_bytes 67108864",
        "set_tcp_nodelay true",
        "connection_messages false",
        "log_dest stderr",
        "log_timestamp_format %Y-%m-%dT%H:%M:%S",
    ]
    if os.geteuid() == 0:
        # Otherwise it would switch to the user mosquitto, which cannot read these files; and the kernel clears the
        # parent-death signal at a change of user.
        lines.append("user root")
    return "\n".join(lines) + "\n"
