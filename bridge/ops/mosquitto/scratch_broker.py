"""A temporary mosquitto with the installed rules, for checks that must not reach a phone."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from pydantic import SecretStr

from bridge.broker import BrokerAddress, BrokerDown, BrokerOptions, connect
from bridge.contract.errors import StartError
from bridge.ops.mosquitto.configuration import scratch_configuration_text
from bridge.ops.mosquitto.directory import BrokerDirectory
from bridge.ops.private_broker.child import broker_environment, tied_command
from bridge.ops.private_broker.passwords import password_line
from bridge.ops.private_broker.private import find_program

#: The user that may read and publish everything.
OBSERVER = "wa-check-observer"
_START_TIMEOUT = 10.0  # seconds


def options(port: int, user: str | None, password: str | None, *, websockets: bool = False) -> BrokerOptions:
    """Connection options of a user (None: anonymous) for a broker on this machine."""
    secret = SecretStr(password) if password else None
    if websockets:
        address = BrokerAddress("ws", "127.0.0.1", port, user, secret, "/mqtt")
    else:
        address = BrokerAddress("mqtt", "127.0.0.1", port, user, secret)
    return BrokerOptions((address,), client_id=f"wa-check-{uuid.uuid4().hex[:12]}", clean=True, connect_timeout=5)


@asynccontextmanager
async def scratch_broker(directory: BrokerDirectory, passwords: dict[str, str]) -> AsyncIterator[int]:
    """Run it with these passwords, for the users of the ACL and for `OBSERVER`; yields the port.

    Raises StartError if mosquitto is missing or does not start with these files.
    """
    program = find_program("mosquitto")
    if program is None:
        raise StartError("mosquitto is not installed, so the rules cannot be checked: install the package mosquitto.")
    with tempfile.TemporaryDirectory(prefix="wa-broker-check-") as name:
        folder, port = Path(name), _free_port()
        as_root = os.geteuid() == 0
        installed = directory.configuration.read_text(encoding="utf-8")
        rules = f"{directory.acl.read_text(encoding='utf-8')}\nuser {OBSERVER}\ntopic readwrite #\n"
        lines = "".join(password_line(user, password) for user, password in passwords.items())
        for file, text in (
            ("acl", rules),
            ("passwords", lines),
            ("mosquitto.conf", scratch_configuration_text(installed, port, folder, "root" if as_root else None)),
        ):
            (folder / file).write_text(text, encoding="utf-8")
            (folder / file).chmod(0o600)
        with (folder / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *tied_command(program, "-c", str(folder / "mosquitto.conf")),
                env=broker_environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            if not await _ready(process, options(port, OBSERVER, passwords[OBSERVER])):
                tail = (folder / "log").read_text(encoding="utf-8", errors="replace").splitlines()[-3:]
                raise StartError(f"mosquitto does not start with these files. Last log lines: {' | '.join(tail)}")
            yield port
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def _ready(process: asyncio.subprocess.Process, options: BrokerOptions) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(_START_TIMEOUT):
            while process.returncode is None:
                try:
                    async with connect(options):
                        return True
                except BrokerDown:
                    await asyncio.sleep(0.02)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
