"""Chooses and runs the private broker: a mosquitto child if the program is installed, else amqtt in this process."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

from bridge.broker import BrokerAddress
from bridge.contract.errors import StartError
from bridge.ops.private_broker.address_file import read_broker_json, write_broker_json
from bridge.ops.private_broker.mosquitto import MosquittoChild, PortTaken

HOST = "127.0.0.1"

TRIAL_WARNING = (
    "mosquitto is not installed, so the broker runs inside this process: for a trial only."
    " It keeps nothing over a restart, and does not redeliver a command that was in progress when a connection broke."
    " On Debian and Ubuntu: apt install mosquitto. On macOS: brew install mosquitto. Or set WA_MQTT_URL to your broker."
)


@dataclass(frozen=True)
class PrivateBroker:
    """The running broker. `warning` is a sentence to show to the user; `directory` has its users, None for amqtt."""

    address: BrokerAddress
    kind: Literal["mosquitto", "amqtt"]
    warning: str | None = None
    directory: Path | None = None


@asynccontextmanager
async def private_broker(
    data_dir: Path, *, prefix: str = "wa", binary: str | None = "mosquitto"
) -> AsyncIterator[PrivateBroker]:
    """Run a broker on loopback and write its address to `data_dir/broker.json`.

    `prefix` is that of the topics. Users that were added stay, except with amqtt, which has only the broker's own.

    Port and credentials stay the same over restarts if the port is free. `binary` is a name or a path; None, or a
    missing program, selects amqtt. Raises StartError if no broker can be started.
    """
    program = find_program(binary) if binary else None
    directory = _broker_directory(data_dir)
    with _exclusive(directory, data_dir):
        previous = read_broker_json(data_dir)
        if program is None:
            # imported here: every bridge reads broker.json, and amqtt costs 4 MB that most never need
            from bridge.ops.private_broker.in_process import amqtt_broker

            address = _address(previous, reuse_port=True)
            write_broker_json(data_dir, address)
            async with amqtt_broker(address):
                yield PrivateBroker(address, "amqtt", TRIAL_WARNING)
            return
        await MosquittoChild.terminate_leftover(directory)
        child, address = await _start_mosquitto(program, directory, previous, prefix)
        write_broker_json(data_dir, address)
        async with child.supervised():
            yield PrivateBroker(address, "mosquitto", directory=directory)


async def _start_mosquitto(
    program: str, directory: Path, previous: BrokerAddress | None, prefix: str
) -> tuple[MosquittoChild, BrokerAddress]:
    # Another process may bind the port between this check and mosquitto's bind.
    for attempt in range(5):
        address = _address(previous, reuse_port=attempt == 0)
        child = MosquittoChild(program, directory, address, prefix)
        try:
            await child.start()
        except PortTaken:
            continue
        return child, address
    raise StartError("No free port on 127.0.0.1 for the private broker.")


def _broker_directory(data_dir: Path) -> Path:
    directory = (
        data_dir.absolute() / "broker"
    )  # absolute: a restart of the child must not depend on the working directory
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
    except OSError as error:
        raise StartError(
            f"The data directory {data_dir} is not writable ({error.strerror}): set WA_DATA_DIR."
        ) from error
    return directory


def find_program(name: str) -> str | None:
    """The program's path. Also searches the folders of Debian and Homebrew for servers, which PATH may not contain."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"])
    return shutil.which(name, path=path)


def _address(previous: BrokerAddress | None, *, reuse_port: bool) -> BrokerAddress:
    usable = previous if previous and previous.host == HOST and previous.username and previous.password else None
    port = usable.port if usable and reuse_port and _is_free(usable.port) else _free_port()
    return BrokerAddress(
        scheme="mqtt",
        host=HOST,
        port=port,
        username=usable.username if usable else "wa",
        password=usable.password if usable else SecretStr(secrets.token_urlsafe(24)),
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As brokers do: without it a port stays in use for a minute after its last connection.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def _exclusive(directory: Path, data_dir: Path) -> Iterator[None]:
    """Hold the directory's lock, which the kernel releases however this process ends."""
    with os.fdopen(os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StartError(
                f"Another process runs the private broker of {data_dir}: stop it, or set another WA_DATA_DIR."
            ) from error
        yield
